"""Further wrong backward passes of layers of images and of normalisations."""

import numpy as np

from tests.gradcheck.planted_families.case import planting
from tests.gradcheck.planted_families.further_layers import (
    CAUSAL_CONV,
    INSTANCE_NORM,
    INTERPOLATE,
    MAX_IN_TIME,
    SHUFFLE,
    SQUEEZE,
    causal_conv_backward,
    instance_norm_backward,
    instance_norm_forward,
    interpolate_backward,
    max_in_time_backward,
    squeeze_backward,
)
from tests.gradcheck.planted_families.images import (
    AVERAGE_POOL,
    BLUR,
    CONV,
    CONV_GROUPS,
    CONV_RAGGED,
    CONV_RELU_POOL,
    CONV_STRIDE,
    CONV_TRANSPOSE,
    CONV_VALID,
    GLOBAL_AVERAGE_POOL,
    MAX_POOL,
    MAX_POOL_OVERLAP,
    average_pool_backward,
    conv_backward,
    conv_relu_pool_backward,
    conv_transpose_backward,
    global_average_pool_backward,
    grouped_conv_backward,
    max_pool_backward,
    tap,
)
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
    group_norm_backward,
    image_norm_backward,
    layer_norm_backward,
    lrn_backward,
    rms_norm_backward,
    weight_norm_backward,
)

FURTHER_IMAGES = []
bug = planting(FURTHER_IMAGES)


@bug("wrong-shape", CONV)
def conv_db_with_axes_kept(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx, dw, db.reshape(1, -1, 1, 1)


@bug("constant-factor", CONV_STRIDE)
def conv_dw_one_in_a_thousand_small(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx, 0.999 * dw, db


@bug("constant-factor", CONV_GROUPS)
def grouped_conv_dw_counted_for_every_group(dout, caches):
    dx, dw, db = grouped_conv_backward(dout, caches)
    return dx, len(caches) * dw, db


@bug("constant-factor", SQUEEZE)
def squeeze_dw_divided_by_the_pixels(dout, cache):
    x, w, squeezed, gate = cache
    dx, dw = squeeze_backward(dout, cache)
    return dx, dw / (x.shape[2] * x.shape[3])


@bug("sign", RMS_NORM, also=("missing-term",))
def rms_norm_projection_added(dout, cache):
    x_hat, gamma, rms = cache
    d = dout * gamma
    return (d + x_hat * (d * x_hat).mean(axis=1, keepdims=True)) / rms, (dout * x_hat).sum(axis=0)


@bug("transposed", SHUFFLE)
def pixel_shuffle_reshaped_back_without_transposing(dout, cache):
    shape, factor = cache
    return dout.reshape(shape)


@bug("transposed", CAUSAL_CONV)
def causal_conv_dw_backwards_in_time(dout, cache):
    dx, dw, db = causal_conv_backward(dout, cache)
    return dx, dw[:, :, ::-1].copy(), db


@bug("transposed", BATCH_NORM)
def batch_norm_dgamma_and_dbeta_swapped(dout, cache):
    dx, dgamma, dbeta = batch_norm_backward(dout, cache)
    return dx, dbeta, dgamma


@bug("missing-term", INSTANCE_NORM)
def instance_norm_without_the_variance_path(dout, cache):
    out, std = cache
    return (dout - dout.mean(axis=(2, 3), keepdims=True)) / std


@bug("missing-term", WEIGHT_NORM)
def weight_norm_length_taken_for_constant(dout, cache):
    x, v, g, length, w = cache
    dx, _, dg = weight_norm_backward(dout, cache)
    return dx, g / length * (x.T @ dout), dg


@bug("missing-term", SQUEEZE)
def squeeze_only_the_direct_path(dout, cache):
    x, w, squeezed, gate = cache
    _, dw = squeeze_backward(dout, cache)
    return dout * gate[:, :, None, None], dw


@bug("missing-term", EVALUATION_NORM, also=("constant-factor",))
def batch_norm_evaluation_not_divided_by_std(dout, cache):
    x, x_hat, gamma, std = cache
    return dout * gamma, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@bug("missing-mask", MAX_POOL_OVERLAP)
def max_pool_overlapping_hands_dout_to_the_whole_window(dout, cache):
    x, windows, kernel, stride = cache
    dx = np.zeros_like(x)
    for i, j in np.ndindex(kernel, kernel):
        dx[tap(i, j, dout.shape, stride)] += dout
    return dx


@bug("wrong-mask", CONV_RELU_POOL)
def conv_relu_pool_mask_from_the_gradient(dout, cache):
    conv_cache, scores, pool_cache = cache
    dscores = max_pool_backward(dout, pool_cache)
    return conv_backward(dscores * (dscores > 0), conv_cache)


@bug("not-accumulated", MAX_IN_TIME)
def max_in_time_overlapping_windows_assigned(dout, cache):
    x, winner, stride = cache
    dx = np.zeros_like(x)
    n, c, t = np.indices(dout.shape)
    dx[n, c, t * stride + winner] = dout
    return dx


@bug("not-accumulated", CONV_TRANSPOSE)
def transposed_conv_dx_of_the_last_tap(dout, cache):
    x, w, stride, pad = cache
    _, dw, db = conv_transpose_backward(dout, cache)
    dpainted = np.pad(dout, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    for i, j in np.ndindex(w.shape[2:]):
        dx = np.einsum("nchw,fc->nfhw", dpainted[tap(i, j, x.shape, stride)], w[:, :, i, j])
    return dx, dw, db


@bug("not-accumulated", GROUP_NORM)
def group_norm_dgamma_of_the_first_example(dout, cache):
    x_hat, rows_hat, gamma, std = cache
    dx, _, dbeta = group_norm_backward(dout, cache)
    return dx, (dout * x_hat)[0].sum(axis=(1, 2)), dbeta


@bug("border", CAUSAL_CONV)
def causal_conv_padding_cut_from_the_wrong_end(dout, cache):
    x, padded, w = cache
    _, dw, db = causal_conv_backward(dout, cache)
    dpadded = np.zeros_like(padded)
    for k in range(w.shape[2]):
        dpadded[:, :, k : k + x.shape[2]] += np.einsum("nft,fc->nct", dout, w[:, :, k])
    return dpadded[:, :, : x.shape[2]], dw, db


@bug("border", BLUR)
def blur_as_if_every_pixel_had_two_neighbours(dout, count):
    dx = dout / 3
    dx[..., :-1] += dout[..., 1:] / 3
    dx[..., 1:] += dout[..., :-1] / 3
    return dx


@bug("border", INTERPOLATE)
def interpolation_last_step_counted_by_half(dout, shape):
    dx = interpolate_backward(dout, shape)
    dx[:, -1] -= dout[:, -1] / 2
    return dx


@bug("border", CONV_VALID)
def conv_dw_without_the_last_column_of_windows(dout, cache):
    dx, _, db = conv_backward(dout, cache)
    dout = dout.copy()
    dout[..., -1] = 0
    return dx, conv_backward(dout, cache)[1], db


@bug("stride", CONV_RAGGED)
def conv_dx_windows_side_by_side(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    _, dw, db = conv_backward(dout, cache)
    dx = np.zeros_like(x)
    for i, j in np.ndindex(dout.shape[2:]):
        dx[:, :, i : i + 3, j : j + 3] += np.einsum("nf,fckl->nckl", dout[:, :, i, j], w)
    return dx, dw, db


@bug("stride", AVERAGE_POOL)
def average_pool_windows_one_pixel_apart(dout, cache):
    x, counts, kernel, stride, pad = cache
    return average_pool_backward(dout, (x, counts, kernel, 1, pad))


@bug("stride", MAX_IN_TIME)
def max_in_time_steps_by_the_kernel(dout, cache):
    x, winner, stride = cache
    wide = np.zeros((*x.shape[:2], 3 * dout.shape[2]))
    return max_in_time_backward(dout, (wide, winner, 3))[:, :, : x.shape[2]]


@bug("stride", SHUFFLE)
def pixel_shuffle_taken_for_tiling(dout, cache):
    (N, C, H, W), factor = cache
    blocks = dout.reshape(N, C // factor**2, factor, H, factor, W)
    return blocks.transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H, W)


@bug("wrong-cache-variable", LAYER_NORM)
def layer_norm_x_for_x_hat(dout, cache):
    x, x_hat, gamma, std = cache
    return layer_norm_backward(dout, (x, x, gamma, std))


@bug("wrong-cache-variable", LRN)
def lrn_out_for_x(dout, cache):
    x, out, damping, size, alpha, beta = cache
    return lrn_backward(dout, (out, out, damping, size, alpha, beta))


@bug("wrong-cache-variable", RMS_NORM, also=("constant-factor",))
def rms_norm_divides_by_the_mean_square(dout, cache):
    x_hat, gamma, rms = cache
    return rms_norm_backward(dout, (x_hat, gamma, rms**2))


@bug("mutates", SQUEEZE)
def squeeze_scales_dout_in_place(dout, cache):
    x, w, squeezed, gate = cache
    dscores = (dout * x).sum(axis=(2, 3)) * gate * (1 - gate)
    dout *= gate[:, :, None, None]
    dout += (dscores @ w.T)[:, :, None, None] / (x.shape[2] * x.shape[3])
    return dout, squeezed.T @ dscores


def dividing_forward(x, kernel=2, stride=2, pad=0):
    x /= kernel**2
    out = sum(x[:, :, i::stride, j::stride] for i, j in np.ndindex(kernel, kernel))
    return out, (x, np.full_like(out, kernel**2), kernel, stride, pad)


@bug("mutates", AVERAGE_POOL, forward=dividing_forward)
def average_pool_divides_its_input_in_place(dout, cache):
    return average_pool_backward(dout, cache)


@bug("wrong-shape", GLOBAL_AVERAGE_POOL)
def global_average_pool_not_spread_out(dout, shape):
    return dout[:, :, None, None] / (shape[2] * shape[3])


@bug("wrong-shape", WEIGHT_NORM)
def weight_norm_dg_with_an_axis_kept(dout, cache):
    dx, dv, dg = weight_norm_backward(dout, cache)
    return dx, dv, dg[None]


@bug("wrong-dtype", MAX_POOL)
def max_pool_in_a_float32_buffer(dout, cache):
    return max_pool_backward(dout, cache).astype(np.float32)


@bug("wrong-dtype", IMAGE_NORM)
def batch_norm_of_images_dgamma_in_float32(dout, cache):
    x_hat, gamma, std = cache
    dx, dgamma, dbeta = image_norm_backward(dout, cache)
    return dx, np.float32(dgamma), dbeta


def draw_an_empty_channel(rng):
    x = rng.normal(size=(2, 3, 4, 4))
    x[:, 1] = 0
    return (x,)


def centring_forward(x, eps=1e-3):
    out, (out, std) = instance_norm_forward(x, eps)
    return out, (out, x - x.mean(axis=(2, 3), keepdims=True))


@bug("non-finite", INSTANCE_NORM, forward=centring_forward, inputs=draw_an_empty_channel)
def instance_norm_of_an_empty_channel(dout, cache):
    out, centred = cache
    return instance_norm_backward(dout, (out, centred.std(axis=(2, 3), keepdims=True)))


buffers = {}


def pooled_buffer_forward(x, kernel=2, stride=2):
    windows = buffers.setdefault(x.shape, np.zeros((4, *x.shape[:2], x.shape[2] // 2, x.shape[3] // 2)))
    for k, (i, j) in enumerate(np.ndindex(2, 2)):
        windows[k] = x[:, :, i::2, j::2]
    return windows.max(axis=0), (x, windows, kernel, stride)


@bug("nondeterministic", MAX_POOL, also=("mutates",), forward=pooled_buffer_forward)
def max_pool_windows_in_a_buffer_used_again(dout, cache):
    return max_pool_backward(dout, cache)


@bug("zero-gradient", GLOBAL_AVERAGE_POOL)
def global_average_pool_fills_a_copy(dout, shape):
    dx = np.zeros(shape)
    dx[[0, 1]][:] = global_average_pool_backward(dout, shape)
    return dx


@bug("missing-mask", CONV_RELU_POOL)
def conv_relu_pool_mask_of_the_pooled_scores(dout, cache):
    """relu's mask is looked up after pooling, where nearly everything is positive."""
    conv_cache, scores, pool_cache = cache
    positive = pool_cache[1].max(axis=0) >= 0
    return conv_relu_pool_backward(dout * positive, (conv_cache, np.ones_like(scores), pool_cache))


@bug("zero-gradient", BATCH_NORM)
def batch_norm_gradients_of_its_parameters_unset(dout, cache):
    dx, dgamma, dbeta = batch_norm_backward(dout, cache)
    return dx, np.zeros_like(dgamma), np.zeros_like(dbeta)
