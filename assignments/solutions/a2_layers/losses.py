"""Losses: one number that says how wrong the scores are, and its gradient with respect to the scores."""

import numpy as np

from nnscratch.course import NotWritten


def svm_loss(x, y, margin=1.0):
    """Compute the multiclass hinge loss and its gradient.

    x: scores (N, C), floating point. y: labels (N,), whole numbers from 0 to C - 1. margin: a number.

    Every wrong score should stay at least `margin` below the right one, and what it lacks is added up:

    excess[n, c] = max(0, x[n, c] - x[n, y[n]] + margin) for c != y[n], and 0 for the right class
    loss = the sum of all excess, divided by N

    Returns (loss, dx): the loss as one number, dx shaped like x and with its dtype. In dx each wrong class with an
    excess above 0 has 1 / N, the right class minus 1 / N for each of those. x and y stay as they are.

    >>> svm_loss(np.array([[3.0, 2.5, 0.0]]), np.array([0]))
    (0.5, array([[-1.,  1.,  0.]]))
    """
    # solution
    rows = np.arange(len(x))
    excess = np.maximum(0, x - x[rows, y][:, None] + margin)
    excess[rows, y] = 0
    dx = (excess > 0).astype(x.dtype)
    dx[rows, y] = -dx.sum(axis=1)
    return float(excess.sum() / len(x)), dx / len(x)
    # end of solution


def softmax_loss(x, y):
    """Compute the softmax cross-entropy loss and its gradient, without an overflow for any scores.

    x: scores (N, C), floating point. y: labels (N,), whole numbers from 0 to C - 1.

    p[n, c] = exp(x[n, c]) / (sum over k of exp(x[n, k]))
    loss = the mean over n of -log(p[n, y[n]])
    dx[n, c] = (p[n, c] - (1 if c == y[n] else 0)) / N

    Subtracting the largest score of a row from the whole row changes no p, and leaves no power above 1. And the
    logarithm of p is better had by log p[n, c] = x[n, c] - log(sum over k of exp(x[n, k])) than from a p that may
    have become 0.

    Returns (loss, dx): the loss as one number, dx shaped like x and with its dtype. x and y stay as they are.

    >>> loss, dx = softmax_loss(np.array([[0.0, 0.0], [1000.0, 0.0]]), np.array([0, 1]))
    >>> round(loss, 3), dx
    (500.347, array([[-0.25,  0.25],
           [ 0.5 , -0.5 ]]))
    """
    # solution
    rows = np.arange(len(x))
    shifted = x - x.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dx = np.exp(log_p)
    dx[rows, y] -= 1
    return float(-log_p[rows, y].mean()), dx / len(x)
    # end of solution
