"""Normalisation: batch, layer and group norm give mean 0 and variance 1; LRN damps numbers by their neighbours."""

import functools
import math

import numpy as np

from nnscratch import kernels
from nnscratch.arrays import array_module
from nnscratch.layers.base import Layer, parameter
from nnscratch.layers.initializers import constant
from nnscratch.shapes import ShapeError, check_dout, match_axes


def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    """out = gamma * (x - mean) / sqrt(var + eps) + beta, channel by channel.

    x: (N, C, ...); gamma, beta: (C,). Without `mean` and `var` (C,) they are the batch's own (training, with the
    biased variance); with them (running statistics) they are constants. Returns out and the cache.
    Source: Ioffe & Szegedy 2015, "Batch normalization", algorithm 1. Raises ShapeError.

    >>> out, cache = batch_norm_forward(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1))
    >>> dx, dgamma, dbeta = batch_norm_backward(np.array([[1.0], [0.0]]), cache)
    >>> out.ravel().round(3), dgamma.round(3), dbeta
    (array([-1.,  1.]), array([-1.]), array([1.]))
    """
    return _batch_norm(x, gamma, beta, mean, var, eps)


def _batch_norm(x, gamma, beta, mean=None, var=None, eps=1e-5, least=-math.inf):
    match_axes(
        "batch_norm", x=(x, "N C ..."), gamma=(gamma, "C"), beta=(beta, "C"), mean=(mean, "C"), var=(var, "C")
    )
    own = mean is None
    if own and x.size == 0:
        raise ShapeError(f"batch_norm: x of {x.shape} is empty, and has no mean: give at least one example")
    if own:
        mean, var = kernels.channel_moments(x)
    inv_std = 1 / array_module(x).sqrt(var + eps)
    out = kernels.channel_affine(x, gamma * inv_std, beta, mean, least)
    return out, (x, inv_std, gamma, beta, own, mean, var)


def batch_norm_backward(dout, cache):
    """dbeta = sum of dout, dgamma = sum of dout * x_hat, dx = gamma / std * (dout - (dbeta + x_hat * dgamma) / M).

    M counts the numbers in a channel. The last two terms are the paths through the mean and through the
    variance; given statistics have neither. x_hat = (x - mean) / std is not kept, but made again from x.
    """
    return _batch_norm_backward(dout, cache)


def _batch_norm_backward(dout, cache, relu=False):
    """With `relu`, dout counts only where the normalised x is positive; that is made again from x."""
    x, inv_std, gamma, beta, own, mean, _ = cache
    check_dout("batch_norm", dout, x.shape)
    scale = gamma * inv_std
    gate = (scale, beta) if relu else None
    dbeta, products = kernels.channel_sums(dout, x, mean, gate)
    dgamma = products * inv_std
    share = scale * (1 / max(dout.size // dout.shape[1], 1) if own else 0)
    dx = kernels.channel_blend(dout, scale, x, -share * dgamma * inv_std, -share * dbeta, mean, gate)
    return dx, dgamma, dbeta


def layer_norm_forward(x, gamma, beta, eps=1e-5):
    """out = gamma * x_hat + beta, each example standardised over its own last axes: those that gamma has.

    x: (N, ..., D), gamma and beta: (D,) or any last axes of x. Returns out and the cache.
    Source: Ba, Kiros & Hinton 2016, "Layer normalization", eq. 4. Raises ShapeError.

    >>> out, cache = layer_norm_forward(np.array([[1.0, 3.0]]), np.ones(2), np.zeros(2))
    >>> dx, dgamma, dbeta = layer_norm_backward(np.array([[1.0, 0.0]]), cache)
    >>> out.round(3), dgamma.round(3)
    (array([[-1.,  1.]]), array([-1.,  0.]))
    """
    last = " ".join("DEFGH"[: gamma.ndim])
    match_axes("layer_norm", x=(x, f"N ... {last}"), gamma=(gamma, last), beta=(beta, last))
    rows = x.reshape(math.prod(x.shape[: x.ndim - gamma.ndim]), gamma.size)
    out, mean, inv_std = kernels.group_norm(rows, gamma.reshape(-1), beta.reshape(-1), 1, eps)
    return out.reshape(x.shape), (x, gamma, mean, inv_std)


def layer_norm_backward(dout, cache):
    """dgamma and dbeta sum over the examples; dx goes through x_hat, the mean and the variance."""
    x, gamma, mean, inv_std = cache
    check_dout("layer_norm", dout, x.shape)
    rows = (len(mean), gamma.size)
    dx, dgamma, dbeta = kernels.group_norm_backward(
        dout.reshape(rows), x.reshape(rows), gamma.reshape(-1), mean, inv_std
    )
    return dx.reshape(x.shape), dgamma.reshape(gamma.shape), dbeta.reshape(gamma.shape)


def group_norm_forward(x, gamma, beta, groups=1, eps=1e-5):
    """out = gamma * x_hat + beta, each group of channels of each example standardised by itself.

    x: (N, C, ...), gamma and beta: (C,). Returns out and the cache.
    Source: Wu & He 2018, "Group normalization", sec. 3. Raises ShapeError.

    >>> out, cache = group_norm_forward(np.array([[1.0, 3.0, 5.0, 9.0]]), np.ones(4), np.zeros(4), groups=2)
    >>> dx, dgamma, dbeta = group_norm_backward(np.ones_like(out), cache)
    >>> out.round(3), dbeta
    (array([[-1.,  1., -1.,  1.]]), array([1., 1., 1., 1.]))
    """
    _, C = match_axes("group_norm", x=(x, "N C ..."), gamma=(gamma, "C"), beta=(beta, "C"))
    if groups < 1 or C % groups:
        raise ShapeError(f"group_norm: {C} channels cannot be cut into {groups} groups: use a divisor of {C}")
    out, mean, inv_std = kernels.group_norm(x, gamma, beta, groups, eps)
    return out, (x, gamma, mean, inv_std)


def group_norm_backward(dout, cache):
    """dgamma and dbeta sum over all but the channels; dx goes through x_hat, the mean and the variance."""
    x, gamma, mean, inv_std = cache
    check_dout("group_norm", dout, x.shape)
    return kernels.group_norm_backward(dout, x, gamma, mean, inv_std)


@kernels.example_by_example
def lrn_forward(x, size=5, alpha=1e-4, beta=0.75, k=2.0, within=False):
    """Divide x by (k + alpha * sum of x**2 over its neighbours) ** beta.

    x: (N, C, H, W). The neighbours of x[:, c] are `size` channels around c or, `within` a channel, size x size
    pixels around it; `size` is odd. Returns out, shaped like x, and the cache for lrn_backward.
    Source: Krizhevsky et al. 2012, sec. 3.3; within a channel: Jarrett et al. 2009. Raises ShapeError.

    >>> out, cache = lrn_forward(np.ones((1, 1, 1, 1)), alpha=2.0, beta=1.0)
    >>> out.item(), lrn_backward(np.ones((1, 1, 1, 1)), cache).item()
    (0.25, 0.0)
    """
    match_axes("lrn", x=(x, "N C H W"))
    window_sum = kernels.spatial_window_sum if within else kernels.channel_window_sum
    damping = k + alpha * window_sum(x * x, size)
    out = x * damping**-beta
    return out, (x, out, damping, size, alpha, beta, window_sum)


@kernels.example_by_example
def lrn_backward(dout, cache):
    """dx = dout * damping**-beta - 2 alpha beta x * (window sum of dout * out / damping)."""
    x, out, damping, size, alpha, beta, window_sum = cache
    check_dout("lrn", dout, out.shape)
    shared = window_sum(dout * out / damping, size)
    return dout * damping**-beta - 2 * alpha * beta * x * shared


class BatchNorm(Layer):
    """Batch norm over C features or channels; `momentum` is the share of the running statistics that is kept.

    >>> layer = BatchNorm(3)
    >>> x = np.random.default_rng(0).normal(5, 2, (100, 3)).astype(np.float32)
    >>> out, cache = layer.forward(x, train=True)
    >>> abs(out.mean(axis=0)).max().round(3), layer.state["mean"].round(1)
    (np.float32(0.0), array([0.5, 0.5, 0.5], dtype=float32))
    """

    def __init__(self, C, momentum=0.9, eps=1e-5, dtype=np.float32):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.params["gamma"] = parameter(constant(1.0), (C,), None, dtype)
        self.params["beta"] = parameter(constant(0.0), (C,), None, dtype)
        self.state["mean"] = parameter(constant(0.0), (C,), None, dtype)
        self.state["var"] = parameter(constant(1.0), (C,), None, dtype)

    def forward(self, x, train=False):
        """Normalise by the batch's statistics in training (and remember them), by the running ones otherwise."""
        return self._normalise(batch_norm_forward, x, train)

    def forward_relu(self, x, train=False):
        """Return max(0, normalised x) in one pass over memory less, and the cache of the normalisation."""
        return self._normalise(functools.partial(_batch_norm, least=0.0), x, train)

    def scale_and_shift(self):
        """Return what the layer does to a channel in evaluation mode: x * scale + shift."""
        scale = self.params["gamma"] / array_module(self.state["var"]).sqrt(self.state["var"] + self.eps)
        return scale, self.params["beta"] - scale * self.state["mean"]

    def _normalise(self, batch_norm, x, train):
        gamma, beta, state = self.params["gamma"], self.params["beta"], self.state
        if not train:
            return batch_norm(x, gamma, beta, state["mean"], state["var"], self.eps)
        out, cache = batch_norm(x, gamma, beta, eps=self.eps)
        *_, mean, var = cache
        self._remember(mean, var, count=x.size // x.shape[1])
        return out, cache

    def _remember(self, mean, var, count):
        """Move the running statistics towards the batch's, with the unbiased variance of its `count` numbers."""
        batch = {"mean": mean, "var": var * (count / max(count - 1, 1))}
        for name, value in batch.items():
            self.state[name] = self.momentum * self.state[name] + (1 - self.momentum) * value

    def backward(self, dout, cache):
        """Return dx and the gradients of gamma and beta."""
        dx, dgamma, dbeta = batch_norm_backward(dout, cache)
        return dx, {"gamma": dgamma, "beta": dbeta}

    def backward_relu(self, dout, cache):
        """Run the backward passes of a ReLU and of this layer before it in one, from this layer's cache alone."""
        dx, dgamma, dbeta = _batch_norm_backward(dout, cache, relu=True)
        return dx, {"gamma": dgamma, "beta": dbeta}


class LayerNorm(Layer):
    """Layer norm over the last axes of x: `shape` is their size, or a tuple of sizes.

    >>> LayerNorm(2).forward(np.array([[1.0, 3.0]], np.float32))[0].round(2)
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(self, shape, eps=1e-5, dtype=np.float32):
        super().__init__()
        self.eps = eps
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        self.params["gamma"] = parameter(constant(1.0), shape, None, dtype)
        self.params["beta"] = parameter(constant(0.0), shape, None, dtype)

    def forward(self, x, train=False):
        """Return the normalised x and the cache."""
        return layer_norm_forward(x, self.params["gamma"], self.params["beta"], self.eps)

    def backward(self, dout, cache):
        """Return dx and the gradients of gamma and beta."""
        dx, dgamma, dbeta = layer_norm_backward(dout, cache)
        return dx, {"gamma": dgamma, "beta": dbeta}


class GroupNorm(Layer):
    """Group norm over C channels in `groups` groups.

    >>> GroupNorm(4, groups=2).forward(np.ones((1, 4, 2, 2), np.float32))[0].shape
    (1, 4, 2, 2)
    """

    def __init__(self, C, groups, eps=1e-5, dtype=np.float32):
        super().__init__()
        self.groups, self.eps = groups, eps
        self.params["gamma"] = parameter(constant(1.0), (C,), None, dtype)
        self.params["beta"] = parameter(constant(0.0), (C,), None, dtype)

    def forward(self, x, train=False):
        """Return the normalised x and the cache."""
        return group_norm_forward(x, self.params["gamma"], self.params["beta"], self.groups, self.eps)

    def backward(self, dout, cache):
        """Return dx and the gradients of gamma and beta."""
        dx, dgamma, dbeta = group_norm_backward(dout, cache)
        return dx, {"gamma": dgamma, "beta": dbeta}


class LRN(Layer):
    """Local response normalisation across channels or, with `within`, across the pixels of each channel.

    >>> LRN().forward(np.ones((1, 8, 2, 2), np.float32))[0].shape
    (1, 8, 2, 2)
    """

    def __init__(self, size=5, alpha=1e-4, beta=0.75, k=2.0, within=False):
        super().__init__()
        self.size, self.alpha, self.beta, self.k, self.within = size, alpha, beta, k, within

    def forward(self, x, train=False):
        """Return the damped x and the cache."""
        return lrn_forward(x, self.size, self.alpha, self.beta, self.k, self.within)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return lrn_backward(dout, cache), {}
