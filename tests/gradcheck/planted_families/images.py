"""Correct layers of images (N, C, H, W): convolutions, pooling, upsampling and padding, tap by tap."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal


def tap(i, j, out_shape, stride=1, dilation=1):
    """The index of the pixels that place (i, j) of the kernel sees, one for each output pixel."""
    OH, OW = out_shape[2:]
    top, left = i * dilation, j * dilation
    rows = slice(top, top + stride * (OH - 1) + 1, stride)
    return slice(None), slice(None), rows, slice(left, left + stride * (OW - 1) + 1, stride)


def padded_by(x, pad):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))


def cropped(image, pad, like):
    H, W = like.shape[2:]
    return image[:, :, pad : pad + H, pad : pad + W]


def conv_forward(x, w, b, stride=1, pad=0, dilation=1):
    """x: (N, C, H, W), w: (F, C, KH, KW), b: (F,)."""
    padded = padded_by(x, pad)
    OH, OW = ((n - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(padded.shape[2:], w.shape[2:]))
    out = np.zeros((len(x), len(w), OH, OW), x.dtype) + b[:, None, None]
    for i, j in np.ndindex(w.shape[2:]):
        out += np.einsum("nchw,fc->nfhw", padded[tap(i, j, out.shape, stride, dilation)], w[:, :, i, j])
    return out, (x, padded, w, stride, pad, dilation)


def conv_backward(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, j in np.ndindex(w.shape[2:]):
        here = tap(i, j, dout.shape, stride, dilation)
        dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout, padded[here])
        dpadded[here] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return cropped(dpadded, pad, x), dw, dout.sum(axis=(0, 2, 3))


def grouped_conv_forward(x, w, b, groups=2, **options):
    """w: (F, C / groups, KH, KW): each share of the filters sees its share of the channels."""
    shares = zip(np.split(x, groups, axis=1), np.split(w, groups), np.split(b, groups))
    outs, caches = zip(*(conv_forward(*share, **options) for share in shares))
    return np.concatenate(outs, axis=1), caches


def grouped_conv_backward(dout, caches):
    douts = np.split(dout, len(caches), axis=1)
    dx, dw, db = zip(*(conv_backward(share, cache) for share, cache in zip(douts, caches)))
    return np.concatenate(dx, axis=1), np.concatenate(dw), np.concatenate(db)


def local_conv_forward(x, w, b):
    """w: (F, C, KH, KW, OH, OW): every place has filters of its own."""
    out = np.zeros((len(x), len(w), *w.shape[4:]), x.dtype) + b
    for i, j in np.ndindex(w.shape[2:4]):
        out += np.einsum("nchw,fchw->nfhw", x[tap(i, j, out.shape)], w[:, :, i, j])
    return out, (x, w)


def local_conv_backward(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j in np.ndindex(w.shape[2:4]):
        here = tap(i, j, dout.shape)
        dw[:, :, i, j] = np.einsum("nfhw,nchw->fchw", dout, x[here])
        dx[here] += np.einsum("nfhw,fchw->nchw", dout, w[:, :, i, j])
    return dx, dw, dout.sum(axis=0)


def conv_transpose_forward(x, w, b, stride=2, pad=1):
    """x: (N, F, H, W), w: (F, C, KH, KW): every pixel paints a copy of its filter, `stride` apart."""
    H, W = ((n - 1) * stride + k for n, k in zip(x.shape[2:], w.shape[2:]))
    painted = np.zeros((len(x), w.shape[1], H, W), x.dtype) + b[:, None, None]
    for i, j in np.ndindex(w.shape[2:]):
        painted[tap(i, j, x.shape, stride)] += np.einsum("nfhw,fc->nchw", x, w[:, :, i, j])
    return painted[:, :, pad : H - pad, pad : W - pad], (x, w, stride, pad)


def conv_transpose_backward(dout, cache):
    x, w, stride, pad = cache
    dpainted = padded_by(dout, pad)
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j in np.ndindex(w.shape[2:]):
        seen = dpainted[tap(i, j, x.shape, stride)]
        dx += np.einsum("nchw,fc->nfhw", seen, w[:, :, i, j])
        dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", x, seen)
    return dx, dw, dout.sum(axis=(0, 2, 3))


def max_pool_forward(x, kernel=2, stride=2):
    OH, OW = ((n - kernel) // stride + 1 for n in x.shape[2:])
    shape = (*x.shape[:2], OH, OW)
    windows = np.stack([x[tap(i, j, shape, stride)] for i, j in np.ndindex(kernel, kernel)])
    return windows.max(axis=0), (x, windows, kernel, stride)


def max_pool_backward(dout, cache):
    x, windows, kernel, stride = cache
    winner, dx = windows.argmax(axis=0), np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        dx[tap(i, j, dout.shape, stride)] += dout * (winner == i * kernel + j)
    return dx


def average_pool_forward(x, kernel=3, stride=2, pad=0):
    """The mean of every window's pixels inside the image."""
    padded, inside = padded_by(x, pad), padded_by(np.ones_like(x), pad)
    OH, OW = ((n - kernel) // stride + 1 for n in padded.shape[2:])
    shape = (*x.shape[:2], OH, OW)
    here = [tap(i, j, shape, stride) for i, j in np.ndindex(kernel, kernel)]
    counts = sum(inside[index] for index in here)
    return sum(padded[index] for index in here) / counts, (x, counts, kernel, stride, pad)


def average_pool_backward(dout, cache):
    x, counts, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] += dout / counts
    return cropped(dpadded, pad, x)


def global_average_pool_forward(x):
    return x.mean(axis=(2, 3)), x.shape


def global_average_pool_backward(dout, shape):
    return np.broadcast_to(dout[:, :, None, None] / (shape[2] * shape[3]), shape).copy()


def upsample_forward(x, factor=2):
    return x.repeat(factor, axis=2).repeat(factor, axis=3), (x.shape, factor)


def upsample_backward(dout, cache):
    (N, C, H, W), factor = cache
    return dout.reshape(N, C, H, factor, W, factor).sum(axis=(3, 5))


def edge_pad_forward(x):
    """One more pixel all round, each a copy of the nearest one."""
    return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge"), x.shape


def edge_pad_backward(dout, shape):
    dx = dout[:, :, 1:-1, :].copy()
    dx[:, :, 0] += dout[:, :, 0]
    dx[:, :, -1] += dout[:, :, -1]
    dx[..., 1] += dx[..., 0]
    dx[..., -2] += dx[..., -1]
    return dx[..., 1:-1]


def blur_forward(x):
    """Each pixel becomes the mean of itself and its two neighbours in the row, those inside the image."""
    total, count = x.copy(), np.ones_like(x)
    for part in (total, count):
        old = part.copy()
        part[..., 1:] += old[..., :-1]
        part[..., :-1] += old[..., 1:]
    return total / count, count


def blur_backward(dout, count):
    share = dout / count
    dx = share.copy()
    dx[..., :-1] += share[..., 1:]
    dx[..., 1:] += share[..., :-1]
    return dx


def conv_relu_pool_forward(x, w, b):
    """CS231n's sandwich: a padded convolution, relu, 2x2 max pooling."""
    scores, conv_cache = conv_forward(x, w, b, pad=1)
    out, pool_cache = max_pool_forward(np.maximum(scores, 0))
    return out, (conv_cache, scores, pool_cache)


def conv_relu_pool_backward(dout, cache):
    conv_cache, scores, pool_cache = cache
    return conv_backward(max_pool_backward(dout, pool_cache) * (scores > 0), conv_cache)


CONV_SHAPES = normal((2, 3, 5, 5), (4, 3, 3, 3), (4,))


def draw_dark_images(rng):
    """Biases so low that relu switches off whole windows of the pool."""
    x, w, b = normal((2, 2, 4, 4), (3, 2, 3, 3), (3,))(rng)
    return x, w, b - 4


def conv(name, inputs=CONV_SHAPES, **options):
    return Planted(name, "convolution", conv_forward, conv_backward, inputs, options=options)


CONV = conv("convolution", pad=1)
CONV_VALID = conv("convolution without padding", normal((2, 3, 5, 6), (2, 3, 3, 2), (2,)))
CONV_STRIDE = conv("convolution, stride 2", normal((2, 2, 7, 7), (3, 2, 3, 3), (3,)), stride=2, pad=1)
CONV_RAGGED = conv("convolution, ragged", normal((2, 2, 6, 6), (3, 2, 3, 3), (3,)), stride=2)
CONV_DILATED = conv("convolution, dilated", normal((2, 2, 7, 7), (2, 2, 3, 3), (2,)), dilation=2, pad=1)
CONV_SQUARE = conv("convolution, F = C", normal((2, 3, 5, 5), (3, 3, 3, 3), (3,)), pad=1)
CONV_GROUPS = Planted(
    "convolution, groups",
    "convolution",
    grouped_conv_forward,
    grouped_conv_backward,
    normal((2, 4, 5, 5), (4, 2, 3, 3), (4,)),
    options={"groups": 2, "pad": 1},
)
LOCAL_CONV = Planted(
    "locally connected",
    "locally connected",
    local_conv_forward,
    local_conv_backward,
    normal((2, 2, 4, 4), (2, 2, 2, 2, 3, 3), (2, 3, 3)),
)
CONV_TRANSPOSE = Planted(
    "transposed convolution",
    "transposed convolution",
    conv_transpose_forward,
    conv_transpose_backward,
    normal((2, 3, 3, 3), (3, 2, 3, 3), (2,)),
)
MAX_POOL = Planted("max pool", "max pool", max_pool_forward, max_pool_backward, normal((2, 2, 6, 6)))
MAX_POOL_OVERLAP = Planted(
    "max pool, overlapping",
    "max pool",
    max_pool_forward,
    max_pool_backward,
    normal((2, 2, 7, 7)),
    options={"kernel": 3, "stride": 2},
)
AVERAGE_POOL = Planted(
    "average pool",
    "average pool",
    average_pool_forward,
    average_pool_backward,
    normal((2, 2, 6, 6)),
    options={"kernel": 2},
)
AVERAGE_POOL_PAD = Planted(
    "average pool, overlapping and padded",
    "average pool",
    average_pool_forward,
    average_pool_backward,
    normal((2, 2, 7, 7)),
    options={"pad": 1},
)
GLOBAL_AVERAGE_POOL = Planted(
    "global average pool",
    "average pool",
    global_average_pool_forward,
    global_average_pool_backward,
    normal((2, 3, 4, 5)),
)
UPSAMPLE = Planted("upsample", "upsample", upsample_forward, upsample_backward, normal((2, 3, 3, 4)))
EDGE_PAD = Planted("edge padding", "padding", edge_pad_forward, edge_pad_backward, normal((2, 2, 4, 5)))
BLUR = Planted("blur", "padding", blur_forward, blur_backward, normal((2, 2, 4, 6)))
CONV_RELU_POOL = Planted(
    "conv, relu, pool", "convolution", conv_relu_pool_forward, conv_relu_pool_backward, draw_dark_images
)

IMAGES = [CONV, CONV_VALID, CONV_STRIDE, CONV_RAGGED, CONV_DILATED, CONV_SQUARE, CONV_GROUPS, LOCAL_CONV,
          CONV_TRANSPOSE, MAX_POOL, MAX_POOL_OVERLAP, AVERAGE_POOL, AVERAGE_POOL_PAD, GLOBAL_AVERAGE_POOL,
          UPSAMPLE, EDGE_PAD, BLUR, CONV_RELU_POOL]  # fmt: skip
