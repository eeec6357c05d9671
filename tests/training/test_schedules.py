"""Schedules at known points, their bounds, and what they remember."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnscratch.training import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    ScheduleError,
    Step,
    Warmup,
)


@pytest.mark.parametrize(
    ("schedule", "epoch", "factor"),
    [
        (Constant(), 7.5, 1.0),
        (Step(every=2, factor=0.1), 1.99, 1.0),
        (Step(every=2, factor=0.1), 2.0, 0.1),
        (Step(every=2, factor=0.1), 9.5, 1e-4),
        (Exponential(0.5), 1.5, 0.5**1.5),
        (Cosine(), 0, 1.0),
        (Cosine(), 2.5, (1 + math.sqrt(0.5)) / 2),
        (Cosine(end=0.2), 5, 0.6),
        (Cosine(end=0.2), 10, 0.2),
        (OneCycle(warmup=0.4, start=0.2), 0, 0.2),
        (OneCycle(warmup=0.4, start=0.2), 2, 0.6),
        (OneCycle(warmup=0.4, start=0.2), 4, 1.0),
        (OneCycle(warmup=0.4, start=0.2, end=0.1), 7, 0.55),
        (OneCycle(warmup=0.4, start=0.2, end=0.1), 10, 0.1),
        (Warmup(4, start=0.0), 1, 0.25),
        (Warmup(4, start=0.2), 2, 0.6),
        (Warmup(4, then=Cosine()), 4, 1.0),
        (Warmup(4, then=Cosine()), 7, 0.5),
        (Warmup(4, then=Cosine()), 10, 0.0),
        (Warmup(20, then=Cosine(), start=0.0), 10, 0.5),
    ],
)
def test_known_points_of_ten_epochs(schedule, epoch, factor):
    assert schedule(epoch, 10) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
@given(share=st.floats(0, 1), epochs=st.integers(1, 300))
def test_factors_lie_between_0_and_1(name, share, epochs):
    factor = SCHEDULES[name]()(share * epochs, epochs)
    assert isinstance(factor, float)
    assert 0 <= factor <= 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_state_is_json_and_goes_on(name):
    first, second = SCHEDULES[name](), SCHEDULES[name]()
    for loss in [1.0] * 6:
        first.observe(loss)
    second.load_state(json.loads(json.dumps(first.state)))
    for schedule in (first, second):
        schedule.observe(1.0)
    assert first.state == second.state
    assert first(6, 10) == second(6, 10)


def test_a_plateau_lowers_the_rate_again_and_again():
    schedule = ReduceOnPlateau(factor=0.5, patience=2)
    factors = []
    for loss in (3, 2, 2, 2, 2, 1.9, 2, 2, 2, 2, 2, 2):
        schedule.observe(loss)
        factors.append(schedule(0, 10))
    assert factors == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_warmup_hands_observations_on():
    schedule = Warmup(1, then=ReduceOnPlateau(factor=0.5, patience=0))
    for loss in (1.0, 1.0):
        schedule.observe(loss)
    assert schedule(2, 10) == 0.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: Step(every=0),
        lambda: Exponential(factor=0),
        lambda: OneCycle(warmup=0),
        lambda: OneCycle(warmup=1),
        lambda: Warmup(epochs=-1),
        lambda: ReduceOnPlateau(factor=2),
        lambda: ReduceOnPlateau(patience=-1),
    ],
)
def test_settings_that_make_no_sense_are_errors(make):
    with pytest.raises(ScheduleError, match=r"^\w+: \w+ is .*: give a"):
        make()


def test_the_settings_can_be_read():
    assert repr(OneCycle(0.25)) == "OneCycle(warmup=0.25, start=0.04, end=0.0)"


def test_a_schedule_without_a_rule_says_so():
    with pytest.raises(TypeError, match="Schedule has no __call__"):
        Schedule()(0, 1)
