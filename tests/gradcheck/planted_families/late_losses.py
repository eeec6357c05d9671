"""Wrong backward passes of losses: smoothed, weighted, masked, robust, contrastive and of distributions."""

import numpy as np

from tests.gradcheck.planted_families import late_layers_losses as LL
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families.case import planting

LATE_LOSSES = []
bug = planting(LATE_LOSSES)


def draw_each_label(rng):
    return 2 * rng.normal(size=(8, 4)), rng.permutation([-1, -1, 0, 0, 1, 1, 2, 3])


def draw_far_pairs(rng):
    return *(1.5 * rng.normal(size=(2, 16, 3))), np.arange(16) % 2 == 0


@bug("wrong-cache-variable", LL.SMOOTHED)
def smoothed_labels_compared_with_sharp_ones(dout, cache):
    probs, target, y = cache
    return dout * (probs - (y[:, None] == np.arange(probs.shape[1]))) / len(probs)


@bug("constant-factor", LL.SMOOTHED)
def smoothed_labels_averaged_over_classes_as_well(dout, cache):
    probs, target, y = cache
    return dout * (probs - target) / probs.size


@bug("mutates", LL.SMOOTHED)
def smoothed_labels_subtracted_from_the_cache(dout, cache):
    probs, target, y = cache
    probs -= target
    return dout * probs / len(probs)


@bug("wrong-dtype", LL.SMOOTHED)
def smoothed_labels_target_in_single_precision(dout, cache):
    probs, target, y = cache
    return dout * (probs - target.astype(np.float32)) / len(probs)


@bug("missing-term", LL.CLASS_WEIGHTED, also=("wrong-cache-variable", "constant-factor"))
def weighted_classes_all_weigh_alike(dout, cache):
    probs, y, share, weight = cache
    dx = probs.copy()
    dx[np.arange(len(dx)), y] -= 1
    return dout * dx / len(dx)


@bug("wrong-cache-variable", LL.CLASS_WEIGHTED)
def weighted_classes_weights_laid_over_the_columns(dout, cache):
    probs, y, share, weight = cache
    dx = probs.copy()
    dx[np.arange(len(dx)), y] -= 1
    return dout * dx * weight / weight[y].sum()


@bug("constant-factor", LL.CLASS_WEIGHTED)
def weighted_classes_sum_of_weights_forgotten(dout, cache):
    probs, y, share, weight = cache
    dx = probs.copy()
    dx[np.arange(len(dx)), y] -= 1
    return dout * weight[y][:, None] * dx


@bug("missing-mask", LL.IGNORING)
def ignored_rows_learn_to_be_improbable(dout, cache):
    probs, y, kept = cache
    dx = probs - (y[:, None] == np.arange(probs.shape[1]))
    return dout * dx / kept.sum()


@bug("constant-factor", LL.IGNORING)
def ignored_rows_counted_in_the_mean(dout, cache):
    probs, y, kept = cache
    dx = probs - (y[:, None] == np.arange(probs.shape[1]))
    return dout * dx * kept[:, None] / len(y)


@bug("wrong-mask", LL.IGNORING, inputs=draw_each_label)
def ignored_label_and_class_zero_both_left_out(dout, cache):
    probs, y, kept = cache
    dx = probs - (y[:, None] == np.arange(probs.shape[1]))
    return dout * dx * (y > 0)[:, None] / kept.sum()


@bug("missing-term", LL.FOCAL)
def focal_loss_with_its_focus_held_fixed(dout, cache):
    p, logs, side, power = cache
    return -dout * side * (1 - p) ** (power + 1) / len(p)


@bug("sign", LL.FOCAL)
def focal_loss_side_of_the_label_lost(dout, cache):
    p, logs, side, power = cache
    slope = power * (1 - p) ** power * p * logs - (1 - p) ** (power + 1)
    return dout * slope / len(p)


@bug("non-finite", LL.FOCAL, inputs=lambda rng: (1000.0 * (-1) ** np.arange(9), rng.integers(0, 2, 9)))
def focal_loss_by_the_logarithm_of_a_vanishing_probability(dout, cache):
    p, logs, side, power = cache
    slope = power * (1 - p) ** power * p * np.log(p) - (1 - p) ** (power + 1)
    return dout * side * slope / len(p)


@bug("missing-term", LL.PROBABILITY_LOSS)
def probability_loss_of_the_positive_class_only(dout, cache):
    p, y = cache
    return -dout * y / p / p.size


@bug("sign", LL.PROBABILITY_LOSS)
def probability_loss_negative_class_with_the_wrong_sign(dout, cache):
    p, y = cache
    return -dout * (y / p + (1 - y) / (1 - p)) / p.size


@bug("wrong-cache-variable", LL.PROBABILITY_LOSS, also=("missing-term",))
def probability_loss_confused_with_that_of_scores(dout, cache):
    p, y = cache
    return dout * (p - y) / p.size


@bug("constant-factor", LL.PROBABILITY_LOSS)
def probability_loss_divided_by_rows_only(dout, cache):
    p, y = cache
    return dout * (p - y) / (p * (1 - p)) / len(p)


@bug("missing-mask", LL.HUBER)
def huber_mean_quadratic_everywhere(dout, cache):
    x, y, turn = cache
    return dout * (x - y) / x.size


@bug("sign", LL.HUBER)
def huber_mean_far_part_always_positive(dout, cache):
    x, y, turn = cache
    r = x - y
    return dout * np.where(abs(r) < turn, r, turn) / x.size


@bug("missing-mask", L.SMOOTH_L1_LOSS, also=("wrong-mask",))
def smooth_l1_clipped_from_above_only(dout, cache):
    x, y, turn = cache
    return dout * np.minimum((x - y) / turn, 1) / len(x)


@bug("constant-factor", L.SMOOTH_L1_LOSS, also=("missing-term",))
def smooth_l1_turn_forgotten_by_the_inner_part(dout, cache):
    x, y, turn = cache
    r = x - y
    return dout * np.where(abs(r) < turn, r, np.sign(r)) / len(x)


@bug("sign", LL.LOG_COSH)
def log_cosh_target_pulled_along(dout, r):
    d = dout * np.tanh(r) / r.size
    return d, d.copy()


@bug("zero-gradient", LL.LOG_COSH)
def log_cosh_target_never_filled(dout, r):
    dy = np.zeros_like(r)
    return dout * np.tanh(r) / r.size, dy


@bug("non-finite", LL.LOG_COSH, inputs=lambda rng: (200 * rng.normal(size=(5, 4)) + 900, rng.normal(size=(5, 4))))
def log_cosh_by_sinh_over_cosh(dout, r):
    d = dout * np.sinh(r) / np.cosh(r) / r.size
    return d, -d


@bug("wrong-mask", LL.PINBALL)
def pinball_sides_exchanged(dout, cache):
    r, level = cache
    return dout * np.where(r > 0, 1 - level, -level) / r.size


@bug("sign", LL.PINBALL)
def pinball_loss_differentiated_by_the_target(dout, cache):
    r, level = cache
    return dout * np.where(r > 0, level, level - 1) / r.size


@bug("missing-term", LL.GAUSSIAN)
def gaussian_variance_without_the_spread(dout, cache):
    mean, log_var, y, square = cache
    return dout * (mean - y) * np.exp(-log_var) / mean.size, np.full(mean.shape, 0.5 * dout / mean.size)


@bug("wrong-cache-variable", LL.GAUSSIAN, also=("missing-term",))
def gaussian_variance_with_the_unscaled_square(dout, cache):
    mean, log_var, y, square = cache
    n = mean.size
    return dout * (mean - y) * np.exp(-log_var) / n, 0.5 * dout * (1 - (y - mean) ** 2) / n


@bug("wrong-dtype", LL.GAUSSIAN)
def gaussian_precision_in_single_precision(dout, cache):
    mean, log_var, y, square = cache
    n = mean.size
    precision = np.exp(-log_var, dtype=np.float32, casting="same_kind")
    return dout * (mean - y) * precision / n, 0.5 * dout * (1 - square) / n


@bug("missing-term", LL.LATENT)
def latent_divergence_pulls_no_variance_up(dout, cache):
    mean, log_var = cache
    return dout * mean / len(mean), 0.5 * dout * np.exp(log_var) / len(mean)


@bug("constant-factor", LL.LATENT)
def latent_divergence_half_kept_on_the_mean(dout, cache):
    mean, log_var = cache
    return 0.5 * dout * mean / len(mean), 0.5 * dout * (np.exp(log_var) - 1) / len(mean)


@bug("sign", LL.LATENT)
def latent_divergence_variance_driven_away(dout, cache):
    mean, log_var = cache
    return dout * mean / len(mean), 0.5 * dout * (1 - np.exp(log_var)) / len(mean)


@bug("missing-mask", LL.CONTRASTIVE, inputs=draw_far_pairs)
def contrastive_pairs_pushed_beyond_the_margin(dout, cache):
    x, y, alike, n, short = cache
    factor = np.where(alike, 1, -(2.0 - n) / n)
    dx = dout * factor[:, None] * (x - y) / len(x)
    return dx, -dx


@bug("wrong-mask", LL.CONTRASTIVE)
def contrastive_pairs_alike_and_unlike_exchanged(dout, cache):
    x, y, alike, n, short = cache
    factor = np.where(alike, -short / n, 1)
    dx = dout * factor[:, None] * (x - y) / len(x)
    return dx, -dx


@bug("transposed", LL.IN_BATCH)
def in_batch_contrast_partner_without_the_transpose(dout, cache):
    x, y, probs, t = cache
    d = dout * (probs - np.eye(len(x))) / (len(x) * t)
    return d @ y, d @ x


@bug("constant-factor", LL.IN_BATCH)
def in_batch_contrast_temperature_forgotten(dout, cache):
    x, y, probs, t = cache
    d = dout * (probs - np.eye(len(x))) / len(x)
    return d @ y, d.T @ x


@bug("missing-term", LL.IN_BATCH)
def in_batch_contrast_pulls_no_pair_together(dout, cache):
    x, y, probs, t = cache
    d = dout * probs / (len(x) * t)
    return d @ y, d.T @ x


@bug("wrong-cache-variable", LL.POISSON, also=("missing-term",))
def poisson_rate_without_its_exponential(dout, cache):
    x, y = cache
    return dout * (x - y) / x.size


@bug("missing-term", LL.ELASTIC)
def elastic_penalty_forgets_its_l1_part(dout, cache):
    w, one, two = cache
    return dout * two * w


@bug("sign", LL.ELASTIC)
def elastic_penalty_l1_part_without_the_sign(dout, cache):
    w, one, two = cache
    return dout * (one + two * w)


@bug("missing-term", LL.DICE)
def dice_loss_as_if_the_total_were_constant(dout, cache):
    p, y, both, total, smooth = cache
    return -dout * 2 * y / (total + smooth)


@bug("sign", LL.DICE)
def dice_loss_quotient_rule_with_a_plus(dout, cache):
    p, y, both, total, smooth = cache
    return -dout * (2 * y * (total + smooth) + (2 * both + smooth)) / (total + smooth) ** 2


@bug("missing-mask", LL.RANKING)
def ranking_loss_pushes_pairs_already_ranked(dout, gap):
    on = np.full(gap.shape, dout / gap.size)
    return -on, on


@bug(
    "wrong-mask", LL.RANKING, inputs=lambda rng: (rng.normal(size=24), rng.normal(size=24)), also=("missing-term",)
)
def ranking_loss_margin_missing_from_the_test(dout, gap):
    on = dout * (gap > 0.5) / gap.size
    return -on, on


@bug("border", LL.SMOOTHNESS, also=("missing-term",))
def smoothness_penalty_first_column_unpulled(dout, x):
    d = dout * (x[:, 1:] - x[:, :-1]) / len(x)
    dx = np.zeros_like(x)
    dx[:, 1:] += d
    dx[:, 1:-1] -= d[:, 1:]
    return dx


@bug("not-accumulated", LL.SMOOTHNESS)
def smoothness_penalty_left_neighbour_overwrites(dout, x):
    d = dout * (x[:, 1:] - x[:, :-1]) / len(x)
    dx = np.zeros_like(x)
    dx[:, 1:] = d
    dx[:, :-1] = -d
    return dx


@bug("not-accumulated", LL.CENTRE)
def centres_moved_by_one_example_each(dout, cache):
    x, c, y = cache
    dx = dout * (x - c[y]) / len(x)
    dc = np.zeros_like(c)
    dc[y] -= dx
    return dx, dc


@bug("missing-term", L.TRIPLET_LOSS)
def triplet_anchor_attracted_but_not_repelled(dout, cache):
    a, near, far, excess = cache
    on = dout * (excess > 0)[:, None] / len(a)
    return 2 * on * (a - near), -2 * on * (a - near), 2 * on * (a - far)


@bug("not-accumulated", L.HINGE_LOSS, also=("missing-term",))
def hinge_right_score_lowered_once(dout, cache):
    margins, y, x = cache
    dx = (margins > 0).astype(float)
    dx[np.arange(len(x)), y] = -1
    return dout * dx / len(x)


@bug("wrong-mask", L.HINGE_LOSS)
def hinge_margin_asked_for_a_second_time(dout, cache):
    margins, y, x = cache
    dx = (margins > 1).astype(float)
    dx[np.arange(len(x)), y] -= dx.sum(axis=1)
    return dout * dx / len(x)


@bug("constant-factor", L.LINEAR_SOFTMAX)
def linear_classifier_penalty_halved(dout, cache):
    w, x, y, probs, reg = cache
    dscores = probs.copy()
    dscores[np.arange(len(x)), y] -= 1
    return dout * (x.T @ dscores / len(x) + reg * w)


@bug("wrong-mask", L.TEMPORAL_SOFTMAX)
def temporal_loss_mask_shifted_by_a_word(dout, cache):
    probs, y, mask = cache
    dx = probs - (y[..., None] == np.arange(probs.shape[2]))
    return dout * dx * np.roll(mask, 1, axis=1)[..., None] / len(dx)


@bug("wrong-dtype", L.DIVERGENCE)
def divergence_target_read_from_a_half_precision_copy(dout, cache):
    probs, target = cache
    return dout * (probs - np.float16(target).astype(float)) / len(probs)


@bug("mutates", L.LOGISTIC_LOSS)
def logistic_scores_overwritten_by_probabilities(dout, cache):
    x, y = cache
    np.negative(x, out=x)
    np.exp(x, out=x)
    return dout * (1 / (1 + x) - y) / len(x)
