"""The layer object: it holds parameters and running state, and hands arrays to its forward/backward pair."""

import os
from collections.abc import Iterator, MutableMapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from nnscratch.arrays import to_device

shortcuts = ContextVar("whether shortcuts are taken", default=os.environ.get("NNSCRATCH_FUSE") != "0")


def shortcut(layer, name):
    """Return a layer's own way of doing two things at once, the method `name`, or None if it is not to be taken.

    It is taken only where it does the same as the methods it stands for: the layer's class itself must define it,
    as a subclass may have changed the others. NNSCRATCH_FUSE=0, or `shortcuts.set(False)`, turns all of them off.

    >>> from nnscratch.layers import Conv, Tanh
    >>> shortcut(Conv(1, 1, rng=0), "forward_relu").__name__, shortcut(Tanh(), "forward_relu")
    ('forward_relu', None)
    """
    own = shortcuts.get() and name in vars(type(layer)) and not {"forward", "backward"} & vars(layer).keys()
    return getattr(layer, name) if own else None


def infer(layer, x):
    """Return a layer's output in evaluation mode, where no backward pass will follow, and so no cache is needed.

    >>> from nnscratch.layers import ReLU
    >>> infer(ReLU(), np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    alone = shortcut(layer, "infer")
    return alone(x) if alone else layer.forward(x, train=False)[0]


def parameter_gradients(layer, dout, cache):
    """Return a layer's grads without dx, which nobody needs at the bottom of a network; use up the cache.

    >>> from nnscratch.layers import Affine
    >>> layer = Affine(2, 1, rng=0)
    >>> out, cache = layer.forward(np.ones((1, 2), np.float32))
    >>> list(parameter_gradients(layer, out, cache))
    ['w', 'b']
    """
    alone = shortcut(layer, "parameter_gradients")
    return alone(dout, cache) if alone else layer.backward(dout, cache)[1]


class Layer:
    """A layer holds parameters; its forward/backward pair does the maths.

    `params` is a flat dict of arrays that training changes, `state` one of arrays that it does not learn by
    gradients (running statistics, the count of dropout masks drawn). Hyper-parameters are attributes. A layer
    keeps no cache, so two forward passes can be open at once.

    >>> class Double(Layer):
    ...     def forward(self, x, train=False):
    ...         return 2 * x, None
    ...     def backward(self, dout, cache):
    ...         return 2 * dout, {}
    >>> out, cache = Double().forward(np.ones(2))
    >>> Double().backward(out, cache)
    (array([4., 4.]), {})
    """

    def __init__(self) -> None:
        self.params: MutableMapping[str, Any] = {}
        self.state: MutableMapping[str, Any] = {}

    def forward(self, x, train=False):
        """Return (out, cache); `train` chooses between training and evaluation where they differ."""
        raise TypeError(
            f"{type(self).__name__} has no forward(x, train=False): write one that returns (out, cache)"
        )

    def backward(self, dout, cache):
        """Return (dx, grads): the gradient of the input, and a dict of gradients keyed like `params`."""
        raise TypeError(f"{type(self).__name__} has no backward(dout, cache): write one that returns (dx, grads)")

    def gradients(self, **grads):
        """Keep those gradients whose parameters this layer has: a layer without a bias returns none for it."""
        return {name: grad for name, grad in grads.items() if name in self.params}

    @property
    def children(self) -> dict[str, "Layer"]:
        """The layers inside this one by name; a plain layer has none."""
        return {}

    def astype(self, dtype):
        """Convert parameters and floating-point state to a dtype, in place; return the layer itself."""
        return self._convert(lambda a: a.astype(dtype) if a.dtype.kind == "f" else a)

    def to(self, device):
        """Move parameters and state to `"cpu"` or `"gpu"`, in place; return the layer itself."""
        return self._convert(lambda a: to_device(a, device))

    def _convert(self, change):
        for arrays in (self.params, self.state):
            for name in arrays:
                arrays[name] = change(arrays[name])
        return self

    def __repr__(self) -> str:
        shown = [f"{k}={v}" for k, v in vars(self).items() if isinstance(v, (int, float, str, bool, tuple))]
        sizes = [f"{name}{tuple(array.shape)}" for name, array in self.params.items()]
        return f"{type(self).__name__}({', '.join(sizes + shown)})"


class FlatDict(MutableMapping):
    """One flat dict over the dicts of named parts: `"conv1.w"` is the entry `"w"` of the part `"conv1"`.

    It holds no arrays itself: reading and writing go to the parts, so there is one truth.

    >>> parts = FlatDict({"a": {"w": 1}, "b": {"w": 2}})
    >>> parts["b.w"] = 5
    >>> dict(parts)
    {'a.w': 1, 'b.w': 5}
    """

    def __init__(self, parts: dict[str, MutableMapping[str, Any]]) -> None:
        self.parts = parts

    def __getitem__(self, key: str):
        part, _, name = key.partition(".")
        return self.parts[part][name]

    def __setitem__(self, key: str, value) -> None:
        if key not in self:
            raise KeyError(f"{key}: there is no such entry; there are {', '.join(self)}")
        part, _, name = key.partition(".")
        self.parts[part][name] = value

    def __delitem__(self, key: str) -> None:
        raise TypeError(f"{key} belongs to a layer and cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        return (f"{part}.{name}" for part, entries in self.parts.items() for name in entries)

    def __len__(self) -> int:
        return sum(len(entries) for entries in self.parts.values())

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key}: {getattr(value, 'shape', value)}" for key, value in self.items()) + "}"


def parameter(init, shape, rng, dtype=np.float32):
    """Draw a parameter on the CPU in float64 and return it in `dtype`, so that every precision starts equal.

    `init` is a function of (shape, rng), or an array that is copied.

    >>> from nnscratch.layers.initializers import constant
    >>> parameter(constant(1.0), (2,), None)
    array([1., 1.], dtype=float32)
    """
    values = init(shape, rng) if callable(init) else np.array(init).reshape(shape)
    return np.ascontiguousarray(values, dtype=dtype)
