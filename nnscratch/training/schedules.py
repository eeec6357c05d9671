"""Schedules: how the learning rate changes while training goes on, as a factor on the optimiser's rate."""

import math
from typing import Any


class ScheduleError(ValueError):
    """A schedule was given a setting that makes no sense."""


class Schedule:
    """A schedule is called with the time and gives the factor on the optimiser's rate.

    `schedule(epoch, epochs)`: `epoch` counts passes over the data since the start and has a fraction (2.5 is the
    middle of the third epoch), `epochs` is the number planned. Schedules that learn from the validation loss do
    so in `observe`, and keep what they know in `state`, a dict that JSON can hold.

    >>> class Line(Schedule):
    ...     def __call__(self, epoch, epochs):
    ...         return 1 - epoch / epochs
    >>> Line()(2, epochs=8)
    0.75
    """

    def __call__(self, epoch: float, epochs: float) -> float:
        """Return the factor at this time."""
        raise TypeError(f"{type(self).__name__} has no __call__(epoch, epochs): write one that returns the factor")

    def observe(self, value: float) -> None:
        """Take note of the validation loss after an epoch; most schedules do not look."""

    @property
    def state(self) -> dict[str, Any]:
        """What the schedule has learnt; empty for most."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""

    def __repr__(self) -> str:
        settings = [f"{key}={value!r}" for key, value in vars(self).items() if not key.startswith("_")]
        return f"{type(self).__name__}({', '.join(settings)})"


class Constant(Schedule):
    """The same rate throughout.

    >>> Constant()(5, epochs=10)
    1.0
    """

    def __call__(self, epoch: float, epochs: float) -> float:
        """Always 1."""
        return 1.0


class Step(Schedule):
    """Multiply the rate by `factor` after every `every` epochs.

    >>> step = Step(every=10, factor=0.5)
    >>> step(0, 30), step(9.9, 30), step(10, 30), step(25, 30)
    (1.0, 1.0, 0.5, 0.25)
    """

    def __init__(self, every: float = 10, factor: float = 0.1) -> None:
        _check(every > 0, "Step", f"every is {every!r}: give a number of epochs above 0")
        self.every = every
        self.factor = factor

    def __call__(self, epoch: float, epochs: float) -> float:
        """factor ** (number of whole periods that have passed)."""
        return float(self.factor ** (epoch // self.every))


class Exponential(Schedule):
    """Let the rate decay smoothly, by `factor` in each epoch.

    >>> Exponential(factor=0.5)(2, epochs=10)
    0.25
    """

    def __init__(self, factor: float = 0.95) -> None:
        _check(factor > 0, "Exponential", f"factor is {factor!r}: give a number above 0, such as 0.95")
        self.factor = factor

    def __call__(self, epoch: float, epochs: float) -> float:
        """factor ** epoch."""
        return float(self.factor**epoch)


class Cosine(Schedule):
    """Let the rate fall from 1 to `end` along half a cosine wave.

    Source: Loshchilov & Hutter 2017, "SGDR: stochastic gradient descent with warm restarts", eq. 5, one period.

    >>> cosine = Cosine()
    >>> cosine(0, 10), round(cosine(5, 10), 9), cosine(10, 10)
    (1.0, 0.5, 0.0)
    """

    def __init__(self, end: float = 0.0) -> None:
        self.end = end

    def __call__(self, epoch: float, epochs: float) -> float:
        """From 1 at the start to `end` at the end."""
        return _half_wave(1.0, self.end, epoch / epochs)


class OneCycle(Schedule):
    """Rise from `start` to 1 in the first share `warmup` of training, then fall to `end`, both along half a wave.

    A high rate in the middle crosses flat regions and works as a regulariser; the long fall settles the weights.
    Source: Smith 2018, "A disciplined approach to neural network hyper-parameters: part 1"; he rises and falls
    along straight lines.

    >>> cycle = OneCycle(warmup=0.25, start=0.125)
    >>> cycle(0, 8), cycle(2, 8), round(cycle(5, 8), 9), cycle(8, 8)
    (0.125, 1.0, 0.5, 0.0)
    """

    def __init__(self, warmup: float = 0.3, start: float = 0.04, end: float = 0.0) -> None:
        _check(0 < warmup < 1, "OneCycle", f"warmup is {warmup!r}: give a share of training between 0 and 1")
        self.warmup = warmup
        self.start = start
        self.end = end

    def __call__(self, epoch: float, epochs: float) -> float:
        """Up from `start` to 1, then down to `end`."""
        peak = self.warmup * epochs
        if epoch < peak:
            return _half_wave(self.start, 1.0, epoch / peak)
        return _half_wave(1.0, self.end, (epoch - peak) / (epochs - peak))


class Warmup(Schedule):
    """Rise in a straight line from `start` to 1 within the first `epochs` epochs, then follow another schedule.

    The schedule that comes after starts at its own beginning and has the epochs that are left.
    Source: Goyal et al. 2017, "Accurate, large minibatch SGD", sec. 2.2.

    >>> schedule = Warmup(epochs=2, then=Cosine(), start=0.0)
    >>> schedule(0, 10), schedule(1, 10), schedule(2, 10), round(schedule(6, 10), 9)
    (0.0, 0.5, 1.0, 0.5)
    """

    def __init__(self, epochs: float = 1, then: Schedule | None = None, start: float = 0.1) -> None:
        _check(epochs > 0, "Warmup", f"epochs is {epochs!r}: give a number of epochs above 0")
        self.epochs = epochs
        self.then = then or Constant()
        self.start = start

    def __call__(self, epoch: float, epochs: float) -> float:
        """A line first, then the other schedule."""
        if epoch < self.epochs:
            return self.start + (1 - self.start) * epoch / self.epochs
        return self.then(epoch - self.epochs, max(epochs - self.epochs, 1e-9))

    def observe(self, value: float) -> None:
        """Hand the value on."""
        self.then.observe(value)

    @property
    def state(self) -> dict[str, Any]:
        """The other schedule's state."""
        return self.then.state

    def load_state(self, state: dict[str, Any]) -> None:
        """Hand the state on."""
        self.then.load_state(state)


class ReduceOnPlateau(Schedule):
    """Multiply the rate by `factor` when the validation loss has not fallen for more than `patience` epochs.

    Source: the rule of Krizhevsky et al. 2012, sec. 5, who divided by 10 by hand.

    >>> schedule = ReduceOnPlateau(factor=0.1, patience=1)
    >>> for loss in (2.0, 1.0, 1.5, 1.2):
    ...     schedule.observe(loss)
    >>> schedule(4, epochs=10)
    0.1
    """

    def __init__(self, factor: float = 0.1, patience: int = 3) -> None:
        _check(0 < factor < 1, "ReduceOnPlateau", f"factor is {factor!r}: give a number between 0 and 1")
        _check(patience >= 0, "ReduceOnPlateau", f"patience is {patience!r}: give a number of epochs, 0 or more")
        self.factor = factor
        self.patience = patience
        self._best: float | None = None
        self._waited = 0
        self._scale = 1.0

    def __call__(self, epoch: float, epochs: float) -> float:
        """What the plateaus so far have left of the rate."""
        return self._scale

    def observe(self, value: float) -> None:
        """Count the epochs since the best loss; after `patience` of them, reduce."""
        if self._best is None or value < self._best:
            self._best, self._waited = value, 0
            return
        self._waited += 1
        if self._waited > self.patience:
            self._scale *= self.factor
            self._waited = 0

    @property
    def state(self) -> dict[str, Any]:
        """The best loss, the epochs waited since, and the factor reached."""
        return {"best": self._best, "waited": self._waited, "scale": self._scale}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self._best, self._waited, self._scale = state["best"], state["waited"], state["scale"]


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": Step,
    "exponential": Exponential,
    "cosine": Cosine,
    "one-cycle": OneCycle,
    "warmup": Warmup,
    "reduce-on-plateau": ReduceOnPlateau,
}


def _half_wave(start, end, share):
    """Go smoothly from start to end while share goes from 0 to 1."""
    return end + (start - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2


def _check(good, schedule, problem):
    if not good:
        raise ScheduleError(f"{schedule}: {problem}")
