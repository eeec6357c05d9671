"""cs231n.classifiers.linear_svm: the multiclass hinge loss of a linear classifier, as loops and without."""

import numpy as np

from nnscratch.classic.linear import linear_loss, svm_naive
from nnscratch.interop.cs231n.dialects import dialect
from nnscratch.layers import svm_loss

__all__ = ["svm_loss_naive", "svm_loss_vectorized"]


def svm_loss_naive(W, X, y, reg):
    """Return (loss, dW) for W (D, C), X (N, D), y (N,); the penalty is reg * sum(W * W), half of it in 2016.

    >>> svm_loss_naive(np.zeros((3, 2)), np.ones((4, 3)), np.array([0, 1, 1, 1]), 0.5)[0]
    1.0
    """
    return svm_naive(W, np.zeros(W.shape[1]), X, y, 2 * dialect().penalty * reg)[:2]


def svm_loss_vectorized(W, X, y, reg):
    """What svm_loss_naive gives, without loops.

    >>> svm_loss_vectorized(np.zeros((3, 2)), np.ones((4, 3)), np.array([0, 1, 1, 1]), 0.5)[0]
    1.0
    """
    strength = 2 * dialect().penalty * reg
    return linear_loss(W, np.zeros(W.shape[1], W.dtype), X, y, strength, svm_loss)[:2]
