"""LeNet-5: the convolutional network that read handwritten digits (LeCun et al. 1998, sec. II.B)."""

import numpy as np

from nnscratch import arrays
from nnscratch.choices import choose
from nnscratch.layers import ACTIVATIONS, Affine, AveragePool, Conv, Flatten, MaxPool, Sequential
from nnscratch.layers.initializers import for_activation, normal
from nnscratch.models.blocks import feature_shape
from nnscratch.models.classifier import Classifier

POOLS = {"average": AveragePool, "max": MaxPool}


def lenet(classes=10, image=(3, 32, 32), activation="tanh", pool="average", seed=0, dtype=np.float32):
    """Build LeNet-5: conv 5x5 6, pool 2, conv 5x5 16, pool 2, then 120, 84 and `classes` units.

    In place of the paper's sparse connections, trainable pools and Gaussian output it has full connections,
    plain pools and softmax. image: (C, H, W) of at least 16 x 16 pixels.
    Raises ValueError for an unknown activation or pool, ShapeError for a smaller image.

    >>> sum(w.size for w in lenet(image=(1, 32, 32)).params.values())
    61706
    """
    act, pooling = choose(activation, ACTIVATIONS, "activation"), choose(pool, POOLS, "pool")
    rng = arrays.rng(seed)
    make = {"init": for_activation(activation), "rng": rng, "dtype": dtype}
    last = make | {"init": normal(0.01)}  # scores start near 0, and so the loss near log(classes)
    trunk = [Conv(image[0], 6, 5, **make), act(), pooling(2), Conv(6, 16, 5, **make), act(), pooling(2), Flatten()]
    (features,) = feature_shape("lenet", trunk, image, dtype)
    head = [Affine(features, 120, **make), act(), Affine(120, 84, **make), act(), Affine(84, classes, **last)]
    return Classifier(Sequential(*trunk, *head))
