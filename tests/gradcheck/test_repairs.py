"""One operation of backward is done otherwise; what puts the gradient right is named, with its line."""

import numpy as np
import pytest

from nnscratch.gradcheck import check_pair
from nnscratch.gradcheck.evidence import evidence_of
from nnscratch.gradcheck.hypotheses.repairs import repaired

rng = np.random.default_rng(0)
X, W, V = rng.normal(size=(5, 4)), rng.normal(size=(4, 4)), rng.normal(size=(4, 4))


def states_forward(x, w):
    """Three steps of tanh, whose states are handed on."""
    states = [x]
    for _ in range(3):
        states.append(np.tanh(states[-1] @ w))
    return states[-1], (w, states)


def states_backward(dout, cache, late=0, slope=1.0, other=False):
    w, states = cache
    dw = np.zeros_like(w)
    for t in range(3, 0, -1):
        dout = dout * (1 - slope * states[t - other] ** 2)
        dw += states[t - 1 + late].T @ dout
        dout = dout @ w.T
    return dout, dw


def test_a_loop_that_takes_the_next_state_is_mended_at_every_step():
    seen = evidence_of(states_forward, lambda dout, cache: states_backward(dout, cache, late=1), X, W)
    finding = repaired(seen)
    assert finding.kind == "wrong-cache-variable" and "stands for" in finding.evidence


@pytest.mark.parametrize(
    ("kind", "backward"),
    [
        ("sign", lambda d, c: (d @ c[1].T - d * np.cos(c[0]), c[0].T @ d)),
        ("wrong-mask", lambda d, c: (d @ c[1].T + d * np.where(c[0] > 9, 1.0, np.cos(c[0])), c[0].T @ d)),
        ("transposed", lambda d, c: (d @ c[1] + d * np.cos(c[0]), c[0].T @ d)),
        ("missing-term", lambda d, c: (d @ c[1].T + d * np.cos(c[0]), c[0].T @ d + np.tanh(d))),
    ],
)
def test_what_is_no_operation_of_its_own_is_not_mended(kind, backward):
    def forward(x, w):
        return x @ w + np.sin(x), (x, w)

    right = kind in ("wrong-mask", "missing-term")
    try:
        seen = evidence_of(forward, backward, X, W)
    except ValueError:
        assert right
        return
    found = repaired(seen)
    assert (found is None) if right else found.kind == kind


def test_a_backward_that_does_not_take_such_arrays_is_left_alone():
    def strict(dout, x):
        if type(x) is not np.ndarray:
            raise TypeError(type(x))
        return dout * (x + 1)

    assert repaired(evidence_of(lambda x: (x**2, x), strict, X)) is None
    assert not check_pair(lambda x: (x**2, x), strict, (X,)).ok
