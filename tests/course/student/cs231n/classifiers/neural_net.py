"""A student's network of the older years."""

import numpy as np


class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        self.params = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def loss(self, X, y=None, reg=0.0):
        W1, b1, W2, b2 = (self.params[k] for k in ("W1", "b1", "W2", "b2"))
        h = np.maximum(0, X.dot(W1) + b1)
        scores = h.dot(W2) + b2
        if y is None:
            return scores
        N = X.shape[0]
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(N), y]).mean() + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        p[np.arange(N), y] -= 1
        p /= N
        dh = p.dot(W2.T) * (h > 0)
        grads = {"W2": h.T.dot(p) + 2 * reg * W2, "b2": p.sum(axis=0)}
        grads.update(W1=X.T.dot(dh) + 2 * reg * W1, b1=dh.sum(axis=0))
        return loss, grads

    def train(
        self, X, y, X_val, y_val, learning_rate=1e-3, learning_rate_decay=0.95, reg=5e-6, num_iters=100,
        batch_size=200, verbose=False,
    ):  # fmt: skip
        history = []
        for _ in range(num_iters):
            idx = np.random.choice(X.shape[0], batch_size)
            loss, grads = self.loss(X[idx], y=y[idx], reg=reg)
            history.append(loss)
            for name in self.params:
                self.params[name] -= learning_rate * grads[name]
        return {"loss_history": history}

    def predict(self, X):
        return np.argmax(self.loss(X), axis=1)
