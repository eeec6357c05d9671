"""How the exercises of a3-convnets are checked."""

from functools import partial

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise

WINDOWS = (  # shape of x, shape of w, stride, pad
    ((2, 3, 5, 5), (4, 3, 3, 3), 1, 0),
    ((1, 2, 6, 4), (3, 2, 3, 3), 1, 1),
    ((2, 2, 7, 6), (3, 2, 3, 2), 2, 1),
    ((1, 1, 5, 8), (2, 1, 2, 4), 3, 2),
)


@exercise(
    "a3.output_size",
    file="sizes.py",
    minutes=5,
    points=1,
    hints=(
        "Draw an axis of 5 pixels and a window of 2, and move it by 2: what happens to the last pixel?",
        "The first place is always there. How many more steps of `stride` pixels fit into the room that is left?",
        "room = size + 2 * pad - kernel; with room below 0 raise ValueError, else return room // stride + 1.",
    ),
)
def output_size(mine, rng):
    """Against counting the places one by one; errors for what does not fit."""
    cases = [tuple(int(rng.integers(*ends)) for ends in ((5, 30), (1, 6), (1, 5), (0, 3))) for _ in range(40)]
    found = [mine(size, kernel, stride=stride, pad=pad) for size, kernel, stride, pad in cases]
    mistakes = {  # one place tells little, so each mistake must explain them all
        "pad were added at one end only": lambda size, kernel, stride, pad: (size + pad - kernel) // stride + 1,
        "the padding were left out": lambda size, kernel, stride, pad: (size - kernel) // stride + 1,
        "the last place were not counted": lambda size, kernel, stride, pad: (size + 2 * pad - kernel) // stride,
        "the division were rounded up": lambda size, kernel, stride, pad: (
            -(-(size + 2 * pad - kernel) // stride) + 1
        ),
    }
    fitting = {words: make for words, make in mistakes.items() if found == [make(*case) for case in cases]}
    for case, places in zip(cases, found):
        size, kernel, stride, pad = case
        right = len(range(0, size + 2 * pad - kernel + 1, stride))
        given = dict(size=size, kernel=kernel, stride=stride, pad=pad)
        causes = {words: partial(make, *case) for words, make in fitting.items()}
        slips.equal(places, right, "output_size", given=given, slips=causes)
    expect.equal(mine(3, 5, pad=1), 1, "output_size", given=dict(size=3, kernel=5, pad=1))
    expect.raises(ValueError, lambda: mine(3, 5), "a window of 5 does not fit 3 pixels")
    expect.raises(ValueError, lambda: mine(5, 3, stride=0), "a window that never moves on")


@exercise(
    "a3.conv_naive_forward",
    file="convolution.py",
    minutes=25,
    points=2,
    hints=(
        "Pad all images first (np.pad), and ask output_size how large out is. Then which pixels does place "
        "(i, j) see?",
        "Four loops, n, f, i, j. The window begins at row i * stride and column j * stride of the padded "
        "image, and "
        "takes all channels.",
        "covered = padded[n, :, i * stride : i * stride + KH, j * stride : j * stride + KW]; "
        "out[n, f, i, j] = (covered * w[f]).sum() + b[f]",
    ),
)
def conv_naive_forward(mine, rng):
    """Values with strides, padding and sides of different length; float32; manners."""
    _check_conv(mine, rng, "conv_naive_forward")


@exercise(
    "a3.conv_naive_backward",
    file="convolution.py",
    minutes=30,
    points=3,
    hints=(
        "The same four loops as in forward. One output was made of a window, a filter and a bias: each gets "
        "its share.",
        "Collect the gradient of the padded image with +=, as windows overlap, and cut the padding off at the "
        "end.",
        "dw[f] += dout[n, f, i, j] * covered; dpadded[the same window] += dout[n, f, i, j] * w[f]; "
        "db[f] += dout[n, f, i, j]; dx = dpadded[:, :, pad : pad + H, pad : pad + W]",
    ),
)
def conv_naive_backward(mine, rng):
    """The doctor, with padding, with overlap and with a stride; float32."""
    _check_conv_backward(mine, rng, "conv_naive_forward")


@exercise(
    "a3.im2col",
    file="columns.py",
    minutes=25,
    points=2,
    hints=(
        "Do not go from window to window. Which pixels stand at the same place inside all windows, say at the "
        "top left?",
        "Make an array of shape (N, C, KH, KW, OH, OW), fill cols[:, :, k, l] with one strided slice of the "
        "padded "
        "images for each k and l, and reshape.",
        "cols[:, :, k, l] = padded[:, :, k : k + stride * OH : stride, l : l + stride * OW : stride]; "
        "return cols.reshape(N, C * KH * KW, OH * OW)",
    ),
)
def im2col(mine, rng):
    """Values with strides, padding and sides of different length; float32; manners."""
    for x_shape, (_, _, KH, KW), stride, pad in WINDOWS:
        x = rng.normal(size=x_shape)
        given = dict(x=x, KH=KH, KW=KW, stride=stride, pad=pad)
        cols = expect.unchanged(lambda: mine(**given), x=x)
        right = _columns(x, KH, KW, stride, pad)
        six = right.reshape(*x.shape[:2], KH, KW, -1)
        mistakes = {
            "the columns of the window came before its rows": lambda: six.swapaxes(2, 3).reshape(right.shape),
            "the channel came last in a column, not first": lambda: np.moveaxis(six, 1, 3).reshape(right.shape),
            "places and pixels of the window were swapped": lambda: right.swapaxes(1, 2),
            "there were no padding": lambda: _columns(x, KH, KW, stride, 0),
            "the stride were 1": lambda: _columns(x, KH, KW, 1, pad),
        }
        slips.equal(cols, right, "cols", given=given, slips=mistakes)
    x = rng.normal(size=(1, 2, 3, 3)).astype(np.float32)
    expect.equal(mine(x, 2, 2), _columns(x, 2, 2, 1, 0), "cols", given=dict(x=x))


@exercise(
    "a3.col2im",
    file="columns.py",
    minutes=20,
    points=2,
    hints=(
        "im2col copies pixels to columns. Run it backwards: read where it wrote, add where it read.",
        "Reshape cols to (N, C, KH, KW, OH, OW), begin with a padded image of zeros, use im2col's slices with "
        "+=, and "
        "cut off the padding.",
        "padded[:, :, k : k + stride * OH : stride, l : l + stride * OW : stride] += cols[:, :, k, l]; "
        "return padded[:, :, pad : pad + H, pad : pad + W]",
    ),
)
def col2im(mine, rng):
    """Each pixel gets the sum of all entries that came from it."""
    for x_shape, (_, _, KH, KW), stride, pad in WINDOWS:
        origin = _columns(np.arange(1, np.prod(x_shape) + 1).reshape(x_shape), KH, KW, stride, pad)
        cols = rng.normal(size=origin.shape)
        sums = np.bincount(origin.ravel(), cols.ravel(), minlength=np.prod(x_shape) + 1)
        given = dict(cols=cols, x_shape=x_shape, KH=KH, KW=KW, stride=stride, pad=pad)
        dx = expect.unchanged(lambda: mine(**given), cols=cols)
        last = np.zeros(len(sums))
        for k in range(origin.shape[1]):
            last[origin[:, k]] = cols[:, k]
        overwritten = {"pixels in several windows kept one entry: += is needed": lambda: last[1:].reshape(x_shape)}
        slips.equal(dx, sums[1:].reshape(x_shape), "dx", given=given, slips=overwritten)
    cols = np.ones((1, 4, 4), np.float32)
    expect.equal(mine(cols, (1, 1, 3, 3), 2, 2), np.float32([[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]), "dx")


@exercise(
    "a3.conv_forward",
    file="columns.py",
    minutes=15,
    points=2,
    hints=(
        "A filter as a row, a window as a column: what is their product?",
        "w.reshape(F, -1) @ cols is (N, F, OH * OW): @ does it for all images. Which shape must b have to be "
        "added?",
        "out = w.reshape(F, -1) @ cols + b[:, None], reshaped to (N, F, OH, OW) with output_size.",
    ),
)
def conv_forward(mine, rng):
    """Values with strides, padding and sides of different length; float32; manners; the error."""
    _check_conv(mine, rng, "conv_forward")
    x, w = np.zeros((1, 3, 4, 4)), np.zeros((2, 5, 3, 3))
    error = expect.raises(ValueError, lambda: mine(x, w, np.zeros(2)), "x has 3 channels, w has 5")
    expect.true(
        "3" in str(error) and "5" in str(error), "the ValueError should name both numbers of channels, 3 and 5"
    )


@exercise(
    "a3.conv_backward",
    file="columns.py",
    minutes=20,
    points=3,
    hints=(
        "Forward was out = rows @ cols + b. It is an affine layer whose input is cols: write its three "
        "gradients down.",
        "Make dout a stack of matrices (N, F, OH * OW). The filters are shared by all images, so their "
        "gradient is a sum "
        "over n. Give the gradient of cols to col2im.",
        "dw = (dout @ cols.transpose(0, 2, 1)).sum(axis=0), reshaped; dcols = w.reshape(F, -1).T @ dout; "
        "dx = col2im(dcols, x_shape, KH, KW, stride, pad); db = the sum of dout over n, i and j.",
    ),
)
def conv_backward(mine, rng):
    """The doctor, with padding, with overlap and with a stride; float32."""
    _check_conv_backward(mine, rng, "conv_forward")


@exercise(
    "a3.conv_fast_forward",
    file="columns.py",
    minutes=15,
    points=2,
    hints=(
        "The time of the naive form goes into small steps of Python. Let NumPy do all places of all images at "
        "once.",
        "sliding_window_view(padded, (KH, KW), axis=(2, 3)) has shape (N, C, H', W', KH, KW) and copies "
        "nothing; take "
        "every stride-th window. np.tensordot sums over several axes at once.",
        "np.tensordot(windows, w, axes=([1, 4, 5], [1, 2, 3])) + b is (N, OH, OW, F): move the last axis to "
        "place 1.",
    ),
)
def conv_fast_forward(mine, rng):
    """The same numbers, and at least 30 times as fast as four loops."""
    from nnscratch.layers.convolution import conv_naive_forward as naive

    for x, w, b, stride, pad in _convolutions(rng):
        _check_conv_values(mine(x, w, b, stride, pad), x, w, b, stride, pad)
    x, w, b = rng.normal(size=(8, 8, 16, 16)), rng.normal(size=(16, 8, 3, 3)), rng.normal(size=16)
    expect.faster(lambda *args: mine(*args, 1, 1), lambda *args: naive(*args, 1, 1), (x, w, b), ratio=30, rounds=1)


@exercise(
    "a3.max_pool_forward",
    file="pooling.py",
    minutes=25,
    points=2,
    hints=(
        "Get all windows into one array whose last axis holds the pixels of a window; then argmax along it "
        "tells the "
        "winners.",
        "Winner number m of a window stands in its row m // kernel and column m % kernel; window (i, j) "
        "begins at row "
        "i * stride, column j * stride.",
        "switches = (i * stride + m // kernel) * W + j * stride + m % kernel, with i = np.arange(OH)[:, None] and "
        "j = np.arange(OW).",
    ),
)
def max_pool_forward(mine, rng):
    """Values and switches, with windows apart, overlapping and left out; negative pixels; ties; float32."""
    for shape, kernel, stride in POOLS:
        x = rng.permutation(np.prod(shape)).reshape(shape) - np.prod(shape) - 0.5
        given = dict(x=x, kernel=kernel, stride=stride)
        out, cache = expect.pair(expect.unchanged(lambda: mine(**given), x=x), "max_pool_forward")
        expected, switches = _pooled(x, kernel, stride)
        zeros = {"zeros counted as pixels (start from -inf)": lambda: np.maximum(expected, 0)}
        slips.equal(out, expected, "out", given=given, slips=zeros)
        _check_switches(cache, x, switches, given)
    x = np.zeros((1, 1, 3, 3), np.float32)
    out, cache = expect.pair(mine(x, 2, 1), "max_pool_forward")
    expect.equal(out, np.zeros((1, 1, 2, 2), np.float32), "out", given=dict(x=x, kernel=2, stride=1))
    _check_switches(cache, x, np.array([[[[0, 1], [3, 4]]]]), dict(x=x, kernel=2, stride=1))


@exercise(
    "a3.max_pool_backward",
    file="pooling.py",
    minutes=15,
    points=2,
    hints=(
        "Only the winner of a window acts on its output. Which pixel was it? The switches know.",
        "See dx as N * C maps of H * W pixels in a row; the switches are places in such a map. Places may "
        "occur twice.",
        "dx = zeros (N * C, H * W); np.add.at(dx, (np.arange(N * C)[:, None], switches.reshape(N * C, -1)), "
        "dout.reshape(N * C, -1)); then reshape.",
    ),
)
def max_pool_backward(mine, rng):
    """A cache made by hand, in which pixels win twice; the doctor, with windows that overlap."""
    switches = np.array([[[[4, 4], [4, 5]], [[0, 8], [0, 0]]]])
    dout = np.arange(1.0, 9.0, dtype=np.float32).reshape(1, 2, 2, 2)
    expected = np.float32([[0, 0, 0, 0, 6, 4, 0, 0, 0], [20, 0, 0, 0, 0, 0, 0, 0, 6]]).reshape(1, 2, 3, 3)
    dx = expect.unchanged(lambda: mine(dout, ((1, 2, 3, 3), switches)), dout=dout, switches=switches)
    last = np.float32([[0, 0, 0, 0, 3, 4, 0, 0, 0], [8, 0, 0, 0, 0, 0, 0, 0, 6]]).reshape(1, 2, 3, 3)
    single = {"a pixel that won several windows got the gradient of one: np.add.at adds all": lambda: last}
    slips.equal(dx, expected, "dx", given=dict(switches=switches), slips=single)
    forward = expect.function(mine, "max_pool_forward")
    for shape, kernel, stride in POOLS[:3]:
        x = rng.permutation(np.prod(shape)).reshape(shape) / 10.0
        expect.gradients(forward, mine, (x,), kernel=kernel, stride=stride)


@exercise(
    "a3.average_pool_forward",
    file="pooling.py",
    minutes=5,
    points=1,
    hints=(
        "As for the max pool, but with the mean, and nothing to remember about places.",
        "sliding_window_view gives all windows with stride 1; take every stride-th, down and across.",
        "windows[:, :, ::stride, ::stride].mean(axis=(-2, -1))",
    ),
)
def average_pool_forward(mine, rng):
    """Values, with windows apart, overlapping and left out; float32."""
    for shape, kernel, stride in POOLS:
        for dtype in (np.float64, np.float32):
            x = rng.normal(size=shape).astype(dtype)
            given = dict(x=x, kernel=kernel, stride=stride)
            out, _ = expect.pair(expect.unchanged(lambda: mine(**given), x=x), "average_pool_forward")
            cols = _columns(x, kernel, kernel, stride, 0).reshape(*shape[:2], kernel**2, *out.shape[2:])
            expect.equal(out, np.einsum("nckij->ncij", cols) / dtype(kernel**2), "out", given=given)


@exercise(
    "a3.average_pool_backward",
    file="pooling.py",
    minutes=15,
    points=2,
    hints=(
        "Each pixel of a window had the same share in its mean. How large was it?",
        "Loop over the places (k, l) inside a window, as in col2im: one strided slice holds the pixels that "
        "all windows "
        "have there.",
        "dx[:, :, k : k + stride * OH : stride, l : l + stride * OW : stride] += dout / kernel**2",
    ),
)
def average_pool_backward(mine, rng):
    """The doctor, with windows apart, overlapping and left out; float32."""
    forward = expect.function(mine, "average_pool_forward")
    for shape, kernel, stride in POOLS[:3]:
        expect.gradients(forward, mine, (rng.normal(size=shape),), kernel=kernel, stride=stride)
    out, cache = forward(np.ones((1, 1, 4, 4), np.float32))
    expect.equal(mine(np.ones_like(out), cache), np.full((1, 1, 4, 4), 0.25, np.float32), "dx")


@exercise(
    "a3.lrn_forward",
    file="normalization.py",
    minutes=20,
    points=2,
    hints=(
        "Which axis do the neighbours lie along? At the first and last channels some do not exist and count "
        "as zero.",
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
        "The window sum of dout * out / damping is made just like that of the squares in forward: the windows are "
        "symmetric.",
        "shared = the window sum; dx = dout * damping**-beta - 2 * alpha * beta * x * shared",
    ),
)
def lrn_backward(mine, rng):
    """The doctor, with damping that matters; float32."""
    forward = expect.function(mine, "lrn_forward")
    x = 2 * rng.normal(size=(2, 5, 2, 2))
    expect.gradients(forward, mine, (x,), size=3, alpha=0.4, k=1.0)
    expect.gradients(forward, mine, (x,), size=5, alpha=0.3, beta=0.5)
    _check_dtypes(forward, mine, "lrn_backward", x=np.float32(x))


@exercise(
    "a3.spatial_batch_norm_forward",
    file="normalization.py",
    minutes=20,
    points=2,
    hints=(
        "One mean and one variance for each channel: which axes of (N, C, H, W) are summed over?",
        "mean and var have shape (C,); mean[:, None, None] lines up with the channels of x.",
        "mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3)) unless they are given; std = np.sqrt(var + "
        "eps); "
        "x_hat = (x - mean[:, None, None]) / std[:, None, None]",
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
        "through the "
        "mean and through the variance; given statistics are constants.",
        "dbeta and dgamma are sums over axes (0, 2, 3). M is how many numbers a channel has, not the batch size.",
        "dx = (gamma / std) * (dout - (dbeta + x_hat * dgamma) / M), each (C,) with [:, None, None]; without "
        "the second "
        "part if own is False.",
    ),
)
def spatial_batch_norm_backward(mine, rng):
    """The doctor, in training and with given statistics; float32."""
    forward = expect.function(mine, "spatial_batch_norm_forward")
    x, gamma, beta = rng.normal(size=(3, 2, 2, 3)), rng.normal(size=2), rng.normal(size=2)
    expect.gradients(forward, mine, (x, gamma, beta))
    expect.gradients(forward, mine, (x, gamma, beta, rng.normal(size=2), rng.uniform(1, 2, 2)), wrt=[0, 1, 2])
    single = dict(x=np.float32(x), gamma=np.float32(gamma), beta=np.float32(beta))
    _check_dtypes(forward, mine, "spatial_batch_norm_backward", **single)


@exercise(
    "a3.grouped_conv_forward",
    file="groups.py",
    minutes=15,
    points=2,
    hints=(
        "Each group is a convolution of its own. Which channels of x, which filters of w and which biases "
        "belong to it?",
        "Group g has channels g * C // groups to (g + 1) * C // groups - 1, and its filters likewise out of "
        "F. Collect "
        "outs and caches in lists.",
        "out, cache = conv_forward(x[:, channels of g], w[filters of g], b[filters of g], stride, pad) for "
        "each g; "
        "np.concatenate(outs, axis=1)",
    ),
)
def grouped_conv_forward(mine, rng):
    """Against one large convolution whose filters are zero outside their group; the errors."""
    for groups, C, F, stride, pad in ((2, 4, 6, 1, 1), (3, 6, 3, 2, 0), (1, 2, 3, 1, 0), (4, 4, 8, 1, 1)):
        x, w, b = rng.normal(size=(2, C, 5, 5)), rng.normal(size=(F, C // groups, 3, 3)), rng.normal(size=F)
        dense = np.zeros((F, C, 3, 3))
        for f in range(F):
            first = f * groups // F * (C // groups)
            dense[f, first : first + C // groups] = w[f]
        given = dict(x=x, w=w, b=b, stride=stride, pad=pad, groups=groups)
        out, _ = expect.pair(expect.unchanged(lambda: mine(**given), x=x, w=w, b=b), "grouped_conv_forward")
        first, turned = dense * 0, x.reshape(2, groups, C // groups, 5, 5).swapaxes(1, 2).reshape(x.shape)
        first[:, : C // groups] = w
        mistakes = {
            "every group saw the first channels": lambda: _conv(x, first, b, stride, pad),
            "group g saw every groups-th channel": lambda: _conv(turned, dense, b, stride, pad),
        }
        slips.equal(out, _conv(x, dense, b, stride, pad), "out", given=given, slips=mistakes)
    w = np.ones((4, 1, 1, 1))
    for C, F, which in ((3, 4, "3 channels in 2 groups"), (2, 3, "3 filters in 2 groups")):
        expect.raises(ValueError, lambda: mine(np.ones((1, C, 2, 2)), w[:F], np.zeros(F), groups=2), which)


@exercise(
    "a3.grouped_conv_backward",
    file="groups.py",
    minutes=15,
    points=2,
    hints=(
        "Each group's cache goes with that group's share of dout.",
        "np.split(dout, groups, axis=1) cuts dout; conv_backward gives dx, dw and db of each group. Along "
        "which axes are "
        "they joined?",
        "dx: np.concatenate(dxs, axis=1), by channels; dw and db: np.concatenate(dws), np.concatenate(dbs), "
        "by filters.",
    ),
)
def grouped_conv_backward(mine, rng):
    """The doctor, with two groups and with one channel in each."""
    forward = expect.function(mine, "grouped_conv_forward")
    for groups, C, F in ((2, 4, 2), (2, 2, 4)):
        x, w, b = rng.normal(size=(2, C, 3, 3)), rng.normal(size=(F, C // groups, 2, 2)), rng.normal(size=F)
        expect.gradients(forward, mine, (x, w, b), pad=1, groups=groups)


@exercise(
    "a3.ten_crop",
    file="crops.py",
    minutes=10,
    points=1,
    hints=(
        "Five places, then the same five seen in a mirror: where does each crop begin?",
        "Rows begin at 0, H - size or (H - size) // 2, columns likewise. A mirror image is [..., ::-1].",
        "crops = np.stack([x[:, :, i : i + size, j : j + size] for i, j in places], axis=1); "
        "np.concatenate([crops, crops[..., ::-1]], axis=1)",
    ),
)
def ten_crop(mine, rng):
    """Each of the ten by itself; float32; the error."""
    names = ("top left", "top right", "bottom left", "bottom right", "centre")
    for (H, W), size in (((6, 9), 4), ((5, 5), 5)):
        x = rng.normal(size=(2, 3, H, W)).astype(np.float32)
        crops = expect.unchanged(lambda: mine(x, size), x=x)
        expect.shape(crops, (2, 10, 3, size, size), "crops", given=dict(x=x, size=size))
        starts = [(0, 0), (0, W - size), (H - size, 0), (H - size, W - size), ((H - size) // 2, (W - size) // 2)]
        for k in range(10):
            (i, j), mirror = starts[k % 5], "the mirror image of " if k >= 5 else ""
            cut = np.roll(x, (-i, -j), axis=(2, 3))[:, :, :size, :size]
            expected = np.flip(cut, axis=3) if mirror else cut
            mistakes = {
                "up and down were swapped, not left and right": lambda: np.flip(cut, axis=2),
                "the channels were mirrored": lambda: np.flip(cut, axis=1),
                "it were not mirrored": lambda: cut,
            }
            name = f"crops[:, {k}] ({mirror}{names[k % 5]})"
            slips.equal(crops[:, k], expected, name, given=dict(x=x, size=size), slips=mistakes if mirror else {})
    expect.raises(ValueError, lambda: mine(np.zeros((1, 3, 4, 8)), 5), "a crop of 5 from an image of 4 x 8")


POOLS = (
    ((2, 2, 4, 6), 2, 2),
    ((1, 2, 7, 5), 3, 2),
    ((1, 1, 5, 6), 2, 2),
    ((2, 1, 4, 5), 2, 1),
    ((1, 2, 6, 7), 2, 3),
)


def _windows(x, KH, KW, stride, pad):
    """All windows as a view, (N, C, OH, OW, KH, KW)."""
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (KH, KW), axis=(2, 3))
    return view[:, :, ::stride, ::stride]


def _columns(x, KH, KW, stride, pad):
    view = _windows(x, KH, KW, stride, pad)
    N, C, OH, OW = view.shape[:4]
    return view.transpose(0, 1, 4, 5, 2, 3).reshape(N, C * KH * KW, OH * OW)


def _conv(x, w, b, stride, pad):
    return np.einsum("ncijkl,fckl->nfij", _windows(x, *w.shape[2:], stride, pad), w) + b.reshape(-1, 1, 1)


def _lrn(x, size=5, alpha=1e-4, beta=0.75, k=2.0, power=2, side=0):
    """`power` and `side` make slips: a window that begins (1) or ends (-1) at its channel."""
    channels, centre = range(x.shape[1]), side * (size // 2)
    near = np.array([[abs(c + centre - d) <= size // 2 for d in channels] for c in channels], float)
    return x / (k + alpha * np.einsum("cd,ndij->ncij", near, x**power)) ** beta


def _scaled(centred, gamma, beta, std):
    """Channels last: gamma * centred / std + beta, back in the order N C H W."""
    return (gamma * centred / std + beta).transpose(0, 3, 1, 2)


def _pooled(x, kernel, stride):
    """The largest pixels and where they are in the image."""
    here = _windows(np.arange(x[0, 0].size).reshape(1, 1, *x.shape[2:]), kernel, kernel, stride, 0)
    view = _windows(x, kernel, kernel, stride, 0)
    out = view.max(axis=(4, 5))
    is_largest = view == out[..., None, None]
    return out, np.where(is_largest, here, x.size).min(axis=(4, 5))


def _check_switches(cache, x, switches, given):
    shape, found = expect.pair(cache, "the cache, (x.shape, switches),")
    expect.true(tuple(shape) == x.shape, f"the first entry of the cache should be x.shape, {x.shape}")
    kernel, stride, W = given["kernel"], given["stride"], x.shape[3]
    i, j = np.ogrid[: switches.shape[2], : switches.shape[3]]
    row, column = switches // W, switches % W
    mistakes = {
        "they were places in the window, not in the image": lambda: (
            (row - i * stride) * kernel + column - j * stride
        ),
        "rows and columns were swapped": lambda: column * W + row,
        "they were places in the image and the channel": lambda: (
            switches + np.arange(x[..., 0, 0].size).reshape(*x.shape[:2], 1, 1) * x[0, 0].size
        ),
    }
    slips.equal(found, switches, "switches", given=given, slips=mistakes)


def _convolutions(rng):
    for x_shape, w_shape, stride, pad in WINDOWS:
        yield rng.normal(size=x_shape), rng.normal(size=w_shape), rng.normal(size=w_shape[0]), stride, pad
    x_shape, w_shape, stride, pad = WINDOWS[1]
    x, w, b = rng.normal(size=x_shape), rng.normal(size=w_shape), rng.normal(size=w_shape[0])
    yield np.float32(x), np.float32(w), np.float32(b), stride, pad


def _check_conv(mine, rng, name):
    for x, w, b, stride, pad in _convolutions(rng):
        given = dict(x=x, w=w, b=b, stride=stride, pad=pad)
        out, _ = expect.pair(expect.unchanged(lambda: mine(**given), x=x, w=w, b=b), name)
        _check_conv_values(out, x, w, b, stride, pad)


def _check_conv_values(out, x, w, b, stride, pad):
    places = ((x.shape[2] + 2 * pad - w.shape[2]) // stride + 1, (x.shape[3] + 2 * pad - w.shape[3]) // stride + 1)
    mistakes = {
        "the bias were forgotten": lambda: _conv(x, w, 0 * b, stride, pad),
        "the filters were flipped: that is not done here": lambda: _conv(x, w[..., ::-1, ::-1], b, stride, pad),
        "the windows moved on by 1, not by stride": lambda: _conv(x, w, b, 1, pad)[:, :, : places[0], : places[1]],
        "there were no padding": lambda: _conv(x, w, b, stride, 0),
        "the padding were at the far ends only": lambda: _conv(
            np.pad(x, ((0, 0), (0, 0), (0, 2 * pad), (0, 2 * pad))), w, b, stride, 0
        ),
        "only the last channel counted": lambda: _conv(x[:, -1:], w[:, -1:], b, stride, pad),
        "only the first channel counted": lambda: _conv(x[:, :1], w[:, :1], b, stride, pad),
    }
    given = dict(x=x, w=w, stride=stride, pad=pad)
    slips.equal(out, _conv(x, w, b, stride, pad), "out", given=given, slips=mistakes)


def _check_conv_backward(mine, rng, forward):
    forward = expect.function(mine, forward)
    x, w, b = rng.normal(size=(3, 2, 5, 4)), rng.normal(size=(2, 2, 3, 2)), rng.normal(size=2)
    for stride, pad in ((1, 0), (1, 1), (2, 1)):
        expect.gradients(forward, mine, (x, w, b), stride=stride, pad=pad)
    _check_dtypes(forward, mine, mine.__name__, x=np.float32(x), w=np.float32(w), b=np.float32(b))


def _check_dtypes(forward, backward, name, **given):
    """In float32 all gradients are float32."""
    out, cache = forward(*given.values())
    grads = backward(np.ones_like(out), cache)
    for key, grad in zip(given, grads if isinstance(grads, tuple) else (grads,)):
        kind = np.asarray(grad).dtype
        expect.true(kind == np.float32, f"with all inputs in float32, d{key} should be float32, it is {kind}")


@exercise(
    "a3.alexnet_parameters",
    file="alexnet.py",
    minutes=20,
    points=2,
    hints=(
        "Write the seven shapes into a dict first, and loop over it.",
        "D: send H and W three times through output_size(H, 3, 2). fan_in of a filter is the product of its "
        "shape without "
        "the first number.",
        "rng.normal(0, np.sqrt(2 / fan_in), shape).astype(dtype) for weights, np.zeros for biases, 0.01 for "
        "affine7.w.",
    ),
)
def alexnet_parameters(mine, rng):
    """Keys, shapes, dtypes and the spread of the numbers."""
    for width, image, hidden, classes, dtype in (
        (8, (3, 32, 32), 50, 10, np.float32),
        (4, (1, 24, 17), 9, 5, float),
    ):
        given = dict(width=width, image=image, hidden=hidden, classes=classes)
        params = mine(**given, rng=np.random.default_rng(3), dtype=dtype)
        expect.true(
            isinstance(params, dict), f"alexnet_parameters should return a dict, not {type(params).__name__}"
        )
        shapes = _alexnet_shapes(**given)
        words = f"the keys should be {', '.join(shapes)}; they are {', '.join(map(str, params))}"
        expect.true(list(params) == list(shapes), words)
        for name, shape in shapes.items():
            expect.shape(params[name], shape, name, given=given)
            expect.true(
                params[name].dtype == dtype, f"{name} has dtype {params[name].dtype}, not {np.dtype(dtype)}"
            )
            if name.endswith(".b"):
                expect.equal(params[name], np.zeros(shape, dtype), name, given=given)
    params = mine(16, rng=np.random.default_rng(int(rng.integers(1000))))
    for name, value in params.items():
        if name.endswith(".w"):
            fan_in = value[0].size if value.ndim == 4 else len(value)
            std = 0.01 if name == "affine7.w" else np.sqrt(2 / fan_in)
            words = f"{name} has standard deviation {value.std():.4f}, it should be about {std:.4f}"
            expect.true(abs(value.std() / std - 1) < 0.12, words)
            expect.true(abs(value.mean()) < 0.2 * std, f"{name} has mean {value.mean():.4f}, it should be about 0")
    again = [mine(4, rng=np.random.default_rng(5))["conv1.w"] for _ in range(2)]
    expect.true(
        np.array_equal(*again), "the same rng should give the same numbers: draw from rng, not from np.random"
    )


@exercise(
    "a3.alexnet_loss",
    file="alexnet.py",
    minutes=40,
    points=5,
    seconds=40,
    hints=(
        "Write forward line by line, keep each layer's cache in a variable or list, and write backward from "
        "the last "
        "line to the first.",
        "A loop over layers with a list of (name, cache) makes backward short: for name, cache in reversed(done).",
        "d, grads[name + '.w'], grads[name + '.b'] = conv_backward(d, cache) for a convolution or "
        "affine_backward for an "
        "affine layer; d = relu_backward(d, cache), max_pool_backward or lrn_backward for the others.",
    ),
)
def alexnet_loss(mine, rng):
    """Scores, loss and every gradient against the built-in layers; then it learns eight images by heart."""
    from nnscratch import kernels

    params = {name: rng.normal(size=shape) / 4 for name, shape in _alexnet_shapes(2, (3, 16, 16), 7, 10).items()}
    x, y = rng.normal(size=(3, 3, 16, 16)), rng.integers(10, size=3)
    scores = expect.unchanged(lambda: mine(params, x), x=x, **params)
    with kernels.reference_only():
        model = _built_in_alexnet(params)
        expect.equal(scores, model.loss(x), "scores", tolerance=1e-7, given=dict(x=x))
        expected, expected_grads = model.loss(x, y)
    loss, grads = expect.pair(
        expect.unchanged(lambda: mine(params, x, y), x=x, **params), "alexnet_loss with labels"
    )
    expect.equal(loss, float(expected), "loss", given=dict(x=x, y=y))
    expect.true(isinstance(grads, dict), f"grads should be a dict, not {type(grads).__name__}")
    for name, (_, theirs) in reversed(list(zip(params, expected_grads.items()))):
        expect.true(name in grads, f"grads has no {name}: every parameter needs its gradient")
        expect.equal(grads[name], theirs, f"the gradient of {name}", tolerance=1e-6, given=dict(x=x, y=y))
    _check_learning(mine, np.random.default_rng(1))


def _check_learning(mine, rng):
    """Eighty steps with momentum on eight images."""
    shapes = _alexnet_shapes(4, (3, 16, 16), 16, 10)
    spread = {name: 0.0 if len(shape) == 1 else np.sqrt(2 / np.prod(shape[1:])) for name, shape in shapes.items()}
    spread |= {"affine6.w": 0.35, "affine7.w": 0.1}
    params = {name: rng.normal(0, spread[name], shape).astype(np.float32) for name, shape in shapes.items()}
    velocity = dict.fromkeys(params, 0.0)
    x, y = rng.normal(0, 2, size=(8, 3, 16, 16)).astype(np.float32), np.arange(8)
    losses = []
    for _ in range(80):
        loss, grads = mine(params, x, y)
        losses.append(loss)
        for name in params:
            kind = grads[name].dtype
            expect.true(kind == np.float32, f"with float32 parameters, the gradient of {name} is {kind}")
            velocity[name] = 0.5 * velocity[name] - 0.02 * grads[name]
            params[name] = params[name] + velocity[name]
    way = f"from {losses[0]:.2f} to {losses[-1]:.2f}"
    words = f"the loss on eight images goes {way} in 80 steps, it should fall below 0.5"
    expect.true(losses[-1] < 0.5, words)


def _alexnet_shapes(width, image, hidden, classes):
    C, H, W = image
    for _ in range(3):
        H, W = (H - 3) // 2 + 1, (W - 3) // 2 + 1
    sides = [C, width, 2 * width, 3 * width, 2 * width, 2 * width]
    shapes = {}
    for i in range(5):
        kernel = 5 if i < 2 else 3
        shapes[f"conv{i + 1}.w"] = (sides[i + 1], sides[i], kernel, kernel)
        shapes[f"conv{i + 1}.b"] = (sides[i + 1],)
    features = [2 * width * H * W, hidden, classes]
    for i in range(2):
        shapes[f"affine{i + 6}.w"], shapes[f"affine{i + 6}.b"] = (features[i], features[i + 1]), (features[i + 1],)
    return shapes


def _built_in_alexnet(params):
    """The same network out of nnscratch's layers, with these parameters."""
    from nnscratch.layers import LRN, Affine, Conv, Flatten, MaxPool, ReLU, Sequential
    from nnscratch.models.classifier import Classifier

    layers = []
    for i in range(1, 6):
        F, C, K, _ = params[f"conv{i}.w"].shape
        layers += [Conv(C, F, K, pad="same", dtype=np.float64), ReLU()]
        layers += [MaxPool(3, stride=2)] if i in (1, 2, 5) else []
        layers += [LRN()] if i < 3 else []
    hidden, classes = (Affine(*params[f"affine{i}.w"].shape, dtype=np.float64) for i in (6, 7))
    model = Classifier(Sequential(*layers, Flatten(), hidden, ReLU(), classes))
    for name, value in zip(model.params, params.values()):
        model.params[name] = value
    return model
