"""Correct activations, dropout with a given mask, and functions of one number that are steep or have corners."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, away_from_zero, normal


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward(dout, x):
    return dout * (x > 0)


def leaky_relu_forward(x, slope=0.1):
    return np.where(x > 0, x, slope * x), (x, slope)


def leaky_relu_backward(dout, cache):
    x, slope = cache
    return dout * np.where(x > 0, 1, slope)


def prelu_forward(x, slope):
    """x: (N, C, H, W), slope: (C,)."""
    return np.where(x > 0, x, slope[:, None, None] * x), (x, slope)


def prelu_backward(dout, cache):
    x, slope = cache
    dx = np.where(x > 0, dout, slope[:, None, None] * dout)
    return dx, (dout * np.minimum(x, 0)).sum(axis=(0, 2, 3))


def elu_forward(x, alpha=0.7):
    out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return out, (x, out, alpha)


def elu_backward(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out + alpha)


def gelu_forward(x):
    bend = np.tanh(0.7978845608028654 * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + bend), (x, bend)


def gelu_backward(dout, cache):
    x, bend = cache
    inner = 0.7978845608028654 * (1 + 3 * 0.044715 * x**2)
    return dout * 0.5 * (1 + bend + x * (1 - bend**2) * inner)


def sigmoid_forward(x):
    out = 1 / (1 + np.exp(-x))
    return out, (x, out)


def sigmoid_backward(dout, cache):
    x, out = cache
    return dout * out * (1 - out)


def tanh_forward(x):
    out = np.tanh(x)
    return out, (x, out)


def tanh_backward(dout, cache):
    x, out = cache
    return dout * (1 - out**2)


def softplus_forward(x):
    out = np.logaddexp(0, x)
    return out, (x, out)


def softplus_backward(dout, cache):
    x, out = cache
    return dout * np.exp(x - out)


def swish_forward(x):
    gate = 1 / (1 + np.exp(-x))
    return x * gate, (x, gate)


def swish_backward(dout, cache):
    x, gate = cache
    return dout * (gate + x * gate * (1 - gate))


def glu_forward(x):
    """The first half of the features times the sigmoid of the second half."""
    value, gate = np.split(x, 2, axis=1)
    gate = 1 / (1 + np.exp(-gate))
    return value * gate, (value, gate)


def glu_backward(dout, cache):
    value, gate = cache
    return np.concatenate([dout * gate, dout * value * gate * (1 - gate)], axis=1)


def softmax_forward(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    out = e / e.sum(axis=-1, keepdims=True)
    return out, out


def softmax_backward(dout, out):
    return out * (dout - (dout * out).sum(axis=-1, keepdims=True))


def log_softmax_forward(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    out = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return out, out


def log_softmax_backward(dout, out):
    return dout - np.exp(out) * dout.sum(axis=-1, keepdims=True)


def clip_forward(x, low=-1.0, high=1.0):
    return np.clip(x, low, high), (x, low, high)


def clip_backward(dout, cache):
    x, low, high = cache
    return dout * ((x > low) & (x < high))


def absolute_forward(x):
    return abs(x), x


def absolute_backward(dout, x):
    return dout * np.sign(x)


def steep_forward(x):
    out = np.exp(5 * x)
    return out, out


def steep_backward(dout, out):
    return 5 * dout * out


def power_forward(x, exponent=9):
    return x**exponent, (x, exponent)


def power_backward(dout, cache):
    x, exponent = cache
    return dout * exponent * x ** (exponent - 1)


def reciprocal_forward(x):
    return 1 / x, x


def reciprocal_backward(dout, x):
    return -dout / x**2


def steps_forward(x):
    return np.floor(3 * x), x


def steps_backward(dout, x):
    return np.zeros_like(x)


def root_forward(x):
    out = np.sqrt(x)
    return out, out


def root_backward(dout, out):
    return dout / (2 * out)


def dropout_forward(x, mask, keep=0.6):
    return x * mask / keep, (mask, keep)


def dropout_backward(dout, cache):
    mask, keep = cache
    return dout * mask / keep


def draw_dropout(rng):
    return rng.normal(size=(6, 5)), rng.random((6, 5)) < 0.6


ANY = normal((5, 6))

RELU = Planted("relu", "relu", relu_forward, relu_backward, ANY)
LEAKY = Planted("leaky relu", "leaky relu", leaky_relu_forward, leaky_relu_backward, ANY)
PRELU = Planted("prelu", "prelu", prelu_forward, prelu_backward, normal((2, 3, 4, 4), (3,)))
ELU = Planted("elu", "elu", elu_forward, elu_backward, ANY)
GELU = Planted("gelu", "gelu", gelu_forward, gelu_backward, ANY)
SIGMOID = Planted("sigmoid", "sigmoid", sigmoid_forward, sigmoid_backward, ANY)
TANH = Planted("tanh", "tanh", tanh_forward, tanh_backward, ANY)
SOFTPLUS = Planted("softplus", "softplus", softplus_forward, softplus_backward, ANY)
SWISH = Planted("swish", "swish", swish_forward, swish_backward, ANY)
GLU = Planted("gated linear unit", "swish", glu_forward, glu_backward, ANY)
SOFTMAX = Planted("softmax", "softmax", softmax_forward, softmax_backward, ANY)
LOG_SOFTMAX = Planted("log-softmax", "softmax", log_softmax_forward, log_softmax_backward, ANY)
CLIP = Planted("clip", "clip", clip_forward, clip_backward, normal((5, 6), scale=1.5))
ABSOLUTE = Planted("absolute value", "abs", absolute_forward, absolute_backward, ANY)
STEEP = Planted("exp(5 x)", "steep", steep_forward, steep_backward, ANY)
POWER = Planted("x**9", "steep", power_forward, power_backward, ANY)
RECIPROCAL = Planted("reciprocal", "division", reciprocal_forward, reciprocal_backward, away_from_zero((5, 6)))
STEPS = Planted("floor", "floor", steps_forward, steps_backward, ANY)
ROOT = Planted("square root", "root", root_forward, root_backward, lambda rng: (rng.uniform(0.5, 4, (5, 6)),))
DROPOUT = Planted("dropout", "dropout", dropout_forward, dropout_backward, draw_dropout)

ACTIVATIONS = [RELU, LEAKY, PRELU, ELU, GELU, SIGMOID, TANH, SOFTPLUS, SWISH, GLU, SOFTMAX, LOG_SOFTMAX, CLIP,
               ABSOLUTE, STEEP, POWER, RECIPROCAL, STEPS, ROOT, DROPOUT]  # fmt: skip
