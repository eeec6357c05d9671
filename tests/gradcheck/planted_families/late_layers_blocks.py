"""Correct blocks of convolutional networks: residual, dense, gated, normalised, and small networks with a loss."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families.case import Planted, normal


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def residual_forward(x, w1, b1, w2, b2):
    """relu(x + conv(relu(conv(x))))."""
    first, cache1 = I.conv_forward(x, w1, b1, pad=1)
    second, cache2 = I.conv_forward(np.maximum(first, 0), w2, b2, pad=1)
    total = x + second
    return np.maximum(total, 0), (first, total, cache1, cache2)


def residual_backward(dout, cache):
    first, total, cache1, cache2 = cache
    dtotal = dout * (total > 0)
    dmiddle, dw2, db2 = I.conv_backward(dtotal, cache2)
    dx, dw1, db1 = I.conv_backward(dmiddle * (first > 0), cache1)
    return dx + dtotal, dw1, db1, dw2, db2


def projected_forward(x, w, b, shortcut):
    """relu(conv of stride 2) plus a 1x1 convolution of stride 2, shortcut (F, C)."""
    scores, cache = I.conv_forward(x, w, b, stride=2, pad=1)
    picked = x[:, :, ::2, ::2]
    return np.maximum(scores, 0) + np.einsum("nchw,fc->nfhw", picked, shortcut), (
        x,
        scores,
        picked,
        shortcut,
        cache,
    )


def projected_backward(dout, cache):
    x, scores, picked, shortcut, inner = cache
    dx, dw, db = I.conv_backward(dout * (scores > 0), inner)
    dx[:, :, ::2, ::2] += np.einsum("nfhw,fc->nchw", dout, shortcut)
    return dx, dw, db, np.einsum("nfhw,nchw->fc", dout, picked)


def preactivation_forward(x, gamma, beta, w, b):
    """x + conv(relu(batch norm(x)))."""
    normed, norm_cache = N.image_norm_forward(x, gamma, beta)
    out, conv_cache = I.conv_forward(np.maximum(normed, 0), w, b, pad=1)
    return x + out, (normed, norm_cache, conv_cache)


def preactivation_backward(dout, cache):
    normed, norm_cache, conv_cache = cache
    drelu, dw, db = I.conv_backward(dout, conv_cache)
    dx, dgamma, dbeta = N.image_norm_backward(drelu * (normed > 0), norm_cache)
    return dx + dout, dgamma, dbeta, dw, db


def scaled_stack_forward(x, ws, scale):
    """x + scale[l] * tanh(x ws[l]) for one layer l after another; scale: one number a layer."""
    xs, branches = [x], []
    for w, s in zip(ws, scale):
        branches.append(np.tanh(xs[-1] @ w))
        xs.append(xs[-1] + s * branches[-1])
    return xs[-1], (xs, branches, ws, scale)


def scaled_stack_backward(dout, cache):
    xs, branches, ws, scale = cache
    dws, dscale = np.zeros_like(ws), np.zeros_like(scale)
    for l in reversed(range(len(ws))):
        dscale[l] = (dout * branches[l]).sum()
        dz = dout * scale[l] * (1 - branches[l] ** 2)
        dws[l] = xs[l].T @ dz
        dout = dout + dz @ ws[l].T
    return dout, dws, dscale


def depth_forward(x, w, keep):
    """x + the branch relu(x w) of those examples that are kept, over the mean share of the kept."""
    scores, share = x @ w, keep.mean()
    return x + np.maximum(scores, 0) * keep[:, None] / share, (x, w, keep, scores, share)


def depth_backward(dout, cache):
    x, w, keep, scores, share = cache
    dscores = dout * (scores > 0) * keep[:, None] / share
    return dout + dscores @ w.T, x.T @ dscores


def draw_depth(rng):
    return rng.normal(size=(6, 4)), rng.normal(size=(4, 4)), rng.permutation(np.arange(6) < 4)


def dense_block_forward(x, w1, w2):
    """Every layer sees all channels before it and adds its own; 1x1 convolutions w1 (G, C), w2 (G, C + G)."""
    a = np.maximum(np.einsum("nchw,gc->nghw", x, w1), 0)
    both = np.concatenate([x, a], axis=1)
    b = np.maximum(np.einsum("nchw,gc->nghw", both, w2), 0)
    return np.concatenate([both, b], axis=1), (x, a, both, b, w1, w2)


def dense_block_backward(dout, cache):
    x, a, both, b, w1, w2 = cache
    C, G = x.shape[1], len(w1)
    db = dout[:, C + G :] * (b > 0)
    dboth = dout[:, : C + G] + np.einsum("nghw,gc->nchw", db, w2)
    da = dboth[:, C:] * (a > 0)
    dx = dboth[:, :C] + np.einsum("nghw,gc->nchw", da, w1)
    return dx, np.einsum("nghw,nchw->gc", da, x), np.einsum("nghw,nchw->gc", db, both)


def squeeze_forward(x, w1, w2):
    """Squeeze and excitation: each channel times a gate that sees the means of all channels."""
    means = x.mean(axis=(2, 3))
    hidden = np.maximum(means @ w1, 0)
    gate = sigmoid(hidden @ w2)
    return x * gate[:, :, None, None], (x, means, hidden, gate, w1, w2)


def squeeze_backward(dout, cache):
    x, means, hidden, gate, w1, w2 = cache
    dz2 = (dout * x).sum(axis=(2, 3)) * gate * (1 - gate)
    dz1 = dz2 @ w2.T * (hidden > 0)
    dmeans = dz1 @ w1.T / (x.shape[2] * x.shape[3])
    return dout * gate[:, :, None, None] + dmeans[:, :, None, None], means.T @ dz1, hidden.T @ dz2


def gated_forward(x, w, b):
    """A gated linear unit over channels: half the convolution's channels, times the sigmoid of the others."""
    scores, cache = I.conv_forward(x, w, b, pad=1)
    value, gate = np.split(scores, 2, axis=1)
    gate = sigmoid(gate)
    return value * gate, (value, gate, cache)


def gated_backward(dout, cache):
    value, gate, inner = cache
    return I.conv_backward(np.concatenate([dout * gate, dout * value * gate * (1 - gate)], axis=1), inner)


def highway_forward(x, w, b, wt, bt):
    """t * tanh(x w + b) + (1 - t) * x with the gate t = sigmoid(x wt + bt)."""
    h, t = np.tanh(x @ w + b), sigmoid(x @ wt + bt)
    return t * h + (1 - t) * x, (x, w, wt, h, t)


def highway_backward(dout, cache):
    x, w, wt, h, t = cache
    dh, dt = dout * t * (1 - h**2), dout * (h - x) * t * (1 - t)
    return dh @ w.T + dt @ wt.T + dout * (1 - t), x.T @ dh, dh.sum(axis=0), x.T @ dt, dt.sum(axis=0)


def instance_norm_forward(x, gamma, beta, eps=1e-5):
    """Each channel of each image is standardised by itself."""
    centred = x - x.mean(axis=(2, 3), keepdims=True)
    std = np.sqrt((centred**2).mean(axis=(2, 3), keepdims=True) + eps)
    x_hat = centred / std
    return N.column(gamma) * x_hat + N.column(beta), (x, x_hat, gamma, std)


def instance_norm_backward(dout, cache):
    x, x_hat, gamma, std = cache
    dx_hat = dout * N.column(gamma)
    mean, share = (part.mean(axis=(2, 3), keepdims=True) for part in (dx_hat, dx_hat * x_hat))
    return (dx_hat - mean - x_hat * share) / std, (dout * x_hat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))


def pixel_norm_forward(x, eps=1e-8):
    """Each pixel's channels over their root mean square."""
    rms = np.sqrt((x**2).mean(axis=1, keepdims=True) + eps)
    return x / rms, (x, rms)


def pixel_norm_backward(dout, cache):
    x, rms = cache
    return dout / rms - x * (dout * x).mean(axis=1, keepdims=True) / rms**3


def conv_norm_relu_forward(x, w, gamma, beta):
    scores, conv_cache = I.conv_forward(x, w, np.zeros(len(w)), pad=1)
    normed, norm_cache = N.image_norm_forward(scores, gamma, beta)
    return np.maximum(normed, 0), (normed, conv_cache, norm_cache)


def conv_norm_relu_backward(dout, cache):
    normed, conv_cache, norm_cache = cache
    dscores, dgamma, dbeta = N.image_norm_backward(dout * (normed > 0), norm_cache)
    dx, dw, _ = I.conv_backward(dscores, conv_cache)
    return dx, dw, dgamma, dbeta


def small_net_forward(x, y, w, b, wo, bo):
    """Convolution, relu, max pool, affine and softmax loss; y: labels."""
    pooled, block = I.conv_relu_pool_forward(x, w, b)
    rows = pooled.reshape(len(x), -1)
    loss, loss_cache = L.softmax_loss_forward(rows @ wo + bo, y)
    return loss, (block, pooled.shape, rows, wo, loss_cache)


def small_net_backward(dout, cache):
    block, shape, rows, wo, loss_cache = cache
    dscores = L.softmax_loss_backward(dout, loss_cache)
    dx, dw, db = I.conv_relu_pool_backward((dscores @ wo.T).reshape(shape), block)
    return dx, dw, db, rows.T @ dscores, dscores.sum(axis=0)


def draw_small_net(rng):
    x, w, b, wo, bo = normal((3, 2, 4, 4), (2, 2, 3, 3), (2,), (8, 3), (3,))(rng)
    return x, rng.integers(0, 3, 3), w, b, wo, bo


def skip_concat_forward(deep, early):
    """U-Net's skip: enlarge the deep image twice, crop the early one to fit and put one below the other."""
    up, H, W = I.upsample_forward(deep)[0], 2 * deep.shape[2], 2 * deep.shape[3]
    top, left = (early.shape[2] - H) // 2, (early.shape[3] - W) // 2
    return np.concatenate([up, early[:, :, top : top + H, left : left + W]], axis=1), (deep, early, top, left)


def skip_concat_backward(dout, cache):
    deep, early, top, left = cache
    C, (H, W) = deep.shape[1], dout.shape[2:]
    dearly = np.zeros_like(early)
    dearly[:, :, top : top + H, left : left + W] = dout[:, C:]
    return I.upsample_backward(dout[:, :C], (deep.shape, 2)), dearly


def block(name, forward, backward, inputs, **changes):
    return Planted(name, "block", forward, backward, inputs, **changes)


RESIDUAL = block("residual block", residual_forward, residual_backward,
                 normal((2, 2, 4, 4), (2, 2, 3, 3), (2,), (2, 2, 3, 3), (2,), scale=0.7))  # fmt: skip
PROJECTED = block("residual block with a projection", projected_forward, projected_backward,
                  normal((2, 2, 5, 5), (3, 2, 3, 3), (3,), (3, 2)))  # fmt: skip
PREACTIVATION = block("residual block, norm first", preactivation_forward, preactivation_backward,
                      normal((2, 2, 3, 4), (2,), (2,), (2, 2, 3, 3), (2,)))  # fmt: skip
SCALED_STACK = block("residual stack with scales", scaled_stack_forward, scaled_stack_backward,
                     normal((4, 3), (4, 3, 3), (4,)))  # fmt: skip
DEPTH = block("stochastic depth", depth_forward, depth_backward, draw_depth)
DENSE_BLOCK = block("dense block", dense_block_forward, dense_block_backward,
                    normal((2, 3, 3, 3), (2, 3), (2, 5)))  # fmt: skip
SQUEEZE = block("squeeze and excitation", squeeze_forward, squeeze_backward,
                normal((3, 4, 3, 2), (4, 5), (5, 4)))  # fmt: skip
GATED = block("gated convolution", gated_forward, gated_backward,
              normal((2, 2, 4, 4), (4, 2, 3, 3), (4,)))  # fmt: skip
HIGHWAY = block("highway layer", highway_forward, highway_backward,
                normal((5, 4), (4, 4), (4,), (4, 4), (4,)))  # fmt: skip
INSTANCE_NORM = block("instance norm", instance_norm_forward, instance_norm_backward,
                      normal((2, 3, 3, 4), (3,), (3,)))  # fmt: skip
PIXEL_NORM = block("pixel norm", pixel_norm_forward, pixel_norm_backward, normal((2, 5, 2, 3)))
CONV_NORM_RELU = block("conv, norm, relu", conv_norm_relu_forward, conv_norm_relu_backward,
                       normal((3, 2, 4, 3), (3, 2, 3, 3), (3,), (3,)))  # fmt: skip
SMALL_NET = block("small convolutional network", small_net_forward, small_net_backward, draw_small_net)
SKIP_CONCAT = block("skip by concatenation", skip_concat_forward, skip_concat_backward,
                    normal((2, 2, 2, 2), (2, 3, 6, 6)))  # fmt: skip

LATE_BLOCK_LAYERS = [RESIDUAL, PROJECTED, PREACTIVATION, SCALED_STACK, DEPTH, DENSE_BLOCK, SQUEEZE, GATED, HIGHWAY,
                     INSTANCE_NORM, PIXEL_NORM, CONV_NORM_RELU, SMALL_NET, SKIP_CONCAT]  # fmt: skip
