"""Convolutions whose backward passes are wrong, as learners and library writers get them wrong."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import unseen_image_layers as L
from tests.gradcheck.planted_families import unseen_right_images as R
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.images import conv_backward, cropped, padded_by, tap
from tests.gradcheck.planted_families.unseen_image_layers import col2im, last_tap

UNSEEN_CONVOLUTIONS = []
bug = planting(UNSEEN_CONVOLUTIONS)
SCRATCH, LAST = {}, {}


def from_rows(rows, cache):
    """Finish the backward pass of the columns convolution from dout as rows (N, OH, OW) of filters."""
    x, padded_shape, cols, w, stride, pad = cache
    dcols = rows @ w.reshape(len(w), -1)
    dx = cropped(col2im(dcols, padded_shape, *w.shape[2:], stride), pad, x)
    return dx, (rows.T @ cols).reshape(w.shape), rows.sum(axis=0)


@bug("transposed", R.COLUMNS)
def columns_conv_reshapes_dout_without_moving_filters_last(dout, cache):
    return from_rows(dout.reshape(-1, dout.shape[1]), cache)


@bug("transposed", R.COLUMNS_STEP)
def columns_conv_puts_pixels_before_images_in_rows(dout, cache):
    return from_rows(dout.transpose(2, 3, 0, 1).reshape(-1, dout.shape[1]), cache)


@bug("transposed", R.COLUMNS_BARE)
def columns_conv_dw_reshaped_before_it_is_transposed(dout, cache):
    dx, _, db = from_rows(rows := dout.transpose(0, 2, 3, 1).reshape(-1, dout.shape[1]), cache)
    return dx, (cache[2].T @ rows).reshape(cache[3].shape), db


@bug("not-accumulated", R.COLUMNS)
def columns_conv_col2im_overwrites_overlaps(dout, cache):
    x, padded_shape, cols, w, stride, pad = cache
    N, F, OH, OW = dout.shape
    rows = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    taps = (rows @ w.reshape(F, -1)).reshape(N, OH, OW, x.shape[1], -1).transpose(4, 0, 3, 1, 2)
    dpadded = np.zeros(padded_shape)
    for part, (i, j) in zip(taps, np.ndindex(w.shape[2:])):
        dpadded[tap(i, j, part.shape, stride)] = part
    return cropped(dpadded, pad, x), (rows.T @ cols).reshape(w.shape), rows.sum(axis=0)


@bug("stride", R.COLUMNS, also=("border",))
def columns_conv_crops_padding_off_the_far_side_only(dout, cache):
    x, padded_shape, cols, w, stride, pad = cache
    rows = dout.transpose(0, 2, 3, 1).reshape(-1, len(w))
    dpadded = col2im(rows @ w.reshape(len(w), -1), padded_shape, *w.shape[2:], stride)
    H, W = x.shape[2:]
    return dpadded[:, :, :H, :W], (rows.T @ cols).reshape(w.shape), rows.sum(axis=0)


@bug("mutates", R.COLUMNS_STEP)
def columns_conv_writes_dcols_over_cols(dout, cache):
    x, padded_shape, cols, w, stride, pad = cache
    rows = dout.transpose(0, 2, 3, 1).reshape(-1, len(w))
    dw = (rows.T @ cols).reshape(w.shape)
    np.matmul(rows, w.reshape(len(w), -1), out=cols)
    return cropped(col2im(cols, padded_shape, *w.shape[2:], stride), pad, x), dw, rows.sum(axis=0)


@bug("not-accumulated", I.CONV_VALID)
def conv_bias_gradient_of_the_first_image(dout, cache):
    dx, dw, _ = conv_backward(dout, cache)
    return dx, dw, dout[0].sum(axis=(1, 2))


@bug("constant-factor", I.CONV_STRIDE)
def conv_bias_gradient_is_a_mean_over_images_and_pixels(dout, cache):
    dx, dw, _ = conv_backward(dout, cache)
    return dx, dw, dout.mean(axis=(0, 2, 3))


@bug("wrong-shape", I.CONV_GROUPS, also=("not-accumulated",))
def conv_bias_gradient_summed_over_images_only(dout, caches):
    dx, dw, _ = I.grouped_conv_backward(dout, caches)
    return dx, dw, dout.sum(axis=0)


@bug("constant-factor", I.CONV_SQUARE)
def conv_filter_gradient_divided_by_the_batch(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx, dw / len(dout), db


@bug("sign", I.CONV_RAGGED)
def conv_filter_gradient_as_a_descent_step(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    return dx, -dw, db


@bug("stride", I.CONV_DILATED)
def conv_scatters_dx_without_dilation(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    _, dw, db = conv_backward(dout, cache)
    dpadded = np.zeros_like(padded)
    for i, j in np.ndindex(w.shape[2:]):
        dpadded[tap(i, j, dout.shape, stride)] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return cropped(dpadded, pad, x), dw, db


@bug("stride", I.CONV_STRIDE)
def conv_gathers_dw_from_neighbouring_windows(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dx, _, db = conv_backward(dout, cache)
    dw = np.zeros_like(w)
    for i, j in np.ndindex(w.shape[2:]):
        dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout, padded[tap(i, j, dout.shape)])
    return dx, dw, db


@bug("border", I.CONV, also=("wrong-cache-variable",))
def conv_pads_again_with_edges_for_dw(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dx, _, db = conv_backward(dout, cache)
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="edge")
    return dx, conv_backward(dout, (x, padded, w, stride, pad, dilation))[1], db


@bug("border", I.CONV, also=("missing-term",), inputs=normal((2, 2, 6, 5), (3, 2, 3, 3), (3,)))
def conv_loops_over_windows_short_of_the_last_column(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    KH, KW = w.shape[2:]
    for r in range(x.shape[2] + 2 * pad - KH + 1):
        for c in range(x.shape[3] + 2 * pad - KW):
            dw += np.einsum("nf,nchw->fchw", dout[:, :, r, c], padded[:, :, r : r + KH, c : c + KW])
            dpadded[:, :, r : r + KH, c : c + KW] += np.einsum("nf,fchw->nchw", dout[:, :, r, c], w)
    return cropped(dpadded, pad, x), dw, dout.sum(axis=(0, 2, 3))


@bug("wrong-shape", I.CONV_RAGGED)
def conv_dx_ends_where_the_last_window_ends(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    seen = 2 * (dout.shape[2] - 1) + 3
    return dx[:, :, :seen, :seen], dw, db


@bug("zero-gradient", I.CONV, inputs=normal((2, 2, 5, 4), (2, 2, 3, 3), (2,)))
def conv_copies_dx_before_it_is_filled(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    _, dw, db = conv_backward(dout, cache)
    dpadded = np.zeros_like(padded)
    dx = cropped(dpadded, pad, x).copy()
    for i, j in np.ndindex(w.shape[2:]):
        dpadded[tap(i, j, dout.shape)] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return dx, dw, db


@bug("mutates", I.CONV_DILATED)
def conv_reuses_the_padded_image_for_its_gradient(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    _, dw, db = conv_backward(dout, cache)
    padded[:] = 0
    for i, j in np.ndindex(w.shape[2:]):
        padded[tap(i, j, dout.shape, stride, dilation)] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return cropped(padded, pad, x).copy(), dw, db


@bug("nondeterministic", I.CONV_VALID, also=("not-accumulated",), inputs=forgetting(SCRATCH, I.CONV_VALID.inputs))
def conv_adds_to_a_filter_gradient_kept_by_the_layer(dout, cache):
    dx, dw, db = conv_backward(dout, cache)
    SCRATCH["dw"] = SCRATCH.get("dw", 0) + dw
    return dx, SCRATCH["dw"].copy(), db


def remembering_conv_forward(x, w, b, pad=1):
    out, cache = I.conv_forward(x, w, b, pad=pad)
    LAST["x"] = cache[1]
    return out, cache


@bug("nondeterministic", I.CONV, also=("wrong-cache-variable",), forward=remembering_conv_forward)
def conv_reads_the_image_of_the_latest_forward(dout, cache):
    x, _, *rest = cache
    return conv_backward(dout, (x, LAST["x"], *rest))


@bug("wrong-dtype", I.CONV_STRIDE)
def conv_gradient_image_is_single_precision(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    _, dw, db = conv_backward(dout, cache)
    dpadded = np.zeros(padded.shape, np.float32)
    for i, j in np.ndindex(w.shape[2:]):
        dpadded[tap(i, j, dout.shape, stride)] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return cropped(dpadded, pad, x), dw, db


@bug("transposed", R.GROUPS_OF_ONE)
def grouped_conv_interleaves_the_groups_of_dx(dout, caches):
    dx, dw, db = I.grouped_conv_backward(dout, caches)
    N, C, H, W = dx.shape
    return dx.reshape(N, len(caches), -1, H, W).swapaxes(1, 2).reshape(N, C, H, W), dw, db


@bug("missing-term", R.GROUPS_OF_ONE, also=("zero-gradient",))
def grouped_conv_leaves_the_last_group_out(dout, caches):
    dx, dw, db = I.grouped_conv_backward(dout, caches)
    start = dx.shape[1] // len(caches) * (len(caches) - 1)
    return np.where(np.arange(dx.shape[1])[:, None, None] < start, dx, 0), dw, db


@bug("not-accumulated", I.LOCAL_CONV)
def local_conv_bias_gradient_of_the_last_image(dout, cache):
    dx, dw, _ = I.local_conv_backward(dout, cache)
    db = np.zeros(dout.shape[1:])
    for d in dout:
        db = d.copy()
    return dx, dw, db


@bug("stride", R.DEPTHWISE, also=("border",))
def depthwise_conv_crops_as_if_the_larger_pad_came_first(dout, cache):
    x, padded, w, before, stride = cache
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, j in np.ndindex(w.shape[1:]):
        here = tap(i, j, dout.shape, stride)
        dw[:, i, j] = (padded[here] * dout).sum(axis=(0, 2, 3))
        dpadded[here] += dout * w[:, i, j, None, None]
    return cropped(dpadded, w.shape[1] // 2, x), dw


@bug("zero-gradient", R.DEPTHWISE_STEP)
def depthwise_conv_fills_a_flattened_copy_of_dw(dout, cache):
    x, padded, w, before, stride = cache
    dx, _ = L.depthwise_backward(dout, cache)
    dw = np.zeros_like(w)
    flat = dw.swapaxes(1, 2).reshape(len(w), -1)
    for k, (j, i) in enumerate(np.ndindex(w.shape[1:])):
        flat[:, k] += (padded[tap(i, j, dout.shape, stride)] * dout).sum(axis=(0, 2, 3))
    return dx, dw


@bug("transposed", R.DEPTHWISE)
def depthwise_conv_swaps_rows_and_columns_of_the_kernel(dout, cache):
    x, padded, w, before, stride = cache
    return L.depthwise_backward(dout, (x, padded, w.swapaxes(1, 2), before, stride))


@bug("not-accumulated", R.CAUSAL)
def causal_conv_assigns_each_tap_of_dx(dout, cache):
    w, x, padded, dilation = cache
    dw, _, db = L.causal_conv_backward(dout, cache)
    dpadded, T = np.zeros_like(padded), x.shape[1]
    for k in range(len(w)):
        dpadded[:, k * dilation : k * dilation + T] = dout @ w[k].T
    return dw, dpadded[:, -T:], db


@bug("stride", R.CAUSAL)
def causal_conv_forgets_dilation_in_dw(dout, cache):
    w, x, padded, dilation = cache
    _, dx, db = L.causal_conv_backward(dout, cache)
    T = x.shape[1]
    taps = [padded[:, k : k + T] for k in range(len(w))]
    return np.stack([np.einsum("ntc,ntf->cf", seen, dout) for seen in taps]), dx, db


@bug("border", R.CAUSAL, also=("missing-term",))
def causal_conv_bias_leaves_the_first_step_out(dout, cache):
    dw, dx, _ = L.causal_conv_backward(dout, cache)
    return dw, dx, dout[:, 1:].sum(axis=(0, 1))


@bug("transposed", R.POINTWISE)
def pointwise_conv_forgets_to_transpose_w(dout, cache):
    x, w = cache
    _, dw, db = L.pointwise_backward(dout, cache)
    return dout @ w, dw, db


@bug("transposed", R.POINTWISE)
def pointwise_conv_flattens_channels_first_for_dw(dout, cache):
    x, w = cache
    dx, _, db = L.pointwise_backward(dout, cache)
    return dx, x.reshape(len(w), -1) @ dout.reshape(-1, w.shape[1]), db


@bug("stride", R.CONV_LAST)
def conv_channels_last_uses_the_step_down_for_both_axes(dout, cache):
    w, x, strides = cache
    dw, db, _ = L.conv_last_backward(dout, cache)
    dx = np.zeros_like(x)
    for i, j in np.ndindex(w.shape[:2]):
        dx[last_tap(i, j, dout.shape, (strides[0], strides[0]))] += dout @ w[i, j].T
    return dw, db, dx


@bug("transposed", R.CONV_LAST)
def conv_channels_last_swaps_both_channel_axes(dout, cache):
    w, x, strides = cache
    dw, db, dx = L.conv_last_backward(dout, cache)
    return dw.swapaxes(2, 3), db, dx


@bug("wrong-cache-variable", R.SEPARABLE)
def separable_conv_multiplies_by_its_input_for_the_1x1_gradient(dout, cache):
    dx, ddepth, _ = L.separable_backward(dout, cache)
    return dx, ddepth, np.einsum("nchw,nfhw->cf", cache[0][0], dout)


@bug("wrong-cache-variable", R.SEPARABLE, also=("missing-mask",))
def separable_conv_uses_the_scores_before_relu_for_the_1x1_gradient(dout, cache):
    dx, ddepth, _ = L.separable_backward(dout, cache)
    return dx, ddepth, np.einsum("nchw,nfhw->cf", cache[1], dout)


@bug("missing-mask", R.SEPARABLE)
def separable_conv_forgets_the_relu_between(dout, cache):
    depth_cache, _, hidden, point = cache
    dx, ddepth = L.depthwise_backward(np.einsum("nfhw,cf->nchw", dout, point), depth_cache)
    return dx, ddepth, np.einsum("nchw,nfhw->cf", hidden, dout)


@bug("wrong-mask", R.SEPARABLE, also=("wrong-cache-variable",))
def separable_conv_masks_by_its_input(dout, cache):
    depth_cache, _, hidden, point = cache
    dhidden = np.einsum("nfhw,cf->nchw", dout, point)
    dx, ddepth = L.depthwise_backward(dhidden * (depth_cache[0] > 0), depth_cache)
    return dx, ddepth, np.einsum("nchw,nfhw->cf", hidden, dout)


@bug("missing-term", R.MIRRORED, also=("not-accumulated",))
def mirrored_conv_counts_the_filter_once(dout, cache):
    (dx, dw, db), (dx2, _, _) = (conv_backward(dout, part) for part in cache)
    return dx + dx2, dw, db


@bug("missing-term", R.MIRRORED, also=("not-accumulated",))
def mirrored_conv_forgets_the_image_seen_in_the_mirror(dout, cache):
    (dx, dw, db), (_, dmirror, _) = (conv_backward(dout, part) for part in cache)
    return dx, dw + dmirror[..., ::-1], db


@bug("constant-factor", R.MIRRORED)
def mirrored_conv_adds_the_bias_gradient_twice(dout, cache):
    (dx, dw, db), (dx2, dmirror, db2) = (conv_backward(dout, part) for part in cache)
    return dx + dx2, dw + dmirror[..., ::-1], db + db2


@bug("not-accumulated", R.DECONV1D)
def deconv_keeps_dw_of_the_last_piece(dout, cache):
    x, w, stride = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(x.shape[2]):
        piece = dout[:, :, t * stride : t * stride + w.shape[2]]
        dx[:, :, t] = np.einsum("nfk,cfk->nc", piece, w)
        dw = np.einsum("nc,nfk->cfk", x[:, :, t], piece)
    return dx, dw


@bug("stride", I.CONV_TRANSPOSE)
def transposed_conv_gathers_dx_without_steps(dout, cache):
    x, w, stride, pad = cache
    _, dw, db = I.conv_transpose_backward(dout, cache)
    dpainted = padded_by(dout, pad)
    return I.conv_transpose_backward(dpainted, (x, w, 1, 0))[0], dw, db


@bug("transposed", R.DECONV_SQUARE)
def transposed_conv_swaps_the_channels_of_w(dout, cache):
    x, w, stride, pad = cache
    _, dw, db = I.conv_transpose_backward(dout, cache)
    return I.conv_transpose_backward(dout, (x, w.swapaxes(0, 1), stride, pad))[0], dw, db


@bug("border", R.FOLD, also=("missing-term",))
def fold_ignores_the_last_row_of_the_image(dout, cache):
    kernel, stride = cache
    seen = dout.copy()
    seen[:, :, -1] = 0
    return L.im2col(seen, kernel, kernel, stride)


@bug("constant-factor", R.UNFOLD)
def unfold_averages_over_the_window(dout, cache):
    shape, kernel, stride = cache
    return col2im(dout, shape, kernel, kernel, stride) / kernel**2
