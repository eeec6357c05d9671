"""Correct convolutions in other layouts and pools of other kinds, as functions."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families.images import conv_backward, conv_forward, cropped, padded_by, tap


def im2col(x, KH, KW, stride=1):
    """One row (C, KH, KW) for each window of x: (N, C, H, W)."""
    N, C, H, W = x.shape
    shape = (N, C, (H - KH) // stride + 1, (W - KW) // stride + 1)
    taps = np.stack([x[tap(i, j, shape, stride)] for i, j in np.ndindex(KH, KW)], axis=-1)
    return taps.transpose(0, 2, 3, 1, 4).reshape(-1, C * KH * KW)


def col2im(cols, shape, KH, KW, stride=1):
    N, C, H, W = shape
    OH, OW = (H - KH) // stride + 1, (W - KW) // stride + 1
    taps = cols.reshape(N, OH, OW, C, KH * KW).transpose(4, 0, 3, 1, 2)
    x = np.zeros(shape, cols.dtype)
    for part, (i, j) in zip(taps, np.ndindex(KH, KW)):
        x[tap(i, j, part.shape, stride)] += part
    return x


def columns_conv_forward(x, w, b, stride=1, pad=1):
    padded = padded_by(x, pad)
    OH, OW = ((n - k) // stride + 1 for n, k in zip(padded.shape[2:], w.shape[2:]))
    cols = im2col(padded, *w.shape[2:], stride)
    rows = cols @ w.reshape(len(w), -1).T + b
    return rows.reshape(len(x), OH, OW, len(w)).transpose(0, 3, 1, 2), (x, padded.shape, cols, w, stride, pad)


def columns_conv_backward(dout, cache):
    x, padded_shape, cols, w, stride, pad = cache
    rows = dout.transpose(0, 2, 3, 1).reshape(-1, len(w))
    dcols = rows @ w.reshape(len(w), -1)
    dx = cropped(col2im(dcols, padded_shape, *w.shape[2:], stride), pad, x)
    return dx, (rows.T @ cols).reshape(w.shape), rows.sum(axis=0)


def unfold_forward(x, kernel=2, stride=1):
    """The layer torch calls Unfold: columns out of an image."""
    return im2col(x, kernel, kernel, stride), (x.shape, kernel, stride)


def unfold_backward(dout, cache):
    shape, kernel, stride = cache
    return col2im(dout, shape, kernel, kernel, stride)


def fold_forward(cols, shape=(2, 2, 5, 4), kernel=3, stride=1):
    return col2im(cols, shape, kernel, kernel, stride), (kernel, stride)


def fold_backward(dout, cache):
    kernel, stride = cache
    return im2col(dout, kernel, kernel, stride)


def depthwise_forward(x, w, stride=1):
    """w: (C, K, K) with an even K; padded as for "same", one more row and column below and to the right."""
    K = w.shape[1]
    before, after = (K - 1) // 2, K // 2
    padded = np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))
    out = np.zeros((*x.shape[:2], -(-x.shape[2] // stride), -(-x.shape[3] // stride)), x.dtype)
    for i, j in np.ndindex(K, K):
        out += padded[tap(i, j, out.shape, stride)] * w[:, i, j, None, None]
    return out, (x, padded, w, before, stride)


def depthwise_backward(dout, cache):
    x, padded, w, before, stride = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, j in np.ndindex(w.shape[1:]):
        here = tap(i, j, dout.shape, stride)
        dw[:, i, j] = (padded[here] * dout).sum(axis=(0, 2, 3))
        dpadded[here] += dout * w[:, i, j, None, None]
    return cropped(dpadded, before, x), dw


def causal_conv_forward(w, x, b, dilation=2):
    """x: (N, T, C), w: (K, C, F): each step sees itself and K - 1 earlier ones, `dilation` apart."""
    (K, _, F), (N, T, _) = w.shape, x.shape
    padded = np.pad(x, ((0, 0), ((K - 1) * dilation, 0), (0, 0)))
    out = np.zeros((N, T, F), x.dtype) + b
    for k in range(K):
        out += padded[:, k * dilation : k * dilation + T] @ w[k]
    return out, (w, x, padded, dilation)


def causal_conv_backward(dout, cache):
    w, x, padded, dilation = cache
    dw, dpadded, T = np.zeros_like(w), np.zeros_like(padded), x.shape[1]
    for k in range(len(w)):
        seen = slice(k * dilation, k * dilation + T)
        dw[k] = np.einsum("ntc,ntf->cf", padded[:, seen], dout)
        dpadded[:, seen] += dout @ w[k].T
    return dw, dpadded[:, -T:], dout.sum(axis=(0, 1))


def pointwise_forward(x, w, b):
    """A 1x1 convolution of x: (N, H, W, C) with w: (C, F)."""
    return x @ w + b, (x, w)


def pointwise_backward(dout, cache):
    x, w = cache
    return dout @ w.T, np.einsum("nhwc,nhwf->cf", x, dout), dout.sum(axis=(0, 1, 2))


def last_tap(i, j, out_shape, strides):
    (OH, OW), (sh, sw) = out_shape[1:3], strides
    return slice(None), slice(i, i + sh * (OH - 1) + 1, sh), slice(j, j + sw * (OW - 1) + 1, sw)


def conv_last_forward(w, b, x, strides=(1, 2)):
    """x: (N, H, W, C), w: (KH, KW, C, F); the steps down and to the right differ."""
    OH, OW = ((n - k) // s + 1 for n, k, s in zip(x.shape[1:3], w.shape, strides))
    out = np.zeros((len(x), OH, OW, w.shape[3]), x.dtype) + b
    for i, j in np.ndindex(w.shape[:2]):
        out += x[last_tap(i, j, out.shape, strides)] @ w[i, j]
    return out, (w, x, strides)


def conv_last_backward(dout, cache):
    w, x, strides = cache
    dw, dx = np.zeros_like(w), np.zeros_like(x)
    for i, j in np.ndindex(w.shape[:2]):
        here = last_tap(i, j, dout.shape, strides)
        dw[i, j] = np.einsum("nhwc,nhwf->cf", x[here], dout)
        dx[here] += dout @ w[i, j].T
    return dw, dout.sum(axis=(0, 1, 2)), dx


def separable_forward(x, depth, point):
    """MobileNet's block: depthwise, relu, 1x1; depth: (C, 2, 2), point: (C, F)."""
    spread, cache = depthwise_forward(x, depth)
    hidden = np.maximum(spread, 0)
    return np.einsum("nchw,cf->nfhw", hidden, point), (cache, spread, hidden, point)


def separable_backward(dout, cache):
    depth_cache, spread, hidden, point = cache
    dhidden = np.einsum("nfhw,cf->nchw", dout, point)
    dx, ddepth = depthwise_backward(dhidden * (spread > 0), depth_cache)
    return dx, ddepth, np.einsum("nchw,nfhw->cf", hidden, dout)


def mirrored_conv_forward(x, w, b):
    """Each filter and its mirror image look at x, and their answers are added."""
    one, seen = conv_forward(x, w, b, pad=1)
    two, mirrored = conv_forward(x, w[..., ::-1], 0 * b, pad=1)
    return one + two, (seen, mirrored)


def mirrored_conv_backward(dout, cache):
    (dx, dw, db), (dx2, dmirror, _) = (conv_backward(dout, part) for part in cache)
    return dx + dx2, dw + dmirror[..., ::-1], db


def deconv1d_forward(x, w, stride=3):
    """x: (N, C, T), w: (C, F, K): pieces that overlap if K > stride."""
    T, K = x.shape[2], w.shape[2]
    out = np.zeros((len(x), w.shape[1], (T - 1) * stride + K), x.dtype)
    for t in range(T):
        out[:, :, t * stride : t * stride + K] += np.einsum("nc,cfk->nfk", x[:, :, t], w)
    return out, (x, w, stride)


def deconv1d_backward(dout, cache):
    x, w, stride = cache
    dx, dw, K = np.zeros_like(x), np.zeros_like(w), w.shape[2]
    for t in range(x.shape[2]):
        piece = dout[:, :, t * stride : t * stride + K]
        dx[:, :, t] = np.einsum("nfk,cfk->nc", piece, w)
        dw += np.einsum("nc,nfk->cfk", x[:, :, t], piece)
    return dx, dw


def switch_pool_forward(x, kernel=(2, 3), stride=2):
    """Max pooling that remembers its switches, the places of the winners in the flat input."""
    N, C, H, W = x.shape
    KH, KW = kernel
    shape = (N, C, (H - KH) // stride + 1, (W - KW) // stride + 1)
    places = np.arange(x.size).reshape(x.shape)
    taps = [tap(i, j, shape, stride) for i, j in np.ndindex(KH, KW)]
    values, where = np.stack([x[here] for here in taps]), np.stack([places[here] for here in taps])
    winner = values.argmax(axis=0)[None]
    switches = np.take_along_axis(where, winner, axis=0)[0]
    return np.take_along_axis(values, winner, axis=0)[0], (x, switches, winner[0], kernel, stride)


def switch_pool_backward(dout, cache):
    x, switches = cache[:2]
    dx = np.zeros(x.size)
    np.add.at(dx, switches, dout)
    return dx.reshape(x.shape)


def unpool_forward(x, switches):
    """Each value returns to its place (0 to 3) in a 2x2 window; the rest is zero."""
    N, C, H, W = x.shape
    chosen = (switches[..., None] == np.arange(4)).reshape(N, C, H, W, 2, 2)
    windows = x[..., None, None] * chosen
    return windows.transpose(0, 1, 2, 4, 3, 5).reshape(N, C, 2 * H, 2 * W), chosen


def unpool_backward(dout, chosen):
    N, C, H, W = chosen.shape[:4]
    windows = dout.reshape(N, C, H, 2, W, 2).transpose(0, 1, 2, 4, 3, 5)
    return (windows * chosen).sum(axis=(4, 5))


def fair_pool_forward(x):
    """Max pooling of 2x2 windows by reshaping, as CS231n's fast one; equal winners share."""
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2)
    out = windows.max(axis=(3, 5), keepdims=True)
    return out[:, :, :, 0, :, 0], (windows, out)


def fair_pool_backward(dout, cache):
    windows, out = cache
    mask = windows == out
    shared = mask * dout[:, :, :, None, :, None] / mask.sum(axis=(3, 5), keepdims=True)
    N, C, OH, _, OW, _ = windows.shape
    return shared.reshape(N, C, 2 * OH, 2 * OW)


def padded_mean_pool_forward(x, kernel=3, stride=2, pad=1):
    """Average pooling that counts the padding."""
    padded = padded_by(x, pad)
    shape = (*x.shape[:2], *((n - kernel) // stride + 1 for n in padded.shape[2:]))
    taps = [padded[tap(i, j, shape, stride)] for i, j in np.ndindex(kernel, kernel)]
    return sum(taps) / kernel**2, (x, padded.shape, kernel, stride, pad)


def padded_mean_pool_backward(dout, cache):
    x, padded_shape, kernel, stride, pad = cache
    dpadded = np.zeros(padded_shape)
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] += dout / kernel**2
    return cropped(dpadded, pad, x)


def bins(length, parts):
    return [slice(k * length // parts, -(-(k + 1) * length // parts)) for k in range(parts)]


def adaptive_pool_forward(x, size=(3, 2)):
    """The means of size[0] x size[1] bins, which overlap where the image cannot be divided."""
    rows, columns = (bins(n, parts) for n, parts in zip(x.shape[2:], size))
    means = [[x[:, :, r, c].mean(axis=(2, 3)) for c in columns] for r in rows]
    return np.array(means).transpose(2, 3, 0, 1), (x.shape, rows, columns)


def adaptive_pool_backward(dout, cache):
    shape, rows, columns = cache
    dx = np.zeros(shape)
    for (i, r), (j, c) in ((a, b) for a in enumerate(rows) for b in enumerate(columns)):
        area = (r.stop - r.start) * (c.stop - c.start)
        dx[:, :, r, c] += dout[:, :, i, j, None, None] / area
    return dx


def lp_pool_forward(x, p=3):
    """The p-norm of 2x2 windows."""
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2)
    total = (abs(windows) ** p).sum(axis=(3, 5), keepdims=True)
    out = total ** (x.dtype.type(1) / p)
    return out[:, :, :, 0, :, 0], (windows, total, out, p)


def lp_pool_backward(dout, cache):
    windows, _, out, p = cache
    safe = np.where(out > 0, out, 1)
    dwindows = dout[:, :, :, None, :, None] * np.sign(windows) * (abs(windows) / safe) ** (p - 1)
    N, C, OH, _, OW, _ = windows.shape
    return dwindows.reshape(N, C, 2 * OH, 2 * OW)


def global_max_forward(x):
    flat = x.reshape(*x.shape[:2], -1)
    return flat.max(axis=2), (x, flat.argmax(axis=2))


def global_max_backward(dout, cache):
    x, winner = cache
    dx = np.zeros((*x.shape[:2], x.shape[2] * x.shape[3]))
    np.put_along_axis(dx, winner[..., None], dout[..., None], axis=2)
    return dx.reshape(x.shape)


def mixed_pool_forward(x, share):
    """share * max + (1 - share) * mean of 2x2 windows, one share for each channel."""
    top, top_cache = I.max_pool_forward(x)
    mean, mean_cache = I.average_pool_forward(x, kernel=2)
    a = share[:, None, None]
    return a * top + (1 - a) * mean, (top, mean, a, top_cache, mean_cache)


def mixed_pool_backward(dout, cache):
    top, mean, a, top_cache, mean_cache = cache
    dx = I.max_pool_backward(dout * a, top_cache) + I.average_pool_backward(dout * (1 - a), mean_cache)
    return dx, (dout * (top - mean)).sum(axis=(0, 2, 3))


def soft_pool_forward(x):
    """The mean of each 2x2 window, weighted by the softmax of its own values."""
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2)
    weights = np.exp(windows - windows.max(axis=(3, 5), keepdims=True))
    weights = weights / weights.sum(axis=(3, 5), keepdims=True)
    out = (weights * windows).sum(axis=(3, 5), keepdims=True)
    return out[:, :, :, 0, :, 0], (windows, weights, out)


def soft_pool_backward(dout, cache):
    windows, weights, out = cache
    N, C, OH, _, OW, _ = windows.shape
    dwindows = dout[:, :, :, None, :, None] * weights * (1 + windows - out)
    return dwindows.reshape(N, C, 2 * OH, 2 * OW)


def min_pool_forward(x):
    """Minimum pooling of overlapping 3x3 windows, by way of the maximum of -x."""
    out, cache = I.max_pool_forward(-x, kernel=3, stride=2)
    return -out, cache


def min_pool_backward(dout, cache):
    return -I.max_pool_backward(-dout, cache)


def roi_pool_forward(x, boxes):
    """The largest value of each channel of the first image's channels in each box (top, left, height, width)."""
    crops = [x[:, r : r + h, c : c + w] for r, c, h, w in boxes]
    out = np.stack([crop.max(axis=(1, 2)) for crop in crops])
    return out, (x, boxes, [crop.reshape(len(x), -1).argmax(axis=1) for crop in crops])


def roi_pool_backward(dout, cache):
    x, boxes, winners = cache
    dx, channels = np.zeros_like(x), np.arange(len(x))
    for drow, (r, c, _, w), winner in zip(dout, boxes, winners):
        dx[channels, r + winner // w, c + winner % w] += drow
    return dx


def draw_boxes(rng):
    tops = rng.integers(0, 2, (6, 2))
    return rng.normal(size=(3, 5, 6)), np.hstack([tops, rng.integers(3, 5, (6, 2))])


def ceil_pool_forward(x, width=3):
    """Maxima of `width` time steps of x: (N, T, C); the last ones may be fewer."""
    starts = range(0, x.shape[1], width)
    return np.stack([x[:, t : t + width].max(axis=1) for t in starts], axis=1), (x, starts, width)


def ceil_pool_backward(dout, cache):
    x, starts, width = cache
    dx = np.zeros_like(x)
    for k, t in enumerate(starts):
        winner = x[:, t : t + width].argmax(axis=1)[:, None]
        np.put_along_axis(dx[:, t : t + width], winner, dout[:, k, None], axis=1)
    return dx
