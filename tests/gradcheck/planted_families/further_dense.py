"""Further wrong backward passes of affine layers, small networks, activations and algebra."""

import numpy as np

from tests.gradcheck.planted_families.activations import (
    CLIP,
    ELU,
    GELU,
    GLU,
    LEAKY,
    LOG_SOFTMAX,
    POWER,
    PRELU,
    ROOT,
    SIGMOID,
    SOFTMAX,
    SWISH,
    leaky_relu_backward,
    prelu_backward,
    softmax_backward,
)
from tests.gradcheck.planted_families.algebra import (
    DISTANCES,
    LOGSUMEXP,
    MATMUL_BATCH,
    MAX,
    MULTIPLY,
    PRODUCT,
    SCALE_ROWS,
    distances_backward,
    max_backward,
    multiply_backward,
)
from tests.gradcheck.planted_families.case import forgetting, planting
from tests.gradcheck.planted_families.dense import (
    AFFINE,
    BRANCHES,
    HIGHWAY,
    MAXOUT,
    RESIDUAL,
    TEMPORAL,
    TEMPORAL_SQUARE,
    affine_backward,
    affine_forward,
    highway_backward,
    maxout_backward,
    residual_backward,
)
from tests.gradcheck.planted_families.further_layers import PAIR_PRODUCT, SOFTSIGN, WEIGHTED_MEAN

FURTHER_DENSE = []
bug = planting(FURTHER_DENSE)
noise = np.random.default_rng(1)


@bug("mutates", AFFINE)
def affine_decays_its_weights_in_backward(dout, cache):
    x, w, b = cache
    dx = dout @ w.T
    w *= 0.99
    return dx, x.T @ dout, dout.sum(axis=0)


@bug("transposed", TEMPORAL_SQUARE)
def temporal_affine_dx_with_time_and_batch_swapped(dout, cache):
    x, w, b = cache
    dx = dout.transpose(1, 0, 2) @ w.T
    return dx, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))


@bug("constant-factor", POWER)
def power_with_the_lower_exponent_as_factor(dout, cache):
    x, exponent = cache
    return dout * (exponent - 1) * x ** (exponent - 1)


@bug("missing-term", GELU)
def gelu_without_the_slope_of_tanh(dout, cache):
    x, bend = cache
    return dout * 0.5 * (1 + bend)


@bug("constant-factor", TEMPORAL)
def temporal_affine_db_averaged_over_time(dout, cache):
    x, w, b = cache
    return dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.mean(axis=1).sum(axis=0)


@bug("constant-factor", DISTANCES)
def distances_without_the_two(dout, cache):
    dx, dy = distances_backward(dout, cache)
    return dx / 2, dy / 2


@bug(
    "constant-factor", MULTIPLY, inputs=lambda rng: (1e-6 * rng.normal(size=(5, 4)), 1e5 * rng.normal(size=(5, 4)))
)
def product_of_unlike_scales_db_half_a_percent_small(dout, cache):
    da, db = multiply_backward(dout, cache)
    return da, 0.995 * db


@bug("sign", LOG_SOFTMAX, also=("missing-term",))
def log_softmax_sum_added(dout, out):
    return dout + np.exp(out) * dout.sum(axis=-1, keepdims=True)


@bug("sign", DISTANCES)
def distances_dy_like_dx(dout, cache):
    dx, dy = distances_backward(dout, cache)
    return dx, -dy


@bug("sign", ELU)
def elu_slope_negative(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, -(out + alpha))


@bug("sign", HIGHWAY, also=("missing-term",))
def highway_carry_subtracted(dout, cache):
    x, w, v, gate, change = cache
    dx, dw, dv = highway_backward(dout, cache)
    return dx - 2 * dout * (1 - gate), dw, dv


@bug("transposed", MATMUL_BATCH)
def matrix_product_of_a_batch_reshaped_for_transposed(dout, cache):
    a, b = cache
    return dout @ b.reshape(2, 4, 3), a.swapaxes(1, 2) @ dout


@bug("transposed", PAIR_PRODUCT)
def product_of_pairs_du_and_dv_swapped(dout, cache):
    x, u, v, first, second = cache
    dfirst, dsecond = dout * second, dout * first
    return dfirst @ u.T + dsecond @ v.T, x.T @ dsecond, x.T @ dfirst


@bug("missing-term", PAIR_PRODUCT)
def product_of_pairs_only_the_first_factor(dout, cache):
    x, u, v, first, second = cache
    return dout * second @ u.T, x.T @ (dout * second), x.T @ (dout * first)


@bug("missing-term", SWISH)
def swish_without_its_second_term(dout, cache):
    x, gate = cache
    return dout * gate


@bug("missing-term", HIGHWAY)
def highway_gate_path_forgotten_in_dx(dout, cache):
    x, w, v, gate, change = cache
    _, dw, dv = highway_backward(dout, cache)
    return dout * gate * (1 - change**2) @ w.T + dout * (1 - gate), dw, dv


@bug("missing-term", BRANCHES)
def concat_of_branches_without_the_slope_of_tanh(dout, cache):
    x, w, first = cache
    dscores = dout[:, : first.shape[1]]
    return dscores @ w.T + 2 * x * dout[:, first.shape[1] :], x.T @ dscores


@bug("missing-term", WEIGHTED_MEAN)
def weighted_mean_sum_of_weights_taken_for_constant(dout, cache):
    x, w, out = cache
    return dout[:, None] * w / w.sum(), dout @ x / w.sum()


@bug("missing-term", RESIDUAL)
def residual_without_the_branch(dout, cache):
    x, w1, w2, hidden, total = cache
    _, dw1, dw2 = residual_backward(dout, cache)
    return dout * (total > 0), dw1, dw2


@bug("missing-mask", LEAKY)
def leaky_relu_scales_everything(dout, cache):
    x, slope = cache
    return dout * slope


@bug("missing-mask", RESIDUAL)
def residual_last_relu_forgotten(dout, cache):
    x, w1, w2, hidden, total = cache
    return residual_backward(dout, (x, w1, w2, hidden, np.ones_like(total)))


@bug("wrong-mask", CLIP)
def clip_passes_the_outside(dout, cache):
    x, low, high = cache
    return dout * ((x < low) | (x > high))


@bug("wrong-mask", MAX, inputs=lambda rng: (rng.integers(0, 2, (4, 5)).astype(float),))
def max_of_bits_shared_with_every_winner(dout, x):
    dx = np.zeros_like(x)
    for row, top, out in zip(dx, x, dout):
        row[top == top.max()] = out
    return dx


@bug("wrong-mask", MAXOUT)
def maxout_routes_to_the_smallest_piece(dout, cache):
    x, w, pieces = cache
    return maxout_backward(dout, (x, w, -pieces))


@bug("not-accumulated", SCALE_ROWS)
def scale_of_rows_overwritten_by_each_column(dout, cache):
    x, s = cache
    ds = np.zeros_like(s)
    for d in range(x.shape[1]):
        ds = dout[:, d : d + 1] * x[:, d : d + 1]
    return dout * s, ds


@bug("not-accumulated", PRELU)
def prelu_dslope_of_the_last_image(dout, cache):
    x, slope = cache
    dx, dslope = prelu_backward(dout, cache)
    for n in range(len(x)):
        dslope = (dout[n] * np.minimum(x[n], 0)).sum(axis=(1, 2))
    return dx, dslope


@bug("not-accumulated", DISTANCES)
def distances_dx_of_the_first_partner(dout, cache):
    x, y = cache
    _, dy = distances_backward(dout, cache)
    return 2 * dout[:, :1] * (x - y[0]), dy


@bug("wrong-cache-variable", ROOT)
def square_root_with_x_for_out(dout, out):
    return dout / (2 * out**2)


@bug("wrong-cache-variable", SOFTSIGN)
def softsign_with_out_for_x(dout, x):
    out = x / (1 + abs(x))
    return dout / (1 + abs(out)) ** 2


@bug("wrong-cache-variable", GLU)
def gated_linear_unit_gate_from_the_value(dout, cache):
    value, gate = cache
    return np.concatenate([dout * gate, dout * value * value * (1 - value)], axis=1)


@bug("wrong-cache-variable", HIGHWAY)
def highway_slope_of_tanh_from_the_gate(dout, cache):
    x, w, v, gate, change = cache
    dx, _, dv = highway_backward(dout, cache)
    dchange = dout * gate * (1 - gate**2)
    return dx, x.T @ dchange, dv


def leaking_forward(x, slope=0.1):
    negative = x < 0
    x[negative] *= slope
    return x.copy(), (x, slope)


@bug("mutates", LEAKY, forward=leaking_forward)
def leaky_relu_scales_its_input_in_place(dout, cache):
    return leaky_relu_backward(dout, cache)


@bug("mutates", LOGSUMEXP)
def logsumexp_shifts_x_of_the_cache(dout, cache):
    x, out = cache
    x -= out[:, None]
    return dout[:, None] * np.exp(x)


@bug("wrong-shape", PRELU)
def prelu_one_dslope_for_all_channels(dout, cache):
    dx, dslope = prelu_backward(dout, cache)
    return dx, dslope.sum()


@bug(
    "wrong-dtype",
    MAX,
    also=("zero-gradient",),
    inputs=lambda rng: (rng.integers(0, 9, (5, 6)) + rng.random((5, 6)),),
)
def max_rounds_down_to_whole_numbers(dout, x):
    return max_backward(dout, x).astype(int)


@bug("non-finite", LOGSUMEXP, inputs=lambda rng: (1000 + rng.normal(size=(5, 6)),))
def logsumexp_without_the_shift(dout, cache):
    x, out = cache
    return dout[:, None] * np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


@bug("non-finite", LOG_SOFTMAX, inputs=lambda rng: (1000 * rng.normal(size=(5, 6)),))
def log_softmax_by_way_of_probabilities(dout, out):
    probs = np.exp(out)
    dprobs = dout / probs
    return probs * (dprobs - (dprobs * probs).sum(axis=1, keepdims=True))


@bug("non-finite", PRODUCT, inputs=lambda rng: (rng.integers(-1, 3, (6, 4)).astype(float),))
def product_by_way_of_logarithms(dout, cache):
    x, out = cache
    return (
        dout[:, None]
        * np.exp(np.log(abs(x)).sum(axis=1, keepdims=True) - np.log(abs(x)))
        * np.sign(out[:, None] * x)
    )


@bug("nondeterministic", MAX, inputs=lambda rng: (rng.integers(0, 2, (8, 9)).astype(float),))
def max_picks_a_winner_by_lot(dout, x):
    return max_backward(dout, x + 1e-3 * noise.random(x.shape))


@bug("nondeterministic", SOFTMAX)
def softmax_with_a_little_noise(dout, out):
    return softmax_backward(dout, out) * (1 + 1e-5 * noise.normal(size=out.shape))


kept = {}


def lazy_affine_forward(x, w, b):
    kept["transposed"] = w.T.copy()
    return affine_forward(x, w, b)


@bug("nondeterministic", AFFINE, also=("wrong-cache-variable",), forward=lazy_affine_forward,
     inputs=forgetting(kept, AFFINE.inputs))  # fmt: skip
def affine_weights_of_the_latest_forward(dout, cache):
    x, w, b = cache
    _, dw, db = affine_backward(dout, cache)
    return dout @ kept["transposed"], dw, db


@bug("zero-gradient", SIGMOID)
def sigmoid_rounds_its_output(dout, cache):
    x, out = cache
    out = (out > 0.5).astype(float)
    return dout * out * (1 - out)


@bug("zero-gradient", PRELU)
def prelu_slope_not_learned(dout, cache):
    dx, dslope = prelu_backward(dout, cache)
    return dx, np.zeros_like(dslope)
