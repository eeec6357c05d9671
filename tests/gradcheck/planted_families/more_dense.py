"""More wrong backward passes of activations, dropout, affine layers, small networks and pieces of algebra."""

import numpy as np

from tests.gradcheck.planted_families.activations import (
    DROPOUT,
    ELU,
    GELU,
    GLU,
    LEAKY,
    LOG_SOFTMAX,
    POWER,
    PRELU,
    SOFTPLUS,
    SWISH,
    elu_backward,
    leaky_relu_backward,
    log_softmax_backward,
    prelu_backward,
)
from tests.gradcheck.planted_families.algebra import (
    CUMSUM,
    DISTANCES,
    MATMUL_BATCH,
    NORMALISE,
    VARIANCE,
    distances_backward,
    matmul_backward,
    normalise_backward,
    variance_backward,
)
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.dense import (
    AFFINE,
    AFFINE_IMAGES,
    BRANCHES,
    HIGHWAY,
    MAXOUT,
    RESIDUAL,
    SIAMESE,
    TEMPORAL,
    TEMPORAL_SQUARE,
    TWO_LAYER,
    affine_backward,
    branches_backward,
    flattening_affine_backward,
    highway_backward,
    maxout_backward,
    residual_backward,
    siamese_backward,
    temporal_affine_backward,
    two_layer_backward,
)
from tests.gradcheck.planted_families.more_right import (
    CLIP_ASKEW,
    DROPPED_BRANCH,
    EXPERTS,
    HARD_SWISH,
    LOW_RANK,
    SOFTSIGN,
    TWICE,
    dropped_branch_backward,
    experts_backward,
    low_rank_backward,
    twice_backward,
)

MORE_DENSE = []
bug = planting(MORE_DENSE)
memory = {}


@bug("constant-factor", LEAKY, also=("wrong-mask", "wrong-cache-variable"))
def leaky_relu_slope_of_another_default(dout, cache):
    return leaky_relu_backward(dout, (cache[0], 0.01))


@bug("wrong-dtype", LEAKY)
def leaky_relu_slopes_in_float32(dout, cache):
    x, slope = cache
    slopes = np.full(x.shape, slope, np.float32)
    slopes[x > 0] = 1
    slopes *= dout
    return slopes


@bug("wrong-cache-variable", PRELU, also=("transposed", "wrong-mask"))
def prelu_slopes_of_the_channels_turned_round(dout, cache):
    x, slope = cache
    return prelu_backward(dout, (x, slope[::-1]))[0], prelu_backward(dout, cache)[1]


@bug("constant-factor", ELU, also=("wrong-mask", "missing-mask"))
def elu_alpha_forgotten(dout, cache):
    x, _, _ = cache
    return dout * np.where(x > 0, 1, np.exp(np.minimum(x, 0)))


@bug("border", ELU, also=("missing-term",))
def elu_last_number_lost(dout, cache):
    dx = elu_backward(dout, cache)
    dx[-1, -1] = 0
    return dx


@bug("missing-term", GELU)
def gelu_inner_function_taken_for_linear(dout, cache):
    x, bend = cache
    return dout * 0.5 * (1 + bend + x * (1 - bend**2) * 0.7978845608028654)


@bug("missing-term", SWISH)
def swish_gate_held_constant(dout, cache):
    return dout * cache[1]


@bug("missing-mask", GLU, also=("missing-term",))
def gated_linear_unit_half_the_slope_of_its_gate(dout, cache):
    value, gate = cache
    return np.concatenate([dout * gate, dout * value * gate], axis=1)


@bug("transposed", GLU, also=("wrong-cache-variable",))
def gated_linear_unit_halves_swapped(dout, cache):
    value, gate = cache
    return np.concatenate([dout * value * gate * (1 - gate), dout * gate], axis=1)


@bug("wrong-mask", HARD_SWISH, also=("missing-mask",), inputs=normal((5, 6), scale=4.0))
def hard_swish_slope_below_its_bend(dout, cache):
    x, gate = cache
    return dout * (gate + x * (x < 3) / 6)


@bug("wrong-cache-variable", SOFTPLUS, also=("sign",))
def softplus_one_minus_the_sigmoid(dout, cache):
    x, out = cache
    return dout * (1 - np.exp(x - out))


@bug("missing-mask", SOFTSIGN, also=("wrong-cache-variable", "constant-factor"))
def softsign_denominator_not_squared(dout, x):
    return dout / (1 + abs(x))


@bug("missing-term", LOG_SOFTMAX, also=("wrong-cache-variable",))
def log_softmax_as_if_dout_had_sum_1(dout, out):
    return dout - np.exp(out)


@bug("transposed", LOG_SOFTMAX, also=("wrong-cache-variable",), inputs=normal((5, 5)))
def log_softmax_sums_over_the_batch(dout, out):
    return dout - np.exp(out) * dout.sum(axis=0)


@bug("non-finite", LOG_SOFTMAX, inputs=normal((5, 6), scale=900.0))
def log_softmax_from_the_bare_exponentials(dout, out):
    return log_softmax_backward(dout, out) * np.exp(-out) / np.exp(-out)


@bug("wrong-mask", CLIP_ASKEW)
def clip_between_minus_one_and_one_whatever_its_bounds(dout, cache):
    return dout * (abs(cache[0]) < 1)


@bug("wrong-cache-variable", POWER)
def power_exponent_not_lowered(dout, cache):
    x, exponent = cache
    return dout * exponent * x**exponent


@bug("constant-factor", DROPOUT)
def dropout_divided_twice(dout, cache):
    mask, keep = cache
    return dout * mask / keep**2


@bug("constant-factor", DROPOUT)
def dropout_divided_by_the_share_dropped(dout, cache):
    mask, keep = cache
    return dout * mask / (1 - keep)


@bug("nondeterministic", DROPOUT, also=("wrong-mask",), inputs=forgetting(memory, DROPOUT.inputs))
def dropout_mask_of_the_call_before(dout, cache):
    mask, keep = cache
    memory["mask"], old = mask[::-1].copy(), memory.get("mask", mask)
    return dout * old / keep


@bug("wrong-mask", DROPPED_BRANCH, also=("constant-factor", "missing-term"))
def dropped_branch_mask_on_the_skip_too(dout, cache):
    x, w, hidden, mask, keep = cache
    dx, dw = dropped_branch_backward(dout, cache)
    return dx - dout + dout * mask / keep, dw


@bug("transposed", AFFINE_IMAGES, also=("wrong-shape",))
def affine_of_images_dx_as_if_channels_came_last(dout, cache):
    dx, dw, db = flattening_affine_backward(dout, cache)
    N, C, H, W = dx.shape
    return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2), dw, db


@bug("border", AFFINE, also=("missing-term", "not-accumulated"))
def affine_dw_without_the_first_example(dout, cache):
    x, w, b = cache
    dx, _, db = affine_backward(dout, cache)
    return dx, x[1:].T @ dout[1:], db


@bug("nondeterministic", AFFINE, also=("not-accumulated",), inputs=forgetting(memory, AFFINE.inputs))
def affine_momentum_kept_in_backward(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    memory["dw"] = dw + 0.9 * memory.get("dw", 0)
    return dx, memory["dw"], db


@bug("wrong-shape", TEMPORAL, also=("not-accumulated",))
def temporal_affine_dw_of_every_sentence(dout, cache):
    dx, _, db = temporal_affine_backward(dout, cache)
    return dx, cache[0].swapaxes(1, 2) @ dout, db


@bug("not-accumulated", TEMPORAL, also=("missing-term",))
def temporal_affine_db_of_the_first_sentence(dout, cache):
    dx, dw, _ = temporal_affine_backward(dout, cache)
    return dx, dw, dout[0].sum(axis=0)


@bug("transposed", TEMPORAL_SQUARE)
def temporal_affine_dw_transposed(dout, cache):
    dx, dw, db = temporal_affine_backward(dout, cache)
    return dx, dw.T, db


@bug("missing-mask", TWO_LAYER, also=("wrong-cache-variable",))
def two_layer_db1_before_the_mask(dout, cache):
    dx, dw1, _, dw2, db2 = two_layer_backward(dout, cache)
    return dx, dw1, (dout @ cache[2].T).sum(axis=0), dw2, db2


@bug("zero-gradient", TWO_LAYER, also=("missing-term",))
def two_layer_first_bias_never_trained(dout, cache):
    dx, dw1, db1, dw2, db2 = two_layer_backward(dout, cache)
    return dx, dw1, np.zeros_like(db1), dw2, db2


@bug("mutates", TWO_LAYER)
def two_layer_masks_its_hidden_layer_in_the_cache(dout, cache):
    grads = two_layer_backward(dout, cache)
    hidden = cache[-1]
    hidden[hidden > 0] = 1
    return grads


@bug("missing-mask", MAXOUT, also=("not-accumulated",))
def maxout_db_for_every_piece(dout, cache):
    dx, dw, db = maxout_backward(dout, cache)
    return dx, dw, np.tile(dout.sum(axis=0), (len(db), 1))


@bug("not-accumulated", MAXOUT, also=("missing-term",))
def maxout_dx_of_its_last_piece(dout, cache):
    _, w, pieces = cache
    winner = pieces.argmax(axis=0)
    for k in range(len(w)):
        dx = dout * (winner == k) @ w[k].T
    return dx, *maxout_backward(dout, cache)[1:]


@bug("missing-mask", RESIDUAL, also=("wrong-cache-variable", "wrong-mask"))
def residual_skip_goes_round_the_outer_relu(dout, cache):
    dx, dw1, dw2 = residual_backward(dout, cache)
    return dx + dout * (cache[-1] <= 0), dw1, dw2


@bug("not-accumulated", RESIDUAL, also=("missing-term",))
def residual_dx_overwritten_by_the_branch(dout, cache):
    dx, dw1, dw2 = residual_backward(dout, cache)
    return dx - dout * (cache[-1] > 0), dw1, dw2


@bug("missing-term", HIGHWAY, also=("not-accumulated",))
def highway_gate_held_constant_for_dx(dout, cache):
    _, w, _, gate, change = cache
    _, dw, dv = highway_backward(dout, cache)
    return dout * gate * (1 - change**2) @ w.T + dout * (1 - gate), dw, dv


@bug("wrong-cache-variable", HIGHWAY, also=("wrong-mask",))
def highway_carries_with_the_gate_itself(dout, cache):
    dx, dw, dv = highway_backward(dout, cache)
    return dx + dout * (2 * cache[3] - 1), dw, dv


@bug("not-accumulated", SIAMESE, also=("missing-term",))
def siamese_shared_weights_of_the_second_tower(dout, cache):
    dx, dy, _ = siamese_backward(dout, cache)
    _, y, _, _, second = cache
    return dx, dy, y.T @ (-dout * (1 - second**2))


@bug("border", BRANCHES, also=("wrong-cache-variable", "stride"))
def concat_of_branches_cut_one_column_early(dout, cache):
    x, w, first = cache
    M, D = first.shape[1], x.shape[1]
    dx, dw = branches_backward(dout, cache)
    return dx + 2 * x * (dout[:, M - 1 : M - 1 + D] - dout[:, M:]), dw


@bug("not-accumulated", TWICE, also=("missing-term",))
def layer_applied_twice_dw_of_its_second_use(dout, cache):
    _, _, first, out = cache
    return twice_backward(dout, cache)[0], first.T @ (dout * (1 - out**2))


@bug("wrong-cache-variable", TWICE)
def layer_applied_twice_slope_of_the_second_for_the_first(dout, cache):
    x, w, first, out = cache
    dsecond = dout * (1 - out**2)
    dfirst = dsecond @ w.T * (1 - out**2)
    return dfirst @ w.T, x.T @ dfirst + first.T @ dsecond


@bug("constant-factor", LOW_RANK)
def low_rank_change_da_not_scaled(dout, cache):
    dx, dw, da, db = low_rank_backward(dout, cache)
    return dx, dw, da / cache[-1], db


@bug("missing-term", LOW_RANK, also=("not-accumulated",))
def low_rank_change_forgotten_in_dx(dout, cache):
    return dout @ cache[1].T, *low_rank_backward(dout, cache)[1:]


@bug("zero-gradient", EXPERTS, also=("missing-term",))
def mixture_of_experts_shares_never_trained(dout, cache):
    dx, dw, dv = experts_backward(dout, cache)
    return dx, dw, np.zeros_like(dv)


@bug("missing-mask", EXPERTS, also=("missing-term", "wrong-cache-variable"))
def mixture_of_experts_dw_without_the_shares(dout, cache):
    dx, dw, dv = experts_backward(dout, cache)
    return dx, np.tile(cache[0].T @ dout, (len(dw), 1, 1)), dv


@bug("wrong-shape", MATMUL_BATCH)
def batched_product_db_summed_over_the_batch(dout, cache):
    da, db = matmul_backward(dout, cache)
    return da, db.sum(axis=0)


@bug("constant-factor", VARIANCE)
def variance_divided_by_n_minus_1(dout, centred):
    return variance_backward(dout, centred) * len(centred) / (len(centred) - 1)


@bug("transposed", CUMSUM, also=("wrong-cache-variable", "border"))
def cumulative_sum_summed_forwards(dout, _):
    return dout.cumsum(axis=1)


@bug("sign", DISTANCES)
def distances_pull_both_the_same_way(dout, cache):
    dx, dy = distances_backward(dout, cache)
    return dx, -dy


@bug("missing-mask", NORMALISE, also=("constant-factor", "missing-term"))
def normalisation_not_divided_by_the_length(dout, cache):
    return normalise_backward(dout, cache) * cache[1]
