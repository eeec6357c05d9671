"""The Solver: it trains a model on data, epoch by epoch, and can stop and go on anywhere."""

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch import kernels
from nnscratch.arrays import default_seed, to_device
from nnscratch.data.batches import Batches
from nnscratch.gpu import memory_explained
from nnscratch.training.ahead import StepsAhead, stream_for
from nnscratch.training.callbacks import Callback
from nnscratch.training.checkpoint import CheckpointError, load_checkpoint, restore_arrays, save_checkpoint
from nnscratch.training.clipping import clip_by_norm, clip_by_value
from nnscratch.training.diagnosis import NonFiniteLoss, all_finite, explain_non_finite
from nnscratch.training.evaluation import evaluate, in_order
from nnscratch.training.history import History
from nnscratch.training.interrupts import deferred_interrupt
from nnscratch.training.optimizers import Momentum, Optimizer
from nnscratch.training.placement import PlacedData
from nnscratch.training.schedules import Constant, Schedule
from nnscratch.training.splits import split_of, spread
from nnscratch.training.weights import device_of_model, model_arrays, part_of, with_prefix

POSITION = ("seed", "epoch", "step_in_epoch", "_loss_sum", "_seen", "_seconds", "_finished")


class SolverError(ValueError):
    """The Solver was given data or settings with which it cannot train."""


class Solver:
    """Train a model: draw batches, compute loss and gradients, let the optimiser move the parameters.

    model: anything with `params`, `state`, `loss` and `criterion`, such as a Classifier.
    data: a Dataset, or a dict with x_train (N, C, H, W), y_train (N,) and, where there are any,
        x_val, y_val, x_test, y_test.
    optimizer, schedule: the update rule (Momentum unless given) and the factor on its rate over time (Constant).
    callbacks: objects that look on, or take part, after every step and epoch.
    seed: fixes the order of the examples and the augmentation; unless given, it is NNSCRATCH_SEED of
        the environment, or 0.
    augment, preprocess: handed to Batches; the images that measure accuracy are preprocessed but not augmented.
    clip_norm, clip_value: limits on the gradients; none unless given.
    train_samples: how many training examples, spread over the set, the training accuracy is measured on.
    loss_every: on the GPU, the loss is looked at after so many steps (50 unless given; after a step that was not
        finite, none changes anything, so that looking late does no harm). Callbacks hear of the last one seen.
    graph: on the GPU, record a step as a CUDA graph and replay it.

    It trains where the model is: after `model.to("gpu")` the images are moved there too, if they fit.

    All randomness is a function of (seed, epoch, batch) or lies in `model.state`. So a run that was saved with
    `save` and goes on after `load` gives the same bits as one that was never interrupted.

    >>> from nnscratch.models import mlp
    >>> x = np.random.default_rng(0).normal(size=(200, 1, 1, 2)).astype(np.float32)
    >>> data = {"x_train": x, "y_train": (x[:, 0, 0, 0] * x[:, 0, 0, 1] > 0).astype(int)}
    >>> model = mlp(hidden=(16,), classes=2, image=(1, 1, 2))
    >>> solver = Solver(model, data, Momentum(rate=0.1), batch_size=20, epochs=30, seed=0)
    >>> history = solver.train()
    >>> len(history), solver.accuracy(data["x_train"], data["y_train"]) > 0.9
    (30, True)
    """

    batches: Batches
    _placed: PlacedData

    def __init__(
        self,
        model: Any,
        data: Any,
        optimizer: Optimizer | None = None,
        schedule: Schedule | None = None,
        *,
        batch_size: int = 128,
        epochs: int = 10,
        callbacks: Sequence[Callback] = (),
        seed: int | None = None,
        augment: Any = None,
        preprocess: Any = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        train_samples: int = 1000,
        loss_every: int | None = None,
        graph: bool = False,
    ) -> None:
        self.model = model
        self.data = data
        self.optimizer = optimizer or Momentum()
        self.schedule = schedule or Constant()
        self.batch_size = batch_size
        self.epochs = epochs
        self.callbacks = sorted(callbacks, key=lambda callback: callback.order)
        self.seed = default_seed() if seed is None else int(seed)
        self.augment = augment
        self.preprocess = preprocess
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.train_samples = train_samples
        self.loss_every = 50 if loss_every is None else int(loss_every)
        self.graph = graph

        self.history = History()
        self.epoch = 0
        self.step_in_epoch = 0
        self._loss_sum = 0.0
        self._seen = 0
        self._seconds = 0.0
        self._finished = False
        self._stopping = False
        self._ahead: StepsAhead | None = None
        self._sizes: list[int] = []
        self._check()

    @property
    def finished(self) -> bool:
        """True when all epochs are done, or a callback has called `finish`."""
        return self._finished or self.epoch >= self.epochs

    @property
    def steps(self) -> int:
        """The number of steps taken since the start."""
        return len(self.history.losses) + len(self._sizes)

    @property
    def placement(self) -> str:
        """Where the images lie, in words; they are moved to the model's device now, if they fit there."""
        self._settle()
        return self._placed.words

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step of the present epoch, before any factor for single parameters."""
        return self.optimizer.rate * self.schedule(self.epoch + step / len(self.batches), self.epochs)

    def train(self) -> History:
        """Train from where the run stands to its end, and return the history.

        Ctrl-C lets the present step end and then raises KeyboardInterrupt; calling `train` again goes on from
        there. Raises NonFiniteLoss, which names the layer, before the parameters are spoilt.
        """
        self._stopping = False
        self._settle()
        with deferred_interrupt(self.stop), memory_explained(), stream_for(self.graph and self._ahead):
            self._tell("on_start")
            try:
                while not self.finished and not self._stopping:
                    self._run_epoch()
            except NonFiniteLoss:
                self._tell("on_end")
                raise
            self._tell("on_end")
        return self.history

    def stop(self) -> None:
        """Ask `train` to return after the present step; calling `train` again goes on from there."""
        self._stopping = True

    def finish(self) -> None:
        """Declare the training complete, though epochs are left; callbacks call this."""
        self._finished = True

    def step(self, x: Any, y: Any) -> tuple[float, dict[str, Any]]:
        """Take one step on one batch, already preprocessed; return (loss, gradients).

        Raises NonFiniteLoss when the loss or a gradient is not finite; parameters and state stay as they were.
        """
        before = {name: array.copy() for name, array in self.model.state.items()}
        loss, grads = self.model.loss(x, y)
        if not np.isfinite(loss) or not all(all_finite(g) for g in grads.values()):
            self.model.state.update(before)
            why = explain_non_finite(self.model, x, y, loss, grads)
            self.model.state.update(before)
            raise NonFiniteLoss(
                f"the loss is {loss:.4g} in step {self.step_in_epoch + 1} of epoch {self.epoch + 1}: {why}.\n"
                f"If the data are right: lower the rate (now {self.rate_at(self.step_in_epoch):.3g}), clip the "
                "gradients (clip_norm=1.0) or warm up. The parameters are as they were before this step"
            )
        grads = self._clipped(grads)
        self.optimizer.step(self.model.params, grads, self.rate_at(self.step_in_epoch))
        return float(loss), grads

    def _clipped(self, grads):
        if self.clip_norm is not None:
            grads, _ = clip_by_norm(grads, self.clip_norm)
        return grads if self.clip_value is None else clip_by_value(grads, self.clip_value)

    def accuracy(self, x: Any, y: Any) -> float:
        """Return the share of images classified right in evaluation mode; x is preprocessed here."""
        return self._measure(x, y)["accuracy"]

    def evaluate(self, split: str = "val") -> dict[str, float]:
        """Return the mean loss and the accuracy on a split, `"train"`, `"val"` or `"test"`, in evaluation mode.

        Raises SolverError when the data have no such split.
        """
        x, y = self._placed.split(split)
        if x is None or len(x) == 0:
            raise SolverError(f"the data have no x_{split}: give the Solver data with x_{split} and y_{split}")
        return self._measure(x, y)

    def probe(self, count: int) -> tuple[Any, Any]:
        """Return `count` training examples (x, y), spread over the set, preprocessed and not augmented.

        >>> data = {"x_train": np.zeros((9, 1, 2, 2), np.float32), "y_train": np.arange(9)}
        >>> from nnscratch.models import mlp
        >>> Solver(mlp(image=(1, 2, 2)), data, batch_size=3).probe(3)[1]
        array([0, 4, 8])
        """
        x, y = spread(*self._placed.split("train"), count)
        [batch] = in_order(x, y, len(x), self.preprocess, device_of_model(self.model))
        return batch

    def save(self, folder: Path | str) -> None:
        """Save all that the run needs to go on, as arrays of the CPU; raises CheckpointError when that fails."""
        self._look()
        arrays = {
            **model_arrays(self.model),
            **with_prefix("optimizer", self.optimizer.state),
            **with_prefix("preprocess", getattr(self.preprocess, "arrays", {})),
            "history.losses": np.array(self.history.losses, np.float64),
        }
        callbacks: dict[str, Any] = {}
        for name, callback in self._named_callbacks():
            state = callback.state
            arrays.update(with_prefix(name, {k: v for k, v in state.items() if hasattr(v, "dtype")}))
            callbacks[name] = {k: v for k, v in state.items() if not hasattr(v, "dtype")}
        facts = {
            "model": self.model.spec,
            **self._set_up(),
            "position": {name: vars(self)[name] for name in POSITION},
            "schedule_state": self.schedule.state,
            "callbacks": callbacks,
            "history": self.history.rows,
        }
        save_checkpoint(folder, arrays, facts)

    def load(self, folder: Path | str) -> None:
        """Go back to what `save` saved; the Solver must have been made with the same settings.

        All arrays go to the device of the model, wherever they were saved.

        Raises CheckpointError when there is no sound checkpoint or it does not fit this model, data or optimiser.
        """
        arrays, facts = load_checkpoint(folder)
        self._settle()
        for what, ours in self._set_up().items():
            if facts.get(what) != ours:
                raise CheckpointError(
                    f"{folder} cannot be resumed here: {what} is {facts.get(what)} there and {ours} in this "
                    "Solver. Resume with the data and settings that the run was started with"
                )
        restore_arrays(self.model.params, part_of(arrays, "params"), "parameters")
        restore_arrays(self.model.state, part_of(arrays, "state"), "running statistics")
        there = {name: to_device(array, self._placed.device) for name, array in arrays.items()}
        self.optimizer.load_state(part_of(there, "optimizer"))
        self.schedule.load_state(facts["schedule_state"])
        for name, callback in self._named_callbacks():
            if name in facts["callbacks"]:
                callback.load_state({**facts["callbacks"][name], **part_of(there, name)})
        vars(self).update(facts["position"])
        self.history.rows = facts["history"]
        self.history.losses = arrays["history.losses"].tolist()
        self._draw_batches()

    def _set_up(self):
        """What must be the same for a run to go on."""
        return {
            "optimizer": type(self.optimizer).__name__,
            "schedule": type(self.schedule).__name__,
            "steps per epoch": len(self.batches),
        }

    def _run_epoch(self):
        """Take the steps that are left of this epoch; when none is left, close it."""
        self._clock = time.perf_counter()
        batches: Any = self.batches.epoch(self.epoch, start=self.step_in_epoch)
        with closing(batches):
            for x, y in batches:
                self._tell("on_batch", x, y)
                grads = self._take(x, y)
                self._tick()
                self._tell("on_step", self.history.losses[-1], grads)
                if self._stopping:
                    break
            self._look()
        if self.step_in_epoch == len(self.batches):
            self._close_epoch()

    def _take(self, x, y):
        """Take a step and return the gradients; on the GPU, the loss is looked at later, but for the first one."""
        if self._ahead is None:
            loss, grads = self.step(x, y)
            self._note(loss, len(x))
            self.step_in_epoch += 1
            return grads
        grads = self._ahead.take(x, y, self.rate_at(self.step_in_epoch))
        self._sizes.append(len(x))
        self.step_in_epoch += 1
        if self.steps == 1 or len(self._sizes) == self.loss_every or not self.history.losses:
            self._look()
        return grads

    def _look(self):
        """Fetch the losses of the steps taken ahead; take one that was not finite again, to say why."""
        if self._ahead is None or not self._sizes:
            return
        sizes, self._sizes = self._sizes, []
        losses, fine = self._ahead.look()
        for loss, size in zip(losses, sizes):
            self._note(loss, size)
        if not fine:
            self.step_in_epoch -= len(sizes) - len(losses)
            self.step(*self.batches.batch(self.epoch, self.step_in_epoch))
            raise NonFiniteLoss("the loss was not finite, but is when the step is taken again: train anew")

    def _note(self, loss, size):
        self._loss_sum += loss * size
        self._seen += size
        self.history.losses.append(loss)

    def _close_epoch(self):
        """Measure, write a row into the history, and tell the schedule and the callbacks."""
        sample = spread(*self._placed.split("train"), self.train_samples)
        row: dict[str, Any] = {
            "epoch": self.epoch + 1,
            "loss": self._loss_sum / self._seen,
            "train_accuracy": self.accuracy(*sample),
        }
        x, y = self._placed.split("val")
        if x is not None and len(x):
            row.update({f"val_{name}": value for name, value in self._measure(x, y).items()})
        self._tick()
        row |= {"rate": self.rate_at(self.step_in_epoch - 1), "seconds": self._seconds}
        row |= {"device": self._placed.device, "precision": kernels.precision()}
        self.history.rows.append(row)
        self.epoch += 1
        self.step_in_epoch, self._loss_sum, self._seen, self._seconds = 0, 0.0, 0, 0.0
        self.schedule.observe(row.get("val_loss", row["loss"]))
        self._tell("on_epoch", row)

    def _tick(self):
        """Add the time since the last tick to this epoch's seconds."""
        now = time.perf_counter()
        self._seconds += now - self._clock
        self._clock = now

    def _measure(self, x, y):
        return evaluate(self.model, x, y, self.batch_size, self.preprocess)

    def _draw_batches(self):
        x, y = self._placed.split("train")
        chain = {"augment": self.augment, "preprocess": self.preprocess}
        self.batches = Batches(x, y, self.batch_size, seed=self.seed, device=self._placed.device, **chain)

    def _settle(self):
        """Bring the images to the device of the model, and get ready to take steps there."""
        device = device_of_model(self.model)
        if device != self._placed.device:
            self._placed = PlacedData(self.data, device)
            self._draw_batches()
        if device == "cpu":
            self._ahead = None
        elif self._ahead is None:
            self._ahead = StepsAhead(self.model, self.optimizer, self._clipped, self.loss_every, self.graph)

    def _tell(self, event, *news):
        for callback in self.callbacks:
            getattr(callback, event)(self, *news)

    def _named_callbacks(self):
        """Yield (name, callback): the class name with a count, `earlystopping1`."""
        counted: Counter[str] = Counter()
        for callback in self.callbacks:
            kind = type(callback).__name__.lower()
            counted[kind] += 1
            yield f"{kind}{counted[kind]}", callback

    def _check(self):
        """Refuse data on which training could only fail later, and count the classes."""
        if split_of(self.data, "train")[0] is None:
            raise SolverError("the data have no x_train: give a Dataset, or a dict with x_train and y_train")
        self._placed = PlacedData(self.data, "cpu")
        self._draw_batches()
        for split in ("train", "val"):
            x, y = split_of(self.data, split)
            if x is None or len(x) == 0:
                continue
            in_order(x, y, self.batch_size)
            [(first, _)] = in_order(x[:1], y[:1], 1, self.preprocess, device_of_model(self.model))
            self.classes = self.model.loss(first).shape[1]
            if y.max() >= self.classes:
                raise SolverError(
                    f"y_{split} holds the label {y.max()}, but the model gives {self.classes} scores: "
                    f"labels must run from 0 to {self.classes - 1}; build the model with more classes"
                )
