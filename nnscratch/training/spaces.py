"""What a hyper-parameter search may choose from: ranges, even in themselves or in their logarithm, and lists."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnscratch.arrays import rng

Settings = dict[str, Any]


class TrialError(ValueError):
    """A search that cannot be: an empty range, settings that cannot be kept, no trial with a score."""


class Uniform:
    """Any number from `low` to `high`, each equally likely; with `whole`, whole numbers, both ends included.

    >>> Uniform(0, 1).grid(3), Uniform(1, 4, whole=True).grid(4)
    ([0.0, 0.5, 1.0], [1, 2, 3, 4])
    """

    def __init__(self, low: float, high: float, whole: bool = False) -> None:
        if not low < high or not math.isfinite(high - low):
            raise TrialError(f"{type(self).__name__}({low}, {high}): the first number must be below the second")
        self.low, self.high, self.whole = low, high, whole

    def at(self, share: float) -> float:
        """The number that lies `share` (0 to 1) of the way from `low` to `high`; the ends are met exactly."""
        if share in (0, 1):
            return (int if self.whole else float)(self.high if share else self.low)
        value = self._number(self._place(self.low) + share * (self._place(self.high) - self._place(self.low)))
        return int(min(max(round(value), self.low), self.high)) if self.whole else float(value)

    def draw(self, random: np.random.Generator) -> float:
        """Draw a number."""
        return self.at(random.random())

    def grid(self, count: int) -> list[float]:
        """`count` numbers at equal distances, the ends included; of 1, the middle."""
        shares = [0.5] if count == 1 else np.linspace(0, 1, count)
        return list(dict.fromkeys(self.at(float(share)) for share in shares))

    def around(self, value: float, share: float) -> "Uniform":
        """The range of the same kind, `share` as wide, around `value`, and inside this one."""
        low, high, middle = self._place(self.low), self._place(self.high), self._place(value)
        half = share * (high - low) / 2
        ends = self._number(max(low, middle - half)), self._number(min(high, middle + half))
        if self.whole:
            ends = max(self.low, math.floor(ends[0])), min(self.high, math.ceil(ends[1]))
        return type(self)(*ends, whole=self.whole)

    def _place(self, value):
        return value

    def _number(self, place):
        return place


class LogUniform(Uniform):
    """Any positive number from `low` to `high`, each order of magnitude equally likely: for rates and strengths.

    >>> [round(rate, 6) for rate in LogUniform(1e-4, 1).grid(3)]
    [0.0001, 0.01, 1.0]
    """

    def __init__(self, low: float, high: float, whole: bool = False) -> None:
        if not low > 0:
            raise TrialError(
                f"LogUniform({low}, {high}): orders of magnitude start above 0: give a low end above 0"
            )
        super().__init__(low, high, whole)

    def _place(self, value):
        return math.log(value)

    def _number(self, place):
        return math.exp(place)


class Choice:
    """One of some values, each equally likely.

    >>> Choice("relu", "tanh").grid(1)
    ['relu', 'tanh']
    """

    def __init__(self, *values: Any) -> None:
        if not values:
            raise TrialError("Choice(): there is nothing to choose from: give at least one value")
        self.values = values

    def draw(self, random: np.random.Generator) -> Any:
        """Draw a value."""
        return self.values[int(random.integers(len(self.values)))]

    def grid(self, count: int) -> list[Any]:
        """All the values, whatever the count."""
        return list(self.values)

    def around(self, value: Any, share: float) -> "Choice":
        """The same choice."""
        return self


def grid_settings(space: Mapping[str, Any], count: int | Mapping[str, int]) -> list[Settings]:
    """Every combination of `count` values of each range (or {name: count}), and of all values of each Choice.

    What is in `space` and is neither a range nor a Choice stays as it is. Raises TrialError for a count below 1.

    >>> grid_settings({"rate": LogUniform(0.01, 1), "act": Choice("relu", "tanh"), "epochs": 5}, count=2)[:2]
    [{'rate': 0.01, 'act': 'relu', 'epochs': 5}, {'rate': 0.01, 'act': 'tanh', 'epochs': 5}]
    """
    counts = count if isinstance(count, Mapping) else dict.fromkeys(space, count)
    values = []
    for name, part in space.items():
        if not hasattr(part, "grid"):
            values.append([part])
            continue
        if counts.get(name, 1) < 1:
            raise TrialError(f"grid_settings: a count of {counts[name]} for {name}: give 1 or more")
        values.append(part.grid(counts.get(name, 1)))
    return [dict(zip(space, chosen)) for chosen in itertools.product(*values)]


def random_settings(space: Mapping[str, Any], count: int, seed: int = 0) -> list[Settings]:
    """`count` draws from the space, each independent of the others; what is no range nor Choice stays as it is.

    The first draws are the same whatever the count. Source: Bergstra & Bengio 2012, "Random search for
    hyper-parameter optimization". Raises TrialError for a count below 1.

    >>> [settings] = random_settings({"rate": LogUniform(1e-4, 1), "epochs": 5}, count=1)
    >>> 1e-4 <= settings["rate"] <= 1, settings["epochs"]
    (True, 5)
    """
    if count < 1:
        raise TrialError(f"random_settings: a count of {count}: give 1 or more")
    drawn = []
    for number in range(count):
        random = rng(seed, number)
        drawn.append({name: part.draw(random) if hasattr(part, "draw") else part for name, part in space.items()})
    return drawn


def narrow(space: Mapping[str, Any], settings: Mapping[str, Any], share: float = 0.3) -> dict[str, Any]:
    """The space around some settings: each range `share` as wide, and still inside the old one.

    Raises TrialError for a share that is not between 0 and 1, or settings that lack a name of the space.

    >>> finer = narrow({"rate": LogUniform(1e-4, 1)}, {"rate": 0.01}, share=0.5)["rate"]
    >>> round(finer.low, 6), round(finer.high, 6)
    (0.001, 0.1)
    """
    if not 0 < share <= 1:
        raise TrialError(f"narrow: share is {share}: give the part of each range to keep, above 0 and up to 1")
    missing = [name for name in space if name not in settings]
    if missing:
        raise TrialError(f"narrow: the settings lack {', '.join(missing)}: give settings of this space")
    return {
        name: part.around(settings[name], share) if hasattr(part, "around") else part
        for name, part in space.items()
    }
