"""Wrong backward passes of normalisations: of batches, rows, tokens, instances, groups, weights and lengths."""

import numpy as np

from tests.gradcheck.planted_families import late_layers_norms as LN
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families.case import forgetting, planting
from tests.gradcheck.planted_families.late_layers_norms import through

LATE_NORMS = []
bug = planting(LATE_NORMS)


@bug("missing-term", LN.INSTANCE_NORM)
def instance_norm_divided_by_its_deviation_only(dout, cache):
    x_hat, std, gamma = cache
    dx = dout * gamma[:, None, None] / std
    return dx, (dout * x_hat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))


@bug("wrong-shape", LN.INSTANCE_NORM)
def instance_norm_scale_kept_for_every_example(dout, cache):
    x_hat, std, gamma = cache
    dx = through(dout * gamma[:, None, None], x_hat, std, (2, 3))
    return dx, (dout * x_hat).sum(axis=(2, 3)), dout.sum(axis=(0, 2, 3))


@bug("transposed", LN.INSTANCE_NORM)
def instance_norm_scale_summed_over_the_channels(dout, cache):
    x_hat, std, gamma = cache
    dx = through(dout * gamma[:, None, None], x_hat, std, (2, 3))
    return dx, (dout * x_hat).sum(axis=(0, 1, 2)), dout.sum(axis=(0, 2, 3))


@bug("missing-term", LN.PLAIN_NORM)
def plain_layer_norm_variance_path_left_out(dout, cache):
    x, x_hat, std = cache
    return (dout - dout.mean(axis=1, keepdims=True)) / std


@bug("missing-term", LN.PLAIN_NORM)
def plain_layer_norm_mean_path_left_out(dout, cache):
    x, x_hat, std = cache
    return (dout - x_hat * (dout * x_hat).mean(axis=1, keepdims=True)) / std


@bug("sign", LN.PLAIN_NORM)
def plain_layer_norm_variance_path_added(dout, cache):
    x, x_hat, std = cache
    return (dout - dout.mean(axis=1, keepdims=True) + x_hat * (dout * x_hat).mean(axis=1, keepdims=True)) / std


@bug("transposed", LN.PLAIN_NORM)
def plain_layer_norm_statistics_over_the_batch(dout, cache):
    x, x_hat, std = cache
    return (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0)) / std


@bug("wrong-cache-variable", LN.PLAIN_NORM)
def plain_layer_norm_spread_of_the_raw_rows(dout, cache):
    x, x_hat, std = cache
    return (dout - dout.mean(axis=1, keepdims=True) - x * (dout * x).mean(axis=1, keepdims=True)) / std


@bug("wrong-cache-variable", LN.SEQUENCE_NORM)
def sequence_norm_scale_sees_the_input(dout, cache):
    x, x_hat, std, gamma = cache
    return through(dout * gamma, x_hat, std, (0, 1)), (dout * x).sum(axis=(0, 1)), dout.sum(axis=(0, 1))


@bug("constant-factor", LN.SEQUENCE_NORM)
def sequence_norm_shift_averaged_over_time(dout, cache):
    x, x_hat, std, gamma = cache
    dbeta = dout.mean(axis=1).sum(axis=0)
    return through(dout * gamma, x_hat, std, (0, 1)), (dout * x_hat).sum(axis=(0, 1)), dbeta


@bug("not-accumulated", LN.SEQUENCE_NORM)
def sequence_norm_shift_from_the_last_step(dout, cache):
    x, x_hat, std, gamma = cache
    for t in range(dout.shape[1]):
        dbeta = dout[:, t].sum(axis=0)
    return through(dout * gamma, x_hat, std, (0, 1)), (dout * x_hat).sum(axis=(0, 1)), dbeta


@bug("wrong-shape", LN.TOKEN_NORM)
def token_norm_scale_summed_over_examples_alone(dout, cache):
    x, x_hat, std, gamma = cache
    return through(dout * gamma, x_hat, std, 2), (dout * x_hat).sum(axis=0), dout.sum(axis=(0, 1))


@bug("missing-term", LN.TOKEN_NORM, also=("wrong-cache-variable",))
def token_norm_input_gradient_without_the_scale(dout, cache):
    x, x_hat, std, gamma = cache
    return through(dout, x_hat, std, 2), (dout * x_hat).sum(axis=(0, 1)), dout.sum(axis=(0, 1))


@bug("wrong-dtype", LN.TOKEN_NORM)
def token_norm_deviation_rounded_to_single_precision(dout, cache):
    x, x_hat, std, gamma = cache
    std = std.astype(np.float32)
    return through(dout * gamma, x_hat, std, 2), (dout * x_hat).sum(axis=(0, 1)), dout.sum(axis=(0, 1))


@bug("mutates", LN.TOKEN_NORM)
def token_norm_scale_multiplied_into_dout(dout, cache):
    x, x_hat, std, gamma = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=(0, 1)), dout.sum(axis=(0, 1))
    dout *= gamma
    return through(dout, x_hat, std, 2), dgamma, dbeta


@bug("sign", LN.SHARE)
def share_of_the_sum_without_the_signs(dout, cache):
    x, out, total = cache
    return (dout - (dout * out).sum(axis=1, keepdims=True)) / total


@bug("missing-term", LN.SHARE)
def share_of_a_fixed_sum(dout, cache):
    x, out, total = cache
    return dout / total


@bug("constant-factor", LN.LENGTH_NORM)
def learned_length_missing_from_the_input_gradient(dout, cache):
    x, g, unit, length = cache
    along = (dout * unit).sum(axis=1, keepdims=True)
    return (dout - unit * along) / length, (dout * unit).sum()


@bug("wrong-shape", LN.LENGTH_NORM)
def learned_length_with_one_gradient_for_each_row(dout, cache):
    x, g, unit, length = cache
    along = (dout * unit).sum(axis=1, keepdims=True)
    return g * (dout - unit * along) / length, along


@bug("wrong-cache-variable", LN.LENGTH_NORM)
def learned_length_sees_rows_of_their_own_length(dout, cache):
    x, g, unit, length = cache
    along = (dout * unit).sum(axis=1, keepdims=True)
    return g * (dout - unit * along) / length, (dout * x).sum()


@bug("missing-term", LN.LENGTH_NORM, also=("wrong-cache-variable",))
def learned_length_projection_by_the_exact_direction(dout, cache):
    x, g, unit, length = cache
    exact = x / np.sqrt((x**2).sum(axis=1, keepdims=True))
    return g * (dout - exact * (dout * exact).sum(axis=1, keepdims=True)) / length, (dout * unit).sum()


@bug("missing-term", LN.STANDARD_WEIGHTS)
def standardised_weights_learn_as_if_plain(dout, cache):
    x, w_hat, std = cache
    return dout @ w_hat.T, x.T @ dout / std, dout.sum(axis=0)


@bug("transposed", N.BATCH_NORM_SQUARE)
def square_batch_norm_spread_taken_along_rows(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    dx_hat = dout * gamma
    dx = (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=1)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@bug("wrong-cache-variable", N.BATCH_NORM, also=("constant-factor",))
def batch_norm_divided_by_the_variance(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    dx_hat = dout * gamma
    dx = (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0)) / (var + eps)
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@bug("missing-term", N.BATCH_NORM, also=("constant-factor",))
def batch_norm_deviation_without_its_epsilon(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    dx_hat = dout * gamma
    dx = (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0)) / np.sqrt(var)
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@bug("constant-factor", LN.SAMPLE_NORM, also=("missing-term",))
def sample_deviation_spread_over_all_examples(dout, cache):
    x, x_hat, std = cache
    return (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).mean(axis=0)) / std


@bug("zero-gradient", LN.CONDITIONAL)
def conditional_norm_condition_cut_off(dout, cache):
    x_hat, std, c, wg, wb, scale = cache
    dscale = dout * x_hat
    return through(dout * scale, x_hat, std, 1), np.zeros_like(c), c.T @ dscale, c.T @ dout


@bug("missing-term", LN.CONDITIONAL)
def conditional_norm_condition_heard_through_its_shift(dout, cache):
    x_hat, std, c, wg, wb, scale = cache
    return through(dout * scale, x_hat, std, 1), dout @ wb.T, c.T @ (dout * x_hat), c.T @ dout


@bug("stride", LN.DENSE_GROUPS, also=("transposed",))
def feature_groups_gathered_by_turns(dout, cache):
    x_hat, std, gamma = cache
    shape = x_hat.shape
    drows = (dout * gamma).reshape(shape[0], shape[2], shape[1]).swapaxes(1, 2)
    dx = through(drows, x_hat, std, 2)
    return dx.reshape(dout.shape), (dout * x_hat.reshape(dout.shape)).sum(axis=0)


@bug("transposed", LN.DENSE_GROUPS)
def feature_groups_statistics_across_the_groups(dout, cache):
    x_hat, std, gamma = cache
    dx = through((dout * gamma).reshape(x_hat.shape), x_hat, std, 1)
    return dx.reshape(dout.shape), (dout * x_hat.reshape(dout.shape)).sum(axis=0)


@bug("missing-term", LN.CENTRING)
def centred_rows_keep_the_mean_of_their_gradient(dout, cache):
    x, out = cache
    return dout * (1 - out**2)


@bug("wrong-cache-variable", LN.CENTRING)
def centred_rows_slope_from_the_uncentred_input(dout, cache):
    x, out = cache
    d = dout * (1 - np.tanh(x) ** 2)
    return d - d.mean(axis=1, keepdims=True)


@bug("missing-term", LN.COSINE_SCORES)
def cosine_classifier_weights_not_projected(dout, cache):
    s, nx, nw, ux, uw, cosine = cache
    d = s * dout
    dux, duw = d @ uw.T, ux.T @ d
    dx = (dux - ux * (dux * ux).sum(axis=1, keepdims=True)) / nx
    return dx, duw / nw, (dout * cosine).sum()


@bug("zero-gradient", LN.COSINE_SCORES)
def cosine_classifier_scale_never_learns(dout, cache):
    s, nx, nw, ux, uw, cosine = cache
    d = s * dout
    dux, duw = d @ uw.T, ux.T @ d
    dx = (dux - ux * (dux * ux).sum(axis=1, keepdims=True)) / nx
    return dx, (duw - uw * (duw * uw).sum(axis=0)) / nw, np.zeros_like(s)


@bug("missing-term", LN.POST_NORM)
def block_normalised_last_without_its_skip(dout, cache):
    x, w, gamma, t, x_hat, std = cache
    dscores = through(dout * gamma, x_hat, std, 1) * (1 - t**2)
    return dscores @ w.T, x.T @ dscores, (dout * x_hat).sum(axis=0)


@bug("wrong-dtype", LN.POST_NORM)
def block_normalised_last_spread_in_half_precision(dout, cache):
    x, w, gamma, t, x_hat, std = cache
    dx_hat = dout * gamma
    spread = (dx_hat * x_hat).mean(axis=1, keepdims=True).astype(np.float16)
    dsum = (dx_hat - dx_hat.mean(axis=1, keepdims=True) - x_hat * spread) / std
    dscores = dsum * (1 - t**2)
    return dsum + dscores @ w.T, x.T @ dscores, (dout * x_hat).sum(axis=0)


@bug("missing-mask", LN.MASKED_NORM, also=("wrong-mask",))
def holes_of_a_layer_norm_receive_the_mean_path(dout, cache):
    x, mask, n, x_hat, std = cache
    d = dout * mask
    mean, spread = d.sum(axis=1, keepdims=True) / n, (d * x_hat).sum(axis=1, keepdims=True) / n
    return (d - mean - x_hat * spread) / std


@bug("missing-mask", LN.MASKED_NORM)
def holes_of_a_layer_norm_heard_in_its_mean(dout, cache):
    x, mask, n, x_hat, std = cache
    mean, spread = dout.sum(axis=1, keepdims=True) / n, (dout * x_hat).sum(axis=1, keepdims=True) / n
    return (dout - mean - x_hat * spread) / std * mask


@bug("wrong-mask", LN.MASKED_NORM)
def holes_of_a_layer_norm_mistaken_for_its_words(dout, cache):
    x, mask, n, x_hat, std = cache
    d = dout * ~mask
    mean, spread = d.sum(axis=1, keepdims=True) / n, (d * x_hat).sum(axis=1, keepdims=True) / n
    return (d - mean * ~mask - x_hat * spread) / std


RUNNING = {}


@bug("nondeterministic", N.RMS_NORM, inputs=forgetting(RUNNING, N.RMS_NORM.inputs))
def rms_norm_blends_in_the_previous_scale_gradient(dout, cache):
    x_hat, gamma, rms = cache
    dx_hat = dout * gamma
    dgamma = (dout * x_hat).sum(axis=0)
    RUNNING["dgamma"] = 0.9 * RUNNING.get("dgamma", 0) + dgamma
    return (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=1, keepdims=True)) / rms, RUNNING["dgamma"].copy()
