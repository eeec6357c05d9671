"""All parameters at once on the GPU: one launch of update.cu looks at their gradients, one moves them."""

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
LAUNCH = np.dtype(
    [("part", PART, MOST), ("place", np.uint64)]
    + [(name, np.float64) for name in ("rate", "a", "b", "c")]
    + [("go", np.uint64), ("parts", np.int32), ("decoupled", np.int32)]
)


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
    parts = [(w, whole(dw, first.dtype), *rest) for w, dw, *rest in parts]
    for begin in range(0, len(parts), MOST):
        some = parts[begin : begin + MOST]
        grid, about = _over([w for w, *_ in some])
        args = (_pack(rule, some),)
        if "t" in some[0][-1]:
            launch("update", "count_steps", args, len(some), **about)
        launch("update", rule.name, args, grid=grid, **about)
    return None


def clear_unless_finite(flag, arrays):
    """Twin of reference.clear_unless_finite: one launch for every 48 arrays of a dtype."""
    reference.clear_unless_finite(flag, [a for a in arrays if a.dtype.kind == "f" and a.dtype not in REALS])
    for dtype in REALS:
        alike = [whole(a) for a in arrays if a.dtype == dtype]
        for begin in range(0, len(alike), MOST):
            some, packed = alike[begin : begin + MOST], np.zeros(1, LAUNCH)
            for row, array in zip(packed["part"][0], some):
                row["dw"], row["size"] = address(array), array.size
            grid, about = _over(some)
            launch("update", "look_for_finite", (packed, flag), grid=grid, **about)


def _over(arrays):
    """The grid of a launch over some arrays at once, and the options that it is compiled with."""
    largest = max(1, *(array.size for array in arrays))
    about = {"dtype": arrays[0].dtype, "wide": largest >= WIDE, "MOST": MOST}
    return (min(-(-largest // (4 * THREADS)), BLOCKS), len(arrays)), about


def _pack(rule, parts):
    """Pack what update.cu calls a Launch."""
    packed = np.zeros(1, LAUNCH)
    for row, (w, dw, factor, decay, slots) in zip(packed["part"][0], parts):
        arrays = [array for name, array in slots.items() if name != "t"]
        for field, array in zip(("w", "dw", "first", "second"), (w, dw, *arrays)):
            row[field] = address(array)
        row["t"] = address(slots["t"]) if "t" in slots else 0
        row["size"], row["rate"], row["decay"] = w.size, factor, decay
    on_card = isinstance(rule.rate, sys.modules["cupy"].ndarray)
    packed["place" if on_card else "rate"] = address(rule.rate) if on_card else rule.rate
    for name, setting in zip("abc", rule.settings):
        packed[name] = setting
    packed["go"] = 0 if rule.go is None else address(rule.go)
    packed["parts"], packed["decoupled"] = len(parts), rule.decoupled
    return packed
