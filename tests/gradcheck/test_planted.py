"""Every planted mistake is found and mostly named, no correct pair is blamed."""

import functools

import numpy as np
import pytest

from nnscratch.gradcheck import check_pair
from tests.gradcheck import planted, planted_held_out

# The rules were written with the open set at hand, so it is the other one that tells quickly whether they hold.
both_sets = pytest.mark.parametrize(
    "suite",
    [pytest.param(planted, id="open", marks=pytest.mark.slow), pytest.param(planted_held_out, id="held out")],
)


def examined(case, seed):
    inputs = case.inputs(np.random.default_rng(seed))
    return check_pair(case.forward, case.backward, inputs, wrt=case.wrt, rng=1000 + seed, **case.options)


def blamed(suite, seeds):
    return [(case.name, seed) for seed in seeds for case in suite.CORRECT if not examined(case, seed).ok]


def missed(suite, seeds):
    return [(case.name, seed) for seed in seeds for case in suite.WRONG if examined(case, seed).ok]


@both_sets
def test_no_correct_pair_is_blamed(suite):
    assert blamed(suite, [0]) == []


@functools.cache
def reports(suite):
    return [(case, examined(case, 0)) for case in suite.WRONG]


@both_sets
def test_every_mistake_is_found(suite):
    assert [case.name for case, report in reports(suite) if report.ok] == []


@both_sets
def test_every_mistake_is_told_on_one_screen(suite):
    for _, report in reports(suite):
        assert len(str(report).splitlines()) <= 24


def named(most, *suites):
    """The share of mistakes whose kind is among the first findings."""
    found = [
        bool({case.kind, *case.also} & {finding.kind for finding in report.findings[:most]})
        for suite in suites
        for case, report in reports(suite)
    ]
    return sum(found) / len(found)


@both_sets
def test_the_right_kind_comes_first(suite):
    assert named(1, suite) >= 0.85


@both_sets
def test_the_right_kind_is_among_the_first_two(suite):
    assert named(2, suite) >= 0.93


@pytest.mark.slow
def test_both_sets_together_reach_the_bounds():
    assert named(1, planted, planted_held_out) >= 0.85
    assert named(2, planted, planted_held_out) >= 0.93


@pytest.mark.slow
@both_sets
def test_no_false_alarm_in_fifty_seeds(suite):
    assert blamed(suite, range(50)) == []


@pytest.mark.slow
@both_sets
def test_nothing_is_missed_in_five_seeds(suite):
    assert missed(suite, range(5)) == []
