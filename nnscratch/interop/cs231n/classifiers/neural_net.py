"""cs231n.classifiers.neural_net: the network of two layers of the assignments until 2020, which trains itself."""

import numpy as np

from nnscratch.interop.cs231n import layer_utils, layers
from nnscratch.interop.cs231n.classifiers import fc_net
from nnscratch.interop.cs231n.dialects import dialect

__all__ = ["TwoLayerNet"]


class TwoLayerNet:
    """affine - ReLU - affine - softmax; the penalty is reg * sum(W * W) of both weights, half of it in 2016.

    >>> net = TwoLayerNet(4, 5, 3)
    >>> net.loss(np.ones((2, 4))).shape, round(net.loss(np.ones((2, 4)), np.array([0, 1]), reg=0.1)[0], 3)
    ((2, 3), 1.099)
    """

    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        self.params = fc_net.TwoLayerNet(input_size, hidden_size, output_size, std).params

    def loss(self, X, y=None, reg=0.0):
        """Without y the scores (N, C) of X (N, D); with labels (loss, grads)."""
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        hidden, first = layer_utils.affine_relu_forward(X, W1, b1)
        scores, second = layers.affine_forward(hidden, W2, b2)
        if y is None:
            return scores
        loss, dscores = layers.softmax_loss(scores, y)
        grads = {}
        dhidden, grads["W2"], grads["b2"] = layers.affine_backward(dscores, second)
        _, grads["W1"], grads["b1"] = layer_utils.affine_relu_backward(dhidden, first)
        return fc_net.add_penalty(loss, grads, self.params, 2 * dialect().penalty * reg), grads

    def train(
        self,
        X,
        y,
        X_val,
        y_val,
        learning_rate=1e-3,
        learning_rate_decay=0.95,
        reg=5e-6,
        num_iters=100,
        batch_size=200,
        verbose=False,
    ):
        """Take num_iters steps; return loss_history and, by epochs, train_acc_history and val_acc_history."""
        per_epoch = max(len(X) // batch_size, 1)
        stats: dict[str, list] = {"loss_history": [], "train_acc_history": [], "val_acc_history": []}
        for t in range(num_iters):
            rows = np.random.choice(len(X), batch_size)
            loss, grads = self.loss(X[rows], y[rows], reg=reg)
            stats["loss_history"].append(loss)
            for name, grad in grads.items():
                self.params[name] -= learning_rate * grad
            if verbose and t % 100 == 0:
                print(f"iteration {t} / {num_iters}: loss {loss:f}")
            if t % per_epoch == 0:
                stats["train_acc_history"].append((self.predict(X[rows]) == y[rows]).mean())
                stats["val_acc_history"].append((self.predict(X_val) == y_val).mean())
                learning_rate *= learning_rate_decay
        return stats

    def predict(self, X):
        """The class (N,) with the highest score for each of X (N, D)."""
        return self.loss(X).argmax(axis=1)
