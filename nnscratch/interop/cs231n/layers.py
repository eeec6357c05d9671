"""cs231n.layers: the pairs and losses of the assignments, on this package's layers.

Every `*_forward` returns (out, cache), every `*_backward(dout, cache)` gradients in the order of the inputs.
Images are (N, C, H, W). Running statistics are written into `bn_param`, as CS231n's notebooks rely on.
"""

import numpy as np

from nnscratch import layers
from nnscratch.interop.cs231n.dialects import dialect

__all__ = [
    "affine_backward",
    "affine_forward",
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "batchnorm_forward",
    "conv_backward_naive",
    "conv_forward_naive",
    "dropout_backward",
    "dropout_forward",
    "layernorm_backward",
    "layernorm_forward",
    "max_pool_backward_naive",
    "max_pool_forward_naive",
    "relu_backward",
    "relu_forward",
    "softmax_loss",
    "spatial_batchnorm_backward",
    "spatial_batchnorm_forward",
    "spatial_groupnorm_backward",
    "spatial_groupnorm_forward",
    "svm_loss",
]


class ModeError(ValueError):
    """A `mode` that is neither "train" nor "test"."""


def affine_forward(x, w, b):
    """out = x w + b for x (N, ...) flattened to (N, D), w (D, M), b (M,).

    >>> affine_forward(np.ones((2, 1, 3)), np.ones((3, 4)), np.zeros(4))[0][0]
    array([3., 3., 3., 3.])
    """
    return layers.affine_forward(x, w, b)


def affine_backward(dout, cache):
    """Return dx, dw, db.

    >>> out, cache = affine_forward(np.ones((2, 3)), np.ones((3, 4)), np.zeros(4))
    >>> affine_backward(out, cache)[2]
    array([6., 6., 6., 6.])
    """
    return layers.affine_backward(dout, cache)


def relu_forward(x):
    """out = max(0, x).

    >>> relu_forward(np.array([-1.0, 2.0]))[0]
    array([0., 2.])
    """
    return layers.relu_forward(x)


def relu_backward(dout, cache):
    """Return dx: dout where x was positive.

    >>> relu_backward(np.ones(2), relu_forward(np.array([-1.0, 2.0]))[1])
    array([0., 1.])
    """
    return layers.relu_backward(dout, cache)


def batchnorm_forward(x, gamma, beta, bn_param):
    """Normalise x (N, D) by the batch (mode "train") or by the running statistics (mode "test").

    bn_param: `mode`, `eps` (1e-5), `momentum` (0.9: the share of the running statistics that is kept), and
    `running_mean` and `running_var` (D,), which training writes, with the biased variance of the batch.

    >>> bn_param = {"mode": "train"}
    >>> out, cache = batchnorm_forward(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), bn_param)
    >>> out.ravel().round(3), bn_param["running_mean"].round(3), bn_param["running_var"].round(3)
    (array([-1.,  1.]), array([0.2]), array([0.1]))
    """
    mode, eps, momentum = bn_param["mode"], bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    mean = bn_param.setdefault("running_mean", np.zeros(x.shape[1], x.dtype))
    var = bn_param.setdefault("running_var", np.zeros(x.shape[1], x.dtype))
    if _training(mode, "batchnorm_forward"):
        out, cache = layers.batch_norm_forward(x, gamma, beta, eps=eps)
        *_, batch_mean, batch_var = cache
        bn_param["running_mean"] = momentum * mean + (1 - momentum) * batch_mean
        bn_param["running_var"] = momentum * var + (1 - momentum) * batch_var
        return out, cache
    return layers.batch_norm_forward(x, gamma, beta, mean, var, eps)


def batchnorm_backward(dout, cache):
    """Return dx, dgamma, dbeta.

    >>> out, cache = batchnorm_forward(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), {"mode": "train"})
    >>> batchnorm_backward(np.array([[1.0], [0.0]]), cache)[2]
    array([1.])
    """
    return layers.batch_norm_backward(dout, cache)


def batchnorm_backward_alt(dout, cache):
    """What batchnorm_backward gives; the layer below knows only the short form.

    >>> out, cache = batchnorm_forward(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), {"mode": "train"})
    >>> batchnorm_backward_alt(np.array([[1.0], [0.0]]), cache)[1].round(3)
    array([-1.])
    """
    return layers.batch_norm_backward(dout, cache)


def layernorm_forward(x, gamma, beta, ln_param):
    """Normalise every row of x (N, D) by itself; ln_param may hold `eps` (1e-5).

    >>> layernorm_forward(np.array([[1.0, 3.0]]), np.ones(2), np.zeros(2), {})[0].round(3)
    array([[-1.,  1.]])
    """
    return layers.layer_norm_forward(x, gamma, beta, ln_param.get("eps", 1e-5))


def layernorm_backward(dout, cache):
    """Return dx, dgamma, dbeta.

    >>> out, cache = layernorm_forward(np.array([[1.0, 3.0]]), np.ones(2), np.zeros(2), {})
    >>> layernorm_backward(np.array([[1.0, 2.0]]), cache)[2]
    array([1., 2.])
    """
    return layers.layer_norm_backward(dout, cache)


def dropout_forward(x, dropout_param):
    """Inverted dropout; dropout_param: `mode`, `p` and, to draw one mask again and again, `seed`.

    `p` is the share that is kept from 2018 on, and the share that is dropped in 2016 and 2017. The mask comes from
    NumPy's global generator, which `seed` sets.

    >>> dropout_forward(np.ones(3), {"mode": "test", "p": 0.5})[0]
    array([1., 1., 1.])
    """
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    if _training(mode, "dropout_forward"):
        keep = 1 - p if dialect().p_is_dropped else p
        if not 0 < keep <= 1:
            raise ValueError(
                f"dropout_forward: p is {p}, so that a share of {keep:g} would be kept: in {dialect().year}, p is "
                f"the share that is {'dropped: 0 <= p < 1' if dialect().p_is_dropped else 'kept: 0 < p <= 1'}"
            )
        mask = ((np.random.rand(*x.shape) < keep) / keep).astype(x.dtype)
        x = x * mask
    return x, (dropout_param, mask)


def dropout_backward(dout, cache):
    """Return dx: dout where a number was kept, scaled as it was.

    >>> out, cache = dropout_forward(np.ones(50), {"mode": "train", "p": 0.5, "seed": 1})
    >>> bool((dropout_backward(np.ones(50), cache) == out).all())
    True
    """
    dropout_param, mask = cache
    return dout * mask if _training(dropout_param["mode"], "dropout_backward") else dout


def conv_forward_naive(x, w, b, conv_param):
    """Convolution as loops; x (N, C, H, W), w (F, C, HH, WW), b (F,); conv_param: `stride` and `pad` in pixels.

    >>> x, w = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3))
    >>> conv_forward_naive(x, w, np.zeros(1), {"stride": 1, "pad": 1})[0][0, 0, 0]
    array([4., 6., 4.])
    """
    return layers.conv_naive_forward(x, w, b, conv_param["stride"], conv_param["pad"])


def conv_backward_naive(dout, cache):
    """Return dx, dw, db, as loops.

    >>> x, w = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3))
    >>> out, cache = conv_forward_naive(x, w, np.zeros(1), {"stride": 1, "pad": 1})
    >>> conv_backward_naive(np.ones_like(out), cache)[2]
    array([9.])
    """
    return layers.conv_naive_backward(dout, cache)


def max_pool_forward_naive(x, pool_param):
    """Max pool as loops; pool_param: `pool_height`, `pool_width` and `stride` in pixels.

    >>> pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    >>> max_pool_forward_naive(np.arange(16.0).reshape(1, 1, 4, 4), pool_param)[0][0, 0, 0]
    array([5., 7.])
    """
    return layers.max_pool_naive_forward(x, *pool_window(pool_param))


def max_pool_backward_naive(dout, cache):
    """Return dx, as loops.

    >>> pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    >>> out, cache = max_pool_forward_naive(np.arange(16.0).reshape(1, 1, 4, 4), pool_param)
    >>> max_pool_backward_naive(np.ones_like(out), cache)[0, 0, 1]
    array([0., 1., 0., 1.])
    """
    return layers.max_pool_naive_backward(dout, cache)


def pool_window(pool_param):
    """Return ((height, width), stride) of a pool_param.

    >>> pool_window({"pool_height": 2, "pool_width": 3, "stride": 1})
    ((2, 3), 1)
    """
    return (pool_param["pool_height"], pool_param["pool_width"]), pool_param["stride"]


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    """batchnorm_forward for images: one mean and one variance for each channel of x (N, C, H, W).

    >>> x = np.array([1.0, 3.0]).reshape(1, 1, 1, 2)
    >>> spatial_batchnorm_forward(x, np.ones(1), np.zeros(1), {"mode": "train"})[0].ravel().round(3)
    array([-1.,  1.])
    """
    return batchnorm_forward(x, gamma, beta, bn_param)


def spatial_batchnorm_backward(dout, cache):
    """Return dx, dgamma, dbeta.

    >>> x = np.array([1.0, 3.0]).reshape(1, 1, 1, 2)
    >>> out, cache = spatial_batchnorm_forward(x, np.ones(1), np.zeros(1), {"mode": "train"})
    >>> spatial_batchnorm_backward(np.ones_like(x), cache)[2]
    array([2.])
    """
    return layers.batch_norm_backward(dout, cache)


def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
    """Normalise each of G groups of channels of each image by itself; gamma, beta (1, C, 1, 1) or (C,).

    >>> x, scale = np.array([1.0, 3.0, 5.0, 9.0]).reshape(1, 4, 1, 1), np.ones((1, 4, 1, 1))
    >>> spatial_groupnorm_forward(x, scale, 0 * scale, 2, {})[0].ravel().round(3)
    array([-1.,  1., -1.,  1.])
    """
    out, cache = layers.group_norm_forward(x, gamma.reshape(-1), beta.reshape(-1), G, gn_param.get("eps", 1e-5))
    return out, (cache, gamma.shape, beta.shape)


def spatial_groupnorm_backward(dout, cache):
    """Return dx, dgamma, dbeta; the last two are shaped like gamma and beta.

    >>> x, scale = np.array([1.0, 3.0, 5.0, 9.0]).reshape(1, 4, 1, 1), np.ones((1, 4, 1, 1))
    >>> out, cache = spatial_groupnorm_forward(x, scale, 0 * scale, 2, {})
    >>> spatial_groupnorm_backward(x, cache)[2].shape
    (1, 4, 1, 1)
    """
    cache, gamma_shape, beta_shape = cache
    dx, dgamma, dbeta = layers.group_norm_backward(dout, cache)
    return dx, dgamma.reshape(gamma_shape), dbeta.reshape(beta_shape)


def svm_loss(x, y):
    """Multiclass hinge loss of scores x (N, C) for labels y (N,): (loss, dx), the mean over examples.

    >>> svm_loss(np.array([[3.0, 2.5]]), np.array([0]))
    (0.5, array([[-1.,  1.]]))
    """
    return layers.svm_loss(x, y)


def softmax_loss(x, y):
    """Cross-entropy of scores x (N, C) for labels y (N,): (loss, dx), the mean over examples.

    >>> softmax_loss(np.zeros((1, 2)), np.array([0]))
    (0.6931471805599453, array([[-0.5,  0.5]]))
    """
    return layers.softmax_loss(x, y)


def _training(mode, function):
    if mode not in ("train", "test"):
        raise ModeError(f'{function}: mode is {mode!r}: give "train" or "test"')
    return mode == "train"
