"""The five CIFAR-10 networks of cuda-convnet, read from their table, with a rate and a decay for each layer."""

import numpy as np

from nnscratch import arrays
from nnscratch.choices import choose
from nnscratch.layers import LRN, Affine, AveragePool, Conv, Flatten, LocalConv, MaxPool, ReLU, Sequential
from nnscratch.layers.initializers import normal
from nnscratch.models.blocks import feature_shape
from nnscratch.models.classifier import Classifier

# One word for a layer: its kind, its filters or units, and behind the @ the standard deviation of its weights.
# Convolutions are 5x5 with padding 2, `local` ones 3x3 with padding 1, pools 3x3 with stride 2.
TRUNK = "conv32@.0001 max relu{0} conv32@.01 relu average{0} conv64@.01 relu average"
TABLE = {
    "80sec": TRUNK.format("") + " fc64@.1 relu fc@.1",
    "18pct": TRUNK.format(" within") + " fc@.01",
    "19pct": TRUNK.format("") + " fc@.01",
    "13pct": "conv64@.0001 relu max conv64@.01 relu max local32@.04 relu local32@.04 relu fc@.01",
    "11pct": "conv64@.0001 relu max across conv64@.01 relu across max local64@.04 relu local32@.04 relu fc@.01",
}
DECAYS = {
    "80sec": {"conv*.w": 0.004, "affine*.w": 0.03},
    "18pct": {"conv*.w": 0.004, "affine*.w": 1.0},
    "19pct": {"conv*.w": 0.004, "affine*.w": 3.0},
    "13pct": {"localconv*.w": 0.004, "affine*.w": 0.004},
    "11pct": {"localconv*.w": 0.004, "affine*.w": 0.01},
}


def cuda_convnet(name, classes=10, image=(3, 32, 32), width=32, seed=0, dtype=np.float32):
    """Build one of "80sec", "18pct", "19pct", "13pct" and "11pct".

    `width` stands for 32 filters or units of the table. The names tell the time and the test errors that were
    published with them. The weights are drawn for images with the mean image taken off, on the scale 0 to 255.
    Source: Krizhevsky, cuda-convnet (2011), its layer definitions for CIFAR-10.
    Raises ValueError for an unknown name, ShapeError for an image that is too small.

    >>> sum(w.size for w in cuda_convnet("18pct").params.values())
    89578
    """
    words = choose(name, TABLE, "cuda-convnet network").split()
    rng = arrays.rng(seed)
    layers, shape = [], tuple(image)
    for word in words:
        layer = _layer(word, shape, classes, width, rng, dtype)
        if isinstance(layer, Affine) and len(shape) == 3:
            layers.append(Flatten())
        layers.append(layer)
        shape = feature_shape(name, layers, image, dtype)
    return Classifier(Sequential(*layers))


def _layer(word, shape, classes, width, rng, dtype):
    """Make the layer of one word of the table for an input of a shape."""
    kind, _, std = word.partition("@")
    name = kind.rstrip("0123456789")
    size = int(kind[len(name) :] or 0) * width // 32
    make = {"init": normal(float(std or 0)), "rng": rng, "dtype": dtype}
    if name == "conv":
        return Conv(shape[0], size, 5, pad=2, **make)
    if name == "local":
        return LocalConv(shape[0], size, shape[1:], 3, pad=1, **make)
    if name == "fc":
        return Affine(int(np.prod(shape)), size or classes, **make)
    plain = {
        "relu": ReLU,
        "max": lambda: MaxPool(3, stride=2, ceil=True),
        "average": lambda: AveragePool(3, stride=2, ceil=True),
        "across": lambda: LRN(9, alpha=0.001 / 9, beta=0.75, k=1.0),
        "within": lambda: LRN(3, alpha=5e-5 / 3**2, beta=0.75, k=1.0, within=True),
    }
    return plain[name]()


def recipe(name):
    """Return the settings of Momentum with which a network was published: rates and decays layer by layer.

    Biases learn at twice the rate of weights. Raises ValueError for an unknown name.

    >>> from nnscratch.training import Momentum
    >>> Momentum(**recipe("18pct")).weight_decay
    {'conv*.w': 0.004, 'affine*.w': 1.0}
    """
    decay = choose(name, DECAYS, "cuda-convnet network")
    return {"rate": 0.001, "momentum": 0.9, "weight_decay": dict(decay), "rate_scale": {"*.b": 2.0}}


def net_80sec(classes=10, image=(3, 32, 32), width=32, seed=0, dtype=np.float32):
    """Build the network that reached 26% test error in 80 seconds; the arguments are those of `cuda_convnet`.

    >>> sum(w.size for w in net_80sec().params.values())
    145578
    """
    return cuda_convnet("80sec", classes, image, width, seed, dtype)


def net_18pct(classes=10, image=(3, 32, 32), width=32, seed=0, dtype=np.float32):
    """Build the network of 18% test error, with local response norm within each channel.

    >>> net_18pct(width=4).loss(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    return cuda_convnet("18pct", classes, image, width, seed, dtype)


def net_19pct(classes=10, image=(3, 32, 32), width=32, seed=0, dtype=np.float32):
    """Build the network of 19% test error: 18pct without its norms.

    >>> net_19pct(width=4).loss(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    return cuda_convnet("19pct", classes, image, width, seed, dtype)


def net_13pct(classes=10, image=(3, 32, 32), width=32, seed=0, dtype=np.float32):
    """Build the network of 13% test error, with two locally connected layers.

    >>> net_13pct(width=4).loss(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    return cuda_convnet("13pct", classes, image, width, seed, dtype)


def net_11pct(classes=10, image=(3, 24, 24), width=32, seed=0, dtype=np.float32):
    """Build the network of 11% test error, for crops of 24 x 24 pixels, with norms across channels.

    >>> net_11pct(width=4).loss(np.zeros((2, 3, 24, 24), np.float32)).shape
    (2, 10)
    """
    return cuda_convnet("11pct", classes, image, width, seed, dtype)
