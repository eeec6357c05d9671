"""How LRN and spatial batch norm of a3-convnets are checked."""

from functools import partial

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise


@exercise(
    "a3.lrn_forward",
    file="normalization.py",
    minutes=20,
    points=2,
    hints=(
        "Which axis do the neighbours lie along? At the first and last channels some do not exist and count as "
        "zero.",
        "Pad the squares by size // 2 zeros on both sides of axis 1; then the window sum is a sum of `size` "
        "slices.",
        "damping = k + alpha * sum(padded_squares[:, s : s + C] for s in range(size)); out = x * damping**-beta",
    ),
)
def lrn_forward(mine, rng):
    """Values with few and many channels, several sizes and settings; float32; manners."""
    settings = (dict(size=3, alpha=0.5), dict(size=5, alpha=0.2, beta=0.5, k=1.0), dict(alpha=0.3), dict())
    for given in settings:
        x = 3 * rng.normal(size=(2, 6, 3, 2))
        out, _ = expect.pair(expect.unchanged(lambda: mine(x, **given), x=x), "lrn_forward")
        size, alpha, beta = given.get("size", 5), given.get("alpha", 1e-4), given.get("beta", 0.75)
        mistakes = {
            "alpha were divided by size": lambda: _lrn(x, **given | {"alpha": alpha / size}),
            "k were left out": lambda: _lrn(x, **given | {"k": 0}),
            "x were not squared": lambda: _lrn(x, **given, power=1),
            "the exponent beta were left out": lambda: _lrn(x, **given | {"beta": 1}),
            "the exponent had the wrong sign": lambda: _lrn(x, **given | {"beta": -beta}),
            "only channels before c counted": lambda: _lrn(x, **given, side=-1),
            "only channels after c counted": lambda: _lrn(x, **given, side=1),
        }
        slips.equal(out, _lrn(x, **given), "out", given=dict(x=x, **given), slips=mistakes)
    x = np.float32(x[:, :2])
    expect.equal(mine(x, alpha=0.5)[0], _lrn(x, alpha=0.5).astype(np.float32), "out", given=dict(x=x, alpha=0.5))


@exercise(
    "a3.lrn_backward",
    file="normalization.py",
    minutes=25,
    points=3,
    hints=(
        "x[c] acts on out[c] directly and, through the damping, on out[d] of all channels d around c.",
        "The window sum of dout * out / damping is made just like that of the squares in forward: the windows "
        "are symmetric.",
        "shared = the window sum; dx = dout * damping**-beta - 2 * alpha * beta * x * shared",
    ),
)
def lrn_backward(mine, rng):
    """The doctor, with damping that matters; float32."""
    forward = expect.function(mine, "lrn_forward")
    x = 2 * rng.normal(size=(2, 5, 2, 2))
    expect.gradients(forward, mine, (x,), size=3, alpha=0.4, k=1.0)
    expect.gradients(forward, mine, (x,), size=5, alpha=0.3, beta=0.5)
    slips.float32_kept(forward, mine, x=x)


@exercise(
    "a3.spatial_batch_norm_forward",
    file="normalization.py",
    minutes=20,
    points=2,
    hints=(
        "One mean and one variance for each channel: which axes of (N, C, H, W) are summed over?",
        "mean and var have shape (C,); mean[:, None, None] lines up with the channels of x.",
        "mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3)) unless they are given; std = np.sqrt(var + "
        "eps); x_hat = (x - mean[:, None, None]) / std[:, None, None]",
    ),
)
def spatial_batch_norm_forward(mine, rng):
    """Values in training and with given statistics, a channel that hardly varies; float32; manners."""
    x = 3 * rng.normal(size=(3, 2, 4, 5)) + 2
    x[:, 1] *= 1e-3
    gamma, beta, mean, var = rng.normal(size=2), rng.normal(size=2), rng.normal(size=2), rng.uniform(1, 2, 2)
    given = dict(x=x, gamma=gamma, beta=beta)
    for more in (dict(), dict(eps=0.1), dict(mean=mean, var=var)):
        call = expect.unchanged(lambda: mine(**given, **more), **given)
        out, _ = expect.pair(call, "spatial_batch_norm_forward")
        rows = x.transpose(1, 0, 2, 3).reshape(2, -1)
        m, v = (mean, var) if "mean" in more else (rows.mean(axis=1), rows.var(axis=1))
        scale = gamma / np.sqrt(v + more.get("eps", 1e-5))
        expected = np.einsum("nchw,c->nchw", x, scale) + (beta - scale * m).reshape(2, 1, 1)
        eps, M = more.get("eps", 1e-5), x.size // 2
        lines = ((x - m.reshape(2, 1, 1)).transpose(0, 2, 3, 1), gamma, beta)
        mistakes = {
            "the variance were divided by M - 1": lambda: _scaled(*lines, np.sqrt(v * M / (M - 1) + eps)),
            "eps were added after the root": lambda: _scaled(*lines, np.sqrt(v) + eps),
            "the root of the variance were missing": lambda: _scaled(*lines, v + eps),
            "each image had statistics of its own": lambda: _scaled(
                *((x - x.mean(axis=(2, 3), keepdims=True)).transpose(0, 2, 3, 1), gamma, beta),
                np.sqrt(x.var(axis=(2, 3)) + eps).reshape(3, 1, 1, 2),
            ),
            "each pixel had statistics of its own": lambda: _scaled(
                *((x - x.mean(axis=0)).transpose(0, 2, 3, 1), gamma, beta),
                np.sqrt(x.var(axis=0).transpose(1, 2, 0) + eps),
            ),
            "the mean of the images' variances were taken": lambda: _scaled(
                *lines, np.sqrt(x.var(axis=0).mean(axis=(1, 2)) + eps)
            ),
            "gamma and beta were left out": lambda: _scaled(*lines[:1], 1.0, 0.0, np.sqrt(v + eps)),
            "given statistics were not used": lambda: _scaled(
                (x - x.mean(axis=(0, 2, 3), keepdims=True)).transpose(0, 2, 3, 1),
                *(gamma, beta, np.sqrt(x.var(axis=(0, 2, 3)) + eps)),
            ),
        }
        slips.equal(out, expected, "out", given=given | more, slips=mistakes)
    out = mine(*(np.float32(value) for value in given.values()))[0]
    expect.true(
        out.dtype == np.float32, f"with x, gamma and beta in float32, out should be float32, it is {out.dtype}"
    )


@exercise(
    "a3.spatial_batch_norm_backward",
    file="normalization.py",
    minutes=25,
    points=3,
    hints=(
        "beta and gamma are shared by all examples and pixels of a channel. x acts in three ways: directly, "
        "through the mean and through the variance; given statistics are constants.",
        "dbeta and dgamma are sums over axes (0, 2, 3). M is how many numbers a channel has, not the batch size.",
        "dx = (gamma / std) * (dout - (dbeta + x_hat * dgamma) / M), each (C,) with [:, None, None]; without "
        "the second part if own is False.",
    ),
)
def spatial_batch_norm_backward(mine, rng):
    """The doctor, in training and with given statistics; float32."""
    forward = expect.function(mine, "spatial_batch_norm_forward")
    x, gamma, beta = rng.normal(size=(3, 2, 2, 3)), rng.normal(size=2), rng.normal(size=2)
    expect.gradients(forward, mine, (x, gamma, beta))
    expect.gradients(forward, mine, (x, gamma, beta, rng.normal(size=2), rng.uniform(1, 2, 2)), wrt=[0, 1, 2])
    slips.float32_kept(forward, mine, x=x, gamma=gamma, beta=beta)


def _lrn(x, size=5, alpha=1e-4, beta=0.75, k=2.0, power=2, side=0):
    """`power` and `side` make slips: a window that begins (1) or ends (-1) at its channel."""
    channels, centre = range(x.shape[1]), side * (size // 2)
    near = np.array([[abs(c + centre - d) <= size // 2 for d in channels] for c in channels], float)
    return x / (k + alpha * np.einsum("cd,ndij->ncij", near, x**power)) ** beta


def _scaled(centred, gamma, beta, std):
    """Channels last: gamma * centred / std + beta, back in the order N C H W."""
    return (gamma * centred / std + beta).transpose(0, 3, 1, 2)
