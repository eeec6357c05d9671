"""Wrong backward passes of losses and penalties."""

import numpy as np

from tests.gradcheck.planted_families import losses as B
from tests.gradcheck.planted_families import unseen_right_dense as R
from tests.gradcheck.planted_families import unseen_right_losses as L
from tests.gradcheck.planted_families import unseen_right_penalties as P
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.unseen_right_losses import onehot, sigmoid

UNSEEN_LOSSES = []
bug = planting(UNSEEN_LOSSES)
CENTRES = {}


@bug("constant-factor", L.KNOWN_LOSS)
def known_entries_over_all_entries(dout, cache):
    x, y, mask = cache
    return 2 * dout * (x - y) * mask / x.size


@bug("constant-factor", P.ORTHOGONAL_PENALTY, also=("missing-term",))
def orthogonality_penalty_of_one_side(dout, cache):
    w, rest, strength = cache
    return 2 * dout * strength * (w @ rest)


@bug("constant-factor", L.WEIGHTED_LOSS)
def weighted_classes_over_the_number_of_rows(dout, cache):
    probs, y, met = cache
    return dout * met[:, None] * (probs - onehot(y, probs.shape[1])) / len(y)


@bug("constant-factor", L.POISSON_LOSS)
def poisson_loss_summed_not_averaged(dout, cache):
    x, y = cache
    return dout * (np.exp(x) - y)


@bug("constant-factor", P.CENTRE_LOSS)
def centres_moved_by_whole_sums(dout, cache):
    d, centres, y = cache
    dcentres = np.zeros_like(centres)
    np.subtract.at(dcentres, y, dout * d)
    return dout * d / len(d), dcentres


@bug("constant-factor", L.IGNORING_LOSS)
def ignored_labels_counted_in_the_mean(dout, cache):
    probs, y, kept = cache
    return dout * (probs - onehot(y, probs.shape[1])) * kept[:, None] / len(y)


@bug("sign", L.QUANTILE_LOSS)
def quantile_loss_of_the_target_side(dout, cache):
    d, q = cache
    return dout * np.where(d > 0, q, q - 1) / d.size


@bug("sign", P.RANKING_LOSS)
def ranking_loss_pulls_both_up(dout, cache):
    lack, side = cache
    da = -dout * side * (lack > 0) / lack.size
    return da, da.copy()


@bug("sign", L.DISTILLED_LOSS)
def student_driven_from_the_teacher(dout, cache):
    hard, soft, target, y, t, share = cache
    dhard = share * (hard - onehot(y, hard.shape[1]))
    return dout * (dhard + (1 - share) * t * (target - soft)) / len(y)


@bug("sign", L.CONTRASTIVE_LOSS)
def different_pairs_drawn_together(dout, cache):
    x, z, alike, distance, lack = cache
    ddistance = dout * (alike * distance + (1 - alike) * lack) / len(x)
    dx = (ddistance / distance)[:, None] * (x - z)
    return dx, -dx


@bug("sign", L.GAUSSIAN_LOSS)
def variance_of_a_gaussian_loss_turned(dout, cache):
    mean, log_var, y, error = cache
    return dout * (mean - y) * np.exp(-log_var) / y.size, 0.5 * dout * (error - 1) / y.size


@bug("transposed", L.MATCHING_LOSS)
def matching_columns_from_untransposed_scores(dout, cache):
    a, b, lx, lz, rows, columns, t = cache
    ds = dout * (rows + columns - 2 * np.eye(len(a))) / (2 * len(a) * t)
    da, db = ds @ b, ds @ a
    dx = (da - a * (da * a).sum(axis=1, keepdims=True)) / lx
    return dx, (db - b * (db * b).sum(axis=1, keepdims=True)) / lz


@bug("transposed", B.LINEAR_SOFTMAX)
def linear_classifier_weights_reshaped_to_fit(dout, cache):
    w, x, y, probs, reg = cache
    dscores = (probs - onehot(y, probs.shape[1])) / len(x)
    return dout * ((dscores.T @ x).reshape(w.shape) + 2 * reg * w)


@bug("transposed", P.DECORRELATION, inputs=normal((4, 4)))
def decorrelation_from_the_left(dout, cache):
    x, centred, covariance, off = cache
    return 4 * dout * off @ centred / len(x)


@bug("missing-term", P.NETWORK_LOSS)
def small_network_last_weights_without_decay(dout, cache):
    x, w1, w2, hidden, probs, y, reg = cache
    dscores = dout * (probs - onehot(y, probs.shape[1])) / len(x)
    dhidden = dscores @ w2.T * (hidden > 0)
    dw1 = x.T @ dhidden + dout * reg * w1
    return dhidden @ w1.T, dw1, dhidden.sum(axis=0), hidden.T @ dscores, dscores.sum(axis=0)


@bug("missing-term", R.FAINT_DECAY)
def faint_weight_decay_of_a_classifier_left_out(dout, cache):
    w, x, y, probs, reg = cache
    return dout * x.T @ (probs - onehot(y, probs.shape[1])) / len(x)


@bug("missing-term", L.TAMED_LOSS)
def tamed_scores_go_free(dout, cache):
    probs, y, total, share = cache
    return dout * (probs - onehot(y, probs.shape[1])) / len(y)


@bug("missing-term", P.ENTROPY)
def entropy_without_itself(dout, cache):
    x, probs, log_probs, entropy = cache
    return -dout * probs * (log_probs + 1) / len(x)


@bug("missing-term", L.FOCAL_LOSS)
def focal_loss_with_a_constant_focus(dout, cache):
    right, y, gamma = cache
    wrong = 1 - right
    return -dout * (2 * y - 1) * wrong ** (gamma + 1) / len(y)


@bug("missing-term", L.DICE_LOSS)
def dice_loss_with_a_constant_union(dout, cache):
    p, y, top, bottom = cache
    return -dout * 2 * y / bottom * p * (1 - p)


@bug("missing-term", P.CLUSTERS_LOSS)
def cluster_weights_without_their_normaliser(dout, cache):
    d, share, logit = cache
    pull = dout * share * d / len(d)
    return pull.sum(axis=1), -pull.sum(axis=0), -dout * share.mean(axis=0)


@bug("missing-term", P.LATENT_PENALTY)
def latent_variance_without_its_logarithm(dout, cache):
    mean, log_var = cache
    return dout * mean / len(mean), 0.5 * dout * np.exp(log_var) / len(mean)


@bug("missing-term", L.MATCHING_LOSS)
def matching_loss_of_unnormalised_rows(dout, cache):
    a, b, lx, lz, rows, columns, t = cache
    ds = dout * (rows + columns - 2 * np.eye(len(a))) / (2 * len(a) * t)
    return ds @ b / lx, ds.T @ a / lz


@bug("missing-term", P.ELASTIC_PENALTY)
def elastic_penalty_without_its_squares(dout, cache):
    w, l1, l2 = cache
    return dout * l1 * np.sign(w)


@bug("missing-term", L.CONTRASTIVE_LOSS)
def different_pairs_teach_nothing(dout, cache):
    x, z, alike, distance, lack = cache
    dx = dout * alike[:, None] * (x - z) / len(x)
    return dx, -dx


@bug("missing-mask", L.IGNORING_LOSS)
def ignored_labels_are_taught(dout, cache):
    probs, y, kept = cache
    return dout * (probs - onehot(y, probs.shape[1])) / kept.sum()


@bug("missing-mask", R.CLIPPED_PROBABILITIES)
def clipped_probabilities_are_taught(dout, cache):
    p, q, y, eps = cache
    return dout * (q - y) / (q * (1 - q)) / p.size


@bug("missing-mask", P.RANKING_LOSS)
def pairs_ranked_well_enough_are_taught(dout, cache):
    lack, side = cache
    da = -dout * side / lack.size
    return da, -da


@bug("missing-mask", L.KNOWN_LOSS)
def unknown_entries_are_taught(dout, cache):
    x, y, mask = cache
    return 2 * dout * (x - y) / mask.sum()


@bug("wrong-mask", L.IGNORING_LOSS, inputs=lambda rng: (rng.normal(size=(6, 4)), rng.permutation(6) % 5 - 1))
def ignored_label_taken_for_zero(dout, cache):
    probs, y, kept = cache
    return dout * (probs - onehot(y, probs.shape[1])) * (y > 0)[:, None] / kept.sum()


@bug(
    "wrong-mask",
    P.RANKING_LOSS,
    inputs=lambda rng: (*0.3 * rng.normal(size=(2, 6, 2)), rng.choice([-1, 1], (6, 2))),
)
def ranking_loss_without_its_margin(dout, cache):
    lack, side = cache
    da = -dout * side * (lack > 0.5) / lack.size
    return da, -da


@bug("wrong-mask", L.KNOWN_LOSS)
def unknown_entries_instead_of_known(dout, cache):
    x, y, mask = cache
    return 2 * dout * (x - y) * (1 - mask) / mask.sum()


@bug("not-accumulated", P.CENTRE_LOSS)
def centre_follows_one_of_its_rows(dout, cache):
    d, centres, y = cache
    dx, dcentres = dout * d / len(d), np.zeros_like(centres)
    dcentres[y] -= dx
    return dx, dcentres


@bug("not-accumulated", B.HINGE_LOSS, inputs=lambda rng: (0.2 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6)))
def hinge_right_class_counted_once(dout, cache):
    margins, y, x = cache
    dx = np.zeros_like(x)
    for n, c in np.argwhere(margins > 0):
        dx[n, c] += 1
        dx[n, y[n]] = -1
    return dout * dx / len(x)


@bug("not-accumulated", P.CLUSTERS_LOSS)
def clusters_follow_the_last_number(dout, cache):
    d, share, logit = cache
    pull = dout * share * d / len(d)
    dmean = np.zeros(d.shape[1])
    for row in pull:
        dmean = -row
    return pull.sum(axis=1), dmean, dout * (np.exp(L.log_softmax(logit[None]))[0] - share.mean(axis=0))


@bug("border", P.VARIATION, also=("missing-term",))
def variation_loop_that_stops_early(dout, cache):
    d, size, x = cache
    dx, slope = np.zeros_like(x), dout * d / size
    for t in range(x.shape[1] - 2):
        dx[:, t + 1] += slope[:, t]
        dx[:, t] -= slope[:, t]
    return dx


@bug("border", P.VARIATION, also=("missing-term",))
def variation_first_number_pushed_by_nobody(dout, cache):
    d, size, x = cache
    dx, slope = np.zeros_like(x), dout * d / size
    dx[:, 1:] += slope
    dx[:, 1:-1] -= slope[:, 1:]
    return dx


@bug("wrong-cache-variable", L.DISTILLED_LOSS)
def student_compared_without_temperature(dout, cache):
    hard, soft, target, y, t, share = cache
    dhard = share * (hard - onehot(y, hard.shape[1]))
    return dout * (dhard + (1 - share) * t * (hard - target)) / len(y)


@bug("wrong-cache-variable", R.BARELY_SMOOTHED, also=("missing-term",))
def barely_smoothed_labels_taken_as_hard(dout, cache):
    probs, target, y, x = cache
    return dout * (probs - onehot(y, x.shape[1])) / len(x)


@bug("wrong-cache-variable", P.DECORRELATION, also=("missing-mask",))
def decorrelation_punishes_variances(dout, cache):
    x, centred, covariance, off = cache
    return 4 * dout * centred @ covariance / len(x)


@bug("wrong-cache-variable", P.DECORRELATION, also=("missing-term",))
def decorrelation_of_uncentred_numbers(dout, cache):
    x, centred, covariance, off = cache
    return 4 * dout * x @ off / len(x)


@bug("mutates", L.IGNORING_LOSS)
def ignored_labels_rewritten(dout, cache):
    probs, y, kept = cache
    y[~kept] = 0
    return dout * (probs - onehot(y, probs.shape[1])) * kept[:, None] / kept.sum()


@bug("mutates", L.WEIGHTED_LOSS)
def weighted_probabilities_edited(dout, cache):
    probs, y, met = cache
    probs[np.arange(len(y)), y] -= 1
    return dout * met[:, None] * probs / met.sum()


def zeroing_known_loss_forward(x, y, mask):
    x[~mask], y[~mask] = 0, 0
    return ((x - y) ** 2).sum() / mask.sum(), (x, y, mask)


@bug("mutates", L.KNOWN_LOSS, forward=zeroing_known_loss_forward)
def unknown_entries_set_to_zero(dout, cache):
    x, y, mask = cache
    return 2 * dout * (x - y) / mask.sum()


@bug("wrong-shape", P.CLUSTERS_LOSS, also=("not-accumulated",))
def cluster_pull_for_every_cluster(dout, cache):
    d, share, logit = cache
    pull = dout * share * d / len(d)
    return pull, -pull.sum(axis=0), dout * (np.exp(L.log_softmax(logit[None]))[0] - share.mean(axis=0))


@bug("wrong-dtype", L.POISSON_LOSS, also=("zero-gradient",))
def poisson_gradient_in_an_array_of_counts(dout, cache):
    x, y = cache
    dx = np.zeros_like(y)
    dx[:] = dout * (np.exp(x) - y) / x.size
    return dx


@bug("wrong-dtype", L.DISTILLED_LOSS)
def distilled_labels_in_half_precision(dout, cache):
    hard, soft, target, y, t, share = cache
    teacher = target.astype(np.float16)
    dhard = share * (hard - onehot(y, hard.shape[1]))
    return dout * (dhard + (1 - share) * t * (soft - teacher)) / len(y)


@bug("non-finite", P.ENTROPY, inputs=normal((5, 4), scale=1000.0))
def entropy_takes_the_logarithm_again(dout, cache):
    x, probs, log_probs, entropy = cache
    return -dout * probs * (np.log(probs) + entropy) / len(x)


@bug("non-finite", B.LOGISTIC_LOSS, inputs=lambda rng: (200 * rng.normal(size=(5, 4)), rng.integers(0, 2, (5, 4))))
def logistic_loss_through_its_probability(dout, cache):
    x, y = cache
    p = sigmoid(x)
    return dout * (p - y) / (p * (1 - p)) * p * (1 - p) / len(x)


@bug("nondeterministic", P.CENTRE_LOSS, inputs=forgetting(CENTRES, P.CENTRE_LOSS.inputs))
def centres_with_momentum(dout, cache):
    d, centres, y = cache
    dx, dcentres = dout * d / len(d), np.zeros_like(centres)
    np.subtract.at(dcentres, y, dx)
    CENTRES["step"] = 0.9 * CENTRES.get("step", 0) + dcentres
    return dx, CENTRES["step"].copy()


@bug("zero-gradient", P.CENTRE_LOSS)
def centres_never_move(dout, cache):
    d, centres, y = cache
    return dout * d / len(d), np.zeros_like(centres)


@bug("zero-gradient", L.GAUSSIAN_LOSS)
def variance_of_a_gaussian_loss_as_constant(dout, cache):
    mean, log_var, y, error = cache
    return dout * (mean - y) * np.exp(-log_var) / y.size, np.zeros_like(log_var)
