"""Linear classifiers: one weighted sum of the pixels per class, as loops, as array code, and trained by SGD."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnscratch import arrays
from nnscratch.choices import choose
from nnscratch.data.batches import Batches
from nnscratch.layers.affine import affine_backward, affine_forward
from nnscratch.layers.losses import LOSSES, check_labels
from nnscratch.layers.regularizers import l2_penalty
from nnscratch.shapes import as_rows, match_axes


class LinearError(ValueError):
    """A linear classifier was used before it was trained, or with settings that make no sense."""


def svm_naive(w: Any, b: Any, x: Any, y: Any, strength: float = 0.0) -> tuple[float, Any, Any]:
    """Multiclass hinge loss of the scores x w + b, example by example: (loss, dw, db).

    w: (D, C), b: (C,), x: (N, D), y: labels (N,). Half of `strength` times the sum of squares of w is added.
    Source: Weston & Watkins 1999, sec. 3. Raises ShapeError, LabelError.

    >>> loss, dw, db = svm_naive(np.zeros((3, 2)), np.zeros(2), np.ones((4, 3)), np.array([0, 1, 1, 1]))
    >>> loss, db
    (1.0, array([ 0.5, -0.5]))
    """
    N, C = _check("svm_naive", w, b, x, y)
    loss, dw, db = 0.0, np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        scores = x[n] @ w + b
        for c in range(C):
            excess = scores[c] - scores[y[n]] + 1
            if c != y[n] and excess > 0:
                loss += excess / N
                dw[:, c] += x[n] / N
                dw[:, y[n]] -= x[n] / N
                db[c] += 1 / N
                db[y[n]] -= 1 / N
    penalty, dpenalty = l2_penalty(w, strength)
    return float(loss + penalty), dw + dpenalty, db


def softmax_naive(w: Any, b: Any, x: Any, y: Any, strength: float = 0.0) -> tuple[float, Any, Any]:
    """Softmax cross-entropy of the scores x w + b, example by example: (loss, dw, db).

    w: (D, C), b: (C,), x: (N, D), y: labels (N,). Half of `strength` times the sum of squares of w is added.
    Source: Bishop 2006, eq. 4.108. Raises ShapeError, LabelError.

    >>> loss, dw, db = softmax_naive(np.zeros((3, 2)), np.zeros(2), np.ones((4, 3)), np.array([0, 1, 1, 1]))
    >>> round(loss, 4), db
    (0.6931, array([ 0.25, -0.25]))
    """
    N, C = _check("softmax_naive", w, b, x, y)
    loss, dw, db = 0.0, np.zeros_like(w), np.zeros_like(b)
    for n in range(N):
        scores = x[n] @ w + b
        scores -= scores.max()  # changes no probability, and the largest power is 1: none overflows
        powers = np.exp(scores)
        probabilities = powers / powers.sum()
        loss -= (scores[y[n]] - np.log(powers.sum())) / N
        for c in range(C):
            dscore = (probabilities[c] - (c == y[n])) / N
            dw[:, c] += dscore * x[n]
            db[c] += dscore
    penalty, dpenalty = l2_penalty(w, strength)
    return float(loss + penalty), dw + dpenalty, db


def linear_loss(
    w: Any, b: Any, x: Any, y: Any, strength: float = 0.0, criterion: Callable = LOSSES["softmax"]
) -> tuple[float, Any, Any]:
    """What svm_naive and softmax_naive give, for any criterion (scores, y) -> (loss, dscores), without a loop.

    >>> loss, dw, db = linear_loss(np.zeros((3, 2)), np.zeros(2), np.ones((4, 3)), np.array([0, 1, 1, 1]))
    >>> round(loss, 4), db
    (0.6931, array([ 0.25, -0.25]))
    """
    scores, cache = affine_forward(x, w, b)
    loss, dscores = criterion(scores, y)
    _, dw, db = affine_backward(dscores, cache)
    penalty, dpenalty = l2_penalty(w, strength)
    return loss + penalty, dw + dpenalty, db


class LinearClassifier:
    """A linear classifier that stochastic gradient descent trains: w moves against its gradient on each batch.

    `criterion` is "svm", "softmax" or a function (scores, y) -> (loss, dscores); `rate` the learning rate, which
    falls to 0 along a straight line; `strength` that of the L2 penalty. `losses` holds the loss of every step.
    Raises LinearError for a rate, a strength or epochs that make no sense, ValueError for an unknown criterion.

    >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]] * 10), np.array([0, 1] * 10)
    >>> model = LinearClassifier("svm", rate=0.1, epochs=20, batch_size=5).fit(x, y)
    >>> model.predict(x[:2]), model.losses[-1] < model.losses[0]
    (array([0, 1]), True)
    """

    def __init__(self, criterion: str | Callable = "softmax", rate=1e-2, strength=0.0, epochs=10, batch_size=128):
        self.criterion = criterion if callable(criterion) else choose(criterion, LOSSES, "loss")
        if not rate > 0 or not strength >= 0 or not epochs >= 1:
            raise LinearError(
                f"rate={rate}, strength={strength}, epochs={epochs}: give a rate above 0, a strength of 0 or "
                "more, and 1 epoch or more"
            )
        self.rate, self.strength = rate, strength
        self.epochs, self.batch_size = epochs, batch_size
        self.w: Any = None
        self.b: Any = None
        self.losses: list[float] = []

    def fit(self, x: Any, y: Any, classes: int | None = None, seed: int = 0) -> "LinearClassifier":
        """Train on x (N, ...), floating point, and labels y (N,); raises DataError for data that cannot be used.

        `classes` is by default the largest label and one.
        """
        batches = Batches(as_rows(x), y, min(self.batch_size, max(len(x), 1)), seed=seed)
        C = int(batches.y.max()) + 1 if classes is None else classes
        self.w = arrays.rng(seed).normal(0, 1e-3, (batches.x.shape[1], C)).astype(np.float32)
        self.b = np.zeros(C, np.float32)
        self.losses, steps = [], self.epochs * len(batches)
        for epoch in range(self.epochs):
            for x_batch, y_batch in batches.epoch(epoch):
                loss, dw, db = linear_loss(self.w, self.b, x_batch, y_batch, self.strength, self.criterion)
                rate = self.rate * (1 - len(self.losses) / steps)
                self.w -= rate * dw
                self.b -= rate * db
                self.losses.append(loss)
        return self

    def scores(self, x: Any) -> Any:
        """Scores (N, C) of x (N, ...); raises LinearError before `fit`, ShapeError."""
        if self.w is None:
            raise LinearError("the linear classifier has learned nothing yet: call fit(x, y) first")
        return affine_forward(x.astype(np.float32), self.w, self.b)[0]

    def predict(self, x: Any) -> Any:
        """The class with the highest score, (N,), for x (N, ...)."""
        return self.scores(x).argmax(axis=1)

    def templates(self, image: tuple[int, int, int]) -> Any:
        """The weights of each class as an image, (C, *image): what the class looks for.

        Raises LinearError before `fit`, or when the weights are not those of such images.
        """
        if self.w is None or self.w.shape[0] != np.prod(image):
            raise LinearError(
                f"no templates of {image}: fit(x, y) the classifier to images of this shape first, "
                f"its weights are {None if self.w is None else self.w.shape}"
            )
        return self.w.T.reshape(-1, *image)


def _check(operation, w, b, x, y):
    """Check shapes and labels, and return (N, C)."""
    N, D, C = match_axes(operation, x=(x, "N D"), w=(w, "D C"), b=(b, "C"), y=(y, "N"))
    check_labels(y, C, operation)
    return N, C
