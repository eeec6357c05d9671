"""Further wrong backward passes of losses."""

import numpy as np

from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.losses import (
    DIVERGENCE,
    HINGE_LOSS,
    L2_LOSS,
    LINEAR_SOFTMAX,
    LOGISTIC_LOSS,
    SOFTMAX_LOSS,
    SQUARED_HINGE_LOSS,
    TEMPORAL_SOFTMAX,
    TRIPLET_LOSS,
    divergence_backward,
    l2_loss_backward,
    linear_softmax_backward,
    logistic_loss_backward,
    softmax_loss_backward,
    squared_hinge_loss_backward,
    temporal_softmax_backward,
    triplet_loss_backward,
)
from tests.gradcheck.planted_families.more_right import (
    DICE_LOSS,
    FOCAL_LOSS,
    GAUSSIAN_LOSS,
    IGNORING_LOSS,
    PAIRS_LOSS,
    POISSON_LOSS,
    SMOOTHED_LOSS,
    VIEWS_LOSS,
    WEIGHTED_LOSS,
    equal_partners,
    focal_loss_backward,
    gaussian_loss_backward,
    ignoring_loss_backward,
    pairs_loss_backward,
    smoothed_loss_backward,
    views_loss_backward,
    weighted_loss_backward,
)

FURTHER_LOSSES = []
bug = planting(FURTHER_LOSSES)
memory = {}


def very_sure_scores(rng):
    y = rng.integers(0, 4, 6)
    return rng.normal(size=(6, 4)) + 100 * np.eye(4)[y], y


def far_pairs(rng):
    return 3 * rng.normal(size=(10, 3)), 3 * rng.normal(size=(10, 3)), np.arange(10) % 3 == 0


def unsure_scores(rng):
    return 0.3 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6)


def labels_with_class_0(rng):
    return rng.normal(size=(6, 4)), np.array([0, -1, 2, 3, -1, 1])


@bug("missing-term", SMOOTHED_LOSS, also=("wrong-cache-variable",))
def label_smoothing_forgotten(dout, cache):
    probs, _, y, _ = cache
    return dout * (probs - np.eye(probs.shape[1])[y]) / len(probs)


@bug("missing-term", SMOOTHED_LOSS, also=("constant-factor",))
def label_smoothing_share_of_the_right_class_forgotten(dout, cache):
    probs, target, y, smoothing = cache
    C = probs.shape[1]
    return dout * (probs - np.where(np.eye(C)[y] > 0, 1 - smoothing, smoothing / C)) / len(probs)


@bug("mutates", SMOOTHED_LOSS)
def label_smoothing_subtracts_in_its_cache(dout, cache):
    probs, target, _, _ = cache
    probs -= target
    return dout * probs / len(probs)


@bug("nondeterministic", SMOOTHED_LOSS, also=("constant-factor",), inputs=forgetting(memory, SMOOTHED_LOSS.inputs))
def label_smoothing_averaged_over_all_calls(dout, cache):
    memory["calls"] = memory.get("calls", 0) + 1
    return smoothed_loss_backward(dout, cache) / memory["calls"]


@bug("constant-factor", IGNORING_LOSS)
def missing_labels_counted_in_the_mean(dout, cache):
    probs, _, known = cache
    return ignoring_loss_backward(dout, cache) * known.sum() / len(probs)


@bug("missing-mask", IGNORING_LOSS, also=("wrong-mask",))
def missing_labels_taken_for_the_last_class(dout, cache):
    probs, y, known = cache
    return dout * (probs - np.eye(probs.shape[1])[y]) / known.sum()


@bug("wrong-mask", IGNORING_LOSS, also=("missing-term",), inputs=labels_with_class_0)
def missing_labels_and_class_0_ignored(dout, cache):
    return ignoring_loss_backward(dout, cache) * (cache[1] > 0)[:, None]


@bug("missing-mask", WEIGHTED_LOSS, also=("missing-term", "constant-factor"))
def weighted_softmax_loss_without_its_weights(dout, cache):
    probs, y, weights, share = cache
    return weighted_loss_backward(dout, (probs, y, weights, np.full(len(share), 1 / len(share))))


@bug("constant-factor", WEIGHTED_LOSS)
def weighted_softmax_loss_divided_by_the_batch(dout, cache):
    _, y, weights, _ = cache
    return weighted_loss_backward(dout, cache) * weights[y].sum() / len(y)


@bug("missing-term", FOCAL_LOSS)
def focal_loss_weight_held_constant(dout, cache):
    probs, right, y = cache
    weight = (1 - np.exp(right)) ** 2
    return dout * weight[:, None] * (probs - np.eye(probs.shape[1])[y]) / len(probs)


@bug("sign", FOCAL_LOSS, also=("missing-term",))
def focal_loss_slope_of_the_weight_subtracted(dout, cache):
    probs, right, y = cache
    missing = 1 - np.exp(right)
    dright = -2 * missing * np.exp(right) * right - missing**2
    return dout * dright[:, None] * (np.eye(probs.shape[1])[y] - probs) / len(probs)


@bug("non-finite", FOCAL_LOSS, inputs=very_sure_scores)
def focal_loss_divides_by_what_is_missing(dout, cache):
    missing = 1 - np.exp(cache[1])[:, None]
    return focal_loss_backward(dout, cache) / missing * missing


@bug("constant-factor", VIEWS_LOSS)
def contrastive_loss_temperature_forgotten(dout, cache):
    dx, dy = views_loss_backward(dout, cache)
    return dx * cache[-1], dy * cache[-1]


@bug("transposed", VIEWS_LOSS)
def contrastive_loss_dy_with_scores_not_transposed(dout, cache):
    x, _, probs, temperature = cache
    dx, _ = views_loss_backward(dout, cache)
    return dx, dout * (probs - np.eye(len(x))) @ x / len(x) / temperature


@bug("zero-gradient", VIEWS_LOSS, also=("missing-term",))
def contrastive_loss_second_view_said_to_be_constant(dout, cache):
    dx, dy = views_loss_backward(dout, cache)
    return dx, np.zeros_like(dy)


@bug("missing-mask", PAIRS_LOSS, also=("wrong-mask",), inputs=far_pairs)
def loss_of_pairs_pulls_the_far_ones_back(dout, cache):
    a, b, same, distance, _ = cache
    return pairs_loss_backward(dout, (a, b, same, distance, 3.0 - distance))


@bug("sign", PAIRS_LOSS)
def loss_of_pairs_pulls_all_together(dout, cache):
    a, b, same, distance, lack = cache
    return pairs_loss_backward(dout, (a, b, same, distance, -lack))


@bug("non-finite", PAIRS_LOSS, inputs=equal_partners)
def loss_of_pairs_divides_by_a_distance_of_zero(dout, cache):
    a, b, same, distance, lack = cache
    push = -2 * lack / distance * ~same
    da = dout * (2 * same + push)[:, None] * (a - b) / len(a)
    return da, -da


@bug("missing-term", DICE_LOSS)
def dice_loss_denominator_held_constant(dout, cache):
    probs, y, _, total = cache
    return -2 * dout * y / total * probs * (1 - probs)


@bug("missing-mask", DICE_LOSS, also=("missing-term",))
def dice_loss_without_the_slope_of_the_sigmoid(dout, cache):
    _, y, both, total = cache
    return -2 * dout * (y / total - both / total**2)


@bug("wrong-cache-variable", POISSON_LOSS)
def poisson_loss_from_the_logarithm_itself(dout, cache):
    x, y = cache
    return dout * (x - y) / x.size


@bug("constant-factor", POISSON_LOSS)
def poisson_loss_summed_in_backward(dout, cache):
    x, y = cache
    return dout * (np.exp(x) - y)


@bug("sign", GAUSSIAN_LOSS, also=("missing-term",))
def normal_density_loss_error_added(dout, cache):
    _, s, _, error = cache
    return gaussian_loss_backward(dout, cache)[0], 0.5 * dout * (1 + error) / s.size


@bug("zero-gradient", GAUSSIAN_LOSS, also=("missing-term",))
def normal_density_loss_width_said_to_be_constant(dout, cache):
    dx, ds = gaussian_loss_backward(dout, cache)
    return dx, np.zeros_like(ds)


@bug("missing-term", HINGE_LOSS, also=("not-accumulated", "constant-factor"), inputs=unsure_scores)
def hinge_loss_right_class_pushed_up_once(dout, cache):
    margins, y, _ = cache
    dx = (margins > 0).astype(float)
    dx[np.arange(len(dx)), y] = -1.0 * (dx.sum(axis=1) > 0)
    return dout * dx / len(dx)


@bug("constant-factor", SQUARED_HINGE_LOSS)
def squared_hinge_loss_halved(dout, cache):
    return squared_hinge_loss_backward(dout, cache) / 2


@bug("wrong-mask", TRIPLET_LOSS, inputs=normal((12, 3), (12, 3), (12, 3), scale=0.4))
def triplet_loss_mask_without_the_margin(dout, cache):
    a, near, far, excess = cache
    return triplet_loss_backward(dout, (a, near, far, excess - 1))


@bug("missing-term", TRIPLET_LOSS, also=("not-accumulated",))
def triplet_loss_anchor_drawn_to_the_near_one_only(dout, cache):
    a, near, _, excess = cache
    return 2 * dout * (excess > 0)[:, None] * (a - near) / len(a), *triplet_loss_backward(dout, cache)[1:]


@bug("sign", DIVERGENCE)
def divergence_target_minus_probabilities(dout, cache):
    return -divergence_backward(dout, cache)


@bug("constant-factor", LOGISTIC_LOSS)
def logistic_loss_divided_by_all_numbers(dout, cache):
    return logistic_loss_backward(dout, cache) / cache[0].shape[1]


@bug("constant-factor", TEMPORAL_SOFTMAX)
def temporal_softmax_divided_by_the_words(dout, cache):
    mask = cache[-1]
    return temporal_softmax_backward(dout, cache) * len(mask) / mask.sum()


@bug("constant-factor", LINEAR_SOFTMAX, also=("missing-term",))
def linear_classifier_half_of_its_regularisation(dout, cache):
    w, *_, reg = cache
    return linear_softmax_backward(dout, cache) - dout * reg * w


@bug("border", SOFTMAX_LOSS, also=("missing-term",))
def softmax_loss_right_class_of_the_last_example_forgotten(dout, cache):
    probs, y, _ = cache
    dx = softmax_loss_backward(dout, cache)
    dx[-1] = dout * probs[-1] / len(probs)
    return dx


@bug("wrong-shape", SOFTMAX_LOSS)
def softmax_loss_dx_of_the_right_classes_alone(dout, cache):
    probs, y, _ = cache
    return dout * (probs[np.arange(len(y)), y] - 1) / len(y)


@bug("wrong-dtype", L2_LOSS)
def l2_loss_difference_in_float32(dout, cache):
    return l2_loss_backward(dout, cache).astype(np.float32)
