"""Containers: layers in a row (Sequential), branches added up (Sum) or side by side (Concat), and Identity."""

from collections import Counter

from nnscratch import kernels
from nnscratch.arrays import array_module
from nnscratch.layers.base import FlatDict, Layer, infer, parameter_gradients, shortcut
from nnscratch.shapes import ShapeError


class Container(Layer):
    """Named layers that share one flat dict of parameters and one of state.

    Layers given by keyword have that name; the others are called after their class and counted: conv1, conv2.

    >>> list(Container(Identity(), Identity(), last=Identity()).children)
    ['identity1', 'identity2', 'last']
    """

    def __init__(self, *layers: Layer, **named: Layer) -> None:
        counted: Counter[str] = Counter()
        self._children: dict[str, Layer] = {}
        for layer in layers:
            kind = type(layer).__name__.lower()
            counted[kind] += 1
            self._add(f"{kind}{counted[kind]}", layer)
        for name, layer in named.items():
            self._add(name, layer)

    def _add(self, name, layer):
        if not isinstance(layer, Layer):
            raise TypeError(f"{name} is {layer!r}: a container takes layer objects, such as ReLU()")
        if name in self._children:
            raise ValueError(f"two layers are called {name}: give one of them another name")
        self._children[name] = layer

    @property
    def children(self):
        """The layers by name, in order."""
        return self._children

    @property
    def params(self):  # type: ignore[override]
        """All parameters as one flat dict, `"conv1.w"`; writing an entry writes the layer's own."""
        return FlatDict({name: layer.params for name, layer in self._children.items()})

    @property
    def state(self):  # type: ignore[override]
        """All state (running statistics and the like) as one flat dict."""
        return FlatDict({name: layer.state for name, layer in self._children.items()})

    def __getitem__(self, name):
        """Return one layer by name."""
        return self._children[name]

    def __repr__(self):
        inside = "".join(f"\n  {name}: {layer!r}".replace("\n", "\n  ") for name, layer in self.children.items())
        return f"{type(self).__name__}({inside})"


def named(grads, name):
    """Return gradients under the names that they have in a container: those of its part `name`.

    >>> named({"w": 1}, "conv1")
    {'conv1.w': 1}
    """
    return {f"{name}.{key}": value for key, value in grads.items()}


JOINED = object()  # stands for the cache of a ReLU whose backward pass needs none


def _joined(layer, following):
    """Return whether `following` is a ReLU that can be part of the layer's last pass over memory."""
    return bool(shortcut(layer, "forward_relu") and shortcut(following, "cache_of_output"))


def _taken(layers, name):
    """Take the first layer off the list if it has the shortcut `name`, and return that; else None."""
    found = shortcut(layers[0], name) if layers else None
    if found:
        del layers[0]
    return found


def _with_their_relu(layers):
    """Yield each layer with the ReLU that is joined to it, or with None."""
    position = 0
    while position < len(layers):
        layer, following = layers[position], layers[position + 1 : position + 2]
        relu = following[0] if following and _joined(layer, following[0]) else None
        yield layer, relu
        position += 2 if relu else 1


class Sequential(Container):
    """Layers in a row: each takes what the one before it gives.

    >>> import numpy as np
    >>> from nnscratch.layers import Affine, ReLU
    >>> net = Sequential(Affine(4, 8, rng=0), ReLU(), Affine(8, 3, rng=1))
    >>> out, cache = net.forward(np.ones((2, 4), np.float32))
    >>> dx, grads = net.backward(np.ones_like(out), cache)
    >>> out.shape, dx.shape, list(grads)
    ((2, 3), (2, 4), ['affine1.w', 'affine1.b', 'affine2.w', 'affine2.b'])
    """

    def forward(self, x, train=False):
        """Run the layers first to last; a ReLU as part of the layer before it, where that layer can."""
        caches = []
        for layer, relu in _with_their_relu(list(self.children.values())):
            if relu is None:
                x, cache = layer.forward(x, train)
                caches.append(cache)
            else:
                x, cache = layer.forward_relu(x, train)
                caches += [cache, JOINED if hasattr(layer, "backward_relu") else relu.cache_of_output(x)]
        return x, caches

    def backward(self, dout, caches):
        """Run the layers last to first."""
        return self._backward(dout, list(zip(self.children.items(), caches)))

    def parameter_gradients(self, dout, caches):
        """Return the gradients alone, and use up the caches: each is dropped when it has served.

        Nobody needs dx, so what lies before the first parameters is left out.
        """
        steps = list(zip(self.children.items(), caches))
        caches.clear()
        while steps and not steps[0][0][1].params:
            del steps[0]
        if not steps:
            return {}
        if len(steps) > 1 and steps[1][1] is JOINED:
            return self._backward(dout, steps)[1]
        (name, layer), cache = steps.pop(0)
        dout, grads = self._backward(dout, steps)
        return named(parameter_gradients(layer, dout, cache), name) | grads

    def infer(self, x):
        """Return the output in evaluation mode: a convolution does what norm, ReLU and max pool after it would."""
        layers = list(self.children.values())
        while layers:
            layer = layers.pop(0)
            with_others = shortcut(layer, "infer_with")
            if with_others:
                norm, relu = _taken(layers, "scale_and_shift"), _taken(layers, "cache_of_output")
                pool = _taken(layers, "inference_window")
                x = with_others(x, norm and norm(), 0.0 if relu else None, pool and pool())
            elif layers and _joined(layer, layers[0]):
                x, _ = layer.forward_relu(x)
                del layers[0]
            else:
                x = infer(layer, x)
        return x

    def _backward(self, dout, steps):
        """Go back through steps ((name, layer), cache); a joined ReLU goes with the layer before it."""
        collected: dict = {}
        while steps:
            (name, layer), cache = steps.pop()
            if cache is JOINED:
                (name, layer), cache = steps.pop()
                dout, grads = layer.backward_relu(dout, cache)
            else:
                dout, grads = layer.backward(dout, cache)
            collected = named(grads, name) | collected
        return dout, collected

    def trace(self, x, train=False, prefix=""):
        """Yield (name, layer, out) for every layer in turn, going into nested Sequentials.

        >>> import numpy as np
        >>> from nnscratch.layers import ReLU, Tanh
        >>> [name for name, layer, out in Sequential(ReLU(), Sequential(Tanh())).trace(np.ones((1, 2)))]
        ['relu1', 'sequential1.tanh1']
        """
        for name, layer in self.children.items():
            if isinstance(layer, Sequential):
                for inner in layer.trace(x, train, f"{prefix}{name}."):
                    yield inner
                    x = inner[2]
            else:
                x, _ = layer.forward(x, train)
                yield f"{prefix}{name}", layer, x


class Sum(Container):
    """Branches that see the same input, added up; with Identity as one of them, a residual block.

    Source: He et al. 2016, "Deep residual learning for image recognition", sec. 3.2.

    >>> import numpy as np
    >>> block = Sum(Identity(), Identity())
    >>> out, cache = block.forward(np.ones(2))
    >>> out, block.backward(np.ones(2), cache)[0]
    (array([2., 2.]), array([2., 2.]))
    """

    def forward(self, x, train=False):
        """Add up what the branches give; raises ShapeError when their shapes differ."""
        outs, caches = zip(*(layer.forward(x, train) for layer in self.children.values()))
        _check_branches(self, outs, [out.shape for out in outs])
        return _added(*outs), caches

    def backward(self, dout, caches):
        """Hand dout to every branch and add up what comes back."""
        dxs, grads = _branches_backward(self, [dout] * len(caches), caches)
        return _added(*dxs), grads


class Concat(Container):
    """Branches that see the same input, side by side along the channel axis, as in an inception module.

    Source: Szegedy et al. 2015, "Going deeper with convolutions", sec. 4.

    >>> import numpy as np
    >>> module = Concat(Identity(), Identity())
    >>> out, cache = module.forward(np.ones((2, 3, 4, 4)))
    >>> out.shape, module.backward(out, cache)[0].shape
    ((2, 6, 4, 4), (2, 3, 4, 4))
    """

    def forward(self, x, train=False):
        """Join the branches along axis 1; raises ShapeError when other axes differ."""
        outs, caches = zip(*(layer.forward(x, train) for layer in self.children.values()))
        _check_branches(self, outs, [out.shape[:1] + out.shape[2:] for out in outs])
        return array_module(x).concatenate(outs, axis=1), (caches, [out.shape[1] for out in outs])

    def backward(self, dout, cache):
        """Cut dout into the branches' channels and add up what comes back."""
        caches, channels = cache
        ends = [sum(channels[: i + 1]) for i in range(len(channels))]
        pieces = [dout[:, end - width : end] for end, width in zip(ends, channels)]
        dxs, grads = _branches_backward(self, pieces, caches)
        return _added(*dxs), grads


@kernels.example_by_example
def _added(first, *others):
    """Their sum, in memory of its own, laid out alike: branches may hand on what belongs to others."""
    return sum(others, start=first.copy(order="K"))


def _branches_backward(container, douts, caches):
    dxs, grads = [], {}
    for (name, layer), dout, cache in zip(container.children.items(), douts, caches):
        dx, own = layer.backward(dout, cache)
        dxs.append(dx)
        grads.update(named(own, name))
    return dxs, grads


def _check_branches(container, outs, shapes):
    if len(set(shapes)) > 1:
        listed = "".join(f"\n  {name}: {out.shape}" for name, out in zip(container.children, outs))
        raise ShapeError(f"{type(container).__name__}: the branches give shapes that do not fit together{listed}")


class Identity(Layer):
    """Hand the input on as it is: the short way round a residual branch.

    >>> import numpy as np
    >>> Identity().forward(np.ones(1))
    (array([1.]), None)
    """

    def forward(self, x, train=False):
        """Return x itself."""
        return x, None

    def backward(self, dout, cache):
        """Return dout itself."""
        return dout, {}
