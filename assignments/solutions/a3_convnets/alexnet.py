"""A small AlexNet out of your own layers: its parameters, its loss and all their gradients."""

import numpy as np
from columns import conv_backward, conv_forward
from normalization import lrn_backward, lrn_forward
from pooling import max_pool_backward, max_pool_forward
from sizes import output_size

from nnscratch.course import NotWritten


def affine_forward(x, w, b):
    """Return x w + b for x (N, ...) flattened to rows, and the cache; you wrote it in a2. Given."""
    return x.reshape(len(x), -1) @ w + b, (x, w)


def affine_backward(dout, cache):
    """Return dx, dw, db. Given."""
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


def relu_forward(x):
    """Return max(0, x) and the cache. Given."""
    return np.maximum(x, 0), x


def relu_backward(dout, x):
    """Return dx. Given."""
    return dout * (x > 0)


def softmax_loss(scores, y):
    """Return the mean of -log(probability of the right class) and its gradient. Given."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dscores = np.exp(log_p)
    rows = np.arange(len(y))
    dscores[rows, y] -= 1
    return -log_p[rows, y].mean(), dscores / len(y)


def alexnet_parameters(width, image=(3, 32, 32), hidden=64, classes=10, rng=None, dtype=np.float32):
    """Draw the parameters of the small AlexNet: five convolutions and two affine layers.

    width: filters of the first convolution. image: (C, H, W). hidden: units of the first affine layer.
    rng: a np.random.Generator (None: np.random.default_rng()).

    Returns a dict with these keys, in this order, all of `dtype`. D is the number of features after the last
    pool: 2 * width * h * w', where height and width of the image have gone three times through a pool of 3 x 3
    pixels with stride 2 (the convolutions keep the size).

        conv1.w (width, C, 5, 5)               conv1.b (width,)
        conv2.w (2 width, width, 5, 5)         conv2.b (2 width,)
        conv3.w (3 width, 2 width, 3, 3)       conv3.b (3 width,)
        conv4.w (2 width, 3 width, 3, 3)       conv4.b (2 width,)
        conv5.w (2 width, 2 width, 3, 3)       conv5.b (2 width,)
        affine6.w (D, hidden)                  affine6.b (hidden,)
        affine7.w (hidden, classes)            affine7.b (classes,)

    Biases are zero. Weights are normal with mean 0 and standard deviation sqrt(2 / fan_in) (He et al. 2015);
    fan_in is how many numbers one output sees: C * KH * KW of a filter, the rows of an affine matrix. Only
    affine7.w has standard deviation 0.01, so that the first loss is close to log(classes).

    >>> params = alexnet_parameters(4, rng=np.random.default_rng(0))
    >>> params["conv2.w"].shape, params["affine6.w"].shape
    ((8, 4, 5, 5), (72, 64))
    """
    # solution
    rng = np.random.default_rng() if rng is None else rng
    C, H, W = image
    for _ in range(3):
        H, W = output_size(H, 3, 2), output_size(W, 3, 2)
    shapes = {
        "conv1": (width, C, 5, 5),
        "conv2": (2 * width, width, 5, 5),
        "conv3": (3 * width, 2 * width, 3, 3),
        "conv4": (2 * width, 3 * width, 3, 3),
        "conv5": (2 * width, 2 * width, 3, 3),
        "affine6": (2 * width * H * W, hidden),
        "affine7": (hidden, classes),
    }
    params = {}
    for name, shape in shapes.items():
        is_conv = name.startswith("conv")
        fan_in = np.prod(shape[1:]) if is_conv else shape[0]
        std = 0.01 if name == "affine7" else np.sqrt(2 / fan_in)
        params[name + ".w"] = rng.normal(0, std, shape).astype(dtype)
        params[name + ".b"] = np.zeros(shape[0] if is_conv else shape[1], dtype)
    return params
    # end of solution


def alexnet_loss(params, x, y=None):
    """Run the small AlexNet forward and, with labels, backward.

    params: the dict of alexnet_parameters. x: images (N, C, H, W). y: labels (N,), whole numbers, or None.
    The layers, one after the other; pools are 3 x 3 with stride 2, LRN has its default settings:

        conv1 (pad 2), ReLU, max pool, LRN,
        conv2 (pad 2), ReLU, max pool, LRN,
        conv3 (pad 1), ReLU, conv4 (pad 1), ReLU, conv5 (pad 1), ReLU, max pool,
        affine6, ReLU, affine7

    Use your own conv_forward, max_pool_forward, lrn_forward and their backward halves.

    Returns the scores (N, classes) if y is None. Else (loss, grads): the softmax loss as a float, and a dict with
    the keys, shapes and dtypes of params. params and x stay as they are. No dropout, no weight decay.

    >>> params = alexnet_parameters(2, image=(3, 16, 16), rng=np.random.default_rng(0))
    >>> alexnet_loss(params, np.zeros((5, 3, 16, 16), np.float32)).shape
    (5, 10)
    >>> loss, grads = alexnet_loss(params, np.zeros((1, 3, 16, 16), np.float32), np.array([3]))
    >>> round(float(loss), 2), grads.keys() == params.keys()
    (2.3, True)
    """
    # solution
    out, done = x, []

    def go(name, forward, *args):
        nonlocal out
        out, cache = forward(out, *args)
        done.append((name, cache))

    for name in ("conv1", "conv2", "conv3", "conv4", "conv5"):
        w, b = params[name + ".w"], params[name + ".b"]
        go(name, conv_forward, w, b, 1, w.shape[2] // 2)
        go("relu", relu_forward)
        if name in ("conv1", "conv2", "conv5"):
            go("pool", max_pool_forward, 3, 2)
        if name in ("conv1", "conv2"):
            go("lrn", lrn_forward)
    go("affine6", affine_forward, params["affine6.w"], params["affine6.b"])
    go("relu", relu_forward)
    go("affine7", affine_forward, params["affine7.w"], params["affine7.b"])
    if y is None:
        return out

    loss, d = softmax_loss(out, y)
    backward = {"relu": relu_backward, "pool": max_pool_backward, "lrn": lrn_backward}
    grads = {}
    for name, cache in reversed(done):
        if name in backward:
            d = backward[name](d, cache)
        else:
            pair = conv_backward if name.startswith("conv") else affine_backward
            d, grads[name + ".w"], grads[name + ".b"] = pair(d, cache)
    return float(loss), {name: grads[name] for name in params}
    # end of solution
