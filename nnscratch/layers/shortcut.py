"""Pad channels: the short way round a residual block that halves the image and has more channels at its end."""

from nnscratch.arrays import array_module
from nnscratch.layers.base import Layer
from nnscratch.shapes import ShapeError, check_dout, match_axes, pair_of


def pad_channels_forward(x, channels, stride=1):
    """Take every `stride`-th pixel of x and append channels of zeros, until there are `channels`.

    x: (N, C, H, W). Returns out (N, channels, OH, OW), with OH = ceil(H / stride), and the cache.
    Source: He et al. 2016, "Deep residual learning for image recognition", sec. 3.3, option A. Raises ShapeError.

    >>> import numpy as np
    >>> out, cache = pad_channels_forward(np.arange(4.0).reshape(1, 1, 2, 2), channels=2, stride=2)
    >>> out.ravel(), pad_channels_backward(np.ones_like(out), cache)[0, 0]
    (array([0., 0.]), array([[1., 0.],
           [0., 0.]]))
    """
    N, C, H, W = match_axes("pad_channels", x=(x, "N C H W"))
    down, across = pair_of(stride, "stride")
    if channels < C:
        raise ShapeError(f"pad_channels: x has {C} channels, more than {channels}: give {C} channels or more")
    if min(down, across) < 1:
        raise ShapeError(f"pad_channels: stride is {(down, across)}: it must be 1 or more")
    seen = x[:, :, ::down, ::across]
    out = array_module(x).zeros((N, channels, *seen.shape[2:]), x.dtype)
    out[:, :C] = seen
    return out, (x.shape, out.shape, down, across)


def pad_channels_backward(dout, cache):
    """dx: the pixels that were taken get their dout, the others 0; what flows to the zeros is lost."""
    x_shape, out_shape, down, across = cache
    check_dout("pad_channels", dout, out_shape)
    dx = array_module(dout).zeros(x_shape, dout.dtype)
    dx[:, :, ::down, ::across] = dout[:, : x_shape[1]]
    return dx


class PadChannels(Layer):
    """Every `stride`-th pixel, with channels of zeros appended: a shortcut without parameters.

    >>> import numpy as np
    >>> PadChannels(8, stride=2).forward(np.ones((2, 4, 6, 6)))[0].shape
    (2, 8, 3, 3)
    """

    def __init__(self, channels, stride=1):
        super().__init__()
        self.channels, self.stride = channels, stride

    def forward(self, x, train=False):
        """Return the smaller, deeper image and the cache."""
        return pad_channels_forward(x, self.channels, self.stride)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return pad_channels_backward(dout, cache), {}
