"""Correct dense layers, activations, losses and algebra written for the unseen set, also at hard points."""

import numpy as np

from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import losses as B
from tests.gradcheck.planted_families import unseen_right_activations as A
from tests.gradcheck.planted_families import unseen_right_algebra as G
from tests.gradcheck.planted_families import unseen_right_embeddings as E
from tests.gradcheck.planted_families import unseen_right_losses as L
from tests.gradcheck.planted_families import unseen_right_moves as M
from tests.gradcheck.planted_families import unseen_right_networks as N
from tests.gradcheck.planted_families import unseen_right_penalties as P
from tests.gradcheck.planted_families.case import away_from_zero, normal
from tests.gradcheck.planted_families.hard_points import at, mixed, whole


def same_experts(rng):
    x, v, w = N.SWITCH.inputs(rng)
    w[1] = w[0]
    return x, v, w


def saturated_gates(rng):
    x, v, w = N.EXPERTS.inputs(rng)
    return x, 30 * v, w


def far_scores(rng):
    x, y = L.draw_classes(rng)
    return x + 1e6, y


def ranks_at_margin(rng):
    return *whole(-1, 2, (6, 2), (6, 2))(rng), rng.choice([-1, 1], (6, 2))


def clip_at_learned_bounds(rng):
    return rng.integers(-2, 3, (6, 4)) * 0.5, np.full(4, -0.5), np.full(4, 0.5)


def one_word(rng):
    return np.full((4, 5), 2), rng.normal(size=(4, 5)), rng.normal(size=(6, 3))


def nothing_but_padding(rng):
    return np.zeros((3, 4), int), rng.normal(size=(6, 3))


CLIPPED_PROBABILITIES = at("cross-entropy of clipped probabilities", L.PROBABILITY_LOSS, L.PROBABILITY_LOSS.inputs,
                           options={"eps": 0.2})  # fmt: skip
BARELY_SMOOTHED = at("softmax loss smoothed by a hundredth", L.SMOOTHED_LOSS, L.draw_classes,
                     options={"smooth": 0.01})  # fmt: skip
FAINT_DECAY = at("linear classifier of faint decay", B.LINEAR_SOFTMAX, B.draw_classifier,
                 options={"reg": 1e-3})  # fmt: skip
HARD_DENSE = [
    CLIPPED_PROBABILITIES,
    BARELY_SMOOTHED,
    FAINT_DECAY,
    at("hard swish at its corners", A.HARD_SWISH, whole(-4, 5, (5, 6))),
    at("selu at 0", A.SELU, whole(-1, 2, (5, 6))),
    at("two-sided relu at 0", A.TWO_SIDED, whole(-1, 2, (5, 4))),
    at("soft threshold at its corner", A.THRESHOLD,
       lambda rng: (rng.integers(-3, 4, (6, 5)) * 0.5, np.full(5, 0.5))),
    at("capped relu at its corners", A.CAPPED, lambda rng: (rng.integers(-1, 4, (5, 6)) * 0.5,)),
    at("prelu of a single slope at 0", A.SINGLE_PRELU,
       lambda rng: (whole(-1, 2, (5, 6))(rng)[0], rng.normal(size=1))),
    at("clip at learned bounds", A.LEARNED_CLIP, clip_at_learned_bounds),
    at("elementwise maximum with ties", G.LARGER, whole(0, 2, (5, 4), (5, 4))),
    at("Huber loss at its turn", L.HUBER_LOSS,
       lambda rng: (0.8 * rng.integers(-2, 3, (6, 3)), np.zeros((6, 3)))),
    at("ranking loss at its margin, again", P.RANKING_LOSS, ranks_at_margin, options={"margin": 1.0}),
    at("elastic penalty at 0", P.ELASTIC_PENALTY, whole(-1, 2, (4, 5))),
    at("quantile loss at a hit", L.QUANTILE_LOSS, whole(-1, 2, (6, 3), (6, 1))),
    at("softsign at 0, again", A.SOFTSIGN, whole(-1, 2, (5, 6))),
    at("switch of equal experts", N.SWITCH, same_experts),
    at("weighted bag of one word", E.BAG, one_word),
    at("mean bag of nothing", E.MEAN_BAG, nothing_but_padding),
    at("saturated mixture of experts", N.EXPERTS, saturated_gates),
    at("low rank of mixed scales", N.LOW_RANK, mixed((5, 4), (4, 2), (2, 4), (4,))),
    at("weight normalisation of tiny weights", E.WEIGHT_NORM,
       lambda rng: (rng.normal(size=(5, 4)), 1e-7 * rng.normal(size=(4, 3)), rng.normal(size=3))),
    at("factorisation machine of huge numbers", N.MACHINE, normal((5, 4), (4,), (4, 3), scale=1e4)),
    at("deviation beside a large mean", G.DEVIATION, normal((7, 4), shift=1e4)),
    at("standard rows beside a large mean", G.STANDARD, normal((4, 5), shift=1e4)),
    at("softmax loss of scores beside a million", L.SMOOTHED_LOSS, far_scores),
    at("mixed scales in an outer product", G.OUTER, mixed((3, 4), (3, 4))),
    at("focal loss that is sure", L.FOCAL_LOSS,
       lambda rng: (8 * rng.normal(size=(5, 4)), rng.integers(0, 2, (5, 4)))),
    at("mish far from 0", A.MISH, normal((5, 6), scale=12.0)),
    at("log-sigmoid far from 0", A.LOG_SIGMOID, normal((5, 6), scale=40.0)),
    at("tiny rows divided by their L1 norm", G.SHARE,
       lambda rng: tuple(1e-9 * a for a in away_from_zero((5, 4))(rng))),
    at("variation of constant rows", P.VARIATION, lambda rng: (np.repeat(rng.normal(size=(3, 1)), 6, axis=1),)),
    at("Gaussian loss of tiny variances", L.GAUSSIAN_LOSS,
       lambda rng: (*normal((5, 3))(rng), -12 + rng.normal(size=(5, 3)), rng.normal(size=(5, 3)))),
    at("running product of mixed scales", M.RUNNING_PRODUCT,
       lambda rng: (away_from_zero((3, 6))(rng)[0] * 10.0 ** rng.integers(-4, 5, 6),)),
    at("maxout of one piece", D.MAXOUT, normal((5, 4), (1, 4, 3), (1, 3))),
    at("experts of whom there is one", N.EXPERTS, normal((5, 3), (3, 1), (1, 3, 3))),
    at("pairs of two features", N.FEATURE_PAIRS, normal((1, 2), (1, 1))),
    at("sorted rows of one number", M.SORT, normal((4, 1))),
    at("matching loss of one pair", L.MATCHING_LOSS, normal((1, 3), (1, 3))),
    at("polynomial of one coefficient", G.POLYNOMIAL, normal((6,), (1,))),
    at("outer product of one number", G.OUTER, normal((1, 1), (1, 1))),
]  # fmt: skip

UNSEEN_RIGHT_DENSE = [
    *N.UNSEEN_RIGHT_NETWORKS,
    *E.UNSEEN_RIGHT_EMBEDDINGS,
    *A.UNSEEN_RIGHT_ACTIVATIONS,
    *L.UNSEEN_RIGHT_LOSSES,
    *P.UNSEEN_RIGHT_PENALTIES,
    *G.UNSEEN_RIGHT_ALGEBRA,
    *M.UNSEEN_RIGHT_MOVES,
    *HARD_DENSE,
]
