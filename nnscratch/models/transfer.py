"""Transfer learning: what a network has learned on one task, used for another, in the three ways of the course."""

from nnscratch import arrays
from nnscratch.layers import Affine, Sequential
from nnscratch.layers.base import FlatDict, Layer, infer
from nnscratch.layers.initializers import normal
from nnscratch.models.classifier import Classifier
from nnscratch.models.inside import cut, features


class Frozen(Layer):
    """A layer that no longer learns: always in evaluation mode, and without parameters.

    What was learned lies in its state ("params.w", "state.mean"), so that checkpoints keep it and optimisers
    do not see it. Running statistics stay as they are.

    >>> frozen = Frozen(Affine(4, 2))
    >>> list(frozen.params), list(frozen.state)
    ([], ['params.w', 'params.b'])
    """

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.state = FlatDict({"params": layer.params, "state": layer.state})

    def forward(self, x, train=False):
        """Return the layer's output in evaluation mode, whatever `train` says, and the cache."""
        return self.layer.forward(x, False)

    def backward(self, dout, cache):
        """Return dx; there is nothing to learn."""
        return self.layer.backward(dout, cache)[0], {}

    def infer(self, x):
        """Return the layer's output in evaluation mode."""
        return infer(self.layer, x)


def with_new_head(model, classes, frozen=None, seed=0):
    """Return a Classifier with a model's layers and a new last affine layer for so many classes.

    `frozen` names the last layer that stays as it is, with all below it: the layer before the last, for a linear
    classifier on frozen features (the first way); an earlier one, for fine-tuning the layers above it (the third
    way); None, for fine-tuning all. The layers are shared with the model, not copied. Raises ValueError for an
    unknown layer, and for a model that does not end in an affine layer.

    >>> from nnscratch.models import lenet
    >>> tuned = with_new_head(lenet(), classes=2, frozen="flatten1")
    >>> list(tuned.params), tuned.params["affine3.w"].shape
    (['affine1.w', 'affine1.b', 'affine2.w', 'affine2.b', 'affine3.w', 'affine3.b'], (84, 2))
    """
    children = dict(model.layers.children)
    name, last = children.popitem()
    if not isinstance(last, Affine):
        raise ValueError(
            f"with_new_head: the model ends in a {type(last).__name__}, not in an affine layer: build the new "
            "head yourself on cut(model.layers, name)"
        )
    w = last.params["w"]
    new = {name: Affine(len(w), classes, init=normal(0.01), rng=arrays.rng(seed), dtype=w.dtype)}
    if frozen is None:
        return Classifier(Sequential(**children, **new))
    below, above = cut(Sequential(**children), frozen)
    return Classifier(Sequential(frozen=Frozen(below), **above.children, **new))


def on_features(model, data, name, preprocess=None):
    """Return the features of each split of the data, computed once, for a small network on them (the second way).

    data: a Dataset, or a dict with x_train, y_train and perhaps x_val, y_val, x_test, y_test; name: the layer of
    the model that gives the features; preprocess: what the model's images went through. Returns a dict for the
    Solver, the D features of an example being an image (1, 1, D).

    >>> import numpy as np
    >>> from nnscratch.models import lenet
    >>> data = {"x_train": np.zeros((4, 3, 32, 32), np.float32), "y_train": np.array([0, 1, 0, 1])}
    >>> on_features(lenet(), data, "tanh4")["x_train"].shape
    (4, 1, 1, 84)
    """
    given = data if isinstance(data, dict) else vars(data)
    found = {}
    for split in ("train", "val", "test"):
        x = given.get(f"x_{split}")
        if x is not None and len(x):
            rows = features(model, preprocess(x) if preprocess else x, name)
            found[f"x_{split}"] = rows[:, None, None]
            found[f"y_{split}"] = given[f"y_{split}"]
    return found
