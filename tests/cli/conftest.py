"""What the command-line tests share: a cache of their own, a trained run, and a way to run a command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nnscratch.cli import main

TINY = ["--data", "shapes10", "--model", "mlp", "--hidden", "20", "--train-images", "300", "--test-images", "100"]
TINY += ["--validation", "50", "--batch-size", "50", "--epochs", "2", "--seed", "7"]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache for the whole session, so that shapes10 is drawn once and the user's cache stays as it is."""
    folder = tmp_path_factory.mktemp("cache")
    before = {name: os.environ.get(name) for name in ("NNSCRATCH_CACHE", "NNSCRATCH_DATA", "NNSCRATCH_OFFLINE")}
    os.environ.update(NNSCRATCH_CACHE=str(folder), NNSCRATCH_OFFLINE="1")
    os.environ.pop("NNSCRATCH_DATA", None)
    yield folder
    for name, value in before.items():
        os.environ.pop(name, None)
        os.environ.update({name: value} if value is not None else {})


@pytest.fixture(scope="session")
def trained(tmp_path_factory, cache):
    """The folder of a small run that is complete, with plots."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    assert main(["train", *TINY, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def fails(capsys):
    """Run a command that must end with code 2 and a message, and return the message."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr().err
        assert code == 2, said
        assert "Traceback" not in said
        return said

    return run


def in_one_line(said):
    """What was said, without the line breaks that long paths bring about."""
    return " ".join(said.split())


def command(*words):
    """The words that start nnscratch in a process of its own."""
    return [sys.executable, "-m", "nnscratch", *map(str, words)]


def start(*words, folder="."):
    """Start nnscratch in a process of its own."""
    return subprocess.Popen(command(*words), cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def saved_bits(run):
    """The name of the file of arrays in a run's checkpoint: it carries the checksum of every bit in it."""
    [path] = Path(run, "checkpoint").glob("arrays-*.safetensors")
    return path.name
