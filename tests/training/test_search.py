"""Searches try what they should, go on after a kill, share the work, and find more by chance than by grid."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.training import NonFiniteLoss
from nnscratch.training.search import Trial, best, coarse_to_fine, ranked, search, successive_halving
from nnscratch.training.spaces import (
    Choice,
    LogUniform,
    TrialError,
    Uniform,
    grid_settings,
    narrow,
    random_settings,
)
from tests import needs

SPACE = {"rate": LogUniform(1e-5, 1e-1), "strength": Uniform(0, 1), "act": Choice("relu", "tanh"), "epochs": 3}


def hill(settings):
    """A score with its top at rate 10**-2.3; the strength hardly matters."""
    return -((math.log10(settings["rate"]) + 2.3) ** 2) - 1e-3 * settings.get("strength", 0)


@given(st.integers(0, 99), st.floats(0.05, 1))
def test_draws_and_narrowed_ranges_stay_inside(seed, share):
    [settings] = random_settings(SPACE, 1, seed)
    assert 1e-5 <= settings["rate"] <= 1e-1 and 0 <= settings["strength"] <= 1
    finer = narrow(SPACE, settings, share)
    assert finer["rate"].low * 1.0001 >= 1e-5 and finer["rate"].high <= 1e-1 * 1.0001
    assert finer["rate"].low <= settings["rate"] * 1.0001 and settings["rate"] <= finer["rate"].high * 1.0001
    assert finer["strength"].high - finer["strength"].low <= share * 1.0001
    assert finer["act"] is SPACE["act"] and finer["epochs"] == 3


def test_a_log_uniform_range_gives_each_order_of_magnitude_its_share():
    rates = [settings["rate"] for settings in random_settings(SPACE, 2000)]
    counts = np.histogram(np.log10(rates), bins=4, range=(-5, -1))[0]
    assert counts.sum() == 2000 and abs(counts - 500).max() < 80


@given(st.integers(1, 5), st.integers(0, 4), st.floats(0.1, 1))
def test_whole_numbers_stay_whole(low, more, share):
    part = Uniform(low, low + more + 1, whole=True)
    values = [part.draw(np.random.default_rng(seed)) for seed in range(20)] + part.grid(3)
    assert all(isinstance(value, int) and part.low <= value <= part.high for value in values)
    finer = part.around(values[0], share)
    assert finer.low <= values[0] <= finer.high and finer.low == int(finer.low)


def test_the_first_draws_do_not_depend_on_the_count():
    assert random_settings(SPACE, 3, seed=4) == random_settings(SPACE, 9, seed=4)[:3]
    assert len({settings["rate"] for settings in random_settings(SPACE, 9)}) == 9


def test_a_grid_has_every_combination_once():
    settings = grid_settings(SPACE, {"rate": 3, "strength": 2})
    assert len(settings) == 12 == len({json.dumps(s) for s in settings})
    assert {s["strength"] for s in settings} == {0.0, 1.0} and {s["epochs"] for s in settings} == {3}


def test_random_beats_grid_where_one_hyperparameter_hardly_matters():
    space = {name: SPACE[name] for name in ("rate", "strength")}
    grid = best(search(hill, grid_settings(space, 3))).score
    chance = [best(search(hill, random_settings(space, 9, seed))).score for seed in range(20)]
    assert np.mean([score > grid for score in chance]) >= 0.6


def test_coarse_to_fine_ends_closer_than_as_many_random_tries():
    fine = [best(coarse_to_fine(hill, SPACE, rounds=3, count=6, seed=seed)).score for seed in range(20)]
    plain = [best(search(hill, random_settings(SPACE, 18, seed))).score for seed in range(20)]
    assert np.median(fine) > np.median(plain)


def test_successive_halving_spends_its_epochs_on_the_best():
    seen = []

    def score(settings):
        seen.append(settings["epochs"])
        return settings["rate"] * settings["epochs"]

    trials = successive_halving(score, [{"rate": rate} for rate in range(1, 11)], epochs=2, factor=2)
    assert seen == [2] * 10 + [4] * 5 + [8] * 2 + [16]
    assert trials[-1].settings == {"rate": 10, "epochs": 16}


def test_a_training_that_diverges_is_a_trial_without_a_score():
    def score(settings):
        if settings["rate"] > 0.5:
            raise NonFiniteLoss("the loss is nan in step 3\nlower the rate")
        return settings["rate"]

    trials = search(score, [{"rate": 0.9}, {"rate": 0.1}, {"rate": 0.2}])
    assert [trial.score for trial in trials] == [None, 0.1, 0.2]
    assert trials[0].error == "the loss is nan in step 3"
    assert [trial.score for trial in ranked(trials)] == [0.2, 0.1]
    with pytest.raises(TrialError, match="none of 1 trials has a score: the loss is nan in step 3"):
        best(trials[:1])


def test_results_are_not_tried_again(tmp_path):
    seen = []

    def score(settings):
        seen.append(settings["rate"])
        return settings["rate"]

    path = tmp_path / "new folder" / "results.jsonl"
    search(score, [{"rate": 1}, {"rate": 2}], results=path)
    trials = search(score, [{"rate": 3}, {"rate": 2}, {"rate": 1}], results=path)
    assert seen == [1, 2, 3]
    assert [trial.score for trial in trials] == [3, 2, 1]
    assert len(path.read_text().splitlines()) == 3


def test_a_search_goes_on_after_a_kill_even_in_the_middle_of_a_line(tmp_path):
    path = tmp_path / "results.jsonl"
    code = (
        "import sys, time; from nnscratch.training.search import search\n"
        "search(lambda s: time.sleep(0.05) or s['rate'], [{'rate': r} for r in range(1000)], results=sys.argv[1])"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)])
    end = time.monotonic() + 60
    while time.monotonic() < end and not (path.exists() and path.read_text().count("\n") >= 3):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    whole = path.read_text().count("\n")
    assert 3 <= whole < 1000
    with path.open("a") as file:
        file.write('{"settings": {"rate": 9')
    seen = []
    trials = search(lambda s: seen.append(s["rate"]) or 0.5, [{"rate": r} for r in range(whole + 2)], results=path)
    assert seen == [whole, whole + 1]
    assert [trial.score for trial in trials] == [*range(whole), 0.5, 0.5]
    assert all(Trial(**json.loads(line)) for line in path.read_text().splitlines())


def worker(settings):
    return os.getpid() if settings["what"] == "pid" else int(os.environ["NNSCRATCH_THREADS"])


def test_workers_share_the_work_and_the_threads(tmp_path, monkeypatch):
    needs.package("joblib")
    monkeypatch.delenv("NNSCRATCH_THREADS", raising=False)
    trials = search(worker, [{"what": "pid"}, {"what": "threads"}], workers=2, results=tmp_path / "results.jsonl")
    assert trials[0].score != os.getpid()
    assert trials[1].score == max((os.cpu_count() or 1) // 2, 1)
    assert "NNSCRATCH_THREADS" not in os.environ
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 2


def test_joblibs_own_configuration_is_heeded():
    joblib = needs.package("joblib")
    with joblib.parallel_config(backend="threading", n_jobs=2):
        trials = search(lambda settings: os.getpid(), [{"n": 1}, {"n": 2}], workers=None)
    assert {trial.score for trial in trials} == {os.getpid()}


def test_workers_without_joblib_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(TrialError, match=r'pip install "nnscratch\[search\]"'):
        search(hill, [{"rate": 0.1}], workers=2)


def test_clear_errors(tmp_path):
    for make in (lambda: Uniform(1, 1), lambda: Uniform(0, math.inf), lambda: LogUniform(2, 1)):
        with pytest.raises(TrialError, match="the first number must be below the second"):
            make()
    with pytest.raises(TrialError, match="give a low end above 0"):
        LogUniform(0, 1)
    with pytest.raises(TrialError, match="nothing to choose from"):
        Choice()
    with pytest.raises(TrialError, match="count of 0"):
        random_settings(SPACE, 0)
    with pytest.raises(TrialError, match="count of 0 for rate"):
        grid_settings(SPACE, 0)
    with pytest.raises(TrialError, match="share is 1.5"):
        narrow(SPACE, {}, 1.5)
    with pytest.raises(TrialError, match="the settings lack rate, strength"):
        narrow(SPACE, {"act": "relu", "epochs": 3})
    with pytest.raises(TrialError, match="JSON cannot"):
        search(hill, [{"rate": {1}}])
    with pytest.raises(TrialError, match="is nan"):
        search(lambda settings: math.nan, [{"rate": 1}])
    with pytest.raises(TrialError, match="0 rounds"):
        coarse_to_fine(hill, SPACE, rounds=0)
    with pytest.raises(TrialError, match="factor=1"):
        successive_halving(hill, [{"rate": 1}], factor=1)
    path = tmp_path / "notes.txt"
    path.write_text("first line\nsecond line\n")
    with pytest.raises(TrialError, match="line 1, is no trial"):
        search(hill, [{"rate": 1}], results=path)
    assert path.read_text() == "first line\nsecond line\n"
    path.write_text("a note")
    with pytest.raises(TrialError, match="line 1, is no trial"):
        search(hill, [{"rate": 1}], results=path)
    assert path.read_text() == "a note"


def test_a_line_that_lacks_only_its_end_is_tried_again(tmp_path):
    path = tmp_path / "results.jsonl"
    search(hill, [{"rate": 0.1}, {"rate": 0.2}], results=path)
    path.write_text(path.read_text()[:-1])
    search(hill, [{"rate": 0.1}, {"rate": 0.2}, {"rate": 0.3}], results=path)
    rates = [Trial(**json.loads(line)).settings["rate"] for line in path.read_text().splitlines()]
    assert rates == [0.1, 0.2, 0.3]
