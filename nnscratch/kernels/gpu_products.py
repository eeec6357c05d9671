"""Convolutions and matrix products on the GPU: the launches of products.cu."""

import math
import sys

import numpy as np

from nnscratch.kernels import precision
from nnscratch.kernels.cuda import empty, launch, whole

ROWS = 128  # of a tile, as in products.cu
BLOCKS = 512  # that keep a card busy: sums with fewer tiles are cut into parts
GEOMETRY = np.dtype(
    [(name, np.int32) for name in ("N", "C", "H", "W", "F", "OH", "OW", "KH", "KW", "groups")]
    + [(f"{name}_{axis}", np.int32) for name in ("stride", "start", "step", "up") for axis in "hw"]
    + [("filter", np.int32), ("channel", np.int32)]
)
PRECISIONS = {"float32": 0, "tf32": 1, "bf16": 2}


def _products(kernel, args, like, rows, columns, parts):
    """Launch a kernel of products.cu with enough tiles for rows x columns."""
    tile = 32 if columns <= 32 else 64
    rounding = PRECISIONS[precision()] if like.dtype == np.float32 else 0
    grid = (-(-rows // ROWS), -(-columns // tile), parts)
    launch("products", kernel, args, grid=grid, block=4 * tile, TILE=tile, PRECISION=rounding)


def _parts(rows, columns, depth, others=1):
    """Return (parts, run): into how many sums a long sum is cut, and how many numbers each takes."""
    tiles = others * -(-rows // ROWS) * -(-columns // (32 if columns <= 32 else 64))
    run = max(256, -(-depth * tiles // BLOCKS))
    run += -run % 16
    return -(-depth // run), run


def matmul(a, b):
    """Twin of reference.matmul; CuPy's own calls cuBLAS, which it refuses while a graph is recorded."""
    (M, K), N = a.shape, b.shape[1]
    (a, *a_steps), (b, *b_steps) = _steps(a), _steps(b)
    parts, run = _parts(M, N, K)
    out = empty((parts, M, N), a)
    sizes = [np.int32(n) for n in (M, N, K, run)]
    _products("multiply_matrices", (a, b, out, *sizes, *a_steps, *b_steps), a, M, N, parts)
    return out[0] if parts == 1 else out.sum(axis=0)


def _steps(matrix):
    """Return memory without gaps that holds the matrix, and the distances between its rows and its columns."""
    if matrix.T.flags.c_contiguous:
        return matrix.T, np.int64(1), np.int64(len(matrix))
    return whole(matrix), np.int64(matrix.shape[1]), np.int64(1)


def conv(x, w, b, window, groups=1, least=-math.inf):
    """Twin of reference.conv."""
    N, C, H, W = x.shape
    F, channels, KH, KW = w.shape
    OH, OW = window.places(H, W)
    starts = [-pad for pad in window.pad]
    geometry = (N, C, H, W, F, OH, OW, KH, KW, groups, *window.stride, *starts, *window.dilation, 1, 1)
    steps = (channels * KH * KW, KH * KW)
    return _convolve(x, w, b, (N, F, OH, OW), (*geometry, *steps), least)


def conv_input_gradient(dout, w, x_shape, window, groups=1):
    """Twin of reference.conv_input_gradient: a convolution of dout, whose output is as large as x."""
    N, C, H, W = x_shape
    F, channels, KH, KW = w.shape
    steps = [-dilation for dilation in window.dilation]
    geometry = (N, F, *dout.shape[2:], C, H, W, KH, KW, groups, 1, 1, *window.pad, *steps, *window.stride)
    return _convolve(dout, w, None, x_shape, (*geometry, KH * KW, channels * KH * KW), -math.inf)


def _convolve(x, w, b, shape, geometry, least):
    N, F, OH, OW = shape
    groups = geometry[9]
    out = empty(shape, w)
    args = (whole(x, w.dtype), whole(w), b if b is None else whole(b), out, _geometry(geometry), least)
    _products("convolve", args, w, N * OH * OW, F // groups, groups)
    return out


def _geometry(numbers):
    return np.array([tuple(numbers)], GEOMETRY)


def conv_weight_gradient(dout, x, w_shape, window, groups=1):
    """Twin of reference.conv_weight_gradient."""
    N, C, H, W = x.shape
    F, channels, KH, KW = w_shape
    OH, OW = dout.shape[2:]
    taps, pixels = channels * KH * KW, N * OH * OW
    if pixels == 0:
        return sys.modules["cupy"].zeros(w_shape, dout.dtype)
    starts = [-pad for pad in window.pad]
    geometry = (N, C, H, W, F, OH, OW, KH, KW, groups, *window.stride, *starts, *window.dilation, 1, 1, 0, 0)
    parts, run = _parts(taps, F // groups, pixels, groups)
    sums = empty((parts, *w_shape), dout)
    args = (whole(dout), whole(x, dout.dtype), sums, _geometry(geometry), np.int32(run))
    _products("convolve_weights", args, dout, taps, F // groups, parts * groups)
    return sums.sum(axis=0) if parts > 1 else sums[0]
