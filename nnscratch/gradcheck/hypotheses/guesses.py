"""What the table of derivatives looks like as a whole: good guesses, asked for where nothing fits exactly."""

import math

import numpy as np

from nnscratch.gradcheck.evidence import Evidence, evidence_of, example_by_example  # noqa: F401
from nnscratch.gradcheck.findings import Finding
from nnscratch.gradcheck.hypotheses.places import moved_along_one_axis
from nnscratch.gradcheck.hypotheses.terms import invariance_lost

AT_RIGHT_ANGLES = 0.15  # the cosine of two random tables of some dozens of numbers is about as small


def same_size(seen: Evidence) -> Finding | None:
    """Backward's derivatives are as large as the right ones, all squared and added up, but stand elsewhere.

    >>> x = np.arange(24.0).reshape(2, 3, 4)
    >>> same_size(evidence_of(lambda x: (np.sin(x), np.cos(x)), lambda dout, c: (dout * c)[:, ::-1], x)).kind
    'transposed'
    """
    if seen.table is None or not seen.pairs.right.any() and not seen.pairs.wrong.any():
        return None
    if not seen.pairs.wrong.any() and not seen.regular:
        return None  # a mask that differs from example to example
    if moved_along_one_axis(seen):
        return None  # no axes were exchanged
    analytic, numeric = seen.pairs.analytic, seen.pairs.numeric
    size, off = float((numeric**2).sum()), float(((analytic - numeric) ** 2).sum())
    if abs(float((analytic**2).sum()) - size) > 1e-4 * off or off < 1e-6 * size:
        return None
    slack = 1e-6 * math.sqrt(size / numeric.size)
    if np.allclose(np.abs(analytic), np.abs(numeric), rtol=1e-5, atol=slack):
        return None  # signs differ
    values, right = np.sort(np.abs(analytic), axis=None), np.sort(np.abs(numeric), axis=None)
    same = np.allclose(values, right, rtol=1e-5, atol=slack)
    words = "the same derivatives stand in other places" if same else "the derivatives are as large taken together"
    evidence = f"d{seen.name}: {words}, as where an axis is flipped or two axes are exchanged"
    advice = "look at every .T, swapaxes, reshape, axis=... and [::-1] on the way"
    return Finding("transposed", seen.name, evidence, advice)


def misplaced(seen: Evidence) -> Finding | None:
    """In every example alike, ways to the output are left out and others taken that forward does not go.

    >>> def backward(dout, cache):
    ...     return np.roll(dout, 1, axis=1)
    >>> misplaced(evidence_of(lambda x: (np.sort(x, axis=1), None), backward, np.arange(24.0).reshape(2, 12))).kind
    'border'
    """
    if seen.pairs is None or not (seen.pairs.lost.any() and seen.pairs.leaked.any() and seen.regular):
        return None
    evidence = f"in every example alike d{seen.name} takes some numbers of dout from places that are not theirs"
    advice = "follow one number through forward and backward: look at the padding, slices and starts of windows"
    return Finding("border", seen.name, evidence, advice)


def steps_differ(seen: Evidence) -> Finding | None:
    """As `misplaced`, for images, over which windows move in steps.

    >>> def backward(dout, x):
    ...     dx = np.zeros_like(x)
    ...     dx[..., :5] = dout
    ...     return dx
    >>> steps_differ(evidence_of(lambda x: (x[..., 1:11:2], x), backward, np.ones((2, 1, 1, 12)))).kind
    'stride'
    """
    if not misplaced(seen) or max(seen.x.ndim, seen.out.ndim) < 4:
        return None
    evidence = (
        f"in every example alike d{seen.name} goes other ways than forward, as with another stride or dilation"
    )
    return Finding("stride", seen.name, evidence, "use stride and dilation in backward as in forward")


def other_winners(seen: Evidence) -> Finding | None:
    """As `misplaced`, but not in every example alike, so that the numbers themselves decide what is left out.

    >>> x = np.array([[1.0, 3.0, 2.0], [3.0, 1.0, 2.0]])
    >>> def backward(dout, x):
    ...     return dout[:, None] * (x == x.min(axis=1, keepdims=True))
    >>> other_winners(evidence_of(lambda x: (x.max(axis=1), x), backward, x)).kind
    'wrong-mask'
    """
    if seen.pairs is None or not (seen.pairs.lost.any() and seen.pairs.leaked.any()) or seen.regular:
        return None
    evidence = f"d{seen.name} takes other ways than forward, and not the same in every example"
    return Finding("wrong-mask", seen.name, evidence, "use the mask, switch or index that forward used")


def exchanged(seen: Evidence) -> Finding | None:
    """Ways to the output are left out, and others taken that forward does not go.

    >>> def backward(dout, x):
    ...     return x.sum(axis=1, keepdims=True) * dout.T
    >>> exchanged(evidence_of(lambda x: (x.sum(axis=1)[:, None] * x, x), backward, np.ones((3, 3)))).kind
    'transposed'
    """
    if seen.pairs is None or not (seen.pairs.lost.any() and seen.pairs.leaked.any()):
        return None
    evidence = f"d{seen.name} takes ways that forward does not go instead of those that it goes"
    return Finding("transposed", seen.name, evidence, "look whether two axes, or two gradients, are exchanged")


def reaches_too_far(seen: Evidence) -> Finding | None:
    """Elements get a gradient from outputs that they do not act on, and none is left out.

    >>> x = np.array([[1.0, 2.0, 3.0]])
    >>> forward = lambda x: (np.cumsum(x**2, axis=1), x)
    >>> seen = evidence_of(forward, lambda dout, x: 3 * x * dout.sum(axis=1, keepdims=True), x)
    >>> reaches_too_far(seen).kind
    'missing-mask'
    """
    pairs = seen.pairs
    if pairs is None or pairs.lost.any() or not pairs.leaked.any():
        return None
    evidence = (
        f"d{seen.name} follows {int(pairs.leaked.sum())} ways from {seen.name} to the output that forward "
        "does not go, and leaves none out"
    )
    return Finding("missing-mask", seen.name, evidence, "cut off in backward whatever a mask cut off in forward")


def other_condition(seen: Evidence) -> Finding | None:
    """Where all ways that forward goes are right, a mask that lets too much through may be another than due.

    >>> x = np.array([-1.0, 1.0])
    >>> other_condition(evidence_of(lambda x: (np.maximum(x, 0), None), lambda dout, cache: dout.copy(), x)).kind
    'wrong-mask'
    """
    if not reaches_too_far(seen) or seen.pairs.wrong.any():
        return None
    evidence = f"d{seen.name} is not 0 where it should be, as behind a mask with another condition than forward's"
    return Finding("wrong-mask", seen.name, evidence, "use the mask, switch or index that forward used")


def slope_left_out(seen: Evidence) -> Finding | None:
    """Wherever backward is wrong it gives too much, here more and there less: a slope below 1 is left out.

    >>> seen = evidence_of(lambda x: (np.tanh(x), None), lambda dout, cache: dout.copy(), np.linspace(1, 2, 6))
    >>> slope_left_out(seen).kind
    'missing-term'
    """
    pairs = seen.pairs
    if pairs is None or pairs.lost.any() or pairs.leaked.any() or not pairs.wrong.any():
        return None
    if seen.out.ndim and len(seen.wrong_names) == 1 and not example_by_example(seen, seen.name):
        return None  # weights alone: the numbers that they were multiplied by may be others as well
    ratio = pairs.analytic[pairs.wrong] / pairs.numeric[pairs.wrong]
    if ratio.min() < 1 or ratio.max() < 1.01 * ratio.min():
        return None
    evidence = (
        f"d{seen.name} is {ratio.min():.3g} to {ratio.max():.3g} times too large, as if a slope were left out"
    )
    advice = "chain rule: multiply dout by the slope of every function between, the last one first"
    return Finding("missing-term", seen.name, evidence, advice)


def term_of_the_other_sign(seen: Evidence) -> Finding | None:
    """A path that should make the gradient sum to zero may be there, but with the wrong sign.

    >>> centre = lambda x: (x - x.mean(axis=0), None)
    >>> seen = evidence_of(centre, lambda dout, cache: dout + dout.mean(axis=0), np.ones((4, 3)))
    >>> term_of_the_other_sign(seen).kind
    'sign'
    """
    if not invariance_lost(seen) or seen.pairs is not None and seen.pairs.lost.any():
        return None
    evidence = f"the path that makes d{seen.name} sum to zero may have the wrong sign as well"
    return Finding("sign", seen.name, evidence, "what is subtracted in forward is subtracted in backward")


def a_term_turned_round(seen: Evidence) -> Finding | None:
    """Backward's derivatives are about as large as the right ones and far from them: a - b stands for a + b.

    >>> x = np.random.default_rng(0).normal(size=(20, 5))
    >>> w, v = np.random.default_rng(1).normal(size=(2, 5, 5))
    >>> seen = evidence_of(lambda x: (x @ w + x @ v, None), lambda dout, cache: dout @ (w - v).T, x)
    >>> a_term_turned_round(seen).kind
    'sign'
    """
    if seen.all_tables is None or seen.pairs.lost.any() or seen.pairs.leaked.any():
        return None
    analytic, numeric = seen.all_tables
    far = ((analytic - numeric) ** 2).sum() > 0.3 * (numeric**2).sum()
    if not far or abs(_cosine(analytic - numeric, analytic + numeric)) > AT_RIGHT_ANGLES:
        return None
    evidence = (
        f"d{seen.name} is as large as it should be, as where two terms are there, but one has the wrong sign"
    )
    return Finding("sign", seen.name, evidence, "look at each term of the sum: one has + where - belongs")


def part_of_the_whole(seen: Evidence) -> Finding | None:
    """Backward gives a part of the right gradients: some ways are lost, or the rest is at right angles to it.

    >>> x = np.random.default_rng(0).normal(size=(20, 5))
    >>> w, v = np.random.default_rng(1).normal(size=(2, 5, 5))
    >>> seen = evidence_of(lambda x: (x @ w + x @ v, None), lambda dout, cache: dout @ w.T, x)
    >>> part_of_the_whole(seen).kind
    'missing-term'
    """
    if seen.all_tables is None or seen.pairs.leaked.any():
        return None
    analytic, numeric = seen.all_tables
    rest = numeric - analytic
    apart = abs(_cosine(rest, analytic)) <= AT_RIGHT_ANGLES and (rest**2).sum() > 0.05 * (numeric**2).sum()
    if seen.pairs.lost.any():
        lost, linked = int(seen.pairs.lost.sum()), int(seen.pairs.linked.sum())
        evidence = f"{lost} of {linked} ways from {seen.name} to the output are left out"
    elif apart or abs(_cosine(rest, numeric)) <= 1e-6:
        evidence = f"d{seen.name} is a part of what it should be: the rest has nothing in common with it"
    else:
        return None
    advice = "follow every arrow out of the variable and add up what comes back"
    return Finding("missing-term", seen.name, evidence, advice)


def weights_overwritten(seen: Evidence) -> Finding | None:
    """As `overwritten`, for weights that act on all examples, or elements that are copied.

    >>> x = np.arange(1.0, 7.0).reshape(2, 3)
    >>> forward = lambda w: (np.stack([x * w, x * w**2], axis=1), w)
    >>> seen = evidence_of(forward, lambda dout, w: (dout[:, 0] * x).sum(axis=0), np.ones(3))
    >>> weights_overwritten(seen).kind
    'not-accumulated'
    """
    if not overwritten(seen):
        return None
    alike = seen.pairs.lost.any() and _copied(seen.pairs)
    return overwritten(seen) if alike or not example_by_example(seen, seen.name) else None


def _copied(pairs):
    """Whether every element with lost ways acts on several outputs alike, and one of them is kept."""
    mine = pairs.lost.any(axis=0)
    numeric, linked = pairs.numeric[:, mine], pairs.linked[:, mine]
    low, high = np.where(linked, numeric, np.inf).min(axis=0), np.where(linked, numeric, -np.inf).max(axis=0)
    return bool(np.all(pairs.right[:, mine].sum(axis=0) == 1) and np.all(high - low <= 1e-6 * np.abs(high)))


def overwritten(seen: Evidence) -> Finding | None:
    """What is there of this gradient is right, and the rest of a sum may be overwritten.

    >>> seen = evidence_of(lambda x: (np.stack([x, 2 * x]), None), lambda dout, cache: 2 * dout[1], np.ones(3))
    >>> overwritten(seen).kind
    'not-accumulated'
    """
    if not part_of_the_whole(seen):
        return None
    kept_some = (seen.pairs.lost & seen.pairs.right.any(axis=0)).any() and not seen.pairs.wrong.any()
    if not kept_some and (seen.pairs.lost.any() or len(seen.wrong_names) > 1):
        return None
    evidence = f"d{seen.name} keeps a part of a sum, as where it is overwritten instead of added to"
    return Finding("not-accumulated", seen.name, evidence, "add up: `d += ...` instead of `d = ...`")


def way_back_missing(seen: Evidence) -> Finding | None:
    """Only what goes back to the layer before is wrong, so that all before the last step is likely right.

    >>> x, w = np.random.default_rng(0).normal(size=(2, 4, 4))
    >>> forward = lambda x, w: (np.tanh(x @ w) + x**2 / 9, (x, w))
    >>> def backward(dout, cache):
    ...     x, w = cache
    ...     dscores = dout * (1 - np.tanh(x @ w) ** 2)
    ...     return dscores @ w.T, x.T @ dscores
    >>> way_back_missing(evidence_of(forward, backward, x[:3], w)).kind
    'missing-term'
    """
    if seen.pairs is None or not seen.pairs.wrong.any():
        return None
    if seen.out.ndim and not all(example_by_example(seen, name) for name in seen.wrong_names):
        return None
    others = [name for name in seen.visit.grads if name not in seen.wrong_names]
    evidence = f"d{seen.name} may lack one of the ways in which {seen.name} acts on the output"
    if others:
        evidence += f"; the numbers on the way to d{others[0]} are right"
    advice = "follow every arrow out of the variable and add up what comes back"
    return Finding("missing-term", seen.name, evidence, advice)


def other_numbers(seen: Evidence) -> Finding | None:
    """Whatever acts on an output gets its share, but other numbers than due: another array was taken.

    >>> x, w = np.random.default_rng(0).normal(size=(2, 4, 4))
    >>> seen = evidence_of(lambda x: (x @ w, w), lambda dout, w: dout @ (w + np.sin(9 * w)).T, x)
    >>> other_numbers(seen).kind
    'wrong-cache-variable'
    """
    pairs = seen.pairs
    if pairs is not None and not pairs.wrong.any():
        return None
    evidence = f"the numbers in d{seen.name} are others than due, as where backward takes one array for another"
    advice = "compare each name on the right-hand side with the derivation: x or out, this step or the next"
    return Finding("wrong-cache-variable", seen.name, evidence, advice)


def _cosine(a, b):
    return float((a * b).sum()) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-300)
