"""A sum is due, but the gradient holds one of its slices: the others are overwritten or left out."""

import itertools

import numpy as np

from nnscratch.gradcheck.evidence import Evidence, evidence_of  # noqa: F401
from nnscratch.gradcheck.findings import Finding

ADVICE = (
    "add up: `d += ...` instead of `d = ...`, .sum(axis=...) instead of [0], numpy.add.at for repeated indexes"
)


def one_slice_of_a_sum(seen: Evidence) -> Finding | None:
    """Of several outputs that an element acts on, backward keeps one and forgets the others.

    >>> seen = evidence_of(lambda b: (b + np.zeros((4, 3)), None), lambda dout, cache: dout[0].copy(), np.ones(3))
    >>> one_slice_of_a_sum(seen).evidence
    'dx0 holds one slice along axis 0 of dout, where the sum over all is due'
    """
    pairs = seen.pairs
    if pairs is None or pairs.wrong.any() or pairs.leaked.any() or not pairs.lost.any():
        return None
    kept, due = pairs.right.sum(axis=0), pairs.linked.sum(axis=0)
    forgetful = (kept < due) & (due > 1)
    if not forgetful.any() or np.any(kept[(due > 0)] == 0):
        return None
    axis = _only_slice(seen)
    if axis is None and (_same_place(seen) or np.all(due == due[0])):
        return None
    if axis is None and np.any(kept[forgetful] >= 0.5 * due[forgetful]) and not _many_to_one(kept, due):
        return None
    evidence = (
        f"elements of {seen.name} act on up to {int(due.max())} outputs, but "
        f"d{seen.name} counts {int(kept[forgetful].min())}"
    )
    if axis is not None:
        evidence = f"d{seen.name} holds one slice along axis {axis} of dout, where the sum over all is due"
    return Finding("not-accumulated", seen.name, evidence, ADVICE)


def repeated_index(seen: Evidence) -> Finding | None:
    """Wrong are those elements alone that an array of indexes names more than once.

    >>> words = np.array([0, 1, 1])
    >>> def backward(dout, words):
    ...     dw = np.zeros((3, 2))
    ...     dw[words] += dout
    ...     return dw
    >>> repeated_index(evidence_of(lambda w: (w[words], words), backward, np.ones((3, 2)))).evidence
    'dx0 is wrong only in places that an index names more than once'
    """
    indexes = [a for a in [*seen.visit.subject.inputs.values(), *seen.cached] if _is_index(a)]
    bad = seen.bad & seen.known
    for counts in itertools.chain.from_iterable(_visits(seen.x.shape, index) for index in indexes):
        often = np.broadcast_to(counts > 1, seen.x.shape)
        if (
            bad.any()
            and not (bad & ~often).any()
            and (counts == 1).any()
            and bad.sum() >= 0.9 * (often & seen.known).sum()
        ):
            evidence = f"d{seen.name} is wrong only in places that an index names more than once"
            return Finding("not-accumulated", seen.name, evidence, ADVICE)
    return None


def neighbours_overwritten(seen: Evidence) -> Finding | None:
    """Right are both ends along an axis alone, where there is one neighbour to hear from instead of two.

    >>> def backward(dout, x):
    ...     d, dx = dout * 2 * np.diff(x), np.zeros_like(x)
    ...     dx[1:] = d
    ...     dx[:-1] = -d
    ...     return dx
    >>> x = np.array([1.0, 3.0, 4.0, 9.0, 7.0])
    >>> neighbours_overwritten(evidence_of(lambda x: ((np.diff(x) ** 2).sum(), x), backward, x)).kind
    'not-accumulated'
    """
    for axis in range(seen.x.ndim) if seen.whole else ():
        bad = np.moveaxis(seen.bad, axis, 0)
        if len(bad) > 3 and bad[1:-1].all() and not bad[0].any() and not bad[-1].any():
            evidence = (
                f"d{seen.name} is right at both ends of axis {axis} alone, where one part is added up, not two"
            )
            return Finding("not-accumulated", seen.name, evidence, ADVICE)
    return None


def _is_index(array):
    return isinstance(array, np.ndarray) and array.dtype.kind in "iu" and array.size > 1 and array.min() >= 0


def _visits(shape, index):
    """How often an index names each place of an array: its rows, or one place along an axis for all others."""
    if shape and index.max() < shape[0]:
        counts = np.bincount(index.reshape(-1), minlength=shape[0])
        yield counts.reshape(-1, *[1] * (len(shape) - 1))
    for axis in range(len(shape)) if index.ndim == len(shape) else ():
        if index.max() < shape[axis] and all(
            n == m for a, (n, m) in enumerate(zip(shape, index.shape)) if a != axis
        ):
            counts = np.zeros(shape, int)
            places = list(np.indices(index.shape, sparse=True))
            places[axis] = index
            np.add.at(counts, tuple(places), 1)
            yield counts


def one_slice_of_an_input(seen: Evidence) -> Finding | None:
    """The gradient looks at one slice of a cached array only.

    >>> x = np.arange(12.0).reshape(4, 3) + 1
    >>> seen = evidence_of(lambda w: (x @ w, x), lambda dout, x: np.outer(x[-1], dout[-1]), np.ones((3, 2)))
    >>> one_slice_of_an_input(seen).evidence
    'dx0 uses place 3 along axis 0 of entry 0 of the cache alone'
    """
    if not np.isfinite(seen.analytic).all() or not np.any(seen.analytic):
        return None
    if seen.pairs is not None and seen.pairs.leaked.any():
        return None
    for k in seen.used:
        array = seen.cached[k]
        if array.ndim < 2 or seen.word_for(array) == seen.name:
            continue
        for axis in range(min(array.ndim - 1, 2)):
            if array.shape[axis] < 2 or seen.x.shape == array.shape:
                continue
            for place in (0, array.shape[axis] - 1):
                alone = np.zeros_like(array)
                chosen = tuple(place if a == axis else slice(None) for a in range(array.ndim))
                alone[chosen] = array[chosen]
                if axis == 0 and array.shape[:1] == seen.out.shape[:1] and not _is_silent(seen, place):
                    continue
                gradient = seen.with_cache(
                    lambda j, a, k=k, alone=alone: alone if j == k else a, ("alone", k, axis, place)
                )
                if gradient is not None and np.allclose(gradient, seen.analytic, rtol=1e-12, atol=0):
                    evidence = f"d{seen.name} uses place {place} along axis {axis} of {seen.word_for(array)} alone"
                    return Finding("not-accumulated", seen.name, evidence, ADVICE)
    return None


def _is_silent(seen, place):
    """Whether backward takes nothing from any other example."""
    if seen.pairs is None:
        return True
    used = (seen.pairs.analytic != 0).any(axis=1).reshape(len(seen.out), -1).any(axis=1)
    return not np.delete(used, place).any()


def _only_slice(seen):
    """The axis of the output of which one place alone is kept, or None."""
    kept = seen.pairs.right.any(axis=1).reshape(seen.out.shape)
    for axis in range(seen.out.ndim):
        used = kept.any(axis=tuple(a for a in range(seen.out.ndim) if a != axis))
        if used.sum() == 1 and len(used) > 1:
            return axis
    return None


def _same_place(seen):
    """Whether what is kept is the output at the element's own place, and x is shaped like the output."""
    return seen.x.shape == seen.out.shape and not np.any(seen.pairs.right & ~np.eye(seen.x.size, dtype=bool))


def _many_to_one(kept, due):
    """Whether as few outputs are kept everywhere as where the fewest are due."""
    return bool(np.all(kept[due > 0] == due[due > 0].min()))
