"""Faint mistakes in networks of images and sequences: small shares, single rows, ties, edits in place."""

import numpy as np

from tests.gradcheck.planted_families import late_layers_attention as A
from tests.gradcheck.planted_families import late_layers_blocks as B
from tests.gradcheck.planted_families import late_layers_convolutions as C
from tests.gradcheck.planted_families import late_layers_pools as P
from tests.gradcheck.planted_families import late_layers_recurrent as R
from tests.gradcheck.planted_families import late_layers_sequences as Q
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families.case import planting
from tests.gradcheck.planted_families.hard_points import whole
from tests.gradcheck.planted_families.images import cropped, padded_by, tap
from tests.gradcheck.planted_families.late_right_images import scaled

LATE_FAINT = []
bug = planting(LATE_FAINT)


@bug("missing-term", B.SCALED_STACK, inputs=scaled(B.SCALED_STACK, 1, 1, 1e-2))
def faint_stack_whose_state_skips_its_last_branch(dout, cache):
    xs, branches, ws, scale = cache
    _, dws, dscale = B.scaled_stack_backward(dout, cache)
    for l in reversed(range(len(ws) - 1)):
        dout = dout + dout * scale[l] * (1 - branches[l] ** 2) @ ws[l].T
    return dout, dws, dscale


@bug("wrong-cache-variable", B.SCALED_STACK, inputs=scaled(B.SCALED_STACK, 1, 1, 1e-2))
def faint_stack_whose_weights_see_the_last_state(dout, cache):
    xs, branches, ws, scale = cache
    dx, dws, dscale = B.scaled_stack_backward(dout, cache)
    for l in reversed(range(len(ws))):
        dz = dout * scale[l] * (1 - branches[l] ** 2)
        dws[l] = xs[-1].T @ dz
        dout = dout + dz @ ws[l].T
    return dx, dws, dscale


@bug("missing-term", Q.SMOOTHED_LOSS, options={"smooth": 0.01})
def hardly_smoothed_loss_that_goes_back_unsmoothed(dout, cache):
    x, y, real, _, probs = cache
    sharp = np.arange(x.shape[2]) == y[..., None]
    return dout * (probs - sharp) * real[..., None] / max(real.sum(), 1)


@bug("missing-term", R.PEEPHOLE, inputs=scaled(R.PEEPHOLE, 1, 1, 1, 1, 1e-2, 1))
def faint_peepholes_that_do_not_reach_the_old_cell(dout, cache):
    x, both, c, c_next, w, p, (i, f, o, g) = cache
    dx, dh, _, dw, dp, db = R.peephole_backward(dout, cache)
    dh_next, dc_next = np.split(dout, 2, axis=1)
    bend = np.tanh(c_next)
    dc = dc_next + dh_next * o * (1 - bend**2) + dh_next * bend * o * (1 - o) * p[2]
    return dx, dh, dc * f, dw, dp, db


@bug("missing-term", A.TRANSFORMER, inputs=scaled(A.TRANSFORMER, 1, 1, 1, 1, 1, 1e-2))
def transformer_block_of_faint_values_that_hears_its_skip_only(dout, cache):
    _, *rest = A.transformer_backward(dout, cache)
    return dout.copy(), *rest


@bug("missing-term", A.HEADS, inputs=scaled(A.HEADS, 1, 0.3, 1))
def attention_of_mild_scores_whose_words_are_not_keys(dout, cache):
    x, wqkv, wo, q, k, v, weights, joined, scale, heads = cache
    _, dwqkv, dwo = A.heads_backward(dout, cache)
    dmixed = A.split_heads(dout @ wo.T, heads)
    dscores = A.softmax_backward(dmixed @ v.swapaxes(2, 3), weights) * scale
    dq, dv = A.join_heads(dscores @ k), A.join_heads(weights.swapaxes(2, 3) @ dmixed)
    wq, _, wv = np.split(wqkv, 3, axis=1)
    return dq @ wq.T + dv @ wv.T, dwqkv, dwo


def one_word_missing(rng):
    x, y, mask = Q.WORD_LOSS.inputs(rng)
    mask = np.ones_like(mask)
    mask[1, 3] = False
    return x, y, mask


@bug("missing-mask", Q.WORD_LOSS, inputs=one_word_missing)
def temporal_loss_that_hears_its_one_missing_word(dout, cache):
    x, y, mask, probs = cache
    return Q.word_loss_backward(dout, (x, y, np.ones_like(mask), probs))


@bug("border", C.DEPTHWISE, also=("missing-term",))
def depthwise_convolution_that_loses_its_last_corner(dout, cache):
    x, padded, w, stride, pad = cache
    _, dw, db = C.depthwise_backward(dout, cache)
    dpadded, (KH, KW), (OH, OW) = np.zeros_like(padded), w.shape[1:], dout.shape[2:]
    for place in range(OH * OW - 1):
        i, j = divmod(place, OW)
        dpadded[:, :, i : i + KH, j : j + KW] += dout[:, :, i, j, None, None] * w
    return cropped(dpadded, pad, x), dw, db


@bug("constant-factor", B.INSTANCE_NORM)
def instance_norm_with_one_pixel_less_in_its_deviation(dout, cache):
    x, x_hat, gamma, std = cache
    _, dgamma, dbeta = B.instance_norm_backward(dout, cache)
    dx_hat, n = dout * N.column(gamma), x[0, 0].size
    mean = dx_hat.mean(axis=(2, 3), keepdims=True)
    share = (dx_hat * x_hat).sum(axis=(2, 3), keepdims=True) / (n - 1)
    return (dx_hat - mean - x_hat * share) / std, dgamma, dbeta


@bug("wrong-mask", P.PADDED_MAX_POOL, inputs=whole(0, 4, (2, 2, 5, 6)))
def padded_max_pool_that_pays_all_equal_pixels(dout, cache):
    x, winner, kernel, stride, pad = cache
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=-np.inf)
    places = [tap(i, j, dout.shape, stride) for i, j in np.ndindex(kernel, kernel)]
    top = np.max([padded[here] for here in places], axis=0)
    dpadded = np.zeros_like(padded_by(x, pad))
    for here in places:
        dpadded[here] += dout * (padded[here] == top)
    return cropped(dpadded, pad, x)


@bug("mutates", A.PADDED_ATTENTION)
def attention_past_padding_that_clears_its_weights(dout, cache):
    q, k, v, words, weights, scale = cache
    dscores = A.softmax_backward(dout @ v.swapaxes(1, 2), weights)
    dv = weights.swapaxes(1, 2) @ dout
    np.multiply(dscores, scale, out=weights)
    return weights @ k, weights.swapaxes(1, 2) @ q, dv


@bug("border", P.CIRCULAR_PAD, also=("missing-term",))
def circular_padding_whose_tail_is_not_returned(dout, cache):
    _, pad = cache
    dx = dout[:, pad:-pad].copy()
    dx[:, -pad:] += dout[:, :pad]
    return dx


@bug("border", P.NEAREST, also=("missing-term",))
def nearest_resize_that_stops_before_its_last_row(dout, cache):
    shape, rows, columns = cache
    dx = np.zeros(shape)
    np.add.at(dx, (slice(None), slice(None), rows[:-1, None], columns), dout[:, :, :-1])
    return dx


@bug("wrong-dtype", R.STATE_SPACE)
def state_space_layer_whose_weights_are_added_in_single_precision(dout, cache):
    dx, *rest = R.state_space_backward(dout, cache)
    return dx, *(part.astype(np.float32).astype(np.float64) for part in rest)


@bug("zero-gradient", R.LEAKY_RNN)
def leaky_rnn_whose_leak_is_a_setting(dout, cache):
    *rest, dleak = R.leaky_backward(dout, cache)
    return *rest, np.zeros_like(dleak)


@bug("sign", R.STATE_SPACE)
def state_space_layer_whose_decay_slope_is_turned(dout, cache):
    dx, da, *rest = R.state_space_backward(dout, cache)
    return dx, -da, *rest


@bug("wrong-mask", B.SQUEEZE)
def squeeze_masked_by_its_gradient(dout, cache):
    x, means, hidden, gate, w1, w2 = cache
    dz2 = (dout * x).sum(axis=(2, 3)) * gate * (1 - gate)
    dz1 = np.maximum(dz2 @ w2.T, 0)
    dmeans = dz1 @ w1.T / (x.shape[2] * x.shape[3])
    return dout * gate[:, :, None, None] + dmeans[:, :, None, None], means.T @ dz1, hidden.T @ dz2
