"""Correct pieces of algebra that no other file has: products of matrices, means, norms and small inverses."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, away_from_zero, normal


def outer_forward(a, b):
    return a[:, :, None] * b[:, None], (a, b)


def outer_backward(dout, cache):
    a, b = cache
    return (dout * b[:, None]).sum(axis=2), (dout * a[:, :, None]).sum(axis=1)


def chain_forward(a, b, c):
    ab = a @ b
    return ab @ c, (a, b, c, ab)


def chain_backward(dout, cache):
    a, b, c, ab = cache
    dab = dout @ c.swapaxes(1, 2)
    return dab @ b.swapaxes(1, 2), a.swapaxes(1, 2) @ dab, ab.swapaxes(1, 2) @ dout


def gram_forward(x):
    return x.T @ x / len(x), x


def gram_backward(dout, x):
    return x @ (dout + dout.T) / len(x)


def trace_product_forward(a, b):
    return np.einsum("nij,nji->n", a, b), (a, b)


def trace_product_backward(dout, cache):
    a, b = cache
    return dout[:, None, None] * b.swapaxes(1, 2), dout[:, None, None] * a.swapaxes(1, 2)


def determinant_forward(a):
    """The determinants of matrices (N, 3, 3)."""
    others = np.stack([np.cross(a[:, i - 2], a[:, i - 1]) for i in range(3)], axis=1)
    out = (a[:, 0] * others[:, 0]).sum(axis=1)
    return out, (a, others, out)


def determinant_backward(dout, cache):
    a, others, out = cache
    return dout[:, None, None] * others


def inverse_forward(a):
    """The inverses of matrices (N, 2, 2)."""
    size = a[:, 0, 0] * a[:, 1, 1] - a[:, 0, 1] * a[:, 1, 0]
    out = np.stack([a[:, 1, 1], -a[:, 0, 1], -a[:, 1, 0], a[:, 0, 0]], axis=1) / size[:, None]
    out = out.reshape(-1, 2, 2)
    return out, (a, out)


def inverse_backward(dout, cache):
    a, out = cache
    turned = out.swapaxes(1, 2)
    return -turned @ dout @ turned


def kronecker_forward(a, b):
    return np.kron(a, b), (a, b)


def kronecker_backward(dout, cache):
    a, b = cache
    blocks = dout.reshape(a.shape[0], b.shape[0], a.shape[1], b.shape[1])
    return np.einsum("ikjl,kl->ij", blocks, b), np.einsum("ikjl,ij->kl", blocks, a)


def weighted_mean_forward(x, w):
    """The mean of every row of x (N, D) with weights w (N, D)."""
    total = w.sum(axis=1)
    out = (w * x).sum(axis=1) / total
    return out, (x, w, total, out)


def weighted_mean_backward(dout, cache):
    x, w, total, out = cache
    scaled = (dout / total)[:, None]
    return scaled * w, scaled * (x - out[:, None])


def deviation_forward(x):
    """The standard deviation of each column, divided by N - 1."""
    centred = x - x.mean(axis=0)
    out = np.sqrt((centred**2).sum(axis=0) / (len(x) - 1))
    return out, (x, centred, out)


def deviation_backward(dout, cache):
    x, centred, out = cache
    return dout * centred / (out * (len(x) - 1))


def covariance_forward(x, y):
    a, b = x - x.mean(axis=0), y - y.mean(axis=0)
    return a.T @ b / (len(x) - 1), (x, y, a, b)


def covariance_backward(dout, cache):
    x, y, a, b = cache
    return b @ dout.T / (len(x) - 1), a @ dout / (len(x) - 1)


def standard_forward(x, eps=1e-5):
    """Each row less its mean, divided by its standard deviation."""
    centred = x - x.mean(axis=1, keepdims=True)
    root = np.sqrt((centred**2).mean(axis=1, keepdims=True) + eps)
    out = centred / root
    return out, (x, centred, root, out)


def standard_backward(dout, cache):
    x, centred, root, out = cache
    along = (dout * out).mean(axis=1, keepdims=True)
    return (dout - dout.mean(axis=1, keepdims=True) - out * along) / root


def euclid_forward(x, y):
    """out[n, m] = the distance of x[n] from y[m]."""
    difference = x[:, None] - y
    out = np.sqrt((difference**2).sum(axis=2))
    return out, (difference, out)


def euclid_backward(dout, cache):
    difference, out = cache
    pull = (dout / out)[:, :, None] * difference
    return pull.sum(axis=1), -pull.sum(axis=0)


def kernel_forward(x):
    """out[i, j] = exp(-|x[i] - x[j]|^2 / 2)."""
    difference = x[:, None] - x
    out = np.exp(-(difference**2).sum(axis=2) / 2)
    return out, (difference, out)


def kernel_backward(dout, cache):
    difference, out = cache
    pull = -((dout + dout.T) * out)[:, :, None] * difference
    return pull.sum(axis=1)


def mahalanobis_forward(x, centre, a):
    """(x[n] - centre) a (x[n] - centre)^T."""
    d = x - centre
    return np.einsum("ni,ij,nj->n", d, a, d), (x, d, a)


def mahalanobis_backward(dout, cache):
    x, d, a = cache
    dx = dout[:, None] * (d @ (a + a.T))
    return dx, -dx.sum(axis=0), np.einsum("n,ni,nj->ij", dout, d, d)


def p_norm_forward(x, p=3):
    out = (abs(x) ** p).sum(axis=1) ** (1 / p)
    return out, (x, out, p)


def p_norm_backward(dout, cache):
    x, out, p = cache
    return (dout / out ** (p - 1))[:, None] * np.sign(x) * abs(x) ** (p - 1)


def share_forward(x):
    """Each row divided by the sum of its absolute values."""
    total = abs(x).sum(axis=1, keepdims=True)
    out = x / total
    return out, (x, total, out)


def share_backward(dout, cache):
    x, total, out = cache
    return (dout - np.sign(x) * (dout * out).sum(axis=1, keepdims=True)) / total


def larger_forward(a, b):
    return np.maximum(a, b), (a, b)


def larger_backward(dout, cache):
    a, b = cache
    return dout * (a >= b), dout * (a < b)


def complex_product_forward(x, y):
    """Numbers (N, 2): a real and an imaginary part."""
    a, b, c, d = x[:, 0], x[:, 1], y[:, 0], y[:, 1]
    return np.stack([a * c - b * d, a * d + b * c], axis=1), (x, y)


def complex_product_backward(dout, cache):
    x, y = cache
    real, imaginary = dout[:, 0], dout[:, 1]
    dx = np.stack([real * y[:, 0] + imaginary * y[:, 1], imaginary * y[:, 0] - real * y[:, 1]], axis=1)
    return dx, np.stack([real * x[:, 0] + imaginary * x[:, 1], imaginary * x[:, 0] - real * x[:, 1]], axis=1)


def rotation_forward(x, angle):
    """Points (N, 2), each turned by its own angle (N,)."""
    c, s = np.cos(angle), np.sin(angle)
    out = np.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], axis=1)
    return out, (c, s, x, out)


def rotation_backward(dout, cache):
    c, s, x, out = cache
    dx = np.stack([c * dout[:, 0] + s * dout[:, 1], c * dout[:, 1] - s * dout[:, 0]], axis=1)
    return dx, dout[:, 1] * out[:, 0] - dout[:, 0] * out[:, 1]


def cross_product_forward(a, b):
    return np.cross(a, b), (a, b)


def cross_product_backward(dout, cache):
    a, b = cache
    return np.cross(b, dout), np.cross(dout, a)


def broadcast_sum_forward(a, b):
    """tanh(a + b) of a column a (N, 1) and a row b (1, M)."""
    out = np.tanh(a + b)
    return out, out


def broadcast_sum_backward(dout, out):
    dsum = dout * (1 - out**2)
    return dsum.sum(axis=1, keepdims=True), dsum.sum(axis=0, keepdims=True)


def polynomial_forward(x, c):
    """c[0] + c[1] x + c[2] x^2 + ... of numbers x (N,)."""
    powers = x[:, None] ** np.arange(len(c))
    return powers @ c, (x, c, powers)


def polynomial_backward(dout, cache):
    x, c, powers = cache
    slope = powers[:, :-1] @ (np.arange(1, len(c)) * c[1:])
    return dout * slope, powers.T @ dout


def cube_forward(a):
    square = a @ a
    return square @ a, (a, square)


def cube_backward(dout, cache):
    a, square = cache
    return dout @ square.T + a.T @ dout @ a.T + square.T @ dout


def newton_schulz_forward(x):
    """One step towards orthogonal columns: 1.5 x - 0.5 x x^T x."""
    gram = x.T @ x
    return 1.5 * x - 0.5 * x @ gram, (x, gram)


def newton_schulz_backward(dout, cache):
    x, gram = cache
    return 1.5 * dout - 0.5 * (dout @ gram + x @ (dout.T @ x + x.T @ dout))


def solve_forward(lower, b):
    """The solution y of lower y = b; the entries above the diagonal are not looked at."""
    y = np.zeros_like(b)
    for i in range(len(b)):
        y[i] = (b[i] - lower[i, :i] @ y[:i]) / lower[i, i]
    return y, (lower, b, y)


def solve_backward(dout, cache):
    lower, b, y = cache
    db = np.zeros_like(b)
    for i in reversed(range(len(b))):
        db[i] = (dout[i] - lower[i + 1 :, i] @ db[i + 1 :]) / lower[i, i]
    return -np.tril(db @ y.T), db


def soft_choice_forward(x, score):
    """The sum of every row weighted by softmax(score)."""
    e = np.exp(score - score.max(axis=1, keepdims=True))
    share = e / e.sum(axis=1, keepdims=True)
    out = (share * x).sum(axis=1)
    return out, (x, share, out)


def soft_choice_backward(dout, cache):
    x, share, out = cache
    return dout[:, None] * share, dout[:, None] * share * (x - out[:, None])


def draw_lower(rng):
    return rng.normal(size=(4, 4)) * 0.5 + 1.5 * np.eye(4), rng.normal(size=(4, 3))


def draw_invertible(rng):
    return (0.5 * rng.normal(size=(3, 2, 2)) + 2 * np.eye(2),)


OUTER = Planted("outer product", "product", outer_forward, outer_backward, normal((3, 4), (3, 4)))
CHAIN = Planted(
    "product of three matrices", "matmul", chain_forward, chain_backward, normal((2, 3, 3), (2, 3, 3), (2, 3, 3))
)
GRAM = Planted("Gram matrix", "matmul", gram_forward, gram_backward, normal((5, 4)))
TRACE_PRODUCT = Planted(
    "trace of a product", "matmul", trace_product_forward, trace_product_backward, normal((3, 4, 4), (3, 4, 4))
)
DETERMINANT = Planted("determinant", "inverse", determinant_forward, determinant_backward, normal((3, 3, 3)))
INVERSE = Planted("inverse", "inverse", inverse_forward, inverse_backward, draw_invertible)
KRONECKER = Planted("Kronecker product", "product", kronecker_forward, kronecker_backward, normal((3, 3), (3, 3)))
WEIGHTED_MEAN = Planted(
    "weighted mean, again",
    "reduction",
    weighted_mean_forward,
    weighted_mean_backward,
    lambda rng: (rng.normal(size=(5, 4)), rng.uniform(0.2, 2, (5, 4))),
)
DEVIATION = Planted("standard deviation", "reduction", deviation_forward, deviation_backward, normal((7, 4)))
COVARIANCE = Planted("covariance", "reduction", covariance_forward, covariance_backward, normal((6, 3), (6, 3)))
STANDARD = Planted("standard rows", "norm", standard_forward, standard_backward, normal((4, 5)))
EUCLID = Planted("Euclidean distances", "norm", euclid_forward, euclid_backward, normal((4, 3), (4, 3)))
KERNEL = Planted("Gaussian kernel", "norm", kernel_forward, kernel_backward, normal((5, 3), scale=0.6))
MAHALANOBIS = Planted(
    "Mahalanobis distance", "bilinear", mahalanobis_forward, mahalanobis_backward, normal((5, 3), (3,), (3, 3))
)
P_NORM = Planted("norm of power 3", "norm", p_norm_forward, p_norm_backward, away_from_zero((5, 4)))
SHARE = Planted("division by the L1 norm", "norm", share_forward, share_backward, away_from_zero((5, 4)))
LARGER = Planted("elementwise maximum", "max", larger_forward, larger_backward, normal((5, 4), (5, 4)))
COMPLEX = Planted(
    "complex product", "product", complex_product_forward, complex_product_backward, normal((6, 2), (6, 2))
)
ROTATION = Planted("rotation of points", "product", rotation_forward, rotation_backward, normal((6, 2), (6,)))
CROSS_PRODUCT = Planted(
    "cross product", "product", cross_product_forward, cross_product_backward, normal((4, 3), (4, 3))
)
BROADCAST_SUM = Planted(
    "tanh of a column plus a row", "tanh", broadcast_sum_forward, broadcast_sum_backward, normal((4, 1), (1, 4))
)
POLYNOMIAL = Planted("polynomial", "steep", polynomial_forward, polynomial_backward, normal((6,), (4,)))
CUBE = Planted("cube of a matrix", "matmul", cube_forward, cube_backward, normal((4, 4)))
NEWTON_SCHULZ = Planted(
    "Newton-Schulz step", "matmul", newton_schulz_forward, newton_schulz_backward, normal((5, 3), scale=0.7)
)
SOLVE = Planted("triangular solution", "inverse", solve_forward, solve_backward, draw_lower)
SOFT_CHOICE = Planted("soft choice", "softmax", soft_choice_forward, soft_choice_backward, normal((5, 4), (5, 4)))

UNSEEN_RIGHT_ALGEBRA = [OUTER, CHAIN, GRAM, TRACE_PRODUCT, DETERMINANT, INVERSE, KRONECKER, WEIGHTED_MEAN,
                        DEVIATION, COVARIANCE, STANDARD, EUCLID, KERNEL, MAHALANOBIS, P_NORM, SHARE, LARGER,
                        COMPLEX, ROTATION, CROSS_PRODUCT, BROADCAST_SUM, POLYNOMIAL, CUBE, NEWTON_SCHULZ, SOLVE,
                        SOFT_CHOICE]  # fmt: skip
