"""Update rules on the CPU: one sweep over a parameter, its gradient, and all that the rule remembers of it.

The rules are those of training/optimizers.py, number by number, in the same order of operations and so with the
same bits. Each begins with three numbers: the rate, the share of w that decay adds to its gradient, and the factor
by which decay shrinks w itself where it is decoupled.
"""

from typing import Any

import numpy as np

from nnscratch.kernels import reference
from nnscratch.kernels.compiling import compiled
from nnscratch.kernels.pool import share


def update_parameters(first, rule, parts, move):
    """Twin of reference.update_parameters: threads share all parameters as if they were one row."""
    if rule.name not in RULES or rule.go is not None or not all(_plain(first, w, slots) for w, *_, slots in parts):
        return reference.update_parameters(first, rule, parts, move)
    sweep, settings = RULES[rule.name]
    rows, place = [], 0
    for w, dw, factor, decay, slots in parts:
        rate, more = rule.rate * factor, settings(*rule.settings)
        if "t" in slots:
            slots["t"] += 1
            more += tuple(1 - beta ** slots["t"] for beta in rule.settings[:2])
        decays = (0.0, 1 - rate * decay) if rule.decoupled else (decay, 1.0)
        arrays = (w, np.ascontiguousarray(dw), *(array for name, array in slots.items() if name != "t"))
        numbers = tuple(first.dtype.type(number) for number in (rate, *decays, *more))
        rows.append((place, w.size, [array.reshape(-1) for array in arrays], numbers))
        place += w.size

    def work(start, stop):
        for place, size, arrays, numbers in rows:
            begin, end = max(start - place, 0), min(stop - place, size)
            if begin < end:
                sweep(*(array[begin:end] for array in arrays), numbers)

    share(work, place)
    return None


def _plain(first, w, slots):
    """Whether a parameter and what is remembered of it are rows of numbers of the first one's kind."""
    arrays = (w, *(array for name, array in slots.items() if name != "t"))
    return all(array.dtype == first.dtype and array.flags.c_contiguous for array in arrays)


@compiled
def _sgd(w, dw, numbers):
    rate, decay, shrink = numbers
    for i in range(len(w)):
        w[i] = w[i] * shrink - rate * (dw[i] + decay * w[i])


@compiled
def _momentum(w, dw, velocity, numbers):
    rate, decay, shrink, keep = numbers
    for i in range(len(w)):
        velocity[i] = velocity[i] * keep - rate * (dw[i] + decay * w[i])
        w[i] = w[i] * shrink + velocity[i]


@compiled
def _nesterov(w, dw, velocity, numbers):
    rate, decay, shrink, keep, ahead = numbers
    for i in range(len(w)):
        before = velocity[i]
        velocity[i] = before * keep - rate * (dw[i] + decay * w[i])
        w[i] = w[i] * shrink - keep * before + ahead * velocity[i]


@compiled
def _adagrad(w, dw, squares, numbers):
    rate, decay, shrink, epsilon = numbers
    for i in range(len(w)):
        g = dw[i] + decay * w[i]
        squares[i] += g * g
        w[i] = w[i] * shrink - rate * g / (np.sqrt(squares[i]) + epsilon)


@compiled
def _rmsprop(w, dw, squares, numbers):
    rate, decay, shrink, keep, rest, epsilon = numbers
    for i in range(len(w)):
        g = dw[i] + decay * w[i]
        squares[i] = squares[i] * keep + rest * g * g
        w[i] = w[i] * shrink - rate * g / (np.sqrt(squares[i]) + epsilon)


@compiled
def _adam(w, dw, m, v, numbers):
    rate, decay, shrink, keep_m, rest_m, keep_v, rest_v, epsilon, started_m, started_v = numbers
    for i in range(len(w)):
        g = dw[i] + decay * w[i]
        m[i] = m[i] * keep_m + rest_m * g
        v[i] = v[i] * keep_v + rest_v * g * g
        w[i] = w[i] * shrink - rate * (m[i] / started_m) / (np.sqrt(v[i] / started_v) + epsilon)


# The sweep of each rule, and the numbers that it takes from the rule's settings.
RULES: dict[str, Any] = {
    "sgd": (_sgd, lambda: ()),
    "momentum": (_momentum, lambda momentum: (momentum,)),
    "nesterov": (_nesterov, lambda momentum: (momentum, 1 + momentum)),
    "adagrad": (_adagrad, lambda epsilon: (epsilon,)),
    "rmsprop": (_rmsprop, lambda decay, epsilon: (decay, 1 - decay, epsilon)),
    "adam": (_adam, lambda beta1, beta2, epsilon: (beta1, 1 - beta1, beta2, 1 - beta2, epsilon)),
}
