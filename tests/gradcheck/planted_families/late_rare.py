"""Wrong backward passes whose mistake is small or seldom: ties, an epsilon, one row, a branch, the second call."""

from dataclasses import replace

import numpy as np

from tests.gradcheck.planted_families import activations as A
from tests.gradcheck.planted_families import algebra as G
from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import late_layers_activations as LA
from tests.gradcheck.planted_families import late_layers_algebra as LG
from tests.gradcheck.planted_families import late_layers_dense as LD
from tests.gradcheck.planted_families import late_layers_losses as LL
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families.case import forgetting, normal, planting

LATE_RARE = []
bug = planting(LATE_RARE)


def draw_tied_rows(rng):
    x = rng.normal(size=(5, 6))
    x[2, 1] = x[2, 4] = x[2].max() + 1
    return (x,)


def draw_equal_pieces(rng):
    x, w, b = D.MAXOUT.inputs(rng)
    w[1], b[1] = w[0], b[0]
    w[2], b[2] = w[0], b[0] - 10
    return x, w, b


def draw_far_scores(rng):
    x = rng.normal(size=(5, 6))
    x[3, 2] = -5.0
    return (x,)


def draw_one_zero(rng):
    x = rng.normal(size=(5, 4))
    x[1, 2] = 0
    return (x,)


SHORT_ROWS = replace(G.NORMALISE, inputs=normal((5, 4), scale=1e-2), options={"eps": 1e-6})


@bug("wrong-mask", G.MAX, inputs=draw_tied_rows)
def largest_of_a_row_rewards_every_tie(dout, x):
    return dout[:, None] * (x == x.max(axis=1, keepdims=True))


@bug("wrong-mask", D.MAXOUT, inputs=draw_equal_pieces)
def maxout_pays_both_equal_pieces(dout, cache):
    x, w, pieces = cache
    routed = dout * (pieces == pieces.max(axis=0))
    return np.einsum("knm,kdm->nd", routed, w), x.T @ routed, routed.sum(axis=1)


@bug("wrong-mask", A.SIGMOID, inputs=draw_far_scores)
def sigmoid_cut_to_nothing_below_minus_four(dout, cache):
    x, out = cache
    return np.where(x < -4, 0, dout * out * (1 - out))


@bug("missing-term", LG.SMOOTH_DISTANCE, also=("constant-factor",))
def smooth_distance_without_its_epsilon(dout, cache):
    difference, out = cache
    d = (dout / np.sqrt((difference**2).sum(axis=2)))[:, :, None] * difference
    return d.sum(axis=1), -d.sum(axis=0)


@bug("non-finite", G.PRODUCT, inputs=draw_one_zero)
def product_of_a_row_divided_by_each_number(dout, cache):
    x, out = cache
    return (dout * out)[:, None] / x


@bug(
    "non-finite",
    G.DIVIDE,
    inputs=lambda rng: (rng.normal(size=(5, 4)) * (rng.random((5, 4)) < 0.6), 2 + rng.random((5, 4))),
)
def quotient_gradient_by_way_of_the_numerator(dout, cache):
    a, b, out = cache
    return dout * out / a, -dout * out / b


@bug("missing-term", SHORT_ROWS, also=("constant-factor",))
def short_rows_normalised_as_if_without_epsilon(dout, cache):
    out, length = cache
    unit = out / np.sqrt((out**2).sum(axis=1, keepdims=True))
    return (dout - unit * (dout * unit).sum(axis=1, keepdims=True)) / length


@bug("border", LG.SMOOTHING, also=("missing-term",))
def smoothing_loop_ends_before_the_first_step(dout, keep):
    dx, dh = np.zeros_like(dout), 0
    for t in range(dout.shape[1] - 1, 0, -1):
        dh = keep * dh + dout[:, t]
        dx[:, t] = (1 - keep) * dh
    return dx


@bug("border", G.CUMSUM, also=("missing-term",))
def cumulative_sum_begun_one_column_late(dout, _):
    dx = np.zeros_like(dout)
    for t in range(dout.shape[1] - 2, -1, -1):
        dx[:, t] = dx[:, t + 1] + dout[:, t]
    return dx


@bug("border", G.EVERY_SECOND, also=("stride",), inputs=normal((3, 7)))
def every_second_column_but_the_last(dout, x):
    dx = np.zeros_like(x)
    for k in range(x.shape[1] // 2):
        dx[:, 2 * k] = 2 * dout[:, k] * x[:, 2 * k]
    return dx


@bug("stride", G.EVERY_SECOND)
def every_second_column_counted_from_one(dout, x):
    dx = np.zeros_like(x)
    dx[:, 1::2] = 2 * dout * x[:, ::2]
    return dx


@bug("wrong-mask", A.CLIP, also=("missing-mask",))
def clip_bounds_both_taken_from_the_upper(dout, cache):
    x, low, high = cache
    return dout * (x < high)


@bug("constant-factor", L.L2_PENALTY)
def l2_penalty_half_forgotten(dout, cache):
    w, strength = cache
    return dout * 2 * strength * w


@bug("constant-factor", A.GELU)
def gelu_root_of_two_over_pi_rounded_to_two_places(dout, cache):
    x, bend = cache
    inner = 0.80 * (1 + 3 * 0.044715 * x**2)
    return dout * 0.5 * (1 + bend + x * (1 - bend**2) * inner)


@bug("constant-factor", LA.SELU)
def selu_constants_cut_to_two_places(dout, cache):
    x, out = cache
    return dout * np.where(x > 0, 1.05, out + 1.05 * 1.67)


@bug(
    "missing-term",
    LD.SHARED_BLOCKS,
    inputs=lambda rng: tuple(a * s for a, s in zip(LD.SHARED_BLOCKS.inputs(rng), (1, 0.02, 1))),
)
def shared_blocks_of_small_weights_without_the_second_branch(dout, cache):
    x, w, t1, middle, t2 = cache
    d2 = dout * (1 - t2**2)
    d1 = dout * (1 - t1**2)
    return dout + d2 @ w.T + d1 @ w.T, x.T @ d1 + middle.T @ d2, d1.sum(axis=0) + d2.sum(axis=0)


@bug(
    "missing-term",
    LD.FACTORISED,
    inputs=lambda rng: tuple(a * s for a, s in zip(LD.FACTORISED.inputs(rng), (1, 1, 0.03))),
)
def factorisation_of_small_factors_seen_as_linear(dout, cache):
    x, w, v, s = cache
    d = dout[:, None]
    return d * w, x.T @ dout, x.T @ (d * s) - v * ((x**2).T @ d)


@bug(
    "wrong-cache-variable",
    D.HIGHWAY,
    inputs=lambda rng: tuple(a * s for a, s in zip(D.HIGHWAY.inputs(rng), (1, 0.1, 1))),
)
def highway_slope_from_the_blended_output(dout, cache):
    x, w, v, gate, change = cache
    out = gate * change + (1 - gate) * x
    dchange = dout * gate * (1 - out**2)
    dgate = dout * (change - x) * gate * (1 - gate)
    return dchange @ w.T + dgate @ v.T + dout * (1 - gate), x.T @ dchange, x.T @ dgate


@bug("mutates", G.LOGSUMEXP)
def log_sum_exp_shifts_its_input_again(dout, cache):
    x, out = cache
    x -= out[:, None]
    return dout[:, None] * np.exp(x)


@bug("mutates", LL.CENTRE)
def centres_gathered_and_subtracted_in_the_cache(dout, cache):
    x, c, y = cache
    x -= c[y]
    dx = dout * x / len(x)
    dc = np.zeros_like(c)
    np.add.at(dc, y, -dx)
    return dx, dc


@bug("mutates", LD.LOW_RANK)
def adapter_added_into_the_frozen_weights(dout, cache):
    x, w, a, b, inner, scale = cache
    dw = x.T @ dout
    w += scale * a @ b
    return dout @ w.T, dw, scale * x.T @ dout @ b.T, scale * inner.T @ dout


@bug("mutates", A.SOFTMAX)
def softmax_product_built_inside_dout(dout, out):
    dout -= (dout * out).sum(axis=-1, keepdims=True)
    return out * dout


@bug("mutates", D.BRANCHES)
def branch_slope_multiplied_into_a_view_of_dout(dout, cache):
    x, w, first = cache
    M = first.shape[1]
    dscores, dsquares = dout[:, :M], dout[:, M:]
    dscores *= 1 - first**2
    return dscores @ w.T + 2 * x * dsquares, x.T @ dscores


@bug("wrong-dtype", L.SOFTMAX_LOSS)
def softmax_loss_one_hot_labels_in_half_precision_with_the_mean(dout, cache):
    probs, y, x = cache
    one_hot = np.zeros(probs.shape, np.float16)
    one_hot[np.arange(len(x)), y] = 1 / len(x)
    return dout * (probs / len(x) - one_hot)


@bug("wrong-dtype", D.TWO_LAYER)
def two_layer_second_bias_summed_in_single_precision(dout, cache):
    x, w1, w2, scores, hidden = cache
    dscores = dout @ w2.T * (scores > 0)
    db2 = dout.sum(axis=0, dtype=np.float32).astype(np.float64)
    return dscores @ w1.T, x.T @ dscores, dscores.sum(axis=0), hidden.T @ dout, db2


@bug("wrong-dtype", D.RESIDUAL)
def residual_branch_returned_through_single_precision(dout, cache):
    x, w1, w2, hidden, total = cache
    dtotal = dout * (total > 0)
    dhidden = dtotal @ w2.T * (hidden > 0)
    branch = dhidden.astype(np.float32) @ w1.T.astype(np.float32)
    return dtotal + branch, x.T @ dhidden, hidden.T @ dtotal


@bug("wrong-dtype", A.DROPOUT)
def dropout_scale_as_a_single_precision_number(dout, cache):
    mask, keep = cache
    return dout * (mask.astype(np.float32) / np.float32(keep))


@bug("wrong-dtype", G.MAX)
def largest_of_a_row_paid_in_single_precision(dout, x):
    dx = np.zeros(x.shape, dtype=np.float32)
    dx[np.arange(len(x)), x.argmax(axis=1)] = dout
    return dx


@bug("wrong-dtype", LL.ELASTIC)
def elastic_strengths_as_single_precision_scalars(dout, cache):
    w, one, two = cache
    return dout * (np.float32(one) * np.sign(w) + two * w)


@bug("wrong-dtype", LA.LEARNED_SWISH)
def learned_swish_steepness_summed_in_half_precision(dout, cache):
    x, beta, gate = cache
    slope = gate * (1 - gate)
    dbeta = np.zeros(beta.shape, np.float16)
    for row in dout * x**2 * slope:
        dbeta += row.astype(np.float16)
    return dout * (gate + beta * x * slope), dbeta.astype(beta.dtype)


RATE = {}


@bug("nondeterministic", L.L2_PENALTY, inputs=forgetting(RATE, L.L2_PENALTY.inputs))
def l2_penalty_strength_decays_at_every_call(dout, cache):
    w, strength = cache
    RATE["now"] = 0.999 * RATE.get("now", strength / 0.999)
    return dout * RATE["now"] * w


SAVED = {}


def saving_matmul_forward(a, b):
    SAVED["a"] = a
    return a @ b, (a, b)


@bug("nondeterministic", G.MATMUL, forward=saving_matmul_forward, inputs=forgetting(SAVED, G.MATMUL.inputs))
def matrix_product_left_side_saved_on_the_module(dout, cache):
    a, b = cache
    return dout @ b.T, SAVED["a"].T @ dout
