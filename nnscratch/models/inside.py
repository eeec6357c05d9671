"""Looking into a trained network: what it sees in an image, and images that please it, by gradients of pixels."""

import numpy as np

from nnscratch.arrays import array_module
from nnscratch.choices import choose
from nnscratch.layers import Sequential, softmax
from nnscratch.layers.base import infer


def cut(layers, name):
    """Cut a Sequential behind the layer `name`: two Sequentials that share its layers and their parameters.

    Raises ValueError for an unknown layer.

    >>> from nnscratch.models import lenet
    >>> below, above = cut(lenet().layers, "flatten1")
    >>> list(above.children)
    ['affine1', 'tanh3', 'affine2', 'tanh4', 'affine3']
    """
    children = layers.children
    choose(name, children, "layer")
    end = list(children).index(name) + 1
    items = list(children.items())
    return Sequential(**dict(items[:end])), Sequential(**dict(items[end:]))


def features(model, x, name, batch_size=500):
    """Return what the layer `name` of a model gives for images x, each laid out in a row: (N, D).

    >>> from nnscratch.models import lenet
    >>> features(lenet(), np.zeros((2, 3, 32, 32), np.float32), "tanh4").shape
    (2, 84)
    """
    below, _ = cut(model.layers, name)
    outs = [infer(below, x[i : i + batch_size]) for i in range(0, len(x), batch_size)]
    return array_module(x).concatenate([out.reshape(len(out), -1) for out in outs])


def activation_maps(model, x):
    """Return what every layer gives for images x in evaluation mode, by the layers' names.

    >>> from nnscratch.models import lenet
    >>> activation_maps(lenet(), np.zeros((2, 3, 32, 32), np.float32))["conv1"].shape
    (2, 6, 28, 28)
    """
    return {name: out for name, _, out in model.layers.trace(x)}


def score_gradient(model, x, y):
    """Return the gradient of each image's score of class y[n] with respect to its pixels, shaped like x.

    >>> from nnscratch.models import lenet
    >>> score_gradient(lenet(), np.zeros((2, 3, 32, 32), np.float32), np.array([3, 7])).shape
    (2, 3, 32, 32)
    """
    scores, cache = model.layers.forward(x)
    dscores = array_module(scores).zeros_like(scores)
    dscores[np.arange(len(x)), y] = 1
    return model.layers.backward(dscores, cache)[0]


def saliency(model, x, y):
    """Return how much each pixel moves the score of class y[n]: (N, H, W), the largest slope of its channels.

    Source: Simonyan, Vedaldi & Zisserman 2014, "Deep inside convolutional networks", sec. 3.

    >>> from nnscratch.models import lenet
    >>> saliency(lenet(), np.zeros((2, 3, 32, 32), np.float32), np.array([3, 7])).shape
    (2, 32, 32)
    """
    return abs(score_gradient(model, x, y)).max(axis=1)


def occlusion_map(model, x, y, size=8, stride=4, fill=0.0, batch_size=500):
    """Return the probability of class y for one image (C, H, W) with a square of it covered, place by place.

    The square has `size` pixels and moves by `stride`; its value is `fill`, which is 0, the mean, for
    standardised images. Returns (rows, columns). Source: Zeiler & Fergus 2014, "Visualizing and understanding
    convolutional networks", sec. 4.2. Raises ValueError for a square larger than the image.

    >>> from nnscratch.models import lenet
    >>> occlusion_map(lenet(), np.zeros((3, 32, 32), np.float32), 3).shape
    (7, 7)
    """
    _, H, W = x.shape
    if not 1 <= size <= min(H, W) or stride < 1:
        raise ValueError(
            f"occlusion_map: a square of {size} pixels that moves by {stride} does not fit an image of {H}x{W}: "
            f"use a size from 1 to {min(H, W)} and a stride of 1 or more"
        )
    tops, lefts = range(0, H - size + 1, stride), range(0, W - size + 1, stride)
    covered = array_module(x).stack([x] * (len(tops) * len(lefts)))
    for image, (top, left) in zip(covered, [(top, left) for top in tops for left in lefts]):
        image[:, top : top + size, left : left + size] = fill
    return model.probabilities(covered, batch_size)[:, y].reshape(len(tops), len(lefts))


def class_image(model, y, image, steps=200, rate=1.0, decay=1e-3, seed=0):
    """Return an image (C, H, W) made to have a high score of class y, by gradient ascent from faint noise.

    Every step goes `rate` along the gradient brought to length 1, and takes off a share `decay` of the image,
    which is shifted each time by a pixel or two, so that no edge can be told by its place alone.
    Source: Simonyan et al. 2014, sec. 2; shifts: Mordvintsev et al. 2015, "Inceptionism".

    >>> from nnscratch.models import lenet
    >>> model = lenet()
    >>> made = class_image(model, 3, (3, 32, 32), steps=20)
    >>> int(model.predict(made[None])[0])
    3
    """
    rng = np.random.default_rng(seed)
    x = (0.01 * rng.normal(size=(1, *image))).astype(model.dtype)
    for _ in range(steps):
        shift = tuple(int(s) for s in rng.integers(-2, 3, 2))
        dx = score_gradient(model, np.roll(x, shift, (2, 3)), np.array([y]))
        dx = np.roll(dx, (-shift[0], -shift[1]), (2, 3))
        x += rate * _unit(dx)
        x *= 1 - decay
    return x[0]


def fooling_image(model, x, y, rate=0.5, steps=500):
    """Return an image like x (C, H, W) that the model takes for class y, and the number of steps it took.

    Every step goes `rate` along the gradient of the logarithm of y's probability, brought to length 1. The
    last step is that after which y has the highest score.
    Source: Szegedy et al. 2014, "Intriguing properties of neural networks", sec. 4.
    Raises ValueError when `steps` steps do not fool the model.

    >>> from nnscratch.models import lenet
    >>> model, x = lenet(), np.zeros((3, 32, 32), np.float32)
    >>> fooled, steps = fooling_image(model, x, 3)
    >>> int(model.predict(fooled[None])[0]), bool(abs(fooled - x).max() < 1)
    (3, True)
    """
    made = x[None].astype(model.dtype)
    for step in range(steps + 1):
        scores, cache = model.layers.forward(made)
        if scores[0].argmax() == y:
            return made[0], step
        dscores = -softmax(scores)
        dscores[0, y] += 1
        made = made + rate * _unit(model.layers.backward(dscores, cache)[0])
    raise ValueError(
        f"fooling_image: after {steps} steps of {rate} the model still does not see class {y}: use more steps "
        "or a higher rate"
    )


def invert_features(model, x, name, steps=300, rate=0.05, smoothness=1e-3, seed=0):
    """Return an image (C, H, W) whose features at layer `name` are those of x, found from noise, and its error.

    What the picture lacks, the layer has thrown away. The error, |features - those of x|^2 / |those of x|^2, goes
    down by Adam's rule, with a price of `smoothness` on squared differences of neighbouring pixels.
    Source: Mahendran & Vedaldi 2015, "Understanding deep image representations by inverting them".

    >>> from nnscratch.models import lenet
    >>> x = np.random.default_rng(0).normal(size=(3, 32, 32)).astype(np.float32)
    >>> made, error = invert_features(lenet(), x, "conv1", steps=60)
    >>> made.shape, error < 0.5
    ((3, 32, 32), True)
    """
    below, _ = cut(model.layers, name)
    wanted, _ = below.forward(x[None].astype(model.dtype))
    scale = max(float((wanted**2).sum()), 1e-12)
    made = (0.1 * np.random.default_rng(seed).normal(size=(1, *x.shape))).astype(model.dtype)
    mean, square = np.zeros_like(made), np.zeros_like(made)
    for step in range(1, steps + 1):
        out, cache = below.forward(made)
        dx, _ = below.backward(2 * (out - wanted) / scale, cache)
        dx = dx + smoothness * _roughness_gradient(made)
        mean, square = 0.9 * mean + 0.1 * dx, 0.999 * square + 0.001 * dx**2
        made = made - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    out, _ = below.forward(made)
    return made[0], float(((out - wanted) ** 2).sum() / scale)


def _roughness_gradient(x):
    """The gradient of half the sum of squared differences of neighbouring pixels, per pixel of the image."""
    d = np.zeros_like(x)
    down, across = np.diff(x, axis=2), np.diff(x, axis=3)
    d[:, :, 1:] += down
    d[:, :, :-1] -= down
    d[:, :, :, 1:] += across
    d[:, :, :, :-1] -= across
    return d / x.size


def nearest(features, queries, k=5):
    """Return, for each query (M, D), the indices of its k nearest rows of features (N, D) in L2: (M, k).

    Raises ValueError for a k above N.

    >>> nearest(np.array([[0.0], [1.0], [5.0]]), np.array([[0.9]]), k=2)
    array([[1, 0]])
    """
    if not 1 <= k <= len(features):
        raise ValueError(f"nearest: k is {k}, but there are {len(features)} rows: use 1 to {len(features)}")
    squares = (features**2).sum(axis=1) - 2 * queries @ features.T
    return np.argsort(squares, axis=1, kind="stable")[:, :k]


def activations_by_depth(init, depth=10, width=500, activation="tanh", count=1000, seed=0):
    """Return what each of `depth` affine layers with a non-linearity gives for normal inputs: [(count, width)].

    init: an initialiser, by which every layer's weights are drawn. Too small, and the numbers die out with depth;
    too large, and they sit at the ends of the non-linearity. Source: Glorot & Bengio 2010, sec. 4; CS231n,
    "Weight initialization". Raises ValueError for an unknown activation.

    >>> from nnscratch.layers.initializers import normal, xavier
    >>> [round(float(activations_by_depth(init, count=100)[-1].std()), 1) for init in (normal(0.01), xavier())]
    [0.0, 0.2]
    """
    from nnscratch.layers import ACTIVATIONS, Affine

    act, rng = choose(activation, ACTIVATIONS, "activation")(), np.random.default_rng(seed)
    x, outs = rng.normal(size=(count, width)).astype(np.float32), []
    for _ in range(depth):
        x, _ = act.forward(Affine(width, width, init=init, rng=rng).forward(x)[0])
        outs.append(x)
    return outs


def _unit(d):
    """The direction of a gradient; one that is 0 stays so."""
    return d / max(float(np.sqrt((d**2).sum())), 1e-12)
