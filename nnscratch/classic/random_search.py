"""Three ways to make a loss small: guess, guess nearby, follow the gradient; each is better than the one before.

Source: CS231n notes, "Optimization: stochastic gradient descent".
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnscratch.arrays import rng


class Descent(NamedTuple):
    """The best parameters `w`, and `losses`: the best loss after each try or step, which never rises."""

    w: Any
    losses: list[float]


class SearchError(ValueError):
    """A search was asked for no tries, or its loss is not a number."""


def random_search(loss: Callable, draw: Callable, tries: int = 100, seed: int = 0) -> Descent:
    """Draw parameters again and again, and keep the best: a guess learns nothing from the guesses before it.

    loss: w -> number; draw: Generator -> w.

    >>> found = random_search(lambda w: (w**2).sum(), lambda rng: rng.normal(size=2), tries=200)
    >>> len(found.losses), found.losses[-1] < 0.1
    (200, True)
    """
    _check_tries("random_search", tries)
    random = rng(seed)
    best, losses = None, [np.inf]
    for _ in range(tries):
        w = draw(random)
        value = _value("random_search", loss(w))
        if value < losses[-1]:
            best = w
        losses.append(min(value, losses[-1]))
    return Descent(best, losses[1:])


def random_local_search(loss: Callable, w: Any, tries: int = 100, radius: float = 0.1, seed: int = 0) -> Descent:
    """Step in a random direction, and stay there only if the loss is lower.

    loss: w -> number; w: array to start from; `radius`: standard deviation of a step, per parameter.

    >>> found = random_local_search(lambda w: (w**2).sum(), np.ones(2), tries=200)
    >>> found.losses[-1] < 0.01
    True
    """
    _check_tries("random_local_search", tries)
    random = rng(seed)
    losses = [_value("random_local_search", loss(w))]
    for _ in range(tries):
        step = w + (radius * random.normal(size=w.shape)).astype(w.dtype)
        value = _value("random_local_search", loss(step))
        if value < losses[-1]:
            w = step
        losses.append(min(value, losses[-1]))
    return Descent(w, losses[1:])


def follow_gradient(loss_and_gradient: Callable, w: Any, steps: int = 100, rate: float = 0.1) -> Descent:
    """Step against the gradient, which points where the loss rises fastest: no direction has to be guessed.

    loss_and_gradient: w -> (number, gradient shaped like w); w: array to start from. The best w is kept.

    >>> found = follow_gradient(lambda w: ((w**2).sum(), 2 * w), np.ones(2), steps=20)
    >>> found.losses[-1] < 1e-3
    True
    """
    _check_tries("follow_gradient", steps)
    value, gradient = loss_and_gradient(w)
    best, losses = w, [_value("follow_gradient", value)]
    for _ in range(steps):
        w = w - rate * gradient
        value, gradient = loss_and_gradient(w)
        if _value("follow_gradient", value) < losses[-1]:
            best = w
        losses.append(min(float(value), losses[-1]))
    return Descent(best, losses[1:])


def _check_tries(search, tries):
    if tries < 1:
        raise SearchError(f"{search}: {tries} tries: give 1 or more")


def _value(search, value):
    if not np.isfinite(value):
        raise SearchError(f"{search}: the loss is {value}: start from smaller parameters, or take smaller steps")
    return float(value)
