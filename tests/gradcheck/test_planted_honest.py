"""The planted suite keeps its word: correct pairs are correct, and each wrong one breaks the rule of its kind."""

import copy
import inspect
import warnings
from collections import Counter

import numpy as np
import pytest

from tests.gradcheck import planted, planted_held_out
from tests.gradcheck.planted import KINDS

CORRECT = planted.CORRECT + planted_held_out.CORRECT
WRONG = planted.WRONG + planted_held_out.WRONG
SEEDS = [pytest.param((0,), id="once"), pytest.param(range(1, 5), id="four times", marks=pytest.mark.slow)]
WIDE = np.longdouble
STEPS = (1e-4, 1e-7, 1e-9, 1e-2, 1e-11) if np.finfo(WIDE).eps < 1e-18 else (1e-3, 1e-4, 1e-5, 1e-2)


def over(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name.replace(" ", "-"))


def wrt_of(case, inputs):
    return case.wrt or tuple(i for i, array in enumerate(inputs) if array.dtype.kind == "f")


def listed(gradients):
    return list(gradients) if isinstance(gradients, tuple | list) else [gradients]


def drawn(case, seed):
    """Inputs, forward's (out, cache) of a copy of them, and a random dout."""
    rng = np.random.default_rng(seed)
    inputs = case.inputs(rng)
    out, cache = case.forward(*copy.deepcopy(inputs), **case.options)
    return inputs, out, cache, rng.normal(size=np.shape(out))


def same(a, b):
    """Whether two nests of arrays are equal to the last bit, shapes and dtypes included."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    return a is b or a == b or (a != a and b != b)


def other_inputs(inputs):
    """Inputs of the same shapes, drawn without letting a case forget what it remembers."""
    rng = np.random.default_rng(987654321)
    return tuple(a + rng.normal(size=a.shape) if a.dtype.kind == "f" else a.copy() for a in inputs)


def called(case, inputs, dout, between=None):
    """Gradients of a fresh forward and backward, with a forward of other inputs in between if they are given."""
    _, cache = case.forward(*copy.deepcopy(inputs), **case.options)
    if between is not None:
        case.forward(*copy.deepcopy(between), **case.options)
    return copy.deepcopy(listed(case.backward(dout.copy(), cache)))


def broken_rules(case, seed):
    """The names of the kinds of mistake that can be told without any derivative."""
    inputs, out, cache, dout = drawn(case, seed)
    broken = set()
    given, dgiven = copy.deepcopy(inputs), dout.copy()
    again, cache = case.forward(*given, **case.options)
    kept = copy.deepcopy((inputs, cache))
    first = copy.deepcopy(listed(case.backward(dgiven, cache)))
    if not same((given, cache), kept) or not same(dgiven, dout):
        broken.add("mutates")
    second, third = called(case, inputs, dout), called(case, inputs, dout, other_inputs(inputs))
    if not same(again, out) or not same(first, second) or not same(first, third):
        broken.add("nondeterministic")
    wanted = [inputs[i] for i in wrt_of(case, inputs)]
    if len(first) != len(wanted) or any(np.shape(g) != w.shape for g, w in zip(first, wanted)):
        return broken | {"wrong-shape"}
    if any(np.asarray(g).dtype != np.float64 for g in first):
        broken.add("wrong-dtype")
    if not all(np.isfinite(g).all() for g in first):
        broken.add("non-finite")
    return broken


def gap(case, inputs, dout):
    """The largest difference from the correct gradients, relative to the largest of each."""
    gradients, right = called(case, inputs, dout), called(case.right, inputs, dout)
    return max(abs(g - r).max() / (abs(r).max() + 1e-300) for g, r in zip(gradients, right))


def one_sided(case, inputs, place, change, step):
    """The derivative of every output as inputs[place] moves along `change`, extrapolated from three steps."""

    def at(h):
        moved = [a.astype(WIDE) if a.dtype.kind == "f" else a for a in inputs]
        for i, d in zip(place, change):
            moved[i] = moved[i] + WIDE(h) * d
        return np.asarray(case.forward(*moved, **case.options)[0], WIDE)

    start, *ends = (at(h) for h in (0, step, step / 2, step / 4))
    d1, d2, d4 = ((end - start) / (WIDE(step) / n) for end, n in zip(ends, (1, 2, 4)))
    return (8 * d4 - 6 * d2 + d1) / 3, abs(start) + abs(ends[0])


def jacobian(case, cache, out):
    """For each output a list of gradients: backward is asked for one output at a time."""
    for j in range(np.size(out)):
        dout = np.zeros(np.size(out))
        dout[j] = 1
        yield listed(case.backward(dout.reshape(np.shape(out)) if np.ndim(out) else dout[0], copy.deepcopy(cache)))


def between(value, size, case, inputs, place, change):
    """Whether each output's derivative lies between the one-sided ones, at one of several steps at least."""
    good = np.zeros(value.shape, bool)
    for step in STEPS:
        ahead, level = one_sided(case, inputs, place, change, step)
        behind, _ = one_sided(case, inputs, place, change, -step)
        noise = 1e3 * np.finfo(WIDE).eps * level / abs(step)
        heard = (noise <= 1e-4 * size) | (step == max(STEPS))
        slack = 1e-6 * size + 1e-14 * size.max(initial=0) + np.where(heard, noise, 0)
        good |= (value <= np.maximum(ahead, behind) + slack) & (value >= np.minimum(ahead, behind) - slack)
        if good.all():
            return True
    return False


def some_changes(inputs, place, rng, coordinates):
    """Joint directions through all inputs, then single coordinates, each as long as the numbers it changes."""
    lengths = [np.where(inputs[i] == 0, 1.0, abs(inputs[i])) for i in place]
    yield lengths
    yield [length * rng.normal(size=length.shape) for length in lengths]
    for n, length in enumerate(lengths):
        for flat in rng.permutation(length.size)[:coordinates]:
            change = [np.zeros(length.shape) for length in lengths]
            change[n].flat[flat] = length.flat[flat]
            yield change


def derivative_is_right(case, inputs, rng, coordinates=4):
    """Compare backward with one-sided differences, output by output, in some directions."""
    out, cache = case.forward(*copy.deepcopy(inputs), **case.options)
    place, rows = wrt_of(case, inputs), list(jacobian(case, cache, out))
    for change in some_changes(inputs, place, rng, coordinates):
        value = np.array([sum((g * d).sum() for g, d in zip(row, change)) for row in rows])
        size = np.array([sum((abs(g) * abs(d)).sum() for g, d in zip(row, change)) for row in rows])
        if not between(value.reshape(np.shape(out)), size.reshape(np.shape(out)), case, inputs, place, change):
            return False
    return True


def is_right_nearby(case, inputs, dout, rng):
    """Whether the gradients are those of a smooth point very near by, at which they are right.

    This is how several corners that meet in one output are judged: each relu may pick its own side.
    """
    here = called(case, inputs, dout)
    for _ in range(1000):
        near = tuple(a + 1e-9 * rng.normal(size=a.shape) if a.dtype.kind == "f" else a for a in inputs)
        close = all(np.allclose(g, h, rtol=1e-6, atol=1e-6) for g, h in zip(called(case, near, dout), here))
        if close and derivative_is_right(case, near, rng):
            return True
    return False


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


@over(CORRECT)
@pytest.mark.parametrize("seeds", SEEDS)
def test_correct_pairs_are_correct(case, seeds):
    for seed in seeds:
        assert broken_rules(case, seed) == set()
        inputs, _, _, dout = drawn(case, seed)
        rng = np.random.default_rng(seed)
        assert derivative_is_right(case, inputs, rng) or is_right_nearby(case, inputs, dout, rng)


@over(WRONG)
@pytest.mark.parametrize("seeds", SEEDS)
def test_wrong_pairs_are_wrong(case, seeds):
    for seed in seeds:
        broken = broken_rules(case, seed)
        inputs, out, _, dout = drawn(case, seed)
        if case.kind in ("mutates", "wrong-shape", "non-finite"):
            assert case.kind in broken
        elif case.kind == "nondeterministic":
            assert case.kind in broken or gap(case, other_inputs(inputs), dout) > 1e-3
        elif case.kind == "wrong-dtype":
            assert broken == {"wrong-dtype"} or gap(case, inputs, dout) > 1e-9
        else:
            assert broken == set()
            assert np.array_equal(out, case.right.forward(*inputs, **case.options)[0])
            assert gap(case, inputs, dout) > 1e-5
            assert not derivative_is_right(case, inputs, np.random.default_rng(seed))


@over([case for case in WRONG if case.kind == "zero-gradient"])
def test_a_zero_gradient_is_zero(case):
    inputs, _, _, dout = drawn(case, 0)
    gradients, right = called(case, inputs, dout), called(case.right, inputs, dout)
    assert any(not g.any() and r.any() for g, r in zip(gradients, right))


def test_every_kind_is_planted_in_both_sets():
    everywhere = Counter(case.kind for case in WRONG)
    held_out = Counter(case.kind for case in planted_held_out.WRONG)
    assert set(everywhere) == set(KINDS)
    assert min(everywhere.values()) >= 6
    assert min(held_out[kind] for kind in KINDS) >= 2
    assert len(planted_held_out.WRONG) >= len(WRONG) / 3
    assert all(set(case.also) <= set(KINDS) - {case.kind} for case in WRONG)


def test_the_sets_are_large_and_their_names_unique():
    assert len(CORRECT) >= 45
    assert len(WRONG) >= 170
    assert all(case.kind is None for case in CORRECT)
    assert max(Counter(case.name for case in CORRECT + WRONG).values()) == 1


@over(CORRECT + WRONG)
def test_cases_are_small_and_draw_float64(case):
    inputs = case.inputs(np.random.default_rng(0))
    assert sum(array.size for array in inputs) <= 3000
    assert all(array.dtype == np.float64 or array.dtype.kind in "iub" for array in inputs)
    assert len(inspect.signature(case.backward).parameters) == 2
