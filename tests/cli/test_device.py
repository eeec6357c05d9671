"""`--device gpu` and its kin: a run on the GPU, there and back, and what is said where there is none."""

import json
import shutil

import pytest

from nnscratch.cli import main
from nnscratch.gpu import cards
from nnscratch.training import History, ProgressBar
from tests.cli.conftest import TINY, in_one_line, saved_bits
from tests.strict.device import DEVICE

GPU = ["--device", "gpu", "--graph", "--loss-every", "4", "--no-plots"]


@pytest.fixture
def interrupted(cupy, tmp_path, monkeypatch):
    """A run on the GPU that was stopped in its second epoch."""

    class Stopped(ProgressBar):
        def on_step(self, solver, loss, grads):
            if solver.steps == 8:
                solver.stop()

    with monkeypatch.context() as patch:
        patch.setattr("nnscratch.training.ProgressBar", Stopped)
        assert main(["train", *TINY, *GPU, "--out", str(tmp_path / "interrupted")]) == 130
    return tmp_path / "interrupted"


def devices_of(run):
    return History.from_csv(run / "history.csv")["device"]


def test_a_run_says_where_it_takes_place(cupy, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", *TINY, *GPU[:-1], "--precision", "tf32", "--out", str(run)]) == 0
    said = in_one_line(capsys.readouterr().out)
    assert f"{cards()[0]}, tf32, steps as a CUDA graph" in said
    assert "lie on the GPU, and are augmented there" in said
    settings = json.loads((run / "config.json").read_text())["settings"]
    assert [settings[name] for name in ("device", "precision", "graph", "loss_every")] == ["gpu", "tf32", True, 4]
    history, result = History.from_csv(run / "history.csv"), json.loads((run / "result.json").read_text())
    assert (history["device"], history["precision"]) == (["gpu", "gpu"], ["tf32", "tf32"])
    assert (result["device"], result["precision"]) == ("gpu", "tf32")
    assert (run / "plots" / "filters.png").exists()


@pytest.mark.parametrize("model", ["small-alexnet", "lenet"])
def test_a_network_is_built_and_trained_with_rounded_products(model, cupy, tmp_path):
    few = [
        "--train-images",
        "32",
        "--test-images",
        "16",
        "--validation",
        "0",
        "--batch-size",
        "16",
        "--epochs",
        "1",
    ]
    small = ["--width", "2"] if model == "small-alexnet" else []
    words = ["train", "--data", "shapes10", "--model", model, *small, *few, *GPU, "--precision", "bf16"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0


def test_a_run_goes_on_where_it_was_with_the_same_bits(interrupted, tmp_path, capsys):
    straight = tmp_path / "straight"
    assert main(["train", *TINY, *GPU, "--out", str(straight)]) == 0
    assert main(["train", "--resume", str(interrupted), "--no-plots"]) == 0
    assert "steps as a CUDA graph" in in_one_line(capsys.readouterr().out)
    assert saved_bits(interrupted) == saved_bits(straight)


def test_a_run_goes_on_elsewhere(interrupted, cupy, tmp_path, capsys, fails):
    assert "--precision tf32 is for the GPU" in fails(
        "train", "--resume", interrupted, "--device", "cpu", "--precision", "tf32"
    )
    assert main(["train", "--resume", str(interrupted), "--device", "cpu", "--no-plots"]) == 0
    assert "kernels, float32" in in_one_line(capsys.readouterr().out)
    assert devices_of(interrupted) == ["gpu", "cpu"]


def test_a_run_comes_from_the_cpu(cupy, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("nnscratch.training.ProgressBar.on_step", lambda self, solver, *_: solver.stop())
        assert main(["train", *TINY, "--no-plots", "--out", str(run)]) == 130
    assert main(["train", "--resume", str(run), "--device", "gpu", "--no-plots"]) == 0
    assert devices_of(run) == ["gpu", "gpu"]


def test_a_trained_model_runs_on_both_devices(cupy, trained, tmp_path, capsys):
    found = {}
    for device in ("cpu", "gpu"):
        capsys.readouterr()
        assert main(["evaluate", str(trained), "--device", device, "--json"]) == 0
        found[device] = json.loads(capsys.readouterr().out)
    assert found["gpu"]["device"] == "gpu" and found["gpu"]["precision"] == "float32"
    assert found["gpu"]["accuracy"] == found["cpu"]["accuracy"]
    assert found["gpu"]["loss"] == pytest.approx(found["cpu"]["loss"], rel=1e-5)
    assert main(["evaluate", str(trained), "--device", "gpu", "--precision", "bf16", "--ten-crop"]) == 0
    assert f"{cards()[0]}, bf16" in in_one_line(capsys.readouterr().out)
    picture = str(tmp_path / "shapes.png")
    assert main(["data", "show", "shapes10", "--count", "1", "--out", picture]) == 0
    assert main(["predict", str(trained), picture, "--device", "gpu"]) == 0
    copy = shutil.copytree(trained, tmp_path / "copy")
    assert main(["plot", str(copy), "--device", "gpu", "--out", str(tmp_path / "plots")]) == 0


def test_images_that_do_not_fit_are_copied_batch_by_batch(cupy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("nnscratch.gpu.free_memory", lambda: 1000)
    assert main(["train", *TINY, *GPU, "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    said = in_one_line(capsys.readouterr().out)
    assert "stay on the CPU, as the GPU has 1.0 kB free: each batch is made there and copied" in said


def test_a_full_memory_names_the_options_to_lower(cupy, tmp_path, request, fails):
    if "card" in request.node.callspec.params.values():
        pytest.skip("the memory of a card is not filled for this")
    DEVICE.largest = 1_000_000
    said = fails("train", *TINY, *GPU, "--hidden", "500", "--out", tmp_path / "run")
    assert "GPU's memory is full: 6.1 MB were asked for" in said and "--batch-size" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words, said",
    [
        (["--device", "gpu"], "--device gpu: the GPU needs CuPy, which is not installed: pip install"),
        (["--precision", "tf32"], "--precision tf32 is for the GPU: add --device gpu"),
        (["--graph"], "--graph is for the GPU: add --device gpu"),
        (["--loss-every", "5"], "--loss-every is for the GPU: add --device gpu"),
        (["--device", "gup"], "did you mean 'gpu'?"),
        (["--precision", "bf-16"], "did you mean 'bf16'?"),
    ],
)
def test_what_cannot_be_is_one_clear_line(words, said, tmp_path, fails, monkeypatch):
    monkeypatch.setattr("nnscratch.gpu.importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(__import__("sys").modules, "cupy", raising=False)
    assert said in fails("train", *TINY, *words, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["evaluate", "predict", "plot"])
def test_a_trained_model_without_a_gpu(name, trained, fails, monkeypatch):
    monkeypatch.setattr("nnscratch.gpu.importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(__import__("sys").modules, "cupy", raising=False)
    image = ["cat.jpg"] if name == "predict" else []
    assert "--device gpu: the GPU needs CuPy" in fails(name, trained, *image, "--device", "gpu")
    assert "is for the GPU" in fails(name, trained, *image, "--precision", "tf32")
