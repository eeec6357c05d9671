"""What a check expects of functions that return a loss with its gradients, and of training by them."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnscratch.course import expect, slips


def parts(result: Any, names: Sequence[str]) -> tuple:
    """Expect what a function returned to be a tuple with these parts; return it.

    >>> parts(0.5, ("loss", "dw", "db"))
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: it should return (loss, dw, db); it returns the number 0.5
    """
    if result is None:
        raise expect.Unmet("it returns None: is there a return at its end?")
    if not isinstance(result, tuple) or len(result) != len(names):
        raise expect.Unmet(f"it should return ({', '.join(names)}); it returns {expect.described(result)}")
    return result


def loss_causes(data: float, penalty: float, count: int, biases: float = 0.0) -> dict[str, float]:
    """What typical mistakes make of `data` + `penalty`, a mean over `count` examples, for the remedies of `slips`.

    penalty: half of strength times the sum of squares; biases: the same of what is not to be penalised.

    >>> loss_causes(3.0, 0.5, count=2)["the penalty is missing"]
    3.0
    """
    return {
        "it is the sum over the examples: divide by their number": data * count + penalty,
        "it is divided by the number of examples twice": data / count + penalty,
        "the right class counts too: leave out c == y[n]": data + 1 + penalty,
        "the penalty is missing": data,
        "the factor 0.5 of the penalty is missing": data + 2 * penalty,
        "the penalty is divided by the number of examples": data + penalty / count,
        "the biases are penalised too": data + penalty + biases,
        "the sign is wrong": -data + penalty,
    }


def gradients_of_loss(mine: Callable, loss: Callable, params: Mapping[str, np.ndarray]) -> None:
    """Expect the doctor to find nothing in `loss(**params) -> (loss, {name: gradient})`; `mine` is what is blamed.

    >>> gradients_of_loss(print, lambda w: ((w * w).sum(), {"w": 2 * w}), {"w": np.arange(1.0, 4.0)})
    """

    def forward(*values):
        number, grads = loss(**dict(zip(params, values)))
        return np.asarray(number, dtype=np.float64), grads

    @functools.wraps(mine)
    def backward(dout, grads):
        return tuple(dout * grads[name] for name in params)

    named = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in params]
    forward.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
    expect.gradients(forward, backward, tuple(params.values()))


def descend(
    loss: Callable,
    params: Mapping[str, np.ndarray],
    count: int,
    rng: np.random.Generator,
    rate: float,
    epochs: int,
    batch_size: int,
    decay: float = 1.0,
    mistake: str = "",
) -> tuple[dict, list]:
    """Stochastic gradient descent of `loss(params, batch) -> (loss, grads)`, right or with a typical mistake.

    batch: the numbers of its examples, out of `count`. Returns the trained params and the loss of every step.

    >>> params, losses = descend(lambda p, batch: (p["w"] ** 2, {"w": 2 * p["w"]}), {"w": np.ones(1)}, 5,
    ...     np.random.default_rng(0), rate=0.1, epochs=2, batch_size=2)
    >>> len(losses), params["w"].round(3)
    (6, array([0.262]))
    """
    params, losses = dict(params), list[float]()
    order = np.arange(count)
    for _ in range(epochs):
        if mistake != MISTAKES[0] and not (losses and mistake == MISTAKES[1]):
            order = rng.permutation(count)
        for start in range(0, count, batch_size):
            batch = order[start : start + batch_size]
            if mistake == MISTAKES[2] and len(batch) < batch_size:
                continue
            number, grads = loss(params, batch)
            sign = 1 if mistake == MISTAKES[3] else -1
            params = {name: array + sign * rate * grads[name] for name, array in params.items()}
            losses.append(number)
            rate = rate * (decay if mistake == MISTAKES[4] else 1)
        rate = rate * (1 if mistake in MISTAKES[4:6] else decay)
    return params, losses


MISTAKES = (
    "the examples are not shuffled",
    "the order is drawn once only, not in each epoch",
    "the last, smaller batch is left out",
    "it climbs: w + rate * dw, instead of w - rate * dw",
    "the rate is multiplied by decay after every step, not after every epoch",
    "the rate never falls: multiply it by decay after every epoch",
)


def descended(
    found: tuple[dict, list], loss: Callable, params: Mapping[str, np.ndarray], seed: int, **how: Any
) -> None:
    """Expect `found` (params, losses) to be what `descend` gives; name the mistake where it is a typical one.

    >>> def loss(p, batch):
    ...     return p["w"] ** 2, {"w": 2 * p["w"]}
    >>> how = dict(count=5, rate=0.1, epochs=2, batch_size=2)
    >>> up = descend(loss, {"w": np.ones(1)}, rng=np.random.default_rng(0), mistake=MISTAKES[3], **how)
    >>> descended(up, loss, {"w": np.ones(1)}, 0, **how)
    Traceback (most recent call last):
    nnscratch.course.expect.Unmet: w after 6 steps is wrong: it climbs: w + rate * dw, instead of w - rate * dw
    """
    trained, losses = found
    right, steps = descend(loss, params, rng=np.random.default_rng(seed), **how)
    if not isinstance(losses, list):
        raise expect.Unmet(f"losses should be a list of numbers, it is {expect.described(losses)}")

    def ends(trained, losses):
        return np.concatenate([[len(losses)], *(np.ravel(trained[name]) for name in params)])

    mistakes = {
        words: ends(*descend(loss, params, rng=np.random.default_rng(seed), mistake=words, **how))
        for words in MISTAKES
    }
    slips.none_of(
        ends(trained, losses), ends(right, steps), f"{next(iter(params))} after {len(steps)} steps", mistakes
    )
    expect.true(
        len(losses) == len(steps),
        f"losses holds {len(losses)} numbers, it should hold {len(steps)}: {how['epochs']} epochs of "
        f"{how['count']} examples in batches of {how['batch_size']}, the last batch smaller where need be",
    )
    expect.equal(np.array(losses, float), np.array(steps, float), "losses")
    for name in params:
        expect.equal(trained[name], right[name], f"{name} after {len(steps)} steps")
