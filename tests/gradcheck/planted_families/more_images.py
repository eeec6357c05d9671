"""More wrong backward passes of convolutions, pooling, padding and other layers of images."""

import numpy as np

from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.images import (
    AVERAGE_POOL,
    AVERAGE_POOL_PAD,
    BLUR,
    CONV,
    CONV_DILATED,
    CONV_GROUPS,
    CONV_STRIDE,
    CONV_TRANSPOSE,
    LOCAL_CONV,
    MAX_POOL,
    MAX_POOL_OVERLAP,
    UPSAMPLE,
    average_pool_backward,
    blur_forward,
    conv_backward,
    conv_transpose_backward,
    cropped,
    grouped_conv_backward,
    local_conv_backward,
    max_pool_backward,
    padded_by,
    tap,
)
from tests.gradcheck.planted_families.more_layers import (
    CAUSAL_CONV,
    EXCITATION,
    MAX_OVER_TIME,
    MIRROR_PAD,
    PIXEL_SHUFFLE,
    SPATIAL_DROPOUT,
    causal_conv_backward,
    earlier,
    excitation_backward,
    later,
    max_over_time_backward,
)
from tests.gradcheck.planted_families.more_right import CONV_GROUPS_STRIDE, CONV_STRIDE_DILATED, DEPTHWISE

MORE_IMAGES = []
bug = planting(MORE_IMAGES)
memory = {}


def conv_gradients(dout, cache, dx_at=lambda here: here, dw_at=lambda here: here, crop=None, dx_from=lambda w: w):
    """The backward of a convolution whose taps lie at (stride, dilation) as dx_at and dw_at change them."""
    x, padded, w, stride, pad, dilation = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, j in np.ndindex(w.shape[2:]):
        dx_tap = tap(i, j, dout.shape, *dx_at((stride, dilation)))
        dw[:, :, i, j] = np.einsum(
            "nfhw,nchw->fc", dout, padded[tap(i, j, dout.shape, *dw_at((stride, dilation)))]
        )
        dpadded[dx_tap] += np.einsum("nfhw,fc->nchw", dout, dx_from(w)[:, :, i, j])
    return cropped(dpadded, pad if crop is None else crop, x), dw, dout.sum(axis=(0, 2, 3))


@bug("stride", CONV_STRIDE_DILATED)
def conv_dw_ignores_the_dilation(dout, cache):
    return conv_gradients(dout, cache, dw_at=lambda at: (at[0], 1))


@bug("stride", CONV_STRIDE_DILATED)
def conv_dilation_once_more_for_the_stride(dout, cache):
    return conv_gradients(dout, cache, dx_at=lambda at: (1, at[1]), dw_at=lambda at: (1, at[1]))


@bug("stride", CONV_STRIDE)
def conv_dx_with_stride_and_dilation_swapped(dout, cache):
    return conv_gradients(dout, cache, dx_at=lambda at: at[::-1])


@bug("border", CONV_DILATED, also=("stride",))
def conv_cropped_by_its_dilation(dout, cache):
    return conv_gradients(dout, cache, crop=cache[-1])


@bug("transposed", CONV)
def conv_dw_with_the_kernel_flipped(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx, dw[:, :, ::-1, ::-1], db


@bug("transposed", CONV)
def conv_dx_with_the_kernel_flipped_left_to_right(dout, cache):
    return conv_gradients(dout, cache, dx_from=lambda w: w[..., ::-1])


@bug("border", CONV, also=("missing-term",))
def conv_dw_without_the_last_row_of_windows(dout, cache):
    shorter = dout.copy()
    shorter[:, :, -1] = 0
    dx, _, db = conv_backward(dout, cache)
    return dx, conv_backward(shorter, cache)[1], db


@bug("border", CONV_STRIDE, also=("missing-term",))
def conv_dx_without_its_first_column(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    dx[..., 0] = 0
    return dx, dw, db


@bug("border", CONV, also=("missing-term",))
def conv_one_corner_pixel_lost(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    dx[-1, -1, -1, -1] = 0
    return dx, dw, db


@bug("wrong-shape", CONV, also=("not-accumulated",))
def conv_db_with_an_axis_left(dout, cache):
    dx, dw, _ = conv_backward(dout, cache)
    return dx, dw, dout.sum(axis=(0, 2))


@bug("constant-factor", CONV_STRIDE)
def conv_db_averaged_over_the_pixels(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx, dw, db / (dout.shape[2] * dout.shape[3])


@bug("constant-factor", CONV_STRIDE)
def conv_dx_one_in_a_thousand_large(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx * 1.001, dw, db


@bug("nondeterministic", CONV, also=("not-accumulated",), inputs=forgetting(memory, CONV.inputs))
def conv_dw_added_into_a_buffer_for_all_calls(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    memory["dw"] = memory.get("dw", 0) + dw
    return dx, memory["dw"], db


@bug("wrong-dtype", CONV)
def conv_columns_in_float32(dout, cache):
    x, padded, *rest = cache
    dx, dw, db = conv_backward(dout, (x, padded.astype(np.float32), *rest))
    return dx, dw, db


@bug("transposed", CONV_GROUPS, also=("wrong-cache-variable",))
def grouped_conv_dx_of_the_groups_swapped(dout, caches):
    dx, dw, db = grouped_conv_backward(dout, caches)
    return np.concatenate(np.split(dx, 2, axis=1)[::-1], axis=1), dw, db


@bug("wrong-cache-variable", CONV_GROUPS)
def grouped_conv_dw_from_the_first_group_of_channels(dout, caches):
    dx, _, db = grouped_conv_backward(dout, caches)
    x, padded, *_ = caches[0]
    alike = [(x, padded, *cache[2:]) for cache in caches]
    return dx, grouped_conv_backward(dout, alike)[1], db


@bug("stride", CONV_GROUPS_STRIDE, also=("transposed", "wrong-cache-variable"))
def grouped_conv_filters_dealt_out_in_turn(dout, caches):
    groups = len(caches)
    dealt = np.concatenate([dout[:, g::groups] for g in range(groups)], axis=1)
    return grouped_conv_backward(dealt, caches)


@bug("constant-factor", CONV_GROUPS_STRIDE)
def grouped_conv_dw_averaged_over_the_groups(dout, caches):
    dx, dw, db = grouped_conv_backward(dout, caches)
    return dx, dw / len(caches), db


@bug("wrong-cache-variable", DEPTHWISE, also=("transposed",))
def conv_of_each_channel_with_the_filter_of_the_next(dout, caches):
    _, dw, db = grouped_conv_backward(dout, caches)
    moved = [(*a[:2], b[2], *a[3:]) for a, b in zip(caches, caches[1:] + caches[:1])]
    return grouped_conv_backward(dout, moved)[0], dw, db


@bug("transposed", CAUSAL_CONV, also=("border", "sign", "stride"))
def causal_conv_dx_moved_the_wrong_way(dout, cache):
    x, w, dilation = cache
    dx = sum(later(dout @ w[k].T, k * dilation) for k in range(len(w)))
    return dx, causal_conv_backward(dout, cache)[1]


@bug("stride", CAUSAL_CONV, also=("wrong-cache-variable",))
def causal_conv_dw_of_neighbouring_words(dout, cache):
    x, w, _ = cache
    return causal_conv_backward(dout, cache)[0], causal_conv_backward(dout, (x, w, 1))[1]


@bug("border", CAUSAL_CONV, also=("missing-term",))
def causal_conv_dw_without_the_first_words(dout, cache):
    _, w, dilation = cache
    inner = dout.copy()
    inner[:, : (len(w) - 1) * dilation] = 0
    return causal_conv_backward(dout, cache)[0], causal_conv_backward(inner, cache)[1]


@bug("not-accumulated", CAUSAL_CONV, also=("missing-term",))
def causal_conv_dx_of_its_last_tap(dout, cache):
    x, w, dilation = cache
    for k in range(len(w)):
        dx = earlier(dout @ w[k].T, k * dilation)
    return dx, causal_conv_backward(dout, cache)[1]


@bug("transposed", CONV_TRANSPOSE)
def transposed_conv_dx_with_the_kernel_flipped(dout, cache):
    x, w, stride, pad = cache
    _, dw, db = conv_transpose_backward(dout, cache)
    return conv_transpose_backward(dout, (x, w[:, :, ::-1, ::-1], stride, pad))[0], dw, db


@bug("transposed", CONV_TRANSPOSE, inputs=normal((2, 3, 3, 3), (3, 3, 3, 3), (3,)))
def transposed_conv_dw_as_that_of_a_convolution(dout, cache):
    dx, dw, db = conv_transpose_backward(dout, cache)
    return dx, dw.swapaxes(0, 1), db


@bug("border", CONV_TRANSPOSE, also=("stride",))
def transposed_conv_padding_put_back_on_one_side(dout, cache):
    x, w, stride, pad = cache
    moved = np.pad(dout, ((0, 0), (0, 0), (0, 2 * pad), (0, 2 * pad)))
    dx, dw, _ = conv_transpose_backward(moved, (x, w, stride, 0))
    return dx, dw, dout.sum(axis=(0, 2, 3))


@bug("not-accumulated", CONV_TRANSPOSE, also=("missing-term",))
def transposed_conv_dx_of_its_last_tap(dout, cache):
    x, w, stride, pad = cache
    _, dw, db = conv_transpose_backward(dout, cache)
    for i, j in np.ndindex(w.shape[2:]):
        seen = padded_by(dout, pad)[tap(i, j, x.shape, stride)]
        dx = np.einsum("nchw,fc->nfhw", seen, w[:, :, i, j])
    return dx, dw, db


@bug("wrong-shape", LOCAL_CONV, also=("not-accumulated",))
def locally_connected_dw_as_if_it_were_shared(dout, cache):
    dx, dw, db = local_conv_backward(dout, cache)
    return dx, dw.sum(axis=(4, 5)), db


@bug("wrong-mask", MAX_POOL, also=("missing-term",), inputs=normal((2, 2, 6, 6), shift=-1.0))
def max_pool_pays_only_positive_winners(dout, cache):
    return max_pool_backward(dout, cache) * (cache[0] > 0)


@bug("border", MAX_POOL_OVERLAP, also=("missing-term",))
def max_pool_last_column_of_windows_left_out(dout, cache):
    inner = dout.copy()
    inner[..., -1] = 0
    return max_pool_backward(inner, cache)


@bug("wrong-cache-variable", MAX_POOL, also=("wrong-mask",))
def max_pool_every_channel_follows_the_first(dout, cache):
    x, windows, kernel, stride = cache
    return max_pool_backward(dout, (x, np.broadcast_to(windows[:, :, :1], windows.shape), kernel, stride))


@bug("stride", AVERAGE_POOL)
def average_pool_steps_by_one(dout, cache):
    x, counts, kernel, _, pad = cache
    return average_pool_backward(dout, (x, counts, kernel, 1, pad))


@bug("constant-factor", AVERAGE_POOL)
def average_pool_divides_by_one_side_of_the_window(dout, cache):
    return average_pool_backward(dout, cache) * cache[2]


@bug("border", AVERAGE_POOL_PAD, also=("stride",))
def average_pool_cropped_at_the_other_end(dout, cache):
    x, counts, kernel, stride, pad = cache
    dpadded = np.zeros_like(padded_by(x, pad))
    for i, j in np.ndindex(kernel, kernel):
        dpadded[tap(i, j, dout.shape, stride)] += dout / counts
    return dpadded[:, :, 2 * pad :, 2 * pad :]


@bug("not-accumulated", UPSAMPLE, also=("missing-term", "stride"))
def upsample_takes_the_first_copy(dout, cache):
    _, factor = cache
    return dout[:, :, ::factor, ::factor].copy()


@bug("border", BLUR, also=("transposed", "constant-factor", "wrong-cache-variable"))
def blur_taken_for_its_own_adjoint(dout, count):
    return blur_forward(dout)[0]


@bug("border", MIRROR_PAD, also=("wrong-cache-variable",))
def mirror_padding_folded_back_on_the_outermost_pixels(dout, shape):
    dx = dout[:, :, 1:-1].copy()
    dx[:, :, 0] += dout[:, :, 0]
    dx[:, :, -1] += dout[:, :, -1]
    dx[..., 1] += dx[..., 0]
    dx[..., -2] += dx[..., -1]
    return dx[..., 1:-1]


@bug("transposed", PIXEL_SHUFFLE)
def pixel_shuffle_factors_before_channels(dout, cache):
    (N, C, H, W), factor = cache
    parts = dout.reshape(N, C // factor**2, H, factor, W, factor)
    return parts.transpose(0, 3, 5, 1, 2, 4).reshape(N, C, H, W)


@bug("missing-term", EXCITATION, also=("not-accumulated",))
def excitation_gate_held_constant_for_dx(dout, cache):
    _, dw1, dw2 = excitation_backward(dout, cache)
    return dout * cache[-1][..., None, None], dw1, dw2


@bug("constant-factor", EXCITATION, also=("missing-term",))
def excitation_mean_not_divided(dout, cache):
    dx, dw1, dw2 = excitation_backward(dout, cache)
    direct = dout * cache[-1][..., None, None]
    return direct + (dx - direct) * dx.shape[2] * dx.shape[3], dw1, dw2


@bug("wrong-mask", SPATIAL_DROPOUT, also=("wrong-cache-variable",))
def spatial_dropout_mask_of_the_first_image(dout, cache):
    mask, keep = cache
    return dout * mask[0][:, None, None] / keep


@bug("wrong-mask", MAX_OVER_TIME, also=("wrong-cache-variable", "missing-mask"), inputs=lambda rng: (
    rng.normal(size=(3, 5, 3)) + np.arange(5)[:, None], np.arange(5) < np.array([[2], [3], [5]])
))  # fmt: skip
def max_over_words_finds_its_winner_in_the_padding(dout, cache):
    x, _, mask = cache
    return max_over_time_backward(dout, (x, x, mask))
