"""Further correct pairs at hard points."""

import numpy as np

from tests.gradcheck.planted_families import activations as A
from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import further_layers as H
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.hard_points import at, whole


def repeated_rows(rng):
    x, w1, w2 = D.RESIDUAL.inputs(rng)
    x[2:], w1[:, 0] = 0, 0
    return x, w1, w2


def on_the_margin(rng):
    x = rng.integers(-2, 3, 12) / 2
    return x, x - 0.5 * rng.integers(-1, 3, 12)


def hinge_classifier_at_its_margin(rng):
    return (
        rng.integers(-1, 2, (5, 3)).astype(float),
        rng.integers(-1, 2, (6, 5)).astype(float),
        rng.integers(0, 3, 6),
    )


def plateau_forward(x):
    """A hat: 1 - |x| between -1 and 1, else 0."""
    return np.maximum(1 - abs(x), 0), x


def plateau_backward(dout, x):
    return -dout * np.sign(x) * (abs(x) < 1)


def bell_forward(x):
    out = np.exp(-200 * x**2)
    return out, (x, out)


def bell_backward(dout, cache):
    x, out = cache
    return -400 * dout * x * out


def large_sum_forward(x, y):
    """A number around 1e9 made of a large and a small part."""
    return 1e9 + (x * y).sum(), (x, y)


def large_sum_backward(dout, cache):
    x, y = cache
    return dout * y, dout * x


def second_power_forward(x):
    return x**2, x


def second_power_backward(dout, x):
    return 2 * dout * x


FURTHER_HARD_POINTS = [
    at("softsign at 0", H.SOFTSIGN, whole(-1, 2, (5, 6))),
    at("softsign far out", H.SOFTSIGN, normal((5, 6), scale=1e4)),
    at("max in time with ties", H.MAX_IN_TIME, whole(0, 2, (2, 3, 9))),
    at("ranking loss at its margin", H.RANKING_LOSS, on_the_margin),
    at("linear hinge classifier at its margin", L.LINEAR_HINGE, hinge_classifier_at_its_margin),
    at("triplet loss of equal examples", L.TRIPLET_LOSS, lambda rng: (np.ones((6, 3)),) * 3),
    at("residual block with rows of zeros", D.RESIDUAL, repeated_rows),
    at("swish far out", A.SWISH, normal((5, 6), scale=20.0)),
    at("log-softmax of mixed scales", A.LOG_SOFTMAX,
       lambda rng: (rng.normal(size=(5, 6)) * 10.0 ** np.arange(-3, 3),)),
    at("weighted mean of tiny weights", H.WEIGHTED_MEAN,
       lambda rng: (rng.normal(size=(5, 4)), 1e-7 * rng.uniform(0.5, 2, 4))),
    at("instance norm of bright images", H.INSTANCE_NORM, normal((2, 3, 4, 4), shift=200.0)),
    at("product of pairs of huge and tiny factors", H.PAIR_PRODUCT,
       lambda rng: (rng.normal(size=(5, 4)), 1e6 * rng.normal(size=(4, 3)), 1e-6 * rng.normal(size=(4, 3)))),
    at("attention with settled weights", S.ATTENTION, normal((2, 3, 4), (2, 5, 4), (2, 5, 3), scale=6.0)),
    at("causal convolution of one step", H.CAUSAL_CONV, normal((2, 3, 1), (4, 3, 3), (4,))),
    Planted("hat at its corners", "clip", plateau_forward, plateau_backward, whole(-2, 3, (5, 6))),
    Planted("narrow bell", "steep", bell_forward, bell_backward, normal((5, 6), scale=0.1)),
    Planted("small parts of a large sum", "product", large_sum_forward, large_sum_backward,
            normal((5, 4), (5, 4))),
    Planted("square of scales from 1e-6 to 1e6", "steep", second_power_forward, second_power_backward,
            lambda rng: (rng.normal(size=(5, 7)) * 10.0 ** np.arange(-6, 7, 2),)),
]  # fmt: skip
