"""Wrong gradients of losses and penalties."""

import numpy as np

from tests.gradcheck.planted_families.case import loss_pair, planting
from tests.gradcheck.planted_families.losses import (
    BINARY_HINGE_LOSS,
    HINGE_LOSS,
    L1_LOSS,
    L2_LOSS,
    L2_PENALTY,
    LINEAR_HINGE,
    LINEAR_SOFTMAX,
    LOGISTIC_LOSS,
    SMOOTH_L1_LOSS,
    SOFTMAX_LOSS,
    SQUARED_HINGE_LOSS,
    TEMPORAL_SOFTMAX,
    linear_softmax_backward,
    logistic_loss_backward,
    softmax_loss_backward,
    softmax_loss_forward,
    temporal_softmax_backward,
)

LOSS_BUGS = []
bug = planting(LOSS_BUGS)


def draw_close_scores(rng):
    return 0.7 * rng.normal(size=(10, 4)), rng.integers(0, 4, 10)


def softmax_dx(probs, y):
    dx = probs.copy()
    dx[np.arange(len(y)), y] -= 1
    return dx


@bug("constant-factor", SOFTMAX_LOSS)
def softmax_loss_not_divided_by_the_batch(dout, cache):
    probs, y, x = cache
    return dout * softmax_dx(probs, y)


@bug("constant-factor", SOFTMAX_LOSS)
def softmax_loss_divided_twice(dout, cache):
    return softmax_loss_backward(dout, cache) / len(cache[2])


@bug("constant-factor", L2_LOSS)
def l2_loss_with_a_two_too_many(dout, cache):
    x, y = cache
    return dout * 2 * (x - y) / len(x)


@bug("constant-factor", SMOOTH_L1_LOSS)
def smooth_l1_loss_divided_by_all_numbers(dout, cache):
    x, y, turn = cache
    return dout * np.clip((x - y) / turn, -1, 1) / x.size


@bug("constant-factor", L2_PENALTY)
def l2_penalty_without_its_half(dout, cache):
    w, strength = cache
    return dout * 2 * strength * w


def mean_square_loss(x, y):
    return ((x - y) ** 2).sum() / (2 * len(x)), (y - x) / len(x)


@bug("sign", L2_LOSS, forward=mean_square_loss)
def l2_loss_target_minus_prediction(dout, dx):
    return loss_pair(mean_square_loss)[1](dout, dx)


@bug("sign", HINGE_LOSS, also=("missing-term",))
def hinge_loss_right_class_pushed_down(dout, cache):
    margins, y, x = cache
    dx = (margins > 0).astype(float)
    dx[np.arange(len(x)), y] += dx.sum(axis=1)
    return dout * dx / len(x)


@bug("missing-term", HINGE_LOSS)
def hinge_loss_without_the_right_class(dout, cache):
    margins, y, x = cache
    return dout * (margins > 0) / len(x)


@bug("missing-term", LINEAR_SOFTMAX)
def linear_classifier_without_regularisation(dout, cache):
    w, x, y, probs, reg = cache
    return linear_softmax_backward(dout, (w, x, y, probs, 0))


@bug("missing-mask", HINGE_LOSS)
def hinge_loss_counts_every_class(dout, cache):
    margins, y, x = cache
    dx = np.ones_like(x)
    dx[np.arange(len(x)), y] -= x.shape[1]
    return dout * dx / len(x)


@bug("missing-mask", TEMPORAL_SOFTMAX)
def temporal_softmax_reaches_the_padding(dout, cache):
    probs, y, mask = cache
    return temporal_softmax_backward(dout, (probs, y, np.ones_like(mask)))


@bug("wrong-mask", HINGE_LOSS, inputs=draw_close_scores)
def hinge_loss_mask_without_the_margin(dout, cache):
    margins, y, x = cache
    dx = (x > x[np.arange(len(x)), y][:, None]).astype(float)
    dx[np.arange(len(x)), y] -= dx.sum(axis=1)
    return dout * dx / len(x)


@bug("wrong-mask", BINARY_HINGE_LOSS)
def binary_hinge_loss_mask_from_the_side(dout, cache):
    margins, side = cache
    return -dout * side * (side > 0) / len(margins)


@bug("wrong-mask", TEMPORAL_SOFTMAX)
def temporal_softmax_mask_one_word_short(dout, cache):
    probs, y, mask = cache
    shorter = np.concatenate([mask[:, 1:], np.zeros_like(mask[:, :1])], axis=1)
    return temporal_softmax_backward(dout, (probs, y, shorter))


@bug("wrong-cache-variable", SOFTMAX_LOSS)
def softmax_loss_from_scores(dout, cache):
    probs, y, x = cache
    return dout * softmax_dx(x, y) / len(x)


@bug("wrong-cache-variable", LOGISTIC_LOSS)
def logistic_loss_from_scores(dout, cache):
    x, y = cache
    return dout * (x - y) / len(x)


@bug("mutates", SOFTMAX_LOSS)
def softmax_loss_edits_its_probabilities(dout, cache):
    probs, y, x = cache
    probs[np.arange(len(x)), y] -= 1
    probs /= len(x)
    return dout * probs


def subtracting_l2_forward(x, y):
    x -= y
    return (x**2).sum() / (2 * len(x)), x


@bug("mutates", L2_LOSS, forward=subtracting_l2_forward)
def l2_loss_subtracts_in_place(dout, difference):
    return dout * difference / len(difference)


def column_l2_forward(x, y):
    return ((x[:, 0] - y) ** 2).sum() / (2 * len(x)), (x, y)


def draw_column(rng):
    return rng.normal(size=(5, 1)), rng.normal(size=5)


@bug("wrong-shape", L2_LOSS, forward=column_l2_forward, inputs=draw_column)
def l2_loss_column_minus_row(dout, cache):
    x, y = cache
    return dout * (x - y) / len(x)


def draw_whole_targets(rng):
    return 5 * rng.normal(size=(6, 3)), rng.integers(-5, 6, (6, 3))


@bug("wrong-dtype", L1_LOSS, also=("zero-gradient",), inputs=draw_whole_targets)
def l1_loss_in_the_dtype_of_its_targets(dout, cache):
    x, y = cache
    dx = np.zeros_like(y)
    dx[...] = dout * np.sign(x - y) / len(x)
    return dx


def sure_scores(rng):
    return 3000 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6)


@bug("non-finite", SOFTMAX_LOSS, inputs=sure_scores)
def softmax_loss_divides_by_a_probability_of_zero(dout, cache):
    probs, y, x = cache
    dprobs = np.zeros_like(probs)
    dprobs[np.arange(len(x)), y] = -dout / probs[np.arange(len(x)), y] / len(x)
    return probs * (dprobs - (dprobs * probs).sum(axis=1, keepdims=True))


latest = {}


def global_softmax_loss_forward(x, y):
    loss, cache = softmax_loss_forward(x, y)
    latest["probs"] = cache[0]
    return loss, (y, x)


@bug("nondeterministic", SOFTMAX_LOSS, also=("wrong-cache-variable",), forward=global_softmax_loss_forward)
def softmax_loss_keeps_its_probabilities_in_a_global(dout, cache):
    y, x = cache
    return dout * softmax_dx(latest["probs"], y) / len(x)


@bug("zero-gradient", SQUARED_HINGE_LOSS)
def squared_hinge_loss_rebinds_the_rows_of_dx(dout, cache):
    margins, y, x = cache
    dx = np.zeros_like(x)
    for n, row in enumerate(dx):
        row = row + 2 * margins[n]
        row[y[n]] = -row.sum()
    return dout * dx / len(x)


@bug("zero-gradient", LINEAR_SOFTMAX)
def linear_classifier_collects_dw_in_another_name(dout, cache):
    w, x, y, probs, reg = cache
    dw = np.zeros_like(w)
    for n in range(len(x)):
        dW = np.outer(x[n], softmax_dx(probs, y)[n])
        dW += 2 * reg * w
    return dout * dw


@bug("wrong-mask", SMOOTH_L1_LOSS, also=("missing-mask",))
def smooth_l1_loss_clipped_on_one_side(dout, cache):
    x, y, turn = cache
    return dout * np.minimum((x - y) / turn, 1) / len(x)


@bug("sign", LOGISTIC_LOSS)
def logistic_loss_label_minus_probability(dout, cache):
    return -logistic_loss_backward(dout, cache)


@bug("missing-term", SOFTMAX_LOSS)
def softmax_loss_without_the_right_class(dout, cache):
    probs, y, x = cache
    return dout * probs / len(x)


@bug("wrong-mask", SMOOTH_L1_LOSS)
def smooth_l1_loss_turns_at_one(dout, cache):
    x, y, turn = cache
    d = x - y
    return dout * np.where(abs(d) < 1, d / turn, np.sign(d)) / len(x)


@bug("mutates", LINEAR_HINGE)
def linear_hinge_turns_margins_into_ones(dout, cache):
    w, x, y, margins, reg = cache
    margins[margins > 0] = 1
    margins[np.arange(len(x)), y] = -margins.sum(axis=1)
    return dout * (x.T @ margins / len(x) + 2 * reg * w)
