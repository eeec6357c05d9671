"""The right numbers stand at the wrong places: axes permuted or flipped, gradients in another order."""

import itertools
from collections.abc import Iterator

import numpy as np

from nnscratch.gradcheck.evidence import Evidence, evidence_of  # noqa: F401
from nnscratch.gradcheck.findings import Finding


def other_axes(seen: Evidence) -> Finding | None:
    """The gradient fits after a permutation or flip of its axes, or of those of dout.

    >>> seen = evidence_of(lambda x: (x.T, None), lambda dout, cache: dout, np.ones((3, 3)))
    >>> other_axes(seen).kind
    'transposed'
    """
    if not seen.whole:
        return None
    for word, turned in variants(seen.numeric):
        if seen.explains(turned):
            evidence = f"d{seen.name} holds the right numbers with its axes {word}"
            return Finding(
                "transposed", seen.name, evidence, f"turn them back: d{seen.name} is shaped like {seen.name}"
            )
    if seen.table is not None:
        for word, turned in variants(seen.dout):
            guess = (turned.reshape(-1) @ seen.table[1]).reshape(seen.x.shape)
            if seen.explains(guess):
                evidence = f"d{seen.name} would be right for a dout with its axes {word}"
                return Finding("transposed", seen.name, evidence, "sum dout over the other axis, or transpose it")
    values, right = np.sort(seen.analytic, axis=None), np.sort(seen.numeric, axis=None)
    distinct = seen.x.size > 3 and np.all(np.abs(right) > 1e-9 * seen.size)
    if distinct and np.max(np.abs(values - right)) <= 1e-5 * seen.size:
        evidence = f"d{seen.name} holds the right numbers in another order"
        return Finding(
            "transposed", seen.name, evidence, "transpose before you reshape: reshape alone does not move axes"
        )
    return None


def another_axis(seen: Evidence) -> Finding | None:
    """Backward keeps to its place along another axis than forward, as where a sum goes over the wrong axis.

    >>> x = np.arange(9.0).reshape(3, 3)
    >>> seen = evidence_of(lambda t: (t[:, None] * x, x), lambda dout, x: (dout * x).sum(axis=0), np.ones(3))
    >>> another_axis(seen).evidence
    'dx0 belongs to axis 0 of the output, but backward takes axis 1 for it'
    """
    if seen.pairs is None or not seen.pairs.leaked.any():
        return None
    used = np.abs(seen.pairs.analytic) > 1e-8 * np.max(np.abs(seen.pairs.analytic), initial=0.0)
    due, taken = (
        {axes for axes in _equal_axes(seen) if _keeps_to(seen, t, *axes)} for t in (seen.pairs.linked, used)
    )
    lost, gained = sorted(due - taken), sorted(taken - due)
    if not lost or not gained:
        return None
    evidence = (
        f"d{seen.name} belongs to axis {lost[0][0]} of the output, but backward takes axis {gained[0][0]} for it"
    )
    if gained[0][0] == lost[0][0]:
        evidence = f"backward takes axis {gained[0][1]} of {seen.name} for axis {lost[0][1]}"
    return Finding(
        "transposed", seen.name, evidence, "look at every axis=... on the way, and at the order of axes"
    )


def _equal_axes(seen):
    """Pairs of an axis of the output and one of the input that are as long."""
    shapes = seen.out.shape, seen.x.shape
    return [(a, b) for a, n in enumerate(shapes[0]) for b, m in enumerate(shapes[1]) if n == m > 1]


def _keeps_to(seen, links, a, b):
    """Whether an output is linked only to elements at the same place, along axis a of one and b of the other."""
    table = links.reshape(*seen.out.shape, *seen.x.shape)
    others = tuple(axis for axis in range(table.ndim) if axis not in (a, seen.out.ndim + b))
    return not np.any(table.any(axis=others) & ~np.eye(seen.out.shape[a], dtype=bool))


def swapped_gradients(seen: Evidence) -> Finding | None:
    """Two gradients were handed back in each other's place.

    >>> add = lambda x, y: (2 * x + 3 * y, None)
    >>> seen = evidence_of(add, lambda dout, cache: (3 * dout, 2 * dout), np.ones(3), np.ones(3))
    >>> swapped_gradients(seen).evidence
    'what backward returns as dx0 is dx1'
    """
    for other in seen.wrong_names:
        if other == seen.name:
            continue
        found = seen.examination
        mine = found.of(other)
        if mine.sum() == seen.x.size and seen.explains(found.numeric[mine].reshape(seen.x.shape)):
            evidence = f"what backward returns as d{seen.name} is d{other}"
            return Finding("transposed", seen.name, evidence, "return the gradients in the order of the inputs")
    return None


def other_axes_in_cache(seen: Evidence) -> Finding | None:
    """The gradient becomes right when an array in the cache is transposed, flipped or made symmetric.

    >>> w = np.arange(9.0).reshape(3, 3)
    >>> seen = evidence_of(lambda x: (x @ w, w), lambda dout, w: dout @ w, np.ones((2, 3)))
    >>> other_axes_in_cache(seen).evidence
    'dx0 becomes right when entry 0 of the cache is used with its axes transposed'
    """
    for k in seen.used:
        array = seen.cached[k]
        for word, turned in variants(array):
            gradient = seen.with_cache(_replacing(k, turned), ("turned", k, word))
            if gradient is None:
                continue
            name = seen.word_for(array)
            if seen.repairs(gradient) > 0.95:
                evidence = f"d{seen.name} becomes right when {name} is used with its axes {word}"
                advice = (
                    f"transpose {name} (.T, swapaxes) or flip its kernel ([..., "
                    f"::-1, ::-1]) where d{seen.name} needs it"
                )
                return Finding("transposed", seen.name, evidence, advice)
            if seen.explains(seen.numeric - gradient):
                evidence = f"the part of d{seen.name} in which {name} is {word} is missing"
                advice = f"{seen.name} acts on the output in two ways: add the gradients of both"
                return Finding("missing-term", seen.name, evidence, advice)
            gradient = seen.with_cache(_replacing(k, (array + turned) / 2), ("symmetric", k, word))
            if gradient is not None and seen.repairs(gradient) > 0.95:
                evidence = f"d{seen.name} is right only where {name} is symmetric"
                return Finding("transposed", seen.name, evidence, f"use {name} and {name}.T, one for each way")
    return None


def variants(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield an array with its axes permuted or flipped, where the shape stays, with a word for it.

    >>> [word for word, _ in variants(np.arange(4.0).reshape(2, 2))]
    ['flipped', 'transposed', 'transposed and flipped']
    """
    axes = range(array.ndim)
    flips = [tuple(axes)[-2:]] if array.ndim > 1 else []
    for order in itertools.permutations(axes):
        turned = array.transpose(order)
        if turned.shape != array.shape or array.ndim > 4:
            continue
        moved = list(order) != list(axes)
        if moved:
            yield ("transposed" if array.ndim == 2 else f"in the order {list(order)}"), turned
        if not moved or array.ndim == 2:
            for flip in flips:
                yield ("transposed and flipped" if moved else "flipped"), np.flip(turned, flip)


def _replacing(place, by):
    return lambda k, array: np.ascontiguousarray(by) if k == place else array
