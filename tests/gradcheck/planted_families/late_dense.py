"""Wrong backward passes of dense layers, embeddings, small networks and residual blocks."""

import numpy as np

from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import late_layers_dense as LD
from tests.gradcheck.planted_families.case import forgetting, planting
from tests.gradcheck.planted_families.late_units import LATE_UNITS

LATE_DENSE = [*LATE_UNITS]
bug = planting(LATE_DENSE)


@bug("transposed", LD.OUTPUT_ROWS)
def affine_rows_through_the_transposed_weights(dout, cache):
    x, w, b = cache
    return dout @ w.T, dout.T @ x, dout.sum(axis=0)


@bug("transposed", LD.OUTPUT_ROWS)
def affine_rows_weight_gradient_in_the_other_order(dout, cache):
    x, w, b = cache
    return dout @ w, x.T @ dout, dout.sum(axis=0)


@bug("not-accumulated", D.AFFINE)
def affine_bias_from_the_last_example(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout[-1]


@bug("constant-factor", D.AFFINE)
def affine_bias_averaged_over_examples(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.mean(axis=0)


@bug("wrong-shape", D.AFFINE)
def affine_bias_kept_as_a_row(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0, keepdims=True)


@bug("wrong-shape", D.AFFINE_IMAGES)
def affine_of_images_forgets_to_unflatten(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


@bug("transposed", D.AFFINE_IMAGES)
def affine_of_images_unflattened_in_fortran_order(dout, cache):
    x, w, b = cache
    return (dout @ w.T).reshape(x.shape, order="F"), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


@bug("wrong-shape", D.TEMPORAL)
def temporal_bias_summed_over_examples_only(dout, cache):
    x, w, b = cache
    return dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=0)


@bug("not-accumulated", D.TEMPORAL)
def temporal_weights_overwritten_at_each_step(dout, cache):
    x, w, b = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(x.shape[1]):
        dx[:, t] = dout[:, t] @ w.T
        dw = x[:, t].T @ dout[:, t]
    return dx, dw, dout.sum(axis=(0, 1))


@bug("border", D.TEMPORAL, also=("not-accumulated", "missing-term"))
def temporal_weights_loop_from_step_one(dout, cache):
    x, w, b = cache
    dw = np.zeros_like(w)
    for t in range(1, x.shape[1]):
        dw += x[:, t].T @ dout[:, t]
    return dout @ w.T, dw, dout.sum(axis=(0, 1))


@bug("transposed", D.TEMPORAL_SQUARE)
def temporal_weights_with_examples_and_steps_swapped(dout, cache):
    x, w, b = cache
    dw = np.einsum("tnd,ntm->dm", x, dout)
    return dout @ w.T, dw, dout.sum(axis=(0, 1))


@bug("missing-term", LD.LOW_RANK)
def adapter_left_out_of_the_input_gradient(dout, cache):
    x, w, a, b, inner, scale = cache
    dinner = scale * dout @ b.T
    return dout @ w.T, x.T @ dout, x.T @ dinner, scale * inner.T @ dout


@bug("constant-factor", LD.LOW_RANK)
def adapter_down_projection_without_its_scale(dout, cache):
    x, w, a, b, inner, scale = cache
    dinner = scale * dout @ b.T
    return dout @ w.T + dinner @ a.T, x.T @ dout, x.T @ (dout @ b.T), scale * inner.T @ dout


@bug("zero-gradient", LD.LOW_RANK)
def adapter_whose_frozen_part_is_never_filled(dout, cache):
    x, w, a, b, inner, scale = cache
    dinner = scale * dout @ b.T
    return dout @ w.T + dinner @ a.T, np.zeros_like(w), x.T @ dinner, scale * inner.T @ dout


@bug("wrong-cache-variable", LD.THREE_TANH)
def three_tanh_weights_see_the_next_activation(dout, cache):
    x, w1, w2, w3, h1, h2 = cache
    d2 = dout @ w3.T * (1 - h2**2)
    d1 = d2 @ w2.T * (1 - h1**2)
    return d1 @ w1.T, x.T @ d1, h2.T @ d2, h2.T @ dout


@bug("wrong-cache-variable", LD.THREE_TANH)
def three_tanh_slopes_taken_from_one_layer_below(dout, cache):
    x, w1, w2, w3, h1, h2 = cache
    d2 = dout @ w3.T * (1 - h1**2)
    d1 = d2 @ w2.T * (1 - x**2)
    return d1 @ w1.T, x.T @ d1, h1.T @ d2, h2.T @ dout


@bug("transposed", LD.THREE_TANH)
def three_tanh_middle_weights_not_transposed(dout, cache):
    x, w1, w2, w3, h1, h2 = cache
    d2 = dout @ w3.T * (1 - h2**2)
    d1 = d2 @ w2 * (1 - h1**2)
    return d1 @ w1.T, x.T @ d1, h1.T @ d2, h2.T @ dout


@bug("missing-term", LD.THREE_TANH, also=("missing-mask",))
def three_tanh_first_slope_forgotten(dout, cache):
    x, w1, w2, w3, h1, h2 = cache
    d2 = dout @ w3.T * (1 - h2**2)
    d1 = d2 @ w2.T
    return d1 @ w1.T, x.T @ d1, h1.T @ d2, h2.T @ dout


@bug("mutates", LD.THREE_TANH)
def three_tanh_slopes_computed_in_place(dout, cache):
    x, w1, w2, w3, h1, h2 = cache
    dw3 = h2.T @ dout
    h2 *= -h2
    h2 += 1
    d2 = dout @ w3.T * h2
    d1 = d2 @ w2.T * (1 - h1**2)
    return d1 @ w1.T, x.T @ d1, h1.T @ d2, dw3


@bug("missing-mask", D.TWO_LAYER, also=("wrong-cache-variable",))
def two_layer_relu_skipped_for_the_input_only(dout, cache):
    x, w1, w2, scores, hidden = cache
    dhidden = dout @ w2.T
    dscores = dhidden * (scores > 0)
    return dhidden @ w1.T, x.T @ dscores, dscores.sum(axis=0), hidden.T @ dout, dout.sum(axis=0)


@bug("missing-mask", D.TWO_LAYER, also=("wrong-cache-variable",))
def two_layer_bias_summed_before_the_relu_gate(dout, cache):
    x, w1, w2, scores, hidden = cache
    dscores = dout @ w2.T
    db1 = dscores.sum(axis=0)
    dscores = dscores * (scores > 0)
    return dscores @ w1.T, x.T @ dscores, db1, hidden.T @ dout, dout.sum(axis=0)


@bug("wrong-mask", D.TWO_LAYER, also=("wrong-cache-variable",))
def two_layer_gate_from_the_gradient_itself(dout, cache):
    x, w1, w2, scores, hidden = cache
    dhidden = dout @ w2.T
    dscores = dhidden * (dhidden > 0)
    return dscores @ w1.T, x.T @ dscores, dscores.sum(axis=0), hidden.T @ dout, dout.sum(axis=0)


@bug("wrong-cache-variable", D.TWO_LAYER)
def two_layer_second_weights_see_the_scores(dout, cache):
    x, w1, w2, scores, hidden = cache
    dscores = dout @ w2.T * (scores > 0)
    return dscores @ w1.T, x.T @ dscores, dscores.sum(axis=0), scores.T @ dout, dout.sum(axis=0)


@bug("missing-term", LD.SCALED_RESIDUAL)
def scaled_branch_without_its_skip(dout, cache):
    x, w1, w2, alpha, hidden, branch = cache
    dbranch = dout * alpha
    dscores = dbranch @ w2.T * (1 - hidden**2)
    return dscores @ w1.T, x.T @ dscores, hidden.T @ dbranch, (dout * branch).sum(axis=0)


@bug("wrong-cache-variable", LD.SCALED_RESIDUAL)
def learned_branch_scale_sees_the_input(dout, cache):
    x, w1, w2, alpha, hidden, branch = cache
    dbranch = dout * alpha
    dscores = dbranch @ w2.T * (1 - hidden**2)
    return dout + dscores @ w1.T, x.T @ dscores, hidden.T @ dbranch, (dout * x).sum(axis=0)


@bug("constant-factor", LD.SCALED_RESIDUAL, also=("missing-term", "wrong-cache-variable"))
def branch_scale_lost_on_the_second_weights(dout, cache):
    x, w1, w2, alpha, hidden, branch = cache
    dscores = (dout * alpha) @ w2.T * (1 - hidden**2)
    return dout + dscores @ w1.T, x.T @ dscores, hidden.T @ dout, (dout * branch).sum(axis=0)


@bug("missing-mask", D.RESIDUAL, also=("wrong-cache-variable",))
def residual_skip_taken_around_the_last_relu(dout, cache):
    x, w1, w2, hidden, total = cache
    dtotal = dout * (total > 0)
    dhidden = dtotal @ w2.T * (hidden > 0)
    return dout + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dtotal


@bug("mutates", D.RESIDUAL)
def residual_gate_applied_to_dout_in_place(dout, cache):
    x, w1, w2, hidden, total = cache
    dout *= total > 0
    dhidden = dout @ w2.T * (hidden > 0)
    return dout + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dout


@bug("missing-term", LD.PRE_NORM)
def block_normalised_first_without_the_mean_path(dout, cache):
    x, x_hat, std, w1, w2, hidden = cache
    dhidden = dout @ w2.T * (hidden > 0)
    dx_hat = dhidden @ w1.T
    spread = (dx_hat * x_hat).mean(axis=1, keepdims=True)
    return dout + (dx_hat - x_hat * spread) / std, x_hat.T @ dhidden, hidden.T @ dout


@bug("wrong-cache-variable", LD.PRE_NORM)
def block_normalised_first_weights_see_the_raw_rows(dout, cache):
    x, x_hat, std, w1, w2, hidden = cache
    dhidden = dout @ w2.T * (hidden > 0)
    dx_hat = dhidden @ w1.T
    mean, spread = dx_hat.mean(axis=1, keepdims=True), (dx_hat * x_hat).mean(axis=1, keepdims=True)
    return dout + (dx_hat - mean - x_hat * spread) / std, x.T @ dhidden, hidden.T @ dout


@bug("missing-term", LD.PROJECTED)
def projection_shortcut_missing_for_the_input(dout, cache):
    x, w1, w2, ws, hidden = cache
    dhidden = dout @ w2.T * (hidden > 0)
    return dhidden @ w1.T, x.T @ dhidden, hidden.T @ dout, x.T @ dout


@bug("zero-gradient", LD.PROJECTED)
def projection_shortcut_weights_detached(dout, cache):
    x, w1, w2, ws, hidden = cache
    dhidden = dout @ w2.T * (hidden > 0)
    return dhidden @ w1.T + dout @ ws.T, x.T @ dhidden, hidden.T @ dout, np.zeros(ws.shape)


@bug("not-accumulated", LD.SHARED_BLOCKS, also=("missing-term",))
def shared_weights_of_the_first_block_only(dout, cache):
    x, w, t1, middle, t2 = cache
    d2 = dout * (1 - t2**2)
    dw, db = middle.T @ d2, d2.sum(axis=0)
    dmiddle = dout + d2 @ w.T
    d1 = dmiddle * (1 - t1**2)
    dw, db = x.T @ d1, d1.sum(axis=0)
    return dmiddle + d1 @ w.T, dw, db


@bug("missing-term", LD.SHARED_BLOCKS)
def shared_blocks_lose_the_inner_skip(dout, cache):
    x, w, t1, middle, t2 = cache
    d2 = dout * (1 - t2**2)
    dmiddle = dout + d2 @ w.T
    d1 = dmiddle * (1 - t1**2)
    dx = dout + d1 @ w.T
    return dx, x.T @ d1 + middle.T @ d2, d1.sum(axis=0) + d2.sum(axis=0)


@bug("wrong-cache-variable", LD.SHARED_BLOCKS)
def shared_blocks_second_use_sees_the_first_input(dout, cache):
    x, w, t1, middle, t2 = cache
    d2 = dout * (1 - t2**2)
    dmiddle = dout + d2 @ w.T
    d1 = dmiddle * (1 - t1**2)
    return dmiddle + d1 @ w.T, x.T @ (d1 + d2), d1.sum(axis=0) + d2.sum(axis=0)


@bug("missing-mask", LD.DROPPED)
def dropped_units_learn_all_the_same(dout, cache):
    x, w1, w2, mask, scores, hidden, keep = cache
    dscores = dout @ w2.T / keep * (scores > 0)
    return dscores @ w1.T, x.T @ dscores, hidden.T @ dout


@bug("constant-factor", LD.DROPPED)
def dropped_units_not_scaled_up_again(dout, cache):
    x, w1, w2, mask, scores, hidden, keep = cache
    dscores = dout @ w2.T * mask * (scores > 0)
    return dscores @ w1.T, x.T @ dscores, hidden.T @ dout


@bug("nondeterministic", LD.DROPPED)
def dropped_units_drawn_anew_on_the_way_back(dout, cache):
    x, w1, w2, mask, scores, hidden, keep = cache
    fresh = np.random.random(scores.shape) < keep
    dscores = dout @ w2.T * fresh / keep * (scores > 0)
    return dscores @ w1.T, x.T @ dscores, hidden.T @ dout


BEST = {}


def remembering_maxout_forward(x, w, b):
    pieces = x @ w + b[:, None]
    BEST["winner"] = pieces.argmax(axis=0)
    return pieces.max(axis=0), (x, w, pieces)


@bug(
    "nondeterministic",
    D.MAXOUT,
    forward=remembering_maxout_forward,
    inputs=forgetting(BEST, D.MAXOUT.inputs),
)
def maxout_winner_kept_outside_the_cache(dout, cache):
    x, w, pieces = cache
    routed = dout * (BEST["winner"] == np.arange(len(w))[:, None, None])
    return np.einsum("knm,kdm->nd", routed, w), x.T @ routed, routed.sum(axis=1)
