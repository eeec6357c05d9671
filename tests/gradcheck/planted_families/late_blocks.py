"""Wrong backward passes of residual, dense and gated blocks, norms of images and small networks."""

import numpy as np

from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import late_layers_blocks as B
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families.case import forgetting, planting

LATE_BLOCKS = []
bug = planting(LATE_BLOCKS)


@bug("missing-term", B.RESIDUAL)
def residual_block_that_forgets_its_skip(dout, cache):
    first, total, cache1, cache2 = cache
    dmiddle, dw2, db2 = I.conv_backward(dout * (total > 0), cache2)
    dx, dw1, db1 = I.conv_backward(dmiddle * (first > 0), cache1)
    return dx, dw1, db1, dw2, db2


@bug("missing-mask", B.RESIDUAL)
def residual_block_whose_skip_avoids_the_last_relu(dout, cache):
    first, total, cache1, cache2 = cache
    dmiddle, dw2, db2 = I.conv_backward(dout * (total > 0), cache2)
    dx, dw1, db1 = I.conv_backward(dmiddle * (first > 0), cache1)
    return dx + dout, dw1, db1, dw2, db2


@bug("wrong-mask", B.RESIDUAL)
def residual_block_masked_by_its_branch(dout, cache):
    first, total, cache1, cache2 = cache
    branch = total - cache1[0]
    return B.residual_backward(dout, (first, branch, cache1, cache2))


@bug("wrong-mask", B.RESIDUAL)
def residual_block_whose_two_masks_are_exchanged(dout, cache):
    first, total, cache1, cache2 = cache
    return B.residual_backward(dout, (total, first, cache1, cache2))


@bug("mutates", B.RESIDUAL)
def residual_block_that_clears_its_gradient_in_place(dout, cache):
    first, total, cache1, cache2 = cache
    dout[total <= 0] = 0
    dmiddle, dw2, db2 = I.conv_backward(dout, cache2)
    dx, dw1, db1 = I.conv_backward(dmiddle * (first > 0), cache1)
    return dx + dout, dw1, db1, dw2, db2


@bug("wrong-dtype", B.RESIDUAL)
def residual_block_that_passes_on_single_precision(dout, cache):
    dx, *rest = B.residual_backward(dout, cache)
    return dx.astype(np.float32), *rest


@bug("not-accumulated", B.PROJECTED)
def projecting_block_whose_shortcut_replaces_the_branch(dout, cache):
    x, scores, picked, shortcut, inner = cache
    dx, dw, db = I.conv_backward(dout * (scores > 0), inner)
    dx[:, :, ::2, ::2] = np.einsum("nfhw,fc->nchw", dout, shortcut)
    return dx, dw, db, np.einsum("nfhw,nchw->fc", dout, picked)


@bug("stride", B.PROJECTED)
def projecting_block_whose_shortcut_lands_one_pixel_on(dout, cache):
    x, scores, picked, shortcut, inner = cache
    dx, dw, db = I.conv_backward(dout * (scores > 0), inner)
    dx[:, :, 1::2, 1::2] += np.einsum("nfhw,fc->nchw", dout, shortcut)[:, :, : x.shape[2] // 2, : x.shape[3] // 2]
    return dx, dw, db, np.einsum("nfhw,nchw->fc", dout, picked)


@bug("wrong-cache-variable", B.PROJECTED, also=("stride",))
def projecting_block_whose_shortcut_sees_the_corner_of_the_image(dout, cache):
    x, scores, picked, shortcut, inner = cache
    OH, OW = dout.shape[2:]
    dx, dw, db, _ = B.projected_backward(dout, cache)
    return dx, dw, db, np.einsum("nfhw,nchw->fc", dout, x[:, :, :OH, :OW])


@bug("missing-mask", B.PROJECTED)
def projecting_block_without_relu_on_the_way_back(dout, cache):
    x, scores, picked, shortcut, inner = cache
    return B.projected_backward(dout, (x, np.ones_like(scores), picked, shortcut, inner))


@bug("missing-term", B.PREACTIVATION)
def norm_first_block_without_the_path_through_the_variance(dout, cache):
    normed, (x_hat, gamma, std), conv_cache = cache
    drelu, dw, db = I.conv_backward(dout, conv_cache)
    dnormed = drelu * (normed > 0)
    _, dgamma, dbeta = N.image_norm_backward(dnormed, (x_hat, gamma, std))
    dx_hat = dnormed * N.column(gamma)
    return dout + (dx_hat - dx_hat.mean(axis=(0, 2, 3), keepdims=True)) / std, dgamma, dbeta, dw, db


@bug("wrong-mask", B.PREACTIVATION)
def norm_first_block_masked_by_the_unscaled(dout, cache):
    normed, norm_cache, conv_cache = cache
    return B.preactivation_backward(dout, (norm_cache[0], norm_cache, conv_cache))


@bug("missing-term", B.PREACTIVATION)
def norm_first_block_that_forgets_its_skip(dout, cache):
    normed, norm_cache, conv_cache = cache
    drelu, dw, db = I.conv_backward(dout, conv_cache)
    dx, dgamma, dbeta = N.image_norm_backward(drelu * (normed > 0), norm_cache)
    return dx, dgamma, dbeta, dw, db


@bug("missing-term", B.SCALED_STACK)
def scaled_stack_that_skips_its_first_branch(dout, cache):
    xs, branches, ws, scale = cache
    _, dws, dscale = B.scaled_stack_backward(dout, cache)
    for l in reversed(range(1, len(ws))):
        dout = dout + dout * scale[l] * (1 - branches[l] ** 2) @ ws[l].T
    return dout, dws, dscale


@bug("wrong-cache-variable", B.SCALED_STACK)
def scaled_stack_whose_weights_see_the_next_state(dout, cache):
    xs, branches, ws, scale = cache
    dx, dws, dscale = B.scaled_stack_backward(dout, cache)
    for l in reversed(range(len(ws))):
        dz = dout * scale[l] * (1 - branches[l] ** 2)
        dws[l] = xs[l + 1].T @ dz
        dout = dout + dz @ ws[l].T
    return dx, dws, dscale


@bug("constant-factor", B.SCALED_STACK)
def scaled_stack_whose_branches_lose_their_scale(dout, cache):
    xs, branches, ws, scale = cache
    dx, dws, dscale = B.scaled_stack_backward(dout, cache)
    return dx, dws / scale[:, None, None], dscale


@bug("missing-mask", B.DEPTH)
def stochastic_depth_that_trains_the_dropped(dout, cache):
    x, w, keep, scores, share = cache
    dscores = dout * (scores > 0) / share
    return dout + dscores @ w.T, x.T @ dscores


@bug("constant-factor", B.DEPTH)
def stochastic_depth_that_forgets_its_share(dout, cache):
    x, w, keep, scores, share = cache
    dscores = dout * (scores > 0) * keep[:, None]
    return dout + dscores @ w.T, x.T @ dscores


@bug("wrong-mask", B.DEPTH, also=("missing-term",))
def stochastic_depth_that_drops_the_skip_as_well(dout, cache):
    x, w, keep, scores, share = cache
    dscores = dout * (scores > 0) * keep[:, None] / share
    return dout * keep[:, None] + dscores @ w.T, x.T @ dscores


@bug("missing-term", B.DENSE_BLOCK, also=("not-accumulated",))
def dense_block_whose_image_is_heard_only_at_the_end(dout, cache):
    x, a, both, b, w1, w2 = cache
    C, G = x.shape[1], len(w1)
    db = dout[:, C + G :] * (b > 0)
    da = (dout[:, C : C + G] + np.einsum("nghw,gc->nchw", db, w2[:, C:])) * (a > 0)
    dx = dout[:, :C] + np.einsum("nghw,gc->nchw", da, w1)
    return dx, np.einsum("nghw,nchw->gc", da, x), np.einsum("nghw,nchw->gc", db, both)


@bug("missing-term", B.DENSE_BLOCK, also=("not-accumulated",))
def dense_block_whose_middle_channels_forget_the_output(dout, cache):
    x, a, both, b, w1, w2 = cache
    C, G = x.shape[1], len(w1)
    db = dout[:, C + G :] * (b > 0)
    dboth = np.einsum("nghw,gc->nchw", db, w2)
    da = dboth[:, C:] * (a > 0)
    dx = dout[:, :C] + dboth[:, :C] + np.einsum("nghw,gc->nchw", da, w1)
    return dx, np.einsum("nghw,nchw->gc", da, x), np.einsum("nghw,nchw->gc", db, both)


@bug("missing-term", B.SQUEEZE)
def squeeze_that_forgets_the_means(dout, cache):
    _, dw1, dw2 = B.squeeze_backward(dout, cache)
    return dout * cache[3][:, :, None, None], dw1, dw2


@bug("constant-factor", B.SQUEEZE)
def squeeze_that_does_not_divide_by_the_pixels(dout, cache):
    x, means, hidden, gate, w1, w2 = cache
    _, dw1, dw2 = B.squeeze_backward(dout, cache)
    dz1 = ((dout * x).sum(axis=(2, 3)) * gate * (1 - gate)) @ w2.T * (hidden > 0)
    return dout * gate[:, :, None, None] + (dz1 @ w1.T)[:, :, None, None], dw1, dw2


@bug("missing-mask", B.SQUEEZE)
def squeeze_without_relu_on_the_way_back(dout, cache):
    x, means, hidden, gate, w1, w2 = cache
    dz2 = (dout * x).sum(axis=(2, 3)) * gate * (1 - gate)
    dz1 = dz2 @ w2.T
    dmeans = dz1 @ w1.T / (x.shape[2] * x.shape[3])
    return dout * gate[:, :, None, None] + dmeans[:, :, None, None], means.T @ dz1, hidden.T @ dz2


@bug("zero-gradient", B.SQUEEZE, also=("missing-term",))
def squeeze_whose_gate_is_detached(dout, cache):
    x, means, hidden, gate, w1, w2 = cache
    return dout * gate[:, :, None, None], np.zeros_like(w1), np.zeros_like(w2)


@bug("wrong-cache-variable", B.GATED)
def gated_convolution_with_value_and_gate_exchanged(dout, cache):
    value, gate, inner = cache
    return I.conv_backward(np.concatenate([dout * value, dout * gate * gate * (1 - gate)], axis=1), inner)


@bug("missing-term", B.GATED)
def gated_convolution_whose_gate_forgets_its_bend(dout, cache):
    value, gate, inner = cache
    return I.conv_backward(np.concatenate([dout * gate, dout * value * gate], axis=1), inner)


@bug("missing-term", B.HIGHWAY)
def highway_layer_whose_gate_sees_no_carry(dout, cache):
    x, w, wt, h, t = cache
    dh, dt = dout * t * (1 - h**2), dout * h * t * (1 - t)
    return dh @ w.T + dt @ wt.T + dout * (1 - t), x.T @ dh, dh.sum(axis=0), x.T @ dt, dt.sum(axis=0)


@bug("sign", B.HIGHWAY)
def highway_layer_whose_gate_opens_the_other_way(dout, cache):
    x, w, wt, h, t = cache
    dh, dt = dout * t * (1 - h**2), dout * (x - h) * t * (1 - t)
    return dh @ w.T + dt @ wt.T + dout * (1 - t), x.T @ dh, dh.sum(axis=0), x.T @ dt, dt.sum(axis=0)


@bug("transposed", B.HIGHWAY)
def highway_layer_through_an_unturned_gate(dout, cache):
    x, w, wt, h, t = cache
    dh, dt = dout * t * (1 - h**2), dout * (h - x) * t * (1 - t)
    return dh @ w.T + dt @ wt + dout * (1 - t), x.T @ dh, dh.sum(axis=0), x.T @ dt, dt.sum(axis=0)


@bug("wrong-cache-variable", B.INSTANCE_NORM)
def instance_norm_whose_scale_learns_from_the_image(dout, cache):
    dx, _, dbeta = B.instance_norm_backward(dout, cache)
    return dx, (dout * cache[0]).sum(axis=(0, 2, 3)), dbeta


@bug("missing-term", B.INSTANCE_NORM)
def instance_norm_without_the_path_through_the_mean(dout, cache):
    x, x_hat, gamma, std = cache
    _, dgamma, dbeta = B.instance_norm_backward(dout, cache)
    dx_hat = dout * N.column(gamma)
    return (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=(2, 3), keepdims=True)) / std, dgamma, dbeta


@bug("not-accumulated", B.INSTANCE_NORM)
def instance_norm_whose_shift_takes_the_last_image(dout, cache):
    dx, dgamma, dbeta = B.instance_norm_backward(dout, cache)
    for image in dout:
        dbeta = image.sum(axis=(1, 2))
    return dx, dgamma, dbeta


@bug("wrong-shape", B.INSTANCE_NORM)
def instance_norm_with_a_scale_for_each_image(dout, cache):
    dx, _, dbeta = B.instance_norm_backward(dout, cache)
    return dx, (dout * cache[1]).sum(axis=(2, 3)), dbeta


@bug("wrong-cache-variable", B.PIXEL_NORM)
def pixel_norm_that_mixes_up_the_raw_and_the_normalised(dout, cache):
    x, rms = cache
    return (dout - x * (dout * x).mean(axis=1, keepdims=True)) / rms


@bug("missing-term", B.PIXEL_NORM)
def pixel_norm_that_takes_its_length_for_a_constant(dout, cache):
    return dout / cache[1]


def dark_pixel(rng):
    (x,) = B.PIXEL_NORM.inputs(rng)
    x[1, :, 0, 2] = 0
    return (x,)


@bug("non-finite", B.PIXEL_NORM, inputs=dark_pixel)
def pixel_norm_without_its_epsilon_on_the_way_back(dout, cache):
    x, _ = cache
    rms = np.sqrt((x**2).mean(axis=1, keepdims=True))
    return dout / rms - x * (dout * x).mean(axis=1, keepdims=True) / rms**3


@bug("missing-mask", B.CONV_NORM_RELU)
def norm_after_convolution_without_relu_on_the_way_back(dout, cache):
    normed, conv_cache, norm_cache = cache
    dscores, dgamma, dbeta = N.image_norm_backward(dout, norm_cache)
    dx, dw, _ = I.conv_backward(dscores, conv_cache)
    return dx, dw, dgamma, dbeta


batches = {"mean": 0.0}


@bug("nondeterministic", B.CONV_NORM_RELU, inputs=forgetting(batches, B.CONV_NORM_RELU.inputs))
def norm_after_convolution_that_keeps_a_running_gradient(dout, cache):
    dx, dw, dgamma, dbeta = B.conv_norm_relu_backward(dout, cache)
    batches["mean"] = 0.9 * batches.get("mean", 0.0) + 0.1 * dgamma
    return dx, dw, dgamma + batches["mean"], dbeta


@bug("constant-factor", B.SMALL_NET)
def small_network_that_divides_by_the_batch_twice(dout, cache):
    return tuple(part / len(cache[2]) for part in B.small_net_backward(dout, cache))


def dark_net(rng):
    x, y, w, b, wo, bo = B.SMALL_NET.inputs(rng)
    return x, y, w, b - 5, wo, bo


@bug("missing-mask", B.SMALL_NET, inputs=dark_net)
def small_network_without_relu_on_the_way_back(dout, cache):
    (conv_cache, scores, pool_cache), shape, rows, wo, loss_cache = cache
    dscores = L.softmax_loss_backward(dout, loss_cache)
    dpooled = (dscores @ wo.T).reshape(shape)
    dx, dw, db = I.conv_backward(I.max_pool_backward(dpooled, pool_cache), conv_cache)
    return dx, dw, db, rows.T @ dscores, dscores.sum(axis=0)


@bug("transposed", B.SMALL_NET)
def small_network_that_unflattens_channels_last(dout, cache):
    block, (count, C, H, W), rows, wo, loss_cache = cache
    dscores = L.softmax_loss_backward(dout, loss_cache)
    dpooled = (dscores @ wo.T).reshape(count, H, W, C).transpose(0, 3, 1, 2)
    return *I.conv_relu_pool_backward(dpooled, block), rows.T @ dscores, dscores.sum(axis=0)


@bug("border", B.SKIP_CONCAT, also=("stride",))
def skip_by_concatenation_put_back_in_the_corner(dout, cache):
    deep, early, _, _ = cache
    return B.skip_concat_backward(dout, (deep, early, 0, 0))


@bug("wrong-shape", B.SKIP_CONCAT)
def skip_by_concatenation_that_stays_cropped(dout, cache):
    ddeep, _ = B.skip_concat_backward(dout, cache)
    return ddeep, dout[:, ddeep.shape[1] :].copy()


@bug("wrong-dtype", B.SKIP_CONCAT)
def skip_by_concatenation_collected_in_integers(dout, cache):
    ddeep, dearly = B.skip_concat_backward(dout, cache)
    whole = np.zeros(dearly.shape, int)
    whole[...] = dearly
    return ddeep, whole
