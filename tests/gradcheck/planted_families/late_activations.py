"""Wrong backward passes of activations: gates, learned slopes, clips, squashing and softmaxes of several kinds."""

import numpy as np

from tests.gradcheck.planted_families import activations as A
from tests.gradcheck.planted_families import late_layers_activations as LA
from tests.gradcheck.planted_families.case import forgetting, normal, planting

LATE_ACTIVATIONS = []
bug = planting(LATE_ACTIVATIONS)


@bug("missing-term", LA.MISH)
def mish_as_if_its_bend_were_constant(dout, cache):
    x, soft, bend = cache
    return dout * bend


@bug("wrong-cache-variable", LA.MISH)
def mish_slope_with_tanh_of_the_input(dout, cache):
    x, soft, bend = cache
    return dout * (bend + x * (1 - np.tanh(x) ** 2) * np.exp(x - soft))


@bug("missing-term", LA.MISH)
def mish_inner_sigmoid_left_out(dout, cache):
    x, soft, bend = cache
    return dout * (bend + x * (1 - bend**2))


@bug("non-finite", LA.MISH, inputs=normal((5, 6), scale=1200.0))
def mish_slope_by_exponentials(dout, cache):
    x, soft, bend = cache
    return dout * (bend + x * (1 - bend**2) * np.exp(x) / (1 + np.exp(x)))


@bug("constant-factor", LA.SELU)
def selu_without_its_outer_scale(dout, cache):
    x, out = cache
    return dout * np.where(x > 0, LA.SCALE, out + LA.SCALE * LA.ALPHA) / LA.SCALE


@bug("missing-term", LA.SELU)
def selu_lower_half_without_its_asymptote(dout, cache):
    x, out = cache
    return dout * np.where(x > 0, LA.SCALE, out)


@bug("wrong-cache-variable", LA.SELU)
def selu_lower_half_computed_from_the_input(dout, cache):
    x, out = cache
    return dout * np.where(x > 0, LA.SCALE, x + LA.SCALE * LA.ALPHA)


@bug("wrong-mask", LA.SELU, also=("wrong-cache-variable",))
def selu_halves_chosen_by_the_gradient_sign(dout, cache):
    x, out = cache
    return dout * np.where(dout > 0, LA.SCALE, out + LA.SCALE * LA.ALPHA)


@bug("missing-mask", LA.CELU, also=("wrong-mask",))
def celu_lower_formula_everywhere(dout, cache):
    x, out, alpha = cache
    return dout * (out / alpha + 1)


@bug("wrong-mask", LA.CELU)
def celu_halves_exchanged(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x < 0, 1, out / alpha + 1)


@bug("missing-term", A.GELU)
def gelu_cubic_part_undifferentiated(dout, cache):
    x, bend = cache
    return dout * 0.5 * (1 + bend + x * (1 - bend**2) * 0.7978845608028654)


@bug("constant-factor", A.GELU, also=("missing-term",))
def gelu_cube_with_the_three_lost(dout, cache):
    x, bend = cache
    inner = 0.7978845608028654 * (1 + 0.044715 * x**2)
    return dout * 0.5 * (1 + bend + x * (1 - bend**2) * inner)


@bug("constant-factor", LA.QUICK_GELU, also=("missing-term",))
def quick_gelu_inner_factor_lost(dout, cache):
    x, gate = cache
    return dout * (gate + x * gate * (1 - gate))


@bug("sign", LA.QUICK_GELU)
def quick_gelu_gate_minus_one(dout, cache):
    x, gate = cache
    return dout * (gate + 1.702 * x * gate * (gate - 1))


@bug("wrong-dtype", LA.QUICK_GELU)
def quick_gelu_slope_in_half_precision(dout, cache):
    x, gate = cache
    slope = (gate * (1 - gate)).astype(np.float16)
    return dout * (gate + 1.702 * x * slope)


@bug("missing-mask", LA.HARD_SWISH)
def hard_swish_parabola_everywhere(dout, x):
    return dout * (2 * x + 3) / 6


@bug("wrong-mask", LA.HARD_SWISH)
def hard_swish_flat_below_zero(dout, x):
    return dout * np.where(x <= 0, 0, np.where(x >= 3, 1, (2 * x + 3) / 6))


@bug("zero-gradient", LA.HARD_SWISH)
def hard_swish_written_into_a_copy(dout, x):
    dx, inside = np.zeros_like(x), abs(x) < 3
    dx[inside][:] = dout[inside] * (2 * x[inside] + 3) / 6
    dx[x >= 3][:] = dout[x >= 3]
    return dx


@bug("constant-factor", LA.HARD_SIGMOID)
def hard_sigmoid_without_its_slope(dout, cache):
    x, out = cache
    return dout * ((out > 0) & (out < 1))


@bug("wrong-mask", LA.HARD_SIGMOID)
def hard_sigmoid_bounds_tested_on_the_input(dout, cache):
    x, out = cache
    return 0.2 * dout * ((x > 0) & (x < 1))


@bug("missing-mask", LA.HARD_SIGMOID)
def hard_sigmoid_clips_nothing(dout, cache):
    x, out = cache
    return 0.2 * dout


@bug("wrong-cache-variable", LA.LOG_SIGMOID)
def log_sigmoid_takes_its_output_for_a_sigmoid(dout, cache):
    x, out = cache
    return dout * (1 - out)


@bug("wrong-dtype", A.SWISH)
def swish_gate_squeezed_to_float32(dout, cache):
    x, gate = cache
    gate = np.float32(gate).astype(float)
    return dout * (gate + x * gate * (1 - gate))


@bug("missing-term", LA.LEARNED_SWISH)
def learned_swish_input_without_the_steepness(dout, cache):
    x, beta, gate = cache
    slope = gate * (1 - gate)
    return dout * (gate + x * slope), (dout * x**2 * slope).sum(axis=0)


@bug("wrong-cache-variable", LA.LEARNED_SWISH)
def learned_swish_steepness_of_one_x(dout, cache):
    x, beta, gate = cache
    slope = gate * (1 - gate)
    return dout * (gate + beta * x * slope), (dout * x * gate * slope).sum(axis=0)


@bug("wrong-shape", LA.LEARNED_SWISH)
def learned_swish_steepness_for_every_example(dout, cache):
    x, beta, gate = cache
    slope = gate * (1 - gate)
    return dout * (gate + beta * x * slope), dout * x**2 * slope


@bug("missing-mask", LA.ROW_PRELU)
def row_prelu_slopes_learn_from_positive_numbers_too(dout, cache):
    x, slope = cache
    return dout * np.where(x > 0, 1, slope), (dout * x).sum(axis=0)


@bug("wrong-mask", LA.ROW_PRELU)
def row_prelu_slopes_learn_from_positive_numbers_only(dout, cache):
    x, slope = cache
    return dout * np.where(x > 0, 1, slope), (dout * np.maximum(x, 0)).sum(axis=0)


@bug("not-accumulated", LA.ROW_PRELU)
def row_prelu_slopes_of_the_first_example(dout, cache):
    x, slope = cache
    return dout * np.where(x > 0, 1, slope), (dout * np.where(x > 0, 0, x))[0]


@bug("not-accumulated", A.PRELU)
def prelu_slope_of_images_overwritten_by_each_example(dout, cache):
    x, slope = cache
    dslope = np.zeros_like(slope)
    for n in range(len(x)):
        dslope = (dout[n] * np.minimum(x[n], 0)).sum(axis=(1, 2))
    return np.where(x > 0, dout, slope[:, None, None] * dout), dslope


@bug("constant-factor", LA.SHARP_SOFTPLUS)
def sharp_softplus_multiplied_by_its_steepness(dout, cache):
    x, beta = cache
    return beta * dout * LA.sigmoid(beta * x)


@bug("non-finite", LA.SHARP_SOFTPLUS, inputs=normal((5, 6), scale=400.0))
def sharp_softplus_as_a_quotient_of_exponentials(dout, cache):
    x, beta = cache
    e = np.exp(beta * x)
    return dout * e / (1 + e)


@bug("missing-mask", LA.SOFT_SHRINK)
def soft_shrinkage_passes_everything(dout, cache):
    x, edge = cache
    return dout.copy()


@bug("wrong-mask", LA.SOFT_SHRINK)
def soft_shrinkage_forgets_the_lower_side(dout, cache):
    x, edge = cache
    return dout * (x > edge)


@bug("wrong-mask", LA.RELU6, also=("missing-mask",))
def relu6_open_at_the_top(dout, cache):
    x, out = cache
    return dout * (x > 0)


@bug("mutates", LA.RELU6)
def relu6_zeroes_dout_outside(dout, cache):
    x, out = cache
    dout[(x <= 0) | (x >= 6)] = 0
    return dout


@bug("sign", LA.DOUBLE_RELU)
def double_relu_second_half_added(dout, x):
    D = x.shape[1]
    return dout[:, :D] * (x > 0) + dout[:, D:] * (x < 0)


@bug("stride", LA.DOUBLE_RELU, also=("transposed",))
def double_relu_halves_read_by_turns(dout, x):
    return dout[:, ::2] * (x > 0) - dout[:, 1::2] * (x < 0)


@bug("missing-term", LA.SQUASH)
def squash_with_the_length_held_fixed(dout, cache):
    x, n = cache
    return dout * n / (1 + n**2)


@bug("sign", LA.SQUASH)
def squash_radial_part_subtracted(dout, cache):
    x, n = cache
    along = (dout * x).sum(axis=1, keepdims=True)
    return dout * n / (1 + n**2) - x * along * (1 - n**2) / (n * (1 + n**2) ** 2)


@bug("non-finite", A.SIGMOID, inputs=normal((5, 6), scale=1200.0))
def sigmoid_slope_by_its_exponential(dout, cache):
    x, out = cache
    e = np.exp(-x)
    return dout * e / (1 + e) ** 2


@bug("constant-factor", LA.TEMPERED)
def tempered_softmax_not_divided_again(dout, cache):
    x, t, probs = cache
    dz = probs * (dout - (dout * probs).sum(axis=-1, keepdims=True))
    return dz, -(dz * x).sum() / t**2


@bug("sign", LA.TEMPERED)
def tempered_softmax_temperature_turned_round(dout, cache):
    x, t, probs = cache
    dz = probs * (dout - (dout * probs).sum(axis=-1, keepdims=True))
    return dz / t, (dz * x).sum() / t**2


@bug("zero-gradient", LA.TEMPERED)
def tempered_softmax_temperature_as_a_setting(dout, cache):
    x, t, probs = cache
    dz = probs * (dout - (dout * probs).sum(axis=-1, keepdims=True))
    return dz / t, np.zeros(())


@bug("transposed", LA.COLUMN_SOFTMAX, inputs=normal((5, 5)))
def column_softmax_summed_along_rows(dout, out):
    return out * (dout - (dout * out).sum(axis=1, keepdims=True))


@bug("missing-term", LA.COLUMN_SOFTMAX)
def column_softmax_by_its_diagonal(dout, out):
    return dout * out * (1 - out)


@bug("wrong-dtype", LA.COLUMN_SOFTMAX)
def column_softmax_inner_sum_in_single_precision(dout, out):
    return out * (dout - (dout * out).sum(axis=0, dtype=np.float32))


@bug("missing-mask", LA.SPARSEMAX)
def sparsemax_taken_over_all_classes(dout, cache):
    x, out = cache
    return dout - dout.mean(axis=1, keepdims=True)


@bug("wrong-mask", LA.SPARSEMAX)
def sparsemax_support_read_from_the_scores(dout, cache):
    x, out = cache
    on = x >= 0
    return on * (dout - (dout * on).sum(axis=1, keepdims=True) / np.maximum(on.sum(axis=1, keepdims=True), 1))


@bug("wrong-cache-variable", LA.LECUN_TANH)
def lecun_tanh_slope_from_its_scaled_output(dout, cache):
    x, bend = cache
    out = 1.7159 * bend
    return 1.7159 * 2 / 3 * dout * (1 - out**2)


@bug("constant-factor", LA.LECUN_TANH)
def lecun_tanh_inner_scale_lost(dout, cache):
    x, bend = cache
    return 1.7159 * dout * (1 - bend**2)


@bug("sign", LA.BUMP)
def gaussian_bump_climbs(dout, cache):
    x, out = cache
    return 2 * dout * x * out


@bug("transposed", LA.SWISH_GLU, also=("wrong-cache-variable",))
def swish_glu_halves_joined_in_the_wrong_order(dout, cache):
    a, b, gate = cache
    return np.concatenate([dout * a * gate, dout * b * (gate + a * gate * (1 - gate))], axis=-1)


@bug("stride", LA.SWISH_GLU, also=("transposed",))
def swish_glu_halves_laid_by_turns(dout, cache):
    a, b, gate = cache
    halves = [dout * b * (gate + a * gate * (1 - gate)), dout * a * gate]
    return np.stack(halves, axis=-1).reshape(*dout.shape[:-1], -1)


@bug("non-finite", LA.SIGNED_ROOT, inputs=lambda rng: (rng.normal(size=(5, 6)) * (rng.random((5, 6)) < 0.7),))
def signed_square_root_without_its_epsilon(dout, cache):
    x, root = cache
    return dout / (2 * np.sqrt(abs(x)))


SCRATCH = {}


def scratching_tanh_forward(x):
    out = np.tanh(x)
    SCRATCH.setdefault("slope", 1 - out**2)
    return out, (x, out)


@bug("nondeterministic", A.TANH, forward=scratching_tanh_forward, inputs=forgetting(SCRATCH, A.TANH.inputs))
def tanh_slope_saved_at_the_first_call(dout, cache):
    return dout * SCRATCH["slope"]
