"""`nnscratch gradcheck`, `info` and `data`."""

import json

import pytest
from PIL import Image

from nnscratch import __version__
from nnscratch.cli import main
from tests import needs
from tests.conftest import real_data

RIGHT = "def double_forward(x): return 2 * x, None\ndef double_backward(dout, cache): return 2 * dout\n"
WRONG = "def triple_forward(x): return 3 * x, None\ndef triple_backward(dout, cache): return 2 * dout\n"


@pytest.fixture
def layers(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(RIGHT + WRONG)
    return str(path)


def test_gradcheck_says_which_gradient_is_wrong(layers, capsys):
    assert main(["gradcheck", layers]) == 1
    said = capsys.readouterr().out
    assert "double: the gradient is right" in said and "triple: the gradient is wrong" in said


def test_gradcheck_of_one_pair(layers, capsys):
    assert main(["gradcheck", layers, "double"]) == 0
    assert "triple" not in capsys.readouterr().out


def test_gradcheck_as_json(layers, capsys):
    assert main(["gradcheck", layers, "--json"]) == 1
    reports = json.loads(capsys.readouterr().out)
    assert [(report["title"], report["ok"]) for report in reports] == [("double", True), ("triple", False)]


def test_gradcheck_of_what_cannot_be_checked(layers, tmp_path, fails):
    assert "did you mean 'double'?" in fails("gradcheck", layers, "duoble")
    assert "there is no such file" in fails("gradcheck", tmp_path / "missing.py")
    broken = tmp_path / "broken.py"
    broken.write_text("def relu_forward(x:\n")
    assert "broken.py:1: syntax error" in fails("gradcheck", broken)


def test_info(capsys, cache):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["nnscratch"] == __version__
    assert facts["cache"] == str(cache)
    assert facts["threads"] >= 1
    assert set(facts["kernels"]["numpy"]) >= {"conv", "max_pool", "im2col"}
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    for part in (__version__, "numpy", "blas", "threads", "kernels", str(cache), "shapes10"):
        assert part in said


def test_info_tells_whether_kernels_are_compiled(capsys, monkeypatch, tmp_path):
    config = needs.package("numba").config
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    assert main(["info"]) == 0
    assert "no kernels yet, the first step compiles them into" in capsys.readouterr().out
    [folder] = (tmp_path / "nnscratch").iterdir()
    (folder / "conv-1.kernel").touch()
    assert main(["info", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)["compiled"]
    assert about == {"folder": str(folder), "kernels": 1, "problem": None}
    folder.chmod(0o777)
    assert main(["info"]) == 0
    assert "kernels are not kept" in capsys.readouterr().out


def test_info_names_the_reference_kernels(capsys, monkeypatch):
    monkeypatch.setitem(__import__("nnscratch").kernels._switch, "reference", True)
    assert main(["info"]) == 0
    assert "plain array code for all" in capsys.readouterr().out


def test_models_layer_by_layer(capsys, fails):
    assert main(["models", "lenet"]) == 0
    assert "in all" in capsys.readouterr().out
    assert main(["models", "alexnet", "--image-size", "67", "--classes", "10", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["name"] == "conv1" and rows[-1]["shape"] == [10]
    assert "did you mean 'lenet'?" in fails("models", "lent")
    assert "it needs at least 67x67" in fails("models", "alexnet", "--image-size", "32")


def test_data_list(capsys, monkeypatch, tmp_path):
    assert main(["data", "list"]) == 0
    assert "nnscratch data fetch" in capsys.readouterr().out
    archive = tmp_path / "cifar10-images.tar.xz"
    archive.touch()
    monkeypatch.setenv("NNSCRATCH_DATA", str(tmp_path))
    assert main(["data", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cifar10"] == str(archive)


def test_data_show(tmp_path, capsys):
    out = tmp_path / "grid.png"
    assert main(["data", "show", "shapes10", "--count", "20", "--split", "test", "--out", str(out)]) == 0
    assert "drawn by nnscratch" in capsys.readouterr().out
    with Image.open(out) as picture:
        assert picture.width > 1000 > picture.height


def test_data_fetch_says_how_to_bring_the_data_by_hand(monkeypatch, fails):
    monkeypatch.setattr(
        "nnscratch.data.download.fetch_cifar10.__defaults__", (None, ["http://127.0.0.1:9/"], "0", False, 0.0)
    )
    said = fails("data", "fetch")
    assert "could not be downloaded" in said and "NNSCRATCH_DATA" in said


@pytest.mark.slow
def test_the_real_archive_trains_and_is_measured(tmp_path, capsys):
    archive = real_data("cifar10-images.tar.xz")
    run = tmp_path / "run"
    words = [
        "--data",
        archive,
        "--model",
        "mlp",
        "--epochs",
        "1",
        "--train-images",
        "5000",
        "--test-images",
        "1000",
    ]
    assert main(["train", *map(str, words), "--out", str(run)]) == 0
    assert "CIFAR-10, JPEG copy" in capsys.readouterr().out
    assert main(["evaluate", str(run), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["accuracy"] > 0.2
    assert list(figures["per_class"])[:3] == ["airplane", "automobile", "bird"]
