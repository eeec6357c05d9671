"""A student's training loop."""

import numpy as np


class LinearClassifier:
    def __init__(self):
        self.W = None

    def train(self, X, y, learning_rate=1e-3, reg=1e-5, num_iters=100, batch_size=200, verbose=False):
        if self.W is None:
            self.W = 0.001 * np.random.randn(X.shape[1], np.max(y) + 1)
        history = []
        for _ in range(num_iters):
            idx = np.random.choice(X.shape[0], batch_size)
            loss, grad = self.loss(X[idx], y[idx], reg)
            history.append(loss)
            self.W -= learning_rate * grad
        return history

    def predict(self, X):
        return np.argmax(X.dot(self.W), axis=1)
