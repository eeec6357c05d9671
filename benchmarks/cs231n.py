"""CS231n's fast layers against its naive ones: how many times faster, forward and backward.

Sizes are those of a lesson: 10 images of 3 x 31 x 31, 25 filters of 3 x 3, stride 2, float64. The naive forms are
loops over images, filters and places; each form runs once before it is measured, and the median of 7 runs counts
(the naive forms: of 3). `python -m benchmarks.cs231n`.
"""

import statistics
import sys
import time
from functools import partial

import numpy as np

from nnscratch.interop.cs231n import fast_layers, layers

IMAGES = 10


def seconds(call, repeats):
    """The median time of a call, after one that does not count."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def rows(images=IMAGES):
    """Yield (operation, form, seconds, ratio of the naive form's seconds to it)."""
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(images, 3, 31, 31)), rng.normal(size=(25, 3, 3, 3)), rng.normal(size=25)
    conv_param, dout = {"stride": 2, "pad": 1}, rng.normal(size=(images, 25, 16, 16))
    pool_x, pool_dout = rng.normal(size=(images, 3, 32, 32)), rng.normal(size=(images, 3, 16, 16))
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    lessons = {
        "conv": (x, w, b, conv_param, dout, ("im2col", "strides", "fast")),
        "max_pool": (pool_x, pool_param, pool_dout, ("im2col", "reshape", "fast")),
    }
    for name, (*inputs, dout, forms) in lessons.items():
        naive = {}
        for form in ("naive", *forms):
            home = layers if form == "naive" else fast_layers
            forward, backward = (getattr(home, f"{name}_{way}_{form}") for way in ("forward", "backward"))
            _, cache = forward(*inputs)
            calls = {"forward": partial(forward, *inputs), "backward": partial(backward, dout, cache)}
            for way, call in calls.items():
                taken = seconds(call, 3 if form == "naive" else 7)
                naive.setdefault(way, taken)
                yield f"{name}_{way}", form, taken, naive[way] / taken


def main(arguments):
    """Print the table; the exit status is 1 where a fast form is not 50 times as fast as the naive one."""
    slow = []
    for operation, form, taken, ratio in rows(int(arguments[0]) if arguments else IMAGES):
        print(f"{operation:18} {form:8} {1000 * taken:10.2f} ms  {ratio:8.1f} x")
        slow += [operation] if form == "fast" and ratio < 50 else []
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
