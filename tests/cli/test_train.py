"""`nnscratch train`: what a run leaves behind, and that it can be interrupted, killed and resumed bit for bit."""

import json
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnscratch.cli import main
from nnscratch.cli.run_folder import RunFolder
from nnscratch.training import History, load_checkpoint
from tests.cli.conftest import TINY, in_one_line, saved_bits, start

SLOW_RELU = """
import time
import numpy as np

def relu_forward(x):
    time.sleep(0.02)
    return np.maximum(x, 0), x

def relu_backward(dout, x):
    return dout * (x > 0)
"""
STEPS = 12  # of a TINY run: 2 epochs of 300 / 50


def test_a_run_folder_holds_everything(trained):
    assert {path.name for path in trained.iterdir()} == {
        "config.json", "history.csv", "checkpoint", "plots", "result.json",
    }  # fmt: skip
    assert {path.name for path in (trained / "plots").iterdir()} == {
        "curves.png", "filters.png", "updates.png", "confusion.png", "mistakes.png",
    }  # fmt: skip
    history = History.from_csv(trained / "history.csv")
    assert history["epoch"] == [1, 2]
    assert {"loss", "train_accuracy", "val_loss", "val_accuracy", "rate", "seconds"} <= set(history.columns)
    arrays, facts = load_checkpoint(trained / "checkpoint")
    assert len(arrays["history.losses"]) == STEPS
    assert {"preprocess.mean", "preprocess.std", "params.affine1.w"} <= set(arrays)
    result = json.loads((trained / "result.json").read_text())
    assert result["test"]["images"] == 100 and 0 <= result["test"]["accuracy"] <= 1
    settings = RunFolder.open(trained).settings
    assert settings["seed"] == 7 and settings["threads"] >= 1 and settings["options"]["hidden"] == [20]


def test_what_a_run_says(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *TINY, "--no-plots"]) == 0
    said = capsys.readouterr().out
    for part in (
        "shapes10: 300 training, 50 validation, 100 test",
        "drawn by nnscratch",
        "mlp, 61,670 parameters",
    ):
        assert part in said
    for part in ("kernels", "val_accuracy", "test accuracy", "top-5", "nnscratch evaluate runs/shapes10-mlp-1"):
        assert part in said
    assert not Path("runs/shapes10-mlp-1/plots").exists()
    assert main(["train", *TINY, "--no-plots"]) == 0
    assert Path("runs/shapes10-mlp-2/result.json").exists()


def test_the_same_seed_gives_the_same_bits(trained, tmp_path):
    assert main(["train", *TINY, "--no-plots", "--out", str(tmp_path / "again")]) == 0
    assert saved_bits(tmp_path / "again") == saved_bits(trained)
    other = [*TINY, "--seed", "8", "--no-plots", "--out", str(tmp_path / "other")]
    assert main(["train", *other]) == 0
    assert saved_bits(tmp_path / "other") != saved_bits(trained)


@pytest.mark.parametrize(
    "options",
    [
        ["--optimizer", "adam", "--schedule", "step:every=1,factor=0.5", "--augment", "none"],
        ["--optimizer", "sgd", "--label-smoothing", "0.1", "--clip-norm", "0"],
        pytest.param(["--preprocess", "whiten:epsilon=0.1"], marks=pytest.mark.slow),
        pytest.param(["--preprocess", "pca:components=20", "--augment", "none"], marks=pytest.mark.slow),
        ["--augment", "mirror,window24,cutout4", "--schedule", "cosine", "--norm", "batch"],
        ["--validation", "0", "--preprocess", "mean-image", "--activation", "tanh", "--drop", "0.2"],
        ["--model", "lenet", "--pool", "max", "--augment", "jitter,colour"],
        ["--model", "11pct", "--width", "4", "--epochs", "1"],
        ["--model", "resnet20", "--width", "4", "--order", "pre", "--epochs", "1"],
        ["--model", "small-alexnet", "--width", "4", "--norm", "lrn", "--epochs", "1", "--train-images", "100"],
    ],
    ids=lambda options: " ".join(options),
)
def test_every_kind_of_run_can_be_measured_again(options, tmp_path, capsys):
    tiny = [word for word in TINY if word not in ("--hidden", "20")] if "--model" in options else TINY
    run = str(tmp_path / "run")
    assert main(["train", *tiny, *options, "--no-plots", "--out", run]) == 0
    capsys.readouterr()
    assert main(["evaluate", run, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    first = json.loads((tmp_path / "run" / "result.json").read_text())["test"]
    assert again["confusion"] == first["confusion"]
    assert again["loss"] == pytest.approx(first["loss"])


def test_quick_is_small(tmp_path):
    run = tmp_path / "run"
    words = ["--quick", "--data", "shapes10", "--model", "mlp", "--epochs", "1", "--no-plots", "--out", str(run)]
    assert main(["train", *words]) == 0
    config = RunFolder.open(run).config
    assert config["data"]["train"] == 1000 and config["data"]["test"] == 500
    assert config["settings"]["epochs"] == 1


def test_alexnet_learns_from_a_folder_of_pictures_of_all_sizes(tmp_path, capsys, fails):
    rng = np.random.default_rng(0)
    for split, count in (("train", 24), ("test", 6)):
        for label, colour in (("grass", 1), ("sky", 2)):
            folder = tmp_path / "photos" / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 120, (*rng.integers(60, 130, 2), 3), dtype=np.uint8)
                pixels[..., colour] += 120
                Image.fromarray(pixels).save(folder / f"{number}.png")
    words = [
        "train",
        "--model",
        "alexnet",
        "--width",
        "6",
        "--data",
        str(tmp_path / "photos"),
        "--image-size",
        "76",
    ]
    words += ["--validation", "8", "--batch-size", "8", "--seed", "0"]
    run = tmp_path / "run"
    assert main([*words, "--epochs", "3", "--out", str(run), "--no-plots"]) == 0
    assert "rate 0.000625, batches of 8, 3 epochs, mirror,window67,colour" in in_one_line(capsys.readouterr().out)
    config, result = (json.loads((run / name).read_text()) for name in ("config.json", "result.json"))
    assert (config["data"]["image"], result["model"]["image"]) == ([3, 76, 76], [3, 67, 67])
    assert np.isfinite(result["last_epoch"]["loss"])
    assert main(["evaluate", str(run), "--ten-crop", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ten_crop"], found["images"]) == (True, 12)
    assert "it needs at least 67x67" in fails("train", "--model", "alexnet", "--data", "shapes10")


def test_own_layers_stand_in_and_are_kept_track_of(tmp_path, capsys, fails):
    layers = tmp_path / "mine.py"
    layers.write_text("def relu_forward(x): return x * 0, x\ndef relu_backward(dout, x): return dout * 0")
    run = tmp_path / "run"
    assert main(["train", *TINY, "--layers", str(layers), "--no-plots", "--out", str(run)]) == 0
    assert "your own relu" in capsys.readouterr().out
    assert RunFolder.open(run).settings["layers"] == str(layers)
    assert main(["evaluate", str(run), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert sum(1 for share in figures["per_class"].values() if share == 1) == 1, "without ReLU all answers are one"
    layers.write_text(layers.read_text() + "\n# changed")
    (run / "result.json").unlink()
    assert "put it back" in fails("train", "--resume", run)
    assert main(["evaluate", str(run)]) == 0
    assert "has changed since" in capsys.readouterr().err


def test_an_error_in_own_layers_names_the_line(tmp_path, fails):
    layers = tmp_path / "mine.py"
    layers.write_text("def relu_forward(x):\n    return x, 1 / 0\n\ndef relu_backward(dout, x):\n    return dout")
    said = fails("train", *TINY, "--layers", layers, "--out", tmp_path / "run")
    assert "mine.py, line 2, in relu_forward: ZeroDivisionError" in said


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_not_finite_ends_the_run(tmp_path, fails):
    words = ["--rate", "1e30", "--clip-norm", "0", "--schedule", "constant", "--out", tmp_path / "run"]
    said = fails("train", *TINY, *words)
    assert "the loss is" in said and "--clip-norm 1" in said


def test_resume_takes_the_settings_of_the_run(trained, tmp_path, capsys, fails):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    assert main(["train", "--resume", str(run), "--epochs", "2", "--hidden", "20"]) == 0
    assert "has done all its epochs" in in_one_line(capsys.readouterr().out)
    said = fails("train", "--resume", run, "--epochs", "3", "--hidden", "30", "--optimizer", "adam")
    for change in ("--epochs is 2", "--hidden is 20", "--optimizer is nesterov"):
        assert change in said
    assert "start a new run" in said
    assert "leave --out away" in fails("train", "--resume", run, "--out", tmp_path / "other")
    assert "leave --quick away" in fails("train", "--resume", run, "--quick")


def test_resume_before_the_first_checkpoint_starts_at_the_beginning(trained, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(trained / "config.json", run)
    assert main(["train", "--resume", str(run), "--no-plots"]) == 0
    assert saved_bits(run) == saved_bits(trained)


def test_resume_notices_other_data(trained, tmp_path, fails):
    run = tmp_path / "run"
    run.mkdir()
    config = json.loads((trained / "config.json").read_text())
    config["data"]["checksum"] = "00000000"
    (run / "config.json").write_text(json.dumps(config))
    assert "was started on other images" in fails("train", "--resume", run)


@pytest.fixture
def slow_layers(tmp_path):
    """A file of layers that makes every step take long enough to be interrupted, and what the run comes to."""
    layers = tmp_path / "slow.py"
    layers.write_text(SLOW_RELU)
    words = ["train", *TINY, "--epochs", "4", "--layers", layers, "--no-plots"]
    assert main([str(word) for word in [*words, "--out", tmp_path / "whole"]]) == 0
    return words, saved_bits(tmp_path / "whole")


def wait_for(path, process, seconds=60):
    """Wait until a file is there and the process is still at work."""
    end = time.monotonic() + seconds
    while not path.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    assert path.exists(), process.communicate()[1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_signal_saves_and_the_resumed_run_has_the_same_bits(number, tmp_path, slow_layers):
    words, whole = slow_layers
    run = tmp_path / "run"
    process = start(*words, "--out", run, "--checkpoint-every", "2")
    wait_for(run / "checkpoint" / "checkpoint.json", process)
    process.send_signal(number)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert f"nnscratch train --resume {run}" in in_one_line(said)
    assert "Traceback" not in errors
    assert not (run / "result.json").exists()
    assert len(load_checkpoint(run / "checkpoint")[0]["history.losses"]) < 2 * STEPS
    assert main(["train", "--resume", str(run), "--no-plots"]) == 0
    assert saved_bits(run) == whole
    assert History.from_csv(run / "history.csv")["epoch"] == [1, 2, 3, 4]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
def test_sigkill_and_resume_give_the_same_bits(tmp_path, slow_layers):
    kill_and_resume(tmp_path, slow_layers, kills=1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
def test_many_sigkills_and_resumes_give_the_same_bits(tmp_path, slow_layers):
    kill_and_resume(tmp_path, slow_layers, kills=8)


def kill_and_resume(tmp_path, slow_layers, kills):
    words, whole = slow_layers
    run = tmp_path / "run"
    words = [*words, "--out", run, "--checkpoint-every", "1"]
    for _ in range(kills):
        process = start(*words)
        wait_for(run / "config.json", process)
        time.sleep(random.uniform(0, 0.4))
        process.kill()
        process.communicate()
        words = ["train", "--resume", run, "--no-plots"]
    assert main([str(word) for word in words]) == 0
    assert saved_bits(run) == whole
