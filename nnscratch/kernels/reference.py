"""Every kernel in plain array code: the definition, and what each faster twin is tested against."""

import math

from nnscratch.arrays import array_module
from nnscratch.kernels.draws import random_uniform as random_uniform
from nnscratch.kernels.images import crop as crop
from nnscratch.kernels.images import mirror as mirror
from nnscratch.kernels.norms import channel_affine as channel_affine
from nnscratch.kernels.norms import channel_blend as channel_blend
from nnscratch.kernels.norms import channel_moments as channel_moments
from nnscratch.kernels.norms import channel_sum as channel_sum
from nnscratch.kernels.norms import channel_sums as channel_sums
from nnscratch.kernels.norms import group_norm as group_norm
from nnscratch.kernels.norms import group_norm_backward as group_norm_backward
from nnscratch.kernels.steps import clear_unless_finite as clear_unless_finite
from nnscratch.kernels.steps import dropout_mask as dropout_mask
from nnscratch.kernels.steps import softmax_loss as softmax_loss
from nnscratch.kernels.steps import update_parameters as update_parameters
from nnscratch.shapes import ShapeError


def matmul(a, b):
    """Multiply two matrices: a (N, D), b (D, M) -> (N, M).

    >>> import numpy as np
    >>> matmul(np.ones((1, 2)), np.ones((2, 3)))
    array([[2., 2., 2.]])
    """
    return a @ b


def windows(x, window, fill=0.0):
    """View x (N, C, H, W) as its windows (N, C, OH, OW, KH, KW), with `fill` outside the image.

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> windows(np.arange(9.0).reshape(1, 1, 3, 3), Window.of(kernel=2))[0, 0, 1, 1]
    array([[4., 5.],
           [7., 8.]])
    """
    xp = array_module(x)
    N, C, H, W = x.shape
    OH, OW = window.places(H, W)
    (KH, KW), (SH, SW), (PH, PW), (DH, DW) = window[:4]
    below = max((OH - 1) * SH + DH * (KH - 1) + 1 - H - PH, 0)
    right = max((OW - 1) * SW + DW * (KW - 1) + 1 - W - PW, 0)
    padded = xp.pad(x, ((0, 0), (0, 0), (PH, below), (PW, right)), constant_values=fill)
    n, c, h, w = padded.strides
    return xp.lib.stride_tricks.as_strided(padded, (N, C, OH, OW, KH, KW), (n, c, h * SH, w * SW, h * DH, w * DW))


def im2col(x, window):
    """Lay out every window as a column: x (N, C, H, W) -> cols (N, C*KH*KW, OH*OW).

    A convolution becomes one matrix product with these columns (Chellapilla et al. 2006).

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> im2col(np.arange(9.0).reshape(1, 1, 3, 3), Window.of(kernel=2))[0]
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]])
    """
    N, C, OH, OW, KH, KW = (view := windows(x, window)).shape
    return view.transpose(0, 1, 4, 5, 2, 3).reshape(N, C * KH * KW, OH * OW)


def col2im(cols, x_shape, window):
    """Add every column back to the pixels it came from: cols (N, C*KH*KW, OH*OW) -> dx (N, C, H, W).

    It is the transpose of im2col, so a pixel in several windows gets the sum.

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> col2im(np.ones((1, 4, 4)), (1, 1, 3, 3), Window.of(kernel=2))[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    xp = array_module(cols)
    N, C, H, W = x_shape
    OH, OW = window.places(H, W)
    (KH, KW), (SH, SW), (PH, PW), (DH, DW) = window[:4]
    tall = max((OH - 1) * SH + DH * (KH - 1) + 1, H + PH)
    wide = max((OW - 1) * SW + DW * (KW - 1) + 1, W + PW)
    padded = xp.zeros((N, C, tall, wide), cols.dtype)
    cols = cols.reshape(N, C, KH, KW, OH, OW)
    for i in range(KH):
        for j in range(KW):
            rows = slice(i * DH, i * DH + SH * OH, SH)
            columns = slice(j * DW, j * DW + SW * OW, SW)
            padded[:, :, rows, columns][:, :, :OH, :OW] += cols[:, :, i, j]
    return padded[:, :, PH : PH + H, PW : PW + W].copy()


def conv(x, w, b, window, groups=1, least=-math.inf):
    """Convolve x (N, C, H, W) with w (F, C/groups, KH, KW) and add b (F,) or None -> out (N, F, OH, OW).

    What is less than `least` becomes `least`: with 0, a ReLU is done in the same pass.

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> conv(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), np.ones(1), Window.of(kernel=2))[0, 0]
    array([[5., 5.],
           [5., 5.]])
    """
    N, F = len(x), len(w)
    OH, OW = window.places(*x.shape[2:])
    cols = im2col(x, window).reshape(N, groups, math.prod(w.shape[1:]), OH * OW)
    out = (w.reshape(groups, F // groups, -1) @ cols).reshape(N, F, OH, OW)
    return _at_least(out if b is None else out + b[:, None, None], least)


def conv_pooled(x, w, b, window, groups, least, pool):
    """Convolve as `conv` does, and keep the largest of each window `pool` of the outputs alone.

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> conv_pooled(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), None, Window.of(2), 1, 0.0, Window.of(2)).item()
    4.0
    """
    return window_max(conv(x, w, b, window, groups, least), pool)


def _at_least(out, least):
    return out if least == -math.inf else array_module(out).maximum(out, out.dtype.type(least))


def conv_input_gradient(dout, w, x_shape, window, groups=1):
    """Return dx (N, C, H, W) of conv, from dout (N, F, OH, OW) and w (F, C/groups, KH, KW).

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> conv_input_gradient(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)), (1, 1, 3, 3), Window.of(kernel=2))[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    N, F, OH, OW = dout.shape
    cols = w.reshape(groups, F // groups, -1).swapaxes(1, 2) @ dout.reshape(N, groups, F // groups, OH * OW)
    return col2im(cols.reshape(N, groups * math.prod(w.shape[1:]), OH * OW), x_shape, window)


def conv_weight_gradient(dout, x, w_shape, window, groups=1):
    """Return dw (F, C/groups, KH, KW) of conv, from dout (N, F, OH, OW) and x (N, C, H, W).

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> conv_weight_gradient(np.ones((1, 1, 2, 2)), np.ones((1, 1, 3, 3)), (1, 1, 2, 2), Window.of(kernel=2))[0, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    N, F, OH, OW = dout.shape
    cols = im2col(x, window).reshape(N, groups, math.prod(w_shape[1:]), OH * OW)
    each = dout.reshape(N, groups, F // groups, OH * OW) @ cols.swapaxes(2, 3)
    return each.sum(axis=0).reshape(w_shape)


def max_pool(x, window):
    """Return (out, switches): the largest pixel of every window, and where in the image it was.

    x (N, C, H, W) -> both (N, C, OH, OW); a switch is the flat index h * W + w, the first one in a tie.

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> max_pool(np.arange(16.0).reshape(1, 1, 4, 4), Window.of(kernel=2, stride=2))[1][0, 0]
    array([[ 5,  7],
           [13, 15]], dtype=int32)
    """
    xp = array_module(x)
    H, W = x.shape[2:]
    view = windows(x, window, fill=-xp.inf)
    OH, OW, KH, KW = view.shape[2:]
    view = view.reshape(view.shape[:4] + (KH * KW,))
    tap = view.argmax(axis=-1)
    out = xp.take_along_axis(view, tap[..., None], axis=-1)[..., 0]
    h = xp.arange(OH)[:, None] * window.stride[0] - window.pad[0] + tap // KW * window.dilation[0]
    w = xp.arange(OW) * window.stride[1] - window.pad[1] + tap % KW * window.dilation[1]
    return out, (h * W + w).astype(xp.int32)


def window_max(x, window):
    """Return the largest pixel of every window: max_pool without the switches.

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> window_max(np.arange(16.0).reshape(1, 1, 4, 4), Window.of(kernel=2, stride=2))[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    return windows(x, window, fill=-math.inf).max(axis=(4, 5))


def max_pool_backward(dout, switches, x_shape, window=None):
    """Send every dout (N, C, OH, OW) to the pixel its switch names -> dx (N, C, H, W); twins may use the window.

    >>> import numpy as np
    >>> max_pool_backward(np.ones((1, 1, 1, 2)), np.array([[[[3, 3]]]]), (1, 1, 2, 2))[0, 0]
    array([[0., 0.],
           [0., 2.]])
    """
    xp = array_module(dout)
    N, C, H, W = x_shape
    dx, rows = xp.zeros((N * C, H * W), dout.dtype), (N * C, math.prod(dout.shape[2:]))
    xp.add.at(dx, (xp.arange(N * C)[:, None], switches.reshape(rows)), dout.reshape(rows))
    return dx.reshape(x_shape)


def average_pool(x, window):
    """Return the mean of every window's pixels that lie inside the image: (N, C, H, W) -> (N, C, OH, OW).

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> average_pool(np.arange(16.0).reshape(1, 1, 4, 4), Window.of(kernel=2, stride=2))[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    return windows(x, window).sum(axis=(4, 5)) / pixels_inside(x, window)


def average_pool_backward(dout, x, window):
    """Share every dout (N, C, OH, OW) out over its window's pixels -> dx, shaped like x (N, C, H, W).

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> average_pool_backward(np.ones((1, 1, 1, 1)), np.zeros((1, 1, 2, 2)), Window.of(kernel=2))[0, 0]
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    N, C, OH, OW = dout.shape
    taps = window.kernel[0] * window.kernel[1]
    share = (dout / pixels_inside(x, window)).reshape(N, C, 1, OH * OW)
    return col2im(share.repeat(taps, axis=2).reshape(N, C * taps, OH * OW), x.shape, window)


def pixels_inside(x, window):
    """Return how many pixels of each window lie inside the image, as (OH, OW) in x's dtype.

    >>> import numpy as np
    >>> from nnscratch.shapes import Window
    >>> pixels_inside(np.ones((1, 1, 3, 3)), Window.of(kernel=2, stride=2, ceil=True))
    array([[4., 2.],
           [2., 1.]])
    """
    return windows(array_module(x).ones((1, 1, *x.shape[2:]), x.dtype), window).sum(axis=(4, 5))[0, 0]


def channel_window_sum(x, size):
    """Sum x (N, C, ...) over `size` neighbouring channels around each; `size` is odd, the ends are cut short.

    >>> import numpy as np
    >>> channel_window_sum(np.ones((1, 4)), 3)
    array([[2., 3., 3., 2.]])
    """
    return _window_sum(x, size, axis=1)


def spatial_window_sum(x, size):
    """Sum x (N, C, H, W) over size x size pixels around each; `size` is odd, the borders are cut short.

    >>> import numpy as np
    >>> spatial_window_sum(np.ones((1, 1, 3, 3)), 3)[0, 0]
    array([[4., 6., 4.],
           [6., 9., 6.],
           [4., 6., 4.]])
    """
    return _window_sum(_window_sum(x, size, axis=2), size, axis=3)


def check_window(size):
    """Raise ShapeError unless a window of this size has a centre.

    >>> check_window(4)
    Traceback (most recent call last):
    nnscratch.shapes.ShapeError: a window of 4 has no centre: use an odd size, such as 5
    """
    if size < 1 or size % 2 == 0:
        raise ShapeError(f"a window of {size} has no centre: use an odd size, such as 5")


def _window_sum(x, size, axis):
    check_window(size)
    total = x.copy()
    into, of = total.swapaxes(0, axis), x.swapaxes(0, axis)
    for shift in range(1, min(size // 2, x.shape[axis] - 1) + 1):
        into[shift:] += of[:-shift]
        into[:-shift] += of[shift:]
    return total


def scatter_rows(rows, indexes, count):
    """Add row i of `rows` (N, D) to row indexes[i] of a zero matrix (count, D): the gradient of a look-up.

    >>> import numpy as np
    >>> scatter_rows(np.ones((3, 2)), np.array([0, 2, 2]), 3)
    array([[1., 1.],
           [0., 0.],
           [2., 2.]])
    """
    xp = array_module(rows)
    total = xp.zeros((count, rows.shape[1]), rows.dtype)
    xp.add.at(total, indexes, rows)
    return total


def sweep(first, function, args, options):
    """Call function(*args, **options), which treats each example by itself; `first` is the first array in args.

    A twin calls it on a few examples at a time instead; see example_by_example.

    >>> import numpy as np
    >>> x = np.array([1.0, 4.0])
    >>> sweep(x, np.sqrt, (x,), {})
    array([1., 2.])
    """
    return function(*args, **options)


def relu(x):
    """Return max(0, x) number by number; what is not a number stays so.

    >>> import numpy as np
    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return array_module(x).maximum(x, 0)


def relu_backward(dout, x):
    """Return dout where x > 0, else 0.

    >>> import numpy as np
    >>> relu_backward(np.ones(2), np.array([-1.0, 2.0]))
    array([0., 1.])
    """
    return array_module(x).where(x > 0, dout, dout.dtype.type(0))
