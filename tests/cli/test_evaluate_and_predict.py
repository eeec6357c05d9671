"""`nnscratch evaluate`, `predict` and `plot` on a trained run."""

import json

import numpy as np
import pytest
from PIL import Image

from nnscratch import data
from nnscratch.cli import main
from nnscratch.cli.build import load_trained
from nnscratch.cli.run_folder import RunFolder
from nnscratch.cli.views import AtSize, ten_views


def figures(capsys, *words):
    capsys.readouterr()
    assert main(["evaluate", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_evaluate_gives_the_result_of_the_run(trained, capsys):
    found = figures(capsys, trained)
    first = json.loads((trained / "result.json").read_text())["test"]
    assert {name: found[name] for name in first} == first
    matrix = np.array(found["confusion"])
    assert matrix.sum() == 100 and matrix.trace() / 100 == pytest.approx(found["accuracy"])


def test_evaluate_in_words(trained, capsys):
    capsys.readouterr()
    assert main(["evaluate", str(trained)]) == 0
    said = capsys.readouterr().out
    for part in ("100 test images", "top-5", "Per class", "Confusion matrix", "crescent", "most often taken for"):
        assert part in said


@pytest.mark.parametrize("split, count", [("val", 50), ("train", 300)])
def test_the_other_splits(split, count, trained, capsys):
    assert figures(capsys, trained, "--split", split)["images"] == count


def test_ten_crop_averages_ten_views(trained, capsys):
    found = figures(capsys, trained, "--ten-crop")
    model = load_trained(RunFolder.open(trained))
    images = data.load("shapes10", validation=50).subset(train=300, test=100)
    views = ten_views(images.x_test, "standard")
    assert views.shape == (10, 100, 3, 32, 32)
    mean = np.mean([model.probabilities(view) for view in views], axis=0)
    assert found["accuracy"] == pytest.approx((mean.argmax(axis=1) == images.y_test).mean())
    assert found["ten_crop"]


def test_the_centre_and_its_mirror_image_are_among_the_ten():
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    padded = ten_views(x, "crop4")
    assert any((view == x).all() for view in padded)
    assert any((view == x[..., ::-1]).all() for view in padded)
    windows = ten_views(x, "mirror,window24")
    assert windows.shape == (10, 2, 3, 24, 24)
    assert any((view == x[:, :, 4:28, 4:28]).all() for view in windows)
    assert (AtSize(lambda x: x, 24)(x) == x[:, :, 4:28, 4:28]).all()


def test_other_data_need_the_same_classes(trained, tmp_path, fails, capsys):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            folder = tmp_path / "pets" / split / name
            folder.mkdir(parents=True)
            Image.new("RGB", (32, 32)).save(folder / "1.png")
    said = fails("evaluate", trained, "--data", tmp_path / "pets")
    assert "arrow" in said and "cat, dog" in said and "same classes" in said
    assert figures(capsys, trained, "--data", "shapes10")["images"] == 2000


def test_predict_agrees_with_the_model(trained, tmp_path, capsys):
    images = data.load("shapes10").x_test[:3]
    paths = []
    for number, image in enumerate(images):
        paths.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(image.transpose(1, 2, 0)).save(paths[-1])
    capsys.readouterr()
    assert main(["predict", str(trained), *paths, "--json", "--top", "10"]) == 0
    found = json.loads(capsys.readouterr().out)
    model = load_trained(RunFolder.open(trained))
    for answer, path, expected in zip(found, paths, model.probabilities(images)):
        assert answer["image"] == path
        assert answer["class"] == model.classes[expected.argmax()]
        shares = [answer["probabilities"][name] for name in model.classes]
        assert shares == pytest.approx(expected.tolist(), abs=1e-5)


def test_predict_takes_any_size_and_format(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = []
    for name, mode, size in [("a.jpg", "L", (300, 200)), ("b.png", "RGBA", (17, 40)), ("c.gif", "P", (64, 64))]:
        paths.append(name)
        Image.new(mode, size).save(paths[-1])
    capsys.readouterr()
    assert main(["predict", str(trained), *paths]) == 0
    said = capsys.readouterr().out
    assert "likeliest" in said and all(path in said for path in paths)
    assert main(["predict", str(trained), paths[0], "--top", "2"]) == 0
    assert "probability" in capsys.readouterr().out


def test_plot_writes_pictures_elsewhere(trained, tmp_path, capsys):
    assert main(["plot", str(trained), "--out", str(tmp_path / "figures")]) == 0
    said = capsys.readouterr().out
    for name in ("curves", "filters", "updates", "confusion", "mistakes"):
        path = tmp_path / "figures" / f"{name}.png"
        assert str(path) in said
        with Image.open(path) as picture:
            assert min(picture.size) > 250
