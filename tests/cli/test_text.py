"""Training on a text from the command line: the run, what it says, resuming, sampling, and wrong input."""

import json
import math

import pytest

from nnscratch.cli import main
from nnscratch.cli.run_folder import RunFolder
from nnscratch.cli.settings import resolve
from nnscratch.training import load_checkpoint
from tests.cli.conftest import saved_bits, start

RHYME = "Row, row, row your boat,\nGently down the stream.\n" * 60
TINY = ["--model", "char-rnn", "--hidden", "24", "--batch-size", "4", "--length", "16", "--epochs", "3"]


@pytest.fixture(scope="module")
def rhyme(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "rhyme.txt"
    path.write_text(RHYME)
    return path


@pytest.fixture(scope="module")
def written(rhyme, tmp_path_factory):
    """The folder of a complete run on a rhyme."""
    folder = tmp_path_factory.mktemp("runs") / "text"
    assert main(["train", *TINY, "--data", str(rhyme), "--rate", "0.02", "--out", str(folder)]) == 0
    return folder


def test_a_run_learns_and_is_measured(written, capsys):
    result = json.loads((written / "result.json").read_text())
    assert result["test"]["nats"] < 1.2 and result["model"]["characters"] == "".join(sorted(set(RHYME)))
    assert (written / "plots" / "curves.png").exists()
    assert main(["evaluate", str(written), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert math.isclose(figures["nats"], result["test"]["nats"], rel_tol=1e-6)
    assert math.isclose(figures["bits"] * math.log(2), figures["nats"])
    assert main(["evaluate", str(written)]) == 0
    assert "bits per character" in capsys.readouterr().out


def test_another_text_is_measured_whole(written, tmp_path, capsys):
    path = tmp_path / "other.txt"
    path.write_text("boat boat boat")
    assert main(["evaluate", str(written), "--data", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["characters"] == 14


def test_it_writes_what_the_seed_says(written, capsys):
    def sample(*words):
        assert main(["sample", str(written), *words]) == 0
        return capsys.readouterr().out

    assert sample("--start", "Row, row, ", "--length", "15", "--temperature", "0").startswith("Row, row, ")
    assert len(sample("--start", "Row", "--length", "50")) == 54
    assert sample("--seed", "1") == sample("--seed", "1") != sample("--seed", "2")


def test_curves_are_drawn_again(written, tmp_path):
    assert main(["plot", str(written), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "curves.png").exists()


def steps_saved(folder):
    """How many steps the last checkpoint of a run knows of."""
    saved = folder / "checkpoint"
    return len(load_checkpoint(saved)[0]["history.losses"]) if (saved / "checkpoint.json").exists() else 0


def test_a_killed_run_goes_on_with_the_same_bits(rhyme, written, tmp_path):
    folder = tmp_path / "cut"
    words = ["--data", rhyme, "--rate", "0.02", "--out", folder, "--checkpoint-every", 1]
    process = start("train", *TINY, *words)
    while steps_saved(folder) < 5:
        assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()
    assert steps_saved(folder) < steps_saved(written)
    assert main(["train", "--resume", str(folder), "--no-plots"]) == 0
    assert saved_bits(folder) == saved_bits(written)


def test_recipes_for_texts_and_for_images():
    settings = resolve({"model": "char-rnn"})
    assert (settings["optimizer"], settings["rate"], settings["length"]) == ("adam", 4e-3, 64)
    assert settings["options"] == {"drop": 0.0, "hidden": 256, "cell": "lstm", "depth": 1, "embed": 64}
    assert resolve({"model": "char-rnn", "optimizer": "sgd"})["rate"] == 0.01
    assert resolve({"model": "char-rnn"}, quick=True)["epochs"] == 1
    assert resolve({})["length"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "char-rnn learns from a text: give its file"),
        (["--data", "no-such.txt"], "there is no file"),
        (["--augment", "mirror"], "--augment: char-rnn learns from a text, which has no such setting"),
        (["--test-images", "5"], "--test-images: char-rnn"),
        (["--norm", "batch"], "--norm: the model char-rnn has no such option; it has --drop, --hidden, --cell"),
        (["--cell", "lstn"], "did you mean 'lstm'"),
        (["--batch-size", "4000"], "too few"),
    ],
)
def test_wrong_settings_of_a_text(rhyme, tmp_path, fails, words, message):
    given = words if not words or "--data" in words else ["--data", rhyme, *words]
    said = fails("train", *TINY, *given, "--out", tmp_path / "run")
    assert message in said
    assert not (tmp_path / "run").exists()


def test_commands_that_do_not_fit_the_run(written, trained, tmp_path, fails):
    assert "use nnscratch sample" in fails("predict", written, tmp_path / "cat.png")
    assert "holds no text model but mlp" in fails("sample", trained)
    assert "leave it out" in fails("evaluate", written, "--split", "train")
    assert "unknown character 'z' at place 0" in fails("sample", written, "--start", "zoo")
    assert "--length: mlp learns from images" in fails("train", "--model", "mlp", "--length", "5")
    assert RunFolder.open(written).settings["length"] == 16


def test_an_empty_file_is_no_text(tmp_path, fails):
    (tmp_path / "empty.txt").touch()
    assert "is empty" in fails("train", "--model", "char-rnn", "--data", tmp_path / "empty.txt")
