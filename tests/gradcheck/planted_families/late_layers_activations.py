"""More correct activations: smooth and hard gates, learned slopes, squashing of rows and sparse softmax."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def mish_forward(x):
    soft = np.logaddexp(0, x)
    bend = np.tanh(soft)
    return x * bend, (x, soft, bend)


def mish_backward(dout, cache):
    x, soft, bend = cache
    return dout * (bend + x * (1 - bend**2) * np.exp(x - soft))


def selu_forward(x):
    out = SCALE * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0)))
    return out, (x, out)


def selu_backward(dout, cache):
    x, out = cache
    return dout * np.where(x > 0, SCALE, out + SCALE * ALPHA)


def celu_forward(x, alpha=1.5):
    out = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))
    return out, (x, out, alpha)


def celu_backward(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, out / alpha + 1)


def quick_gelu_forward(x):
    gate = sigmoid(1.702 * x)
    return x * gate, (x, gate)


def quick_gelu_backward(dout, cache):
    x, gate = cache
    return dout * (gate + 1.702 * x * gate * (1 - gate))


def hard_swish_forward(x):
    return x * np.clip(x + 3, 0, 6) / 6, x


def hard_swish_backward(dout, x):
    return dout * np.where(x <= -3, 0, np.where(x >= 3, 1, (2 * x + 3) / 6))


def hard_sigmoid_forward(x):
    out = np.clip(0.2 * x + 0.5, 0, 1)
    return out, (x, out)


def hard_sigmoid_backward(dout, cache):
    x, out = cache
    return 0.2 * dout * ((out > 0) & (out < 1))


def softsign_forward(x):
    below = 1 + abs(x)
    return x / below, (x, below)


def softsign_backward(dout, cache):
    x, below = cache
    return dout / below**2


def log_sigmoid_forward(x):
    out = -np.logaddexp(0, -x)
    return out, (x, out)


def log_sigmoid_backward(dout, cache):
    x, out = cache
    return dout * np.exp(out - x)


def learned_swish_forward(x, beta):
    """x: (N, D), beta: (D,)."""
    gate = sigmoid(beta * x)
    return x * gate, (x, beta, gate)


def learned_swish_backward(dout, cache):
    x, beta, gate = cache
    slope = gate * (1 - gate)
    return dout * (gate + beta * x * slope), (dout * x**2 * slope).sum(axis=0)


def row_prelu_forward(x, slope):
    """x: (N, D), slope: (D,)."""
    return np.where(x > 0, x, slope * x), (x, slope)


def row_prelu_backward(dout, cache):
    x, slope = cache
    return dout * np.where(x > 0, 1, slope), (dout * np.where(x > 0, 0, x)).sum(axis=0)


def sharp_softplus_forward(x, beta=3.0):
    return np.logaddexp(0, beta * x) / beta, (x, beta)


def sharp_softplus_backward(dout, cache):
    x, beta = cache
    return dout * sigmoid(beta * x)


def soft_shrink_forward(x, edge=0.5):
    return np.sign(x) * np.maximum(abs(x) - edge, 0), (x, edge)


def soft_shrink_backward(dout, cache):
    x, edge = cache
    return dout * (abs(x) > edge)


def relu6_forward(x):
    out = np.clip(x, 0, 6)
    return out, (x, out)


def relu6_backward(dout, cache):
    x, out = cache
    return dout * ((x > 0) & (x < 6))


def double_relu_forward(x):
    """CReLU: relu(x) and relu(-x) side by side."""
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1), x


def double_relu_backward(dout, x):
    D = x.shape[1]
    return dout[:, :D] * (x > 0) - dout[:, D:] * (x < 0)


def squash_forward(x):
    """Capsules' rows, shortened: x |x| / (1 + |x|**2)."""
    n = np.sqrt((x**2).sum(axis=1, keepdims=True))
    return x * n / (1 + n**2), (x, n)


def squash_backward(dout, cache):
    x, n = cache
    along = (dout * x).sum(axis=1, keepdims=True)
    return dout * n / (1 + n**2) + x * along * (1 - n**2) / (n * (1 + n**2) ** 2)


def tempered_forward(x, t):
    """softmax(x / t) over the last axis; t: one number."""
    e = np.exp((x - x.max(axis=-1, keepdims=True)) / t)
    probs = e / e.sum(axis=-1, keepdims=True)
    return probs, (x, t, probs)


def tempered_backward(dout, cache):
    x, t, probs = cache
    dz = probs * (dout - (dout * probs).sum(axis=-1, keepdims=True))
    return dz / t, -(dz * x).sum() / t**2


def column_softmax_forward(x):
    e = np.exp(x - x.max(axis=0))
    out = e / e.sum(axis=0)
    return out, out


def column_softmax_backward(dout, out):
    return out * (dout - (dout * out).sum(axis=0))


def sparsemax_forward(x):
    z = np.sort(x, axis=1)[:, ::-1]
    sums = z.cumsum(axis=1) - 1
    k = (z * np.arange(1, x.shape[1] + 1) > sums).sum(axis=1, keepdims=True)
    out = np.maximum(x - np.take_along_axis(sums, k - 1, axis=1) / k, 0)
    return out, (x, out)


def sparsemax_backward(dout, cache):
    x, out = cache
    on = out > 0
    return on * (dout - (dout * on).sum(axis=1, keepdims=True) / on.sum(axis=1, keepdims=True))


def lecun_tanh_forward(x):
    bend = np.tanh(2 * x / 3)
    return 1.7159 * bend, (x, bend)


def lecun_tanh_backward(dout, cache):
    x, bend = cache
    return 1.7159 * 2 / 3 * dout * (1 - bend**2)


def bump_forward(x):
    out = np.exp(-(x**2))
    return out, (x, out)


def bump_backward(dout, cache):
    x, out = cache
    return -2 * dout * x * out


def swish_glu_forward(x):
    """The features' first half through swish, times the second half."""
    a, b = np.split(x, 2, axis=-1)
    gate = sigmoid(a)
    return a * gate * b, (a, b, gate)


def swish_glu_backward(dout, cache):
    a, b, gate = cache
    return np.concatenate([dout * b * (gate + a * gate * (1 - gate)), dout * a * gate], axis=-1)


def signed_root_forward(x, eps=0.01):
    """sign(x) (sqrt(|x| + eps) - sqrt(eps))."""
    root = np.sqrt(abs(x) + eps)
    return np.sign(x) * (root - np.sqrt(eps)), (x, root)


def signed_root_backward(dout, cache):
    x, root = cache
    return dout / (2 * root)


ROWS = normal((5, 6))

MISH = Planted("mish by softplus", "swish", mish_forward, mish_backward, ROWS)
SELU = Planted("selu of rows", "elu", selu_forward, selu_backward, ROWS)
CELU = Planted("celu of rows", "elu", celu_forward, celu_backward, ROWS)
QUICK_GELU = Planted("gelu by a sigmoid", "gelu", quick_gelu_forward, quick_gelu_backward, ROWS)
HARD_SWISH = Planted("hard swish", "swish", hard_swish_forward, hard_swish_backward, normal((5, 6), scale=3.0))
HARD_SIGMOID = Planted(
    "hard sigmoid", "clip", hard_sigmoid_forward, hard_sigmoid_backward, normal((5, 6), scale=2.0)
)
SOFTSIGN = Planted("softsign", "softsign", softsign_forward, softsign_backward, ROWS)
LOG_SIGMOID = Planted("logarithm of a sigmoid", "sigmoid", log_sigmoid_forward, log_sigmoid_backward, ROWS)
LEARNED_SWISH = Planted(
    "swish with learned steepness", "swish", learned_swish_forward, learned_swish_backward, normal((5, 4), (4,))
)
ROW_PRELU = Planted("prelu of rows", "prelu", row_prelu_forward, row_prelu_backward, normal((6, 4), (4,)))
SHARP_SOFTPLUS = Planted("sharp softplus", "softplus", sharp_softplus_forward, sharp_softplus_backward, ROWS)
SOFT_SHRINK = Planted("soft shrinkage", "clip", soft_shrink_forward, soft_shrink_backward, ROWS)
RELU6 = Planted("relu6 of rows", "clip", relu6_forward, relu6_backward, normal((6, 6), scale=5.0, shift=2.0))
DOUBLE_RELU = Planted("relu of both signs", "relu", double_relu_forward, double_relu_backward, ROWS)
SQUASH = Planted("squashed capsules", "norm", squash_forward, squash_backward, normal((5, 4)))
TEMPERED = Planted(
    "softmax at a learned temperature",
    "softmax",
    tempered_forward,
    tempered_backward,
    lambda rng: (rng.normal(size=(4, 5)), np.array(rng.uniform(1.5, 2.5))),
)
COLUMN_SOFTMAX = Planted("softmax of columns", "softmax", column_softmax_forward, column_softmax_backward, ROWS)
SPARSEMAX = Planted("sparsemax", "softmax", sparsemax_forward, sparsemax_backward, ROWS)
LECUN_TANH = Planted("scaled tanh of LeCun", "tanh", lecun_tanh_forward, lecun_tanh_backward, ROWS)
BUMP = Planted("gaussian bump", "steep", bump_forward, bump_backward, ROWS)
SWISH_GLU = Planted("swish-gated halves", "swish", swish_glu_forward, swish_glu_backward, normal((2, 3, 6)))
SIGNED_ROOT = Planted("signed square root", "root", signed_root_forward, signed_root_backward, ROWS)

LATE_LAYERS_ACTIVATIONS = [MISH, SELU, CELU, QUICK_GELU, HARD_SWISH, HARD_SIGMOID, SOFTSIGN, LOG_SIGMOID,
                           LEARNED_SWISH, ROW_PRELU, SHARP_SOFTPLUS, SOFT_SHRINK, RELU6, DOUBLE_RELU, SQUASH,
                           TEMPERED, COLUMN_SOFTMAX, SPARSEMAX, LECUN_TANH, BUMP, SWISH_GLU,
                           SIGNED_ROOT]  # fmt: skip
