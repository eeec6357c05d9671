"""Wrong backward passes of activations and dropout."""

import numpy as np

from tests.gradcheck.planted_families.activations import (
    ABSOLUTE,
    CLIP,
    DROPOUT,
    ELU,
    GELU,
    LEAKY,
    POWER,
    PRELU,
    RECIPROCAL,
    RELU,
    SIGMOID,
    SOFTMAX,
    SOFTPLUS,
    STEEP,
    TANH,
    dropout_backward,
    leaky_relu_backward,
    prelu_backward,
    sigmoid_backward,
    sigmoid_forward,
    softmax_backward,
)
from tests.gradcheck.planted_families.case import forgetting, planting

ACTIVATION_BUGS = []
bug = planting(ACTIVATION_BUGS)
noise = np.random.default_rng(0)


def whole_numbers(rng):
    return (rng.integers(-2, 3, (5, 6)).astype(float),)


@bug("constant-factor", TANH)
def tanh_one_in_a_thousand_large(dout, cache):
    x, out = cache
    return 1.001 * dout * (1 - out**2)


@bug("constant-factor", GELU)
def gelu_without_its_half(dout, cache):
    x, bend = cache
    inner = 0.7978845608028654 * (1 + 3 * 0.044715 * x**2)
    return dout * (1 + bend + x * (1 - bend**2) * inner)


@bug("constant-factor", DROPOUT)
def dropout_not_scaled_in_backward(dout, cache):
    mask, keep = cache
    return dout * mask


@bug("constant-factor", STEEP)
def exponential_without_the_inner_factor(dout, out):
    return dout * out


@bug("sign", LEAKY)
def leaky_relu_slope_negative(dout, cache):
    x, slope = cache
    return dout * np.where(x > 0, 1, -slope)


@bug("sign", ABSOLUTE)
def absolute_value_the_wrong_way_round(dout, x):
    return np.where(x > 0, -dout, dout)


@bug("sign", RECIPROCAL)
def reciprocal_without_minus(dout, x):
    return dout / x**2


@bug("sign", SOFTMAX, also=("missing-term",))
def softmax_sum_added(dout, out):
    return out * (dout + (dout * out).sum(axis=-1, keepdims=True))


@bug("missing-term", SOFTMAX)
def softmax_without_the_sum(dout, out):
    return out * dout


@bug("missing-term", SOFTMAX)
def softmax_diagonal_only(dout, out):
    return dout * out * (1 - out)


@bug("missing-mask", RELU)
def relu_passes_everything(dout, x):
    return dout.copy()


@bug("missing-mask", CLIP)
def clip_passes_everything(dout, cache):
    return dout.copy()


@bug("missing-mask", DROPOUT)
def dropout_without_its_mask(dout, cache):
    mask, keep = cache
    return dout / keep


@bug("missing-mask", PRELU)
def prelu_dslope_of_both_sides(dout, cache):
    x, slope = cache
    return np.where(x > 0, dout, slope[:, None, None] * dout), (dout * x).sum(axis=(0, 2, 3))


@bug("wrong-mask", RELU)
def relu_of_the_negative_side(dout, x):
    return dout * (x < 0)


@bug("wrong-mask", RELU)
def relu_mask_from_dout(dout, x):
    return dout * (dout > 0)


def out_relu_forward(x):
    out = np.maximum(x, 0)
    return out, out


@bug("wrong-mask", RELU, also=("missing-mask",), forward=out_relu_forward)
def relu_mask_out_at_least_zero(dout, out):
    return dout * (out >= 0)


@bug("wrong-mask", DROPOUT)
def dropout_mask_inverted(dout, cache):
    mask, keep = cache
    return dout * ~mask / keep


@bug("wrong-mask", CLIP, also=("missing-mask",))
def clip_knows_only_its_lower_bound(dout, cache):
    x, low, high = cache
    return dout * (x > low)


@bug("wrong-mask", LEAKY)
def leaky_relu_sides_swapped(dout, cache):
    x, slope = cache
    return dout * np.where(x > 0, slope, 1)


@bug("wrong-cache-variable", SIGMOID)
def sigmoid_with_x_for_out(dout, cache):
    x, out = cache
    return dout * x * (1 - x)


@bug("wrong-cache-variable", SIGMOID)
def sigmoid_of_the_sigmoid(dout, cache):
    x, out = cache
    again = sigmoid_forward(out)
    return sigmoid_backward(dout, again[1])


@bug("wrong-cache-variable", TANH)
def tanh_with_x_for_out(dout, cache):
    x, out = cache
    return dout * (1 - x**2)


@bug("wrong-cache-variable", SOFTPLUS)
def softplus_with_out_for_x(dout, cache):
    x, out = cache
    return dout / (1 + np.exp(-out))


@bug("wrong-cache-variable", ELU)
def elu_with_x_for_out(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, x + alpha)


@bug("mutates", RELU)
def relu_zeroes_dout_in_place(dout, x):
    dout[x <= 0] = 0
    return dout


@bug("mutates", DROPOUT)
def dropout_multiplies_dout_in_place(dout, cache):
    mask, keep = cache
    dout *= mask
    dout /= keep
    return dout


def shifting_softmax_forward(x):
    x -= x.max(axis=-1, keepdims=True)
    out = np.exp(x)
    out /= out.sum(axis=-1, keepdims=True)
    return out, out


@bug("mutates", SOFTMAX, forward=shifting_softmax_forward)
def softmax_shifts_its_input_in_place(dout, out):
    return softmax_backward(dout, out)


@bug("wrong-shape", PRELU)
def prelu_dslope_not_summed(dout, cache):
    x, slope = cache
    return prelu_backward(dout, cache)[0], dout * np.minimum(x, 0)


@bug("wrong-dtype", SIGMOID)
def sigmoid_in_half_precision(dout, cache):
    x, out = cache
    out = out.astype(np.float16)
    return (dout.astype(np.float16) * out * (1 - out)).astype(np.float64)


@bug("wrong-dtype", SOFTMAX)
def softmax_by_way_of_float32(dout, out):
    return softmax_backward(dout.astype(np.float32), out.astype(np.float32)).astype(np.float64)


@bug("non-finite", ABSOLUTE, inputs=whole_numbers)
def absolute_value_divides_by_itself(dout, x):
    return dout * x / abs(x)


@bug("non-finite", RELU, inputs=whole_numbers)
def relu_slope_as_out_over_x(dout, x):
    return dout * np.maximum(x, 0) / x


@bug("non-finite", SIGMOID, inputs=lambda rng: (500 * rng.normal(size=(5, 6)) - 500,))
def sigmoid_by_way_of_a_huge_exponential(dout, cache):
    x, out = cache
    e = np.exp(-x)
    return dout * e / (1 + e) ** 2


@bug("nondeterministic", DROPOUT)
def dropout_draws_another_mask_in_backward(dout, cache):
    mask, keep = cache
    return dout * (noise.random(mask.shape) < keep) / keep


def drawing_dropout_forward(x, mask, keep=0.6):
    mask = noise.random(x.shape) < keep
    return x * mask / keep, (mask, keep)


@bug("nondeterministic", DROPOUT, forward=drawing_dropout_forward)
def dropout_draws_a_mask_of_its_own(dout, cache):
    return dropout_backward(dout, cache)


latest = {}


def global_relu_forward(x):
    latest["mask"] = x > 0
    return np.maximum(x, 0), None


@bug("nondeterministic", RELU, also=("wrong-cache-variable",), forward=global_relu_forward,
     inputs=forgetting(latest, RELU.inputs))  # fmt: skip
def relu_mask_kept_in_a_global(dout, cache):
    return dout * latest["mask"]


@bug("zero-gradient", RELU)
def relu_writes_into_a_copy(dout, x):
    dx = np.zeros_like(x)
    dx[x > 0][:] = dout[x > 0]
    return dx


@bug("zero-gradient", SOFTMAX)
def softmax_said_to_be_constant(dout, out):
    return out * (1 - out.sum(axis=-1, keepdims=True).round())


@bug("wrong-mask", LEAKY)
def leaky_relu_mask_from_dout(dout, cache):
    x, slope = cache
    return leaky_relu_backward(dout, (dout, slope))


@bug("mutates", SIGMOID)
def sigmoid_multiplies_out_in_place(dout, cache):
    x, out = cache
    out *= 1 - out
    return dout * out


@bug("wrong-dtype", TANH)
def tanh_by_way_of_float32(dout, cache):
    out = cache[1].astype(np.float32)
    return (dout.astype(np.float32) * (1 - out**2)).astype(np.float64)


@bug("wrong-dtype", DROPOUT)
def dropout_in_half_precision(dout, cache):
    mask, keep = cache
    return (dout * mask / keep).astype(np.float16)


@bug("non-finite", SOFTPLUS, inputs=lambda rng: (1000 * rng.normal(size=(5, 6)),))
def softplus_by_way_of_a_huge_exponential(dout, cache):
    x, out = cache
    return dout * np.exp(x) / (1 + np.exp(x))


@bug("non-finite", POWER, inputs=lambda rng: (rng.integers(-2, 3, (5, 6)).astype(float),), options={"exponent": 3})
def power_from_out_over_x(dout, cache):
    x, exponent = cache
    return dout * exponent * x**exponent / x
