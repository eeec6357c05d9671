"""How large the image is that a convolution or a pool makes."""

import numpy as np

from nnscratch.course import NotWritten


def output_size(size, kernel, stride=1, pad=0):
    """Count the places that a window takes along one axis of an image.

    The axis has `size` pixels and `pad` more, all zero, at each of its two ends. The window covers `kernel`
    pixels, begins at the first pixel of the padded axis, and moves on by `stride` pixels as long as it lies
    wholly inside. So the number of places is

        floor((size + 2 * pad - kernel) / stride) + 1

    Returns a Python int.
    Errors: ValueError if the window is larger than the padded axis, or if stride is below 1.

    >>> output_size(32, kernel=5, pad=2)
    32
    >>> output_size(227, kernel=11, stride=4)
    55
    >>> output_size(5, kernel=2, stride=2)
    2
    """
    # solution
    if stride < 1:
        raise ValueError(f"output_size: stride is {stride}: it must be 1 or more")
    room = size + 2 * pad - kernel
    if room < 0:
        raise ValueError(f"output_size: a window of {kernel} does not fit {size} pixels padded by {pad}")
    return room // stride + 1
    # end of solution
