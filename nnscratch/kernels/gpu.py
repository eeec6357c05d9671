"""The GPU twins: CUDA C of this folder where it pays, and CuPy's own functions elsewhere."""

import math
import sys

import numpy as np

from nnscratch.kernels import gpu_fused, gpu_products, gpu_update, reference
from nnscratch.kernels.cuda import address, empty, launch, whole

BLOCKS = 512  # that keep a card busy: sums of fewer channels are cut into runs
WINDOW = np.dtype(
    [(name, np.int32) for name in ("H", "W", "OH", "OW", "KH", "KW")]
    + [(f"{name}_{axis}", np.int32) for name in ("stride", "pad", "gap") for axis in "hw"]
)
KEY = np.dtype([("words", np.uint64, 2), ("places", np.uint64, 2)])

matmul, conv = gpu_products.matmul, gpu_products.conv
conv_input_gradient, conv_weight_gradient = gpu_products.conv_input_gradient, gpu_products.conv_weight_gradient
update_parameters, clear_unless_finite = gpu_update.update_parameters, gpu_update.clear_unless_finite
sweep = gpu_fused.sweep


def max_pool(x, window):
    """Twin of reference.max_pool."""
    switches = sys.modules["cupy"].empty((*x.shape[:2], *window.places(*x.shape[2:])), np.int32)
    return _max_pool(x, window, switches), switches


def window_max(x, window):
    """Twin of reference.window_max."""
    return _max_pool(x, window, None)


def conv_pooled(x, w, b, window, groups, least, pool):
    """Twin of reference.conv_pooled: one launch after the other."""
    return window_max(conv(x, w, b, window, groups, least), pool)


def _max_pool(x, window, switches):
    out = empty((*x.shape[:2], *window.places(*x.shape[2:])), x)
    launch("windows", "max_pool", (whole(x), out, switches, out.size, _window(x.shape, window)), out.size)
    return out


def _window(shape, window):
    sizes = (*shape[2:], *window.places(*shape[2:]), *window.kernel, *window.stride, *window.pad, *window.dilation)
    return np.array([sizes], WINDOW)


def max_pool_backward(dout, switches, x_shape, window=None):
    """Twin of reference.max_pool_backward; without the window, it is not known which windows hold a pixel."""
    if window is None:
        return reference.max_pool_backward(dout, switches, x_shape)
    dx = empty(x_shape, dout)
    args = (whole(dout), whole(switches, np.int32), dx, dx.size, _window(x_shape, window))
    launch("windows", "max_pool_backward", args, dx.size)
    return dx


def average_pool(x, window):
    """Twin of reference.average_pool."""
    out = empty((*x.shape[:2], *window.places(*x.shape[2:])), x)
    launch("windows", "average_pool", (whole(x), out, out.size, _window(x.shape, window)), out.size)
    return out


def average_pool_backward(dout, x, window):
    """Twin of reference.average_pool_backward."""
    dx = empty(x.shape, dout)
    launch("windows", "average_pool_backward", (whole(dout), dx, dx.size, _window(x.shape, window)), dx.size)
    return dx


def channel_window_sum(x, size):
    """Twin of reference.channel_window_sum."""
    reference.check_window(size)
    out, (_, C, S) = empty(x.shape, x), _sizes(x)
    launch("windows", "channel_window_sum", (whole(x), out, x.size, C, S, np.int32(size // 2)), x.size)
    return out


def spatial_window_sum(x, size):
    """Twin of reference.spatial_window_sum."""
    reference.check_window(size)
    out, sizes = empty(x.shape, x), [np.int32(n) for n in (*x.shape[2:], size // 2)]
    launch("windows", "spatial_window_sum", (whole(x), out, x.size, *sizes), x.size)
    return out


def _sizes(x):
    """View x (N, C, ...) as (N, C, S)."""
    return (*x.shape[:2], math.prod(x.shape[2:]))


def _runs(x):
    """Return (parts, run): into how many runs the numbers of each channel are cut, and how long they are."""
    N, C, S = _sizes(x)
    run = max(1024, -(-N * C * S // BLOCKS))
    return max(1, -(-N * S // run)), run


def channel_moments(x):
    """Twin of reference.channel_moments."""
    N, C, S = _sizes(x)
    parts, run = _runs(x)
    means, squares = sys.modules["cupy"].empty((2, parts, C), np.float64)
    mean, var = empty((2, C), x)
    launch("channels", "moments", (whole(x), means, squares, N, C, S, run), grid=(C, parts))
    args = (means, squares, mean, var, N * S, C, parts, run)
    launch("channels", "join_moments", args, C, dtype=x.dtype)
    return mean, var


def channel_sum(x):
    """Twin of reference.channel_sum."""
    return _channel_sums(x, None, None, None)[0]


def channel_sums(x, y, centre, gate=None):
    """Twin of reference.channel_sums."""
    return tuple(_channel_sums(x, whole(y), whole(centre), gate))


def _channel_sums(x, y, centre, gate):
    N, C, S = _sizes(x)
    parts, run = _runs(x)
    totals, out = sys.modules["cupy"].empty((2, parts, C), np.float64), empty((2, C), x)
    args = (whole(x), y, centre, *_gate(gate), totals, N, C, S, run)
    launch("channels", "sums", args, grid=(C, parts), dtype=x.dtype)
    launch("channels", "join_sums", (totals, out, C, parts), 2 * C, dtype=x.dtype)
    return out


def _gate(gate):
    return (None, None) if gate is None else tuple(map(whole, gate))


def channel_affine(x, scale, shift, centre, least=-math.inf):
    """Twin of reference.channel_affine."""
    out, (_, C, S) = empty(x.shape, x), _sizes(x)
    args = (*map(whole, (x, scale, shift, centre)), out, float(least), out.size, C, S)
    launch("channels", "affine", args, out.size)
    return out


def channel_blend(x, a, y, b, c, centre, gate=None):
    """Twin of reference.channel_blend."""
    out, (_, C, S) = empty(x.shape, x), _sizes(x)
    launch(
        "channels", "blend", (*map(whole, (x, a, y, b, c, centre)), *_gate(gate), out, out.size, C, S), out.size
    )
    return out


def group_norm(x, gamma, beta, groups, eps):
    """Twin of reference.group_norm."""
    N, C, S = _sizes(x)
    out, (mean, inv_std) = empty(x.shape, x), empty((2, N, groups), x)
    args = (*map(whole, (x, gamma, beta)), out, mean, inv_std, C, S, groups, float(eps))
    launch("channels", "group_norm", args, grid=(N * groups,))
    return out, mean, inv_std


def group_norm_backward(dout, x, gamma, mean, inv_std):
    """Twin of reference.group_norm_backward."""
    (N, C, S), groups, (parts, run) = _sizes(x), mean.shape[1], _runs(x)
    dout, x, gamma, mean, inv_std = map(whole, (dout, x, gamma, mean, inv_std))
    dx, sums = empty(x.shape, x), empty((2, C), x)
    launch(
        "channels", "group_norm_backward", (dout, x, gamma, mean, inv_std, dx, C, S, groups), grid=(N * groups,)
    )
    totals = sys.modules["cupy"].empty((2, parts, C), np.float64)
    args = (dout, x, mean, inv_std, totals, N, C, S, groups, run)
    launch("channels", "group_norm_sums", args, grid=(C, parts), dtype=x.dtype)
    launch("channels", "join_sums", (totals, sums, C, parts), 2 * C, dtype=x.dtype)
    dbeta, dgamma = sums
    return dx, dgamma, dbeta


def relu_backward(dout, x):
    """Twin of reference.relu_backward."""
    dx = empty(x.shape, dout)
    launch("elementwise", "relu_backward", (whole(dout), whole(x), dx, dx.size), dx.size)
    return dx


def mirror(x, chosen):
    """Twin of reference.mirror."""
    out = empty(x.shape, x)
    args = (_bits(whole(x)), whole(chosen), _bits(out), x.size, math.prod(x.shape[1:]), x.shape[3])
    launch("images", "mirror", args, x.size, BYTES=x.dtype.itemsize)
    return out


def crop(x, top, left, size, pad=0, mode="constant"):
    """Twin of reference.crop: the border is not stored."""
    out = empty((*x.shape[:2], *size), x)
    corners = (whole(place, np.int64) for place in (top, left))
    args = (_bits(whole(x)), *corners, _bits(out), out.size, *x.shape[1:], *size, pad, mode == "reflect")
    launch("images", "crop", args, out.size, BYTES=x.dtype.itemsize)
    return out


def _bits(array):
    """View an array as whole numbers that have as many bytes."""
    return array.view(f"u{array.dtype.itemsize}")


def scatter_rows(rows, indexes, count):
    """Twin of reference.scatter_rows."""
    total = empty((count, rows.shape[1]), rows)
    args = (whole(rows), whole(indexes, np.int64), total, len(rows), rows.shape[1])
    launch("elementwise", "scatter_rows", args, grid=(count,) if total.size else (0,))
    return total


def softmax_loss(x, y, smoothing=0.0):
    """Twin of reference.softmax_loss; labels that are no class make the loss nan, as a card raises no errors."""
    losses, dx = empty((len(x),), x), empty(x.shape, x)
    args = (whole(x), whole(y, np.int64), losses, dx, *x.shape, float(smoothing))
    launch("elementwise", "softmax_loss", args, grid=(len(x),))
    return losses.mean(), dx


def dropout_mask(x, shape, drop, key):
    """Twin of reference.dropout_mask, from another stream of random numbers: Philox, a function of key and place.

    Entries of the key may be arrays of int64 on the GPU without axes; they are read when the mask is drawn.
    """
    mask = empty(shape, x)
    args = (mask, mask.size, _key(key), np.float32(drop), float(1 / (1 - drop)))
    launch("random", "dropout_mask", args, -(-mask.size // 4))
    return mask


def random_uniform(like, shape, key):
    """Twin of reference.random_uniform."""
    out = sys.modules["cupy"].empty(shape, np.float32)
    launch("random", "random_uniform", (out, out.size, _key([key[0] + (key[1] << 32)])), out.size)
    return out


def _key(key):
    """Pack a key for Philox, which takes two numbers: of a longer one, a checksum."""
    cupy = sys.modules["cupy"]
    if len(key) > 2:
        key = np.random.SeedSequence([len(key), *map(int, key)]).generate_state(2, np.uint64)
    words, places = [0, 0], [0, 0]
    for i, number in enumerate(key):
        if isinstance(number, cupy.ndarray):
            places[i] = address(number)
        else:
            words[i] = int(number) % (1 << 64)
    return np.array([(words, places)], KEY)
