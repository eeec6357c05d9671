"""What tests of twins share: a bound in proportion to the numbers summed, and layouts of arrays in memory."""

import importlib

import numpy as np
from hypothesis import strategies as st

from nnscratch.kernels import reference

BOUND = {"float32": 1e-4, "float64": 1e-10}
FLOATS = st.sampled_from(["float32", "float64"])
# Powers of two and their neighbours, as vectors and tiles end there, and anything else.
COUNTS = st.sampled_from([1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 64, 65]) | st.integers(1, 70)

LAYOUTS = {
    "contiguous": np.ascontiguousarray,
    "channels last": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1),
    "transposed": np.asfortranarray,
    "sliced": lambda x: np.repeat(np.repeat(x, 2, axis=-1), 2, axis=0)[::2, ..., ::2],
    "reversed": lambda x: x[..., ::-1, ::-1].copy()[..., ::-1, ::-1],
}
layouts = st.sampled_from(sorted(LAYOUTS))


class Cpu:
    """The CPU's twins of a kernel: the one in use, and the one for CPUs without a register tile."""

    def of(self, name):
        modules = [importlib.import_module(f"nnscratch.kernels.{module}") for module in ("cpu", "columns")]
        return [getattr(module, name) for module in modules if hasattr(module, name)]

    def __getattr__(self, name):
        if name.startswith("_"):  # of those who collect tests
            raise AttributeError(name)
        return getattr(importlib.import_module("nnscratch.kernels.cpu"), name)


CPU = Cpu()


def assert_twins_close(twins, name, *args, **options):
    """Every twin gives what the reference gives in float64, within BOUND times the absolute numbers summed."""
    dtype = next(str(a.dtype) for a in args if is_float(a))
    exact = getattr(reference, name)(*(a.astype(np.float64) if is_float(a) else a for a in args), **options)
    plain = {key: value for key, value in options.items() if key != "least"}
    summed = getattr(reference, name)(*(abs(a).astype(np.float64) if is_float(a) else a for a in args), **plain)
    for twin in twins.of(name):
        fast = twin(*args, **options)
        assert (fast.shape, fast.dtype) == (exact.shape, dtype)
        wrong = abs(fast - exact) > BOUND[dtype] * summed
        assert not wrong.any(), f"{twin}: {np.argwhere(wrong)[:5].tolist()} of {fast.shape}"


def is_float(a):
    return isinstance(a, np.ndarray) and a.dtype.kind == "f"


def assert_same_not_finite(fast, exact):
    """Nan where nan is expected, the same infinities, and nowhere else."""
    for kind in (np.isnan, np.isposinf, np.isneginf):
        np.testing.assert_array_equal(kind(fast), kind(exact), err_msg=kind.__name__)


def spoilt(x, draw):
    """Put a few numbers that are not finite into an array."""
    flat = np.array(x).reshape(-1)
    for value in (np.nan, np.inf, -np.inf):
        if draw(st.booleans()):
            flat[draw(st.integers(0, flat.size - 1))] = value
    return flat.reshape(x.shape)
