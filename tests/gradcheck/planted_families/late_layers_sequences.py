"""Correct losses and layers of sequences: words, masks, smoothing, chains, contrasts, differences."""

import numpy as np

from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import Planted, normal


def log_softmax(x):
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def word_loss_forward(x, y, mask):
    """CS231n's temporal softmax loss: x (N, T, V), y and mask (N, T), the sum over the words divided by N."""
    log_probs = log_softmax(x)
    picked = np.take_along_axis(log_probs, y[..., None], axis=2)[..., 0]
    return -(picked * mask).sum() / len(x), (x, y, mask, np.exp(log_probs))


def word_loss_backward(dout, cache):
    x, y, mask, probs = cache
    dx = probs - (np.arange(x.shape[2]) == y[..., None])
    return dout * dx * mask[..., None] / len(x)


def draw_word_loss(rng):
    return rng.normal(size=(3, 4, 5)), rng.integers(0, 5, (3, 4)), np.arange(4) < np.array([2, 4, 3])[:, None]


def smoothed_loss_forward(x, y, smooth=0.1, ignore=0):
    """Label smoothing over the words that are not `ignore`, their mean."""
    log_probs, real = log_softmax(x), y != ignore
    target = smooth / x.shape[2] + (1 - smooth) * (np.arange(x.shape[2]) == y[..., None])
    loss = -(target * log_probs).sum(axis=2)
    return (loss * real).sum() / max(real.sum(), 1), (x, y, real, target, np.exp(log_probs))


def smoothed_loss_backward(dout, cache):
    x, y, real, target, probs = cache
    return dout * (probs - target) * real[..., None] / max(real.sum(), 1)


def draw_smoothed(rng):
    y = rng.integers(1, 5, (3, 4))
    y[0, 3], y[2, 2:] = 0, 0
    return rng.normal(size=(3, 4, 5)), y


def perplexity_forward(x, y):
    """exp of the mean loss of a word."""
    log_probs = log_softmax(x)
    out = np.exp(-np.take_along_axis(log_probs, y[..., None], axis=2).mean())
    return out, (x, y, np.exp(log_probs), out)


def perplexity_backward(dout, cache):
    x, y, probs, out = cache
    return dout * out * (probs - (np.arange(x.shape[2]) == y[..., None])) / y.size


def chain_forward(x, moves, y):
    """A linear chain CRF: log of all paths' sum less the score of path y; x (N, T, K), moves (K, K)."""
    alphas = [x[:, 0]]
    for t in range(1, x.shape[1]):
        scores = alphas[-1][:, :, None] + moves + x[:, t, None]
        top = scores.max(axis=1, keepdims=True)
        alphas.append(top[:, 0] + np.log(np.exp(scores - top).sum(axis=1)))
    top = alphas[-1].max(axis=1, keepdims=True)
    total = top[:, 0] + np.log(np.exp(alphas[-1] - top).sum(axis=1))
    path = np.take_along_axis(x, y[..., None], axis=2).sum(axis=(1, 2)) + moves[y[:, :-1], y[:, 1:]].sum(axis=1)
    return (total - path).mean(), (x, moves, y, alphas)


def chain_backward(dout, cache):
    x, moves, y, alphas = cache
    dx, dmoves = np.zeros_like(x), np.zeros_like(moves)
    here = S.softmax(alphas[-1])
    for t in reversed(range(1, x.shape[1])):
        dx[:, t] = here
        came = S.softmax((alphas[t - 1][:, :, None] + moves).swapaxes(1, 2)).swapaxes(1, 2) * here[:, None]
        dmoves += came.sum(axis=0)
        here = came.sum(axis=2)
    dx[:, 0] = here
    dx -= np.arange(x.shape[2]) == y[..., None]
    np.add.at(dmoves, (y[:, :-1], y[:, 1:]), -1)
    return dout * dx / len(x), dout * dmoves / len(x)


def draw_chain(rng):
    return *normal((3, 4, 3), (3, 3))(rng), rng.integers(0, 3, (3, 4))


def contrast_forward(a, b, heat=0.5):
    """InfoNCE: each row of a (N, D) is to pick its own row of b."""
    log_probs = log_softmax(a @ b.T / heat)
    return -np.trace(log_probs) / len(a), (a, b, np.exp(log_probs), heat)


def contrast_backward(dout, cache):
    a, b, probs, heat = cache
    dscores = dout * (probs - np.eye(len(a))) / (len(a) * heat)
    return dscores @ b, dscores.T @ a


def steady_forward(x):
    """Half the mean square of the steps of x (N, T, D) in time."""
    steps = x[:, 1:] - x[:, :-1]
    return (steps**2).sum() / (2 * len(x)), (x, steps)


def steady_backward(dout, cache):
    x, steps = cache
    dx = np.zeros_like(x)
    dx[:, 1:] += steps
    dx[:, :-1] -= steps
    return dout * dx / len(x)


def sum_forward(x):
    """The sums of all steps so far, x (N, T, D)."""
    return x.cumsum(axis=1), x


def sum_backward(dout, x):
    return dout[:, ::-1].cumsum(axis=1)[:, ::-1]


def mean_forward(x):
    """The means of all steps so far."""
    count = np.arange(1, x.shape[1] + 1)[:, None]
    return x.cumsum(axis=1) / count, (x, count)


def mean_backward(dout, cache):
    _, count = cache
    return (dout / count)[:, ::-1].cumsum(axis=1)[:, ::-1]


def bag_forward(words, w, weights):
    """The weighted mean of a bag's vectors; words and weights (N, L), w (V, D)."""
    total = weights.sum(axis=1, keepdims=True)
    out = np.einsum("nl,nld->nd", weights, w[words]) / total
    return out, (words, w, weights, total, out)


def bag_backward(dout, cache):
    words, w, weights, total, out = cache
    share, dw = dout / total, np.zeros_like(w)
    np.add.at(dw, words, weights[..., None] * share[:, None])
    return dw, np.einsum("nd,nld->nl", share, w[words] - out[:, None])


def draw_bag(rng):
    return rng.integers(0, 5, (3, 4)), rng.normal(size=(6, 3)), rng.uniform(0.5, 2, (3, 4))


def last_forward(x, lengths):
    """The state at each sequence's last word."""
    return x[np.arange(len(x)), lengths - 1], (x, lengths)


def last_backward(dout, cache):
    x, lengths = cache
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), lengths - 1] = dout
    return dx


def draw_last(rng):
    return rng.normal(size=(4, 5, 3)), rng.permutation(np.arange(2, 6))


def language_forward(words, y, emb, wx, wh, b, wo):
    """Embedding, RNN from zero, scores and the mean loss of a word; words and y (N, T)."""
    h0 = np.zeros((len(words), len(wh)), emb.dtype)
    hs, cache = S.rnn_forward(emb[words], h0, wx, wh, b)
    log_probs = log_softmax(hs @ wo)
    loss = -np.take_along_axis(log_probs, y[..., None], axis=2).mean()
    return loss, (words, y, emb, hs, wo, np.exp(log_probs), cache)


def language_backward(dout, cache):
    words, y, emb, hs, wo, probs, inner = cache
    dscores = dout * (probs - (np.arange(wo.shape[1]) == y[..., None])) / y.size
    dx, _, dwx, dwh, db = S.rnn_backward(dscores @ wo.T, inner)
    demb = np.zeros_like(emb)
    np.add.at(demb, words, dx)
    return demb, dwx, dwh, db, np.einsum("nth,ntv->hv", hs, dscores)


def draw_language(rng):
    floats = normal((5, 3), (3, 4), (4, 4), (4,), (4, 5), scale=0.8)(rng)
    words = rng.integers(0, 4, (2, 5))
    words[0, 1], words[0, 3] = 2, 2
    return words, rng.integers(0, 5, (2, 5)), *floats


def score_forward(x, w, b):
    """CS231n's temporal affine layer: x (N, T, D), w (D, V)."""
    return x @ w + b, (x, w)


def score_backward(dout, cache):
    x, w = cache
    return dout @ w.T, np.einsum("ntd,ntv->dv", x, dout), dout.sum(axis=(0, 1))


def pair(name, family, forward, backward, inputs, **changes):
    return Planted(name, family, forward, backward, inputs, **changes)


WORD_LOSS = pair("temporal softmax loss", "sequence loss", word_loss_forward, word_loss_backward, draw_word_loss)
SMOOTHED_LOSS = pair("smoothed loss of words", "sequence loss", smoothed_loss_forward, smoothed_loss_backward,
                     draw_smoothed)  # fmt: skip
PERPLEXITY = pair("perplexity", "sequence loss", perplexity_forward, perplexity_backward,
                  lambda rng: (rng.normal(size=(2, 4, 5)), rng.integers(0, 5, (2, 4))))  # fmt: skip
CHAIN = pair("chain loss", "sequence loss", chain_forward, chain_backward, draw_chain)
CONTRAST = pair("contrastive loss", "sequence loss", contrast_forward, contrast_backward, normal((4, 3), (4, 3)))
STEADY = pair("steadiness loss", "sequence loss", steady_forward, steady_backward, normal((3, 5, 2)))
RUNNING_SUM = pair("running sum", "running sum", sum_forward, sum_backward, normal((2, 5, 3)))
RUNNING_MEAN = pair("running mean", "running sum", mean_forward, mean_backward, normal((2, 5, 3)))
BAG = pair("weighted bag of words", "embedding", bag_forward, bag_backward, draw_bag)
LAST = pair("last word's state", "indexing", last_forward, last_backward, draw_last)
LANGUAGE = pair("small language model", "sequence loss", language_forward, language_backward, draw_language)
SCORES = pair("temporal affine", "affine", score_forward, score_backward, normal((2, 3, 4), (4, 4), (4,)))

LATE_SEQUENCE_LAYERS = [WORD_LOSS, SMOOTHED_LOSS, PERPLEXITY, CHAIN, CONTRAST, STEADY, RUNNING_SUM, RUNNING_MEAN,
                        BAG, LAST, LANGUAGE, SCORES]  # fmt: skip
