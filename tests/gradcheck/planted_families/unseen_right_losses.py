"""Correct losses and penalties that no other file has."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_softmax(x):
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def onehot(y, C):
    return (y[:, None] == np.arange(C)).astype(float)


def smoothed_loss_forward(x, y, smooth=0.1):
    log_probs = log_softmax(x)
    target = smooth / x.shape[1] + (1 - smooth) * onehot(y, x.shape[1])
    return -(target * log_probs).sum() / len(x), (np.exp(log_probs), target, y, x)


def smoothed_loss_backward(dout, cache):
    probs, target, y, x = cache
    return dout * (probs - target) / len(x)


def focal_loss_forward(x, y, gamma=2.0):
    """x: scores, y: 0 or 1 of the same shape."""
    right = np.where(y == 1, sigmoid(x), sigmoid(-x))
    return -((1 - right) ** gamma * np.log(right)).sum() / len(x), (right, y, gamma)


def focal_loss_backward(dout, cache):
    right, y, gamma = cache
    wrong = 1 - right
    dright = gamma * wrong ** (gamma - 1) * np.log(right) - wrong**gamma / right
    return dout * (2 * y - 1) * right * wrong * dright / len(y)


def weighted_loss_forward(x, y, weight):
    """The softmax loss, each class with a weight; divided by the sum of the weights met."""
    log_probs, met = log_softmax(x), weight[y]
    loss = -(met * log_probs[np.arange(len(x)), y]).sum() / met.sum()
    return loss, (np.exp(log_probs), y, met)


def weighted_loss_backward(dout, cache):
    probs, y, met = cache
    return dout * met[:, None] * (probs - onehot(y, probs.shape[1])) / met.sum()


def ignoring_loss_forward(x, y):
    """The softmax loss of the rows whose label is not -1, their mean."""
    log_probs, kept = log_softmax(x), y != -1
    return -(log_probs[np.arange(len(x)), y] * kept).sum() / kept.sum(), (np.exp(log_probs), y, kept)


def ignoring_loss_backward(dout, cache):
    probs, y, kept = cache
    return dout * (probs - onehot(y, probs.shape[1])) * kept[:, None] / kept.sum()


def positive_loss_forward(x, y, weight=3.0):
    """The logistic loss with a weight for the positive labels, the mean over all."""
    return (weight * y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x)).mean(), (x, y, weight)


def positive_loss_backward(dout, cache):
    x, y, weight = cache
    p = sigmoid(x)
    return dout * ((1 - y) * p - weight * y * (1 - p)) / x.size


def probability_loss_forward(p, y, eps=1e-6):
    q = np.clip(p, eps, 1 - eps)
    return -(y * np.log(q) + (1 - y) * np.log(1 - q)).mean(), (p, q, y, eps)


def probability_loss_backward(dout, cache):
    p, q, y, eps = cache
    return dout * ((q - y) / (q * (1 - q)) * ((p > eps) & (p < 1 - eps))) / p.size


def huber_loss_forward(x, y, delta=0.8):
    d = x - y
    size = abs(d)
    return np.where(size < delta, d**2 / 2, delta * (size - delta / 2)).mean(), (d, delta)


def huber_loss_backward(dout, cache):
    d, delta = cache
    dx = dout * np.clip(d, -delta, delta) / d.size
    return dx, -dx


def log_cosh_forward(x, y):
    d = x - y
    return (np.logaddexp(d, -d) - np.log(2.0)).mean(), (x, y)


def log_cosh_backward(dout, cache):
    x, y = cache
    dx = dout * np.tanh(x - y) / x.size
    return dx, -dx


def quantile_loss_forward(x, y, levels=(0.1, 0.5, 0.9)):
    """x (N, 3): a guess for each level, y (N, 1)."""
    d, q = y - x, np.array(levels)
    return np.maximum(q * d, (q - 1) * d).mean(), (d, q)


def quantile_loss_backward(dout, cache):
    d, q = cache
    return dout * np.where(d > 0, -q, 1 - q) / d.size


def contrastive_loss_forward(x, z, alike, margin=2.0):
    """Alike pairs are drawn together, the others apart up to a distance."""
    distance = np.sqrt(((x - z) ** 2).sum(axis=1))
    lack = np.maximum(margin - distance, 0)
    return (alike * distance**2 + (1 - alike) * lack**2).mean() / 2, (x, z, alike, distance, lack)


def contrastive_loss_backward(dout, cache):
    x, z, alike, distance, lack = cache
    ddistance = dout * (alike * distance - (1 - alike) * lack) / len(x)
    dx = (ddistance / distance)[:, None] * (x - z)
    return dx, -dx


def matching_loss_forward(x, z, t=0.5):
    """Row n of x should be most alike to row n of z, and the other way round."""
    lx, lz = np.sqrt((x**2).sum(axis=1, keepdims=True)), np.sqrt((z**2).sum(axis=1, keepdims=True))
    a, b = x / lx, z / lz
    rows, columns = log_softmax(a @ b.T / t), log_softmax(b @ a.T / t).T
    loss = -(np.trace(rows) + np.trace(columns)) / (2 * len(x))
    return loss, (a, b, lx, lz, np.exp(rows), np.exp(columns), t)


def matching_loss_backward(dout, cache):
    a, b, lx, lz, rows, columns, t = cache
    ds = dout * (rows + columns - 2 * np.eye(len(a))) / (2 * len(a) * t)
    da, db = ds @ b, ds.T @ a
    dx = (da - a * (da * a).sum(axis=1, keepdims=True)) / lx
    return dx, (db - b * (db * b).sum(axis=1, keepdims=True)) / lz


def dice_loss_forward(x, y):
    p = sigmoid(x)
    top, bottom = 2 * (p * y).sum() + 1, p.sum() + y.sum() + 1
    return 1 - top / bottom, (p, y, top, bottom)


def dice_loss_backward(dout, cache):
    p, y, top, bottom = cache
    return -dout * (2 * y / bottom - top / bottom**2) * p * (1 - p)


def gaussian_loss_forward(mean, log_var, y):
    error = (mean - y) ** 2 * np.exp(-log_var)
    return 0.5 * (log_var + error).mean(), (mean, log_var, y, error)


def gaussian_loss_backward(dout, cache):
    mean, log_var, y, error = cache
    return dout * (mean - y) * np.exp(-log_var) / y.size, 0.5 * dout * (1 - error) / y.size


def poisson_loss_forward(x, y):
    """x: the logarithm of the rate, y: counts."""
    return (np.exp(x) - y * x).mean(), (x, y)


def poisson_loss_backward(dout, cache):
    x, y = cache
    return dout * (np.exp(x) - y) / x.size


def distilled_loss_forward(x, teacher, y, t=2.0, share=0.3):
    """A share of the softmax loss, the rest t^2 times the divergence from the teacher's warm softmax."""
    hard, soft, target = log_softmax(x), log_softmax(x / t), log_softmax(teacher / t)
    divergence = (np.exp(target) * (target - soft)).sum() / len(x)
    loss = -share * hard[np.arange(len(x)), y].mean() + (1 - share) * t**2 * divergence
    return loss, (np.exp(hard), np.exp(soft), np.exp(target), y, t, share)


def distilled_loss_backward(dout, cache):
    hard, soft, target, y, t, share = cache
    dhard = share * (hard - onehot(y, hard.shape[1]))
    return dout * (dhard + (1 - share) * t * (soft - target)) / len(y)


def known_loss_forward(x, y, mask):
    """The mean squared error where the mask is True."""
    return ((x - y) ** 2 * mask).sum() / mask.sum(), (x, y, mask)


def known_loss_backward(dout, cache):
    x, y, mask = cache
    return 2 * dout * (x - y) * mask / mask.sum()


def tamed_loss_forward(x, y, share=0.002):
    """The softmax loss plus a small share of the squared log-sum-exp."""
    log_probs = log_softmax(x)
    total = x[:, 0] - log_probs[:, 0]
    loss = (share * total**2 - log_probs[np.arange(len(x)), y]).mean()
    return loss, (np.exp(log_probs), y, total, share)


def tamed_loss_backward(dout, cache):
    probs, y, total, share = cache
    dx = probs - onehot(y, probs.shape[1]) + 2 * share * total[:, None] * probs
    return dout * dx / len(y)


def draw_bits(rng):
    return 2 * rng.normal(size=(5, 4)), rng.permutation(20).reshape(5, 4) % 2


def draw_classes(rng):
    return 2 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6)


def draw_ignored(rng):
    x, y = draw_classes(rng)
    y[rng.permutation(6)[:2]] = -1
    return x, y


def draw_alike(rng):
    return *normal((6, 3), (6, 3), scale=0.7)(rng), rng.permutation(6) % 2


def draw_known(rng):
    return *normal((5, 4), (5, 4))(rng), rng.permutation(20).reshape(5, 4) < 13


SMOOTHED_LOSS = Planted(
    "smoothed softmax loss, again", "softmax loss", smoothed_loss_forward, smoothed_loss_backward, draw_classes
)
FOCAL_LOSS = Planted("focal loss, again", "logistic loss", focal_loss_forward, focal_loss_backward, draw_bits)
WEIGHTED_LOSS = Planted(
    "softmax loss of weighted classes",
    "softmax loss",
    weighted_loss_forward,
    weighted_loss_backward,
    lambda rng: (*draw_classes(rng), rng.uniform(0.5, 3, 4)),
    wrt=(0,),
)
IGNORING_LOSS = Planted(
    "softmax loss with ignored labels", "softmax loss", ignoring_loss_forward, ignoring_loss_backward, draw_ignored
)
POSITIVE_LOSS = Planted(
    "logistic loss of weighted positives",
    "logistic loss",
    positive_loss_forward,
    positive_loss_backward,
    draw_bits,
)
PROBABILITY_LOSS = Planted(
    "cross-entropy of probabilities",
    "logistic loss",
    probability_loss_forward,
    probability_loss_backward,
    lambda rng: (rng.uniform(0.05, 0.95, (5, 4)), rng.integers(0, 2, (5, 4))),
)
HUBER_LOSS = Planted(
    "Huber loss", "regression loss", huber_loss_forward, huber_loss_backward, normal((6, 3), (6, 3))
)
LOG_COSH = Planted("log-cosh loss", "regression loss", log_cosh_forward, log_cosh_backward, normal((6, 3), (6, 3)))
QUANTILE_LOSS = Planted(
    "quantile loss",
    "regression loss",
    quantile_loss_forward,
    quantile_loss_backward,
    normal((6, 3), (6, 1)),
    wrt=(0,),
)
CONTRASTIVE_LOSS = Planted(
    "contrastive loss", "metric loss", contrastive_loss_forward, contrastive_loss_backward, draw_alike
)
MATCHING_LOSS = Planted(
    "matching loss", "metric loss", matching_loss_forward, matching_loss_backward, normal((4, 3), (4, 3))
)
DICE_LOSS = Planted("dice loss, again", "logistic loss", dice_loss_forward, dice_loss_backward, draw_bits)
GAUSSIAN_LOSS = Planted(
    "Gaussian loss",
    "regression loss",
    gaussian_loss_forward,
    gaussian_loss_backward,
    normal((5, 3), (5, 3), (5, 3)),
    wrt=(0, 1),
)
POISSON_LOSS = Planted(
    "Poisson loss, again",
    "regression loss",
    poisson_loss_forward,
    poisson_loss_backward,
    lambda rng: (rng.normal(size=(5, 3)), rng.integers(0, 6, (5, 3))),
)
DISTILLED_LOSS = Planted(
    "distillation loss",
    "softmax loss",
    distilled_loss_forward,
    distilled_loss_backward,
    lambda rng: (draw_classes(rng)[0], *draw_classes(rng)),
    wrt=(0,),
)
KNOWN_LOSS = Planted(
    "squared error of known entries",
    "regression loss",
    known_loss_forward,
    known_loss_backward,
    draw_known,
    wrt=(0,),
)
TAMED_LOSS = Planted(
    "softmax loss of tamed scores", "softmax loss", tamed_loss_forward, tamed_loss_backward, draw_classes
)

UNSEEN_RIGHT_LOSSES = [SMOOTHED_LOSS, FOCAL_LOSS, WEIGHTED_LOSS, IGNORING_LOSS, POSITIVE_LOSS, PROBABILITY_LOSS,
                       HUBER_LOSS, LOG_COSH, QUANTILE_LOSS, CONTRASTIVE_LOSS, MATCHING_LOSS, DICE_LOSS,
                       GAUSSIAN_LOSS, POISSON_LOSS, DISTILLED_LOSS, KNOWN_LOSS, TAMED_LOSS]  # fmt: skip
