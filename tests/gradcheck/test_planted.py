"""Every planted mistake is found and mostly named, no correct pair is blamed."""

import numpy as np
import pytest

from nnscratch.gradcheck import check_pair
from tests.gradcheck import planted, planted_held_out

SETS = {"open": planted, "held out": planted_held_out}
both_sets = pytest.mark.parametrize("suite", SETS.values(), ids=SETS)


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


def test_every_mistake_is_found_and_most_are_named():
    first = second = 0
    cases = [case for suite in SETS.values() for case in suite.WRONG]
    for case in cases:
        report = examined(case, 0)
        assert not report.ok, case.name
        kinds = [finding.kind for finding in report.findings]
        good = {case.kind, *case.also}
        first += bool(good & set(kinds[:1]))
        second += bool(good & set(kinds[:2]))
        assert len(str(report).splitlines()) <= 24
    assert first >= 0.85 * len(cases)
    assert second >= 0.93 * len(cases)


@pytest.mark.slow
@both_sets
def test_no_false_alarm_in_fifty_seeds(suite):
    assert blamed(suite, range(50)) == []


@pytest.mark.slow
@both_sets
def test_nothing_is_missed_in_five_seeds(suite):
    assert missed(suite, range(5)) == []
