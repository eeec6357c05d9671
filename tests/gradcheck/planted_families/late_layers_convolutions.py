"""More correct convolutions: depthwise, in time, by columns, channels last, transposed, standardised."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.images import cropped, padded_by, tap


def depthwise_forward(x, w, b, stride=1, pad=1):
    """w: (C, KH, KW): every channel has one filter of its own."""
    padded = padded_by(x, pad)
    OH, OW = ((n - k) // stride + 1 for n, k in zip(padded.shape[2:], w.shape[1:]))
    out = np.zeros((*x.shape[:2], OH, OW), x.dtype) + b[:, None, None]
    for i, j in np.ndindex(w.shape[1:]):
        out += padded[tap(i, j, out.shape, stride)] * w[:, i, j, None, None]
    return out, (x, padded, w, stride, pad)


def depthwise_backward(dout, cache):
    x, padded, w, stride, pad = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, j in np.ndindex(w.shape[1:]):
        here = tap(i, j, dout.shape, stride)
        dw[:, i, j] = (dout * padded[here]).sum(axis=(0, 2, 3))
        dpadded[here] += dout * w[:, i, j, None, None]
    return cropped(dpadded, pad, x), dw, dout.sum(axis=(0, 2, 3))


def separable_forward(x, depth, point, b):
    """A depthwise convolution, depth (C, KH, KW), and then a mixing of the channels, point (F, C)."""
    middle, cache = depthwise_forward(x, depth, np.zeros(len(depth)))
    return np.einsum("nchw,fc->nfhw", middle, point) + b[:, None, None], (middle, point, cache)


def separable_backward(dout, cache):
    middle, point, inner = cache
    dpoint = np.einsum("nfhw,nchw->fc", dout, middle)
    dx, ddepth, _ = depthwise_backward(np.einsum("nfhw,fc->nchw", dout, point), inner)
    return dx, ddepth, dpoint, dout.sum(axis=(0, 2, 3))


def causal_conv_forward(w, x, b, dilation=2):
    """w: (K, C, F), x: (N, T, C): an output sees its own time and every `dilation`-th one before it."""
    T, reach = x.shape[1], dilation * (len(w) - 1)
    padded = np.concatenate([np.zeros((len(x), reach, x.shape[2]), x.dtype), x], axis=1)
    out = sum(padded[:, k * dilation : k * dilation + T] @ w[k] for k in range(len(w))) + b
    return out, (w, x, padded, dilation)


def causal_conv_backward(dout, cache):
    w, x, padded, dilation = cache
    T = dout.shape[1]
    dw, dpadded = np.zeros_like(w), np.zeros_like(padded)
    for k in range(len(w)):
        here = slice(k * dilation, k * dilation + T)
        dw[k] = np.einsum("ntc,ntf->cf", padded[:, here], dout)
        dpadded[:, here] += dout @ w[k].T
    return dw, dpadded[:, -T:], dout.sum(axis=(0, 1))


def conv1d_forward(x, w, b, stride=2):
    """x: (N, C, T), w: (F, C, K)."""
    steps = (x.shape[2] - w.shape[2]) // stride + 1
    out = np.zeros((len(x), len(w), steps), x.dtype) + b[:, None]
    for t in range(steps):
        out[:, :, t] += np.einsum("nck,fck->nf", x[:, :, t * stride : t * stride + w.shape[2]], w)
    return out, (x, w, stride)


def conv1d_backward(dout, cache):
    x, w, stride = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(dout.shape[2]):
        here = slice(t * stride, t * stride + w.shape[2])
        dw += np.einsum("nf,nck->fck", dout[:, :, t], x[:, :, here])
        dx[:, :, here] += np.einsum("nf,fck->nck", dout[:, :, t], w)
    return dx, dw, dout.sum(axis=(0, 2))


def columns_of(x, KH, KW, stride):
    """Every window as a column: (C KH KW, N OH OW)."""
    OH, OW = (x.shape[2] - KH) // stride + 1, (x.shape[3] - KW) // stride + 1
    shape = (*x.shape[:2], OH, OW)
    patches = np.stack([x[tap(i, j, shape, stride)] for i, j in np.ndindex(KH, KW)], axis=2)
    return patches.transpose(1, 2, 0, 3, 4).reshape(x.shape[1] * KH * KW, -1), shape


def image_of(columns, x, KH, KW, stride, shape):
    """Add every column's numbers where columns_of took them from."""
    N, C, OH, OW = shape
    patches = columns.reshape(C, KH * KW, N, OH, OW).transpose(1, 2, 0, 3, 4)
    image = np.zeros_like(x)
    for patch, (i, j) in zip(patches, np.ndindex(KH, KW)):
        image[tap(i, j, shape, stride)] += patch
    return image


def column_conv_forward(x, w, b, stride=1):
    """A convolution as one matrix product; w: (F, C, KH, KW)."""
    columns, shape = columns_of(x, *w.shape[2:], stride)
    out = w.reshape(len(w), -1) @ columns + b[:, None]
    return out.reshape(len(w), len(x), *shape[2:]).transpose(1, 0, 2, 3), (x, w, columns, shape, stride)


def column_conv_backward(dout, cache):
    x, w, columns, shape, stride = cache
    rows = dout.transpose(1, 0, 2, 3).reshape(len(w), -1)
    dw = (rows @ columns.T).reshape(w.shape)
    dcolumns = w.reshape(len(w), -1).T @ rows
    return image_of(dcolumns, x, *w.shape[2:], stride, shape), dw, rows.sum(axis=1)


def last_conv_forward(x, w, stride=(2, 1), pads=((1, 0), (1, 2))):
    """x: (N, H, W, C), w: (KH, KW, C, F); strides and padding differ from side to side."""
    padded = np.pad(x, ((0, 0), *pads, (0, 0)))
    OH, OW = ((n - k) // s + 1 for n, k, s in zip(padded.shape[1:], w.shape, stride))
    out = np.zeros((len(x), OH, OW, w.shape[3]), x.dtype)
    for i, j in np.ndindex(w.shape[:2]):
        rows, columns = slice(i, i + stride[0] * (OH - 1) + 1, stride[0]), slice(j, j + stride[1] * OW, stride[1])
        out += padded[:, rows, columns] @ w[i, j]
    return out, (x, padded, w, stride, pads)


def last_conv_backward(dout, cache):
    x, padded, w, stride, pads = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    OH, OW = dout.shape[1:3]
    for i, j in np.ndindex(w.shape[:2]):
        rows, columns = slice(i, i + stride[0] * (OH - 1) + 1, stride[0]), slice(j, j + OW, stride[1])
        dw[i, j] = np.einsum("nhwc,nhwf->cf", padded[:, rows, columns], dout)
        dpadded[:, rows, columns] += dout @ w[i, j].T
    (top, _), (left, _) = pads
    return dpadded[:, top : top + x.shape[1], left : left + x.shape[2]], dw


def transpose1d_forward(x, w, b, stride=3, crop=1):
    """x: (N, F, T), w: (F, C, K): every step paints its filter, `stride` apart; `crop` numbers go at the front."""
    T, K = x.shape[2], w.shape[2]
    painted = np.zeros((len(x), w.shape[1], (T - 1) * stride + K), x.dtype) + b[:, None]
    for t in range(T):
        painted[:, :, t * stride : t * stride + K] += np.einsum("nf,fck->nck", x[:, :, t], w)
    return painted[:, :, crop:], (x, w, stride, crop)


def transpose1d_backward(dout, cache):
    x, w, stride, crop = cache
    dpainted = np.pad(dout, ((0, 0), (0, 0), (crop, 0)))
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(x.shape[2]):
        seen = dpainted[:, :, t * stride : t * stride + w.shape[2]]
        dx[:, :, t] = np.einsum("nck,fck->nf", seen, w)
        dw += np.einsum("nf,nck->fck", x[:, :, t], seen)
    return dx, dw, dout.sum(axis=(0, 2))


def standardised_conv_forward(x, w, b, eps=1e-5):
    """Each filter is standardised before it is used."""
    rows = w.reshape(len(w), -1)
    centred = rows - rows.mean(axis=1, keepdims=True)
    std = np.sqrt((centred**2).mean(axis=1, keepdims=True) + eps)
    hat = centred / std
    out, cache = I.conv_forward(x, hat.reshape(w.shape), b, pad=1)
    return out, (hat, std, cache)


def standardised_conv_backward(dout, cache):
    hat, std, inner = cache
    dx, dw, db = I.conv_backward(dout, inner)
    dhat = dw.reshape(hat.shape)
    mean, share = dhat.mean(axis=1, keepdims=True), (dhat * hat).mean(axis=1, keepdims=True)
    return dx, ((dhat - mean - hat * share) / std).reshape(dw.shape), db


def masked_conv_forward(x, w, b):
    """A filter that sees only the pixels before its own, row by row, as in PixelCNN."""
    KH, KW = w.shape[2:]
    mask = (np.arange(KH * KW) < KH * KW // 2).reshape(KH, KW)
    out, cache = I.conv_forward(x, w * mask, b, pad=1)
    return out, (mask, cache)


def masked_conv_backward(dout, cache):
    mask, inner = cache
    dx, dw, db = I.conv_backward(dout, inner)
    return dx, dw * mask, db


def tied_conv_forward(w, x):
    """The same filters twice: out = conv(relu(conv(x, w)), w), with w (C, C, 3, 3)."""
    zero = np.zeros(len(w))
    first, cache1 = I.conv_forward(x, w, zero, pad=1)
    out, cache2 = I.conv_forward(np.maximum(first, 0), w, zero, pad=1)
    return out, (first, cache1, cache2)


def tied_conv_backward(dout, cache):
    first, cache1, cache2 = cache
    dmiddle, dw2, _ = I.conv_backward(dout, cache2)
    dx, dw1, _ = I.conv_backward(dmiddle * (first > 0), cache1)
    return dw1 + dw2, dx


def layer(name, family, forward, backward, inputs, **options):
    return Planted(name, family, forward, backward, inputs, options=options)


DEPTHWISE = layer("depthwise convolution", "convolution", depthwise_forward, depthwise_backward,
                  normal((2, 3, 4, 5), (3, 3, 3), (3,)))  # fmt: skip
DEPTHWISE_STRIDE = layer("depthwise convolution, stride 2", "convolution", depthwise_forward, depthwise_backward,
                         normal((2, 2, 6, 6), (2, 3, 2), (2,)), stride=2)  # fmt: skip
SEPARABLE = layer("separable convolution", "convolution", separable_forward, separable_backward,
                  normal((2, 3, 4, 4), (3, 3, 3), (3, 3), (3,)))  # fmt: skip
CAUSAL_CONV = layer("causal convolution in time", "convolution", causal_conv_forward, causal_conv_backward,
                    normal((3, 2, 3), (2, 6, 2), (3,)))  # fmt: skip
CAUSAL_CONV_SQUARE = layer("causal convolution in time, C = F", "convolution", causal_conv_forward,
                           causal_conv_backward, normal((2, 3, 3), (2, 5, 3), (3,)), dilation=1)  # fmt: skip
CONV1D = layer("convolution in time", "convolution", conv1d_forward, conv1d_backward,
               normal((2, 3, 9), (4, 3, 3), (4,)))  # fmt: skip
CONV1D_GAPS = layer("convolution in time with gaps", "convolution", conv1d_forward, conv1d_backward,
                    normal((2, 2, 10), (3, 2, 2), (3,)), stride=3)  # fmt: skip
COLUMN_CONV = layer("convolution by columns", "convolution", column_conv_forward, column_conv_backward,
                    normal((3, 2, 4, 5), (4, 2, 2, 3), (4,)))  # fmt: skip
COLUMN_CONV_EVEN = layer("convolution by columns, stride 2", "convolution", column_conv_forward,
                         column_conv_backward, normal((2, 2, 6, 6), (2, 2, 2, 2), (2,)), stride=2)  # fmt: skip
LAST_CONV = layer("convolution, channels last", "convolution", last_conv_forward, last_conv_backward,
                  normal((2, 5, 4, 3), (3, 3, 3, 2)))  # fmt: skip
TRANSPOSE1D = layer("transposed convolution in time", "transposed convolution", transpose1d_forward,
                    transpose1d_backward, normal((2, 3, 4), (3, 2, 5), (2,)))  # fmt: skip
TRANSPOSE_TIGHT = layer("transposed convolution, stride 1", "transposed convolution", I.conv_transpose_forward,
                        I.conv_transpose_backward, normal((2, 2, 4, 3), (2, 2, 3, 3), (2,)), stride=1)  # fmt: skip
STANDARDISED = layer("convolution, standardised filters", "convolution", standardised_conv_forward,
                     standardised_conv_backward, normal((2, 2, 4, 4), (3, 2, 3, 3), (3,)))  # fmt: skip
MASKED_CONV = layer("convolution, masked filters", "convolution", masked_conv_forward, masked_conv_backward,
                    normal((2, 2, 4, 4), (2, 2, 3, 3), (2,)))  # fmt: skip
TIED_CONV = layer("convolution, filters used twice", "convolution", tied_conv_forward, tied_conv_backward,
                  normal((2, 2, 3, 3), (2, 2, 4, 4)))  # fmt: skip
GROUPS_STRIDE = layer("convolution, groups and stride", "convolution", I.grouped_conv_forward,
                      I.grouped_conv_backward, normal((2, 6, 5, 5), (3, 2, 3, 3), (3,)), groups=3, stride=2,
                      pad=1)  # fmt: skip
DILATED_STRIDE = I.conv("convolution, dilated and strided", normal((2, 2, 9, 8), (2, 2, 2, 2), (2,)), stride=2,
                        dilation=3, pad=1)  # fmt: skip

LATE_CONV_LAYERS = [DEPTHWISE, DEPTHWISE_STRIDE, SEPARABLE, CAUSAL_CONV, CAUSAL_CONV_SQUARE, CONV1D, CONV1D_GAPS,
                    COLUMN_CONV, COLUMN_CONV_EVEN, LAST_CONV, TRANSPOSE1D, TRANSPOSE_TIGHT, STANDARDISED,
                    MASKED_CONV, TIED_CONV, GROUPS_STRIDE, DILATED_STRIDE]  # fmt: skip
