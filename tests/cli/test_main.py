"""The command line as a whole: help, version, wrong words, exit codes, and what a start loads."""

import subprocess

import pytest

from nnscratch import __version__
from nnscratch.cli import COMMANDS, main
from nnscratch.cli.errors import is_about_input, reported
from tests.cli.conftest import command


def test_without_a_command_the_help_is_printed(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in COMMANDS)
    assert "examples:" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name, capsys):
    assert main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: nnscratch {name}")
    assert f"examples:\n  nnscratch {name}" in said
    assert "--debug" not in said


def test_the_module_runs_and_its_start_is_light():
    code = "import sys; from nnscratch.cli import main; main(['--version']); print(sorted(sys.modules))"
    said = subprocess.check_output([command()[0], "-c", code], text=True)
    assert said.startswith(f"nnscratch {__version__}\n")
    for library in ("numba", "matplotlib", "rich", "tqdm", "PIL", "pooch", "safetensors", "requests"):
        assert f"'{library}'" not in said, f"the start loads {library}"
    assert subprocess.check_output(command("--version"), text=True) == f"nnscratch {__version__}\n"


@pytest.mark.parametrize(
    "words, remedy",
    [
        (["trian"], "did you mean 'train'?"),
        (["train", "--epoch", "3"], "did you mean --epochs?"),
        (["train", "--epochs", "ten"], "give a whole number, 1 or more"),
        (["train", "--epochs", "0"], "give a whole number, 1 or more"),
        (["train", "--momentum", "2"], "give a number, from 0 to 1"),
        (["train", "--rate", "nan"], "give a number, 0 or more"),
        (["train", "--image-size", "3x4x5"], "HEIGHTxWIDTH"),
        (["evaluate"], "required: RUN"),
        (["evaluate", "runs/x", "--split", "tset"], "did you mean 'test'?"),
        (["--bogus"], "unknown option --bogus"),
        (["--debug"], "choose from train"),
        (["data"], "ACTION"),
    ],
)
def test_wrong_words_name_the_right_ones(words, remedy, fails):
    assert remedy in fails(*words)


def test_an_error_in_nnscratch_asks_for_debug_and_exits_with_3(monkeypatch, capsys):
    monkeypatch.setattr("nnscratch.cli.info.gather", lambda: dict[str, str]()["missing"])
    assert main(["info"]) == 3
    said = capsys.readouterr().err
    assert "KeyError" in said and "--debug" in said and "Traceback" not in said
    assert main(["info", "--debug"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_debug_shows_the_traceback_of_wrong_input(capsys):
    assert main(["evaluate", "no-such-run", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_the_exit_codes():
    for error, code in [(ValueError("no"), 2), (OSError(2, "no"), 2), (MemoryError(), 2), (TypeError("no"), 3)]:
        with reported() as outcome:
            raise error
        assert outcome.code == code == (2 if is_about_input(error) else 3)
    with reported() as outcome:
        raise KeyboardInterrupt
    assert outcome.code == 130


def test_the_reader_may_stop_reading():
    shell = f"{command()[0]} -m nnscratch train --help | head -n 1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True)
    assert done.stdout.startswith("usage: nnscratch train")
    assert done.stderr == ""
