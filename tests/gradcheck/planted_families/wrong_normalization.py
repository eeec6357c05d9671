"""Wrong backward passes of normalisations."""

import numpy as np

from tests.gradcheck.planted_families.case import planting
from tests.gradcheck.planted_families.normalization import (
    BATCH_NORM,
    BATCH_NORM_SQUARE,
    EVALUATION_NORM,
    GROUP_NORM,
    IMAGE_NORM,
    LAYER_NORM,
    LRN,
    batch_norm_backward,
    batch_norm_forward,
    group_norm_backward,
    image_norm_backward,
    layer_norm_backward,
    lrn_backward,
)

NORM_BUGS = []
bug = planting(NORM_BUGS)


def with_a_constant_feature(rng):
    x, gamma, beta = BATCH_NORM.inputs(rng)
    x[:, 2] = 0.5
    return x, gamma, beta


def pixels(rng):
    x, gamma, beta = BATCH_NORM.inputs(rng)
    return 120 + x, gamma, beta


def parameters(dout, x_hat):
    return (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@bug("constant-factor", BATCH_NORM)
def batch_norm_dx_not_divided_by_the_batch(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    d = dout * gamma
    dx = (len(x) * d - d.sum(axis=0) - x_hat * (d * x_hat).sum(axis=0)) / std
    return dx, *parameters(dout, x_hat)


@bug("sign", BATCH_NORM, also=("missing-term",))
def batch_norm_mean_path_added(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    d = dout * gamma
    dx = (d + d.mean(axis=0) - x_hat * (d * x_hat).mean(axis=0)) / std
    return dx, *parameters(dout, x_hat)


@bug("sign", LRN, also=("missing-term",))
def lrn_neighbours_added(dout, cache):
    x, out, damping, size, alpha, beta = cache
    return lrn_backward(dout, (x, out, damping, size, -alpha, beta))


@bug("missing-term", BATCH_NORM)
def batch_norm_without_the_mean_path(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    d = dout * gamma
    return (d - x_hat * (d * x_hat).mean(axis=0)) / std, *parameters(dout, x_hat)


@bug("missing-term", BATCH_NORM)
def batch_norm_without_the_variance_path(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    d = dout * gamma
    return (d - d.mean(axis=0)) / std, *parameters(dout, x_hat)


@bug("missing-term", IMAGE_NORM)
def batch_norm_of_images_with_constant_statistics(dout, cache):
    x_hat, gamma, std = cache
    _, dgamma, dbeta = image_norm_backward(dout, cache)
    return dout * gamma[:, None, None] / std, dgamma, dbeta


@bug("missing-term", BATCH_NORM, also=("constant-factor", "wrong-cache-variable"))
def batch_norm_eps_missing_in_backward(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    return batch_norm_backward(dout, (x, x_hat, gamma, mean, var, np.sqrt(var), eps))


@bug("missing-term", BATCH_NORM, also=("constant-factor",))
def batch_norm_dx_without_gamma(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    dx, _, _ = batch_norm_backward(dout, (x, x_hat, np.ones_like(gamma), mean, var, std, eps))
    return dx, *parameters(dout, x_hat)


@bug("missing-term", LAYER_NORM)
def layer_norm_without_the_mean_path(dout, cache):
    x, x_hat, gamma, std = cache
    d = dout * gamma
    dx = (d - x_hat * (d * x_hat).mean(axis=1, keepdims=True)) / std
    return dx, *parameters(dout, x_hat)


@bug("missing-term", LAYER_NORM)
def layer_norm_without_the_variance_path(dout, cache):
    x, x_hat, gamma, std = cache
    d = dout * gamma
    return (d - d.mean(axis=1, keepdims=True)) / std, *parameters(dout, x_hat)


@bug("missing-term", LRN)
def lrn_with_constant_damping(dout, cache):
    x, out, damping, size, alpha, beta = cache
    return dout * damping**-beta


@bug("missing-term", BATCH_NORM_SQUARE, also=("transposed",))
def batch_norm_means_over_the_wrong_axis(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    d = dout * gamma
    through_mean, through_var = d.mean(axis=1), (d * x_hat).mean(axis=1)
    return (d - through_mean - x_hat * through_var) / std, *parameters(dout, x_hat)


@bug("not-accumulated", IMAGE_NORM)
def batch_norm_of_images_dgamma_of_one_pixel(dout, cache):
    x_hat, gamma, std = cache
    dx, _, dbeta = image_norm_backward(dout, cache)
    return dx, (dout * x_hat).sum(axis=0)[:, 0, 0], dbeta


@bug("border", LRN)
def lrn_window_wraps_round_the_channels(dout, cache):
    x, out, damping, size, alpha, beta = cache
    share = dout * out / damping
    total = sum(np.roll(share, shift, axis=1) for shift in range(-(size // 2), size // 2 + 1))
    return dout * damping**-beta - 2 * alpha * beta * x * total


@bug("wrong-cache-variable", BATCH_NORM)
def batch_norm_dgamma_from_x(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    dx, _, dbeta = batch_norm_backward(dout, cache)
    return dx, (dout * x).sum(axis=0), dbeta


@bug("wrong-cache-variable", BATCH_NORM, also=("constant-factor",))
def batch_norm_divides_by_the_variance(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    return batch_norm_backward(dout, (x, x_hat, gamma, mean, var, var + eps, eps))


@bug("wrong-cache-variable", LRN)
def lrn_with_x_for_out(dout, cache):
    x, out, damping, size, alpha, beta = cache
    return lrn_backward(dout, (x, x, damping, size, alpha, beta))


@bug("mutates", BATCH_NORM)
def batch_norm_edits_x_hat_in_the_cache(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    dgamma, dbeta = parameters(dout, x_hat)
    d = dout * gamma
    x_hat *= (d * x_hat).mean(axis=0)
    return (d - d.mean(axis=0) - x_hat) / std, dgamma, dbeta


@bug("wrong-shape", IMAGE_NORM)
def batch_norm_of_images_dgamma_with_axes_kept(dout, cache):
    x_hat, gamma, std = cache
    dx, _, dbeta = image_norm_backward(dout, cache)
    return dx, (dout * x_hat).sum(axis=(0, 2, 3), keepdims=True), dbeta


@bug("wrong-dtype", BATCH_NORM, inputs=pixels)
def batch_norm_of_pixels_in_float32(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    _, cache = batch_norm_forward(x.astype(np.float32), gamma, gamma, eps)
    return tuple(g.astype(np.float32).astype(np.float64) for g in batch_norm_backward(dout, cache))


@bug("non-finite", BATCH_NORM, inputs=with_a_constant_feature)
def batch_norm_std_of_a_constant_feature(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    return batch_norm_backward(dout, (x, x_hat, gamma, mean, var, np.sqrt(var), eps))


@bug("zero-gradient", BATCH_NORM)
def batch_norm_checked_with_a_dout_of_ones(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    dx, _, _ = batch_norm_backward(np.ones_like(dout), (x, x_hat, np.ones_like(gamma), mean, var, std, eps))
    return dx.round(12), *parameters(dout, x_hat)


@bug("constant-factor", EVALUATION_NORM)
def batch_norm_evaluation_dbeta_averaged(dout, cache):
    x, x_hat, gamma, std = cache
    return dout * gamma / std, (dout * x_hat).sum(axis=0), dout.mean(axis=0)


@bug("missing-term", GROUP_NORM)
def group_norm_without_the_mean_path(dout, cache):
    x_hat, rows_hat, gamma, std = cache
    _, dgamma, dbeta = group_norm_backward(dout, cache)
    drows = (dout * gamma[:, None, None]).reshape(rows_hat.shape)
    through_var = rows_hat * (drows * rows_hat).mean(axis=2, keepdims=True)
    return ((drows - through_var) / std).reshape(dout.shape), dgamma, dbeta


@bug("missing-term", LAYER_NORM)
def layer_norm_with_constant_statistics(dout, cache):
    x, x_hat, gamma, std = cache
    _, dgamma, dbeta = layer_norm_backward(dout, cache)
    return dout * gamma / std, dgamma, dbeta
