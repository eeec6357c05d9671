"""What did not reach the output gets a gradient, or what did gets none: a mask is missing or wrong."""

import numpy as np

from nnscratch.gradcheck.evidence import Evidence, evidence_of, example_by_example  # noqa: F401
from nnscratch.gradcheck.findings import Finding
from nnscratch.gradcheck.hypotheses.terms import invariance_lost, sums_to_zero


def wrong_at_ties(seen: Evidence) -> Finding | None:
    """The gradient is wrong only where several elements tie, or on a corner of the function.

    >>> def backward(dout, x):
    ...     return dout * (x == x.max())
    >>> seen = evidence_of(lambda x: (x.max(), x), backward, np.array([1.0, 1.0, 0.0]))
    >>> wrong_at_ties(seen).kind
    'wrong-mask'
    """
    found = seen.examination
    if not found.at_kink.any() or (found.at_kink != (found.words == 3)).any():
        return None
    evidence = (
        f"d{seen.name} is right away from ties and corners, but at one no slope of either side gives its value"
    )
    advice = "where several elements tie, hand dout to one of them (or share it), not the whole to each"
    return Finding("wrong-mask", seen.name, evidence, advice)


def mask_inside(seen: Evidence) -> Finding | None:
    """Ways to the output are lost on which the right derivatives sum to zero, as where a softmax has a mask.

    >>> def forward(x):
    ...     e = np.exp(x) * np.tri(4)
    ...     weights = e / e.sum(axis=1, keepdims=True)
    ...     return weights, weights
    >>> def backward(dout, w):
    ...     dx = w * (dout - (dout * w).sum(axis=1, keepdims=True))
    ...     return dx * np.tri(4, k=-1)
    >>> mask_inside(evidence_of(forward, backward, np.arange(16.0).reshape(4, 4) / 9)).kind
    'wrong-mask'
    """
    pairs = seen.pairs
    if pairs is None or pairs.wrong.any() or pairs.leaked.any() or not pairs.lost.any() or not pairs.right.any():
        return None
    if seen.out.size == 1:
        return None
    if seen.x.shape == seen.out.shape and not (pairs.right & ~np.eye(seen.x.size, dtype=bool)).any():
        return None
    if seen.x.ndim < 2 or not any(sums_to_zero(seen.numeric, None, (axis,)) for axis in range(seen.x.ndim)):
        return None
    evidence = (
        f"{int(pairs.lost.sum())} ways from {seen.name} through a softmax (or another share of a whole) are lost"
    )
    return Finding("wrong-mask", seen.name, evidence, "hide in backward what forward hid, and no more")


def sides_swapped(seen: Evidence) -> Finding | None:
    """Two slopes have changed places: the ratio is r on one side and 1 / r on the other.

    >>> x = np.array([-1.0, 1.0, 2.0])
    >>> leaky = lambda x: (np.where(x > 0, x, 0.1 * x), x)
    >>> seen = evidence_of(leaky, lambda dout, x: dout * np.where(x > 0, 0.1, 1), x)
    >>> sides_swapped(seen).kind
    'wrong-mask'
    """
    if not np.isfinite(seen.analytic).all() or np.any(seen.numeric[seen.bad] == 0) or not seen.bad.any():
        return None
    ratio = seen.analytic[seen.bad] / seen.numeric[seen.bad]
    low, high = ratio.min(), ratio.max()
    two = np.all((np.abs(ratio - low) < 1e-3 * abs(low)) | (np.abs(ratio - high) < 1e-3 * abs(high)))
    if not two or low <= 0 or high - low < 1e-2 * high or abs(low * high - 1) > 1e-3:
        return None
    evidence = f"d{seen.name} is {high:.3g} times too large in some elements and as much too small in the others"
    return Finding(
        "wrong-mask", seen.name, evidence, "the two cases of the mask have changed places: turn the condition"
    )


def wrong_mask(seen: Evidence) -> Finding | None:
    """Derivatives are 0 that should not be (and perhaps the reverse), and the others are right.

    >>> x = np.array([-1.0, 1.0, 2.0])
    >>> seen = evidence_of(lambda x: (np.maximum(x, 0), x), lambda dout, x: dout * (x < 0), x)
    >>> wrong_mask(seen).kind
    'wrong-mask'
    """
    leaked, lost = _count(seen)
    if not lost or invariance_lost(seen) or (not leaked and _in_a_block(seen)):
        return None
    if leaked and seen.regular and not seen.pairs.own_place_only:
        return None  # a mask differs from example to example
    if leaked:
        evidence = f"d{seen.name} is 0 where it should not be, and not 0 where it should"
        advice = (
            "use the mask of the forward pass: look at its condition (x > 0, "
            "the place of the maximum), not at another"
        )
        return Finding("wrong-mask", seen.name, evidence, advice)
    evidence = f"d{seen.name} is 0 in places that do act on the output, and right in the others"
    return Finding(
        "wrong-mask", seen.name, evidence, "the mask is too strict: compare its condition with that of forward"
    )


def missing_mask(seen: Evidence) -> Finding | None:
    """Derivatives that should be 0 are not, and the others are right; or a clip is forgotten.

    >>> x = np.array([-1.0, 1.0, 2.0])
    >>> seen = evidence_of(lambda x: (np.maximum(x, 0), x), lambda dout, x: dout.copy(), x)
    >>> missing_mask(seen).kind
    'missing-mask'
    """
    leaked, lost = _count(seen)
    if leaked and not lost:
        evidence = f"d{seen.name} is not 0 in places that do not act on the output, and right in the others"
        advice = (
            "multiply by the mask of the forward pass: what was set to 0 (or "
            "lost against a maximum) gets no gradient"
        )
        return Finding("missing-mask", seen.name, evidence, advice)
    return None if leaked or lost else _clipped(seen)


def mask_forgotten(seen: Evidence) -> Finding | None:
    """As `missing_mask`, in what goes back to the layer before: weights may see another array as well.

    >>> x = np.array([[-1.0, 1.0, 2.0]])
    >>> mask_forgotten(evidence_of(lambda x: (np.maximum(x, 0), x), lambda dout, x: dout.copy(), x)).kind
    'missing-mask'
    """
    return missing_mask(seen) if not seen.out.ndim or example_by_example(seen, seen.name) else None


def _count(seen):
    """How many derivatives are leaked and how many lost, 0 and 0 where the error is of another sort."""
    pairs = seen.pairs
    if pairs is None or seen.out.size == 1:
        return _count_elements(seen)
    leaked, lost = int(pairs.leaked.sum()), int(pairs.lost.sum())
    if pairs.wrong.sum() > 0.2 * (leaked + lost):
        return 0, 0
    partly = (pairs.lost.any(axis=0) & (pairs.right | pairs.wrong).any(axis=0)).sum()
    if lost and not leaked and partly >= 0.3 * pairs.lost.any(axis=0).sum():
        return 0, 0  # elements keep some of their outputs: a path is missing, no mask
    return leaked, lost


def _count_elements(seen):
    if not seen.bad.any():
        return 0, 0
    small = 1e-8 * max(seen.size, float(np.max(np.abs(np.nan_to_num(seen.analytic)))))
    zero_a, zero_n = np.abs(seen.analytic[seen.bad]) <= small, np.abs(seen.numeric[seen.bad]) <= small
    leaked, lost = int((zero_n & ~zero_a).sum()), int((zero_a & ~zero_n).sum())
    return (leaked, lost) if leaked + lost >= 0.3 * seen.bad.sum() else (0, 0)


def _in_a_block(seen):
    """Whether the elements without gradient are whole places along the last axis, next to each other."""
    if seen.x.ndim == 0 or not seen.whole:
        return False
    lost = seen.bad & (np.abs(seen.analytic) <= 1e-9 * seen.size)
    rows = lost.reshape(-1, seen.x.shape[-1])
    places = np.flatnonzero(rows.any(axis=0))
    contiguous = len(places) > 1 and places[-1] - places[0] == len(places) - 1
    return bool(contiguous and rows[:, places].all())


def _clipped(seen):
    """Where the gradient is wrong, differences give one and the same slope, as beyond the bounds of a clip."""
    share = (seen.numeric / seen.dout) if seen.dout.ndim == 0 or seen.dout.shape == seen.x.shape else seen.numeric
    slopes = np.abs(share[seen.bad])
    if (
        len(slopes) < 3
        or seen.bad.all()
        or np.ptp(slopes) > 1e-5 * np.max(slopes)
        or np.ptp(np.abs(share[~seen.bad])) <= 1e-5
    ):
        return None
    evidence = f"wherever d{seen.name} is wrong the slope is {slopes[0]:.4g}, as beyond the bounds of a clip"
    if np.any(np.abs(np.abs(share[~seen.bad]) - slopes[0]) <= 1e-5 * slopes[0]):
        evidence += ", and so it is in places where backward is right"
        return Finding("wrong-mask", seen.name, evidence, "put the bound where forward has it")
    return Finding("missing-mask", seen.name, evidence, "clip on both sides in backward too, as forward does")
