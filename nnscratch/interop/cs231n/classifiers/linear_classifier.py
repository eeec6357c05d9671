"""cs231n.classifiers.linear_classifier: linear classifiers that stochastic gradient descent trains."""

import numpy as np

from nnscratch.interop.cs231n.classifiers.linear_svm import svm_loss_vectorized
from nnscratch.interop.cs231n.classifiers.softmax import softmax_loss_vectorized

__all__ = ["LinearClassifier", "LinearSVM", "Softmax"]


class LinearClassifier:
    """Scores X W; a subclass gives `loss(X_batch, y_batch, reg) -> (loss, dW)`. `W` is None before training.

    >>> LinearClassifier().W is None
    True
    """

    def __init__(self):
        self.W = None

    def train(self, X, y, learning_rate=1e-3, reg=1e-5, num_iters=100, batch_size=200, verbose=False):
        """Take num_iters steps on batches drawn with replacement; return the list of losses.

        W is drawn at the first call, from NumPy's global generator, and kept at later ones.
        """
        if self.W is None:
            self.W = 0.001 * np.random.randn(X.shape[1], int(np.max(y)) + 1)
        losses = []
        for t in range(num_iters):
            rows = np.random.choice(len(X), batch_size)
            loss, dW = self.loss(X[rows], y[rows], reg)
            losses.append(loss)
            self.W -= learning_rate * dW
            if verbose and t % 100 == 0:
                print(f"iteration {t} / {num_iters}: loss {loss:f}")
        return losses

    def predict(self, X):
        """The class (N,) with the highest score for each of X (N, D)."""
        return (X @ self.W).argmax(axis=1)

    def loss(self, X_batch, y_batch, reg):
        """Left to subclasses."""
        raise NotImplementedError("use LinearSVM or Softmax, or write loss(X_batch, y_batch, reg) in a subclass")


class LinearSVM(LinearClassifier):
    """The linear classifier with the multiclass hinge loss.

    >>> np.random.seed(0)
    >>> model, X, y = LinearSVM(), np.eye(2), np.array([1, 0])
    >>> len(model.train(X, y, learning_rate=0.1, batch_size=2)), model.predict(X)
    (100, array([1, 0]))
    """

    def loss(self, X_batch, y_batch, reg):
        """Return (loss, dW)."""
        return svm_loss_vectorized(self.W, X_batch, y_batch, reg)


class Softmax(LinearClassifier):
    """The linear classifier with the cross-entropy.

    >>> np.random.seed(0)
    >>> model, X, y = Softmax(), np.eye(2), np.array([1, 0])
    >>> len(model.train(X, y, learning_rate=0.1, batch_size=2)), model.predict(X)
    (100, array([1, 0]))
    """

    def loss(self, X_batch, y_batch, reg):
        """Return (loss, dW)."""
        return softmax_loss_vectorized(self.W, X_batch, y_batch, reg)
