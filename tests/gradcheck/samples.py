"""Small correct pairs, losses, layers and a model for the tests of the gradient checks."""

import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def relu_forward(x):
    return np.maximum(x, 0), x > 0


def relu_backward(dout, cache):
    return dout * cache


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    deviation = np.sqrt(x.var(axis=0) + eps)
    normal = (x - x.mean(axis=0)) / deviation
    return gamma * normal + beta, (normal, gamma, deviation)


def batchnorm_backward(dout, cache):
    normal, gamma, deviation = cache
    dnormal = dout * gamma
    dx = (dnormal - dnormal.mean(axis=0) - normal * (dnormal * normal).mean(axis=0)) / deviation
    return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)


def maxpool_forward(x, size=2):
    """x: (N, C, H, W) with H and W multiples of `size`."""
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // size, size, W // size, size)
    windows = windows.transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H // size, W // size, size * size)
    return windows.max(axis=-1), (windows.argmax(axis=-1), size)


def maxpool_backward(dout, cache):
    place, size = cache
    N, C, H, W = dout.shape
    windows = np.zeros((N, C, H, W, size * size))
    np.put_along_axis(windows, place[..., None], dout[..., None], axis=-1)
    windows = windows.reshape(N, C, H, W, size, size).transpose(0, 1, 2, 4, 3, 5)
    return windows.reshape(N, C, H * size, W * size)


def softmax_loss(x, y):
    shifted = x - x.max(axis=1, keepdims=True)
    log_share = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(x))
    dx = np.exp(log_share)
    dx[rows, y] -= 1
    return -log_share[rows, y].mean(), dx / len(x)


def embedding_forward(x, w):
    return w[x], (x, w.shape)


def embedding_backward(dout, cache):
    x, shape = cache
    dw = np.zeros(shape)
    np.add.at(dw, x, dout)
    return dw


def draws(seed):
    return np.random.default_rng([7, seed])


def affine_inputs(seed=0):
    rng = draws(seed)
    return rng.standard_normal((4, 5)), rng.standard_normal((5, 3)), rng.standard_normal(3)


def norm_inputs(seed=0):
    rng = draws(seed)
    return rng.standard_normal((6, 4)), rng.standard_normal(4), rng.standard_normal(4)


def wrong_in(place, change):
    """The affine backward with one of its three gradients changed."""

    def backward(dout, cache):
        gradients = list(affine_backward(dout, cache))
        gradients[place] = change(gradients[place])
        return tuple(gradients)

    return backward


class Noisy:
    """Affine, batch normalisation with running statistics, then dropout: all that could fail to repeat."""

    def __init__(self, dtype=np.float64):
        draws = np.random.default_rng(0)
        self.params = {
            "w": draws.standard_normal((5, 3)).astype(dtype),
            "gamma": np.ones(3, dtype),
            "beta": np.zeros(3, dtype),
        }
        self.state = {"mean": np.zeros(3, dtype), "draws": np.array(0)}
        self.rng = np.random.default_rng(1)

    def forward(self, x, train=False):
        h, c1 = affine_forward(x, self.params["w"], 0.0)
        h, c2 = batchnorm_forward(h, self.params["gamma"], self.params["beta"])
        if not train:
            return h, (c1, c2, 1.0)
        self.state["mean"] = 0.9 * self.state["mean"] + 0.1 * h.mean(axis=0)
        self.state["draws"] += 1
        mask = (self.rng.random(h.shape) < 0.5) * (1.0 + 0.1 * self.state["draws"])
        return h * mask, (c1, c2, mask)

    def backward(self, dout, cache):
        c1, c2, mask = cache
        dh, dgamma, dbeta = batchnorm_backward(dout * mask, c2)
        dx, dw, _ = affine_backward(dh, c1)
        return dx, {"w": dw, "gamma": dgamma, "beta": dbeta}


class Net:
    """Affine, ReLU, affine, softmax loss, with a weight penalty."""

    def __init__(self, hidden=40, dtype=np.float64):
        draws = np.random.default_rng(3)
        self.params = {
            "w1": draws.standard_normal((6, hidden)).astype(dtype),
            "b1": np.zeros(hidden, dtype),
            "w2": (0.3 * draws.standard_normal((hidden, 4))).astype(dtype),
            "b2": np.zeros(4, dtype),
        }

    def loss(self, x, y):
        q = self.params
        h, c1 = affine_forward(x, q["w1"], q["b1"])
        h, c2 = relu_forward(h)
        scores, c3 = affine_forward(h, q["w2"], q["b2"])
        loss, dscores = softmax_loss(scores, y)
        dh, dw2, db2 = affine_backward(dscores, c3)
        _, dw1, db1 = affine_backward(relu_backward(dh, c2), c1)
        grads = {"w1": dw1 + 0.02 * q["w1"], "b1": db1, "w2": dw2, "b2": db2}
        return loss + 0.01 * (q["w1"] ** 2).sum(), grads
