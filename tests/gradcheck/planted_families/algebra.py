"""Correct pieces of algebra: products, quotients, reductions along an axis, norms, distances and reshapes."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, away_from_zero, normal


def matmul_forward(a, b):
    return a @ b, (a, b)


def matmul_backward(dout, cache):
    a, b = cache
    return dout @ b.swapaxes(-1, -2), a.swapaxes(-1, -2) @ dout


def multiply_forward(a, b):
    out = a * b
    return out, (a, b, out)


def multiply_backward(dout, cache):
    a, b, out = cache
    return dout * b, dout * a


def divide_forward(a, b):
    out = a / b
    return out, (a, b, out)


def divide_backward(dout, cache):
    a, b, out = cache
    return dout / b, -dout * out / b


def scale_rows_forward(x, s):
    """x: (N, D), s: (N, 1)."""
    return x * s, (x, s)


def scale_rows_backward(dout, cache):
    x, s = cache
    return dout * s, (dout * x).sum(axis=1, keepdims=True)


def quadratic_forward(x, a):
    """out[n] = x[n] a x[n]^T; a need not be symmetric."""
    return np.einsum("ni,ij,nj->n", x, a, x), (x, a)


def quadratic_backward(dout, cache):
    x, a = cache
    return dout[:, None] * (x @ (a + a.T)), np.einsum("n,ni,nj->ij", dout, x, x)


def bilinear_forward(x, a, y):
    """out[n, m] = x[n] a[m] y[n]^T."""
    return np.einsum("ni,mij,nj->nm", x, a, y), (x, a, y)


def bilinear_backward(dout, cache):
    x, a, y = cache
    dx = np.einsum("nm,mij,nj->ni", dout, a, y)
    da = np.einsum("nm,ni,nj->mij", dout, x, y)
    return dx, da, np.einsum("nm,mij,ni->nj", dout, a, x)


def sum_forward(x):
    return x.sum(axis=1), x.shape


def sum_backward(dout, shape):
    return np.repeat(dout[:, None], shape[1], axis=1)


def mean_forward(x):
    return x.mean(axis=0), x.shape


def mean_backward(dout, shape):
    return np.tile(dout / shape[0], (shape[0], 1))


def variance_forward(x):
    centred = x - x.mean(axis=0)
    return (centred**2).mean(axis=0), centred


def variance_backward(dout, centred):
    return 2 * dout * centred / len(centred)


def max_forward(x):
    return x.max(axis=1), x


def max_backward(dout, x):
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), x.argmax(axis=1)] = dout
    return dx


def product_forward(x):
    out = x.prod(axis=1)
    return out, (x, out)


def product_backward(dout, cache):
    x, _ = cache
    dx = np.empty_like(x)
    for d in range(x.shape[1]):
        dx[:, d] = dout * np.delete(x, d, axis=1).prod(axis=1)
    return dx


def cumsum_forward(x):
    return x.cumsum(axis=1), None


def cumsum_backward(dout, _):
    return dout[:, ::-1].cumsum(axis=1)[:, ::-1]


def logsumexp_forward(x):
    top = x.max(axis=1, keepdims=True)
    out = np.log(np.exp(x - top).sum(axis=1)) + top[:, 0]
    return out, (x, out)


def logsumexp_backward(dout, cache):
    x, out = cache
    return dout[:, None] * np.exp(x - out[:, None])


def normalise_forward(x, eps=1e-12):
    """Every row divided by its length."""
    length = np.sqrt((x**2).sum(axis=1, keepdims=True) + eps)
    out = x / length
    return out, (out, length)


def normalise_backward(dout, cache):
    out, length = cache
    return (dout - out * (dout * out).sum(axis=1, keepdims=True)) / length


def cosine_forward(x, y):
    """out[n] = the cosine of the angle between x[n] and y[n]."""
    a, b = np.sqrt((x**2).sum(axis=1)), np.sqrt((y**2).sum(axis=1))
    out = (x * y).sum(axis=1) / (a * b)
    return out, (x, y, a, b, out)


def cosine_backward(dout, cache):
    x, y, a, b, out = (part if part.ndim == 2 else part[:, None] for part in cache)
    dout = dout[:, None]
    return dout * (y / (a * b) - out * x / a**2), dout * (x / (a * b) - out * y / b**2)


def distances_forward(x, y):
    """out[n, m] = the squared distance of x[n] from y[m]."""
    return ((x[:, None] - y[None]) ** 2).sum(axis=2), (x, y)


def distances_backward(dout, cache):
    x, y = cache
    difference = 2 * dout[:, :, None] * (x[:, None] - y[None])
    return difference.sum(axis=1), -difference.sum(axis=0)


def every_second_forward(x):
    return x[:, ::2] ** 2, x


def every_second_backward(dout, x):
    dx = np.zeros_like(x)
    dx[:, ::2] = 2 * dout * x[:, ::2]
    return dx


def heads_forward(x, heads=2):
    """(N, T, D) -> (N, heads, T, D / heads)."""
    N, T, D = x.shape
    return x.reshape(N, T, heads, D // heads).transpose(0, 2, 1, 3), x.shape


def heads_backward(dout, shape):
    return dout.transpose(0, 2, 1, 3).reshape(shape)


def differences_forward(x):
    """out[:, t] = x[:, t + 1] - x[:, t]."""
    return x[:, 1:] - x[:, :-1], x.shape


def differences_backward(dout, shape):
    dx = np.zeros(shape)
    dx[:, 1:] += dout
    dx[:, :-1] -= dout
    return dx


MATMUL = Planted("matrix product", "matmul", matmul_forward, matmul_backward, normal((4, 3), (3, 5)))
MATMUL_SQUARE = Planted(
    "matrix product, square", "matmul", matmul_forward, matmul_backward, normal((4, 4), (4, 4))
)
MATMUL_BATCH = Planted(
    "matrix product, batch", "matmul", matmul_forward, matmul_backward, normal((2, 4, 3), (2, 3, 4))
)
MULTIPLY = Planted("elementwise product", "product", multiply_forward, multiply_backward, normal((5, 4), (5, 4)))
DIVIDE = Planted(
    "elementwise division", "division", divide_forward, divide_backward, away_from_zero((5, 4), (5, 4))
)
SCALE_ROWS = Planted("scale of rows", "product", scale_rows_forward, scale_rows_backward, normal((5, 4), (5, 1)))
QUADRATIC = Planted("quadratic form", "bilinear", quadratic_forward, quadratic_backward, normal((5, 4), (4, 4)))
BILINEAR = Planted(
    "bilinear form", "bilinear", bilinear_forward, bilinear_backward, normal((4, 3), (2, 3, 3), (4, 3))
)
SUM = Planted("sum over an axis", "reduction", sum_forward, sum_backward, normal((5, 4)))
MEAN = Planted("mean over an axis", "reduction", mean_forward, mean_backward, normal((5, 4)))
VARIANCE = Planted("variance", "reduction", variance_forward, variance_backward, normal((7, 4)))
MAX = Planted("max over an axis", "reduction", max_forward, max_backward, normal((5, 6)))
PRODUCT = Planted("product over an axis", "reduction", product_forward, product_backward, normal((5, 4)))
CUMSUM = Planted("cumulative sum", "reduction", cumsum_forward, cumsum_backward, normal((3, 6)))
LOGSUMEXP = Planted("log-sum-exp", "reduction", logsumexp_forward, logsumexp_backward, normal((5, 6)))
NORMALISE = Planted("L2 normalisation", "norm", normalise_forward, normalise_backward, normal((5, 4)))
COSINE = Planted("cosine similarity", "norm", cosine_forward, cosine_backward, normal((5, 4), (5, 4)))
DISTANCES = Planted("distances", "norm", distances_forward, distances_backward, normal((4, 3), (5, 3)))
EVERY_SECOND = Planted(
    "every second column", "reshape", every_second_forward, every_second_backward, normal((3, 8))
)
HEADS = Planted("split into heads", "reshape", heads_forward, heads_backward, normal((2, 3, 4)))
DIFFERENCES = Planted("differences in time", "reshape", differences_forward, differences_backward, normal((3, 6)))

ALGEBRA = [MATMUL, MATMUL_SQUARE, MATMUL_BATCH, MULTIPLY, DIVIDE, SCALE_ROWS, QUADRATIC, BILINEAR, SUM, MEAN,
           VARIANCE, MAX, PRODUCT, CUMSUM, LOGSUMEXP, NORMALISE, COSINE, DISTANCES, EVERY_SECOND, HEADS,
           DIFFERENCES]  # fmt: skip
