"""More correct losses: smoothed, weighted, focal, robust, contrastive and those of distributions."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.late_layers_activations import sigmoid


def log_probabilities(x):
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def smoothed_forward(x, y, smoothing=0.1):
    """Cross-entropy with a part of every label given to all classes alike."""
    logs = log_probabilities(x)
    target = np.full(x.shape, smoothing / x.shape[1])
    target[np.arange(len(x)), y] += 1 - smoothing
    return -(target * logs).sum() / len(x), (np.exp(logs), target, y)


def smoothed_backward(dout, cache):
    probs, target, y = cache
    return dout * (probs - target) / len(probs)


def class_weighted_forward(x, y, weight):
    """Cross-entropy with weights (C,) of classes, divided by the labels' sum of weights."""
    logs = log_probabilities(x)
    share = weight[y] / weight[y].sum()
    return -(share * logs[np.arange(len(x)), y]).sum(), (np.exp(logs), y, share, weight)


def class_weighted_backward(dout, cache):
    probs, y, share, weight = cache
    dx = probs.copy()
    dx[np.arange(len(dx)), y] -= 1
    return dout * share[:, None] * dx


def ignoring_forward(x, y):
    """Cross-entropy, the mean over the rows whose label is not -1."""
    kept = y >= 0
    logs = log_probabilities(x)
    return -(logs[np.arange(len(x)), y] * kept).sum() / kept.sum(), (np.exp(logs), y, kept)


def ignoring_backward(dout, cache):
    probs, y, kept = cache
    dx = probs - (y[:, None] == np.arange(probs.shape[1]))
    return dout * dx * kept[:, None] / kept.sum()


def focal_forward(x, y, power=2):
    """Binary focal loss of scores (N,)."""
    side = 2 * y - 1
    p = sigmoid(side * x)
    logs = -np.logaddexp(0, -side * x)
    return -((1 - p) ** power * logs).mean(), (p, logs, side, power)


def focal_backward(dout, cache):
    p, logs, side, power = cache
    slope = power * (1 - p) ** power * p * logs - (1 - p) ** (power + 1)
    return dout * side * slope / len(p)


def probability_loss_forward(p, y):
    """Binary cross-entropy of probabilities."""
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(), (p, y)


def probability_loss_backward(dout, cache):
    p, y = cache
    return dout * (p - y) / (p * (1 - p)) / p.size


def huber_forward(x, y, turn=1.0):
    size = abs(x - y)
    return np.where(size < turn, 0.5 * size**2, turn * (size - 0.5 * turn)).mean(), (x, y, turn)


def huber_backward(dout, cache):
    x, y, turn = cache
    return dout * np.clip(x - y, -turn, turn) / x.size


def log_cosh_forward(x, y):
    r = x - y
    return np.log(np.cosh(r)).mean(), r


def log_cosh_backward(dout, r):
    return dout * np.tanh(r) / r.size, -dout * np.tanh(r) / r.size


def pinball_forward(x, y, level=0.8):
    r = y - x
    return np.maximum(level * r, (level - 1) * r).mean(), (r, level)


def pinball_backward(dout, cache):
    r, level = cache
    return dout * np.where(r > 0, -level, 1 - level) / r.size


def gaussian_forward(mean, log_var, y):
    """The negative log-likelihood of y under normal distributions, without its constant."""
    square = (y - mean) ** 2 * np.exp(-log_var)
    return 0.5 * (log_var + square).mean(), (mean, log_var, y, square)


def gaussian_backward(dout, cache):
    mean, log_var, y, square = cache
    n = mean.size
    return dout * (mean - y) * np.exp(-log_var) / n, 0.5 * dout * (1 - square) / n


def latent_forward(mean, log_var):
    """The divergence of a variational autoencoder's code from the standard normal distribution."""
    return -0.5 * (1 + log_var - mean**2 - np.exp(log_var)).sum() / len(mean), (mean, log_var)


def latent_backward(dout, cache):
    mean, log_var = cache
    return dout * mean / len(mean), 0.5 * dout * (np.exp(log_var) - 1) / len(mean)


def contrastive_forward(x, y, alike, margin=2.0):
    """Pairs of rows: alike ones should be near, others at least a margin apart."""
    n = np.sqrt(((x - y) ** 2).sum(axis=1))
    short = np.maximum(margin - n, 0)
    return np.where(alike, n**2, short**2).mean() / 2, (x, y, alike, n, short)


def contrastive_backward(dout, cache):
    x, y, alike, n, short = cache
    factor = np.where(alike, 1, -short / n)
    dx = dout * factor[:, None] * (x - y) / len(x)
    return dx, -dx


def in_batch_forward(x, y, t=0.5):
    """Row n of x should be nearest to row n of y; softmax over the products of all pairs."""
    logs = log_probabilities(x @ y.T / t)
    return -np.diag(logs).mean(), (x, y, np.exp(logs), t)


def in_batch_backward(dout, cache):
    x, y, probs, t = cache
    d = dout * (probs - np.eye(len(x))) / (len(x) * t)
    return d @ y, d.T @ x


def poisson_forward(x, y):
    return (np.exp(x) - y * x).mean(), (x, y)


def poisson_backward(dout, cache):
    x, y = cache
    return dout * (np.exp(x) - y) / x.size


def elastic_forward(w, one=0.3, two=0.2):
    return one * abs(w).sum() + 0.5 * two * (w**2).sum(), (w, one, two)


def elastic_backward(dout, cache):
    w, one, two = cache
    return dout * (one * np.sign(w) + two * w)


def dice_forward(p, y, smooth=1.0):
    """One minus the overlap of probabilities and a 0/1 mask."""
    both, total = (p * y).sum(), p.sum() + y.sum()
    return 1 - (2 * both + smooth) / (total + smooth), (p, y, both, total, smooth)


def dice_backward(dout, cache):
    p, y, both, total, smooth = cache
    return -dout * (2 * y * (total + smooth) - (2 * both + smooth)) / (total + smooth) ** 2


def ranking_forward(better, worse, margin=0.5):
    gap = margin - better + worse
    return np.maximum(gap, 0).mean(), gap


def ranking_backward(dout, gap):
    on = dout * (gap > 0) / gap.size
    return -on, on


def smoothness_forward(x):
    """Half the squared differences of neighbours in every row, summed, divided by N."""
    return 0.5 * ((x[:, 1:] - x[:, :-1]) ** 2).sum() / len(x), x


def smoothness_backward(dout, x):
    d = dout * (x[:, 1:] - x[:, :-1]) / len(x)
    dx = np.zeros_like(x)
    dx[:, 1:] += d
    dx[:, :-1] -= d
    return dx


def centre_forward(x, c, y):
    """Half the squared distance of every row from the centre of its class."""
    return 0.5 * ((x - c[y]) ** 2).sum() / len(x), (x, c, y)


def centre_backward(dout, cache):
    x, c, y = cache
    dx = dout * (x - c[y]) / len(x)
    dc = np.zeros_like(c)
    np.add.at(dc, y, -dx)
    return dx, dc


def pair(name, family, stem, inputs, **more):
    return Planted(name, family, globals()[f"{stem}_forward"], globals()[f"{stem}_backward"], inputs, **more)


def draw_scores(rng):
    return 2 * rng.normal(size=(7, 4)), rng.integers(0, 4, 7)


def draw_weighted(rng):
    return *draw_scores(rng), rng.uniform(0.5, 3, 4)


def draw_ignored(rng):
    x, y = draw_scores(rng)
    y[[1, 4]] = -1
    return x, y


def draw_sides(rng):
    return 2 * rng.normal(size=9), rng.integers(0, 2, 9)


def draw_beliefs(rng):
    return rng.uniform(0.1, 0.9, (4, 5)), rng.integers(0, 2, (4, 5))


def draw_pairs(rng):
    return *normal((8, 3), (8, 3), scale=0.7)(rng), np.arange(8) % 2 == 0


SMOOTHED = pair("smoothed labels", "softmax loss", "smoothed", draw_scores)
CLASS_WEIGHTED = pair("weighted classes", "softmax loss", "class_weighted", draw_weighted, wrt=(0,))
IGNORING = pair("softmax loss that ignores rows", "softmax loss", "ignoring", draw_ignored)
FOCAL = pair("focal loss", "logistic loss", "focal", draw_sides)
PROBABILITY_LOSS = pair("cross-entropy of probabilities", "logistic loss", "probability_loss", draw_beliefs)
HUBER = pair("huber mean", "regression loss", "huber", normal((5, 4), (5, 4)), wrt=(0,))
LOG_COSH = pair("log cosh loss", "regression loss", "log_cosh", normal((5, 4), (5, 4)))
PINBALL = pair("pinball loss", "regression loss", "pinball", normal((5, 4), (5, 4)), wrt=(0,))
GAUSSIAN = pair("gaussian likelihood", "regression loss", "gaussian", normal((5, 3), (5, 3), (5, 3)), wrt=(0, 1))
LATENT = pair("latent divergence", "penalty", "latent", normal((5, 3), (5, 3)))
CONTRASTIVE = pair("contrastive pairs", "regression loss", "contrastive", draw_pairs)
IN_BATCH = pair("contrast within the batch", "softmax loss", "in_batch", normal((4, 4), (4, 4)))
POISSON = pair(
    "poisson loss", "regression loss", "poisson", lambda rng: (rng.normal(size=(4, 5)), rng.integers(0, 6, (4, 5)))
)
ELASTIC = pair("elastic penalty", "penalty", "elastic", normal((4, 5)))
DICE = pair("dice loss", "regression loss", "dice", draw_beliefs)
RANKING = pair("ranking loss", "hinge loss", "ranking", normal((12,), (12,)))
SMOOTHNESS = pair("smoothness penalty", "penalty", "smoothness", normal((3, 6)))
CENTRE = pair(
    "centre loss", "regression loss", "centre",
    lambda rng: (*normal((8, 3), (4, 3))(rng), rng.integers(0, 3, 8)),
)  # fmt: skip

LATE_LAYERS_LOSSES = [SMOOTHED, CLASS_WEIGHTED, IGNORING, FOCAL, PROBABILITY_LOSS, HUBER, LOG_COSH, PINBALL,
                      GAUSSIAN, LATENT, CONTRASTIVE, IN_BATCH, POISSON, ELASTIC, DICE, RANKING, SMOOTHNESS,
                      CENTRE]  # fmt: skip
