"""Linear classifiers: one weighted sum of the pixels per class, with the losses of the SVM and of softmax."""

import numpy as np

from nnscratch.course import NotWritten


def svm_naive(w, b, x, y, strength):
    """Multiclass hinge loss of a linear classifier and its gradients, with loops.

    w: weights (D, C); b: biases (C,); x: examples (N, D); y: labels (N,), from 0 to C - 1; strength: number >=
    0.
    Returns (loss, dw, db): a number, and gradients with the shapes of w and b.

    scores[n, c] = sum over d of x[n, d] w[d, c] + b[c]
    margin[n, c] = max(0, scores[n, c] - scores[n, y[n]] + 1), for every c except y[n]
    loss = (sum of all margins) / N + 0.5 * strength * (sum of all w**2); b is not penalised.

    Each margin above 0 grows with scores[n, c] and falls with scores[n, y[n]]; those that are 0 have no
    gradient. w, b, x and y are left as they are.

    >>> loss, dw, db = svm_naive(np.zeros((3, 2)), np.zeros(2), np.ones((4, 3)), np.array([0, 1, 1, 1]), 0.0)
    >>> float(loss), db
    (1.0, array([ 0.5, -0.5]))
    """
    # solution
    N, C = len(x), len(b)
    loss, dw, db = 0.0, np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        scores = x[n] @ w + b
        for c in range(C):
            margin = scores[c] - scores[y[n]] + 1
            if c != y[n] and margin > 0:
                loss += margin / N
                dw[:, c] += x[n] / N
                dw[:, y[n]] -= x[n] / N
                db[c] += 1 / N
                db[y[n]] -= 1 / N
    return loss + 0.5 * strength * (w * w).sum(), dw + strength * w, db
    # end of solution


def svm_vectorized(w, b, x, y, strength):
    """The loss and gradients of svm_naive, without a loop and at least twenty times faster.

    w: (D, C); b: (C,); x: (N, D); y: (N,); strength: number >= 0. Returns (loss, dw, db) as svm_naive does.

    Find dscores (N, C), the gradient of the loss by the scores, first: 1/N where a margin is above 0, and at the
    right class minus the number of such margins, over N. Then dw = x^T dscores, db = the sum of its rows.

    >>> loss, dw, db = svm_vectorized(np.zeros((3, 2)), np.zeros(2), np.ones((4, 3)), np.array([0, 1, 1, 1]), 0.0)
    >>> float(loss), db
    (1.0, array([ 0.5, -0.5]))
    """
    # solution
    N = len(x)
    rows = np.arange(N)
    scores = x @ w + b
    margins = np.maximum(scores - scores[rows, y][:, None] + 1, 0)
    margins[rows, y] = 0
    loss = margins.sum() / N + 0.5 * strength * (w * w).sum()

    dscores = (margins > 0) / N
    dscores[rows, y] = -dscores.sum(axis=1)
    return loss, x.T @ dscores + strength * w, dscores.sum(axis=0)
    # end of solution


def softmax_naive(w, b, x, y, strength):
    """Softmax cross-entropy of a linear classifier and its gradients, with loops.

    w: weights (D, C); b: biases (C,); x: examples (N, D); y: labels (N,), from 0 to C - 1; strength: number >=
    0.
    Returns (loss, dw, db): a number, and gradients with the shapes of w and b.

    scores[n, c] = sum over d of x[n, d] w[d, c] + b[c]
    p[n, c] = exp(scores[n, c]) / (sum over k of exp(scores[n, k]))
    loss = (sum over n of -log p[n, y[n]]) / N + 0.5 * strength * (sum of all w**2); b is not penalised.
    The gradient by scores[n, c] is (p[n, c] - 1) / N for c = y[n], and p[n, c] / N for all others.

    Scores of 1000 must not overflow: subtracting the largest score of an example from all of its scores changes
    no probability. Take the logarithm of the sum, not of p, which may be 0.

    >>> loss, dw, db = softmax_naive(np.zeros((3, 2)), np.zeros(2), np.ones((4, 3)), np.array([0, 1, 1, 1]), 0.0)
    >>> round(float(loss), 4), db
    (0.6931, array([ 0.25, -0.25]))
    """
    # solution
    N, C = len(x), len(b)
    loss, dw, db = 0.0, np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        scores = x[n] @ w + b
        scores -= scores.max()
        powers = np.exp(scores)
        loss += (np.log(powers.sum()) - scores[y[n]]) / N
        for c in range(C):
            dscore = (powers[c] / powers.sum() - (c == y[n])) / N
            dw[:, c] += dscore * x[n]
            db[c] += dscore
    return loss + 0.5 * strength * (w * w).sum(), dw + strength * w, db
    # end of solution


def softmax_vectorized(w, b, x, y, strength):
    """The loss and gradients of softmax_naive, without a loop and at least twenty times faster.

    w: (D, C); b: (C,); x: (N, D); y: (N,); strength: number >= 0. Returns (loss, dw, db) as softmax_naive does;
    scores of 1000 must not overflow here either.

    >>> arguments = np.zeros((3, 2)), np.zeros(2), np.ones((4, 3)), np.array([0, 1, 1, 1]), 0.0
    >>> loss, dw, db = softmax_vectorized(*arguments)
    >>> round(float(loss), 4), db
    (0.6931, array([ 0.25, -0.25]))
    """
    # solution
    N = len(x)
    rows = np.arange(N)
    scores = x @ w + b
    scores -= scores.max(axis=1, keepdims=True)
    powers = np.exp(scores)
    sums = powers.sum(axis=1, keepdims=True)
    loss = (np.log(sums[:, 0]) - scores[rows, y]).sum() / N + 0.5 * strength * (w * w).sum()

    dscores = powers / sums
    dscores[rows, y] -= 1
    dscores /= N
    return loss, x.T @ dscores + strength * w, dscores.sum(axis=0)
    # end of solution


def train_linear(loss, w, b, x, y, rate, strength, epochs, batch_size, rng):
    """Train a linear classifier by stochastic gradient descent.

    loss: function (w, b, x, y, strength) -> (loss, dw, db), such as those above; w: (D, C) and b: (C,), where to
    start; x: (N, D); y: (N,); rate: learning rate; strength: handed on to `loss`; epochs: passes over all
    examples; batch_size: examples in a batch; rng: a numpy.random.Generator.
    Returns (w, b, losses): the trained weights and biases, and a list with the loss of every step, in order.

    In each epoch, draw an order of the examples with ONE call rng.permutation(N), and go through it in batches
    of `batch_size`: the first batch is the first `batch_size` examples in that order. The last batch is smaller
    where N is no multiple of batch_size; no example is left out. Each step moves against the gradients: w -
    rate * dw, b - rate * db. Both gradients of a step are those at the old w and b. The arrays w and b that
    were handed in are left as they are: return new ones.

    >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]] * 10), np.array([0, 1] * 10)
    >>> start = np.zeros((2, 2)), np.zeros(2)
    >>> w, b, losses = train_linear(svm_vectorized, *start, x, y, 0.1, 0.0, 5, 8, np.random.default_rng(0))
    >>> len(losses), bool(losses[-1] < losses[0])
    (15, True)
    """
    # solution
    losses = []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            value, dw, db = loss(w, b, x[batch], y[batch], strength)
            w, b = w - rate * dw, b - rate * db
            losses.append(value)
    return w, b, losses
    # end of solution
