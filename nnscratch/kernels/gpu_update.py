"""Update rules on the GPU: one launch of update.cu moves all parameters."""

import sys

import numpy as np

from nnscratch.kernels import reference
from nnscratch.kernels.cuda import REALS, THREADS, WIDE, address, launch, whole

RULES = {"sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"}  # those in update.cu
BLOCKS = 64  # at most, for each parameter
MOST = 48  # parameters that fit into the 4096 bytes which come with a launch
PART = np.dtype(
    [(name, np.uint64) for name in ("w", "dw", "first", "second", "t")]
    + [("size", np.int64), ("rate", np.float64), ("decay", np.float64)]
)
TABLE = np.dtype([("part", PART, MOST)])


def update_parameters(first, rule, parts, move):
    """Twin of reference.update_parameters: one launch for every 48 parameters, where the rule is in update.cu."""
    cupy = sys.modules["cupy"]
    moved = [array for w, _, _, _, slots in parts for array in (w, *slots.values())]
    numbers = [array for array in moved if array.dtype != np.int64]
    plain = all(a.flags.c_contiguous and a.dtype == first.dtype for a in numbers)
    if not (
        plain and rule.name in RULES and first.dtype in REALS and all(isinstance(a, cupy.ndarray) for a in moved)
    ):
        return reference.update_parameters(first, rule, parts, move)
    rate = (rule.rate, np.float64(0)) if isinstance(rule.rate, cupy.ndarray) else (None, np.float64(rule.rate))
    settings = [np.float64(number) for number in (*rule.settings, 0, 0, 0)[:3]]
    parts = [(w, whole(dw, first.dtype), *rest) for w, dw, *rest in parts if w.size]
    for begin in range(0, len(parts), MOST):
        some = parts[begin : begin + MOST]
        table, largest = _table(some), max(w.size for w, *_ in some)
        about = {"dtype": first.dtype, "wide": largest >= WIDE, "MOST": MOST}
        if "t" in some[0][-1]:
            launch("update", "count_steps", (table, np.int32(len(some))), len(some), **about)
        grid = (min(-(-largest // (4 * THREADS)), BLOCKS), len(some))
        launch("update", rule.name, (table, *rate, *settings, rule.decoupled), grid=grid, **about)
    return None


def _table(parts):
    table = np.zeros(1, TABLE)
    for row, (w, dw, factor, decay, slots) in zip(table["part"][0], parts):
        arrays = [array for name, array in slots.items() if name != "t"]
        for field, array in zip(("w", "dw", "first", "second"), (w, dw, *arrays)):
            row[field] = address(array)
        row["t"] = address(slots["t"]) if "t" in slots else 0
        row["size"], row["rate"], row["decay"] = w.size, factor, decay
    return table
