"""cs231n.layer_utils: the layers that mostly come together, as pairs."""

from nnscratch.interop.cs231n import fast_layers, layers

__all__ = [
    f"{name}_{way}"
    for name in (
        "affine_relu",
        "affine_bn_relu",
        "affine_ln_relu",
        "conv_relu",
        "conv_bn_relu",
        "conv_relu_pool",
    )
    for way in ("forward", "backward")
]


def affine_relu_forward(x, w, b):
    """An affine layer, then a ReLU.

    >>> import numpy as np
    >>> affine_relu_forward(np.array([[1.0, -2.0]]), np.eye(2), np.zeros(2))[0]
    array([[1., 0.]])
    """
    out, affine = layers.affine_forward(x, w, b)
    out, relu = layers.relu_forward(out)
    return out, (affine, relu)


def affine_relu_backward(dout, cache):
    """Return dx, dw, db.

    >>> import numpy as np
    >>> out, cache = affine_relu_forward(np.array([[1.0, -2.0]]), np.eye(2), np.zeros(2))
    >>> affine_relu_backward(np.ones((1, 2)), cache)[2]
    array([1., 0.])
    """
    affine, relu = cache
    return layers.affine_backward(layers.relu_backward(dout, relu), affine)


def affine_bn_relu_forward(x, w, b, gamma, beta, bn_param):
    """An affine layer, batch norm, then a ReLU.

    >>> import numpy as np
    >>> x, one, zero = np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1)
    >>> affine_bn_relu_forward(x, np.eye(1), zero, one, zero, {"mode": "train"})[0].ravel().round(3)
    array([0., 1.])
    """
    out, affine = layers.affine_forward(x, w, b)
    out, norm = layers.batchnorm_forward(out, gamma, beta, bn_param)
    out, relu = layers.relu_forward(out)
    return out, (affine, norm, relu)


def affine_bn_relu_backward(dout, cache):
    """Return dx, dw, db, dgamma, dbeta.

    >>> import numpy as np
    >>> x, one, zero = np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1)
    >>> out, cache = affine_bn_relu_forward(x, np.eye(1), zero, one, zero, {"mode": "train"})
    >>> affine_bn_relu_backward(np.ones((2, 1)), cache)[4]
    array([1.])
    """
    affine, norm, relu = cache
    dout, dgamma, dbeta = layers.batchnorm_backward(layers.relu_backward(dout, relu), norm)
    return *layers.affine_backward(dout, affine), dgamma, dbeta


def affine_ln_relu_forward(x, w, b, gamma, beta, ln_param):
    """An affine layer, layer norm, then a ReLU.

    >>> import numpy as np
    >>> x, zero = np.array([[1.0, 3.0]]), np.zeros(2)
    >>> affine_ln_relu_forward(x, np.eye(2), zero, np.ones(2), zero, {})[0].round(3)
    array([[0., 1.]])
    """
    out, affine = layers.affine_forward(x, w, b)
    out, norm = layers.layernorm_forward(out, gamma, beta, ln_param)
    out, relu = layers.relu_forward(out)
    return out, (affine, norm, relu)


def affine_ln_relu_backward(dout, cache):
    """Return dx, dw, db, dgamma, dbeta.

    >>> import numpy as np
    >>> x, zero = np.array([[1.0, 3.0]]), np.zeros(2)
    >>> out, cache = affine_ln_relu_forward(x, np.eye(2), zero, np.ones(2), zero, {})
    >>> affine_ln_relu_backward(np.ones((1, 2)), cache)[4]
    array([0., 1.])
    """
    affine, norm, relu = cache
    dout, dgamma, dbeta = layers.layernorm_backward(layers.relu_backward(dout, relu), norm)
    return *layers.affine_backward(dout, affine), dgamma, dbeta


def conv_relu_forward(x, w, b, conv_param):
    """A convolution, then a ReLU.

    >>> import numpy as np
    >>> x = np.array([1.0, -2.0]).reshape(1, 1, 1, 2)
    >>> conv_relu_forward(x, np.ones((1, 1, 1, 1)), np.zeros(1), {"stride": 1, "pad": 0})[0].ravel()
    array([1., 0.])
    """
    out, conv = fast_layers.conv_forward_fast(x, w, b, conv_param)
    out, relu = layers.relu_forward(out)
    return out, (conv, relu)


def conv_relu_backward(dout, cache):
    """Return dx, dw, db.

    >>> import numpy as np
    >>> x = np.array([1.0, -2.0]).reshape(1, 1, 1, 2)
    >>> out, cache = conv_relu_forward(x, np.ones((1, 1, 1, 1)), np.zeros(1), {"stride": 1, "pad": 0})
    >>> conv_relu_backward(np.ones_like(x), cache)[2]
    array([1.])
    """
    conv, relu = cache
    return fast_layers.conv_backward_fast(layers.relu_backward(dout, relu), conv)


def conv_bn_relu_forward(x, w, b, gamma, beta, conv_param, bn_param):
    """A convolution, spatial batch norm, then a ReLU.

    >>> import numpy as np
    >>> x, w, one, zero = np.array([[[[1.0, 3.0]]]]), np.ones((1, 1, 1, 1)), np.ones(1), np.zeros(1)
    >>> out, cache = conv_bn_relu_forward(x, w, zero, one, zero, {"stride": 1, "pad": 0}, {"mode": "train"})
    >>> out.ravel().round(3)
    array([0., 1.])
    """
    out, conv = fast_layers.conv_forward_fast(x, w, b, conv_param)
    out, norm = layers.spatial_batchnorm_forward(out, gamma, beta, bn_param)
    out, relu = layers.relu_forward(out)
    return out, (conv, norm, relu)


def conv_bn_relu_backward(dout, cache):
    """Return dx, dw, db, dgamma, dbeta.

    >>> import numpy as np
    >>> x, w, one, zero = np.array([[[[1.0, 3.0]]]]), np.ones((1, 1, 1, 1)), np.ones(1), np.zeros(1)
    >>> out, cache = conv_bn_relu_forward(x, w, zero, one, zero, {"stride": 1, "pad": 0}, {"mode": "train"})
    >>> conv_bn_relu_backward(np.ones_like(x), cache)[4]
    array([1.])
    """
    conv, norm, relu = cache
    dout, dgamma, dbeta = layers.spatial_batchnorm_backward(layers.relu_backward(dout, relu), norm)
    return *fast_layers.conv_backward_fast(dout, conv), dgamma, dbeta


def conv_relu_pool_forward(x, w, b, conv_param, pool_param):
    """A convolution, a ReLU, then a max pool.

    >>> import numpy as np
    >>> pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    >>> x, w = np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 1))
    >>> conv_relu_pool_forward(x, w, np.ones(1), {"stride": 1, "pad": 0}, pool_param)[0]
    array([[[[2.]]]])
    """
    out, conv = fast_layers.conv_forward_fast(x, w, b, conv_param)
    out, relu = layers.relu_forward(out)
    out, pool = fast_layers.max_pool_forward_fast(out, pool_param)
    return out, (conv, relu, pool)


def conv_relu_pool_backward(dout, cache):
    """Return dx, dw, db.

    >>> import numpy as np
    >>> pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    >>> x, w = np.ones((1, 1, 2, 2)), np.ones((1, 1, 1, 1))
    >>> out, cache = conv_relu_pool_forward(x, w, np.ones(1), {"stride": 1, "pad": 0}, pool_param)
    >>> conv_relu_pool_backward(out, cache)[2]
    array([2.])
    """
    conv, relu, pool = cache
    dout = fast_layers.max_pool_backward_fast(dout, pool)
    return fast_layers.conv_backward_fast(layers.relu_backward(dout, relu), conv)
