"""How the pools of a3-convnets are checked."""

from functools import partial

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise

POOLS = (
    ((2, 2, 4, 6), 2, 2),
    ((1, 2, 7, 5), 3, 2),
    ((1, 1, 5, 6), 2, 2),
    ((2, 1, 4, 5), 2, 1),
    ((1, 2, 6, 7), 2, 3),
)


@exercise(
    "a3.max_pool_forward",
    file="pooling.py",
    minutes=25,
    points=2,
    hints=(
        "Get all windows into one array whose last axis holds the pixels of a window; then argmax along it "
        "tells the winners.",
        "Winner number m of a window stands in its row m // kernel and column m % kernel; window (i, j) begins "
        "at row i * stride, column j * stride.",
        "switches = (i * stride + m // kernel) * W + j * stride + m % kernel, with i = np.arange(OH)[:, None] "
        "and j = np.arange(OW).",
    ),
)
def max_pool_forward(mine, rng):
    """Values and switches, with windows apart, overlapping and left out; negative pixels; ties; float32."""
    for shape, kernel, stride in POOLS:
        x = rng.permutation(np.prod(shape)).reshape(shape) - np.prod(shape) - 0.5
        given = dict(x=x, kernel=kernel, stride=stride)
        out, cache = expect.pair(expect.unchanged(lambda: mine(**given), x=x), "max_pool_forward")
        expected, switches = _winners(x, kernel, stride)
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
            expect.equal(out, _windows(x, kernel, stride).sum(axis=-1) / dtype(kernel**2), "out", given=given)


@exercise(
    "a3.average_pool_backward",
    file="pooling.py",
    minutes=15,
    points=2,
    hints=(
        "Each pixel of a window had the same share in its mean. How large was it?",
        "Loop over the places (k, l) inside a window, as in col2im: one strided slice holds the pixels that "
        "all windows have there.",
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


def _windows(x, kernel, stride):
    """The pixels of every window, (N, C, OH, OW, kernel**2)."""
    N, C, H, W = x.shape
    return np.array(
        [
            [x[:, :, i : i + kernel, j : j + kernel].reshape(N, C, -1) for j in range(0, W - kernel + 1, stride)]
            for i in range(0, H - kernel + 1, stride)
        ]
    ).transpose(2, 3, 0, 1, 4)


def _winners(x, kernel, stride):
    """The largest pixel of every window, and where it is in the image."""
    places = np.broadcast_to(np.arange(x[0, 0].size).reshape(x.shape[2:]), x.shape)
    windows, here = _windows(x, kernel, stride), _windows(places, kernel, stride)
    out = windows.max(axis=-1)
    return out, np.where(windows == out[..., None], here, x.size).min(axis=-1)


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
