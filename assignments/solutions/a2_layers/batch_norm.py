"""Batch norm: every feature gets mean 0 and variance 1 over the batch, then a learned scale and shift."""

import numpy as np

from nnscratch.course import NotWritten


def batch_norm_forward(x, gamma, beta, mean=None, var=None, eps=1e-5):
    """Standardise every feature of x, then scale it by gamma and shift it by beta.

    x: (N, D), floating point. gamma, beta: (D,).
    mean, var: None in training: they are then the batch's own, over its N examples, the variance being the mean of
    the squared distances from the mean (divided by N, not by N - 1). In evaluation they are given, (D,), and the
    batch's own play no part, so that an example gets the same result in every batch.

    x_hat = (x - mean) / sqrt(var + eps)
    out = gamma * x_hat + beta

    Returns (out, cache): out has the shape and dtype of x. The cache is a tuple and yours, but for its last two
    entries: they are the mean and the variance that were used, (D,) each. All inputs stay as they are.

    >>> out, cache = batch_norm_forward(np.array([[1.0], [3.0]]), np.array([10.0]), np.array([5.0]))
    >>> out.ravel().round(3), cache[-2], cache[-1]
    (array([-5., 15.]), array([2.]), array([1.]))
    """
    # solution
    if mean is None:
        mean, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    return gamma * x_hat + beta, (x_hat, gamma, std, mean, var)
    # end of solution


def batch_norm_backward(dout, cache):
    """Pass the gradient back through batch_norm_forward in training, step by step.

    dout: (N, D). Returns (dx, dgamma, dbeta), shaped like x, gamma and beta. The mean and the variance are those
    of the batch: x acts on out in three ways, directly, through the mean and through the variance.

    Cut the forward pass into steps and go back through them from the last to the first. Where a number goes two
    ways, what comes back along both is added; where N numbers became one (a mean), all N get their share.

    mean = x.mean(0);  centred = x - mean;  var = (centred**2).mean(0);  std = sqrt(var + eps);
    x_hat = centred / std;  out = gamma * x_hat + beta

    >>> out, cache = batch_norm_forward(np.array([[1.0], [2.0], [6.0]]), np.ones(1), np.zeros(1))
    >>> dx, dgamma, dbeta = batch_norm_backward(np.array([[1.0], [0.0], [0.0]]), cache)
    >>> dx.ravel().round(3), dgamma.round(3), dbeta
    (array([ 0.176, -0.22 ,  0.044]), array([-0.926]), array([1.]))
    """
    # solution
    x_hat, gamma, std, mean, var = cache
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    dcentred = dx_hat / std
    dstd = -(dx_hat * x_hat).sum(axis=0) / std
    dvar = dstd / (2 * std)
    dcentred = dcentred + dvar * 2 * (x_hat * std) / len(dout)
    dmean = -dcentred.sum(axis=0)
    dx = dcentred + dmean / len(dout)
    return dx, dgamma, dbeta
    # end of solution


def batch_norm_dx(dout, x_hat, gamma, std):
    """Compute the dx of batch_norm_backward in one formula, from no more than these four arrays.

    dout: (N, D). x_hat: (N, D), the standardised x. gamma: (D,). std: (D,), sqrt(var + eps).
    Returns dx, (N, D), with the dtype of dout; nothing that is given changes.

    Put your steps into one another on paper. What is left is: dout, less its own mean, less x_hat times the mean
    of dout * x_hat, the means being taken over the batch; all of that times gamma / std.

    >>> x_hat = np.array([[-1.0], [1.0]])
    >>> batch_norm_dx(np.array([[1.0], [0.0]]), x_hat, np.array([3.0]), np.array([2.0])).ravel()
    array([0., 0.])
    """
    # solution
    return gamma / std * (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0))
    # end of solution


def update_running(mean, var, batch_mean, batch_var, N, momentum=0.9):
    """Move the running statistics, which evaluation uses, a little towards those of one batch.

    mean, var: (D,), the running statistics so far. batch_mean, batch_var: (D,), those of a batch of N examples, as
    they stand at the end of batch_norm_forward's cache: batch_var was divided by N. momentum: the share of the old
    that is kept.

    A batch's variance, divided by N, is a little too small on average; times N / (N - 1) it is not. N = 1 has no
    such estimate: it counts as it is.

    new mean = momentum * mean + (1 - momentum) * batch_mean
    new var = momentum * var + (1 - momentum) * batch_var * N / (N - 1)

    Returns (new mean, new var) as new arrays; nothing that is given changes.

    >>> update_running(np.array([1.0]), np.array([2.0]), np.array([3.0]), np.array([1.0]), N=2, momentum=0.5)
    (array([2.]), array([2.]))
    """
    # solution
    unbiased = batch_var * (N / max(N - 1, 1))
    return momentum * mean + (1 - momentum) * batch_mean, momentum * var + (1 - momentum) * unbiased
    # end of solution
