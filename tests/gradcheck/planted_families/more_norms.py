"""More wrong backward passes of normalisations."""

import numpy as np

from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.more_right import INSTANCE_NORM
from tests.gradcheck.planted_families.normalization import (
    BATCH_NORM,
    EVALUATION_NORM,
    GROUP_NORM,
    IMAGE_NORM,
    LAYER_NORM,
    LRN,
    RMS_NORM,
    WEIGHT_NORM,
    batch_norm_backward,
    column,
    evaluation_norm_backward,
    group_norm_backward,
    image_norm_backward,
    layer_norm_backward,
    lrn_backward,
    rms_norm_backward,
    weight_norm_backward,
)

MORE_NORMS = []
bug = planting(MORE_NORMS)
memory = {}


@bug("missing-term", BATCH_NORM, also=("constant-factor",))
def batch_norm_variance_term_over_n_minus_1(dout, cache):
    x, x_hat, gamma, _, _, std, _ = cache
    dx_hat = dout * gamma
    through_var = x_hat * (dx_hat * x_hat).sum(axis=0) / (len(x) - 1)
    return (dx_hat - dx_hat.mean(axis=0) - through_var) / std, *batch_norm_backward(dout, cache)[1:]


@bug("constant-factor", BATCH_NORM, also=("wrong-cache-variable",), inputs=normal((6, 4), (4,), (4,), scale=0.2))
def batch_norm_eps_outside_the_root(dout, cache):
    dx, dgamma, dbeta = batch_norm_backward(dout, cache)
    *_, var, std, eps = cache
    return dx * std / (np.sqrt(var) + eps), dgamma, dbeta


@bug("border", BATCH_NORM, also=("missing-term",))
def batch_norm_last_feature_with_constant_statistics(dout, cache):
    dx, dgamma, dbeta = batch_norm_backward(dout, cache)
    _, _, gamma, _, _, std, _ = cache
    dx[:, -1] = (dout * gamma / std)[:, -1]
    return dx, dgamma, dbeta


@bug("nondeterministic", BATCH_NORM, also=("wrong-cache-variable",), inputs=forgetting(memory, BATCH_NORM.inputs))
def batch_norm_std_mixed_with_that_of_earlier_calls(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    memory["std"] = 0.9 * memory.get("std", 1) + 0.1 * std
    return batch_norm_backward(dout, (x, x_hat, gamma, mean, var, memory["std"], eps))


@bug("wrong-dtype", BATCH_NORM)
def batch_norm_dgamma_summed_in_float32(dout, cache):
    dx, _, dbeta = batch_norm_backward(dout, cache)
    return dx, (dout * cache[1]).sum(axis=0, dtype=np.float32), dbeta


@bug("missing-term", IMAGE_NORM, also=("transposed", "not-accumulated"))
def batch_norm_of_images_means_of_each_image(dout, cache):
    x_hat, gamma, std = cache
    dx_hat = dout * column(gamma)
    through_mean = dx_hat.mean(axis=(2, 3), keepdims=True)
    through_var = x_hat * (dx_hat * x_hat).mean(axis=(2, 3), keepdims=True)
    return (dx_hat - through_mean - through_var) / std, *image_norm_backward(dout, cache)[1:]


@bug("mutates", IMAGE_NORM)
def batch_norm_of_images_scales_dout_in_place(dout, cache):
    x_hat, gamma, std = cache
    dgamma, dbeta = image_norm_backward(dout, cache)[1:]
    dout *= column(gamma)
    return image_norm_backward(dout, (x_hat, np.ones_like(gamma), std))[0], dgamma, dbeta


@bug("missing-mask", EVALUATION_NORM, also=("constant-factor", "missing-term"))
def batch_norm_evaluation_not_divided_by_the_std(dout, cache):
    x, x_hat, gamma, _ = cache
    return dout * gamma, *evaluation_norm_backward(dout, cache)[1:]


@bug("wrong-cache-variable", EVALUATION_NORM)
def batch_norm_evaluation_dgamma_from_x(dout, cache):
    dx, _, dbeta = evaluation_norm_backward(dout, cache)
    return dx, (dout * cache[0]).sum(axis=0), dbeta


@bug("transposed", LAYER_NORM, also=("missing-term", "wrong-cache-variable"))
def layer_norm_mean_over_the_batch(dout, cache):
    _, x_hat, gamma, std = cache
    dx_hat = dout * gamma
    through_var = x_hat * (dx_hat * x_hat).mean(axis=1, keepdims=True)
    return (dx_hat - dx_hat.mean(axis=0) - through_var) / std, *layer_norm_backward(dout, cache)[1:]


@bug("transposed", LAYER_NORM, also=("not-accumulated",), inputs=normal((5, 5), (5,), (5,)))
def layer_norm_dgamma_summed_over_the_features(dout, cache):
    dx, _, dbeta = layer_norm_backward(dout, cache)
    return dx, (dout * cache[1]).sum(axis=1), dbeta


@bug("missing-term", LAYER_NORM, also=("wrong-cache-variable", "missing-mask"))
def layer_norm_gamma_put_on_at_the_end(dout, cache):
    x, x_hat, gamma, std = cache
    dx, _, _ = layer_norm_backward(dout, (x, x_hat, np.ones_like(gamma), std))
    return gamma * dx, *layer_norm_backward(dout, cache)[1:]


@bug("sign", LAYER_NORM, also=("missing-term",))
def layer_norm_variance_path_added(dout, cache):
    _, x_hat, gamma, std = cache
    dx, dgamma, dbeta = layer_norm_backward(dout, cache)
    return dx + 2 * x_hat * (dout * gamma * x_hat).mean(axis=1, keepdims=True) / std, dgamma, dbeta


@bug("missing-term", GROUP_NORM, also=("transposed", "wrong-cache-variable"))
def group_norm_means_over_all_groups(dout, cache):
    _, rows_hat, gamma, std = cache
    drows = (dout * column(gamma)).reshape(rows_hat.shape)
    through_mean = drows.mean(axis=(1, 2), keepdims=True)
    through_var = rows_hat * (drows * rows_hat).mean(axis=(1, 2), keepdims=True)
    dx = ((drows - through_mean - through_var) / std).reshape(dout.shape)
    return dx, *group_norm_backward(dout, cache)[1:]


@bug("constant-factor", GROUP_NORM, also=("missing-mask", "wrong-cache-variable"))
def group_norm_divided_by_the_std_twice(dout, cache):
    dx, dgamma, dbeta = group_norm_backward(dout, cache)
    std = cache[-1]
    return (dx.reshape(*std.shape[:2], -1) / std).reshape(dx.shape), dgamma, dbeta


@bug("wrong-cache-variable", GROUP_NORM, also=("missing-term",))
def group_norm_dbeta_taken_for_dgamma(dout, cache):
    dx, dgamma, _ = group_norm_backward(dout, cache)
    return dx, dgamma, dgamma.copy()


@bug("not-accumulated", INSTANCE_NORM, also=("missing-term",))
def instance_norm_dgamma_of_the_last_image(dout, cache):
    dx, dgamma, dbeta = group_norm_backward(dout, cache)
    for image, image_hat in zip(dout, cache[0]):
        dgamma = (image * image_hat).sum(axis=(1, 2))
    return dx, dgamma, dbeta


@bug("missing-term", RMS_NORM)
def rms_norm_with_a_constant_rms(dout, cache):
    _, gamma, rms = cache
    return dout * gamma / rms, rms_norm_backward(dout, cache)[1]


@bug("constant-factor", RMS_NORM, also=("missing-term",))
def rms_norm_sum_for_the_mean(dout, cache):
    x_hat, gamma, rms = cache
    dx_hat = dout * gamma
    dx = (dx_hat - x_hat * (dx_hat * x_hat).sum(axis=1, keepdims=True)) / rms
    return dx, rms_norm_backward(dout, cache)[1]


@bug("missing-term", WEIGHT_NORM)
def weight_norm_length_held_constant(dout, cache):
    x, _, g, length, _ = cache
    dx, _, dg = weight_norm_backward(dout, cache)
    return dx, g / length * (x.T @ dout), dg


@bug("wrong-cache-variable", WEIGHT_NORM, also=("constant-factor", "missing-mask"))
def weight_norm_dg_from_w_with_its_length(dout, cache):
    dx, dv, dg = weight_norm_backward(dout, cache)
    return dx, dv, dg * cache[2]


@bug("wrong-cache-variable", WEIGHT_NORM)
def weight_norm_dx_through_the_bare_direction(dout, cache):
    return dout @ cache[1].T, *weight_norm_backward(dout, cache)[1:]


@bug("constant-factor", LRN, also=("missing-term",))
def lrn_exponent_not_brought_down(dout, cache):
    *_, damping, _, _, beta = cache
    direct = dout * damping**-beta
    return direct + (lrn_backward(dout, cache) - direct) / beta


@bug("border", LRN, also=("missing-term",))
def lrn_outer_channels_without_neighbours(dout, cache):
    *_, damping, _, _, beta = cache
    dx, direct = lrn_backward(dout, cache), dout * damping**-beta
    dx[:, [0, -1]] = direct[:, [0, -1]]
    return dx
