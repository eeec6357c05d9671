"""NiN, network in network: after each convolution 1x1 convolutions, and no affine layer (Lin et al. 2014)."""

import numpy as np

from nnscratch import arrays
from nnscratch.layers import AveragePool, Dropout, GlobalAveragePool, MaxPool, Sequential
from nnscratch.layers.initializers import he, normal
from nnscratch.models.blocks import conv_relu, feature_shape
from nnscratch.models.classifier import Classifier


def nin(classes=10, image=(3, 32, 32), width=192, norm="none", drop=0.5, seed=0, dtype=np.float32):
    """Build the network in network for CIFAR-10: three blocks of a convolution and two 1x1 convolutions.

    The last 1x1 convolution has a channel for each class, whose mean over the image is the class' score.
    `width` is a multiple of 6: the first block has w, 5w/6 and w/2 filters. `norm` is "batch" or "none".
    Source: Lin, Chen & Yan 2014, "Network in network", sec. 3 and 4.2. Raises ValueError for an unknown norm.

    >>> nin(width=12).loss(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    rng, w = arrays.rng(seed), width
    make = {"init": he(), "rng": rng, "dtype": dtype, "norm": norm}
    layers = [
        *conv_relu(image[0], w, 5, pad=2, **make), *conv_relu(w, 5 * w // 6, 1, **make),
        *conv_relu(5 * w // 6, w // 2, 1, **make), MaxPool(3, stride=2, ceil=True), Dropout(drop, rng=rng),
        *conv_relu(w // 2, w, 5, pad=2, **make), *conv_relu(w, w, 1, **make), *conv_relu(w, w, 1, **make),
        AveragePool(3, stride=2, ceil=True), Dropout(drop, rng=rng),
        *conv_relu(w, w, 3, pad=1, **make), *conv_relu(w, w, 1, **make),
        *conv_relu(w, classes, 1, **{**make, "init": normal(0.01)}),
        GlobalAveragePool(),
    ]  # fmt: skip
    feature_shape("nin", layers, image, dtype)
    return Classifier(Sequential(*layers))
