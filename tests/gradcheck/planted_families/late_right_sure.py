"""Correct pairs that are nearly sure: probabilities next to 1, and losses that are what is left of 1 - 1."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted


def softmax(scores):
    exps = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exps / exps.sum(axis=-1, keepdims=True)


def softmax_forward(x, w):
    """softmax(x w), row by row."""
    chances = softmax(x @ w)
    return chances, (x, w, chances)


def softmax_backward(dout, cache):
    x, w, chances = cache
    dscores = chances * (dout - (dout * chances).sum(axis=-1, keepdims=True))
    return dscores @ w.T, x.T @ dscores


def soft_argmax_forward(x):
    """The place of the largest score, as the mean of all places by their chances."""
    chances, places = softmax(x), np.linspace(-1.0, 1.0, x.shape[-1])
    where = chances @ places
    return where, (chances, places, where)


def soft_argmax_backward(dout, cache):
    chances, places, where = cache
    return dout[..., None] * chances * (places - where[..., None])


def experts_forward(x, gate, experts):
    """A mean of linear experts (E, D, M), by the chances that softmax(x gate) gives to each."""
    chances = softmax(x @ gate)
    answers = np.einsum("nd,edm->nem", x, experts)
    return np.einsum("ne,nem->nm", chances, answers), (x, gate, experts, chances, answers)


def experts_backward(dout, cache):
    x, gate, experts, chances, answers = cache
    danswers = chances[:, :, None] * dout[:, None]
    dchances = np.einsum("nm,nem->ne", dout, answers)
    dscores = chances * (dchances - (dchances * chances).sum(axis=1, keepdims=True))
    dexperts = np.einsum("nd,nem->edm", x, danswers)
    return dscores @ gate.T + np.einsum("nem,edm->nd", danswers, experts), x.T @ dscores, dexperts


def attention_forward(q, k, v):
    """softmax(q k') v for every example (N, T, D)."""
    chances = softmax(q @ k.transpose(0, 2, 1))
    return chances @ v, (q, k, v, chances)


def attention_backward(dout, cache):
    q, k, v, chances = cache
    dchances = dout @ v.transpose(0, 2, 1)
    dscores = chances * (dchances - (dchances * chances).sum(axis=-1, keepdims=True))
    return dscores @ k, dscores.transpose(0, 2, 1) @ q, chances.transpose(0, 2, 1) @ dout


def unit_length_forward(x):
    """x / |x|, row by row."""
    length = np.sqrt((x**2).sum(axis=-1, keepdims=True))
    return x / length, (x / length, length)


def unit_length_backward(dout, cache):
    y, length = cache
    return (dout - y * (dout * y).sum(axis=-1, keepdims=True)) / length


def cross_entropy_forward(x, w, labels):
    """The mean over examples of -log softmax(x w)[label], the log taken of the chance."""
    chances = softmax(x @ w)
    rows = np.arange(len(x))
    return -np.log(chances[rows, labels]).mean(), (x, w, labels, chances)


def cross_entropy_backward(dout, cache):
    x, w, labels, chances = cache
    hit = np.eye(chances.shape[1])[labels]
    others = np.where(hit > 0, -(chances * (1 - hit)).sum(axis=1, keepdims=True), chances)
    dscores = dout * others / len(x)
    return dscores @ w.T, x.T @ dscores


def two_layers_forward(x, w1, w2, labels):
    """The cross-entropy of a net with one hidden layer of tanh."""
    hidden = np.tanh(x @ w1)
    loss, cache = cross_entropy_forward(hidden, w2, labels)
    return loss, (x, w1, hidden, cache)


def two_layers_backward(dout, cache):
    x, w1, hidden, cache = cache
    dhidden, dw2 = cross_entropy_backward(dout, cache)
    dscores = dhidden * (1 - hidden**2)
    return dscores @ w1.T, x.T @ dscores, dw2


def logistic_forward(x, w, y):
    """The sum over examples of -log sigmoid(y x w), with labels y of -1 and 1."""
    chance = 1 / (1 + np.exp(-y * (x @ w)))
    return -np.log(chance).sum(), (x, w, y, chance)


def logistic_backward(dout, cache):
    x, w, y, _ = cache
    dmargin = -dout * y / (1 + np.exp(y * (x @ w)))
    return np.outer(dmargin, w), x.T @ dmargin


def apart_forward(a, b):
    """1 - cosine of the angle between the rows of a and those of b."""
    lengths = np.sqrt((a**2).sum(axis=1)), np.sqrt((b**2).sum(axis=1))
    cosine = (a * b).sum(axis=1) / (lengths[0] * lengths[1])
    return 1 - cosine, (a, b, *lengths, cosine)


def apart_backward(dout, cache):
    a, b, length_a, length_b, cosine = cache
    da = b / (length_a * length_b)[:, None] - a * (cosine / length_a**2)[:, None]
    db = a / (length_a * length_b)[:, None] - b * (cosine / length_b**2)[:, None]
    return -dout[:, None] * da, -dout[:, None] * db


def divergence_forward(x, y):
    """Kullback and Leibler's divergence of softmax(x) from softmax(y), summed over examples."""
    p, q = softmax(x), softmax(y)
    logs = np.log(p) - np.log(q)
    return (p * logs).sum(), (p, q, logs)


def divergence_backward(dout, cache):
    p, q, logs = cache
    return dout * p * (logs - (p * logs).sum(axis=-1, keepdims=True)), dout * (q - p)


def overlap_forward(x, mask):
    """1 - the overlap (Dice) of sigmoid(x) with a mask of zeros and ones."""
    chance = 1 / (1 + np.exp(-x))
    both, sizes = (chance * mask).sum(), chance.sum() + mask.sum()
    return 1 - 2 * both / sizes, (chance, mask, both, sizes)


def overlap_backward(dout, cache):
    chance, mask, both, sizes = cache
    dchance = -2 * mask / sizes + 2 * both / sizes**2
    return dout * dchance * chance * (1 - chance)


def drawn(scale, *shapes):
    """Normal numbers, the first array as they are and the others times `scale`."""
    return lambda rng: tuple(rng.normal(size=shape) * (scale if k else 1) for k, shape in enumerate(shapes))


def at_scale(scale, *shapes):
    return lambda rng: tuple(scale * rng.normal(size=shape) for shape in shapes)


def labelled(margin, classes=4):
    """Examples near the corners of a cube, weights that tell them apart by `margin`, and their labels."""

    def inputs(rng):
        labels = rng.integers(classes, size=5)
        x = np.eye(classes)[labels] + 0.05 * rng.normal(size=(5, classes))
        return x, margin * np.eye(classes) + 0.1 * rng.normal(size=(classes, classes)), labels

    return inputs


def labelled_twice(margin):
    def inputs(rng):
        x, w, labels = labelled(margin)(rng)
        return x, 0.5 * np.eye(4) + 0.1 * rng.normal(size=(4, 4)), 2 * w, labels

    return inputs


def signed(margin):
    def inputs(rng):
        y, w = rng.choice([-1.0, 1.0], 6), rng.normal(size=3)
        x = 0.1 * rng.normal(size=(6, 3)) + margin * np.outer(y, w) / (w @ w)
        return x, w, y

    return inputs


def beside(distance, *shape):
    """Two arrays that are nearly the same."""

    def inputs(rng):
        a = rng.normal(size=shape)
        return a, a + distance * rng.normal(size=shape)

    return inputs


def masked(sureness):
    def inputs(rng):
        mask = np.where(rng.permutation(12) < 5, 1.0, 0.0).reshape(3, 4)
        return sureness * (2 * mask - 1) + rng.normal(size=(3, 4)), mask

    return inputs


def gated(gate):
    return lambda rng: (rng.normal(size=(3, 4)), gate * rng.normal(size=(4, 3)), rng.normal(size=(3, 4, 2)))


def asked(scale):
    shapes = (2, 3, 4), (2, 3, 4), (2, 3, 2)
    return lambda rng: tuple(rng.normal(size=shape) * (1 if k else scale) for k, shape in enumerate(shapes))


def outdone(times):
    """Rows of which one number is so many times as large as the others."""
    return lambda rng: (rng.normal(size=(3, 5)) * [1, 1, times, 1, 1],)


def each(name, forward, backward, inputs, settings, wrt=None):
    """One case for each setting of its inputs."""
    return [Planted(name.format(s), "nearly sure", forward, backward, inputs(s), wrt=wrt) for s in settings]


def products(scale):
    return drawn(scale, (3, 4), (4, 5))


LATE_RIGHT_SURE = [
    *each("softmax of scores of {}", softmax_forward, softmax_backward, products, (10, 30, 100)),
    *each("soft argmax of {}", soft_argmax_forward, soft_argmax_backward,
          lambda s: at_scale(s, (4, 6)), (5, 20, 60)),
    *each("soft argmax of maps of {}", soft_argmax_forward, soft_argmax_backward,
          lambda s: at_scale(s, (2, 2, 12)), (10, 40)),
    *each("experts, gated by {}", experts_forward, experts_backward, gated, (10, 40)),
    *each("attention with queries of {}", attention_forward, attention_backward, asked, (5, 20, 60)),
    *each("unit length, outdone by {:.0e}", unit_length_forward, unit_length_backward, outdone, (1e2, 1e4, 1e6)),
    *each("cross-entropy, sure by {}", cross_entropy_forward, cross_entropy_backward,
          labelled, (12, 20, 26), (0, 1)),
    *each("two layers, sure by {}", two_layers_forward, two_layers_backward,
          labelled_twice, (15, 22, 28), (0, 1, 2)),
    *each("logistic loss, sure by {}", logistic_forward, logistic_backward, signed, (10, 20, 30), (0, 1)),
    *each("rows {:.0e} apart", apart_forward, apart_backward, lambda d: beside(d, 3, 4), (1e-2, 1e-4, 1e-6)),
    *each("divergence of scores {:.0e} apart", divergence_forward, divergence_backward,
          lambda d: beside(d, 3, 4), (1e-2, 1e-4, 1e-6)),
    *each("overlap, sure by {}", overlap_forward, overlap_backward, masked, (8, 16, 24), (0,)),
]  # fmt: skip
