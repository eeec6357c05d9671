"""Correct penalties, losses of pairs and clusters, and the loss of a small network, that no other file has."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.unseen_right_losses import log_softmax, onehot


def latent_penalty_forward(mean, log_var):
    """The divergence of a normal distribution from the standard one, the mean over N."""
    return 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum() / len(mean), (mean, log_var)


def latent_penalty_backward(dout, cache):
    mean, log_var = cache
    return dout * mean / len(mean), 0.5 * dout * (np.exp(log_var) - 1) / len(mean)


def elastic_penalty_forward(w, l1=0.1, l2=0.3):
    return l1 * abs(w).sum() + 0.5 * l2 * (w**2).sum(), (w, l1, l2)


def elastic_penalty_backward(dout, cache):
    w, l1, l2 = cache
    return dout * (l1 * np.sign(w) + l2 * w)


def group_penalty_forward(w, strength=0.2):
    """The sum of the lengths of the rows."""
    length = np.sqrt((w**2).sum(axis=1, keepdims=True))
    return strength * length.sum(), (w, length, strength)


def group_penalty_backward(dout, cache):
    w, length, strength = cache
    return dout * strength * w / length


def orthogonal_penalty_forward(w, strength=0.1):
    rest = w.T @ w - np.eye(w.shape[1])
    return strength * (rest**2).sum(), (w, rest, strength)


def orthogonal_penalty_backward(dout, cache):
    w, rest, strength = cache
    return 4 * dout * strength * (w @ rest)


def entropy_forward(x):
    """The mean entropy of softmax(x)."""
    log_probs = log_softmax(x)
    probs = np.exp(log_probs)
    entropy = -(probs * log_probs).sum(axis=1, keepdims=True)
    return entropy.mean(), (x, probs, log_probs, entropy)


def entropy_backward(dout, cache):
    x, probs, log_probs, entropy = cache
    return -dout * probs * (log_probs + entropy) / len(x)


def ranking_loss_forward(a, b, side, margin=0.5):
    lack = margin - side * (a - b)
    return np.maximum(lack, 0).mean(), (lack, side)


def ranking_loss_backward(dout, cache):
    lack, side = cache
    da = -dout * side * (lack > 0) / lack.size
    return da, -da


def centre_loss_forward(x, centres, y):
    d = x - centres[y]
    return 0.5 * (d**2).sum() / len(x), (d, centres, y)


def centre_loss_backward(dout, cache):
    d, centres, y = cache
    dx, dcentres = dout * d / len(d), np.zeros_like(centres)
    np.subtract.at(dcentres, y, dx)
    return dx, dcentres


def network_loss_forward(x, w1, b1, w2, b2, y, reg=0.05):
    hidden = np.maximum(x @ w1 + b1, 0)
    log_probs = log_softmax(hidden @ w2 + b2)
    loss = -log_probs[np.arange(len(x)), y].mean() + 0.5 * reg * ((w1**2).sum() + (w2**2).sum())
    return loss, (x, w1, w2, hidden, np.exp(log_probs), y, reg)


def network_loss_backward(dout, cache):
    x, w1, w2, hidden, probs, y, reg = cache
    dscores = dout * (probs - onehot(y, probs.shape[1])) / len(x)
    dhidden = dscores @ w2.T * (hidden > 0)
    dw1, dw2 = x.T @ dhidden + dout * reg * w1, hidden.T @ dscores + dout * reg * w2
    return dhidden @ w1.T, dw1, dhidden.sum(axis=0), dw2, dscores.sum(axis=0)


def clusters_loss_forward(x, mean, logit):
    """The mean of -log p of numbers x (N,) under a mixture of normal distributions."""
    d = x[:, None] - mean
    joint = log_softmax(logit[None]) - d**2 / 2
    top = joint.max(axis=1, keepdims=True)
    total = np.log(np.exp(joint - top).sum(axis=1, keepdims=True)) + top
    return -total.mean(), (d, np.exp(joint - total), logit)


def clusters_loss_backward(dout, cache):
    d, share, logit = cache
    pull = dout * share * d / len(d)
    return pull.sum(axis=1), -pull.sum(axis=0), dout * (np.exp(log_softmax(logit[None]))[0] - share.mean(axis=0))


def variation_forward(x, eps=1e-3):
    """The sum of sqrt(d^2 + eps) over the steps d of every row."""
    d = x[:, 1:] - x[:, :-1]
    size = np.sqrt(d**2 + eps)
    return size.sum(), (d, size, x)


def variation_backward(dout, cache):
    d, size, x = cache
    dx, slope = np.zeros_like(x), dout * d / size
    dx[:, 1:] += slope
    dx[:, :-1] -= slope
    return dx


def decorrelation_forward(x):
    """The sum of the squares of the covariances between different features."""
    centred = x - x.mean(axis=0)
    covariance = centred.T @ centred / len(x)
    off = covariance * (1 - np.eye(x.shape[1]))
    return (off**2).sum(), (x, centred, covariance, off)


def decorrelation_backward(dout, cache):
    x, centred, covariance, off = cache
    return 4 * dout * centred @ off / len(x)


def draw_pairs(rng):
    return *normal((6, 2), (6, 2))(rng), rng.choice([-1, 1], (6, 2))


def draw_network(rng):
    x, w1, b1, w2, b2 = normal((6, 4), (4, 5), (5,), (5, 3), (3,))(rng)
    return x, w1, b1, w2, b2, rng.integers(0, 3, 6)


RANKING_LOSS = Planted(
    "ranking loss, again", "metric loss", ranking_loss_forward, ranking_loss_backward, draw_pairs
)
CENTRE_LOSS = Planted(
    "centre loss",
    "metric loss",
    centre_loss_forward,
    centre_loss_backward,
    lambda rng: (*normal((7, 3), (4, 3))(rng), rng.permutation(7) % 3),
)
NETWORK_LOSS = Planted(
    "loss of a small network", "softmax loss", network_loss_forward, network_loss_backward, draw_network
)
CLUSTERS_LOSS = Planted(
    "likelihood of clusters",
    "regression loss",
    clusters_loss_forward,
    clusters_loss_backward,
    normal((6,), (4,), (4,)),
)
LATENT_PENALTY = Planted(
    "latent penalty", "penalty", latent_penalty_forward, latent_penalty_backward, normal((5, 3), (5, 3))
)
ELASTIC_PENALTY = Planted(
    "elastic penalty", "penalty", elastic_penalty_forward, elastic_penalty_backward, normal((4, 5))
)
GROUP_PENALTY = Planted("group penalty", "penalty", group_penalty_forward, group_penalty_backward, normal((5, 4)))
ORTHOGONAL_PENALTY = Planted(
    "orthogonality penalty", "penalty", orthogonal_penalty_forward, orthogonal_penalty_backward, normal((5, 3))
)
ENTROPY = Planted("entropy of a softmax", "softmax loss", entropy_forward, entropy_backward, normal((5, 4)))
VARIATION = Planted("variation of rows", "penalty", variation_forward, variation_backward, normal((3, 6)))
DECORRELATION = Planted(
    "decorrelation penalty", "penalty", decorrelation_forward, decorrelation_backward, normal((6, 4))
)

UNSEEN_RIGHT_PENALTIES = [RANKING_LOSS, CENTRE_LOSS, NETWORK_LOSS, CLUSTERS_LOSS, LATENT_PENALTY, ELASTIC_PENALTY,
                          GROUP_PENALTY, ORTHOGONAL_PENALTY, ENTROPY, VARIATION, DECORRELATION]  # fmt: skip
