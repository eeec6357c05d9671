"""How the convolutions of a3-convnets are checked: naive, as a matrix product, fast, in groups."""

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
        "Pad all images first (np.pad), and ask output_size how large out is. Then which pixels does place (i, "
        "j) see?",
        "Four loops, n, f, i, j. The window begins at row i * stride and column j * stride of the padded "
        "image, and takes all channels.",
        "covered = padded[n, :, i * stride : i * stride + KH, j * stride : j * stride + KW]; out[n, f, i, j] = "
        "(covered * w[f]).sum() + b[f]",
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
        "dw[f] += dout[n, f, i, j] * covered; dpadded[the same window] += dout[n, f, i, j] * w[f]; db[f] += "
        "dout[n, f, i, j]; dx = dpadded[:, :, pad : pad + H, pad : pad + W]",
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
        "padded images for each k and l, and reshape.",
        "cols[:, :, k, l] = padded[:, :, k : k + stride * OH : stride, l : l + stride * OW : stride]; return "
        "cols.reshape(N, C * KH * KW, OH * OW)",
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
        "+=, and cut off the padding.",
        "padded[:, :, k : k + stride * OH : stride, l : l + stride * OW : stride] += cols[:, :, k, l]; return "
        "padded[:, :, pad : pad + H, pad : pad + W]",
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
        "gradient is a sum over n. Give the gradient of cols to col2im.",
        "dw = (dout @ cols.transpose(0, 2, 1)).sum(axis=0), reshaped; dcols = w.reshape(F, -1).T @ dout; dx = "
        "col2im(dcols, x_shape, KH, KW, stride, pad); db = the sum of dout over n, i and j.",
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
        "nothing; take every stride-th window. np.tensordot sums over several axes at once.",
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
    "a3.grouped_conv_forward",
    file="groups.py",
    minutes=15,
    points=2,
    hints=(
        "Each group is a convolution of its own. Which channels of x, which filters of w and which biases "
        "belong to it?",
        "Group g has channels g * C // groups to (g + 1) * C // groups - 1, and its filters likewise out of F. "
        "Collect outs and caches in lists.",
        "out, cache = conv_forward(x[:, channels of g], w[filters of g], b[filters of g], stride, pad) for "
        "each g; np.concatenate(outs, axis=1)",
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
        "which axes are they joined?",
        "dx: np.concatenate(dxs, axis=1), by channels; dw and db: np.concatenate(dws), np.concatenate(dbs), by "
        "filters.",
    ),
)
def grouped_conv_backward(mine, rng):
    """The doctor, with two groups and with one channel in each."""
    forward = expect.function(mine, "grouped_conv_forward")
    for groups, C, F in ((2, 4, 2), (2, 2, 4)):
        x, w, b = rng.normal(size=(2, C, 3, 3)), rng.normal(size=(F, C // groups, 2, 2)), rng.normal(size=F)
        expect.gradients(forward, mine, (x, w, b), pad=1, groups=groups)


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
    slips.float32_kept(forward, mine, x=x, w=w, b=b)
