"""VGG: blocks of 3x3 convolutions, each block with a pool after it (Simonyan & Zisserman 2015)."""

import math

import numpy as np

from nnscratch import arrays
from nnscratch.layers import Affine, Dropout, Flatten, MaxPool, ReLU, Sequential
from nnscratch.layers.initializers import he, normal
from nnscratch.models.blocks import conv_relu, feature_shape
from nnscratch.models.classifier import Classifier

# Convolutions in each of the five blocks; the columns A, B, D and E of the paper's table 1.
DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (1, 2, 4, 8, 8)  # times the width
UNITS = 64  # of a hidden affine layer, times the width


def blocks(depth, C, width, **options):
    """Return the five blocks of the VGG with so many layers, each a Sequential that halves the image.

    >>> len(blocks(16, 3, 4)), [type(layer).__name__ for layer in blocks(11, 3, 4)[0].children.values()]
    (5, ['Conv', 'ReLU', 'MaxPool'])
    """
    made = []
    for count, factor in zip(DEPTHS[depth], WIDTHS):
        layers = []
        for _ in range(count):
            layers += conv_relu(C, factor * width, 3, pad=1, **options)
            C = factor * width
        made.append(Sequential(*layers, MaxPool(2)))
    return made


def vgg11(classes=1000, image=(3, 224, 224), width=64, drop=0.5, seed=0, dtype=np.float32):
    """Build VGG with 11 layers. `width` counts the filters of the first block; all others keep their ratio.

    Source: Simonyan & Zisserman 2015, "Very deep convolutional networks", table 1. Raises ShapeError for images
    of less than 32 x 32 pixels.

    >>> vgg11(classes=10, image=(3, 32, 32), width=2).loss(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    return _vgg(11, classes, image, width, drop, seed, dtype)


def vgg13(classes=1000, image=(3, 224, 224), width=64, drop=0.5, seed=0, dtype=np.float32):
    """Build VGG with 13 layers; the arguments are those of `vgg11`.

    >>> len(vgg13(classes=10, image=(3, 32, 32), width=2).params)
    26
    """
    return _vgg(13, classes, image, width, drop, seed, dtype)


def vgg16(classes=1000, image=(3, 224, 224), width=64, drop=0.5, seed=0, dtype=np.float32):
    """Build VGG with 16 layers; the arguments are those of `vgg11`.

    >>> len(vgg16(classes=10, image=(3, 32, 32), width=2).params)
    32
    """
    return _vgg(16, classes, image, width, drop, seed, dtype)


def vgg19(classes=1000, image=(3, 224, 224), width=64, drop=0.5, seed=0, dtype=np.float32):
    """Build VGG with 19 layers; the arguments are those of `vgg11`.

    >>> len(vgg19(classes=10, image=(3, 32, 32), width=2).params)
    38
    """
    return _vgg(19, classes, image, width, drop, seed, dtype)


def _vgg(depth, classes, image, width, drop, seed, dtype):
    rng = arrays.rng(seed)
    make = {"init": he(), "rng": rng, "dtype": dtype}
    trunk = [*blocks(depth, image[0], width, **make), Flatten()]
    D, M = math.prod(feature_shape(f"vgg{depth}", trunk, image, dtype)), UNITS * width
    head = [
        Affine(D, M, **make),
        ReLU(),
        Dropout(drop, rng=rng),
        Affine(M, M, **make),
        ReLU(),
        Dropout(drop, rng=rng),
    ]
    return Classifier(Sequential(*trunk, *head, Affine(M, classes, **{**make, "init": normal(0.01)})))


def cifar_vgg(classes=10, image=(3, 32, 32), width=32, norm="batch", drop=0.5, seed=0, dtype=np.float32):
    """Build VGG-16's convolutions for small images: batch norm in every block, and one affine layer at the end.

    `norm` is "batch" or "none". Raises ValueError for an unknown norm, ShapeError for images of less than
    32 x 32 pixels.

    >>> cifar_vgg(width=2).loss(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    rng = arrays.rng(seed)
    make = {"init": he(), "rng": rng, "dtype": dtype}
    trunk = [*blocks(16, image[0], width, norm=norm, **make), Flatten()]
    D = math.prod(feature_shape("cifar-vgg", trunk, image, dtype))
    last = Affine(D, classes, **{**make, "init": normal(0.01)})
    return Classifier(Sequential(*trunk, Dropout(drop, rng=rng), last))
