"""Every circuit's backward pass agrees with differences of its forward pass, and no pair lacks a half."""

import inspect
import random

import pytest

from nnscratch.classic import circuits

PAIRS = sorted(name[:-8] for name in vars(circuits) if name.endswith("_forward"))


def test_every_circuit_has_both_halves():
    assert len(PAIRS) == 8
    assert sorted(name[:-9] for name in vars(circuits) if name.endswith("_backward")) == PAIRS


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("seed", range(5))
def test_backward_agrees_with_differences(pair, seed):
    forward, backward = getattr(circuits, f"{pair}_forward"), getattr(circuits, f"{pair}_backward")
    draw = random.Random(seed)
    inputs = [draw.uniform(0.5, 2) * draw.choice([-1, 1]) for _ in inspect.signature(forward).parameters]
    dout, h = draw.uniform(-3, 3), 1e-6
    found = backward(dout, forward(*inputs)[1])
    found = found if isinstance(found, tuple) else (found,)
    assert len(found) == len(inputs)
    for number, gradient in enumerate(found):
        ends = [
            forward(*[value + side * h * (i == number) for i, value in enumerate(inputs)])[0] for side in (1, -1)
        ]
        assert gradient == pytest.approx(dout * (ends[0] - ends[1]) / (2 * h), rel=1e-6, abs=1e-8)


def test_extremes():
    assert circuits.sigmoid_forward(-1000.0)[0] == 0 and circuits.sigmoid_forward(1000.0)[0] == 1
    assert circuits.maximum_backward(1.0, circuits.maximum_forward(2.0, 2.0)[1]) == (1.0, 0.0)
    with pytest.raises(ZeroDivisionError):
        circuits.reciprocal_forward(0.0)
