"""A small AlexNet for CIFAR-10: the network of Krizhevsky et al. 2012 at a size that a laptop can train."""

import numpy as np

from nnscratch import arrays
from nnscratch.choices import choose
from nnscratch.layers import ACTIVATIONS, LRN, Affine, BatchNorm, Conv, Dropout, Flatten, MaxPool, Sequential
from nnscratch.layers.initializers import for_activation, normal
from nnscratch.models.blocks import feature_shape
from nnscratch.models.classifier import Classifier

NORMS = {"batch": "batch norm", "lrn": "local response norm", "none": "no norm"}


def small_alexnet(
    width=32,
    norm="batch",
    activation="relu",
    pool=3,
    drop=0.5,
    classes=10,
    image=(3, 32, 32),
    seed=0,
    dtype=np.float32,
):
    """Build five convolutions, three overlapping max pools and two affine layers, for images (C, H, W).

    conv 5x5 w, pool, conv 5x5 2w, pool, conv 3x3 3w, conv 3x3 2w, conv 3x3 2w, pool, 512 units, classes; w is
    `width`. The pools are `pool` pixels wide with stride 2. `norm` is "batch" (batch norm after each
    convolution), "lrn" (local response norm after the first two pools) or "none". `drop` is the share dropped
    before both affine layers. Source: Krizhevsky et al. 2012, sec. 3.5.
    Raises ValueError for an unknown norm or activation.

    >>> model = small_alexnet(width=4)
    >>> model.loss(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    act = choose(activation, ACTIVATIONS, "activation")
    choose(norm, NORMS, "norm")
    rng = arrays.rng(seed)
    make = {"init": for_activation(activation), "rng": rng, "dtype": dtype}
    last = make | {"init": normal(0.01)}  # scores start near 0, and so the loss near log(classes)

    def conv(C, F, kernel):
        batch_norm = [BatchNorm(F, dtype=dtype)] if norm == "batch" else []
        bias = None if norm == "batch" else 0.0
        return [Conv(C, F, kernel, pad="same", bias=bias, **make), *batch_norm, act()]

    def pooling(lrn=False):
        return [MaxPool(pool, stride=2, ceil=True), *([LRN()] if lrn and norm == "lrn" else [])]

    w = width
    trunk = [
        *conv(image[0], w, 5),
        *pooling(lrn=True),
        *conv(w, 2 * w, 5),
        *pooling(lrn=True),
        *conv(2 * w, 3 * w, 3),
        *conv(3 * w, 2 * w, 3),
        *conv(2 * w, 2 * w, 3),
        *pooling(),
        Flatten(),
    ]
    (features,) = feature_shape("small-alexnet", trunk, image, dtype)
    head = [Dropout(drop, rng=rng), Affine(features, 512, **make), act()]
    return Classifier(Sequential(*trunk, *head, Dropout(drop, rng=rng), Affine(512, classes, **last)))
