"""Activations: the non-linear functions between layers, one number at a time (maxout: k at a time)."""

import math

import numpy as np

from nnscratch import kernels
from nnscratch.arrays import array_module
from nnscratch.layers.base import Layer, parameter
from nnscratch.layers.initializers import constant, he
from nnscratch.shapes import as_rows, check_dout, match_axes


def relu_forward(x):
    """out = max(0, x). Source: Nair & Hinton 2010, "Rectified linear units", sec. 2; x of any shape.

    >>> out, cache = relu_forward(np.array([-1.0, 2.0]))
    >>> out, relu_backward(np.ones(2), cache)
    (array([0., 2.]), array([0., 1.]))
    """
    return kernels.relu(x), x


def relu_backward(dout, x):
    """dx = dout where x > 0, else 0 (at x = 0 as well)."""
    check_dout("relu", dout, x.shape)
    return kernels.relu_backward(dout, x)


@kernels.example_by_example
def leaky_relu_forward(x, slope=0.01):
    """out = x where x > 0, else slope * x. Source: Maas et al. 2013, sec. 2; x of any shape.

    >>> out, cache = leaky_relu_forward(np.array([-1.0, 2.0]), slope=0.1)
    >>> out, leaky_relu_backward(np.ones(2), cache)
    (array([-0.1,  2. ]), array([0.1, 1. ]))
    """
    return array_module(x).where(x > 0, x, slope * x), (x, slope)


@kernels.example_by_example
def leaky_relu_backward(dout, cache):
    """dx = dout where x > 0, else slope * dout."""
    x, slope = cache
    return array_module(x).where(x > 0, dout, slope * dout)


def prelu_forward(x, slope):
    """out = x where x > 0, else slope * x, with a learned slope for each channel.

    x: (N, C, ...), slope: (C,). Source: He et al. 2015, "Delving deep into rectifiers", sec. 2.1.

    >>> out, cache = prelu_forward(np.array([[-1.0, 2.0]]), np.array([0.5, 0.5]))
    >>> dx, dslope = prelu_backward(np.ones((1, 2)), cache)
    >>> out, dx, dslope
    (array([[-0.5,  2. ]]), array([[0.5, 1. ]]), array([-1.,  0.]))
    """
    match_axes("prelu", x=(x, "N C ..."), slope=(slope, "C"))
    column = slope.reshape((-1,) + (1,) * (x.ndim - 2))
    return array_module(x).where(x > 0, x, column * x), (x, slope)


def prelu_backward(dout, cache):
    """dx = dout times 1 or the slope; dslope = the sum of dout * x over the negative side of each channel."""
    x, slope = cache
    check_dout("prelu", dout, x.shape)
    xp = array_module(x)
    column = slope.reshape((-1,) + (1,) * (x.ndim - 2))
    others = tuple(axis for axis in range(x.ndim) if axis != 1)
    return xp.where(x > 0, dout, column * dout), (dout * xp.minimum(x, 0)).sum(axis=others)


@kernels.example_by_example
def elu_forward(x, alpha=1.0):
    """out = x where x > 0, else alpha * (exp(x) - 1). Source: Clevert et al. 2016, eq. 15; x of any shape.

    >>> out, cache = elu_forward(np.array([-1.0, 2.0]))
    >>> out.round(3), elu_backward(np.ones(2), cache).round(3)
    (array([-0.632,  2.   ]), array([0.368, 1.   ]))
    """
    xp = array_module(x)
    out = xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0)))
    return out, (x, out, alpha)


@kernels.example_by_example
def elu_backward(dout, cache):
    """dx = dout where x > 0, else dout * alpha * exp(x) = dout * (out + alpha)."""
    x, out, alpha = cache
    return dout * array_module(x).where(x > 0, 1, out + alpha)


GELU_SCALE, GELU_CUBIC = math.sqrt(2 / math.pi), 0.044715


@kernels.example_by_example
def gelu_forward(x):
    """out = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x**3))), the tanh form of x * P(normal < x).

    x of any shape. Source: Hendrycks & Gimpel 2016, "Gaussian error linear units", sec. 2.

    >>> out, cache = gelu_forward(np.array([-1.0, 2.0]))
    >>> out.round(3), gelu_backward(np.ones(2), cache).round(3)
    (array([-0.159,  1.955]), array([-0.083,  1.086]))
    """
    bend = array_module(x).tanh(GELU_SCALE * (x + GELU_CUBIC * x * x * x))
    return 0.5 * x * (1 + bend), (x, bend)


@kernels.example_by_example
def gelu_backward(dout, cache):
    """dx = dout * ((1 + t) / 2 + x / 2 * (1 - t**2) * dt), t being the tanh and dt its inner derivative."""
    x, bend = cache
    inner = GELU_SCALE * (1 + 3 * GELU_CUBIC * x * x)
    return dout * 0.5 * (1 + bend + x * (1 - bend * bend) * inner)


@kernels.example_by_example
def sigmoid_forward(x):
    """out = 1 / (1 + exp(-x)), computed so that no x overflows; x of any shape.

    Source: Rumelhart, Hinton & Williams 1986, eq. 2.

    >>> out, cache = sigmoid_forward(np.array([-1000.0, 0.0, 1000.0]))
    >>> out, sigmoid_backward(np.ones(3), cache)
    (array([0. , 0.5, 1. ]), array([0.  , 0.25, 0.  ]))
    """
    xp = array_module(x)
    small = xp.exp(-abs(x))
    out = xp.where(x >= 0, 1, small) / (1 + small)
    return out, out


@kernels.example_by_example
def sigmoid_backward(dout, out):
    """dx = dout * out * (1 - out)."""
    return dout * out * (1 - out)


@kernels.example_by_example
def tanh_forward(x):
    """out = tanh(x), a sigmoid centred on zero; x of any shape. Source: LeCun et al. 1998, sec. 4.4.

    >>> out, cache = tanh_forward(np.array([0.0, 1.0]))
    >>> out.round(3), tanh_backward(np.ones(2), cache).round(3)
    (array([0.   , 0.762]), array([1.  , 0.42]))
    """
    out = array_module(x).tanh(x)
    return out, out


@kernels.example_by_example
def tanh_backward(dout, out):
    """dx = dout * (1 - out**2)."""
    return dout * (1 - out * out)


@kernels.example_by_example
def softplus_forward(x):
    """out = log(1 + exp(x)), a smooth ReLU, without overflow; x of any shape. Source: Dugas et al. 2001, eq. 4.

    >>> out, cache = softplus_forward(np.array([0.0, 50.0]))
    >>> out.round(3), softplus_backward(np.ones(2), cache)
    (array([ 0.693, 50.   ]), array([0.5, 1. ]))
    """
    xp = array_module(x)
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-abs(x))), x


@kernels.example_by_example
def softplus_backward(dout, x):
    """dx = dout * sigmoid(x)."""
    return dout * sigmoid_forward(x)[0]


def maxout_forward(x, w, b):
    """out = the largest of k affine functions of x, unit by unit.

    x: (N, ...) of D numbers an example, w: (k, D, M), b: (k, M). Returns out (N, M) and the cache.
    Source: Goodfellow et al. 2013, "Maxout networks", sec. 3.

    >>> w = np.array([[[1.0]], [[-1.0]]])  # max(x, -x) is the absolute value
    >>> out, cache = maxout_forward(np.array([[-3.0], [2.0]]), w, np.zeros((2, 1)))
    >>> out.ravel(), maxout_backward(np.ones((2, 1)), cache)[0].ravel()
    (array([3., 2.]), array([-1.,  1.]))
    """
    xp = array_module(x)
    match_axes("maxout", x=(x, "N ..."))
    rows = as_rows(x)
    match_axes("maxout", x=(rows, "N D"), w=(w, "k D M"), b=(b, "k M"))
    pieces = rows @ w + b[:, None]
    winner = pieces.argmax(axis=0)
    return xp.take_along_axis(pieces, winner[None], axis=0)[0], (x, w, winner)


def maxout_backward(dout, cache):
    """Only the winning piece of each unit gets dout; dx, dw and db are those of k affine layers."""
    x, w, winner = cache
    check_dout("maxout", dout, winner.shape)
    k = array_module(x).arange(len(w))[:, None, None]
    routed = dout * (winner == k)
    dx = (routed @ w.swapaxes(1, 2)).sum(axis=0).reshape(x.shape)
    dw = as_rows(x).T @ routed
    return dx, dw, routed.sum(axis=1)


class ReLU(Layer):
    """max(0, x).

    >>> ReLU().forward(np.array([-1.0, 2.0]))[0]
    array([0., 2.])
    """

    def forward(self, x, train=False):
        """Return max(0, x) and the cache."""
        return relu_forward(x)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return relu_backward(dout, cache), {}

    def cache_of_output(self, out):
        """Return the cache, made from the output: out > 0 where x > 0."""
        return out


class LeakyReLU(Layer):
    """x where x > 0, else slope * x.

    >>> LeakyReLU(0.1).forward(np.array([-1.0, 2.0]))[0]
    array([-0.1,  2. ])
    """

    def __init__(self, slope=0.01):
        super().__init__()
        self.slope = slope

    def forward(self, x, train=False):
        """Return the leaky ReLU of x and the cache."""
        return leaky_relu_forward(x, self.slope)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return leaky_relu_backward(dout, cache), {}


class PReLU(Layer):
    """Leaky ReLU with a learned slope for each of C channels.

    >>> PReLU(2).forward(np.array([[-1.0, 2.0]], np.float32))[0]
    array([[-0.25,  2.  ]], dtype=float32)
    """

    def __init__(self, C, slope=0.25, dtype=np.float32):
        super().__init__()
        self.params["slope"] = parameter(constant(slope), (C,), None, dtype)

    def forward(self, x, train=False):
        """Return the PReLU of x and the cache."""
        return prelu_forward(x, self.params["slope"])

    def backward(self, dout, cache):
        """Return dx and the gradient of the slopes."""
        dx, dslope = prelu_backward(dout, cache)
        return dx, {"slope": dslope}


class ELU(Layer):
    """x where x > 0, else alpha * (exp(x) - 1).

    >>> ELU().forward(np.array([-1.0, 2.0]))[0].round(3)
    array([-0.632,  2.   ])
    """

    def __init__(self, alpha=1.0):
        super().__init__()
        self.alpha = alpha

    def forward(self, x, train=False):
        """Return the ELU of x and the cache."""
        return elu_forward(x, self.alpha)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return elu_backward(dout, cache), {}


class GELU(Layer):
    """x times the share of a normal distribution below x (tanh form).

    >>> GELU().forward(np.array([-1.0, 2.0]))[0].round(3)
    array([-0.159,  1.955])
    """

    def forward(self, x, train=False):
        """Return the GELU of x and the cache."""
        return gelu_forward(x)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return gelu_backward(dout, cache), {}


class Sigmoid(Layer):
    """1 / (1 + exp(-x)).

    >>> Sigmoid().forward(np.array([0.0]))[0]
    array([0.5])
    """

    def forward(self, x, train=False):
        """Return the sigmoid of x and the cache."""
        return sigmoid_forward(x)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return sigmoid_backward(dout, cache), {}


class Tanh(Layer):
    """The hyperbolic tangent.

    >>> Tanh().forward(np.array([0.0]))[0]
    array([0.])
    """

    def forward(self, x, train=False):
        """Return tanh(x) and the cache."""
        return tanh_forward(x)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return tanh_backward(dout, cache), {}


class Softplus(Layer):
    """log(1 + exp(x)).

    >>> Softplus().forward(np.array([0.0]))[0].round(3)
    array([0.693])
    """

    def forward(self, x, train=False):
        """Return the softplus of x and the cache."""
        return softplus_forward(x)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return softplus_backward(dout, cache), {}


class Maxout(Layer):
    """The largest of k learned affine functions, from D features to M.

    >>> Maxout(4, 3, k=2, rng=0).forward(np.ones((5, 4), np.float32))[0].shape
    (5, 3)
    """

    def __init__(self, D, M, k=2, init=None, rng=0, dtype=np.float32):
        super().__init__()
        drawn = parameter(init or he(), (D, k * M), rng, dtype)
        self.params["w"] = np.ascontiguousarray(drawn.reshape(D, k, M).transpose(1, 0, 2))
        self.params["b"] = parameter(constant(), (k, M), rng, dtype)

    def forward(self, x, train=False):
        """Return the largest piece of every unit and the cache."""
        return maxout_forward(x, self.params["w"], self.params["b"])

    def backward(self, dout, cache):
        """Return dx and the gradients of w and b."""
        dx, dw, db = maxout_backward(dout, cache)
        return dx, {"w": dw, "b": db}


ACTIVATIONS = {
    "relu": ReLU,
    "leaky-relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "softplus": Softplus,
}
