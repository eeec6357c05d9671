"""The hot loops: each kernel is one public function that calls the fastest twin there is for its array.

A kernel is defined in `reference.py` in plain array code. A module named in `TWINS` may hold a faster function of
the same name; where it has none, or is not installed, the reference serves. The environment variable
`NNSCRATCH_KERNELS=reference`, or `with reference_only():`, turns every twin off.
"""

import contextlib
import functools
import importlib
import inspect
import os
import sys

import numpy as np

from nnscratch.arrays import array_module, check_one_device
from nnscratch.kernels import reference

TWINS = {"numpy": "nnscratch.kernels.cpu", "cupy": "nnscratch.kernels.gpu"}
FLOATS = {np.dtype("float32"), np.dtype("float64"), "float32", "float64"}

PRECISIONS = ("float32", "tf32", "bf16")

_switch = {"reference": os.environ.get("NNSCRATCH_KERNELS", "") == "reference", "precision": "float32"}


class PrecisionError(ValueError):
    """A precision that there is not, or not on this device."""


@contextlib.contextmanager
def reference_only():
    """Use the reference kernels inside the `with` block: for lectures, tests and bug hunts.

    >>> with reference_only():
    ...     twin_of("im2col", "numpy") is reference.im2col
    True
    """
    before = _switch["reference"]
    _switch["reference"] = True
    try:
        yield
    finally:
        _switch["reference"] = before


def precision():
    """Return how factors of convolutions and matrix products are rounded: "float32" (as is), "tf32" or "bf16".

    >>> precision()
    'float32'
    """
    return _switch["precision"]


@contextlib.contextmanager
def use_precision(name):
    """Round the factors of convolutions and matrix products on the GPU inside the `with` block.

    "tf32" keeps 10 bits of a float32's mantissa, "bf16" 7; sums, and all that is kept, stay float32. Arrays of
    float64 are not rounded. Raises PrecisionError for another name, and where such a product is for the CPU.

    >>> with use_precision("tf32"):
    ...     precision()
    'tf32'
    """
    if name not in PRECISIONS:
        raise PrecisionError(f"there is no precision {name!r}: choose {', '.join(PRECISIONS)}")
    before, _switch["precision"] = precision(), name
    try:
        yield
    finally:
        _switch["precision"] = before


def twin_of(name, library, dtype="float32"):
    """Return the function that serves the kernel `name` for arrays of a library and dtype.

    >>> twin_of("im2col", "numpy", "int64") is reference.im2col
    True
    """
    twins = None if _switch["reference"] or dtype not in FLOATS else _twins(library)
    return getattr(twins, name, None) or getattr(reference, name)


@functools.cache
def _twins(library):
    """Import a library's twins once; None where what they need is not installed."""
    try:
        return importlib.import_module(TWINS[library])
    except ImportError:
        return None


def example_by_example(function):
    """Mark a function that treats each example (entry of axis 0) by itself: a twin calls it on a few at a time.

    So its intermediate arrays stay in the cache, and all threads have work. Arguments of the first one's shape
    are cut, also within a tuple; others are handed on whole. What it returns is joined in the same way.

    >>> import numpy as np
    >>> @example_by_example
    ... def swish(x):
    ...     return x / (1 + np.exp(-x)), x
    >>> x = np.zeros((1000, 100))
    >>> out, cache = swish(x)
    >>> out.shape, cache is x
    ((1000, 100), True)
    """

    @functools.wraps(function)
    def swept(*args, **options):
        _check_devices(function.__name__, names, args)
        return (
            sweep(args[0], function, args, options) if getattr(args[0], "ndim", 0) else function(*args, **options)
        )

    names = list(inspect.signature(function).parameters)
    return swept


def _check_devices(operation, names, args):
    """Raise DeviceError unless all arrays, also the first one of a cache, lie on one device."""
    if "cupy" in sys.modules:
        firsts = (
            next((a for a in arg if hasattr(a, "dtype")), None) if isinstance(arg, tuple) else arg for arg in args
        )
        check_one_device(operation, **dict(zip(names, firsts)))


def _kernel(definition, *whole, product=False):
    """Dispatch on the one dtype that all arrays have; only arguments numbered in `whole` may hold whole numbers.

    A `product` heeds the precision.
    """

    @functools.wraps(definition)
    def kernel(first, *args, **kwargs):
        dtypes = {
            a.dtype
            for i, a in enumerate((first, *args))
            if hasattr(a, "dtype") and (a.dtype.kind == "f" or i not in whole)
        }
        one = dtypes.pop() if len(dtypes) == 1 else "mixed" if dtypes else "float32"
        _check_devices(definition.__name__, names, (first, *args))
        library = array_module(first).__name__
        if product and library == "numpy" and precision() != "float32":
            raise PrecisionError(
                f"{definition.__name__}: precision {precision()!r} is for the GPU, but the arrays are on the CPU: "
                'move the model with model.to("gpu"), or use "float32"'
            )
        return twin_of(definition.__name__, library, one)(first, *args, **kwargs)

    names = list(inspect.signature(definition).parameters)
    return kernel


matmul = _kernel(reference.matmul, product=True)
im2col = _kernel(reference.im2col)
col2im = _kernel(reference.col2im)
conv = _kernel(reference.conv, 0, product=True)
conv_pooled = _kernel(reference.conv_pooled, 0, product=True)
conv_input_gradient = _kernel(reference.conv_input_gradient, product=True)
conv_weight_gradient = _kernel(reference.conv_weight_gradient, 1, product=True)
max_pool = _kernel(reference.max_pool)
window_max = _kernel(reference.window_max)
max_pool_backward = _kernel(reference.max_pool_backward, 1)
average_pool = _kernel(reference.average_pool)
average_pool_backward = _kernel(reference.average_pool_backward)
channel_window_sum = _kernel(reference.channel_window_sum)
spatial_window_sum = _kernel(reference.spatial_window_sum)
scatter_rows = _kernel(reference.scatter_rows, 1)
dropout_mask = _kernel(reference.dropout_mask)
softmax_loss = _kernel(reference.softmax_loss, 1)
clear_unless_finite = _kernel(reference.clear_unless_finite, 0)
update_parameters = _kernel(reference.update_parameters)
channel_moments = _kernel(reference.channel_moments)
channel_sum = _kernel(reference.channel_sum)
channel_sums = _kernel(reference.channel_sums)
channel_affine = _kernel(reference.channel_affine)
channel_blend = _kernel(reference.channel_blend)
group_norm = _kernel(reference.group_norm)
group_norm_backward = _kernel(reference.group_norm_backward)
relu = _kernel(reference.relu)
sweep = _kernel(reference.sweep)
relu_backward = _kernel(reference.relu_backward)
mirror = _kernel(reference.mirror, 0, 1)
crop = _kernel(reference.crop, 0, 1, 2)
random_uniform = _kernel(reference.random_uniform, 0)

KERNELS = [
    name
    for name, value in list(globals().items())
    if getattr(value, "__wrapped__", None) is getattr(reference, name, name)
]
