"""Callbacks: objects that look on while a Solver trains, or take part after every step and epoch."""

import math
import warnings
from pathlib import Path
from typing import Any

from nnscratch.layers.regularizers import max_norm
from nnscratch.training.checkpoint import CheckpointError
from nnscratch.training.history import HistoryError
from nnscratch.training.optimizers import is_weight
from nnscratch.training.weights import copy_arrays, model_arrays, put_arrays


class TrainingWarning(UserWarning):
    """Something in a training run looks wrong; the message says what to try."""


class Callback:
    """A callback is told what happens; every method may be left out.

    The Solver tells its callbacks in the order in which they are listed; those with a higher `order` come later.
    What a callback must know when a run goes on belongs in `state`: arrays, or values that JSON can hold.

    >>> class Shout(Callback):
    ...     def on_epoch(self, solver, row):
    ...         print(f"epoch {row['epoch']}: {row['loss']:.2f}!")
    >>> Shout().on_epoch(None, {"epoch": 1, "loss": 2.3})
    epoch 1: 2.30!
    """

    order = 0

    def on_start(self, solver: Any) -> None:
        """Training begins, or goes on."""

    def on_batch(self, solver: Any, x: Any, y: Any) -> None:
        """The next step will be taken on this batch."""

    def on_step(self, solver: Any, loss: float, grads: dict[str, Any]) -> None:
        """A step has been taken; the parameters have moved."""

    def on_epoch(self, solver: Any, row: dict[str, Any]) -> None:
        """An epoch is complete; `row` is its row of the history."""

    def on_end(self, solver: Any) -> None:
        """Training is complete (`solver.finished`), or pauses."""

    @property
    def state(self) -> dict[str, Any]:
        """What a resumed run must know; empty for most."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""


class _Best(Callback):
    """Keeps the best value of one column of the history, and the epoch that had it."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.best: float | None = None
        self.best_epoch = 0

    def improves(self, row: dict[str, Any]) -> bool:
        """Note the row's value if it is the best so far; of a loss the lowest is best."""
        if self.metric not in row:
            raise HistoryError(
                f"{type(self).__name__}: the history has no {self.metric!r}, only {', '.join(row)}: "
                "name one of these as metric, or give the Solver data with x_val and y_val"
            )
        value = row[self.metric]
        lower_is_better = "loss" in self.metric
        if math.isnan(value) or (
            self.best is not None and (value >= self.best if lower_is_better else value <= self.best)
        ):
            return False
        self.best, self.best_epoch = value, row["epoch"]
        return True

    @property
    def state(self):
        """The best value and its epoch."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state(self, state):
        """Go on from a saved state."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]


class EarlyStopping(_Best):
    """End the training when a metric has not improved for `patience` epochs.

    Source: Prechelt 1998, "Early stopping - but when?".

    >>> stopping = EarlyStopping(patience=3, metric="val_loss")
    >>> stopping.improves({"epoch": 1, "val_loss": 2.0}), stopping.improves({"epoch": 2, "val_loss": 2.5})
    (True, False)
    """

    def __init__(self, patience: int = 5, metric: str = "val_accuracy") -> None:
        super().__init__(metric)
        self.patience = patience

    def on_epoch(self, solver, row):
        """Count the epochs since the best one."""
        if not self.improves(row) and row["epoch"] - self.best_epoch >= self.patience:
            solver.finish()


class BestWeights(_Best):
    """Keep the parameters and running statistics of the best epoch, and put them back at the end.

    >>> BestWeights(metric="val_loss").metric
    'val_loss'
    """

    def __init__(self, metric: str = "val_accuracy") -> None:
        super().__init__(metric)
        self.arrays: dict[str, Any] = {}

    def on_epoch(self, solver, row):
        """Copy the model when it is the best so far."""
        if self.improves(row):
            self.arrays = copy_arrays(solver.model)

    def on_end(self, solver):
        """Put the best weights back when training is complete."""
        if solver.finished:
            put_arrays(solver.model, self.arrays)

    @property
    def state(self):
        """The best value, its epoch, and all arrays of that epoch."""
        return {**super().state, **self.arrays}

    def load_state(self, state):
        """Go on from a saved state."""
        super().load_state(state)
        self.arrays = {name: array for name, array in state.items() if hasattr(array, "dtype")}


class Checkpoint(Callback):
    """Save the run at the start, after every `every_epochs` epochs and `every_steps` steps, and at the end.

    Each save replaces the one before; with `keep_all` every epoch has a folder of its own, `folder/epoch-003`,
    beside the last one in `folder` itself. A save that fails in the middle gives a TrainingWarning and training
    goes on; one that fails at the start or at the end raises CheckpointError.

    >>> Checkpoint("runs/first/checkpoint", every_steps=500).every_epochs
    1
    """

    order = 1  # after all others, so that it saves what they have done

    def __init__(
        self,
        folder: Path | str,
        every_epochs: int = 1,
        every_steps: int | None = None,
        keep_all: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.every_epochs = every_epochs
        self.every_steps = every_steps
        self.keep_all = keep_all

    def on_start(self, solver):
        """Save at once, so that a folder that cannot be written is found out now."""
        solver.save(self.folder)

    def on_step(self, solver, loss, grads):
        """Save after every so many steps."""
        if self.every_steps and solver.steps % self.every_steps == 0:
            self._try_to_save(solver, self.folder)

    def on_epoch(self, solver, row):
        """Save after every so many epochs."""
        if row["epoch"] % self.every_epochs == 0:
            self._try_to_save(solver, self.folder)
            if self.keep_all:
                self._try_to_save(solver, self.folder / f"epoch-{row['epoch']:03d}")

    def on_end(self, solver):
        """Save where training ends or pauses."""
        solver.save(self.folder)

    def _try_to_save(self, solver, folder):
        try:
            solver.save(folder)
        except CheckpointError as error:
            warnings.warn(f"{error}. Training goes on", TrainingWarning, stacklevel=2)


class CSVHistory(Callback):
    """Write the history to a CSV file after every epoch.

    >>> CSVHistory("runs/first/history.csv").path.name
    'history.csv'
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def on_epoch(self, solver, row):
        """Write the whole table anew, atomically."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        solver.history.to_csv(self.path)


class MaxNorm(Callback):
    """After every step, scale the weights into each unit down to the norm `limit` where they exceed it.

    Source: Srivastava et al. 2014, "Dropout", sec. 5.1.

    >>> MaxNorm(limit=3.0).limit
    3.0
    """

    def __init__(self, limit: float = 3.0) -> None:
        self.limit = limit

    def on_step(self, solver, loss, grads):
        """Scale down what exceeds the limit."""
        for name, w in solver.model.params.items():
            if is_weight(name):
                w[...] = max_norm(w, self.limit)


class WeightAverage(Callback):
    """Keep a running average of parameters and running statistics, and put it into the model at the end.

    Every step moves the average by the share 1 - decay towards the model, and by more in the first steps.
    Source: Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging".

    >>> WeightAverage(decay=0.99).decay
    0.99
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = decay
        self.steps = 0
        self.arrays: dict[str, Any] = {}

    def on_step(self, solver, loss, grads):
        """Move the averages towards the model."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for name, array in model_arrays(solver.model).items():
            if array.dtype.kind != "f":
                continue
            if name not in self.arrays:
                self.arrays[name] = array.copy()
            self.arrays[name] += (1 - decay) * (array - self.arrays[name])

    def on_end(self, solver):
        """Put the averages into the model when training is complete."""
        if solver.finished:
            put_arrays(solver.model, self.arrays)

    @property
    def state(self):
        """The averages, and how many steps they have seen."""
        return {"steps": self.steps, **self.arrays}

    def load_state(self, state):
        """Go on from a saved state."""
        self.steps = state["steps"]
        self.arrays = {name: array for name, array in state.items() if hasattr(array, "dtype")}
