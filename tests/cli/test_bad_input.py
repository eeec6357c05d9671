"""Whatever is wrong with the input, the command ends with code 2, a remedy, and nothing lost."""

import errno
import json
import shutil
import subprocess
import sys
import tarfile

import pytest
from PIL import Image

from nnscratch.cli import main
from tests.cli.conftest import TINY, command, saved_bits


@pytest.fixture
def copy(trained, tmp_path):
    """A copy of a trained run that a test may spoil."""
    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def pictures(folder, classes=("cat", "dog"), size=(32, 32), splits=("train", "test")):
    """Write one picture per class and split; return the folder."""
    for split in splits:
        for name in classes:
            (folder / split / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", size).save(folder / split / name / "1.png")
    return folder


@pytest.mark.parametrize(
    "words, remedy",
    [
        (["--model", "lent"], "did you mean 'lenet'?"),
        (["--optimizer", "adma"], "did you mean 'adam'?"),
        (["--schedule", "cosin"], "did you mean 'cosine'?"),
        (["--schedule", "step:evry=3"], "did you mean 'every'?"),
        (["--schedule", "step:every=often"], "needs a number"),
        (["--augment", "miror"], "did you mean 'mirror'?"),
        (["--preprocess", "standardise"], "did you mean 'standardize'?"),
        (["--norm", "bacth"], "did you mean 'batch'?"),
        (["--activation", "rleu"], "did you mean 'relu'?"),
        (["--width", "8"], "--width: the model mlp has no such option; it has --norm"),
        (["--hidden", "many"], "whole numbers, such as 100,50"),
        (["--optimizer", "adam", "--momentum", "0.5"], "adam has no momentum"),
        (["--batch-size", "301"], "use a batch size of 300 or less"),
        (["--train-images", "20000"], "ask for 1 to 10000"),
        (["--image-size", "24"], "leave the option out"),
        (["--data", "shapes"], "did you mean 'shapes10'?"),
        (["--data", "missing.tar.gz"], "check the path"),
        (["--layers", "missing.py"], "with your layers"),
        (["--drop", "1.5"], "drop"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_settings_name_the_right_ones_and_leave_no_folder(words, remedy, fails, tmp_path):
    assert remedy in fails("train", *TINY, *words, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_is_never_overwritten(copy, fails, tmp_path):
    before = saved_bits(copy)
    assert "--resume" in fails("train", *TINY, "--out", copy)
    assert saved_bits(copy) == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("important")
    assert "choose another --out" in fails("train", *TINY, "--out", tmp_path / "full")
    assert "choose another --out" in fails("train", *TINY, "--out", tmp_path / "full" / "thesis.txt")


@pytest.mark.parametrize("name", ["evaluate", "plot", "predict"])
def test_a_run_that_is_not_there(name, fails, tmp_path, trained, monkeypatch):
    image = ["cat.jpg"] if name == "predict" else []
    monkeypatch.chdir(tmp_path)
    assert "make one with nnscratch train" in fails(name, tmp_path / "missing", *image)
    shutil.copytree(trained, tmp_path / "runs" / "first")
    assert "did you mean runs/first?" in fails(name, "runs/frist", *image)
    (tmp_path / "empty").mkdir()
    assert "has no config.json" in fails(name, tmp_path / "empty", *image)


def test_a_foreign_or_damaged_config(copy, fails):
    config = json.loads((copy / "config.json").read_text())
    for text, said in [
        ('{"name": "other program"}', "was not written by nnscratch"),
        ("[1, 2]", "was not written by nnscratch"),
        ('{"format": ', "cut off"),
        (json.dumps({**config, "version": 99}), "use the version of nnscratch that wrote it"),
        (json.dumps({**config, "settings": None}), "train again"),
    ]:
        (copy / "config.json").write_text(text)
        assert said in fails("evaluate", copy)


def test_a_damaged_or_missing_checkpoint(copy, fails):
    [arrays] = (copy / "checkpoint").glob("arrays-*")
    content = arrays.read_bytes()
    arrays.write_bytes(content[:-1] + b"?")
    assert "is damaged" in fails("evaluate", copy)
    arrays.unlink()
    assert "is missing" in fails("evaluate", copy)
    (copy / "checkpoint" / "checkpoint.json").write_text("{")
    assert "is damaged" in fails("predict", copy, "cat.jpg")
    shutil.rmtree(copy / "checkpoint")
    assert "has no checkpoint yet" in fails("evaluate", copy)


def test_pictures_that_are_none(trained, fails, tmp_path):
    text = tmp_path / "notes.png"
    text.write_text("no picture")
    assert "replace the file or leave it out" in fails("predict", trained, text)
    assert "check the path" in fails("predict", trained, tmp_path / "missing.png")
    assert "missing.png" in fails("predict", trained, tmp_path / "missing.png")


def test_data_that_do_not_fit_together(fails, tmp_path):
    words = ["train", "--model", "mlp", "--validation", "0", "--batch-size", "2", "--out", tmp_path / "run"]
    other = pictures(pictures(tmp_path / "other", splits=["train"]), ["cat"], splits=["test"])
    assert "only train has dog" in fails(*words, "--data", other)
    sizes = pictures(pictures(tmp_path / "sizes"), ["dog"], size=(20, 30))
    assert "differ in size" in fails(*words, "--data", sizes)
    assert "set aside 1 or fewer" in fails(*words, "--data", pictures(tmp_path / "two"), "--validation", "2")
    (tmp_path / "empty").mkdir()
    assert "holds no data" in fails(*words, "--data", tmp_path / "empty")
    broken = pictures(tmp_path / "broken")
    (broken / "train" / "cat" / "1.png").write_bytes(b"no picture")
    assert "cannot be decoded" in fails(*words, "--data", broken)


def test_pictures_of_any_size_are_brought_to_one(tmp_path):
    sizes = pictures(pictures(tmp_path / "sizes"), ["dog"], size=(20, 30))
    words = ["--data", sizes, "--image-size", "16", "--validation", "0", "--batch-size", "2", "--epochs", "1"]
    words = ["train", "--model", "mlp", *words, "--out", tmp_path / "run"]
    assert main([str(word) for word in words]) == 0
    assert main(["evaluate", str(tmp_path / "run")]) == 0


def test_a_truncated_archive(fails, tmp_path):
    folder = pictures(tmp_path / "pets")
    archive = tmp_path / "pets.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, "pets")
    archive.write_bytes(archive.read_bytes()[:-30])
    assert "truncated or damaged" in fails("train", *TINY, "--data", archive, "--out", tmp_path / "run")


def test_a_real_archive_cut_off(cifar_images, fails, tmp_path):
    archive = tmp_path / "cifar10-images.tar.xz"
    archive.write_bytes(cifar_images.read_bytes()[:1_000_000])
    assert "fetch the file again" in fails("data", "show", archive)


def test_a_folder_that_cannot_be_made(fails, tmp_path):
    (tmp_path / "file").touch()
    said = fails("train", *TINY, "--out", tmp_path / "file" / "run")
    assert "cannot be written" in said and "choose another --out" in said


def test_a_folder_that_may_not_be_written(fails, tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    said = fails("train", *TINY, "--out", tmp_path / "run")
    assert "Permission denied" in said and "choose another --out" in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_keeps_what_was_saved(tmp_path, trained):
    """A limit on the size of files stands for the full disk: config.json still fits, the weights do not."""
    run = tmp_path / "run"
    words = command("train", *TINY, "--out", run)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
    code = f"{limit} import sys; from nnscratch.cli import main; sys.exit(main({words[3:]!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "make room or choose another disk" in done.stderr
    assert f"go on with nnscratch train --resume {run}" in done.stderr
    assert "Traceback" not in done.stderr
    assert main(["train", "--resume", str(run), "--no-plots"]) == 0
    assert saved_bits(run) == saved_bits(trained)
