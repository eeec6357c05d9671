"""Check shapes against named axes, and count the windows that a sliding kernel has."""

import math
from typing import NamedTuple

from nnscratch.arrays import check_one_device


class ShapeError(ValueError):
    """An array has a shape that the operation cannot take; the message names the operation and the axis."""


def match_axes(operation, **arrays):
    """Match every array against its axis names and return the sizes, in the order in which names first appear.

    Each keyword is `name=(array, "N C H W")`. A name that appears twice must have one size. An axis may also be
    a number (`"N 3 H W"`), a fraction (`"F C/2 K K"`: half of C) or `...` (any further axes, not returned).
    An array that is None is passed over, and so are the names that only it has.

    Raises ShapeError, naming the operation, the axis and all arrays; DeviceError when they lie on several devices.

    >>> import numpy as np
    >>> match_axes("affine", x=(np.zeros((8, 3)), "N D"), w=(np.zeros((3, 5)), "D M"))
    [8, 3, 5]
    >>> match_axes("affine", x=(np.zeros((8, 3)), "N D"), w=(np.zeros((4, 5)), "D M"))
    Traceback (most recent call last):
    nnscratch.shapes.ShapeError: affine: axis D is 3 in x but 4 in w
      x: expected (N, D), got (8, 3)
      w: expected (D, M), got (4, 5)
    """
    check_one_device(operation, **{name: array for name, (array, _) in arrays.items()})
    sizes: dict[str, int] = {}
    origin: dict[str, str] = {}
    for name, (array, pattern) in arrays.items():
        if array is None:
            continue
        axes = _align(pattern.split(), array)
        if axes is None:
            raise ShapeError(_explain(operation, f"{name} has {_rank(array)}", arrays))
        for axis, size in axes:
            label, _, divisor = axis.partition("/")
            whole = size * int(divisor or 1)
            expected = int(label) if label.isdigit() else sizes.setdefault(label, whole)
            if whole != expected:
                known = "" if label.isdigit() else f" in {origin[label]}"
                share = f" ({size} x {divisor})" if divisor else ""
                problem = f"axis {label} is {expected}{known} but {whole}{share} in {name}"
                if label.isdigit():
                    problem = f"{name} has an axis of {size} where {label} is needed"
                raise ShapeError(_explain(operation, problem, arrays))
            origin.setdefault(label, name)
    return [size for label, size in sizes.items()]


def _align(axes, array):
    """Pair axis names with sizes; None when the ranks differ."""
    shape = getattr(array, "shape", None)
    if shape is None:
        return None
    if "..." in axes:
        before = axes.index("...")
        after = len(axes) - before - 1
        if len(shape) < before + after:
            return None
        tail = list(zip(axes[before + 1 :], shape[len(shape) - after :])) if after else []
        return list(zip(axes[:before], shape)) + tail
    return list(zip(axes, shape)) if len(axes) == len(shape) else None


def _rank(array):
    shape = getattr(array, "shape", None)
    if shape is None:
        return f"type {type(array).__name__}: make it an array first, with numpy.asarray"
    return f"{len(shape)} {'axis' if len(shape) == 1 else 'axes'}"


def _explain(operation, problem, arrays):
    lines = [f"{operation}: {problem}"]
    for name, (array, pattern) in arrays.items():
        if array is not None:
            got = tuple(array.shape) if hasattr(array, "shape") else type(array).__name__
            lines.append(f"  {name}: expected ({', '.join(pattern.split())}), got {got}")
    return "\n".join(lines)


def window_count(size, kernel, stride=1, pad=0, dilation=1, ceil=False):
    """Return how many windows of `kernel` pixels fit along an axis of `size` pixels.

    `dilation` is the step between the pixels of one window. With `ceil`, a last window may hang over the far
    edge as long as it starts inside the image or its padding.

    Raises ShapeError when not even one window fits.

    >>> window_count(32, kernel=5, pad=2), window_count(32, kernel=3, stride=2, ceil=True)
    (32, 16)
    """
    reach = dilation * (kernel - 1) + 1
    count = (size + 2 * pad - reach + (stride - 1 if ceil else 0)) // stride + 1
    if count < 1:
        raise ShapeError(
            f"a window of {reach} pixels does not fit into {size} pixels with {pad} of padding on each side: "
            "use a larger image, a smaller kernel or more padding"
        )
    starts_outside = ceil and (count - 1) * stride >= size + pad
    return count - 1 if starts_outside else count


def check_dout(operation, dout, shape):
    """Raise ShapeError unless dout has the shape that the forward pass gave its out.

    >>> import numpy as np
    >>> check_dout("affine", np.zeros((2, 3)), (2, 4))
    Traceback (most recent call last):
    nnscratch.shapes.ShapeError: affine backward: dout is (2, 3), but out was (2, 4): pass the dout of this cache
    """
    if dout.shape != tuple(shape):
        raise ShapeError(
            f"{operation} backward: dout is {dout.shape}, but out was {tuple(shape)}: pass the dout of this cache"
        )


def as_rows(x):
    """View x (N, ...) as N rows (N, D), D being the product of the other axes; N may be 0.

    >>> import numpy as np
    >>> as_rows(np.zeros((2, 3, 4))).shape, as_rows(np.zeros((0, 3, 4))).shape
    ((2, 12), (0, 12))
    """
    return x.reshape(len(x), math.prod(x.shape[1:]))


def pair_of(value, name):
    """Return (vertical, horizontal) whole numbers from one number or a pair of them.

    >>> pair_of(3, "kernel"), pair_of((3, 5), "kernel")
    ((3, 3), (3, 5))
    """
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2 or not all(isinstance(v, int) or hasattr(v, "__index__") for v in both):
        raise ShapeError(f"{name} is {value!r}: give one whole number, or a pair (vertical, horizontal)")
    return int(both[0]), int(both[1])


class Window(NamedTuple):
    """How a kernel slides over an image: sizes in pixels, each a pair (vertical, horizontal).

    >>> Window.of(kernel=3, stride=2, pad=1).places(32, 32)
    (16, 16)
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    ceil: bool = False

    @classmethod
    def of(cls, kernel, stride=1, pad=0, dilation=1, ceil=False):
        """Build a window from whole numbers or pairs; raises ShapeError where a size makes no sense."""
        window = cls(
            pair_of(kernel, "kernel"),
            pair_of(stride, "stride"),
            pair_of(pad, "pad"),
            pair_of(dilation, "dilation"),
            bool(ceil),
        )
        for name, least in (("kernel", 1), ("stride", 1), ("pad", 0), ("dilation", 1)):
            if min(getattr(window, name)) < least:
                raise ShapeError(f"{name} is {getattr(window, name)}: it must be {least} or more")
        return window

    def places(self, H, W):
        """Return (OH, OW), the number of window positions down and across an H x W image."""
        rows = window_count(H, self.kernel[0], self.stride[0], self.pad[0], self.dilation[0], self.ceil)
        columns = window_count(W, self.kernel[1], self.stride[1], self.pad[1], self.dilation[1], self.ceil)
        return rows, columns
