"""Work out inputs to try a user's forward pass with, from its name and the names of its parameters."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnscratch import arrays

ALIASES = {
    "input": "x", "inputs": "x", "scores": "x", "logits": "x", "weight": "w", "weights": "w", "bias": "b",
    "biases": "b", "label": "y", "labels": "y", "target": "y", "targets": "y",
}  # fmt: skip

# Values for parameters that are no arrays, in the house's words and in those of the CS231n assignments.
SETTINGS = {
    "stride": 2, "pad": 1, "kernel": 3, "size": 3, "groups": 1, "dilation": 1, "train": True, "training": True,
    "drop": 0.5, "keep": 0.5, "p": 0.5, "eps": 1e-5, "momentum": 0.9, "alpha": 0.5, "reg": 0.1, "margin": 1.0,
    "seed": 0, "mode": "train", "conv_param": {"stride": 2, "pad": 1}, "bn_param": {"mode": "train"},
    "pool_param": {"pool_height": 2, "pool_width": 2, "stride": 2}, "ln_param": {}, "gn_param": {},
    "dropout_param": {"mode": "train", "p": 0.5, "seed": 0},
    "d": 5, "m": 3, "c": 3, "f": 4, "k": 3, "v": 6, "image": (7, 7), "shape": 5,
}  # fmt: skip

# What the name of a pair or loss says about its inputs; the first match leads, all other kinds follow.
HINTS = {
    r"transpose|deconv": ("transposed",),
    r"local": ("local images",),
    r"conv|pool|spatial|lrn|image|channel": ("images", "even images"),
    r"embed": ("indexes",),
    r"maxout": ("pieces",),
    r"step|cell": ("step",),
    r"rnn|lstm|gru|recurrent|sequence|temporal|attention": ("sequences",),
    r"logistic|binary|sigmoid|attribute": ("yes or no",),
    r"l1|l2|mse|square|regress|huber|smooth|distance": ("targets",),
}

REMEDY = 'give inputs in the file: EXAMPLES = {{"{name}": ({inputs})}}, one array for each parameter'


def kinds() -> dict[str, dict[str, np.ndarray]]:
    """Return small random arrays for each kind of layer, by parameter name; the same at every call.

    >>> kinds()["images"]["x"].shape
    (2, 3, 7, 7)
    """
    rng = arrays.rng(2)
    draw = rng.standard_normal

    def image(H, **others):
        return {"x": draw((2, 3, H, H)), "gamma": draw(3), "beta": draw(3), "slope": draw(3), **others}

    features = {"x": draw((4, 5)), "w": draw((5, 3)), "b": draw(3)}
    features |= {"gamma": draw(5), "beta": draw(5), "slope": draw(5), "y": rng.integers(0, 5, 4)}
    recurrent = {"wx": draw((5, 4)), "wh": draw((4, 4)), "b": draw(4)}
    recurrent |= {"h0": draw((2, 4)), "h": draw((2, 4)), "prev_h": draw((2, 4))}
    return {
        "features": features,
        "images": image(7, w=draw((4, 3, 3, 3)), b=draw(4)),
        "even images": image(6, w=draw((4, 3, 3, 3)), b=draw(4)),
        "local images": image(7, w=draw((4, 3, 3, 3, 5, 5)), b=draw((4, 5, 5))),
        "transposed": image(5, w=draw((3, 4, 3, 3)), b=draw(4)),
        "targets": {"x": draw((4, 5)), "y": draw((4, 5))},
        "yes or no": {"x": draw((4, 5)), "y": rng.integers(0, 2, (4, 5))},
        "sequences": {"x": draw((2, 3, 5)), "w": draw((5, 4)), **recurrent},
        "step": {"x": draw((2, 5)), **recurrent},
        "pieces": {"x": draw((4, 5)), "w": draw((2, 5, 3)), "b": draw((2, 3))},
        "indexes": {"x": rng.integers(0, 6, (4, 3)), "w": draw((6, 5))},
        "positive": {"x": 0.5 + rng.random((4, 5)), "y": 0.5 + rng.random((4, 5))},
    }


def guesses(name: str, function: Callable) -> Iterator[tuple[Any, ...]]:
    """Yield tuples of inputs for `function`, the likeliest first; none when a parameter's name says nothing.

    >>> def affine_forward(x, w, b):
    ...     return x @ w + b, (x, w)
    >>> [array.shape for array in next(guesses("affine", affine_forward))]
    [(4, 5), (5, 3), (3,)]
    """
    every = kinds()
    for kind in _order(name, every):
        inputs = _fill(function, every[kind])
        if inputs:
            yield inputs


def guesses_for_layer(layer: Any) -> Iterator[np.ndarray]:
    """Yield inputs x for a layer object, the likeliest first: those that its parameters fit, then all kinds.

    >>> class Scale:
    ...     params = {"w": np.ones((7, 2))}
    >>> next(guesses_for_layer(Scale())).shape
    (4, 7)
    """
    draw = arrays.rng(3).standard_normal
    for array in list(layer.params.values())[:1]:
        if array.ndim == 4:
            yield draw((2, array.shape[1], 7, 7))
            yield draw((2, array.shape[0], 5, 5))
        if array.ndim in (1, 2):
            yield draw((4, array.shape[0]))
            yield draw((2, array.shape[0], 7, 7))
    every = kinds()
    for kind in _order(type(layer).__name__.lower(), every):
        yield every[kind]["x"]


def constructor_arguments(cls: type) -> dict[str, Any] | None:
    """Return values for the arguments that a layer class needs, or None where one is not in SETTINGS.

    >>> class Affine:
    ...     def __init__(self, D, M, rng=0): ...
    >>> constructor_arguments(Affine)
    {'D': 5, 'M': 3}
    """
    needed = [q.name for q in _parameters(cls) if q.default is q.empty]
    if any(name.lower() not in SETTINGS for name in needed):
        return None
    return {name: SETTINGS[name.lower()] for name in needed}


def how_to_give(name: str, function: Callable) -> str:
    """Return the sentence that tells a user how to give example inputs for a function.

    >>> def twist_forward(x, angle):
    ...     return x, None
    >>> how_to_give("twist", twist_forward)
    'give inputs in the file: EXAMPLES = {"twist": (x, angle)}, one array for each parameter'
    """
    needed = [q.name for q in _parameters(function) if q.default is q.empty]
    return REMEDY.format(name=name, inputs=", ".join(needed) + ("," if len(needed) == 1 else ""))


def _order(name, every):
    first = next((hint for pattern, hint in HINTS.items() if re.search(pattern, name.lower())), ())
    return [*first, *(kind for kind in every if kind not in first)]


def _parameters(function):
    try:
        every = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [q for q in every if q.kind in (q.POSITIONAL_ONLY, q.POSITIONAL_OR_KEYWORD)]


def _fill(function, known):
    """One value for each parameter up to the last needed or known one, or None where a needed one is unknown."""
    parameters = _parameters(function)
    values, needed = [], 0
    for place, q in enumerate(parameters):
        word = ALIASES.get(q.name.lower(), q.name.lower())
        required = q.default is q.empty
        if word in known and (required or q.default is None):
            values.append(known[word])
            needed = place + 1
        elif not required:
            values.append(q.default)
        elif q.name == "rng":
            values.append(arrays.rng(0))
            needed = place + 1
        elif word in SETTINGS:
            values.append(SETTINGS[word])
            needed = place + 1
        elif place == 0:
            values.append(known["x"])
            needed = 1
        else:
            return None
    return tuple(values[:needed])
