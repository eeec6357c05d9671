"""Correct normalisations: batch, layer, group, RMS and weight norm, and local response normalisation."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal


def batch_norm_forward(x, gamma, beta, eps=1e-3):
    """x: (N, D)."""
    mean, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x, x_hat, gamma, mean, var, std, eps)


def batch_norm_backward(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    dx_hat = dout * gamma
    dx = (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def column(vector):
    return vector[:, None, None]


def image_norm_forward(x, gamma, beta, eps=1e-3):
    """Batch norm of x: (N, C, H, W), channel by channel."""
    centred = x - x.mean(axis=(0, 2, 3), keepdims=True)
    std = np.sqrt((centred**2).mean(axis=(0, 2, 3), keepdims=True) + eps)
    x_hat = centred / std
    return column(gamma) * x_hat + column(beta), (x_hat, gamma, std)


def image_norm_backward(dout, cache):
    x_hat, gamma, std = cache
    axes = (0, 2, 3)
    dx_hat = dout * column(gamma)
    through_mean = dx_hat.mean(axis=axes, keepdims=True)
    through_var = x_hat * (dx_hat * x_hat).mean(axis=axes, keepdims=True)
    return (dx_hat - through_mean - through_var) / std, (dout * x_hat).sum(axis=axes), dout.sum(axis=axes)


def evaluation_norm_forward(x, gamma, beta, mean, var, eps=1e-3):
    """Batch norm with running statistics, which are not differentiated."""
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x, x_hat, gamma, std)


def evaluation_norm_backward(dout, cache):
    x, x_hat, gamma, std = cache
    return dout * gamma / std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def draw_evaluation(rng):
    return *normal((5, 4), (4,), (4,), (4,))(rng), rng.uniform(0.5, 2, 4)


def layer_norm_forward(x, gamma, beta, eps=1e-3):
    centred = x - x.mean(axis=1, keepdims=True)
    std = np.sqrt((centred**2).mean(axis=1, keepdims=True) + eps)
    x_hat = centred / std
    return gamma * x_hat + beta, (x, x_hat, gamma, std)


def layer_norm_backward(dout, cache):
    x, x_hat, gamma, std = cache
    dx_hat = dout * gamma
    through_mean = dx_hat.mean(axis=1, keepdims=True)
    through_var = x_hat * (dx_hat * x_hat).mean(axis=1, keepdims=True)
    return (dx_hat - through_mean - through_var) / std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


def group_norm_forward(x, gamma, beta, groups=2, eps=1e-3):
    """x: (N, C, H, W); each group of channels of each example is standardised by itself."""
    rows = x.reshape(len(x), groups, -1)
    centred = rows - rows.mean(axis=2, keepdims=True)
    std = np.sqrt((centred**2).mean(axis=2, keepdims=True) + eps)
    rows_hat = centred / std
    x_hat = rows_hat.reshape(x.shape)
    return column(gamma) * x_hat + column(beta), (x_hat, rows_hat, gamma, std)


def group_norm_backward(dout, cache):
    x_hat, rows_hat, gamma, std = cache
    drows = (dout * column(gamma)).reshape(rows_hat.shape)
    through_mean = drows.mean(axis=2, keepdims=True)
    through_var = rows_hat * (drows * rows_hat).mean(axis=2, keepdims=True)
    dx = ((drows - through_mean - through_var) / std).reshape(dout.shape)
    return dx, (dout * x_hat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))


def rms_norm_forward(x, gamma, eps=1e-6):
    rms = np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    x_hat = x / rms
    return gamma * x_hat, (x_hat, gamma, rms)


def rms_norm_backward(dout, cache):
    x_hat, gamma, rms = cache
    dx_hat = dout * gamma
    return (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=1, keepdims=True)) / rms, (dout * x_hat).sum(axis=0)


def weight_norm_forward(x, v, g):
    """An affine layer whose weights have direction v (D, M) and length g (M,)."""
    length = np.sqrt((v**2).sum(axis=0))
    w = g * v / length
    return x @ w, (x, v, g, length, w)


def weight_norm_backward(dout, cache):
    x, v, g, length, w = cache
    dw = x.T @ dout
    dg = (dw * v).sum(axis=0) / length
    return dout @ w.T, g / length * (dw - v * dg / length), dg


def neighbours(x, size):
    """The sum over `size` channels around each channel."""
    C, half = x.shape[1], size // 2
    return np.stack([x[:, max(c - half, 0) : c + half + 1].sum(axis=1) for c in range(C)], axis=1)


def lrn_forward(x, size=3, alpha=0.5, beta=0.75, k=2.0):
    damping = k + alpha * neighbours(x**2, size)
    out = x * damping**-beta
    return out, (x, out, damping, size, alpha, beta)


def lrn_backward(dout, cache):
    x, out, damping, size, alpha, beta = cache
    return dout * damping**-beta - 2 * alpha * beta * x * neighbours(dout * out / damping, size)


BATCH_NORM = Planted(
    "batch norm", "batch norm", batch_norm_forward, batch_norm_backward, normal((6, 4), (4,), (4,))
)
BATCH_NORM_SQUARE = Planted(
    "batch norm, N = D", "batch norm", batch_norm_forward, batch_norm_backward, normal((5, 5), (5,), (5,))
)
IMAGE_NORM = Planted(
    "batch norm of images", "batch norm", image_norm_forward, image_norm_backward, normal((2, 3, 3, 4), (3,), (3,))
)
EVALUATION_NORM = Planted(
    "batch norm, evaluation",
    "batch norm",
    evaluation_norm_forward,
    evaluation_norm_backward,
    draw_evaluation,
    wrt=(0, 1, 2),
)
LAYER_NORM = Planted(
    "layer norm", "layer norm", layer_norm_forward, layer_norm_backward, normal((4, 6), (6,), (6,))
)
GROUP_NORM = Planted(
    "group norm", "group norm", group_norm_forward, group_norm_backward, normal((2, 4, 3, 3), (4,), (4,))
)
RMS_NORM = Planted("RMS norm", "layer norm", rms_norm_forward, rms_norm_backward, normal((4, 6), (6,)))
WEIGHT_NORM = Planted(
    "weight norm", "weight norm", weight_norm_forward, weight_norm_backward, normal((5, 4), (4, 3), (3,))
)
LRN = Planted("local response norm", "lrn", lrn_forward, lrn_backward, normal((2, 6, 2, 3)))

NORMS = [BATCH_NORM, BATCH_NORM_SQUARE, IMAGE_NORM, EVALUATION_NORM, LAYER_NORM, GROUP_NORM, RMS_NORM,
         WEIGHT_NORM, LRN]  # fmt: skip
