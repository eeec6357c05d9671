"""Still further wrong backward passes: convolutions, pooling, normalisation, recurrent layers and attention."""

import numpy as np

from tests.gradcheck.planted_families import further_more_right as R
from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import forgetting, planting
from tests.gradcheck.planted_families.hard_points import whole

FURTHER_MORE_LAYERS = []
bug = planting(FURTHER_MORE_LAYERS)
LATEST, STATE = {}, {}


@bug("border", I.CONV, also=("wrong-cache-variable",))
def conv_dw_from_an_image_padded_with_its_edge(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    edged = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="edge")
    _, dw, _ = I.conv_backward(dout, (x, edged, w, stride, pad, dilation))
    dx, _, db = I.conv_backward(dout, cache)
    return dx, dw, db


@bug("stride", I.CONV_DILATED)
def conv_dx_that_forgets_the_dilation(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dx, _, _ = I.conv_backward(dout, (x, padded, w, stride, pad, 1))
    _, dw, db = I.conv_backward(dout, cache)
    return dx, dw, db


@bug("stride", I.CONV_RAGGED, also=("border",))
def conv_dx_as_if_the_left_over_row_came_first(dout, cache):
    right, dw, db = I.conv_backward(dout, cache)
    dx = np.zeros_like(right)
    dx[:, :, 1:, 1:] = right[:, :, :-1, :-1]
    return dx, dw, db


@bug("transposed", I.CONV)
def conv_dx_with_rows_and_columns_of_the_kernel_exchanged(dout, cache):
    x, padded, w, stride, pad, dilation = cache
    dx, _, _ = I.conv_backward(dout, (x, padded, w.swapaxes(2, 3), stride, pad, dilation))
    _, dw, db = I.conv_backward(dout, cache)
    return dx, dw, db


@bug("missing-term", I.CONV_VALID, also=("border",))
def conv_whose_last_tap_is_skipped(dout, cache):
    x, padded, w, *_ = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j in list(np.ndindex(w.shape[2:]))[:-1]:
        here = I.tap(i, j, dout.shape)
        dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout, x[here])
        dx[here] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    return dx, dw, dout.sum(axis=(0, 2, 3))


@bug("not-accumulated", I.LOCAL_CONV, also=("missing-term",))
def locally_connected_dx_overwritten_by_each_tap(dout, cache):
    x, w = cache
    _, dw, db = I.local_conv_backward(dout, cache)
    dx = np.zeros_like(x)
    for i, j in np.ndindex(w.shape[2:4]):
        dx[I.tap(i, j, dout.shape)] = np.einsum("nfhw,fchw->nchw", dout, w[:, :, i, j])
    return dx, dw, db


@bug("border", I.CONV_TRANSPOSE, also=("missing-term",))
def transposed_conv_whose_first_row_paints_nothing(dout, cache):
    dx, dw, db = I.conv_transpose_backward(dout, cache)
    dx[:, :, 0] = 0
    return dx, dw, db


@bug("wrong-cache-variable", I.CONV_GROUPS)
def grouped_conv_dx_with_the_filters_of_the_first_group(dout, caches):
    _, dw, db = I.grouped_conv_backward(dout, caches)
    w = caches[0][2]
    douts = np.split(dout, len(caches), axis=1)
    dx = [I.conv_backward(share, (x, padded, w, *rest))[0] for share, (x, padded, _, *rest) in zip(douts, caches)]
    return np.concatenate(dx, axis=1), dw, db


@bug("wrong-shape", I.LOCAL_CONV)
def locally_connected_db_shared_by_all_places(dout, cache):
    dx, dw, _ = I.local_conv_backward(dout, cache)
    return dx, dw, dout.sum(axis=(0, 2, 3))


@bug("missing-mask", I.CONV_RELU_POOL)
def conv_relu_pool_straight_from_the_pool_to_the_conv(dout, cache):
    conv_cache, scores, pool_cache = cache
    return I.conv_backward(I.max_pool_backward(dout, pool_cache), conv_cache)


@bug("wrong-mask", I.MAX_POOL_OVERLAP, inputs=whole(0, 3, (2, 2, 7, 7)), also=("constant-factor", "missing-mask"))
def max_pool_that_pays_every_equal_pixel_in_full(dout, cache):
    x, windows, kernel, stride = cache
    out, dx = windows.max(axis=0), np.zeros_like(x)
    for window, (i, j) in zip(windows, np.ndindex(kernel, kernel)):
        dx[I.tap(i, j, dout.shape, stride)] += dout * (window == out)
    return dx


@bug("mutates", I.MAX_POOL)
def max_pool_that_subtracts_the_winner_in_the_cache(dout, cache):
    x, windows, kernel, stride = cache
    windows -= windows.max(axis=0)
    dx = np.zeros_like(x)
    for window, (i, j) in zip(windows, np.ndindex(kernel, kernel)):
        dx[I.tap(i, j, dout.shape, stride)] += dout * (window == 0)
    return dx


@bug("wrong-dtype", I.AVERAGE_POOL)
def average_pool_gathered_in_single_precision(dout, cache):
    x, counts, kernel, stride, pad = cache
    dx = np.zeros(x.shape, np.float32)
    for i, j in np.ndindex(kernel, kernel):
        dx[I.tap(i, j, dout.shape, stride)] += dout / counts
    return dx


@bug("zero-gradient", I.GLOBAL_AVERAGE_POOL, also=("constant-factor",))
def global_average_pool_with_an_integer_division(dout, shape):
    N, C, H, W = shape
    return np.ones(shape) * dout[:, :, None, None] * (1 // (H * W))


@bug("stride", I.UPSAMPLE, also=("not-accumulated", "missing-term"))
def upsample_that_reads_every_second_pixel(dout, cache):
    _, factor = cache
    return dout[:, :, ::factor, ::factor].copy()


@bug("border", I.EDGE_PAD, also=("missing-term",))
def edge_padding_without_its_corners(dout, shape):
    dx = dout[:, :, 1:-1, 1:-1].copy()
    dx[:, :, 0] += dout[:, :, 0, 1:-1]
    dx[:, :, -1] += dout[:, :, -1, 1:-1]
    dx[..., 0] += dout[:, :, 1:-1, 0]
    dx[..., -1] += dout[:, :, 1:-1, -1]
    return dx


@bug("wrong-mask", R.PREACTIVATED, also=("missing-term",))
def preactivated_block_whose_skip_is_masked_too(dout, cache):
    x, conv_cache = cache
    dhidden, dw, db = I.conv_backward(dout, conv_cache)
    return (dout + dhidden) * (x > 0), dw, db


@bug("missing-mask", R.PREACTIVATED)
def preactivated_block_without_the_mask(dout, cache):
    x, conv_cache = cache
    dhidden, dw, db = I.conv_backward(dout, conv_cache)
    return dout + dhidden, dw, db


@bug("stride", R.SHORTCUT)
def shortcut_handed_to_the_first_quarter_of_the_image(dout, cache):
    dx, dw, db = I.conv_backward(dout, cache)
    H, W = dout.shape[2:]
    dx[:, :, :H, :W] += dout
    return dx, dw, db


@bug("missing-term", N.LRN, also=("not-accumulated",))
def lrn_without_its_neighbours(dout, cache):
    x, out, damping, size, alpha, beta = cache
    return dout * damping**-beta - 2 * alpha * beta * x * dout * out / damping


@bug("constant-factor", N.BATCH_NORM, also=("wrong-cache-variable",))
def batch_norm_with_eps_outside_of_the_root(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    return N.batch_norm_backward(dout, (x, x_hat, gamma, mean, var, np.sqrt(var) + eps, eps))


@bug("constant-factor", N.IMAGE_NORM)
def image_norm_with_the_means_over_one_number_less(dout, cache):
    x_hat, gamma, std = cache
    count = dout[:, 0].size - 1
    _, dgamma, dbeta = N.image_norm_backward(dout, cache)
    dx = dout - N.column(dbeta) / count - x_hat * N.column(dgamma) / count
    return dx * N.column(gamma) / std, dgamma, dbeta


def latest_batch_norm_forward(x, gamma, beta, **options):
    """Batch norm that keeps its cache on the layer."""
    out, LATEST["cache"] = N.batch_norm_forward(x, gamma, beta, **options)
    return out, LATEST["cache"]


@bug("nondeterministic", N.BATCH_NORM, also=("wrong-cache-variable",), forward=latest_batch_norm_forward)
def batch_norm_of_the_latest_batch(dout, _):
    return N.batch_norm_backward(dout, LATEST["cache"])


def batch_with_a_constant_feature(rng):
    x, gamma, beta = N.BATCH_NORM.inputs(rng)
    x[:, 1] = 0.5
    return x, gamma, beta


@bug("non-finite", N.BATCH_NORM, inputs=batch_with_a_constant_feature)
def batch_norm_without_eps(dout, cache):
    x, x_hat, gamma, mean, var, std, eps = cache
    return N.batch_norm_backward(dout, (x, x_hat, gamma, mean, var, np.sqrt(var), eps))


@bug("wrong-cache-variable", N.EVALUATION_NORM)
def evaluation_norm_with_the_spread_of_the_batch(dout, cache):
    x, x_hat, gamma, std = cache
    return dout * gamma / np.sqrt(x.var(axis=0) + 1e-3), (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@bug("sign", N.WEIGHT_NORM)
def weight_norm_whose_length_pulls_the_other_way(dout, cache):
    x, v, g, length, w = cache
    dx, _, dg = N.weight_norm_backward(dout, cache)
    return dx, g / length * (x.T @ dout + v * dg / length), dg


@bug("wrong-shape", N.GROUP_NORM)
def group_norm_dgamma_for_each_example(dout, cache):
    x_hat, rows_hat, gamma, std = cache
    dx, _, dbeta = N.group_norm_backward(dout, cache)
    return dx, (dout * x_hat).sum(axis=(2, 3)), dbeta


@bug("mutates", N.RMS_NORM)
def rms_norm_that_scales_x_hat_in_place(dout, cache):
    x_hat, gamma, rms = cache
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    x_hat *= (dx_hat * x_hat).mean(axis=1, keepdims=True)
    return (dx_hat - x_hat) / rms, dgamma


@bug("transposed", N.LAYER_NORM, also=("missing-term",))
def layer_norm_with_the_means_of_batch_norm(dout, cache):
    x, x_hat, gamma, std = cache
    dx_hat = dout * gamma
    dx = (dx_hat - dx_hat.mean(axis=0) - x_hat * (dx_hat * x_hat).mean(axis=0)) / std
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@bug("border", S.RNN, also=("missing-term",))
def rnn_that_never_reaches_the_first_step(dout, cache):
    x, hs, wx, wh = cache
    dx, dwx, dwh, db, dh = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), 0, 0
    for t in range(x.shape[1] - 1, 0, -1):
        dz = (dout[:, t] + dh) * (1 - hs[t + 1] ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[t].T @ dz
        db = db + dz.sum(axis=0)
        dh = dz @ wh.T
    return dx, dh, dwx, dwh, db


@bug("nondeterministic", S.RNN, inputs=forgetting(STATE, S.RNN.inputs))
def rnn_that_starts_from_the_dh_of_the_call_before(dout, cache):
    dout = dout.copy()
    dout[:, -1] += STATE.get("dh", 0)
    gradients = S.rnn_backward(dout, cache)
    STATE["dh"] = gradients[1]
    return gradients


@bug("mutates", S.RNN)
def rnn_that_pops_its_states(dout, cache):
    x, hs, wx, wh = cache
    dx, dwx, dwh, db, dh = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), 0, 0
    for t in reversed(range(x.shape[1])):
        dz = (dout[:, t] + dh) * (1 - hs.pop() ** 2)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += hs[-1].T @ dz
        db = db + dz.sum(axis=0)
        dh = dz @ wh.T
    return dx, dh, dwx, dwh, db


@bug("wrong-dtype", S.RNN)
def rnn_dwh_in_single_precision(dout, cache):
    dx, dh, dwx, dwh, db = S.rnn_backward(dout, cache)
    return dx, dh, dwx, dwh.astype(np.float32), db


@bug("zero-gradient", S.RNN, also=("missing-term",))
def rnn_that_takes_h0_for_a_constant(dout, cache):
    dx, _, dwx, dwh, db = S.rnn_backward(dout, cache)
    return dx, np.zeros_like(dout[:, 0]), dwx, dwh, db


@bug("missing-term", S.LSTM_STEP)
def lstm_step_without_the_dc_of_the_next_step(dout, cache):
    x, h, c, wx, wh, gates, c_next = cache
    i, f, o, g = gates
    dh_next, _ = np.split(dout, 2, axis=1)
    bend = np.tanh(c_next)
    dc = dh_next * o * (1 - bend**2)
    dz = S.dscores_of(dc * g, dc * c, dh_next * bend, dc * i, gates)
    return dz @ wx.T, dz @ wh.T, dc * f, x.T @ dz, h.T @ dz, dz.sum(axis=0)


@bug("not-accumulated", S.LSTM, also=("missing-term",))
def lstm_dc_overwritten_instead_of_added(dout, cache):
    steps, wx, wh = cache
    dxs, dwx, dwh, db, dh = [], 0, 0, 0, 0
    for t in reversed(range(len(steps))):
        x, h, c, gates, c_next = steps[t]
        i, f, o, g = gates
        dh, bend = dout[:, t] + dh, np.tanh(c_next)
        dc = dh * o * (1 - bend**2)
        dz = S.dscores_of(dc * g, dc * c, dh * bend, dc * i, gates)
        dxs.insert(0, dz @ wx.T)
        dwx, dwh, db = dwx + x.T @ dz, dwh + h.T @ dz, db + dz.sum(axis=0)
        dh = dz @ wh.T
    return np.stack(dxs, axis=1), dh, dwx, dwh, db


@bug("wrong-cache-variable", S.GRU_STEP)
def gru_reset_gate_with_h_before_its_weights(dout, cache):
    x, h, wx, wh, z, r, n, hn = cache
    dn = dout * (1 - z) * (1 - n**2)
    dz = dout * (h - n) * z * (1 - z)
    dr = dn * h * r * (1 - r)
    dxs, dhs = np.concatenate([dz, dr, dn], axis=1), np.concatenate([dz, dr, dn * r], axis=1)
    return dxs @ wx.T, dhs @ wh.T + dout * z, x.T @ dxs, h.T @ dhs, dxs.sum(axis=0)


@bug("sign", R.GRU)
def gru_whose_update_gate_prefers_the_new_content(dout, caches):
    dh, dxs, totals = 0, [], (0, 0, 0)
    for t, (x, h, wx, wh, z, r, n, hn) in reversed(list(enumerate(caches))):
        dh = dout[:, t] + dh
        dn = dh * (1 - z) * (1 - n**2)
        dz = dh * (n - h) * z * (1 - z)
        dr = dn * hn * r * (1 - r)
        da, du = np.concatenate([dz, dr, dn], axis=1), np.concatenate([dz, dr, dn * r], axis=1)
        dxs.insert(0, da @ wx.T)
        totals = tuple(total + share for total, share in zip(totals, (x.T @ da, h.T @ du, da.sum(axis=0))))
        dh = du @ wh.T + dh * z
    return np.stack(dxs, axis=1), dh, *totals


@bug("wrong-mask", S.CAUSAL_ATTENTION, also=("transposed",))
def causal_mask_on_the_wrong_side_of_the_diagonal(dout, cache):
    q, k, v, scores, weights, scale = cache
    dweights = dout @ v.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True)) * scale
    dscores = np.triu(dscores)
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("non-finite", S.CAUSAL_ATTENTION, also=("wrong-mask",))
def causal_mask_put_on_the_gradient_as_on_the_scores(dout, cache):
    q, k, v, scores, weights, scale = cache
    dweights = dout @ v.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True)) * scale
    dscores = np.where(np.isinf(scores), -np.inf, dscores)
    return dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("constant-factor", S.ATTENTION, also=("missing-term",))
def attention_dk_without_the_scale(dout, cache):
    q, k, v, scores, weights, scale = cache
    dweights = dout @ v.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True))
    return scale * dscores @ k, dscores.swapaxes(1, 2) @ q, weights.swapaxes(1, 2) @ dout


@bug("transposed", S.ATTENTION_SQUARE)
def attention_dk_from_scores_not_transposed(dout, cache):
    q, k, v, scores, weights, scale = cache
    dweights = dout @ v.swapaxes(1, 2)
    dscores = weights * (dweights - (dweights * weights).sum(axis=2, keepdims=True)) * scale
    return dscores @ k, dscores @ q, weights.swapaxes(1, 2) @ dout


@bug("not-accumulated", S.SELF_ATTENTION, also=("missing-term",))
def self_attention_dx_of_the_values_alone(dout, cache):
    x, wq, wk, wv, inner = cache
    douts = S.attention_backward(dout, inner)
    for d, w in zip(douts, (wq, wk, wv)):
        dx = d @ w.T
    return dx, *(np.einsum("ntd,ntm->dm", x, d) for d in douts)
