"""From words to vectors and from vectors to scores: embedding, affine layer and loss at every step."""

import numpy as np

from nnscratch.course import NotWritten


def embedding_forward(x, w):
    """Look every word up in a table of vectors.

    x: whole numbers (N, T), the words' places in the table, 0 to V - 1. w: the table (V, D).
    Returns out (N, T, D), of w's dtype, with out[n, t] = w[x[n, t]], and cache = (x, V).
    Errors: IndexError if a word is below 0 or above V - 1 (NumPy alone would take w[-1] for -1).

    >>> embedding_forward(np.array([[2, 0]]), np.arange(6.0).reshape(3, 2))[0]
    array([[[4., 5.],
            [0., 1.]]])
    """
    # solution
    V = len(w)
    if x.size and (x.min() < 0 or x.max() >= V):
        raise IndexError(f"embedding_forward: words go from {x.min()} to {x.max()}, the table from 0 to {V - 1}")
    return w[x], (x, V)
    # end of solution


def embedding_backward(dout, cache):
    """Gradient of the table: each row gets the sum of dout over all places where its word stood.

    dout: (N, T, D). cache: (x, V) of embedding_forward. Returns dw (V, D), of dout's dtype; rows of words that
    did not occur are zero. dout and x stay as they are.

    Mind `dw[x] += dout`: where a word occurs twice, only one of its gradients is added. np.add.at adds all.

    >>> out, cache = embedding_forward(np.array([[2, 0, 2]]), np.zeros((3, 2)))
    >>> embedding_backward(np.ones((1, 3, 2)), cache)
    array([[1., 1.],
           [0., 0.],
           [2., 2.]])
    """
    # solution
    x, V = cache
    dw = np.zeros((V, dout.shape[-1]), dout.dtype)
    np.add.at(dw, x, dout)
    return dw
    # end of solution


def temporal_affine_forward(x, w, b):
    """Apply one affine layer to every step of every sequence.

    x: (N, T, D), w: (D, M), b: (M,). Returns out (N, T, M) with out[n, t] = x[n, t] w + b, of x's dtype, and
    cache = (x, w). Nothing that was handed in is changed.

    >>> out, cache = temporal_affine_forward(np.ones((1, 2, 3)), np.ones((3, 2)), np.array([0.0, 1.0]))
    >>> out[0]
    array([[3., 4.],
           [3., 4.]])
    """
    # solution
    return x @ w + b, (x, w)
    # end of solution


def temporal_affine_backward(dout, cache):
    """Gradients of temporal_affine_forward: the weights are the same at every step, so their gradients add up.

    dout: (N, T, M). cache: (x, w). Returns dx (N, T, D), dw (D, M), db (M,), with dw and db summed over all
    examples and all steps. Nothing that was handed in is changed.

    >>> out, cache = temporal_affine_forward(np.ones((1, 2, 3)), np.ones((3, 2)), np.zeros(2))
    >>> dx, dw, db = temporal_affine_backward(np.ones((1, 2, 2)), cache)
    >>> dx[0, 0], dw[0], db
    (array([2., 2., 2.]), array([2., 2.]), array([2., 2.]))
    """
    # solution
    x, w = cache
    rows, drows = x.reshape(-1, x.shape[2]), dout.reshape(-1, dout.shape[2])
    return dout @ w.T, rows.T @ drows, drows.sum(axis=0)
    # end of solution


def temporal_softmax_loss(x, y, mask=None):
    """Softmax cross-entropy of sequences: the mean of -log(probability of the right word) over steps that count.

    x: scores (N, T, V). y: the right words (N, T), whole numbers from 0 to V - 1. mask: (N, T) of 0 and 1, None
    for all ones. A step with mask 0 (padding) adds nothing to the loss and gets a gradient of zero; the mean is
    over the other steps, of which there is at least one.

        loss = -(1 / count) * sum of mask[n, t] * log softmax(x[n, t])[y[n, t]],    count = sum of mask

    Large scores must not overflow: subtract each step's largest score first.

    Returns (loss, dx): a float, and the gradient (N, T, V), of x's dtype. x, y and mask stay as they are.

    >>> loss, dx = temporal_softmax_loss(np.zeros((1, 2, 4)), np.array([[0, 1]]), np.array([[1, 0]]))
    >>> round(loss, 3), dx[0, 0]
    (1.386, array([-0.75,  0.25,  0.25,  0.25]))
    """
    # solution
    N, T, V = x.shape
    mask = np.ones((N, T), x.dtype) if mask is None else np.asarray(mask, x.dtype)
    shifted = x - x.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    right = np.arange(V) == y[..., None]
    count = mask.sum()
    loss = -(log_p[right].reshape(N, T) * mask).sum() / count
    dx = (np.exp(log_p) - right) * (mask / count)[..., None]
    return float(loss), dx.astype(x.dtype)
    # end of solution
