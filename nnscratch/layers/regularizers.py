"""Regularisers: prices on large weights, each `(w, strength) -> (penalty, dw)`, and a limit on their norm."""

from nnscratch.arrays import array_module, number


def l2_penalty(w, strength):
    """Half the sum of squares, times `strength`; dw = strength * w. Source: Krogh & Hertz 1992, eq. 1.

    >>> import numpy as np
    >>> l2_penalty(np.array([3.0, -4.0]), 0.1)
    (1.25, array([ 0.3, -0.4]))
    """
    return 0.5 * strength * number((w * w).sum()), strength * w


def l1_penalty(w, strength):
    """The sum of absolute values, times `strength`: it drives weights to 0. Source: Tibshirani 1996, sec. 1.

    >>> import numpy as np
    >>> l1_penalty(np.array([3.0, -4.0]), 0.1)
    (0.7000000000000001, array([ 0.1, -0.1]))
    """
    return strength * number(abs(w).sum()), strength * array_module(w).sign(w)


def elastic_net_penalty(w, strength, balance=0.5):
    """A mixture: `balance` of the L1 penalty and the rest of the L2 penalty. Source: Zou & Hastie 2005, eq. 3.

    >>> import numpy as np
    >>> round(elastic_net_penalty(np.array([3.0, -4.0]), 0.1)[0], 3)
    0.975
    """
    absolute, dabsolute = l1_penalty(w, strength * balance)
    square, dsquare = l2_penalty(w, strength * (1 - balance))
    return absolute + square, dabsolute + dsquare


def max_norm(w, limit):
    """Return w with the weights into each unit scaled down to norm `limit` where they exceed it.

    w: (D, M) has a unit in each column, (F, ...) one in each first index.
    Source: Srivastava et al. 2014, sec. 5.1.

    >>> import numpy as np
    >>> max_norm(np.array([[3.0, 0.3], [4.0, 0.4]]), 1.0)
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """
    xp = array_module(w)
    axes = 0 if w.ndim == 2 else tuple(range(1, w.ndim))
    norms = xp.sqrt((w * w).sum(axis=axes, keepdims=True))
    return w * xp.minimum(1, limit / xp.maximum(norms, limit))


REGULARIZERS = {"l2": l2_penalty, "l1": l1_penalty, "elastic-net": elastic_net_penalty}
