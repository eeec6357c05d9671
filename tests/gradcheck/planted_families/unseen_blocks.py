"""Blocks of image networks whose backward passes are wrong, as learners and library writers get them wrong."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import unseen_block_layers as B
from tests.gradcheck.planted_families import unseen_net_layers as T
from tests.gradcheck.planted_families import unseen_right_images as R
from tests.gradcheck.planted_families.case import normal, planting
from tests.gradcheck.planted_families.images import conv_backward
from tests.gradcheck.planted_families.unseen_resampling import UNSEEN_RESAMPLING

UNSEEN_BLOCKS = list(UNSEEN_RESAMPLING)
bug = planting(UNSEEN_BLOCKS)
GATES = {}


def cold_keypoints(rng):
    return 900 + B.draw_keypoints(rng)[0], np.array([0.9, 1.0, 1.1])


def shut_channel(rng):
    x, w1, w2 = R.EXCITE.inputs(rng)
    x[0, 2] = 0
    return x, w1, w2


@bug("missing-term", R.RESIDUAL)
def residual_block_forgets_the_shortcut_in_dx(dout, cache):
    cache1, cache2, scores, total = cache
    dhidden, dw2, db2 = conv_backward(dout * (total > 0), cache2)
    return *conv_backward(dhidden * (scores > 0), cache1), dw2, db2


@bug("missing-term", R.FAINT_RESIDUAL)
def residual_block_forgets_the_faint_branch_in_dx(dout, cache):
    _, *others = B.residual_block_backward(dout, cache)
    return dout * (cache[-1] > 0), *others


@bug("missing-mask", R.RESIDUAL)
def residual_block_shortcut_skips_the_last_relu(dout, cache):
    cache1, cache2, scores, total = cache
    dhidden, dw2, db2 = conv_backward(dout * (total > 0), cache2)
    dx, dw1, db1 = conv_backward(dhidden * (scores > 0), cache1)
    return dout + dx, dw1, db1, dw2, db2


@bug("wrong-mask", R.RESIDUAL, also=("wrong-cache-variable",))
def residual_block_masks_the_sum_by_its_input(dout, cache):
    cache1, cache2, scores, total = cache
    return B.residual_block_backward(dout, (cache1, cache2, scores, cache1[0]))


@bug("mutates", R.RESIDUAL)
def residual_block_zeroes_dout_where_relu_was_off(dout, cache):
    cache1, cache2, scores, total = cache
    dout[total <= 0] = 0
    dhidden, dw2, db2 = conv_backward(dout, cache2)
    dx, dw1, db1 = conv_backward(dhidden * (scores > 0), cache1)
    return dout + dx, dw1, db1, dw2, db2


@bug("wrong-mask", R.PROJECTION)
def projection_block_masks_both_paths(dout, cache):
    x, main_cache, side_cache = cache
    dactive, dw, _ = conv_backward(dout, main_cache)
    dx, dshortcut, _ = conv_backward(dout, side_cache)
    return (dx + dactive) * (x > 0), dw, dshortcut


@bug("missing-mask", R.PROJECTION)
def projection_block_forgets_its_early_relu(dout, cache):
    x, main_cache, side_cache = cache
    dactive, dw, _ = conv_backward(dout, main_cache)
    dx, dshortcut, _ = conv_backward(dout, side_cache)
    return dx + dactive, dw, dshortcut


@bug("wrong-cache-variable", R.PROJECTION)
def projection_block_shortcut_gradient_sees_the_relu(dout, cache):
    x, main_cache, side_cache = cache
    dx, dw, _ = B.projection_block_backward(dout, cache)
    active = np.maximum(x, 0)
    return dx, dw, conv_backward(dout, (active, active, *side_cache[2:]))[1]


@bug("stride", R.PROJECTION)
def projection_block_shortcut_fills_the_odd_pixels(dout, cache):
    x, main_cache, side_cache = cache
    dx, dw, dshortcut = B.projection_block_backward(dout, cache)
    side = conv_backward(dout, side_cache)[0]
    dx = dx - side
    dx[:, :, 1::2, 1::2] += side[:, :, ::2, ::2]
    return dx, dw, dshortcut


@bug("missing-term", R.INCEPTION)
def inception_block_leaves_the_pool_branch_out_of_dx(dout, cache):
    caches, _, cuts = cache
    parts = [conv_backward(d, c) for d, c in zip(np.split(dout, cuts, axis=1), caches)]
    return parts[0][0] + parts[1][0], *(part[1] for part in parts)


@bug("not-accumulated", R.INCEPTION, also=("missing-term",))
def inception_block_keeps_dx_of_the_last_branch(dout, cache):
    _, dw1, dw3, dwp = B.inception_backward(dout, cache)
    caches, pool_cache, cuts = cache
    dpooled = conv_backward(np.split(dout, cuts, axis=1)[2], caches[2])[0]
    return I.average_pool_backward(dpooled, pool_cache), dw1, dw3, dwp


@bug("wrong-cache-variable", R.INCEPTION)
def inception_block_weighs_the_pool_branch_with_unpooled_pixels(dout, cache):
    caches, _, cuts = cache
    dx, dw1, dw3, _ = B.inception_backward(dout, cache)
    x = caches[0][0]
    return dx, dw1, dw3, conv_backward(dout[:, cuts[1] :], (x, x, *caches[2][2:]))[1]


@bug("missing-term", R.EXCITE)
def excitation_holds_its_gate_constant(dout, cache):
    _, dw1, dw2 = B.excite_backward(dout, cache)
    return dout * cache[-1][:, :, None, None], dw1, dw2


@bug("constant-factor", R.EXCITE)
def excitation_squeezes_by_a_sum_in_dw(dout, cache):
    x, w1, w2, squeezed, hidden, gate = cache
    dx, _, dw2 = B.excite_backward(dout, cache)
    dscores = (dout * x).sum(axis=(2, 3)) * gate * (1 - gate)
    return dx, x.sum(axis=(2, 3)).T @ (dscores @ w2.T * (hidden > 0)), dw2


@bug("wrong-cache-variable", R.EXCITE)
def excitation_differentiates_the_sigmoid_at_its_scores(dout, cache):
    x, w1, w2, squeezed, hidden, gate = cache
    scores = hidden @ w2
    dscores = (dout * x).sum(axis=(2, 3)) * scores * (1 - scores)
    dhidden = dscores @ w2.T * (hidden > 0)
    dx = dout * gate[:, :, None, None] + (dhidden @ w1.T)[:, :, None, None] / dout[0, 0].size
    return dx, squeezed.T @ dhidden, hidden.T @ dscores


@bug("missing-mask", R.EXCITE, inputs=normal((3, 4, 3, 3), (4, 3), (3, 4)))
def excitation_forgets_the_relu_after_the_squeeze(dout, cache):
    x, w1, w2, squeezed, hidden, gate = cache
    dscores = (dout * x).sum(axis=(2, 3)) * gate * (1 - gate)
    dhidden = dscores @ w2.T
    dx = dout * gate[:, :, None, None] + (dhidden @ w1.T)[:, :, None, None] / dout[0, 0].size
    return dx, squeezed.T @ dhidden, hidden.T @ dscores


def frugal_excite_forward(x, w1, w2):
    out, (_, _, _, squeezed, hidden, _) = B.excite_forward(x, w1, w2)
    return out, (x, w1, w2, squeezed, hidden, out)


@bug("non-finite", R.EXCITE, forward=frugal_excite_forward, inputs=shut_channel)
def excitation_gets_its_gate_back_by_a_division(dout, cache):
    *kept, out = cache
    gate = (out / kept[0]).mean(axis=(2, 3))
    return B.excite_backward(dout, (*kept, gate))


def gate_keeping_forward(x, w, b):
    out, cache = T.spatial_gate_forward(x, w, b)
    GATES["gate"] = cache[1]
    return out, cache


@bug("nondeterministic", R.SPATIAL_GATE, also=("wrong-cache-variable",), forward=gate_keeping_forward)
def spatial_gate_is_read_from_the_module(dout, cache):
    x, _, conv_cache = cache
    return T.spatial_gate_backward(dout, (x, GATES["gate"], conv_cache))


@bug("missing-term", R.SPATIAL_GATE)
def spatial_gate_ignores_the_maximum_of_channels(dout, cache):
    x, gate, conv_cache = cache
    dscores = (dout * x).sum(axis=1, keepdims=True) * gate * (1 - gate)
    dsummary, dw, db = conv_backward(dscores, conv_cache)
    return dout * gate + dsummary[:, :1] / x.shape[1], dw, db


@bug("wrong-shape", R.SPATIAL_GATE, also=("not-accumulated",))
def spatial_gate_bias_stays_a_map(dout, cache):
    x, gate, _ = cache
    dx, dw, _ = T.spatial_gate_backward(dout, cache)
    return dx, dw, ((dout * x).sum(axis=1) * (gate * (1 - gate))[:, 0]).sum(axis=0)


@bug("missing-term", R.KEYPOINTS)
def spatial_softmax_is_only_the_diagonal(dout, cache):
    shape, flat, temperature, p, places = cache
    _, dtemperature = B.spatial_softmax_backward(dout, cache)
    return (p * (dout @ places) / temperature[:, None]).reshape(shape), dtemperature


@bug("transposed", R.KEYPOINTS, inputs=lambda rng: (2 * rng.normal(size=(2, 3, 4, 4)), rng.uniform(0.5, 2, 3)))
def spatial_softmax_swaps_rows_and_columns(dout, cache):
    shape, flat, temperature, p, places = cache
    return B.spatial_softmax_backward(dout, (shape, flat, temperature, p, places[::-1]))


@bug("sign", R.KEYPOINTS)
def spatial_softmax_temperature_climbs(dout, cache):
    dx, dtemperature = B.spatial_softmax_backward(dout, cache)
    return dx, -dtemperature


@bug("constant-factor", R.KEYPOINTS, inputs=lambda rng: (rng.normal(size=(2, 3, 4, 3)), np.full(3, 0.5)))
def spatial_softmax_forgets_the_temperature_in_dx(dout, cache):
    dx, dtemperature = B.spatial_softmax_backward(dout, cache)
    return dx * cache[2][:, None, None], dtemperature


@bug("non-finite", R.KEYPOINTS, inputs=cold_keypoints)
def spatial_softmax_is_recomputed_without_the_maximum(dout, cache):
    shape, flat, temperature, _, places = cache
    p = np.exp(flat / temperature[:, None])
    return B.spatial_softmax_backward(dout, (shape, flat, temperature, p / p.sum(axis=2, keepdims=True), places))


@bug("missing-term", R.DENSE_BLOCK)
def dense_block_passes_only_what_the_second_layer_saw(dout, cache):
    x, both, cache1, cache2 = cache
    C, C2 = x.shape[1], both.shape[1]
    dactive, dw2, _ = conv_backward(dout[:, C2:], cache2)
    dboth = dactive * (both > 0)
    dactive, dw1, _ = conv_backward(dboth[:, C:], cache1)
    return dout[:, :C] + dboth[:, :C] + dactive * (x > 0), dw1, dw2


@bug("mutates", R.DENSE_BLOCK)
def dense_block_adds_into_a_slice_of_dout(dout, cache):
    x, both, cache1, cache2 = cache
    C, C2 = x.shape[1], both.shape[1]
    dactive, dw2, _ = conv_backward(dout[:, C2:], cache2)
    dboth = dout[:, :C2]
    dboth += dactive * (both > 0)
    dactive, dw1, _ = conv_backward(dboth[:, C:], cache1)
    return dboth[:, :C] + dactive * (x > 0), dw1, dw2


@bug("missing-term", R.SKIP_NET)
def unet_forgets_the_skip_beside_the_depths(dout, cache):
    dx, dw = T.skip_net_backward(dout, cache)
    return dx - dout[:, : cache[0]], dw


@bug("wrong-cache-variable", R.SKIP_NET)
def unet_differentiates_tanh_at_the_pooled_pixels(dout, cache):
    C, pool_cache, conv_cache, hidden, up_cache = cache
    return T.skip_net_backward(dout, (C, pool_cache, conv_cache, np.tanh(conv_cache[0]), up_cache))


@bug("not-accumulated", R.FIRE, also=("missing-term",))
def fire_module_returns_the_right_branch_over_the_left(dout, cache):
    scores, conv_cache, left_cache, right_cache, cut = cache
    dhidden, done, _ = conv_backward(dout[:, :cut], left_cache)
    dhidden, dthree, _ = conv_backward(dout[:, cut:], right_cache)
    dx, dsqueeze, _ = conv_backward(dhidden * (scores > 0), conv_cache)
    return dx, dsqueeze, done, dthree


@bug("wrong-dtype", R.FIRE)
def fire_module_keeps_its_branches_in_single_precision(dout, cache):
    return tuple(g.astype(np.float32) for g in T.fire_backward(dout, cache))


@bug("missing-mask", I.CONV_RELU_POOL)
def conv_relu_pool_forgets_relu_under_the_pool(dout, cache):
    conv_cache, _, pool_cache = cache
    return conv_backward(I.max_pool_backward(dout, pool_cache), conv_cache)
