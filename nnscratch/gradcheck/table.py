"""The derivative of every output with respect to every element, by backward and by differences, side by side."""

import numpy as np

from nnscratch.gradcheck.ladder import KINK, POWERS, SINGLE_POWERS, Rung, rule, sides
from nnscratch.gradcheck.manners import Visit
from nnscratch.gradcheck.ruler import Ruler


def analytic_rows(visit: Visit, ruler: Ruler, outputs: np.ndarray) -> np.ndarray:
    """Return what backward gives for each of the outputs alone: (outputs, elements); nan where it gives nothing.

    >>> from nnscratch.gradcheck.subject import Subject
    >>> subject = Subject("double", lambda given: (2 * given["x"], None), lambda dout, cache: {"x": 2 * dout},
    ...                   {"x": np.ones(2)}, ["x"])
    >>> analytic_rows(Visit(subject, np.random.default_rng(0)), Ruler(subject), np.arange(2))
    array([[2., 0.],
           [0., 2.]])
    """
    rows = np.full((len(outputs), ruler.size), np.nan)
    for row, o in zip(rows, outputs):
        dout = np.zeros(visit.out.shape)
        dout.reshape(-1)[o] = 1.0
        for name, gradient in visit.analytic(dout).items():
            row[ruler.span(name)] = gradient.reshape(-1)
    return rows


def judge_pairs(rows: np.ndarray, rungs: list[Rung], tolerance: float, floor: float) -> tuple[np.ndarray, ...]:
    """Judge analytic derivatives (elements, outputs) one by one; return words, best values, and `outside`.

    A pair at a kink is KINK; `outside` tells where its value is not between the one-sided derivatives.

    >>> one = np.ones((1, 1))
    >>> rungs = [Rung(h * one, 0.5 * one, 0 * one, one, 1e-15 * one, one) for h in (1e-3, 1e-5)]
    >>> [bool(judge_pairs(a * one, rungs, 1e-6, 1.0)[2][0, 0]) for a in (0.0, 0.3, 1.0, 1.5)]
    [False, False, False, True]
    """
    ruling = rule(rows, rungs, tolerance, floor)
    low, high, slack = sides(rungs)
    slack = slack + tolerance * np.maximum(np.abs(low), np.abs(high))
    outside = (ruling.word == KINK) & ~((rows >= low - slack) & (rows <= high + slack))
    return ruling.word, ruling.best, outside


def powers_for(eps: float) -> tuple[int, ...]:
    """Return the steps to try, as powers of two, for double or single precision.

    >>> powers_for(2.0**-52)[0]
    -17
    """
    return POWERS if eps < 1e-10 else SINGLE_POWERS
