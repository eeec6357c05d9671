"""Initialisers: how a weight array is drawn before training, each a function of (shape, rng)."""

import math

import numpy as np

from nnscratch import arrays


def fans(shape):
    """Return (fan_in, fan_out): how many inputs feed one output of a weight array, and the reverse.

    (D, M) for affine layers; (F, C, KH, KW, ...) for convolutions.

    >>> fans((100, 10)), fans((16, 3, 5, 5))
    ((100, 10), (75, 400))
    """
    if len(shape) < 2:
        return shape[0] if shape else 1, shape[0] if shape else 1
    if len(shape) == 2:
        return shape
    field = math.prod(shape[2:4])
    return shape[1] * field, shape[0] * field


def normal(std=0.01):
    """Small normal numbers: mean 0, standard deviation `std` (Krizhevsky et al. 2012, sec. 5).

    >>> normal(0.5)((2000,), 0).std().round(1)
    np.float64(0.5)
    """
    return lambda shape, rng: arrays.rng(rng).normal(0, std, shape)


def xavier(scale="average", uniform=False):
    """Glorot's variance, 1 over the average fan (or over `"in"` or `"out"`): for tanh and linear units.

    Source: Glorot & Bengio 2010, "Understanding the difficulty of training deep networks", eq. 16.

    >>> xavier()((300, 100), 0).std().round(2)
    np.float64(0.07)
    """
    return _scaled(1.0, scale, uniform)


def he(scale="in", uniform=False):
    """He's variance, 2 / fan_in: for units that are ReLUs.

    Source: He et al. 2015, "Delving deep into rectifiers", eq. 10.

    >>> he()((200, 100), 0).std().round(2)
    np.float64(0.1)
    """
    return _scaled(2.0, scale, uniform)


def _scaled(gain, scale, uniform):
    def init(shape, rng):
        fan_in, fan_out = fans(shape)
        fan = {"in": fan_in, "out": fan_out, "average": (fan_in + fan_out) / 2}[scale]
        std = math.sqrt(gain / fan)
        if uniform:
            return arrays.rng(rng).uniform(-math.sqrt(3) * std, math.sqrt(3) * std, shape)
        return arrays.rng(rng).normal(0, std, shape)

    return init


def sparse(connections=15, std=1.0):
    """Give every output unit normal weights from `connections` random inputs, and 0 from the others.

    Source: Martens 2010, "Deep learning via Hessian-free optimization", sec. 5.

    >>> (sparse(3)((50, 7), 0) != 0).sum(axis=0)
    array([3, 3, 3, 3, 3, 3, 3])
    """

    def init(shape, rng):
        rng = arrays.rng(rng)
        fan_in, _ = fans(shape)
        units = math.prod(shape) // fan_in
        weights = np.zeros((units, fan_in))
        for unit in weights:
            chosen = rng.permutation(fan_in)[:connections]
            unit[chosen] = rng.normal(0, std, len(chosen))
        return weights.T.reshape(shape) if len(shape) == 2 else weights.reshape(shape)

    return init


def orthogonal(gain=1.0):
    """Rows or columns (the fewer ones) that are orthonormal, times `gain`.

    Source: Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning", sec. 3.

    >>> w = orthogonal()((6, 4), 0)
    >>> bool(np.allclose(w.T @ w, np.eye(4)))
    True
    """

    def init(shape, rng):
        rows, columns = shape[0], math.prod(shape[1:])
        q, r = np.linalg.qr(arrays.rng(rng).normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return gain * (q if rows >= columns else q.T).reshape(shape)

    return init


def constant(value=0.0):
    """The same number everywhere; for biases and scales.

    >>> constant(1.0)((2,), None)
    array([1., 1.])
    """
    return lambda shape, rng: np.full(shape, float(value))


def for_activation(name):
    """Return the initialiser that suits a non-linearity: Xavier for those with two flat sides, He for the others.

    >>> for_activation("relu")((200, 100), 0).std().round(2)
    np.float64(0.1)
    """
    return xavier() if name in ("sigmoid", "tanh") else he()


INITIALIZERS = {
    "normal": normal,
    "xavier": xavier,
    "he": he,
    "sparse": sparse,
    "orthogonal": orthogonal,
    "constant": constant,
}
