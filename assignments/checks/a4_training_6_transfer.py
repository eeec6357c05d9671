"""How the exercises on transfer learning are checked."""

import numpy as np

from nnscratch.course import expect, slips
from nnscratch.course.exercises import exercise
from nnscratch.course.expect_loss import parts


def _net(rng, dtype=np.float64):
    shapes = {"conv1.w": (2, 3, 3, 3), "conv1.b": (2,), "block.conv.w": (2, 2, 3, 3), "fc.w": (8, 5), "fc.b": (5,)}
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


@exercise(
    "a4.replace_head",
    file="transfer.py",
    minutes=15,
    points=2,
    hints=(
        "Copy the whole dict, array by array, then put two new arrays in.",
        "{name: array.copy() for name, array in params.items()} keeps names and order. The old weights tell D "
        "and the dtype.",
        'new[head + ".w"] = rng.normal(0, 0.01, size=(len(w), classes)).astype(w.dtype), with w = params[head + '
        '".w"]; '
        "zeros for the biases",
    ),
)
def replace_head(mine, rng):
    """Names, shapes, dtypes, values and copies; a head that is not there."""
    for dtype in (np.float64, np.float32):
        params, seed = _net(rng, dtype), int(rng.integers(1000))
        before = list(params)
        new = expect.unchanged(lambda: mine(params, "fc", 3, np.random.default_rng(seed)), **params)
        expect.true(
            list(params) == before and params["fc.w"].shape == (8, 5),
            "the dict that was handed in was changed: the old net should stay as it is",
        )
        expect.true(isinstance(new, dict), f"it should return a dict, it returns {expect.described(new)}")
        expect.true(list(new) == before, f"the names should be {before}, in this order; they are {list(new)}")
        weights = np.random.default_rng(seed).normal(0, 0.01, (8, 3)).astype(dtype)
        expect.true(new["fc.w"].shape != (3, 8), "fc.w has shape (3, 8), it should be (8, 3): it looks transposed")
        expect.equal(new["fc.w"], weights, "fc.w")
        expect.equal(new["fc.b"], np.zeros(3, dtype), "fc.b")
        for name in before[:3]:
            expect.equal(new[name], params[name], name)
            expect.true(
                not np.shares_memory(new[name], params[name]),
                f"{name} is the old net's own array: training the new net would change the old one; copy it",
            )
    expect.raises(KeyError, lambda: mine(params, "head", 3, np.random.default_rng(0)), "there is no layer head")


@exercise(
    "a4.fine_tune_step",
    file="transfer.py",
    minutes=25,
    points=3,
    hints=(
        "Go through the names. The layer of a name is what stands before its last dot: str.rpartition or rsplit.",
        "rates.get(layer, 0.0) is the layer's rate. With rate 0, copy parameter and velocity and go on to the "
        "next name.",
        "velocity = momentum * velocities[name] - rate * grads[name]; the new parameter is value + velocity",
    ),
)
def fine_tune_step(mine, rng):
    """Two steps: layers that learn at rates of their own, and frozen ones of both kinds."""
    params, velocities = _net(rng), _net(rng)
    for rates in ({"conv1": 0.0, "block.conv": 0.01, "fc": 0.1}, {"fc": 0.2}):
        grads = _net(rng)
        arrays = {
            f"{kind} {name}": d[name] for kind, d in (("params", params), ("velocities", velocities)) for name in d
        }
        result = expect.unchanged(lambda: mine(params, grads, velocities, rates, 0.9), **arrays)
        found = parts(result, ("params", "velocities"))
        for made, kind in zip(found, ("params", "velocities")):
            expect.true(
                isinstance(made, dict) and set(made) == set(params),
                f"{kind} should be a dict with the names of params",
            )
        for name, old in params.items():
            layer = name[: name.rindex(".")]
            rate, speed = rates.get(layer, 0.0), velocities[name]
            if rate == 0:
                _frozen(found, old, speed, grads[name], name, layer in rates)
                continue
            velocity = 0.9 * speed - rate * grads[name]
            causes = {
                "the sign of the gradient": 0.9 * speed + rate * grads[name],
                "it stays: the layer learns, what stands before the LAST dot is its name": speed,
                "the old velocity is forgotten": -rate * grads[name],
                "it has the rate of another layer": 0.9 * speed - 0.1 * grads[name] if rate != 0.1 else None,
            }
            causes = {words: wrong for words, wrong in causes.items() if wrong is not None}
            slips.equal(found[1][name], velocity, f'velocities["{name}"] (rate {rate})', remedies=causes)
            causes = {
                "the velocity is to be added": old - velocity,
                "it moved by the gradient alone, not by the velocity": old - rate * grads[name],
                "it moved by the old velocity": old + speed,
            }
            slips.equal(found[0][name], old + velocity, f'params["{name}"] (rate {rate})', remedies=causes)
        params, velocities = found


def _frozen(found, old, speed, grad, name, named):
    """Expect a frozen layer's arrays to be what they were, and new arrays."""
    why = "its rate is 0" if named else "rates does not name it"
    causes = {"its old velocity still moves it": old + 0.9 * speed, "its velocity moves it": old + speed}
    slips.equal(found[0][name], old, f'params["{name}"] (frozen: {why})', remedies=causes)
    causes = {"it is damped by momentum: leave it": 0.9 * speed, "it is set to 0: leave it": 0 * speed}
    slips.equal(found[1][name], speed, f'velocities["{name}"] (frozen: {why})', remedies=causes)
    for array, before in ((found[0][name], old), (found[1][name], speed)):
        expect.true(
            not np.shares_memory(array, before), f"{name}: new arrays are asked for, this is the old one; copy it"
        )
