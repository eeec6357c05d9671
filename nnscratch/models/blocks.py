"""What the larger networks share: a convolution with norm and non-linearity, and the shape of their features."""

import math

import numpy as np

from nnscratch.choices import choose
from nnscratch.layers import BatchNorm, Conv, ReLU
from nnscratch.models.classifier import shape_after
from nnscratch.shapes import ShapeError

NORMS = {"batch": True, "none": False}
LARGEST = 512  # pixels; the search for the smallest image that a network takes ends here


def conv_relu(C, F, kernel, norm="none", dtype=np.float32, **options):
    """Return the layers of a convolution with a ReLU after it; with `norm="batch"`, batch norm in between.

    The batch norm's shift stands in for the bias. Raises ValueError for an unknown norm.

    >>> [type(layer).__name__ for layer in conv_relu(3, 8, 3, norm="batch", pad=1)]
    ['Conv', 'BatchNorm', 'ReLU']
    """
    if choose(norm, NORMS, "norm"):
        return [Conv(C, F, kernel, bias=None, dtype=dtype, **options), BatchNorm(F, dtype=dtype), ReLU()]
    return [Conv(C, F, kernel, dtype=dtype, **options), ReLU()]


def feature_shape(network, layers, image, dtype=np.float32):
    """Return the shape (without N) of what the layers make of one image (C, H, W).

    Raises ShapeError when the image is too small; the message says which size the network needs.

    >>> from nnscratch.layers import MaxPool
    >>> feature_shape("tiny", [MaxPool(4)], (3, 9, 8))
    (3, 2, 2)
    >>> feature_shape("tiny", [MaxPool(4)], (3, 9, 2))
    Traceback (most recent call last):
    nnscratch.shapes.ShapeError: tiny: images of 9x2 pixels are too small: it needs at least 4x4. Enlarge them, ...
    """
    C, H, W = image
    shape = _shape(layers, (C, H, W), dtype)
    if shape is not None:
        return shape
    least = next((size for size in range(1, LARGEST) if _shape(layers, (C, size, size), dtype)), None)
    needed = f"at least {least}x{least}" if least else "another shape"
    raise ShapeError(
        f"{network}: images of {H}x{W} pixels are too small: it needs {needed}. Enlarge them, or choose a network "
        "for small images, such as small-alexnet or resnet20"
    )


def _shape(layers, image, dtype):
    """The shape of the features of an image, or None where it is too small."""
    try:
        shape = shape_after(layers, image, dtype)
    except ShapeError:
        return None
    return shape if math.prod(shape) else None
