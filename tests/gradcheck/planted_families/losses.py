"""Correct losses as pairs: forward gives one number, backward takes the number dout."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal


def softmax_loss_forward(x, y):
    """x: scores (N, C), y: labels (N,)."""
    shifted = x - x.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_probs[np.arange(len(x)), y].mean(), (np.exp(log_probs), y, x)


def softmax_loss_backward(dout, cache):
    probs, y, x = cache
    dx = probs.copy()
    dx[np.arange(len(x)), y] -= 1
    return dout * dx / len(x)


def hinge_loss_forward(x, y, margin=1.0):
    rows = np.arange(len(x))
    margins = np.maximum(x - x[rows, y][:, None] + margin, 0)
    margins[rows, y] = 0
    return margins.sum() / len(x), (margins, y, x)


def hinge_loss_backward(dout, cache):
    margins, y, x = cache
    dx = (margins > 0).astype(float)
    dx[np.arange(len(x)), y] -= dx.sum(axis=1)
    return dout * dx / len(x)


def squared_hinge_loss_forward(x, y, margin=1.0):
    _, cache = hinge_loss_forward(x, y, margin)
    return (cache[0] ** 2).sum() / len(x), cache


def squared_hinge_loss_backward(dout, cache):
    margins, y, x = cache
    dx = 2 * margins
    dx[np.arange(len(x)), y] -= dx.sum(axis=1)
    return dout * dx / len(x)


def l2_loss_forward(x, y):
    return ((x - y) ** 2).sum() / (2 * len(x)), (x, y)


def l2_loss_backward(dout, cache):
    x, y = cache
    return dout * (x - y) / len(x)


def l1_loss_forward(x, y):
    return abs(x - y).sum() / len(x), (x, y)


def l1_loss_backward(dout, cache):
    x, y = cache
    return dout * np.sign(x - y) / len(x)


def smooth_l1_loss_forward(x, y, turn=0.5):
    size = abs(x - y)
    return np.where(size < turn, size**2 / (2 * turn), size - turn / 2).sum() / len(x), (x, y, turn)


def smooth_l1_loss_backward(dout, cache):
    x, y, turn = cache
    return dout * np.clip((x - y) / turn, -1, 1) / len(x)


def logistic_loss_forward(x, y):
    """x: scores (N, A), y: 0 or 1 of the same shape."""
    return (np.logaddexp(0, x) - x * y).sum() / len(x), (x, y)


def logistic_loss_backward(dout, cache):
    x, y = cache
    return dout * (1 / (1 + np.exp(-x)) - y) / len(x)


def binary_hinge_loss_forward(x, y):
    side = 2 * y - 1
    margins = np.maximum(1 - side * x, 0)
    return margins.sum() / len(x), (margins, side)


def binary_hinge_loss_backward(dout, cache):
    margins, side = cache
    return -dout * side * (margins > 0) / len(margins)


def l2_penalty_forward(w, strength=0.1):
    return 0.5 * strength * (w**2).sum(), (w, strength)


def l2_penalty_backward(dout, cache):
    w, strength = cache
    return dout * strength * w


def linear_softmax_forward(w, x, y, reg=0.1):
    """CS231n's linear classifier: softmax loss of x w plus reg * sum of w**2, differentiated by w alone."""
    loss, (probs, _, _) = softmax_loss_forward(x @ w, y)
    return loss + reg * (w**2).sum(), (w, x, y, probs, reg)


def linear_softmax_backward(dout, cache):
    w, x, y, probs, reg = cache
    dscores = probs.copy()
    dscores[np.arange(len(x)), y] -= 1
    return dout * (x.T @ dscores / len(x) + 2 * reg * w)


def linear_hinge_forward(w, x, y, reg=0.1):
    """CS231n's linear classifier with the hinge loss."""
    loss, (margins, _, _) = hinge_loss_forward(x @ w, y)
    return loss + reg * (w**2).sum(), (w, x, y, margins, reg)


def linear_hinge_backward(dout, cache):
    w, x, y, margins, reg = cache
    on = (margins > 0).astype(float)
    on[np.arange(len(x)), y] -= on.sum(axis=1)
    return dout * (x.T @ on / len(x) + 2 * reg * w)


def temporal_softmax_forward(x, y, mask):
    """x: (N, T, V), y: (N, T), mask: (N, T) is False where a sentence has ended; the mean over N."""
    shifted = x - x.max(axis=2, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    right = np.take_along_axis(log_probs, y[..., None], axis=2)[..., 0]
    return -(right * mask).sum() / len(x), (np.exp(log_probs), y, mask)


def temporal_softmax_backward(dout, cache):
    probs, y, mask = cache
    dx = probs - (y[..., None] == np.arange(probs.shape[2]))
    return dout * dx * mask[..., None] / len(dx)


def triplet_loss_forward(a, near, far, margin=1.0):
    """An anchor should be closer to `near` than to `far` by a margin in squared distance."""
    excess = ((a - near) ** 2).sum(axis=1) - ((a - far) ** 2).sum(axis=1) + margin
    return np.maximum(excess, 0).mean(), (a, near, far, excess)


def triplet_loss_backward(dout, cache):
    a, near, far, excess = cache
    on = dout * (excess > 0)[:, None] / len(a)
    return 2 * on * (far - near), -2 * on * (a - near), 2 * on * (a - far)


def divergence_forward(x, target):
    """Kullback-Leibler divergence of softmax(x) from given probabilities (N, C), the mean over N."""
    shifted = x - x.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return (target * (np.log(target) - log_probs)).sum() / len(x), (np.exp(log_probs), target)


def divergence_backward(dout, cache):
    probs, target = cache
    return dout * (probs - target) / len(probs)


def draw_labels(rng):
    return 2 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6)


def draw_attributes(rng):
    return 2 * rng.normal(size=(5, 4)), rng.integers(0, 2, (5, 4))


def draw_classifier(rng):
    return 0.5 * rng.normal(size=(5, 3)), rng.normal(size=(6, 5)), rng.integers(0, 3, 6)


def draw_words(rng):
    return rng.normal(size=(3, 4, 5)), rng.integers(0, 5, (3, 4)), np.arange(4) < rng.integers(1, 4, 3)[:, None]


def draw_probabilities(rng):
    return rng.normal(size=(4, 3)), rng.dirichlet(np.ones(3), 4)


SOFTMAX_LOSS = Planted("softmax loss", "softmax loss", softmax_loss_forward, softmax_loss_backward, draw_labels)
HINGE_LOSS = Planted("hinge loss", "hinge loss", hinge_loss_forward, hinge_loss_backward, draw_labels)
SQUARED_HINGE_LOSS = Planted(
    "squared hinge loss", "hinge loss", squared_hinge_loss_forward, squared_hinge_loss_backward, draw_labels
)
L2_LOSS = Planted(
    "L2 loss", "regression loss", l2_loss_forward, l2_loss_backward, normal((6, 3), (6, 3)), wrt=(0,)
)
L1_LOSS = Planted(
    "L1 loss", "regression loss", l1_loss_forward, l1_loss_backward, normal((6, 3), (6, 3)), wrt=(0,)
)
SMOOTH_L1_LOSS = Planted(
    "smooth L1 loss",
    "regression loss",
    smooth_l1_loss_forward,
    smooth_l1_loss_backward,
    normal((6, 3), (6, 3)),
    wrt=(0,),
)
LOGISTIC_LOSS = Planted(
    "logistic loss", "logistic loss", logistic_loss_forward, logistic_loss_backward, draw_attributes
)
BINARY_HINGE_LOSS = Planted(
    "binary hinge loss", "hinge loss", binary_hinge_loss_forward, binary_hinge_loss_backward, draw_attributes
)
L2_PENALTY = Planted("L2 penalty", "penalty", l2_penalty_forward, l2_penalty_backward, normal((4, 5)))
LINEAR_SOFTMAX = Planted(
    "linear classifier, softmax",
    "softmax loss",
    linear_softmax_forward,
    linear_softmax_backward,
    draw_classifier,
    wrt=(0,),
)
LINEAR_HINGE = Planted(
    "linear classifier, hinge",
    "hinge loss",
    linear_hinge_forward,
    linear_hinge_backward,
    draw_classifier,
    wrt=(0,),
)
TEMPORAL_SOFTMAX = Planted(
    "temporal softmax loss", "softmax loss", temporal_softmax_forward, temporal_softmax_backward, draw_words
)
TRIPLET_LOSS = Planted(
    "triplet loss",
    "regression loss",
    triplet_loss_forward,
    triplet_loss_backward,
    normal((12, 3), (12, 3), (12, 3)),
)
DIVERGENCE = Planted(
    "divergence", "softmax loss", divergence_forward, divergence_backward, draw_probabilities, wrt=(0,)
)

LOSSES = [SOFTMAX_LOSS, HINGE_LOSS, SQUARED_HINGE_LOSS, L2_LOSS, L1_LOSS, SMOOTH_L1_LOSS, LOGISTIC_LOSS,
          BINARY_HINGE_LOSS, L2_PENALTY, LINEAR_SOFTMAX, LINEAR_HINGE, TEMPORAL_SOFTMAX, TRIPLET_LOSS,
          DIVERGENCE]  # fmt: skip
