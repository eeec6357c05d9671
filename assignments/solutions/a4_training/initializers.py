"""Initialisers: how large the first weights must be so that signals neither die out nor blow up."""

import numpy as np

from nnscratch.course import NotWritten


def fans(shape):
    """How many inputs feed one output of a weight array, and how many outputs one input feeds.

    shape: (D, M) for an affine layer from D to M units; (F, C, KH, KW) for a convolution of C channels with F
    filters.
    Returns (fan_in, fan_out), whole numbers: (D, M) for the affine layer; for the convolution, (C * KH * KW,
    F * KH * KW). Raises ValueError for a shape that has neither 2 nor 4 axes.

    >>> fans((100, 10)), fans((16, 3, 5, 5))
    ((100, 10), (75, 400))
    """
    # solution
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) == 4:
        F, C, KH, KW = shape
        return C * KH * KW, F * KH * KW
    raise ValueError(f"shape is {shape}: give (D, M) or (F, C, KH, KW)")
    # end of solution


def xavier(shape, rng):
    """Xavier weights, for tanh and linear units: normal, mean 0, variance 2 / (fan_in + fan_out).

    shape: as in `fans`; rng: a numpy.random.Generator, of which exactly prod(shape) normal numbers are drawn.
    Returns an array of that shape, float64.

    The variance is a compromise: 1 / fan_in keeps the size of signals on their way forward, 1 / fan_out that of
    gradients on their way back. Source: Glorot & Bengio 2010, eq. 12.

    >>> float(xavier((300, 100), np.random.default_rng(0)).std().round(2))
    0.07
    """
    # solution
    fan_in, fan_out = fans(shape)
    return np.sqrt(2 / (fan_in + fan_out)) * rng.normal(size=shape)
    # end of solution


def he(shape, rng):
    """He weights, for ReLUs: uniform between -limit and limit, with variance 2 / fan_in.

    shape: as in `fans`; rng: a numpy.random.Generator, of which exactly prod(shape) numbers are drawn with
    rng.uniform. Returns an array of that shape, float64.

    Work out the limit: uniform numbers between -limit and limit have the variance limit**2 / 3.
    The 2 makes up for the ReLU, which lets only half of the signal through. Source: He et al. 2015, eq. 10.

    >>> w = he((200, 100), np.random.default_rng(0))
    >>> float(w.std().round(2)), float(abs(w).max().round(2))
    (0.1, 0.17)
    """
    # solution
    fan_in, _ = fans(shape)
    limit = np.sqrt(6 / fan_in)
    return rng.uniform(-limit, limit, size=shape)
    # end of solution
