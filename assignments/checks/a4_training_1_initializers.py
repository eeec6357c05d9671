"""How the exercises on initialisers are checked."""

import math

import numpy as np

from nnscratch.course import expect
from nnscratch.course.exercises import exercise
from nnscratch.layers import initializers


@exercise(
    "a4.fans",
    file="initializers.py",
    minutes=5,
    hints=(
        "One output of a convolution looks through a window of KH x KW pixels in all C channels: how many "
        "numbers is that?",
        "The number of axes tells the two cases apart: len(shape) is 2 or 4.",
        "F, C, KH, KW = shape; return C * KH * KW, F * KH * KW",
    ),
)
def fans(mine, rng):
    """Affine layers, convolutions that are not square, shapes that are neither."""
    for shape in ((7, 3), (6, 5, 3, 2), (1, 1)):
        found = mine(shape)
        expect.true(
            isinstance(found, tuple) and len(found) == 2,
            f"it should return (fan_in, fan_out); for {shape} it returns {expect.described(found)}",
        )
        right = initializers.fans(shape)
        causes = {": fan_in and fan_out are exchanged": right[::-1]}
        if len(shape) == 4:
            causes[": the size of the window counts, KH * KW"] = shape[1], shape[0]
        cause = next((words for words, wrong in causes.items() if found == wrong), "")
        expect.true(found == right, f"for the shape {shape} it should return {right}, it returns {found}{cause}")
    for shape in ((3,), (3, 4, 5)):
        expect.raises(
            ValueError, lambda: mine(shape), f"the shape {shape} is of no affine layer and no convolution"
        )


def _drawn(found, shape):
    """Expect an array of this shape, float64, finite."""
    expect.shape(found, shape, "w")
    expect.true(found.dtype == np.float64, f"w has dtype {found.dtype}, it should be float64")
    expect.true(np.isfinite(found).all(), "w holds NaN or infinity")


def _spread(found, right, name, causes):
    """Compare what was drawn at large with the standard deviation that is right."""
    std = float(found.std())
    for words, wrong in causes.items():
        if abs(std / wrong - 1) < 0.02 < abs(right / wrong - 1):
            raise expect.Unmet(f"{name} have the standard deviation {std:.4f}, it should be {right:.4f}: {words}")
    expect.true(
        abs(std / right - 1) < 0.03,
        f"{name} have the standard deviation {std:.4f}, it should be {right:.4f}",
    )
    expect.true(abs(found.mean()) < 0.03 * right, f"{name} have the mean {found.mean():.4f}, it should be 0")


@exercise(
    "a4.xavier",
    file="initializers.py",
    minutes=10,
    hints=(
        "Call fans. The variance is 2 / (fan_in + fan_out): what is the standard deviation?",
        "rng.normal(size=shape) has standard deviation 1; multiply it.",
        "np.sqrt(2 / (fan_in + fan_out)) * rng.normal(size=shape)",
    ),
)
def xavier(mine, rng):
    """The spread of many weights, their distribution, and how many numbers are drawn."""
    for shape in ((400, 100), (60, 20, 5, 5)):
        found = mine(shape, np.random.default_rng(int(rng.integers(1000))))
        _drawn(found, shape)
        fan_in, fan_out = initializers.fans(shape)
        right = math.sqrt(2 / (fan_in + fan_out))
        causes = {
            "this is the variance: take its root": right**2,
            "the 2 is missing": right / math.sqrt(2),
            "it looks at fan_in alone": math.sqrt(1 / fan_in),
            "it is He's, for ReLUs": math.sqrt(2 / fan_in),
            "it looks at the first two axes alone, not at the size of the window": math.sqrt(2 / sum(shape[:2])),
        }
        _spread(found, right, f"weights of shape {shape}", causes)
        expect.true(
            abs(found).max() > 3 * right,
            "no weight is larger than three standard deviations: draw them from rng.normal",
        )
    _draws(mine, (30, 20), "normal")


@exercise(
    "a4.he",
    file="initializers.py",
    minutes=10,
    hints=(
        "limit**2 / 3 is to be 2 / fan_in. Solve it for the limit.",
        "limit = sqrt(6 / fan_in); rng.uniform takes the lower and the upper end and the size.",
        "limit = np.sqrt(6 / fans(shape)[0]); return rng.uniform(-limit, limit, size=shape)",
    ),
)
def he(mine, rng):
    """The spread of many weights, the limit, and how many numbers are drawn."""
    for shape in ((400, 100), (60, 20, 5, 5)):
        found = mine(shape, np.random.default_rng(int(rng.integers(1000))))
        _drawn(found, shape)
        fan_in, fan_out = initializers.fans(shape)
        right = math.sqrt(2 / fan_in)
        causes = {
            "the limit is the standard deviation: it should be sqrt(3) times as large": right / math.sqrt(3),
            "the 2 for the ReLU is missing": right / math.sqrt(2),
            "it looks at fan_out": math.sqrt(2 / fan_out),
            "it is Xavier's": math.sqrt(2 / (fan_in + fan_out)),
            "it looks at the first two axes alone, not at the size of the window": math.sqrt(2 / shape[1]),
        }
        limit = math.sqrt(6 / fan_in)
        _spread(found, right, f"weights of shape {shape}", causes)
        expect.true(
            abs(found).max() <= limit,
            f"weights should lie between -{limit:.4f} and {limit:.4f}: draw them uniform",
        )
    _draws(mine, (30, 20), "uniform")


def _draws(mine, shape, kind):
    """Expect that the generator handed in is the one that is used, once."""
    one, two = (mine(shape, np.random.default_rng(5)) for _ in range(2))
    expect.true(np.array_equal(one, two), f"two generators of one seed give other weights: draw with rng.{kind}")
    used, fresh = np.random.default_rng(5), np.random.default_rng(5)
    mine(shape, used)
    getattr(fresh, kind)(size=shape)
    expect.true(
        used.random() == fresh.random(), f"it should draw exactly {math.prod(shape)} numbers, with rng.{kind}"
    )
