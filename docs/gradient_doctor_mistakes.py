"""Ten common mistakes in backward passes, each beside its forward pass, for the page gradient-doctor.md."""

# ruff: noqa: D103, RET504

import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def averaged_backward(dout, cache):
    x, w, b = cache
    dx = dout @ w.T
    dw = x.T @ dout / len(x)
    db = dout.sum(axis=0)
    return dx, dw, db


def not_summed_backward(dout, cache):
    x, w, b = cache
    dx = dout @ w.T
    dw = x.T @ dout
    db = dout
    return dx, dw, db


def last_example_backward(dout, cache):
    x, w, b = cache
    dx, dw = dout @ w.T, np.zeros_like(w)
    for n in range(len(x)):
        dw = np.outer(x[n], dout[n])
    return dx, dw, dout.sum(axis=0)


def not_transposed_backward(dout, cache):
    x, w, b = cache
    dx = dout @ w
    dw = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def relu_forward(x):
    return np.maximum(x, 0), x


def masked_by_dout_backward(dout, x):
    return dout * (dout > 0)


def in_place_backward(dout, x):
    dout[x <= 0] = 0
    return dout


def tanh_forward(x):
    out = np.tanh(x)
    return out, (x, out)


def slope_from_x_backward(dout, cache):
    x, out = cache
    dx = dout * (1 - x**2)
    return dx


def batch_norm_forward(x, eps=1e-5):
    std = np.sqrt(x.var(axis=0) + eps)
    normal = (x - x.mean(axis=0)) / std
    return normal, (normal, std)


def without_the_mean_backward(dout, cache):
    normal, std = cache
    dx = (dout - normal * (dout * normal).mean(axis=0)) / std
    return dx


def max_pool_forward(x):
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2)
    return windows.max(axis=(3, 5)), windows


def every_tie_backward(dout, windows):
    winners = windows == windows.max(axis=(3, 5), keepdims=True)
    dx = winners * dout[:, :, :, None, :, None]
    N, C, H, _, W, _ = dx.shape
    return dx.reshape(N, C, 2 * H, 2 * W)


def smooth_forward(x):
    """Each pixel becomes the mean of itself and its upper and lower neighbour."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))
    return (padded[:, :, :-2] + padded[:, :, 1:-1] + padded[:, :, 2:]) / 3, None


def short_loop_backward(dout, cache):
    dx = np.zeros_like(dout)
    H = dout.shape[2]
    for i in range(H - 1):
        for k in (i - 1, i, i + 1):
            if 0 <= k < H:
                dx[:, :, k] += dout[:, :, i] / 3
    return dx


DRAWS = np.random.default_rng(1)
BATCH = (DRAWS.normal(size=(6, 5)), DRAWS.normal(size=(5, 4)), DRAWS.normal(size=4))
SQUARE = (DRAWS.normal(size=(4, 4)), DRAWS.normal(size=(4, 4)), DRAWS.normal(size=4))
FEATURES = (DRAWS.normal(size=(6, 4)),)
WHOLE = (DRAWS.integers(0, 3, (1, 2, 4, 4)).astype(float),)
IMAGE = (DRAWS.normal(size=(2, 2, 6, 5)),)

# Heading, forward, backward, inputs.
MISTAKES = [
    ("Averaged twice", affine_forward, averaged_backward, BATCH),
    ("Not summed over the batch", affine_forward, not_summed_backward, BATCH),
    ("Overwritten instead of added", affine_forward, last_example_backward, BATCH),
    ("Not transposed", affine_forward, not_transposed_backward, SQUARE),
    ("The mask taken from dout", relu_forward, masked_by_dout_backward, FEATURES),
    ("dout edited in place", relu_forward, in_place_backward, FEATURES),
    ("x where out was meant", tanh_forward, slope_from_x_backward, FEATURES),
    ("The path through the mean forgotten", batch_norm_forward, without_the_mean_backward, FEATURES),
    ("A tie counted twice", max_pool_forward, every_tie_backward, WHOLE),
    ("The last row left out", smooth_forward, short_loop_backward, IMAGE),
]
