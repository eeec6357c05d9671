"""Transfer learning: take a net that has learned one task, give it a new head, and train only what needs it."""

import numpy as np

from nnscratch.course import NotWritten


def replace_head(params, head, classes, rng):
    """Give a trained net a new last layer for another number of classes.

    params: dict of arrays by name, such as "conv1.w" and "fc.b"; head: the last layer's name, such as "fc",
    whose weights are params[head + ".w"], (D, old classes), and whose biases are params[head + ".b"], (old
    classes,); classes: number of classes of the new task; rng: a numpy.random.Generator.
    Returns a new dict with the same names in the same order. The new weights (D, classes) are rng.normal(0,
    0.01, size=(D, classes)), the new biases (classes,) are 0, both in the dtype of the old ones. All other
    arrays are COPIES: training the new net must not change the old one. Raises KeyError when there is no such
    layer.

    >>> old = {"conv.w": np.ones((2, 1, 3, 3)), "fc.w": np.ones((8, 10)), "fc.b": np.ones(10)}
    >>> new = replace_head(old, "fc", 3, np.random.default_rng(0))
    >>> {name: array.shape for name, array in new.items()}
    {'conv.w': (2, 1, 3, 3), 'fc.w': (8, 3), 'fc.b': (3,)}
    """
    # solution
    new = {name: array.copy() for name, array in params.items()}
    w, b = params[head + ".w"], params[head + ".b"]
    new[head + ".w"] = rng.normal(0, 0.01, size=(len(w), classes)).astype(w.dtype)
    new[head + ".b"] = np.zeros(classes, b.dtype)
    return new
    # end of solution


def fine_tune_step(params, grads, velocities, rates, momentum):
    """One step of momentum in which each layer has its own learning rate, and frozen layers do not move at all.

    params, grads, velocities: dicts of arrays with the same names, such as "conv1.w"; rates: dict of learning
    rates by layer, such as {"conv1": 0.0, "fc": 0.1}, where the layer is what comes before the LAST dot of the
    name ("block1.conv" for "block1.conv.w"); momentum: number from 0 to 1.
    Returns (params, velocities), two new dicts with new arrays; those handed in are left as they are.

    velocity = momentum * velocity - rate * gradient, then param = param + velocity.
    A layer with rate 0, or that `rates` does not name, is frozen: its parameters and its velocities stay as
    they are, even where a velocity of earlier steps is not 0. Source: Yosinski et al. 2014, "How transferable
    are features in deep neural networks?", sec. 3: frozen and fine-tuned layers.

    >>> params, grads = {"conv.w": np.ones(2), "fc.w": np.ones(2)}, {"conv.w": np.ones(2), "fc.w": np.ones(2)}
    >>> velocities = {"conv.w": np.ones(2), "fc.w": np.zeros(2)}
    >>> fine_tune_step(params, grads, velocities, {"fc": 0.5}, 0.9)[0]
    {'conv.w': array([1., 1.]), 'fc.w': array([0.5, 0.5])}
    """
    # solution
    new_params, new_velocities = {}, {}
    for name, value in params.items():
        rate = rates.get(name.rpartition(".")[0], 0.0)
        if rate == 0:
            new_params[name], new_velocities[name] = value.copy(), velocities[name].copy()
        else:
            new_velocities[name] = momentum * velocities[name] - rate * grads[name]
            new_params[name] = value + new_velocities[name]
    return new_params, new_velocities
    # end of solution
