"""The Babysitter watches a training run and warns of what usually goes wrong."""

import statistics
import warnings
from pathlib import Path
from typing import Any

from nnscratch.arrays import array_module
from nnscratch.layers import ReLU
from nnscratch.training.callbacks import Callback, TrainingWarning
from nnscratch.training.diagnosis import trace_layers
from nnscratch.training.history import History
from nnscratch.training.optimizers import is_weight

HIGHEST_RATIO = 1e-1  # a hundred times the ratio to aim for, and a hundredth of it
LOWEST_RATIO = 1e-5
MOST_DEAD = 0.5


class Babysitter(Callback):
    """Record per epoch and layer what healthy training looks like, and warn where it does not.

    `rows` holds, for every epoch and layer: mean and standard deviation of its output on `probe` training images;
    for a ReLU the share of `dead` units, which fire on none of them. Every `every`-th step shows the weights: mean
    and standard deviation of the last gradient, and the `ratio` |update| / |w|, of which the median is kept.
    `messages` holds the warnings given, once for each layer and cause:

    - the first loss is far from that of equal scores (log(classes) for softmax),
    - the ratio is far from 1e-3, the value to aim for (weights that start small may be fast in the first epoch),
    - more than half of a layer's ReLUs are dead.

    Source: CS231n notes, "Neural networks part 3: babysitting the learning process".

    >>> Babysitter(every=10).rows
    []
    """

    def __init__(self, every: int = 50, probe: int = 100) -> None:
        self.every = every
        self.probe = probe
        self.rows: list[dict[str, Any]] = []
        self.messages: dict[str, str] = {}
        self._ratios: dict[str, list[float]] = {}
        self._gradients: dict[str, tuple[float, float]] = {}
        self._expected = 0.0
        self._before: dict[str, Any] = {}

    def on_batch(self, solver, x, y):
        """Copy the weights before every `every`-th step."""
        if solver.steps == 0:
            scores = solver.model.loss(x)
            self._expected = float(solver.model.criterion(array_module(scores).zeros_like(scores), y)[0])
        if solver.steps % self.every == 0:
            self._before = {name: w.copy() for name, w in solver.model.params.items() if is_weight(name)}

    def on_step(self, solver, loss, grads):
        """Compare the weights with their copies."""
        if solver.steps == 1:
            self._check_first_loss(loss)
        for name, before in self._before.items():
            if name in grads and _norm(before) > 0:
                ratio = _norm(solver.model.params[name] - before) / _norm(before)
                self._ratios.setdefault(name, []).append(ratio)
                self._gradients[name] = float(grads[name].mean()), float(grads[name].std())
        self._before = {}

    def on_epoch(self, solver, row):
        """Run the probe images through the layers, and add a row for each."""
        layers: dict[str, dict[str, Any]] = {}
        x, _ = solver.probe(self.probe)
        for name, layer, out in trace_layers(solver.model, x):
            layers[name] = {
                "kind": type(layer).__name__,
                "output_mean": float(out.mean()),
                "output_std": float(out.std()),
                "dead": _dead_share(out) if isinstance(layer, ReLU) else None,
            }
        for name, ratios in self._ratios.items():
            mean, std = self._gradients[name]
            layers.setdefault(name.removesuffix(".w"), {}).update(
                gradient_mean=mean, gradient_std=std, ratio=statistics.median(ratios)
            )
        self._ratios = {}
        columns = ("kind", "output_mean", "output_std", "dead", "gradient_mean", "gradient_std", "ratio")
        for name, found in layers.items():
            self.rows.append(
                {"epoch": row["epoch"], "layer": name, **{column: found.get(column) for column in columns}}
            )
            learned = row["loss"] < self._expected / 2
            lowered = max(row["rate"], 1e-30) / solver.optimizer.rate
            self._check_layer(name, found, row["epoch"], None if learned else lowered)

    def to_csv(self, path: Path | str) -> None:
        """Write `rows` as a table."""
        table = History()
        table.rows = self.rows
        table.to_csv(path)

    @property
    def state(self):
        """The rows and messages so far, and what this epoch's steps have shown."""
        return {
            "rows": self.rows,
            "messages": self.messages,
            "expected": self._expected,
            "ratios": self._ratios,
            "gradients": self._gradients,
        }

    def load_state(self, state):
        """Go on from a saved state."""
        self.rows, self.messages = state["rows"], state["messages"]
        self._expected = state["expected"]
        self._ratios, self._gradients = state["ratios"], state["gradients"]

    def _check_first_loss(self, loss):
        if not 2 / 3 < loss / self._expected < 3 / 2:
            self._warn(
                "first loss",
                f"the first loss is {loss:.3g}, but equal scores for all classes give {self._expected:.3g}: "
                "make the initial weights of the last layer smaller, and check the scale of the input, the labels "
                "and the strength of the regulariser",
            )

    def _check_layer(self, name, found, epoch, lowered):
        """`lowered` is the schedule's factor on the rate; None when little is left to learn."""
        ratio, dead = found.get("ratio"), found.get("dead")
        if ratio is not None and ratio > HIGHEST_RATIO and epoch > 1:
            self._warn(
                f"{name} fast",
                f"{name}: a step changes w by {ratio:.1e} of its norm (aim for 1e-3): lower the rate",
            )
        if ratio is not None and lowered is not None and ratio / lowered < LOWEST_RATIO:
            self._warn(
                f"{name} slow",
                f"{name}: a step changes w by only {ratio:.1e} of its norm (aim for 1e-3): raise the rate, "
                "or look for gradients that vanish on their way to this layer",
            )
        if dead is not None and dead > MOST_DEAD:
            self._warn(
                f"{name} dead",
                f"{name}: {dead:.0%} of its units are 0 for all probe images: lower the rate, or try "
                "a leaky ReLU or batch norm",
            )

    def _warn(self, cause, message):
        if cause not in self.messages:
            self.messages[cause] = message
            warnings.warn(message, TrainingWarning, stacklevel=2)


def _norm(array):
    return float((array * array).sum()) ** 0.5


def _dead_share(out):
    """The share of units, or channels, that are 0 on every example and at every place."""
    fires = (out > 0).any(axis=(0, *range(2, out.ndim)))
    return float(1 - fires.mean())
