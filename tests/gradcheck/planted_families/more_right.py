"""More correct pairs: dense layers and losses that the families lack, and further hard points."""

from dataclasses import replace

import numpy as np

from tests.gradcheck.planted_families import activations as A
from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.hard_points import at, whole
from tests.gradcheck.planted_families.more_layers import CAUSAL_CONV, GRU, MAX_OVER_TIME, MORE_LAYERS, PADDED_RNN


def softsign_forward(x):
    return x / (1 + abs(x)), x


def softsign_backward(dout, x):
    return dout / (1 + abs(x)) ** 2


def hard_swish_forward(x):
    """x times a gate that climbs from 0 at -3 to 1 at 3."""
    gate = np.clip((x + 3) / 6, 0, 1)
    return x * gate, (x, gate)


def hard_swish_backward(dout, cache):
    x, gate = cache
    return dout * (gate + x * (abs(x) < 3) / 6)


def twice_forward(x, w):
    """One layer applied twice: tanh(tanh(x w) w)."""
    first = np.tanh(x @ w)
    out = np.tanh(first @ w)
    return out, (x, w, first, out)


def twice_backward(dout, cache):
    x, w, first, out = cache
    dsecond = dout * (1 - out**2)
    dfirst = dsecond @ w.T * (1 - first**2)
    return dfirst @ w.T, x.T @ dfirst + first.T @ dsecond


def low_rank_forward(x, w, a, b, scale=0.25):
    """x w plus a change of low rank, scale * x a b."""
    code = x @ a
    return x @ w + scale * (code @ b), (x, w, a, b, code, scale)


def low_rank_backward(dout, cache):
    x, w, a, b, code, scale = cache
    dcode = scale * dout @ b.T
    return dout @ w.T + dcode @ a.T, x.T @ dout, x.T @ dcode, scale * code.T @ dout


def experts_forward(x, w, v):
    """Experts w (E, D, M), each weighted by its share softmax(x v) of every example."""
    shares = S.softmax(x @ v)
    answers = np.einsum("nd,edm->nem", x, w)
    return np.einsum("ne,nem->nm", shares, answers), (x, w, v, shares, answers)


def experts_backward(dout, cache):
    x, w, v, shares, answers = cache
    danswers = shares[..., None] * dout[:, None]
    dshares = np.einsum("nm,nem->ne", dout, answers)
    dscores = shares * (dshares - (dshares * shares).sum(axis=1, keepdims=True))
    dx = np.einsum("nem,edm->nd", danswers, w) + dscores @ v.T
    return dx, np.einsum("nd,nem->edm", x, danswers), x.T @ dscores


def dropped_branch_forward(x, w, mask, keep=0.6):
    """x + dropout(relu(x w))."""
    hidden = np.maximum(x @ w, 0)
    return x + hidden * mask / keep, (x, w, hidden, mask, keep)


def dropped_branch_backward(dout, cache):
    x, w, hidden, mask, keep = cache
    dhidden = dout * mask / keep * (hidden > 0)
    return dout + dhidden @ w.T, x.T @ dhidden


def log_probs_of(x):
    return A.log_softmax_forward(x)[0]


def smoothed_loss_forward(x, y, smoothing=0.2):
    """Softmax loss whose targets give the share `smoothing` of each example to all classes alike."""
    target = (1 - smoothing) * np.eye(x.shape[1])[y] + smoothing / x.shape[1]
    log_probs = log_probs_of(x)
    return -(target * log_probs).sum() / len(x), (np.exp(log_probs), target, y, smoothing)


def smoothed_loss_backward(dout, cache):
    probs, target, _, _ = cache
    return dout * (probs - target) / len(probs)


def ignoring_loss_forward(x, y):
    """Softmax loss, the mean over the examples that have a label: -1 stands for none."""
    known = y >= 0
    log_probs = log_probs_of(x)
    right = log_probs[np.arange(len(x)), y]
    return -(right * known).sum() / known.sum(), (np.exp(log_probs), y, known)


def ignoring_loss_backward(dout, cache):
    probs, y, known = cache
    return dout * (probs - np.eye(probs.shape[1])[y]) * known[:, None] / known.sum()


def weighted_loss_forward(x, y, weights):
    """Softmax loss, the mean weighted by a weight for each class (which is not differentiated)."""
    log_probs, share = log_probs_of(x), weights[y] / weights[y].sum()
    return -(share * log_probs[np.arange(len(x)), y]).sum(), (np.exp(log_probs), y, weights, share)


def weighted_loss_backward(dout, cache):
    probs, y, _, share = cache
    return dout * share[:, None] * (probs - np.eye(probs.shape[1])[y])


def focal_loss_forward(x, y):
    """-(1 - p)**2 log p of the right class: examples that are well known count less."""
    log_probs = log_probs_of(x)
    right = log_probs[np.arange(len(x)), y]
    return -((1 - np.exp(right)) ** 2 * right).mean(), (np.exp(log_probs), right, y)


def focal_loss_backward(dout, cache):
    probs, right, y = cache
    missing = 1 - np.exp(right)
    dright = 2 * missing * np.exp(right) * right - missing**2
    return dout * dright[:, None] * (np.eye(probs.shape[1])[y] - probs) / len(probs)


def views_loss_forward(x, y, temperature=0.5):
    """Contrastive loss of two views: x[n] should find y[n] among all of y."""
    probs = S.softmax(x @ y.T / temperature)
    return -np.log(np.diagonal(probs)).mean(), (x, y, probs, temperature)


def views_loss_backward(dout, cache):
    x, y, probs, temperature = cache
    dscores = dout * (probs - np.eye(len(x))) / len(x) / temperature
    return dscores @ y, dscores.T @ x


def pairs_loss_forward(a, b, same, margin=3.0):
    """Squared distance where same (N,) is True, elsewhere the square of what it lacks to the margin."""
    distance = np.sqrt(((a - b) ** 2).sum(axis=1))
    lack = np.maximum(margin - distance, 0)
    return np.where(same, distance**2, lack**2).mean(), (a, b, same, distance, lack)


def pairs_loss_backward(dout, cache):
    a, b, same, distance, lack = cache
    pull = np.where(same, 2, -2 * lack / np.where(distance > 0, distance, 1))
    da = dout * pull[:, None] * (a - b) / len(a)
    return da, -da


def dice_loss_forward(x, y):
    """1 - 2 |p y| / (|p| + |y|) of probabilities p = sigmoid(x) and a mask y of 0 and 1."""
    probs = S.sigmoid(x)
    both, total = (probs * y).sum(), probs.sum() + y.sum()
    return 1 - 2 * both / total, (probs, y, both, total)


def dice_loss_backward(dout, cache):
    probs, y, both, total = cache
    return -2 * dout * (y / total - both / total**2) * probs * (1 - probs)


def poisson_loss_forward(x, y):
    """x: logarithms of expected counts, y: counts."""
    return (np.exp(x) - y * x).mean(), (x, y)


def poisson_loss_backward(dout, cache):
    x, y = cache
    return dout * (np.exp(x) - y) / x.size


def gaussian_loss_forward(x, s, y):
    """Minus the log of a normal density with mean x and variance exp(s), up to a constant."""
    error = (x - y) ** 2 * np.exp(-s)
    return 0.5 * (s + error).mean(), (x, s, y, error)


def gaussian_loss_backward(dout, cache):
    x, s, y, error = cache
    return dout * (x - y) * np.exp(-s) / x.size, 0.5 * dout * (1 - error) / x.size


def draw_some_labels(rng):
    return 2 * rng.normal(size=(6, 4)), np.where(np.arange(6) % 3 == 1, -1, rng.integers(0, 4, 6))


def draw_weighted(rng):
    return 2 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6), rng.uniform(0.5, 3, 4)


def draw_pairs(rng):
    return rng.normal(size=(10, 3)), rng.normal(size=(10, 3)), np.arange(10) % 2 == 0


def draw_branch(rng):
    return *normal((6, 5), (5, 5))(rng), rng.random((6, 5)) < 0.6


SOFTSIGN = Planted("x over 1 + abs(x)", "tanh", softsign_forward, softsign_backward, normal((5, 6)))
HARD_SWISH = Planted("hard swish", "swish", hard_swish_forward, hard_swish_backward, normal((5, 6), scale=2.5))
TWICE = Planted("layer applied twice", "network", twice_forward, twice_backward, normal((5, 4), (4, 4)))
LOW_RANK = Planted(
    "low-rank change", "affine", low_rank_forward, low_rank_backward, normal((6, 5), (5, 4), (5, 2), (2, 4))
)
EXPERTS = Planted(
    "mixture of experts", "network", experts_forward, experts_backward, normal((5, 4), (3, 4, 2), (4, 3))
)
DROPPED_BRANCH = Planted(
    "residual with dropout", "residual", dropped_branch_forward, dropped_branch_backward, draw_branch
)
SMOOTHED_LOSS = Planted(
    "label smoothing", "softmax loss", smoothed_loss_forward, smoothed_loss_backward, L.draw_labels
)
IGNORING_LOSS = Planted(
    "softmax loss with missing labels",
    "softmax loss",
    ignoring_loss_forward,
    ignoring_loss_backward,
    draw_some_labels,
)
WEIGHTED_LOSS = Planted(
    "weighted softmax loss", "softmax loss", weighted_loss_forward, weighted_loss_backward, draw_weighted, wrt=(0,)
)
FOCAL_LOSS = Planted("focal loss", "softmax loss", focal_loss_forward, focal_loss_backward, L.draw_labels)
VIEWS_LOSS = Planted(
    "contrastive loss of views", "softmax loss", views_loss_forward, views_loss_backward, normal((5, 3), (5, 3))
)
PAIRS_LOSS = Planted("loss of pairs", "hinge loss", pairs_loss_forward, pairs_loss_backward, draw_pairs)
DICE_LOSS = Planted("dice loss", "logistic loss", dice_loss_forward, dice_loss_backward, L.draw_attributes)
POISSON_LOSS = Planted(
    "Poisson loss",
    "regression loss",
    poisson_loss_forward,
    poisson_loss_backward,
    lambda rng: (rng.normal(size=(5, 4)), rng.integers(0, 5, (5, 4))),
)
GAUSSIAN_LOSS = Planted(
    "normal density loss",
    "regression loss",
    gaussian_loss_forward,
    gaussian_loss_backward,
    normal((6, 3), (6, 3), (6, 3)),
    wrt=(0, 1),
)
CLIP_ASKEW = at("clip between other bounds", A.CLIP, A.CLIP.inputs, options={"low": -0.4, "high": 1.7})
CONV_STRIDE_DILATED = I.conv(
    "convolution, stride 2 and dilated", normal((2, 2, 8, 8), (3, 2, 3, 3), (3,)), stride=2, pad=1, dilation=2
)
CONV_GROUPS_STRIDE = at(
    "convolution, groups and stride 2", I.CONV_GROUPS, normal((2, 4, 5, 5), (6, 2, 3, 3), (6,)),
    options={"groups": 2, "stride": 2, "pad": 1},
)  # fmt: skip
DEPTHWISE = at(
    "convolution of each channel", I.CONV_GROUPS, normal((2, 3, 5, 5), (3, 1, 3, 3), (3,)),
    options={"groups": 3, "pad": 1},
)  # fmt: skip
INSTANCE_NORM = at("group norm, each channel a group", N.GROUP_NORM, N.GROUP_NORM.inputs, options={"groups": 4})


def add_forward(a, b):
    return a + b, None


def add_backward(dout, _):
    return [dout, dout]


def forgetful_tanh_forward(x):
    return np.tanh(x), x


def forgetful_tanh_backward(dout, x):
    return dout * (1 - np.tanh(x) ** 2)


def same_keys(rng):
    q, k, v = S.ATTENTION.inputs(rng)
    return q, np.repeat(k[:, :1], k.shape[1], axis=1), v


def gamma_of_zeros(rng):
    x, gamma, beta = N.BATCH_NORM.inputs(rng)
    return x, 0 * gamma, beta


def equal_partners(rng):
    a, b, same = draw_pairs(rng)
    return a, np.where(same[:, None], a, b), same


def sentences_of_no_words(rng):
    *floats, mask = PADDED_RNN.inputs(rng)
    return *floats, mask & (np.arange(len(mask)) > 0)[:, None]


def far_apart(rng):
    x, y = L.HINGE_LOSS.inputs(rng)
    return x + 40 * np.eye(4)[y], y


MORE_HARD_POINTS = [
    at("embedding of one word again and again", S.EMBEDDING,
       lambda rng: (np.full((3, 4), 2), rng.normal(size=(6, 3)))),
    at("embedding of words counted from the end", S.EMBEDDING,
       lambda rng: (-rng.integers(1, 6, (3, 4)), rng.normal(size=(6, 3)))),
    at("embedding of no text", S.EMBEDDING, lambda rng: (np.zeros((0, 4), int), rng.normal(size=(6, 3)))),
    at("attention to keys all alike", S.ATTENTION, same_keys),
    at("attention with huge scores", S.ATTENTION_SQUARE, normal((2, 4, 3), (2, 4, 3), (2, 4, 3), scale=8.0)),
    at("causal attention of one word", S.CAUSAL_ATTENTION, normal((2, 1, 3), (2, 1, 3), (2, 1, 2))),
    at("RNN with large weights", S.RNN, normal((2, 4, 3), (2, 4), (3, 4), (4, 4), (4,), scale=2.0)),
    at("RNN with padding, a sentence of no words", PADDED_RNN, sentences_of_no_words),
    at("GRU over twelve steps", GRU, normal((1, 12, 2), (1, 2), (2, 6), (2, 6), (6,))),
    at("LSTM starting from nothing", S.LSTM,
       lambda rng: (lambda x, h, *rest: (x, 0 * h, *rest))(*S.LSTM.inputs(rng))),
    at("max over words with ties", MAX_OVER_TIME,
       lambda rng: (*whole(0, 3, (3, 5, 3))(rng), np.arange(5) < np.array([[2], [3], [5]]))),
    at("causal convolution longer than its text", CAUSAL_CONV, normal((2, 3, 3), (3, 3, 2)),
       options={"dilation": 1}),
    I.conv("convolution that skips pixels", normal((2, 2, 7, 7), (3, 2, 2, 2), (3,)), stride=3),
    I.conv("convolution as large as the image", normal((2, 2, 4, 3), (3, 2, 4, 3), (3,))),
    I.conv("convolution whose outer taps see padding alone", normal((2, 2, 3, 3), (2, 2, 3, 3), (2,)),
           pad=3, dilation=3),
    at("max pool of dark images", I.MAX_POOL_OVERLAP, normal((2, 2, 7, 7), shift=-9.0)),
    at("batch norm with a gamma of zeros", N.BATCH_NORM, gamma_of_zeros),
    at("layer norm of nearly constant rows", N.LAYER_NORM,
       lambda rng: (0.3 + 1e-4 * rng.normal(size=(4, 6)), *normal((6,), (6,))(rng))),
    at("group norm of one pixel and channel", N.GROUP_NORM, normal((2, 4, 1, 1), (4,), (4,)),
       options={"groups": 4}),
    at("hinge loss without any excess", L.HINGE_LOSS, far_apart),
    at("softmax loss of one class", L.SOFTMAX_LOSS, lambda rng: (rng.normal(size=(6, 1)), np.zeros(6, int))),
    at("loss of pairs that are equal", PAIRS_LOSS, equal_partners),
    at("leaky relu with slope 1", A.LEAKY, A.ANY, options={"slope": 1.0}),
    at("clip that never clips", A.CLIP, A.ANY, options={"low": -99.0, "high": 99.0}),
    at("hard swish at its bends", HARD_SWISH, whole(-4, 5, (5, 6))),
    Planted("sum of two branches in a list", "residual", add_forward, add_backward, normal((5, 4), (5, 4))),
    replace(A.TANH, name="tanh computed anew in backward", forward=forgetful_tanh_forward,
            backward=forgetful_tanh_backward),
]  # fmt: skip

MORE_RIGHT = [*MORE_LAYERS, SOFTSIGN, HARD_SWISH, TWICE, LOW_RANK, EXPERTS, DROPPED_BRANCH, SMOOTHED_LOSS,
              IGNORING_LOSS, WEIGHTED_LOSS, FOCAL_LOSS, VIEWS_LOSS, PAIRS_LOSS, DICE_LOSS, POISSON_LOSS,
              GAUSSIAN_LOSS, CLIP_ASKEW, CONV_STRIDE_DILATED, CONV_GROUPS_STRIDE, DEPTHWISE, INSTANCE_NORM,
              *MORE_HARD_POINTS]  # fmt: skip
