"""Sweeps: a function that treats each example by itself runs on a few examples at a time, on all threads."""

import numpy as np

from nnscratch.kernels.memory import empty_like
from nnscratch.kernels.pool import share

BLOCK = 65536  # numbers at a time: a few arrays of that size fit into the second-level cache
SMALL = 2 * BLOCK  # numbers; with fewer, one thread is done before the others have woken up


def leaves(tree):
    """Yield what a tree of nested tuples holds.

    >>> list(leaves((1, (2, 3))))
    [1, 2, 3]
    """
    if isinstance(tree, tuple):
        for branch in tree:
            yield from leaves(branch)
    else:
        yield tree


def mapped(change, tree):
    """Return a tree of nested tuples with every leaf changed.

    >>> mapped(abs, (1, (-2, 3)))
    (1, (2, 3))
    """
    return tuple(mapped(change, branch) for branch in tree) if isinstance(tree, tuple) else change(tree)


def sweep(first, function, args, options):
    """Twin of reference.sweep: cut what has first's shape, call, and join what comes back."""
    few = max(1, BLOCK * len(first) // max(first.size, 1))
    if first.size < SMALL or few >= len(first):
        return function(*args, **options)
    whole = list(leaves(args))
    cut = [getattr(leaf, "shape", None) == first.shape for leaf in whole]

    def call(start, stop):
        parts = [leaf[start:stop] if is_cut else leaf for leaf, is_cut in zip(whole, cut)]
        rest = iter(parts)
        return parts, function(*mapped(lambda _: next(rest), args), **options)

    try:
        parts, result = call(0, few)
    except Exception:  # the message should tell of whole arrays
        return function(*args, **options)
    made = []  # the arrays to fill

    def join(leaf):
        for part, original in zip(parts, whole):
            if leaf is part:  # an input, handed on
                return original
        if not isinstance(leaf, np.ndarray) or leaf.shape[:1] != (few,):
            return leaf
        made.append(empty_like(leaf, len(first)))
        return made[-1]

    joined = mapped(join, result)
    places = [i for i, leaf in enumerate(leaves(joined)) if any(leaf is array for array in made)]

    def fill(start, stop, result):
        parts = list(leaves(result))
        for array, place in zip(made, places):
            array[start:stop] = parts[place]

    def work(start, stop):
        for begin in range(few + start, few + stop, few):
            end = min(begin + few, few + stop)
            fill(begin, end, call(begin, end)[1])

    fill(0, few, result)
    share(work, len(first) - few)
    return joined
