"""Move the inputs of a subject about and see what its outputs do."""

from typing import Any

import numpy as np

from nnscratch.gradcheck.ladder import ROUNDING, Rung
from nnscratch.gradcheck.subject import PLAIN, fresh, fresh_inputs

NUDGES, JITTER = 3, 4.0  # changes of the last digits that are tried, and the odds that they show too little
GROWTH, LONGEST = 4.0, 2.0**-15  # how fast such a change grows until an output hears it, and how far


class Ruler:
    """All inputs to differentiate as one long row of elements, and the outputs as a function of them.

    Element k belongs to the input `name_of(k)`; `x` holds their values, `unit` the scale of the step for each.
    `careful` copies every input before each forward, for those that write into them.

    >>> from nnscratch.gradcheck.subject import Subject
    >>> subject = Subject("square", lambda given: (given["x"] ** 2, None), len, {"x": np.array([1.0, 2.0])}, ["x"])
    >>> plus, minus = Ruler(subject).move(1, 0.5)
    >>> plus, minus
    (array([1.  , 6.25]), array([1.  , 2.25]))
    """

    def __init__(self, subject: Any, careful: bool = False, eps: float = 2.0**-52) -> None:
        self.subject, self.careful, self.eps = subject, careful, eps
        self.names = list(subject.wrt)
        self.arrays = {name: np.array(subject.inputs[name], order="C") for name in self.names}
        self.flat = {name: array.reshape(-1) for name, array in self.arrays.items()}
        self.starts = dict(zip(self.names, np.cumsum([0, *(a.size for a in self.flat.values())])))
        self.size = sum(a.size for a in self.flat.values())
        self._shared = {**subject.inputs, **self.arrays}
        self._renewed = [name for name, value in subject.inputs.items() if self._is_renewed(name, value)]
        self.out = self.output()
        self.unit = np.concatenate([_units(a) for a in self.flat.values()] or [np.zeros(0)])
        self._jitter: Any = None

    def output(self) -> np.ndarray:
        """Run forward on what the inputs hold now; return the outputs as one row."""
        with np.errstate(all="ignore"):
            return self._output()

    def _output(self):
        if self.careful:
            given = fresh_inputs(self.subject._replace(inputs={**self.subject.inputs, **self.arrays}))
        else:
            given = self._shared.copy()
            for name in self._renewed:
                given[name] = fresh(given[name])
        return np.array(self.subject.forward(given)[0], dtype=np.float64).reshape(-1)

    def _is_renewed(self, name, value):
        """Whether forward must be given a copy of its own."""
        if name in self.arrays or isinstance(value, PLAIN):
            return False
        return not isinstance(value, np.ndarray) or name in self.subject.may_change

    def place(self, k: int) -> tuple[str, int]:
        """Return the name of the input that element k belongs to, and its flat position there."""
        for name in reversed(self.names):
            if k >= self.starts[name] and self.flat[name].size:
                return name, int(k - self.starts[name])
        raise IndexError(k)

    def span(self, name: str) -> slice:
        """Return the elements that belong to one input."""
        start = self.starts[name]
        return slice(start, start + self.flat[name].size)

    def values(self) -> np.ndarray:
        """Return all elements as one row."""
        return np.concatenate([*self.flat.values()] or [np.zeros(0)])

    def move(self, k: int, h: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the outputs with element k moved by h up and down; what NumPy warns of is up to the caller."""
        name, at = self.place(k)
        flat = self.flat[name]
        old = flat[at]
        try:
            flat[at] = old + h
            plus = self._output()
            flat[at] = old - h
            minus = self._output()
        finally:
            flat[at] = old
        return plus, minus

    def move_along(self, direction: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the outputs with all elements moved by h times `direction`, both ways."""
        old = {name: a.copy() for name, a in self.flat.items()}
        try:
            for name, a in self.flat.items():
                a[...] = old[name] + h * direction[self.span(name)]
            plus = self.output()
            for name, a in self.flat.items():
                a[...] = old[name] - h * direction[self.span(name)]
            minus = self.output()
        finally:
            for name, a in self.flat.items():
                a[...] = old[name]
        return plus, minus

    def feel_jitter(self) -> None:
        """Measure once what the last digits of the inputs do to the outputs: rungs count it as noise from then on.

        Round-off is in proportion to an output where it is as large as what it is made of, but not to the small
        difference of larger numbers. An output that does not hear of last digits, such as the log of a number near
        1, is listened to while the changes grow: its first jump is the grain of what it is made of.
        """
        if self._jitter is not None:
            return
        rng, kept = np.random.default_rng(0), {name: a.copy() for name, a in self.flat.items()}
        self._jitter = np.zeros(self.out.size)

        def jump(change):
            for name, a in self.flat.items():
                a[...] = kept[name] * (1 + change * rng.choice([-2.0, -1.0, 1.0, 2.0], a.size))
            with np.errstate(all="ignore"):
                return JITTER * np.abs(self.output() - self.out)

        still, change = np.ones(self.out.size, dtype=bool), self.eps
        try:
            while still.any() and change < LONGEST:
                heard = np.max([jump(change) for _ in range(NUDGES)], axis=0)
                self._jitter[still] = heard[still]
                still = (self._jitter <= ROUNDING * self.eps * np.abs(self.out)) & (self.out != 0)
                change *= GROWTH
        finally:
            for name, a in self.flat.items():
                a[...] = kept[name]

    def rung(self, plus: np.ndarray, minus: np.ndarray, h: Any, dout: np.ndarray | None = None) -> Rung:
        """Make a rung of outputs (..., outs) and steps (...,): for every output, or for sum(dout * out)."""
        with np.errstate(all="ignore"):
            step = np.asarray(h, dtype=np.float64)[..., None]
            size = np.maximum(np.maximum(np.abs(plus), np.abs(minus)), np.abs(self.out))
            left, right = (self.out - minus) / step, (plus - self.out) / step
            noise = ROUNDING * self.eps * size / step
            if self._jitter is not None:
                noise = np.maximum(noise, self._jitter / step)
            gap = np.maximum(np.abs(right - left) - 4 * noise, 0.0)
            if dout is None:
                return Rung(
                    np.broadcast_to(step, left.shape), (plus - minus) / (2 * step), left, right, noise, gap
                )
            value = (plus - minus) @ dout / (2 * step[..., 0])
            noise = np.linalg.norm(dout * noise, axis=-1)
            return Rung(step[..., 0], value, left @ dout, right @ dout, noise, gap @ np.abs(dout))


def _units(a):
    """The scale of a step for each element: that of the array where it is small, and never above 1."""
    largest = float(np.max(np.abs(a), initial=0.0))
    unit = 2.0 ** round(np.log2(largest)) if 0.0 < largest < 1.0 else 1.0
    return np.full(a.shape, unit)
