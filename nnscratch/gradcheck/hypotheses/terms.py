"""One of the ways in which an input acts on the output is missing from its gradient."""

import itertools
import math

import numpy as np

from nnscratch.gradcheck.evidence import Evidence, evidence_of  # noqa: F401
from nnscratch.gradcheck.findings import Finding


def invariance_lost(seen: Evidence) -> Finding | None:
    """The right gradient sums to zero along some axes (a mean or a sum is subtracted), backward's does not.

    The same with x - mean as weights: then the output does not depend on the scale of x.

    >>> seen = evidence_of(lambda x: (x - x.mean(axis=0), None), lambda dout, cache: dout, np.ones((4, 3)))
    >>> invariance_lost(seen).kind
    'missing-term'
    """
    if not seen.whole or not np.isfinite(seen.analytic).all():
        return None
    if seen.pairs is not None and seen.out.size > 1 and seen.pairs.right.any() and not seen.pairs.wrong.any():
        return None  # a path that is missing is missing on every way
    for count in range(1, seen.x.ndim + 1):
        for along in itertools.combinations(range(seen.x.ndim), count):
            if math.prod(seen.x.shape[axis] for axis in along) < 3:
                continue
            centred = seen.x - seen.x.mean(axis=along, keepdims=True)
            for weights, path in ((None, "mean"), (centred, "variance"), (seen.x, "length")):
                if sums_to_zero(seen.numeric, weights, along) and not sums_to_zero(
                    seen.analytic, weights, along, 1e-2
                ):
                    return _path(seen, along, path)
    return None


def _path(seen, along, path):
    axes = ", ".join(map(str, along))
    if path == "mean":
        evidence = (
            f"along axis {axes} the right d{seen.name} sums to 0, yours does "
            f"not: adding a constant to {seen.name} "
        )
        evidence += (
            "changes nothing, so a path that subtracts is missing (through a mean, a maximum or a softmax's sum)"
        )
        return Finding(
            "missing-term",
            seen.name,
            evidence,
            f"subtract what flows back through the sum or mean over axis {axes}",
        )
    evidence = (
        f"along axis {axes} the path through the {path} is missing: scaling "
        f"{seen.name} changes nothing in forward, "
    )
    evidence += f"but d{seen.name} is not at right angles to {seen.name}"
    return Finding(
        "missing-term", seen.name, evidence, f"add what flows back through the {path} (a term along {seen.name})"
    )


def sums_to_zero(
    gradient: np.ndarray, weights: np.ndarray | None, along: tuple[int, ...], share: float = 1e-5
) -> bool:
    """Whether a gradient, times weights, sums to zero along some axes.

    >>> sums_to_zero(np.array([[1.0, -1.0], [2.0, -2.0]]), None, (1,))
    True
    """
    terms = gradient if weights is None else gradient * weights
    size = np.abs(terms).sum(axis=along)
    return bool(np.any(size > 0)) and bool(np.all(np.abs(terms.sum(axis=along)) <= share * np.max(size)))


def proportional_error(seen: Evidence) -> Finding | None:
    """The error is some array of the forward pass times numbers that are constant along an axis.

    >>> seen = evidence_of(lambda x: (3 * x + x**2, x), lambda dout, x: 2 * dout * x, np.linspace(1, 2, 6))
    >>> proportional_error(seen).evidence
    'dx0 lacks 3 times dout'
    """
    if not seen.whole or not np.isfinite(seen.analytic).all() or seen.x.size < 4:
        return None
    error = seen.numeric - seen.analytic
    for name, array in [*seen.named, ("dout", seen.dout)]:
        if array.shape != seen.x.shape:
            continue
        whole = tuple(range(seen.x.ndim))
        for along in (whole, *((axis,) for axis in whole if seen.x.shape[axis] > 2)):
            top, bottom = (error * array).sum(axis=along, keepdims=True), (array**2).sum(axis=along, keepdims=True)
            with np.errstate(all="ignore"):
                share = np.where(bottom > 0, top / bottom, 0.0)
            if seen.explains(seen.numeric - share * array):
                amount = (
                    f"{float(share.reshape(-1)[0]):.4g} times {name}"
                    if along == whole
                    else f"a multiple of {name}"
                )
                if along != whole:
                    amount += f" for each place beside axis {along[0]}"
                evidence = f"d{seen.name} lacks {amount}"
                advice = (
                    f"add the term: {seen.name} acts on the output in a second way (a penalty, a skip, a norm)"
                )
                return Finding("missing-term", seen.name, evidence, advice)
    return None


def path_missing(seen: Evidence) -> Finding | None:
    """Where all else fails: one of the ways in which the input acts on the output may be missing.

    >>> both = lambda x: (np.stack([x, x**2]), x)
    >>> seen = evidence_of(both, lambda dout, x: dout[0].copy(), np.linspace(1, 2, 3))
    >>> path_missing(seen).kind
    'missing-term'
    """
    evidence = f"d{seen.name} may lack one of the ways in which {seen.name} acts on the output"
    if seen.pairs is not None and seen.pairs.right.any():
        faulty, linked = int((seen.pairs.lost | seen.pairs.wrong).sum()), int(seen.pairs.linked.sum())
        evidence = f"of the {linked} ways from {seen.name} to the output {faulty} are not right, the others are"
    advice = "follow every arrow out of the variable and add up what comes back"
    return Finding("missing-term", seen.name, evidence, advice)
