"""Every experiment says what it does, and runs on a little data to a row of figures that a table can hold."""

import importlib
import json
import pkgutil
import sys

import pytest

import experiments
from experiments import record

TINY = {
    "nearest_neighbor": "--data shapes10 --validate-on 200 --test 20 --folds 2",
    "beyond_classification": "--epochs 1 --images 100 --scenes 5 --width 2",
    "random_against_grid": "--data shapes10 --images 100 --seeds 1",
    "tune": "--data shapes10 --images 200 --count 2",
    "features": "--data shapes10 --epochs 1 --hidden 10",
    "linear": "--data shapes10 --epochs 1",
    "captions": "--count 5 --steps 2",
    "char_rnn": "--data text.txt --epochs 1 --hidden 8",
    "gradients_through_time": "--data text.txt --steps 2",
}
FIELDS = {"name", "parameters", "multiply-adds", "accuracy", "seconds", "machine", "date", "data"}
COMMANDS = [module.name for module in pkgutil.iter_modules(experiments.__path__) if module.name in TINY]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_how_to_run_it(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(f"experiments.{name}").main()
    assert f"python -m experiments.{name}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_a_tiny_run_writes_rows_and_pictures(name, monkeypatch, tmp_path, capsys):
    module = importlib.import_module(f"experiments.{name}")
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr(module, "RESULTS", tmp_path, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("Row, row, row your boat. " * 400)
    monkeypatch.setattr(sys, "argv", [name, *TINY[name].split()])
    module.main()
    said = capsys.readouterr().out
    if name not in ("random_against_grid", "gradients_through_time", "tune"):
        rows = json.loads((tmp_path / f"{name}.json").read_text())
        assert "%" in said
        assert all(set(row) >= FIELDS and 0 <= row["accuracy"] <= 1 for row in rows)
    if name not in ("features", "captions"):
        assert list((tmp_path / "pictures").glob("*.png"))
