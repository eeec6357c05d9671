"""Measure the rungs of how-fast-can-a-convolution-be.md, draw its pictures and fill in its figures.

`python -m docs.make_how_fast` takes two minutes; it needs a quiet machine and `pip install ".[bench]"`. The loops
that are timed are the page's own: its code is run, and the functions that it defines are called.
"""

import mmap
import os
import platform
import re
from datetime import date
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from threadpoolctl import threadpool_limits

from nnscratch import __version__, kernels
from nnscratch.cli.machine import processor
from nnscratch.kernels import direct, microkernel, pool
from nnscratch.kernels.memory import channels_first, channels_last
from nnscratch.kernels.microkernel import COLUMNS, ROWS, VECTOR_BYTES
from nnscratch.shapes import Window

HERE = Path(__file__).parent
PAGE = HERE / "how-fast-can-a-convolution-be.md"
BLOCK = re.compile(r"(<!-- measured: (.+?) -->\n)(?:.+\n)*")  # up to the next empty line
CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
RUNGS = ("seven loops", "compiled", "other order", "im2col", "tables", "tile")
N, C, F, SIZE, K = 128, 32, 64, 16, 5
WINDOW = Window.of(K, pad=K // 2)
WIDTH = COLUMNS * VECTOR_BYTES // 4  # numbers in a row of a tile
COPIED = 1 << 28  # bytes, more than any cache holds
TIMES = 100  # a tile is over in microseconds


def page_names():
    """Run the page's code, block after block, and return the names that it defines."""
    names = {}
    for code in CODE.findall(PAGE.read_text(encoding="utf-8")):
        exec(code, names)
    return names


def fill(text, figures):
    """Return the page with each of its measured blocks replaced."""
    return BLOCK.sub(lambda found: f"{found[1]}{figures[found[2]]}\n", text)


def use_threads(count):
    """Let the kernels, and PyTorch, use so many threads."""
    import torch

    os.environ["NNSCRATCH_THREADS"] = str(count)
    pool.threads.cache_clear()
    torch.set_num_threads(count)


@intrinsic
def unfed_tile(typing, numbers, turns):
    """Multiply and add as a tile does, but with nothing to load: the most that a core can do."""

    def emit(context, builder, signature, args):
        e = microkernel._Emitter(builder, signature.args[0].dtype)
        pointer = context.make_array(signature.args[0])(context, builder, args[0]).data
        fetched = [e.load(pointer, r) for r in range(ROWS)], [e.load_vector(pointer, c) for c in range(COLUMNS)]
        total = nought = ir.Constant(e.vector, None)
        for row in e.multiply_and_add([[nought] * COLUMNS] * ROWS, args[1], lambda t: fetched):
            for each in row:  # LLVM leaves out what nobody uses
                total = builder.fadd(total, each)
        return builder.extract_element(total, microkernel.LANE(0))

    return numbers.dtype(numbers, types.int64), emit


@numba.njit
def unfed(numbers, turns):
    """Call unfed_tile."""
    return unfed_tile(numbers, turns)


@numba.njit
def tile_alone(x, rows, steps, b, lines, start, out, outs, least):
    """Call the package's tile, and nothing else."""
    for _ in range(TIMES):
        microkernel.tile(x, rows, steps, b, lines, len(steps), start, 0, out, outs, WIDTH, least)


def from_fresh_memory(shape, dtype):
    """Return an array in memory that the system has just handed out."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), dtype).reshape(shape)


def contestants():
    """Return {name: (call, images)} and {name: (call, operations or bytes)} to time, and operations an image."""
    import torch

    page, rng = page_names(), np.random.default_rng(0)
    compiled, other, along, by_numba = (
        numba.njit(page[name]) for name in ("seven_loops", "pixels_innermost", "along_tables", "tile")
    )
    x, w = (rng.normal(size=shape).astype(np.float32) for shape in ((N, C, SIZE, SIZE), (F, C, K, K)))
    padded = np.pad(x, ((0, 0), (0, 0), (K // 2, K // 2), (K // 2, K // 2)))
    out = np.zeros((N, F, SIZE, SIZE), np.float32)
    last, filters = channels_last(x).copy(), np.ascontiguousarray(w.transpose(2, 3, 1, 0)).reshape(-1, F)
    first, made = channels_first(last), np.zeros((N, SIZE, SIZE, F), np.float32)
    dout = channels_first(rng.normal(size=made.shape).astype(np.float32))
    columns, matrix = kernels.reference.im2col(x, WINDOW), w.reshape(F, -1)
    tensors = [torch.from_numpy(a).contiguous(memory_format=torch.channels_last) for a in (x, w)]

    def conv_in_fresh_memory():
        with patch.object(direct, "empty", from_fresh_memory):
            kernels.conv(first, w, None, WINDOW)

    of_images = {
        "seven loops": (lambda: page["seven_loops"](padded[:1], w, out[:1]), 1),
        "compiled": (lambda: compiled(padded[:2], w, out[:2]), 2),
        "other order": (lambda: other(padded[:8], w, out[:8]), 8),
        "im2col": (lambda: page["im2col_and_product"](x, w), N),
        "tables": (lambda: along(last[:8], filters, layout, made[:8]), 8),
        "tile": (lambda: kernels.conv(first, w, None, WINDOW), N),
        "torch": (lambda: torch.nn.functional.conv2d(*tensors, padding=K // 2), N),
        "columns": (lambda: kernels.reference.im2col(x, WINDOW), N),
        "product": (lambda: matrix @ columns, N),
        "fresh memory": (conv_in_fresh_memory, N),
        "channels first": (lambda: kernels.conv(x, w, None, WINDOW), N),
        "with ReLU": (lambda: kernels.conv(first, w, None, WINDOW, least=0.0), N),
        "then ReLU": (lambda: kernels.relu(kernels.conv(first, w, None, WINDOW)), N),
        "dx": (lambda: kernels.conv_input_gradient(dout, w, x.shape, WINDOW), N),
        "dw": (lambda: kernels.conv_weight_gradient(dout, first, w.shape, WINDOW), N),
    }

    layout = direct.plan(last.shape, made.shape, WINDOW, C, False, F)
    bounds = layout.bounds.tolist()
    row, _, begin, end = max(bounds, key=lambda each: each[1] - each[0])  # inside the image, all taps see a pixel
    rows, steps = layout.rows[row : row + ROWS], layout.steps[begin:end]
    lines, outs = np.arange(len(steps)) * WIDTH, np.arange(ROWS) * WIDTH
    image, b = last[0].reshape(-1), rng.normal(size=len(steps) * WIDTH).astype(np.float32)
    nothing, sums, least = np.zeros(WIDTH, np.float32), np.zeros((ROWS, WIDTH), np.float32), np.float32(-np.inf)
    numbers, square = (rng.normal(size=size).astype(np.float32) for size in (64, (1024, 1024)))
    tensor, large, copied = torch.from_numpy(square), *np.ones((2, COPIED // 4), np.float32)
    turns, work = 100_000, 2 * ROWS * WIDTH
    of_rates = {
        "peak": (lambda: unfed(numbers, turns), work * turns),
        "tile alone": (
            lambda: tile_alone(image, rows, steps, b, lines, nothing, sums.reshape(-1), outs, least),
            work * len(steps) * TIMES,
        ),
        "tile by numba": (lambda: by_numba(image, rows, steps, b, lines, sums), work * len(steps)),
        "square": (lambda: square @ square, 2 * len(square) ** 3),
        "torch square": (lambda: torch.mm(tensor, tensor), 2 * len(square) ** 3),
        "copy": (lambda: np.copyto(copied, large), 2 * large.nbytes),
    }
    taps = sum((last_row - row) * (last_step - step) for row, last_row, step, last_step in bounds)
    return of_images, of_rates, 2 * F * taps


def measure():
    """Return ms of an image, 1e9 a second, operations a byte, seconds by threads, and what other programs took."""
    from benchmarks.duel import BLAS_REST, duel, seconds_of
    from benchmarks.neighbours import Neighbours

    neighbours = Neighbours()
    use_threads(1)
    with threadpool_limits(1):
        of_images, of_rates, operations = contestants()
        slow, _ = of_images["seven loops"]
        calls = {name: call for name, (call, _) in (of_images | of_rates).items() if name != "seven loops"}
        seconds = duel(calls, 7, warm_up=1)
        seconds["seven loops"] = [seconds_of(slow) for _ in range(3)]
    ms = {name: 1e3 * median(seconds[name]) / images for name, (_, images) in of_images.items()}
    rates = {name: 1e-9 * work / median(seconds[name]) for name, (_, work) in of_rates.items()}
    rates["peak"] = 1e-9 * of_rates["peak"][1] / min(seconds["peak"])  # a roof is what is never passed
    rates |= {name: 1e-6 * operations / each for name, each in ms.items()}
    threads = {}
    for count in range(1, (os.cpu_count() or 1) + 1):
        use_threads(count)
        threads[count] = median(duel({"tile": calls["tile"]}, 9, rest=BLAS_REST)["tile"])
    intensities = {name: operations / moved(name) for name in RUNGS}
    return ms, rates, intensities, threads, neighbours.share()


def moved(name):
    """Return the bytes of an image's share in all arrays, each read or written once."""
    columns = 2 * C * K * K * SIZE * SIZE if name == "im2col" else 0  # written, then read
    return 4 * (C * SIZE * SIZE + F * SIZE * SIZE + columns + C * K * K * F / N)


def figures(ms, rates, intensities, threads, others):
    """Return the text of every measured block of the page."""
    from benchmarks.ladder import in_words
    from benchmarks.report import _versions

    peak, batch = rates["peak"], {name: f"{each * N:.1f}" for name, each in ms.items()}
    speed = {name: f"{rate:.3g} GFLOP/s" for name, rate in rates.items()}
    more = {name: f"{round(100 * each / ms['tile']) - 100:+d}%" for name, each in ms.items()}
    versions = ", ".join(f"{name} {number}" for name, number in _versions().items())
    busy = "" if others is None else f"; other programs took {others:.0%} of them"
    texts = {
        name: f"> **{in_words(ms[name])}** an image, {speed[name]}, {100 * rates[name] / peak:.2g}% of the peak."
        for name in RUNGS
    }
    texts["facts"] = (
        f"Measured on {date.today().isoformat()}: {processor()}, {os.cpu_count()} cores{busy}; "
        f"nnscratch {__version__}, Python {platform.python_version()}, {versions}."
    )
    texts["machine"] = f"""\
| one core | |
|---|---:|
| multiply-adds alone, nothing to load: **the peak** | {speed["peak"]} |
| PyTorch's product of two 1024 x 1024 matrices | {speed["torch square"]} |
| NumPy's | {speed["square"]} |
| a copy in memory, bytes read and bytes written | {rates["copy"]:.3g} GB/s |
| the corner of the roof: peak / copy | {peak / rates["copy"]:.2g} operations a byte |"""
    texts["halves"] = (
        f"> For the batch of {N} images: {batch['columns']} ms for the columns, and {batch['product']} ms for the "
        f"product ({speed['product']})."
    )
    texts["tiles"] = (
        f"> A tile alone, over and over: {speed['tile by numba']} for these lines compiled by numba, and "
        f"**{speed['tile alone']}** for `microkernel.tile`."
    )
    more_threads = [
        f"| forward, {count} threads | {1e3 * each:.1f} | {threads[1] / each:.2f} times as fast |"
        for count, each in threads.items()
        if count > 1
    ]
    texts["rest"] = "\n".join([
        f"| {N} images | ms | |",
        "|---|---:|---|",
        f"| forward, one thread | {batch['tile']} | {speed['tile']} |",
        *more_threads,
        f"| gradient to the images, one thread | {batch['dx']} | {speed['dx']} |",
        f"| gradient to the weights, one thread | {batch['dw']} | {speed['dw']} |",
        f"| forward into memory fresh from the system | {batch['fresh memory']} | {more['fresh memory']} |",
        f"| forward, from images that lie channels first | {batch['channels first']} | {more['channels first']} |",
        f"| forward with the ReLU in it (`least=0`) | {batch['with ReLU']} | {more['with ReLU']} |",
        f"| forward, then the ReLU | {batch['then ReLU']} | {more['then ReLU']} |",
        f"| PyTorch's forward, channels last, one thread | {batch['torch']} | {speed['torch']} |",
    ])  # fmt: skip
    return texts


def main():
    """Measure, draw and fill in."""
    from docs import how_fast_pictures as pictures
    from nnscratch.plotting.style import save

    found = ms, rates, intensities, *_ = measure()
    caption = f"{processor()}, nnscratch {__version__}, {date.today().isoformat()}"
    save(pictures.ladder(ms, rates, caption), HERE / "pictures" / "how-fast-ladder.png")
    save(pictures.roofline(rates, intensities, caption), HERE / "pictures" / "how-fast-roofline.png")
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), figures(*found)), encoding="utf-8")


if __name__ == "__main__":
    main()
