"""More correct blocks of image networks and layers of whole images, as functions."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families.images import conv_backward, conv_forward


def dense_block_forward(x, w1, w2):
    """DenseNet's: each convolution sees all that came before; all of it is the output."""
    first, cache1 = conv_forward(np.maximum(x, 0), w1, np.zeros(len(w1)), pad=1)
    both = np.concatenate([x, first], axis=1)
    second, cache2 = conv_forward(np.maximum(both, 0), w2, np.zeros(len(w2)), pad=1)
    return np.concatenate([both, second], axis=1), (x, both, cache1, cache2)


def dense_block_backward(dout, cache):
    x, both, cache1, cache2 = cache
    C, B = x.shape[1], both.shape[1]
    dactive, dw2, _ = conv_backward(dout[:, B:], cache2)
    dboth = dout[:, :B] + dactive * (both > 0)
    dactive, dw1, _ = conv_backward(dboth[:, C:], cache1)
    return dboth[:, :C] + dactive * (x > 0), dw1, dw2


def skip_net_forward(x, w):
    """A small U-Net: pool, convolve, enlarge, and set x beside the result."""
    small, pool_cache = I.max_pool_forward(x)
    changed, conv_cache = conv_forward(small, w, np.zeros(len(w)), pad=1)
    hidden = np.tanh(changed)
    large, up_cache = I.upsample_forward(hidden)
    return np.concatenate([x, large], axis=1), (x.shape[1], pool_cache, conv_cache, hidden, up_cache)


def skip_net_backward(dout, cache):
    C, pool_cache, conv_cache, hidden, up_cache = cache
    dhidden = I.upsample_backward(dout[:, C:], up_cache)
    dsmall, dw, _ = conv_backward(dhidden * (1 - hidden**2), conv_cache)
    return dout[:, :C] + I.max_pool_backward(dsmall, pool_cache), dw


def spatial_gate_forward(x, w, b):
    """CBAM's: every pixel is weighted by a convolution of its channels' mean and maximum."""
    summary = np.stack([x.mean(axis=1), x.max(axis=1)], axis=1)
    scores, conv_cache = conv_forward(summary, w, b, pad=1)
    gate = 1 / (1 + np.exp(-scores))
    return x * gate, (x, gate, conv_cache)


def spatial_gate_backward(dout, cache):
    x, gate, conv_cache = cache
    dscores = (dout * x).sum(axis=1, keepdims=True) * gate * (1 - gate)
    dsummary, dw, db = conv_backward(dscores, conv_cache)
    dx = dout * gate + dsummary[:, :1] / x.shape[1]
    winner = x.argmax(axis=1)[:, None] == np.arange(x.shape[1])[:, None, None]
    return dx + dsummary[:, 1:] * winner, dw, db


def roughness_forward(x):
    """The squared differences between neighbours in a column and in a row, added for each image."""
    down, across = np.diff(x, axis=2), np.diff(x, axis=3)
    return (down**2).sum(axis=(1, 2, 3)) + (across**2).sum(axis=(1, 2, 3)), (x.shape, down, across)


def roughness_backward(dout, cache):
    shape, down, across = cache
    dx, scale = np.zeros(shape), 2 * dout[:, None, None, None]
    dx[:, :, 1:] += scale * down
    dx[:, :, :-1] -= scale * down
    dx[..., 1:] += scale * across
    dx[..., :-1] -= scale * across
    return dx


def style_forward(x):
    """The Gram matrix of the channels, over the number of pixels."""
    flat = x.reshape(*x.shape[:2], -1)
    return flat @ flat.swapaxes(1, 2) / flat.shape[2], (x.shape, flat)


def style_backward(dout, cache):
    shape, flat = cache
    return ((dout + dout.swapaxes(1, 2)) @ flat / flat.shape[2]).reshape(shape)


def unsharp_forward(x, amount):
    """x + amount * (x - blur(x)), an amount for each channel."""
    blurred, count = I.blur_forward(x)
    detail = x - blurred
    return x + amount[:, None, None] * detail, (amount, detail, count)


def unsharp_backward(dout, cache):
    amount, detail, count = cache
    ddetail = dout * amount[:, None, None]
    return dout + ddetail - I.blur_backward(ddetail, count), (dout * detail).sum(axis=(0, 2, 3))


def fire_forward(x, squeeze, one, three):
    """SqueezeNet's module: relu of a 1x1 convolution, then 1x1 and 3x3 side by side."""
    scores, cache = conv_forward(x, squeeze, np.zeros(len(squeeze)))
    hidden = np.maximum(scores, 0)
    left, left_cache = conv_forward(hidden, one, np.zeros(len(one)))
    right, right_cache = conv_forward(hidden, three, np.zeros(len(three)), pad=1)
    return np.concatenate([left, right], axis=1), (scores, cache, left_cache, right_cache, len(one))


def fire_backward(dout, cache):
    scores, conv_cache, left_cache, right_cache, cut = cache
    dleft, done, _ = conv_backward(dout[:, :cut], left_cache)
    dright, dthree, _ = conv_backward(dout[:, cut:], right_cache)
    dx, dsqueeze, _ = conv_backward((dleft + dright) * (scores > 0), conv_cache)
    return dx, dsqueeze, done, dthree


def channel_maxout_forward(x, pieces=2):
    """The largest of each `pieces` neighbouring channels."""
    N, C, H, W = x.shape
    split = x.reshape(N, C // pieces, pieces, H, W)
    return split.max(axis=2), (split, x.shape)


def channel_maxout_backward(dout, cache):
    split, shape = cache
    winner = split.argmax(axis=2)[:, :, None] == np.arange(split.shape[2])[:, None, None]
    return (dout[:, :, None] * winner).reshape(shape)


def thirds_forward(x):
    """Binomial blur (1, 2, 1) / 4 of reflected rows, every second pixel kept."""
    padded = np.pad(x, ((0, 0), (0, 0), (0, 0), (1, 1)), mode="reflect")
    W = x.shape[3]
    return sum(k * padded[..., s : s + W : 2] for s, k in enumerate((0.25, 0.5, 0.25))), x.shape


def thirds_backward(dout, shape):
    W = shape[3]
    dpadded = np.zeros((*shape[:3], W + 2))
    for s, k in enumerate((0.25, 0.5, 0.25)):
        dpadded[..., s : s + W : 2] += k * dout
    dpadded[..., 2] += dpadded[..., 0]
    dpadded[..., -3] += dpadded[..., -1]
    return dpadded[..., 1:-1]
