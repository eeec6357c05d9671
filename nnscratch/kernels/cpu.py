"""The CPU twins: convolutions, pools and matrix products from their own files, and sweeps over channels."""

import math
from types import ModuleType

import numpy as np

from nnscratch.arrays import rng
from nnscratch.kernels import channels, columns, pooling, sweeps, update
from nnscratch.kernels.channels import rows_of
from nnscratch.kernels.compiling import compiled, sweeping
from nnscratch.kernels.memory import channels_first, channels_last, empty, empty_like, flat
from nnscratch.kernels.microkernel import VECTOR_BYTES
from nnscratch.kernels.pool import share
from nnscratch.kernels.reference import check_window

convolution: ModuleType = columns
products: ModuleType = columns
if VECTOR_BYTES:
    from nnscratch.kernels import direct, products

    convolution = direct

im2col, col2im = columns.im2col, columns.col2im
matmul = products.matmul
sweep = sweeps.sweep
conv = convolution.conv
conv_pooled = convolution.conv_pooled
conv_input_gradient = convolution.conv_input_gradient
conv_weight_gradient = convolution.conv_weight_gradient
max_pool, window_max, max_pool_backward = pooling.max_pool, pooling.window_max, pooling.max_pool_backward
channel_moments, channel_sum, channel_sums = channels.channel_moments, channels.channel_sum, channels.channel_sums
channel_affine, channel_blend = channels.channel_affine, channels.channel_blend
update_parameters = update.update_parameters
group_norm, group_norm_backward = channels.group_norm, channels.group_norm_backward
average_pool, average_pool_backward = pooling.average_pool, pooling.average_pool_backward


def relu(x):
    """Twin of reference.relu."""
    return _flat_sweep(_relu, empty_like(x), x)


def relu_backward(dout, x):
    """Twin of reference.relu_backward."""
    one = x.dtype.type(1)
    return _flat_sweep(lambda *rows: _relu_backward(*rows, one), empty_like(x), dout, x)


def _flat_sweep(work, out, *arrays):
    """Let `work` fill `out` from arrays of its shape, all flat, in the order of out's memory."""
    rows = [flat(array, out) for array in (out, *arrays)]
    if out.size < sweeps.SMALL:
        work(*rows)
    else:
        share(lambda start, stop: work(*(row[start:stop] for row in rows)), out.size)
    return out


@compiled
def _relu(out, x):
    for i in range(len(out)):
        out[i] = out.dtype.type(0) if x[i] < 0 else x[i]


@compiled
def _relu_backward(dx, dout, x, one):
    """The factor 1 makes a choice between results of one between loads: a masked load of dout would wait for x."""
    for i in range(len(dx)):
        value = one * dout[i]
        dx[i] = value if x[i] > 0 else dx.dtype.type(0)


def dropout_mask(x, shape, drop, key):
    """Twin of reference.dropout_mask: each thread draws its share of the same stream of random numbers."""
    mask, scale = empty((math.prod(shape),), x.dtype), x.dtype.type(1 / (1 - drop))

    def work(start, stop):
        generator = rng(*key)
        generator.bit_generator.advance(start)  # one draw of 64 bits makes two numbers
        uniform = generator.random(2 * (stop - start), dtype="float32")[: len(mask) - 2 * start]
        np.multiply(uniform >= drop, scale, out=mask[2 * start : 2 * stop])

    share(work, -(-len(mask) // 2))
    return mask.reshape(shape)


def channel_window_sum(x, size):
    """Twin of reference.channel_window_sum."""
    check_window(size)
    x = channels_last(x)
    rows, out = rows_of(x), empty(x.shape, x.dtype)
    made = rows_of(out)
    share(lambda start, stop: _window_sum(rows[start:stop], size // 2, made[start:stop]), len(rows))
    return channels_first(out)


@sweeping
def _window_sum(x, reach, out):
    M, C = x.shape
    for m in range(M):
        for c in range(C):
            out[m, c] = x[m, c]
        for shift in range(1, min(reach, C - 1) + 1):
            for c in range(shift, C):
                out[m, c] += x[m, c - shift]
            for c in range(C - shift):
                out[m, c] += x[m, c + shift]


def mirror(x, chosen):
    """Twin of reference.mirror."""
    x, out = np.ascontiguousarray(x), empty(x.shape, x.dtype)
    _by_image(lambda start, stop: _mirror(x[start:stop], chosen[start:stop], out[start:stop]), x)
    return out


@compiled
def _mirror(x, chosen, out):
    N, C, H, W = x.shape
    for n in range(N):
        if not chosen[n]:
            out[n] = x[n]
            continue
        for c in range(C):
            for h in range(H):
                for w in range(W):
                    out[n, c, h, w] = x[n, c, h, W - 1 - w]


def crop(x, top, left, size, pad=0, mode="constant"):
    """Twin of reference.crop: the border is not stored."""
    x, out = np.ascontiguousarray(x), empty((*x.shape[:2], *size), x.dtype)

    def work(start, stop):
        part = slice(start, stop)
        _crop(x[part], top[part] - pad, left[part] - pad, mode == "reflect", out[part])

    _by_image(work, x)
    return out


def _by_image(work, x):
    """Do the work on all images; few bytes do not disturb the threads, which may be training meanwhile."""
    if x.nbytes < 4 * sweeps.SMALL:
        work(0, len(x))
    else:
        share(work, len(x))


@compiled
def _crop(x, top, left, reflect, out):
    N, C, rows, columns = x.shape
    H, W = out.shape[2:]
    for n in range(N):
        first = min(W, max(0, -left[n]))  # the columns of out that see the image, and not the border
        last = max(first, min(W, columns - left[n]))
        for c in range(C):
            for h in range(H):
                row = _mirrored(top[n] + h, rows) if reflect else top[n] + h
                made = out[n, c, h]
                if not 0 <= row < rows:
                    made[:] = 0
                    continue
                seen = x[n, c, row]
                inside, image = made[first:last], seen[left[n] + first : left[n] + last]
                for w in range(len(inside)):
                    inside[w] = image[w]
                for w in range(first):
                    made[w] = seen[_mirrored(left[n] + w, columns)] if reflect else 0
                for w in range(last, W):
                    made[w] = seen[_mirrored(left[n] + w, columns)] if reflect else 0


@compiled
def _mirrored(place, size):
    """Return the pixel that lies there when an image is mirrored at its first and last pixel."""
    return -place if place < 0 else 2 * (size - 1) - place if place >= size else place
