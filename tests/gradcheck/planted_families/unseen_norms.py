"""Normalisations of images and dropout whose backward passes are wrong, as learners get them wrong."""

import numpy as np

from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families import unseen_block_layers as B
from tests.gradcheck.planted_families import unseen_right_images as R
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.images import conv_backward
from tests.gradcheck.planted_families.normalization import column, neighbours

UNSEEN_NORMS = []
bug = planting(UNSEEN_NORMS)
RUNNING, STATE = {}, {}
PIXELS = {"axis": (2, 3), "keepdims": True}


def flat_image(rng):
    x, gamma, beta = R.INSTANCE.inputs(rng)
    x[0, 1] = 0.5
    return x, gamma, beta


def black_channel(rng):
    x, *rest = R.FILTER_NORM.inputs(rng)
    x[1, 0] = 0
    return x, *rest


def equal_taps(rng):
    x, w = R.STANDARD_CONV.inputs(rng)
    w[1] = 0.25
    return x, w


def instance_dx(d, x_hat, std):
    return (d - d.mean(**PIXELS) - x_hat * (d * x_hat).mean(**PIXELS)) / std


@bug("missing-term", R.INSTANCE)
def instance_norm_holds_mean_and_deviation_constant(dout, cache):
    x, x_hat, gamma, std = cache
    _, dgamma, dbeta = B.instance_norm_backward(dout, cache)
    return dout * column(gamma) / std, dgamma, dbeta


@bug("missing-term", R.INSTANCE)
def instance_norm_forgets_the_path_through_the_mean(dout, cache):
    x, x_hat, gamma, std = cache
    _, dgamma, dbeta = B.instance_norm_backward(dout, cache)
    d = dout * column(gamma)
    return (d - x_hat * (d * x_hat).mean(**PIXELS)) / std, dgamma, dbeta


@bug("wrong-cache-variable", R.INSTANCE)
def instance_norm_uses_x_for_x_hat_through_the_variance(dout, cache):
    x, x_hat, gamma, std = cache
    _, dgamma, dbeta = B.instance_norm_backward(dout, cache)
    return instance_dx(dout * column(gamma), x, std), dgamma, dbeta


@bug("wrong-cache-variable", R.INSTANCE)
def instance_norm_multiplies_dgamma_by_the_raw_image(dout, cache):
    dx, _, dbeta = B.instance_norm_backward(dout, cache)
    return dx, (dout * cache[0]).sum(axis=(0, 2, 3)), dbeta


@bug("wrong-shape", R.INSTANCE, also=("not-accumulated",))
def instance_norm_keeps_a_gamma_for_every_image(dout, cache):
    dx, _, _ = B.instance_norm_backward(dout, cache)
    return dx, (dout * cache[1]).sum(axis=(2, 3)), dout.sum(axis=(2, 3))


@bug("not-accumulated", R.INSTANCE)
def instance_norm_loop_keeps_the_last_image_of_dgamma(dout, cache):
    dx, dgamma, dbeta = B.instance_norm_backward(dout, cache)
    for d, hat in zip(dout, cache[1]):
        dgamma = (d * hat).sum(axis=(1, 2))
    return dx, dgamma, dbeta


@bug("non-finite", R.INSTANCE, inputs=flat_image)
def instance_norm_recovers_the_deviation_without_epsilon(dout, cache):
    x, x_hat, gamma, _ = cache
    _, dgamma, dbeta = B.instance_norm_backward(dout, cache)
    return instance_dx(dout * column(gamma), x_hat, x.std(**PIXELS)), dgamma, dbeta


@bug("mutates", R.INSTANCE)
def instance_norm_scales_the_incoming_gradient_by_gamma(dout, cache):
    x, x_hat, gamma, std = cache
    dgamma, dbeta = (dout * x_hat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))
    dout *= column(gamma)
    return instance_dx(dout, x_hat, std), dgamma, dbeta


@bug("constant-factor", N.IMAGE_NORM)
def image_norm_averages_beta_over_pixels(dout, cache):
    dx, dgamma, _ = N.image_norm_backward(dout, cache)
    return dx, dgamma, dout.sum(axis=0).mean(axis=(1, 2))


@bug("missing-term", N.IMAGE_NORM, inputs=normal((4, 2, 3, 3), (2,), (2,)))
def image_norm_keeps_only_the_path_through_the_mean(dout, cache):
    x_hat, gamma, std = cache
    _, dgamma, dbeta = N.image_norm_backward(dout, cache)
    d = dout * column(gamma)
    return (d - d.mean(axis=(0, 2, 3), keepdims=True)) / std, dgamma, dbeta


@bug("wrong-dtype", N.IMAGE_NORM)
def image_norm_sums_gamma_in_single_precision(dout, cache):
    dx, _, dbeta = N.image_norm_backward(dout, cache)
    return dx, (dout * cache[0]).sum(axis=(0, 2, 3), dtype=np.float32), dbeta


def running_norm_forward(x, gamma, beta, eps=1e-3):
    out, cache = N.image_norm_forward(x, gamma, beta, eps)
    RUNNING["std"] = 0.9 * RUNNING.get("std", cache[2]) + 0.1 * cache[2]
    return out, cache


@bug("nondeterministic", N.IMAGE_NORM, also=("wrong-cache-variable",), forward=running_norm_forward,
     inputs=forgetting(RUNNING, N.IMAGE_NORM.inputs))  # fmt: skip
def image_norm_divides_by_the_running_deviation(dout, cache):
    x_hat, gamma, _ = cache
    return N.image_norm_backward(dout, (x_hat, gamma, RUNNING["std"]))


@bug("missing-term", N.GROUP_NORM)
def group_norm_forgets_the_path_through_the_deviation(dout, cache):
    x_hat, rows_hat, gamma, std = cache
    _, dgamma, dbeta = N.group_norm_backward(dout, cache)
    d = (dout * column(gamma)).reshape(rows_hat.shape)
    return ((d - d.mean(axis=2, keepdims=True)) / std).reshape(dout.shape), dgamma, dbeta


@bug("transposed", N.GROUP_NORM)
def group_norm_takes_every_second_channel_for_a_group(dout, cache):
    x_hat, rows_hat, gamma, std = cache
    _, dgamma, dbeta = N.group_norm_backward(dout, cache)
    n, C, H, W = dout.shape
    d = (dout * column(gamma)).reshape(n, C // 2, 2, H, W).swapaxes(1, 2).reshape(rows_hat.shape)
    shift = d.mean(axis=2, keepdims=True) + rows_hat * (d * rows_hat).mean(axis=2, keepdims=True)
    return ((d - shift) / std).reshape(dout.shape), dgamma, dbeta


@bug("zero-gradient", N.GROUP_NORM)
def group_norm_fills_copies_of_dbeta(dout, cache):
    dx, dgamma, _ = N.group_norm_backward(dout, cache)
    dbeta = np.zeros(dout.shape[1])
    for d in dout:
        for part, grad in zip(d, dbeta):
            grad += part.sum()
    return dx, dgamma, dbeta


@bug("missing-term", R.VOLUME)
def volume_norm_leaves_out_the_path_through_the_mean(dout, cache):
    x_hat, gamma, inverse = cache
    axes = (1, 2, 3)
    shift = x_hat * (dout * gamma * x_hat).mean(axis=axes, keepdims=True)
    return (dout * x_hat).sum(axis=0), dout.sum(axis=0), inverse * (dout * gamma - shift)


@bug("wrong-cache-variable", R.VOLUME)
def volume_norm_multiplies_by_the_deviation_itself(dout, cache):
    x_hat, gamma, inverse = cache
    return B.volume_norm_backward(dout, (x_hat, gamma, 1 / inverse))


@bug("not-accumulated", R.VOLUME)
def volume_norm_gives_beta_the_gradient_of_the_last_image(dout, cache):
    dgamma, _, dx = B.volume_norm_backward(dout, cache)
    return dgamma, dout[-1].copy(), dx


@bug("sign", R.STEP_NORM)
def step_norm_loses_the_minus_of_the_reciprocal(dout, cache):
    x, centred, var, std, inverse, x_hat, gamma, eps = cache
    _, dgamma, dbeta = B.step_norm_backward(dout, cache)
    dx_hat = dout.reshape(centred.shape) * gamma
    dvar = (dx_hat * centred).sum(axis=0) * inverse**3 / 2
    dcentred = dx_hat * inverse + 2 * centred * dvar / len(centred)
    return (dcentred - dcentred.mean(axis=0)).reshape(x.shape), dgamma, dbeta


@bug("missing-term", R.STEP_NORM)
def step_norm_uses_the_centred_rows_once(dout, cache):
    x, centred, var, std, inverse, x_hat, gamma, eps = cache
    _, dgamma, dbeta = B.step_norm_backward(dout, cache)
    dcentred = dout.reshape(centred.shape) * gamma * inverse
    return (dcentred - dcentred.mean(axis=0)).reshape(x.shape), dgamma, dbeta


@bug("wrong-cache-variable", R.STEP_NORM)
def step_norm_forgets_epsilon_in_the_root(dout, cache):
    x, centred, var, std, inverse, x_hat, gamma, eps = cache
    return B.step_norm_backward(dout, (x, centred, var, np.sqrt(var), var**-0.5, x_hat, gamma, eps))


@bug("constant-factor", R.STEP_NORM)
def step_norm_averages_gamma_and_beta_over_images(dout, cache):
    dx, dgamma, dbeta = B.step_norm_backward(dout, cache)
    return dx, dgamma / len(dout), dbeta / len(dout)


@bug("not-accumulated", R.STEP_NORM)
def step_norm_sums_gamma_over_images_of_one_pixel(dout, cache):
    dx, _, dbeta = B.step_norm_backward(dout, cache)
    x_hat = cache[5].reshape(dout.shape)
    return dx, (dout * x_hat)[:, 0, 0].sum(axis=0), dbeta


@bug("missing-term", R.STANDARD_CONV)
def standard_conv_hands_back_the_gradient_of_the_standardised_filter(dout, cache):
    conv_cache, w, w_hat, std = cache
    dx, dw_hat, _ = conv_backward(dout, conv_cache)
    return dx, dw_hat / std[:, :, None, None]


@bug("wrong-cache-variable", R.STANDARD_CONV)
def standard_conv_sends_dx_through_the_raw_filter(dout, cache):
    conv_cache, w, w_hat, std = cache
    _, dw = B.standard_conv_backward(dout, cache)
    return conv_backward(dout, (*conv_cache[:2], w, *conv_cache[3:]))[0], dw


@bug("wrong-cache-variable", R.STANDARD_CONV)
def standard_conv_projects_on_the_raw_filter(dout, cache):
    conv_cache, w, w_hat, std = cache
    return B.standard_conv_backward(dout, (conv_cache, w, w, std))


@bug("non-finite", R.STANDARD_CONV, inputs=equal_taps)
def standard_conv_recovers_the_deviation_without_epsilon(dout, cache):
    conv_cache, w, w_hat, _ = cache
    return B.standard_conv_backward(dout, (conv_cache, w, w_hat, w.reshape(len(w), -1).std(axis=1)[:, None]))


@bug("missing-term", R.ADAIN)
def adain_styles_only_by_the_mean(dout, cache):
    x_hat, x_std, style_hat, style_std = cache
    dx, _ = B.adain_backward(dout, cache)
    return dx, np.broadcast_to(dout.sum(**PIXELS) / dout[0, 0].size, dout.shape).copy()


@bug("missing-term", R.ADAIN)
def adain_styles_only_by_the_deviation(dout, cache):
    x_hat, x_std, style_hat, style_std = cache
    dx, _ = B.adain_backward(dout, cache)
    return dx, style_hat * (dout * x_hat).mean(**PIXELS)


@bug("constant-factor", R.ADAIN)
def adain_forgets_to_divide_the_style_by_its_pixels(dout, cache):
    dx, dstyle = B.adain_backward(dout, cache)
    return dx, dstyle * dout[0, 0].size


@bug("zero-gradient", R.ADAIN)
def adain_detaches_the_style(dout, cache):
    dx, _ = B.adain_backward(dout, cache)
    return dx, np.zeros(cache[2].shape)


@bug("wrong-cache-variable", R.ADAIN)
def adain_divides_the_content_by_the_style_deviation(dout, cache):
    x_hat, x_std, style_hat, style_std = cache
    _, dstyle = B.adain_backward(dout, cache)
    return instance_dx(dout * style_std, x_hat, style_std), dstyle


@bug("sign", R.PIXEL_NORM)
def pixel_norm_adds_the_radial_part(dout, cache):
    x, out, rms = cache
    return (dout + out * (dout * out).mean(axis=1, keepdims=True)) / rms


@bug("missing-term", R.PIXEL_NORM)
def pixel_norm_only_divides(dout, cache):
    return dout / cache[2]


@bug("constant-factor", R.PIXEL_NORM, inputs=normal((2, 4, 3, 3)))
def pixel_norm_returns_to_the_length_instead_of_the_mean_square(dout, cache):
    x, out, rms = cache
    return B.pixel_norm_backward(dout, cache) / np.sqrt(x.shape[1])


@bug("wrong-cache-variable", R.PIXEL_NORM)
def pixel_norm_projects_on_the_input(dout, cache):
    x, out, rms = cache
    return (dout - x * (dout * x).mean(axis=1, keepdims=True)) / rms


@bug("missing-mask", R.FILTER_NORM)
def filter_norm_forgets_the_threshold_for_gamma(dout, cache):
    dx, _, dbeta, dlow = B.filter_norm_backward(dout, cache)
    return dx, (dout * cache[0]).sum(axis=(0, 2, 3)), dbeta, dlow


@bug("wrong-mask", R.FILTER_NORM)
def filter_norm_compares_with_zero_instead_of_the_threshold(dout, cache):
    x_hat, gamma, low, y, rms = cache
    return B.filter_norm_backward(dout, (x_hat, gamma, np.zeros_like(low), y, rms))


@bug("non-finite", R.FILTER_NORM, inputs=black_channel)
def filter_norm_recovers_the_unit_vector_from_zeros(dout, cache):
    x_hat, gamma, low, y, rms = cache
    unit = x_hat / np.sqrt((x_hat**2).mean(**PIXELS))
    return B.filter_norm_backward(dout, (unit, gamma, low, y, rms))


@bug("missing-mask", R.SPATIAL_DROPOUT)
def spatial_dropout_lets_dropped_channels_through(dout, cache):
    return dout / cache[1]


@bug("constant-factor", R.SPATIAL_DROPOUT)
def spatial_dropout_forgets_to_scale_up(dout, cache):
    return dout * cache[0][:, :, None, None]


@bug("wrong-mask", R.SPATIAL_DROPOUT)
def spatial_dropout_keeps_what_was_dropped(dout, cache):
    mask, keep = cache
    return dout * ~mask[:, :, None, None] / keep


@bug("nondeterministic", R.SPATIAL_DROPOUT, also=("wrong-mask",))
def spatial_dropout_draws_another_mask(dout, cache):
    mask, keep = cache
    return dout * (np.random.random(mask.shape) < keep)[:, :, None, None] / keep


@bug("missing-mask", R.DROP_BLOCK)
def drop_block_only_scales(dout, cache):
    return dout * cache[1][:, None, None, None]


@bug("wrong-mask", R.DROP_BLOCK)
def drop_block_mask_is_shifted_by_a_row(dout, cache):
    mask, scale = cache
    return B.drop_block_backward(dout, (np.roll(mask, 1, axis=1), scale))


@bug("missing-term", R.WIDE_LRN, also=("not-accumulated",))
def lrn_leaves_the_neighbours_out(dout, cache):
    x, out, damping, size, alpha, beta = cache
    return dout * damping**-beta - 2 * alpha * beta * x * dout * out / damping


@bug("missing-term", R.ALEX_LRN)
def lrn_is_taken_for_a_division_by_constants(dout, cache):
    x, out, damping, size, alpha, beta = cache
    return dout * damping**-beta


@bug("border", R.WIDE_LRN)
def lrn_sums_over_neighbours_round_the_end(dout, cache):
    x, out, damping, size, alpha, beta = cache
    ratio = dout * out / damping
    around = sum(np.roll(ratio, s, axis=1) for s in range(-2, 3))
    return dout * damping**-beta - 2 * alpha * beta * x * around


@bug("sign", N.LRN)
def lrn_adds_the_competition_between_channels(dout, cache):
    x, out, damping, size, alpha, beta = cache
    return dout * damping**-beta + 2 * alpha * beta * x * neighbours(dout * out / damping, size)
