"""Every benchmark runs end to end at a tiny size and gives JSON with its ratios; the rest says what is wrong."""

import doctest
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose

from benchmarks import __main__ as command
from benchmarks import duel, report
from benchmarks.neighbours import Neighbours
from tests import needs


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    """Busy neighbours do not hold up the tests."""
    monkeypatch.setattr(duel, "PATIENCE", 0.0)


RACES = [name for name in command.NAMES if name not in ("gradcheck", "gpu")]


def run(capsys, *arguments):
    """Run a benchmark at a tiny size and return its JSON."""
    needs.package("torch")
    assert command.main([*arguments, "--small", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def ratios(found):
    return [row["ratio"] for table in found["tables"] for row in table["rows"] if row.get("ratio") is not None]


@pytest.mark.parametrize("name", RACES)
def test_every_benchmark_gives_ratios(name, capsys):
    found = run(capsys, name)
    assert found["benchmark"] == name
    assert {"machine", "threads", "versions", "date", "settings"} <= found.keys()
    assert ratios(found)
    assert min(ratios(found)) > 0


def test_profile_has_every_layer_and_their_sum(capsys):
    _, profile = run(capsys, "step", "--profile", "--norm", "lrn")["tables"]
    names = [row["layer"] for row in profile["rows"]]
    assert {"conv1", "lrn1", "maxpool3", "affine2"} <= set(names)
    *rows, total = profile["rows"]
    assert total["ours_forward"] == pytest.approx(sum(row["ours_forward"] for row in rows))


def test_layers_have_rates_and_shares_of_the_peak(capsys):
    found = run(capsys, "layers")
    rows = {(row["layer"], row["pass"]): row for row in found["tables"][0]["rows"]}
    assert {("conv2", part) for part in ("forward", "dx", "dw", "all")} <= rows.keys()
    row = rows["conv2", "forward"]
    operations = 2 * 8 * 8 * 16 * 16 * 4 * 5 * 5  # images, filters, pixels, channels, taps
    assert row["rate"] == pytest.approx(1e-6 * operations / row["ours"])
    assert row["of_peak"] == pytest.approx(row["rate"] / found["settings"]["peak GFLOP/s"], rel=0.1)


def test_table_and_saved_page(capsys, tmp_path, monkeypatch):
    needs.package("torch")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    assert command.main(["step", "--small", "--save"]) == 0
    shown, saved = capsys.readouterr().out, (tmp_path / "results" / "step.md").read_text()
    for page in (shown, saved):
        for word in ("threads", "torch 2", "quartiles", "torch channels_last", "best peer"):
            assert word in page
    assert saved.startswith("# step\n")
    assert "| nnscratch |" in saved


def test_ladder_draws_its_plot(capsys, tmp_path):
    run(capsys, "ladder", "--plot", str(tmp_path / "ladder.png"))
    assert (tmp_path / "ladder.png").read_bytes()[1:4] == b"PNG"


def test_rungs_of_the_ladder_give_the_same_images():
    needs.package("torch")
    from benchmarks.ladder import rungs

    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 3, 7, 6)).astype(np.float32), rng.normal(size=(4, 3, 5, 5)).astype(np.float32)
    (first, _), *others = rungs(x, w).values()
    for call, images in others:
        assert images in (1, 2)
        assert_allclose(np.asarray(call())[:1], first(), atol=1e-4)


def test_epochs_names_the_data_and_every_accuracy(capsys):
    found = run(capsys, "epochs", "--epochs", "2")
    assert found["settings"]["data"] == "shapes10"
    for row in found["tables"][0]["rows"]:
        assert len(row["accuracies"]) == 2
        assert row["accuracy"] == row["accuracies"][-1]


def test_a_busy_machine_is_told():
    quiet, busy = ({"taken_by_others": share} for share in (0.0, 0.5))
    measured = report.Report("step", {}, [])
    assert report.remarks(measured, quiet) == []
    assert "measure again" in report.remarks(measured, busy)[0]


def test_own_work_is_not_taken_for_the_neighbours():
    """A process that works as hard as it can on one core is not its own neighbour."""
    neighbours = Neighbours()
    if neighbours.busy is None:
        pytest.skip("this system has no /proc/stat")
    while sum(os.times()[:4]) - neighbours.own < 0.3:  # on a busy machine this takes longer
        pass
    seconds = time.perf_counter() - neighbours.start
    assert neighbours.share() <= 1 - 0.25 / (seconds * os.cpu_count())


def test_list_of_names(capsys):
    assert command.main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n{name}" in shown for name in command.NAMES)


def test_unknown_name():
    with pytest.raises(SystemExit, match="unknown benchmark 'setp': did you mean 'step'"):
        command.main(["setp"])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(["step", "--repeats", "0"], "--repeats"), (["epochs", "--data", "no/such/place"], "no/such/place")],
)
def test_bad_arguments_are_named(arguments, why, capsys):
    needs.package("torch")
    with pytest.raises(SystemExit) as stopped:
        command.main([*arguments, "--small"])
    assert why in capsys.readouterr().err + str(stopped.value)


def test_without_torch_the_pip_install_is_named():
    code = "import sys; sys.modules['torch'] = None; from benchmarks.__main__ import main; main(['step'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().endswith('pip install ".[bench]"')
    assert "Traceback" not in done.stderr


def test_gradcheck_keeps_its_own_options(capsys):
    with pytest.raises(SystemExit):
        command.main(["gradcheck", "--help"])
    assert "--seeds" in capsys.readouterr().out


def test_statistics():
    """A turn that is slow for all leaves the ratio as it is."""
    seconds = {"nnscratch": [2.0, 20.0, 2.0, 2.0], "a": [1.0, 10.0, 1.0, 1.0], "b": [4.0, 4.0, 4.0, 4.0]}
    ours, a, b = duel.standings(seconds)
    assert (ours["ratio"], a["ratio"], a["ratio_low"], a["ratio_high"], b["ratio"]) == (None, 2, 2, 2, 0.5)
    assert (ours["ms"], ours["ms_low"], ours["ms_high"]) == (2000, 2000, 6500)
    assert duel.best_peer(seconds) == "a"


def test_rounds_with_busy_neighbours_do_not_count(monkeypatch):
    """Of six rounds in turn quiet and busy, three are quiet; where none is, the quietest count."""
    shares = iter([0.0, 0.9, 0.0, 0.9, 0.0])
    seconds = iter([1.0, 50.0, 2.0, 50.0, 3.0])
    monkeypatch.setattr(duel.Neighbours, "share", lambda self: next(shares))
    monkeypatch.setattr(duel, "one_turn", lambda call, rest: next(seconds))
    assert duel.duel({"nnscratch": lambda: None}, repeats=3)["nnscratch"] == [1.0, 2.0, 3.0]
    shares, seconds = iter([0.9, 0.5, 0.8, 0.6]), iter([9.0, 5.0, 8.0, 6.0])
    assert duel.duel({"nnscratch": lambda: None}, repeats=2)["nnscratch"] == [5.0, 6.0]


def test_turns_alternate_and_short_calls_are_repeated():
    calls = []
    turns = duel.duel(
        {"nnscratch": lambda: calls.append("n"), "peer": lambda: calls.append("p")}, repeats=3, warm_up=1
    )
    changes = sum(a != b for a, b in zip(calls, calls[1:]))
    assert [len(each) for each in turns.values()] == [3, 3]
    assert changes >= 3
    assert all(second < duel.AT_LEAST / 10 for each in turns.values() for second in each)


@pytest.mark.parametrize("module", [duel, report])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
