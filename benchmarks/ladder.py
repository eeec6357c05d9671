"""One convolution, from loops in Python up to the register tile: what each rung of the ladder is worth.

32 channels of 16x16 pixels to 64, kernels of 5x5, forward, time an image. The first two rungs run on one image and
one core, the others on `--batch` images and all threads. `--plot PATH` draws the ladder.
"""

from statistics import median

import numba
import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.duel import BLAS_REST, OURS, duel, standings
from benchmarks.report import DUEL, Report, Table, number, text
from nnscratch import kernels
from nnscratch.kernels.pool import share
from nnscratch.layers import conv_naive_forward
from nnscratch.shapes import Window

SMALL = {"channels": 2, "filters": 3, "size": 6, "batch": 2, "repeats": 2}
COLUMNS = (
    text("contestant", ""),
    number("ms", "ms an image"),
    DUEL[2],
    ("times", "faster than the first", lambda row: f"{row['times']:,.0f}x"),
    number("ratio", "nnscratch / it"),
)


def add_options(parser):
    """Add the options of this benchmark."""
    parser.add_argument("--channels", type=int, default=32, metavar="C", help="channels (32)")
    parser.add_argument("--filters", type=int, default=64, metavar="F", help="filters (64)")
    parser.add_argument("--size", type=int, default=16, metavar="SIZE", help="pixels across an image (16)")
    parser.add_argument("--batch", type=int, default=32, metavar="N", help="images for the fast rungs (32)")
    parser.add_argument("--plot", metavar="PATH", help="draw the ladder as a PNG file")
    parser.set_defaults(repeats=5)


def measure(options):
    """Climb the ladder, the rungs by turns."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(options.batch, options.channels, options.size, options.size)).astype(np.float32)
    w = rng.normal(size=(options.filters, options.channels, 5, 5)).astype(np.float32)
    ladder = rungs(x, w)
    calls = {name: call for name, (call, _) in ladder.items()}
    turns = duel(calls, options.repeats, warm_up=1, title="ladder", rest=BLAS_REST)
    seconds = {name: [turn / ladder[name][1] for turn in each] for name, each in turns.items()}
    lowest = median(next(iter(seconds.values())))
    rows = [row | {"times": 1e3 * lowest / row["ms"]} for row in standings(seconds)]
    if options.plot:
        from nnscratch.plotting import save

        save(plot_ladder(rows), options.plot)
    settings = {
        "channels": f"{options.channels} to {options.filters}",
        "size": options.size,
        "batch": options.batch,
    }
    title = f"A convolution of 5x5, {options.channels} to {options.filters} channels, time an image"
    return Report("ladder", settings | {"turns": options.repeats}, [Table(title, COLUMNS, rows)])


def rungs(x, w):
    """Return {rung: (call, images that it takes)}, slowest first; every call returns the convolved images."""
    window = Window.of(5, pad=2)
    first, filters = x[:1].tolist(), w.tolist()
    tensors = [torch.from_numpy(array).contiguous(memory_format=torch.channels_last) for array in (x, w)]

    def im2col():
        with kernels.reference_only():
            return kernels.conv(x, w, None, window)

    return {
        "Python loops": (lambda: python_loops(first, filters), 1),
        "NumPy, a product a pixel": (lambda: conv_naive_forward(x[:1], w, pad=2)[0], 1),
        "numba loops": (lambda: numba_loops(x, w), len(x)),
        "NumPy im2col": (im2col, len(x)),
        OURS: (lambda: kernels.conv(x, w, None, window), len(x)),
        "torch channels_last": (lambda: F.conv2d(*tensors, padding=2), len(x)),
    }


def python_loops(x, w):
    """Convolve nested lists x (N, C, H, W) with w (F, C, K, K) and "same" padding: the sum as it is written."""
    H, W, K = len(x[0][0]), len(x[0][0][0]), len(w[0][0])
    out = [[[[0.0] * W for _ in range(H)] for _ in w] for _ in x]
    for n, image in enumerate(x):
        for f, filters in enumerate(w):
            for i in range(H):
                for j in range(W):
                    total = 0.0
                    for plane, taps in zip(image, filters):
                        for a in range(max(K // 2 - i, 0), min(H + K // 2 - i, K)):
                            for b in range(max(K // 2 - j, 0), min(W + K // 2 - j, K)):
                                total += plane[i + a - K // 2][j + b - K // 2] * taps[a][b]
                    out[n][f][i][j] = total
    return out


def numba_loops(x, w):
    """The same loops, compiled by numba; pixels innermost, 11 times as fast as taps: the compiler uses vectors."""
    K = w.shape[2]
    padded = np.pad(x, ((0, 0), (0, 0), (K // 2, K // 2), (K // 2, K // 2)))
    out = np.zeros((len(x), len(w), *x.shape[2:]), x.dtype)
    share(lambda start, stop: _loops(padded[start:stop], w, out[start:stop]), len(x))
    return out


@numba.njit(nogil=True, fastmath=True, error_model="numpy")
def _loops(padded, w, out):
    F, C, K, _ = w.shape
    for n in range(len(out)):
        for f in range(F):
            for c in range(C):
                for a in range(K):
                    for b in range(K):
                        for i in range(out.shape[2]):
                            for j in range(out.shape[3]):
                                out[n, f, i, j] += padded[n, c, i + a, j + b] * w[f, c, a, b]


def plot_ladder(rows):
    """Draw the time of an image on every rung, on a logarithmic scale."""
    from nnscratch.plotting.style import BLUE, INK, ORANGE, QUIET, Picture, styled

    @styled
    def draw():
        figure = Picture(figsize=(8, 0.5 * len(rows) + 1.1))
        axes = figure.subplots()
        names = [row["contestant"] for row in rows]
        colours = [ORANGE if name == OURS else QUIET if name.startswith("torch") else BLUE for name in names]
        axes.barh(names, [row["ms"] for row in rows], color=colours, height=0.62)
        axes.set_xscale("log")
        axes.invert_yaxis()
        low, high = axes.get_xlim()
        axes.set_xlim(low, high * 6)
        for place, row in enumerate(rows):
            label = f"  {in_words(row['ms'])}   {row['times']:,.0f}x" if place else f"  {in_words(row['ms'])}"
            axes.text(row["ms"], place, label, va="center", color=INK)
        axes.grid(False, axis="y")
        axes.grid(True, axis="x")
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_xlabel("milliseconds an image, each line ten times the one before")
        axes.set_title("One convolution, rung by rung")
        return figure

    return draw()


def in_words(ms):
    """Return a time with a unit that suits it."""
    return f"{ms / 1e3:.2g} s" if ms >= 1e3 else f"{ms:.2g} ms" if ms >= 1 else f"{1e3 * ms:.3g} µs"
