"""Normalisation of images: by neighbouring channels (LRN) and by the batch, channel by channel."""

import numpy as np

from nnscratch.course import NotWritten


def lrn_forward(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """Damp every channel by the squares of its neighbours, as AlexNet does.

    x: (N, C, H, W). size: an odd number, how many channels count, from c - size // 2 to c + size // 2; channels
    that do not exist are left out. Pixel by pixel,

        damping[n, c, i, j] = k + alpha * sum of x[n, d, i, j]**2 over the channels d around c
        out = x * damping**-beta

    alpha is not divided by size. Returns out, of x's shape and dtype, and
    cache = (x, out, damping, size, alpha, beta). x stays as it is.
    Source: Krizhevsky, Sutskever & Hinton 2012, sec. 3.3.

    >>> x = np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
    >>> lrn_forward(x, size=3, alpha=1.0, beta=1.0, k=0.0)[0].ravel().round(4)
    array([0.2   , 0.1429, 0.2308])
    """
    # solution
    C, half = x.shape[1], size // 2
    squares = np.pad(x * x, ((0, 0), (half, half), (0, 0), (0, 0)))
    damping = k + alpha * sum(squares[:, s : s + C] for s in range(size))
    out = x * damping**-beta
    return out, (x, out, damping, size, alpha, beta)
    # end of solution


def lrn_backward(dout, cache):
    """Gradient of lrn_forward: each channel acts on its own output and on the damping of its neighbours.

    dout: (N, C, H, W). cache: (x, out, damping, size, alpha, beta) of lrn_forward. Since channel c is in the
    damping of channel d whenever d is one of the `size` channels around c,

        dx = dout * damping**-beta - 2 * alpha * beta * x * (sum of dout * out / damping over the channels around)

    Returns dx, of x's shape and dtype. Nothing that was handed in is changed.

    >>> x = np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
    >>> out, cache = lrn_forward(x, size=3, alpha=1.0, beta=1.0, k=0.0)
    >>> lrn_backward(np.ones((1, 3, 1, 1)), cache).ravel().round(4)
    array([ 0.0996, -0.2004, -0.0908])
    """
    # solution
    x, out, damping, size, alpha, beta = cache
    C, half = x.shape[1], size // 2
    parts = np.pad(dout * out / damping, ((0, 0), (half, half), (0, 0), (0, 0)))
    shared = sum(parts[:, s : s + C] for s in range(size))
    return dout * damping**-beta - 2 * alpha * beta * x * shared
    # end of solution


def spatial_batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    """Standardise every channel over the batch and all its pixels, then scale and shift it.

    x: (N, C, H, W). gamma, beta: (C,). Without mean and var (training), they are those of each channel over the
    M = N * H * W numbers that it has, the variance divided by M. With mean and var, both (C,) (running
    statistics, at test time), these are used instead and count as constants.

        x_hat = (x - mean) / sqrt(var + eps)        out = gamma * x_hat + beta

    Returns out, of x's shape and dtype, and cache = (x_hat, gamma, std, own): std (C,) is sqrt(var + eps), and
    own is True if mean and var came from x. x, gamma and beta stay as they are.
    Source: Ioffe & Szegedy 2015, algorithm 1 and sec. 3.2.

    >>> x = np.array([1.0, 3.0, 1.0, 3.0]).reshape(2, 1, 1, 2)
    >>> spatial_batch_norm_forward(x, np.array([2.0]), np.array([5.0]), eps=0.0)[0].ravel()
    array([3., 7., 3., 7.])
    """
    # solution
    own = mean is None
    if own:
        mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    std = np.sqrt(var + eps)
    x_hat = (x - mean[:, None, None]) / std[:, None, None]
    return gamma[:, None, None] * x_hat + beta[:, None, None], (x_hat, gamma, std, own)
    # end of solution


def spatial_batch_norm_backward(dout, cache):
    """Gradients of spatial_batch_norm_forward; in training, mean and variance depend on every pixel of x.

    dout: (N, C, H, W). cache: (x_hat, gamma, std, own). All sums are over the M = N * H * W numbers of a channel.

        dbeta = sum of dout        dgamma = sum of dout * x_hat
        dx = gamma / std * (dout - (dbeta + x_hat * dgamma) / M)      in training (own is True)
        dx = gamma / std * dout                                       with given statistics

    Returns dx (N, C, H, W), dgamma (C,), dbeta (C,). Nothing that was handed in is changed.

    >>> x = np.array([1.0, 3.0, 1.0, 3.0]).reshape(2, 1, 1, 2)
    >>> out, cache = spatial_batch_norm_forward(x, np.array([2.0]), np.array([5.0]), eps=0.0)
    >>> dx, dgamma, dbeta = spatial_batch_norm_backward(np.array([1.0, 0, 0, 0]).reshape(x.shape), cache)
    >>> dx.ravel(), dgamma, dbeta
    (array([ 1.,  0., -1.,  0.]), array([-1.]), array([1.]))
    """
    # solution
    x_hat, gamma, std, own = cache
    M = dout.size // dout.shape[1]
    dbeta, dgamma = dout.sum(axis=(0, 2, 3)), (dout * x_hat).sum(axis=(0, 2, 3))
    dx = dout
    if own:
        dx = dout - (dbeta[:, None, None] + x_hat * dgamma[:, None, None]) / M
    return dx * (gamma / std)[:, None, None], dgamma, dbeta
    # end of solution
