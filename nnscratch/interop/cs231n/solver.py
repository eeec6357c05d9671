"""cs231n.solver: train a model that has `params` and `loss(X, y)`, and keep what was best in validation."""

from pathlib import Path

import numpy as np

from nnscratch.interop.cs231n import optim

__all__ = ["Solver"]


class Solver:
    """Stochastic gradient descent by one of the rules of cs231n.optim.

    model: `params`, a dict of arrays, and `loss(X, y) -> (loss, grads)`, `loss(X) -> scores`. data: `X_train`,
    `y_train`, `X_val`, `y_val`. Batches are drawn with replacement from NumPy's global generator. With
    `checkpoint_name`, each epoch writes `NAME_epoch_N.npz`. Raises ValueError for an option that there is not.

    >>> from nnscratch.interop.cs231n.classifiers.fc_net import TwoLayerNet
    >>> np.random.seed(0)
    >>> X, y = np.repeat(np.eye(2), 20, axis=0), np.repeat([0, 1], 20)
    >>> data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    >>> model = TwoLayerNet(2, 10, 2, weight_scale=0.1)
    >>> solver = Solver(model, data, optim_config={"learning_rate": 1.0}, batch_size=10, verbose=False)
    >>> solver.train()
    >>> solver.best_val_acc, len(solver.loss_history), solver.epoch
    (1.0, 40, 10)
    """

    def __init__(self, model, data, **kwargs):
        self.model = model
        self.X_train, self.y_train = data["X_train"], data["y_train"]
        self.X_val, self.y_val = data["X_val"], data["y_val"]
        self.update_rule = kwargs.pop("update_rule", "sgd")
        self.optim_config = kwargs.pop("optim_config", {})
        self.lr_decay = kwargs.pop("lr_decay", 1.0)
        self.batch_size = kwargs.pop("batch_size", 100)
        self.num_epochs = kwargs.pop("num_epochs", 10)
        self.num_train_samples = kwargs.pop("num_train_samples", 1000)
        self.num_val_samples = kwargs.pop("num_val_samples", None)
        self.checkpoint_name = kwargs.pop("checkpoint_name", None)
        self.print_every = kwargs.pop("print_every", 10)
        self.verbose = kwargs.pop("verbose", True)
        if kwargs:
            raise ValueError(f"Solver has no option {', '.join(map(repr, kwargs))}: see help(Solver)")
        if self.update_rule not in optim.__all__:
            raise ValueError(f"there is no update_rule {self.update_rule!r}: choose {', '.join(optim.__all__)}")
        self.update_rule = getattr(optim, self.update_rule)
        self._reset()

    def _reset(self):
        """Forget all that was counted and kept; the model stays as it is."""
        self.epoch, self.best_val_acc, self.best_params = 0, 0, {}
        self.loss_history, self.train_acc_history, self.val_acc_history = [], [], []
        self.optim_configs = {name: dict(self.optim_config) for name in self.model.params}

    def _step(self):
        """Draw a batch and update every parameter once."""
        rows = np.random.choice(len(self.X_train), self.batch_size)
        loss, grads = self.model.loss(self.X_train[rows], self.y_train[rows])
        self.loss_history.append(loss)
        for name, w in self.model.params.items():
            self.model.params[name], self.optim_configs[name] = self.update_rule(
                w, grads[name], self.optim_configs[name]
            )

    def check_accuracy(self, X, y, num_samples=None, batch_size=100):
        """Return the share of X (of `num_samples` drawn at random, where given) that gets its label."""
        if num_samples is not None and len(X) > num_samples:
            rows = np.random.choice(len(X), num_samples)
            X, y = X[rows], y[rows]
        guesses = [
            self.model.loss(X[start : start + batch_size]).argmax(axis=1) for start in range(0, len(X), batch_size)
        ]
        return float(np.mean(np.concatenate(guesses) == y))

    def train(self):
        """Take all steps; at the end the model holds the parameters that were best on the validation set."""
        per_epoch = max(len(self.X_train) // self.batch_size, 1)
        steps = self.num_epochs * per_epoch
        for t in range(steps):
            self._step()
            if self.verbose and t % self.print_every == 0:
                print(f"(Iteration {t + 1} / {steps}) loss: {self.loss_history[-1]:f}")
            if (t + 1) % per_epoch == 0:
                self.epoch += 1
                for config in self.optim_configs.values():
                    config["learning_rate"] *= self.lr_decay
            if t == 0 or t == steps - 1 or (t + 1) % per_epoch == 0:
                self._look()
        if self.best_params:
            self.model.params = self.best_params

    def _look(self):
        """Measure both accuracies, save a checkpoint, and keep the best parameters."""
        self.train_acc_history.append(self.check_accuracy(self.X_train, self.y_train, self.num_train_samples))
        self.val_acc_history.append(self.check_accuracy(self.X_val, self.y_val, self.num_val_samples))
        train_acc, val_acc = self.train_acc_history[-1], self.val_acc_history[-1]
        if self.checkpoint_name is not None:
            path = Path(f"{self.checkpoint_name}_epoch_{self.epoch}.npz")
            np.savez(path, loss_history=self.loss_history, **self.model.params)
        if self.verbose:
            print(f"(Epoch {self.epoch} / {self.num_epochs}) train acc: {train_acc:f}; val_acc: {val_acc:f}")
        if val_acc > self.best_val_acc:
            self.best_val_acc = val_acc
            self.best_params = {name: w.copy() for name, w in self.model.params.items()}
