"""Layer norm and group norm: each example is standardised by itself, so that batches play no part."""

import numpy as np

from nnscratch.course import NotWritten


def layer_norm_forward(x, gamma, beta, eps=1e-5):
    """Standardise every example of x over its own features, then scale by gamma and shift by beta.

    x: (N, D), floating point. gamma, beta: (D,). mean and var below are those of x[n] over its D features, the
    variance divided by D.

    out[n, d] = gamma[d] * (x[n, d] - mean) / sqrt(var + eps) + beta[d]

    Returns (out, cache): out has the shape and dtype of x. All inputs stay as they are.

    >>> out, cache = layer_norm_forward(np.array([[1.0, 3.0], [10.0, 30.0]]), np.ones(2), np.zeros(2))
    >>> out.round(3)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    # solution
    centred = x - x.mean(axis=1, keepdims=True)
    std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
    x_hat = centred / std
    return gamma * x_hat + beta, (x_hat, gamma, std)
    # end of solution


def layer_norm_backward(dout, cache):
    """Pass the gradient back through layer_norm_forward.

    dout: (N, D). Returns (dx, dgamma, dbeta), shaped like x, gamma and beta. The formula of dx is that of batch
    norm with features in the place of examples; mind that gamma differs from feature to feature, so that it cannot
    be taken out of the means. dgamma and dbeta are still sums over the examples.

    >>> out, cache = layer_norm_forward(np.array([[1.0, 2.0, 6.0]]), np.ones(3), np.zeros(3))
    >>> dx, dgamma, dbeta = layer_norm_backward(np.array([[1.0, 0.0, 0.0]]), cache)
    >>> dx.round(3), dgamma.round(3), dbeta
    (array([[ 0.176, -0.22 ,  0.044]]), array([-0.926,  0.   ,  0.   ]), array([1., 0., 0.]))
    """
    # solution
    x_hat, gamma, std = cache
    dx_hat = dout * gamma
    through_mean = dx_hat.mean(axis=1, keepdims=True)
    through_var = x_hat * (dx_hat * x_hat).mean(axis=1, keepdims=True)
    dx = (dx_hat - through_mean - through_var) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    # end of solution


def group_norm_forward(x, gamma, beta, groups=1, eps=1e-5):
    """Standardise each group of channels of each example by itself, then scale and shift channel by channel.

    x: (N, C, H, W), floating point. gamma, beta: (C,). groups: a divisor of C, else a ValueError is raised: group
    0 holds the first C / groups channels, group 1 the next, and so on. The mean and the variance of a group are
    taken over all its channels and pixels, the variance divided by their number.

    out[n, c, i, j] = gamma[c] * (x[n, c, i, j] - mean) / sqrt(var + eps) + beta[c]

    Returns (out, cache): out has the shape and dtype of x. All inputs stay as they are.

    >>> x = np.array([1.0, 3.0, 50.0, 90.0]).reshape(1, 4, 1, 1)
    >>> group_norm_forward(x, np.ones(4), np.zeros(4), groups=2)[0].ravel().round(3)
    array([-1.,  1., -1.,  1.])
    """
    # solution
    N, C = x.shape[:2]
    if groups < 1 or C % groups:
        raise ValueError(f"{C} channels cannot be cut into {groups} groups: use a divisor of {C}")
    rows = x.reshape(N * groups, -1)
    std = np.sqrt(rows.var(axis=1, keepdims=True) + eps)
    x_hat = ((rows - rows.mean(axis=1, keepdims=True)) / std).reshape(x.shape)
    out = gamma[:, None, None] * x_hat + beta[:, None, None]
    return out, (x_hat, gamma, std)
    # end of solution


def group_norm_backward(dout, cache):
    """Pass the gradient back through group_norm_forward.

    dout: (N, C, H, W). Returns (dx, dgamma, dbeta), shaped like x, gamma and beta. Shaped as one row for each
    group of each example, dx follows layer norm's formula; dgamma and dbeta are sums over all but the channels.

    >>> x = np.array([1.0, 2.0, 6.0]).reshape(1, 3, 1, 1)
    >>> out, cache = group_norm_forward(x, np.ones(3), np.zeros(3), groups=1)
    >>> dx, dgamma, dbeta = group_norm_backward(np.array([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1), cache)
    >>> dx.ravel().round(3), dbeta
    (array([ 0.176, -0.22 ,  0.044]), array([1., 0., 0.]))
    """
    # solution
    x_hat, gamma, std = cache
    dx_hat = (dout * gamma[:, None, None]).reshape(len(std), -1)
    rows = x_hat.reshape(dx_hat.shape)
    through_mean = dx_hat.mean(axis=1, keepdims=True)
    through_var = rows * (dx_hat * rows).mean(axis=1, keepdims=True)
    dx = ((dx_hat - through_mean - through_var) / std).reshape(dout.shape)
    return dx, (dout * x_hat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))
    # end of solution
