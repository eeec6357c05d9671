"""Each hypothesis fits the mistake that it is about, and no other of the table."""

import numpy as np
import pytest

from nnscratch.gradcheck import KINDS, check_pair
from nnscratch.gradcheck.evidence import evidence_of
from nnscratch.gradcheck.hypotheses import HYPOTHESES

rng = np.random.default_rng(0)
SQUARE, X, W = rng.normal(size=(4, 4)), rng.normal(size=(5, 4)), rng.normal(size=(4, 3))
IMAGE = rng.normal(size=(2, 2, 5, 5))


def affine(x, w):
    return x @ w, (x, w)


def centre(x):
    return x - x.mean(axis=0), None


def relu(x):
    return np.maximum(x, 0), x


def pad_with_edges(x):
    return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "edge"), None


def every_second(x):
    return x[:, :, ::2, ::2], x


def side_by_side(dout, x):
    dx = np.zeros_like(x)
    dx[:, :, : dout.shape[2], : dout.shape[3]] = dout
    return dx


def one_row_too_low(dout, x):
    dx = np.zeros_like(x)
    dx[:, :, 1:] = (2 * dout * x)[:, :, :-1]
    return dx


def last_of_each(dout, words):
    dw = np.zeros((4, 2))
    dw[words] = dout
    return dw


def every_tie(dout, x):
    return dout[:, None] * (x == x.max(axis=1, keepdims=True))


def leaky(x):
    return np.where(x > 0, x, 0.1 * x), x


def gated_by_columns(gate):
    """A gate that is open where it is positive."""
    return X * np.maximum(gate, 0), gate


def scaled_rows(scale):
    return scale[:, None] * SQUARE, None


def added_at_once(dout, cache):
    w, _ = cache
    dw = np.zeros_like(w)
    dw[WORDS] += 2 * dout * w[WORDS]
    return dw


def every_third(x):
    return np.sin(x[:, 1::3]), x


def every_other(dout, x):
    dx = np.zeros_like(x)
    dx[:, 1:7:2] = dout * np.cos(x[:, 1::3])
    return dx


def steps(x):
    return (np.diff(x) ** 2).sum(), x


def one_neighbour(dout, x):
    dx = np.zeros_like(x)
    dx[1:] = 2 * dout * np.diff(x)
    dx[:-1] = -2 * dout * np.diff(x)
    return dx


WORDS = np.array([0, 1, 1, 3, 1])
LONG = rng.normal(size=(2, 9))
GAMMA = np.array([2.0, 3.0, 0.5, 1.5])

# The hypothesis that must fit first, the kind it names, forward, backward, inputs.
MISTAKES = [
    ("zero_gradient", "zero-gradient", relu, lambda d, x: np.zeros_like(d), (X,)),
    ("wrong_at_ties", "wrong-mask", lambda x: (x.max(axis=1), x), every_tie, (np.ones((3, 4)),)),
    ("constant_factor", "constant-factor", affine, lambda d, c: (d @ c[1].T, c[0].T @ d / 5), (X, W)),
    ("constant_factor", "constant-factor", affine, lambda d, c: (1.001 * d @ c[1].T, c[0].T @ d), (X, W)),
    ("constant_factor", "sign", affine, lambda d, c: (d @ c[1].T, -c[0].T @ d), (X, W)),
    ("opposite_sign", "sign", lambda x: (abs(x), x), lambda d, x: d.copy(), (X,)),
    ("other_axes", "transposed", affine, lambda d, c: (d @ c[1].T, d.T @ c[0]), (SQUARE, SQUARE + 1)),
    ("swapped_gradients", "transposed", affine, lambda d, c: (c[0].T @ d, d @ c[1].T), (SQUARE, SQUARE.T + 1)),
    ("other_axes_in_cache", "transposed", affine, lambda d, c: (d @ c[1], c[0].T @ d), (SQUARE, SQUARE + 1)),
    ("another_cached_array", "wrong-cache-variable", lambda x: (np.tanh(x), x), lambda d, x: d * (1 - x**2), (X,)),
    ("shifted", "border", lambda x: (x**2, x), one_row_too_low, (IMAGE,)),
    ("at_the_border", "border", pad_with_edges, lambda d, c: d[:, :, 1:-1, 1:-1].copy(), (IMAGE,)),
    ("other_stride", "stride", every_second, side_by_side, (IMAGE,)),
    ("sides_swapped", "wrong-mask", leaky, lambda d, x: d * np.where(x > 0, 0.1, 1.0), (X,)),
    ("wrong_mask", "wrong-mask", relu, lambda d, x: d * (x < 0), (X,)),
    ("mask_forgotten", "missing-mask", relu, lambda d, x: d.copy(), (X,)),
    ("missing_mask", "missing-mask", gated_by_columns, lambda d, c: (d * X).sum(axis=0), (GAMMA - 1,)),
    ("another_axis", "transposed", scaled_rows, lambda d, c: (d * SQUARE).sum(axis=0), (GAMMA,)),
    ("repeated_index", "not-accumulated", lambda w: (w[WORDS] ** 2, (w, WORDS)), added_at_once, (SQUARE[:, :2],)),
    ("other_stride", "stride", every_third, every_other, (LONG,)),
    ("neighbours_overwritten", "not-accumulated", steps, one_neighbour, (IMAGE[0, 0, 0],)),
    ("repeated_index", "not-accumulated", lambda w: (w[WORDS], WORDS), last_of_each, (SQUARE[:, :2],)),
    ("one_slice_of_a_sum", "not-accumulated", lambda b: (X + b, None), lambda d, c: d[-1].copy(), (GAMMA,)),
    ("one_slice_of_a_sum", "not-accumulated", lambda w: affine(X, w), lambda d, c: np.outer(X[-1], d[-1]), (W,)),
    ("invariance_lost", "missing-term", centre, lambda d, c: d.copy(), (X,)),
    ("factor_along_axes", "missing-term", lambda x: (x * GAMMA, None), lambda d, c: d.copy(), (X,)),
    ("proportional_error", "missing-term", lambda x: (x**2 + 3 * x, x), lambda d, x: 2 * d * x, (X,)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "forward", "backward", "inputs"), MISTAKES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_the_first_hypothesis_that_fits_is_the_right_one(name, kind, forward, backward, inputs):
    seen = evidence_of(forward, backward, *inputs)
    with np.errstate(all="ignore"):
        first, finding = next((h.__name__, h(seen)) for h in HYPOTHESES if h(seen))
    assert (first, finding.kind) == (name, kind)
    assert finding.evidence and finding.advice


def test_every_hypothesis_is_tried_on_a_mistake_of_its_own_and_names_a_known_kind():
    covered = {name for name, *_ in MISTAKES}
    in_doctests = {
        "border_outputs",
        "factor_in_some",
        "mask_inside",
        "moved_along_one_axis",
        "one_slice_of_an_input",
        "part_scaled",
        "quotient_of_cached_arrays",
        "same_size",
        "shifted_outputs",
        "slope_off",
    }
    assert covered | in_doctests == {hypothesis.__name__ for hypothesis in HYPOTHESES}
    assert {kind for _, kind, *_ in MISTAKES} <= set(KINDS)


def test_a_mistake_that_fits_nothing_is_told_with_its_worst_elements():
    strange = rng.normal(size=X.shape)
    report = check_pair(lambda x: (np.sin(x), x), lambda dout, x: dout * (np.cos(x) + strange * x), (X,))
    kinds = {finding.kind for finding in report.findings}
    assert kinds and kinds <= {"unknown", "missing-term", "wrong-cache-variable"}
    assert report.entries[0].worst is not None


@pytest.mark.parametrize("factor", [5, 1 / 5, 2, 20])
def test_a_factor_is_named_by_what_it_may_stand_for(factor):
    [finding] = check_pair(affine, lambda d, c: (d @ c[1].T, factor * c[0].T @ d), (X, W)).findings
    assert finding.kind == "constant-factor"
    assert {5: "batch size", 0.2: "do not divide by the batch size", 2: "2", 20: "number of elements"}[factor] in (
        finding.evidence + finding.advice
    )


def test_a_setting_may_be_the_factor():
    def scale(x, keep=0.3):
        return x / keep, keep

    [finding] = check_pair(scale, lambda dout, keep: dout, (X,)).findings
    assert "keep" in finding.evidence
