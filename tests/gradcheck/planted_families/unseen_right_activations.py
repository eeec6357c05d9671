"""Correct activations, thresholds, softmaxes and dropouts that no other file has."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def hard_swish_forward(x):
    gate = np.clip(x + 3, 0, 6) / 6
    return x * gate, (x, gate)


def hard_swish_backward(dout, cache):
    x, gate = cache
    return dout * (gate + x / 6 * ((x > -3) & (x < 3)))


def softsign_forward(x):
    out = x / (1 + abs(x))
    return out, (x, out)


def softsign_backward(dout, cache):
    x, out = cache
    return dout / (1 + abs(x)) ** 2


def mish_forward(x):
    bend = np.tanh(np.logaddexp(0, x))
    return x * bend, (x, bend)


def mish_backward(dout, cache):
    x, bend = cache
    return dout * (bend + x * (1 - bend**2) * sigmoid(x))


def selu_forward(x, scale=1.0507, alpha=1.6733):
    out = scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return out, (x, out, scale, alpha)


def selu_backward(dout, cache):
    x, out, scale, alpha = cache
    return dout * np.where(x > 0, scale, out + scale * alpha)


def two_sided_relu_forward(x):
    """relu(x) beside relu(-x)."""
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1), x


def two_sided_relu_backward(dout, x):
    first, second = np.split(dout, 2, axis=1)
    return first * (x > 0) - second * (x < 0)


def threshold_forward(x, t):
    """Soft threshold: numbers are moved towards 0 by t (D,)."""
    out = np.sign(x) * np.maximum(abs(x) - t, 0)
    return out, (x, t, out)


def threshold_backward(dout, cache):
    x, t, out = cache
    through = dout * (abs(x) > t)
    return through, -(through * np.sign(x)).sum(axis=0)


def sparsemax_forward(x):
    """The point of the simplex that is nearest to each row."""
    down = -np.sort(-x, axis=1)
    excess = down.cumsum(axis=1) - 1
    size = (down * np.arange(1, x.shape[1] + 1) > excess).sum(axis=1, keepdims=True)
    out = np.maximum(x - np.take_along_axis(excess, size - 1, axis=1) / size, 0)
    return out, (x, out)


def sparsemax_backward(dout, cache):
    x, out = cache
    support = out > 0
    mean = (dout * support).sum(axis=1, keepdims=True) / support.sum(axis=1, keepdims=True)
    return (dout - mean) * support


def warm_softmax_forward(x, t):
    """softmax(x / t), t of shape (1,)."""
    warm = x / t
    e = np.exp(warm - warm.max(axis=1, keepdims=True))
    out = e / e.sum(axis=1, keepdims=True)
    return out, (x, t, warm, out)


def warm_softmax_backward(dout, cache):
    x, t, warm, out = cache
    dwarm = out * (dout - (dout * out).sum(axis=1, keepdims=True))
    return dwarm / t, -(dwarm * warm).sum(keepdims=True).reshape(1) / t


def masked_softmax_forward(x, mask):
    """Softmax over the entries whose mask is True; the others are 0."""
    e = np.exp(np.where(mask, x, -np.inf) - x.max(axis=1, keepdims=True))
    out = e / e.sum(axis=1, keepdims=True)
    return out, (x, mask, out)


def masked_softmax_backward(dout, cache):
    x, mask, out = cache
    return out * (dout - (dout * out).sum(axis=1, keepdims=True))


def capped_relu_forward(x, cap=1.5):
    out = np.clip(x, 0, cap)
    return out, (x, out, cap)


def capped_relu_backward(dout, cache):
    x, out, cap = cache
    return dout * ((x > 0) & (x < cap))


def snake_forward(x, a):
    """x + sin(a x)^2 / a, a of shape (D,)."""
    sine = np.sin(a * x)
    return x + sine**2 / a, (x, a, sine)


def snake_backward(dout, cache):
    x, a, sine = cache
    double = np.sin(2 * a * x)
    return dout * (1 + double), (dout * (double * x - sine**2 / a) / a).sum(axis=0)


def alternating_glu_forward(x):
    """Even features times the sigmoid of the odd ones."""
    value, gate = x[:, ::2], sigmoid(x[:, 1::2])
    return value * gate, (x, value, gate)


def alternating_glu_backward(dout, cache):
    x, value, gate = cache
    dx = np.empty_like(x)
    dx[:, ::2] = dout * gate
    dx[:, 1::2] = dout * value * gate * (1 - gate)
    return dx


def log_sigmoid_forward(x):
    out = -np.logaddexp(0, -x)
    return out, (x, out)


def log_sigmoid_backward(dout, cache):
    x, out = cache
    return dout * sigmoid(-x)


def alpha_dropout_forward(x, mask, keep=0.8, low=-1.7581):
    """Dropped numbers become `low`; a scale and a shift restore mean and variance."""
    a = (keep + low**2 * keep * (1 - keep)) ** -0.5
    return a * np.where(mask, x, low) - a * low * (1 - keep), (mask, a)


def alpha_dropout_backward(dout, cache):
    mask, a = cache
    return a * dout * mask


def feature_dropout_forward(x, mask, keep=0.6):
    """x: (N, T, D); a feature is dropped at all times: mask (N, D)."""
    return x * mask[:, None] / keep, (x, mask, keep)


def feature_dropout_backward(dout, cache):
    x, mask, keep = cache
    return dout * mask[:, None] / keep


def winners_forward(x, k=2):
    """The k largest of each row stay, the others become 0."""
    floor = np.sort(x, axis=1)[:, -k][:, None]
    return x * (x >= floor), (x, floor)


def winners_backward(dout, cache):
    x, floor = cache
    return dout * (x >= floor)


def single_prelu_forward(x, slope):
    """One slope (1,) for all numbers."""
    return np.where(x > 0, x, slope * x), (x, slope)


def single_prelu_backward(dout, cache):
    x, slope = cache
    return np.where(x > 0, dout, slope * dout), (dout * np.minimum(x, 0)).sum().reshape(1)


def learned_clip_forward(x, low, high):
    """x between bounds low (D,) and high (D,) that are learned."""
    return np.clip(x, low, high), (x, low, high)


def learned_clip_backward(dout, cache):
    x, low, high = cache
    under, over = x < low, x > high
    return dout * ~(under | over), (dout * under).sum(axis=0), (dout * over).sum(axis=0)


def squareplus_forward(x, b=1.0):
    root = np.sqrt(x**2 + b)
    return (x + root) / 2, (x, root)


def squareplus_backward(dout, cache):
    x, root = cache
    return dout * (1 + x / root) / 2


def draw_clip(rng):
    return 1.5 * rng.normal(size=(6, 4)), rng.uniform(-1, -0.5, 4), rng.uniform(0.5, 1, 4)


def draw_attended(rng):
    mask = np.arange(6) < rng.integers(2, 6, 5)[:, None]
    return rng.normal(size=(5, 6)), mask


def activation(name, family, forward, backward, *shapes, inputs=None):
    return Planted(name, family, forward, backward, inputs or normal(*(shapes or [(5, 6)])))


HARD_SWISH = activation(
    "hard swish, again", "swish", hard_swish_forward, hard_swish_backward, inputs=normal((5, 6), scale=3.0)
)
SOFTSIGN = activation("softsign, again", "tanh", softsign_forward, softsign_backward)
MISH = activation("mish", "swish", mish_forward, mish_backward)
SELU = activation("selu", "elu", selu_forward, selu_backward)
TWO_SIDED = activation("two-sided relu", "relu", two_sided_relu_forward, two_sided_relu_backward, (5, 4))
THRESHOLD = activation(
    "soft threshold",
    "clip",
    threshold_forward,
    threshold_backward,
    inputs=lambda rng: (rng.normal(size=(6, 5)), rng.uniform(0.2, 0.8, 5)),
)
SPARSEMAX = activation("sparsemax", "softmax", sparsemax_forward, sparsemax_backward)
WARM = activation(
    "softmax with temperature",
    "softmax",
    warm_softmax_forward,
    warm_softmax_backward,
    inputs=lambda rng: (rng.normal(size=(5, 4)), rng.uniform(0.5, 0.8, 1)),
)
MASKED_SOFTMAX = activation(
    "masked softmax", "softmax", masked_softmax_forward, masked_softmax_backward, inputs=draw_attended
)
CAPPED = activation(
    "capped relu", "clip", capped_relu_forward, capped_relu_backward, inputs=normal((5, 6), scale=1.5)
)
SNAKE = activation(
    "snake",
    "steep",
    snake_forward,
    snake_backward,
    inputs=lambda rng: (rng.normal(size=(5, 4)), rng.uniform(0.5, 2, 4)),
)
ALTERNATING = activation(
    "alternating gated linear unit", "swish", alternating_glu_forward, alternating_glu_backward, (4, 6)
)
LOG_SIGMOID = activation("log-sigmoid", "softplus", log_sigmoid_forward, log_sigmoid_backward)
ALPHA_DROPOUT = activation(
    "alpha dropout",
    "dropout",
    alpha_dropout_forward,
    alpha_dropout_backward,
    inputs=lambda rng: (rng.normal(size=(5, 6)), rng.permutation(30).reshape(5, 6) < 22),
)
FEATURE_DROPOUT = activation(
    "feature dropout",
    "dropout",
    feature_dropout_forward,
    feature_dropout_backward,
    inputs=lambda rng: (rng.normal(size=(4, 4, 3)), rng.permutation(12).reshape(4, 3) < 7),
)
WINNERS = activation("winners of each row", "max", winners_forward, winners_backward)
SINGLE_PRELU = activation(
    "prelu of a single slope", "prelu", single_prelu_forward, single_prelu_backward, (5, 6), (1,)
)
LEARNED_CLIP = activation(
    "clip with learned bounds", "clip", learned_clip_forward, learned_clip_backward, inputs=draw_clip
)
SQUAREPLUS = activation("squareplus", "softplus", squareplus_forward, squareplus_backward)

UNSEEN_RIGHT_ACTIVATIONS = [HARD_SWISH, SOFTSIGN, MISH, SELU, TWO_SIDED, THRESHOLD, SPARSEMAX, WARM,
                            MASKED_SOFTMAX, CAPPED, SNAKE, ALTERNATING, LOG_SIGMOID, ALPHA_DROPOUT,
                            FEATURE_DROPOUT, WINNERS, SINGLE_PRELU, LEARNED_CLIP, SQUAREPLUS]  # fmt: skip
