"""The definitions of what normalisation needs: moments, sums and scales of channels, and of groups of channels."""

import math

from nnscratch.arrays import array_module


def channel_moments(x):
    """Return mean and (biased) variance of every channel: x (N, C, ...) -> (C,) and (C,).

    >>> import numpy as np
    >>> channel_moments(np.array([[1.0, 5.0], [3.0, 5.0]]))
    (array([2., 5.]), array([1., 0.]))
    """
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axis=axes)
    return mean, array_module(x).square(x - _column(mean, x)).mean(axis=axes)


def channel_sum(x):
    """Return the sum of every channel: x (N, C, ...) -> (C,).

    >>> import numpy as np
    >>> channel_sum(np.array([[1.0, 5.0], [3.0, 5.0]]))
    array([ 4., 10.])
    """
    return x.sum(axis=(0, *range(2, x.ndim)))


def channel_sums(x, y, centre, gate=None):
    """Return the sum of x and the sum of x * (y - centre) over every channel: x, y (N, C, ...) -> (C,) and (C,).

    With `gate`, a pair (scale, shift) of (C,), x counts only where (y - centre) * scale + shift > 0: the backward
    pass of a ReLU that came after channel_affine, in the same pass.

    >>> import numpy as np
    >>> channel_sums(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([1.0, 1.0]))
    (array([1., 2.]), array([2., 6.]))
    """
    axes, products = (0, *range(2, x.ndim)), x * (y - _column(centre, x))
    return _gated(x, y, gate, centre).sum(axis=axes), _gated(products, y, gate, centre).sum(axis=axes)


def channel_affine(x, scale, shift, centre, least=-math.inf):
    """Return (x - centre) * scale + shift channel by channel: x (N, C, ...), the others (C,).

    What is less than `least` becomes `least`: with 0, a ReLU is done in the same pass.

    >>> import numpy as np
    >>> channel_affine(np.array([[1.0, 2.0]]), np.array([10.0, 20.0]), np.array([0.5, 0.5]), np.array([1.0, 1.0]))
    array([[ 0.5, 20.5]])
    """
    out = (x - _column(centre, x)) * _column(scale, x)
    out += _column(shift, x)
    return out if least == -math.inf else array_module(out).maximum(out, out.dtype.type(least))


def channel_blend(x, a, y, b, c, centre, gate=None):
    """Return a * x + b * (y - centre) + c channel by channel: x, y (N, C, ...), the others (C,).

    With `gate`, a pair (scale, shift) of (C,), x counts only where (y - centre) * scale + shift > 0: the backward
    pass of a ReLU that came after channel_affine, in the same pass.

    >>> import numpy as np
    >>> one = np.array([1.0])
    >>> channel_blend(np.array([[1.0]]), 2 * one, np.array([[3.0]]), 4 * one, 5 * one, centre=one)
    array([[15.]])
    """
    x = _gated(x, y, gate, centre)
    return _column(a, x) * x + _column(b, x) * (y - _column(centre, x)) + _column(c, x)


def group_norm(x, gamma, beta, groups, eps):
    """Standardise each example's `groups` groups of channels, and scale and shift: return (out, mean, inv_std).

    x: (N, C, ...); gamma, beta: (C,); mean, inv_std: (N, groups). out = gamma * (x - mean) * inv_std + beta, where
    inv_std = 1 / sqrt(var + eps), and mean and the (biased) variance are those of a group.

    >>> import numpy as np
    >>> out, mean, inv_std = group_norm(np.array([[1.0, 3.0]]), np.ones(2), np.zeros(2), groups=1, eps=0.0)
    >>> out, mean, inv_std
    (array([[-1.,  1.]]), array([[2.]]), array([[1.]]))
    """
    rows = _groups_of(x, groups)
    mean = rows.mean(axis=2)
    var = array_module(x).square(rows - mean[:, :, None]).mean(axis=2)
    inv_std = 1 / array_module(x).sqrt(var + eps)
    return _standard(x, mean, inv_std) * _column(gamma, x) + _column(beta, x), mean, inv_std


def group_norm_backward(dout, x, gamma, mean, inv_std):
    """Return dx, dgamma and dbeta of group_norm from its x, gamma, mean and inv_std.

    With x_hat = (x - mean) * inv_std and dx_hat = gamma * dout, dx = (dx_hat - its mean - x_hat * the mean of
    dx_hat * x_hat) * inv_std. The two means, over a group, are the paths through the mean and the variance.

    >>> import numpy as np
    >>> x, one = np.array([[1.0, 3.0]]), np.ones((1, 1))
    >>> group_norm_backward(np.array([[1.0, 0.0]]), x, np.ones(2), 2 * one, one)
    (array([[0., 0.]]), array([-1.,  0.]), array([1., 0.]))
    """
    x_hat, dx_hat = _standard(x, mean, inv_std), dout * _column(gamma, x)
    products, groups = _groups_of(dx_hat * x_hat, mean.shape[1]), _groups_of(dx_hat, mean.shape[1])
    through_mean = groups.mean(axis=2, keepdims=True)
    through_var = _groups_of(x_hat, mean.shape[1]) * products.mean(axis=2, keepdims=True)
    dx = (groups - through_mean - through_var) * inv_std[:, :, None]
    axes = (0, *range(2, x.ndim))
    return dx.reshape(x.shape), (dout * x_hat).sum(axis=axes), dout.sum(axis=axes)


def _gated(x, y, gate, centre):
    if gate is None:
        return x
    return array_module(x).where(channel_affine(y, gate[0], gate[1], centre) > 0, x, x.dtype.type(0))


def _groups_of(x, groups):
    """View x (N, C, ...) as (N, groups, the numbers of a group)."""
    return x.reshape(len(x), groups, math.prod(x.shape[1:]) // groups)


def _standard(x, mean, inv_std):
    groups = _groups_of(x, mean.shape[1])
    return ((groups - mean[:, :, None]) * inv_std[:, :, None]).reshape(x.shape)


def _column(vector, x):
    """View a vector (C,) so that it lies along x's channel axis."""
    return vector.reshape((-1,) + (1,) * (x.ndim - 2))
