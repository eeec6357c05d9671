"""Wrong small networks over sequences: twins, triplets, tied weights, gated units, norms, skips."""

import numpy as np

from tests.gradcheck.planted_families import algebra as G
from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families.case import Planted, forgetting, normal, planting

UNSEEN_NETS = []
bug = planting(UNSEEN_NETS)


def contrastive_forward(x, y, alike, w, margin=2.0):
    """Twins seen through the same w: d**2 if they are alike, else max(margin - d, 0)**2; the mean over N."""
    apart = x @ w - y @ w
    d = np.sqrt((apart**2).sum(axis=1))
    losses = np.where(alike, d**2, np.maximum(margin - d, 0) ** 2)
    return losses.mean(), (x, y, alike, w, apart, d, margin)


def contrastive_backward(dout, cache):
    x, y, alike, w, apart, d, margin = cache
    pushed = -2 * np.maximum(margin - d, 0) / np.where(d > 0, d, 1)
    dapart = dout * np.where(alike, 2, pushed)[:, None] * apart / len(x)
    return dapart @ w.T, -dapart @ w.T, (x - y).T @ dapart


def draw_twins(rng):
    x, y, w = normal((8, 3), (8, 3), (3, 2), scale=0.6)(rng)
    return x, y, np.arange(8) % 2 == 0, w


def draw_equal_twins(rng):
    x, y, alike, w = draw_twins(rng)
    y[2] = x[2]
    return x, y, alike, w


def language_forward(words, w, v, b):
    """Scores for every next word with the word vectors w (V, D) on both sides: tanh(w[words] v) w^T + b."""
    inside = w[words]
    hidden = np.tanh(inside @ v)
    return hidden @ w.T + b, (words, w, v, inside, hidden)


def language_backward(dout, cache):
    words, w, v, inside, hidden = cache
    dscores = dout @ w * (1 - hidden**2)
    dw = np.einsum("ntv,ntd->vd", dout, hidden)
    np.add.at(dw, words, dscores @ v.T)
    return dw, np.einsum("nti,nto->io", inside, dscores), dout.sum(axis=(0, 1))


def swiglu_forward(x, w, v, u):
    """The gated feed-forward layer (swish(x w) * (x v)) u over x: (N, T, D)."""
    a, value = x @ w, x @ v
    gate = 1 / (1 + np.exp(-a))
    hidden = a * gate * value
    return hidden @ u, (x, w, v, u, a, value, gate, hidden)


def swiglu_backward(dout, cache):
    x, w, v, u, a, value, gate, hidden = cache
    dhidden = dout @ u.T
    da = dhidden * value * (gate + a * gate * (1 - gate))
    dvalue = dhidden * a * gate
    dw, dv, du = (np.einsum("nti,nto->io", i, o) for i, o in ((x, da), (x, dvalue), (hidden, dout)))
    return da @ w.T + dvalue @ v.T, dw, dv, du


def word_norm_forward(x, gain, eps=1e-6):
    """RMS norm of the words of x (N, T, D)."""
    inverse = 1 / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps)
    return x * inverse * gain, (x, gain, inverse)


def word_norm_backward(dout, cache):
    x, gain, inverse = cache
    dx = inverse * (dout * gain - x * inverse**2 * (dout * gain * x).mean(axis=-1, keepdims=True))
    return dx, (dout * x * inverse).sum(axis=(0, 1))


def draw_blank_words(rng):
    x, gain = normal((2, 4, 5), (5,))(rng)
    x[1, 2:] = 0
    return x, gain


def pre_norm_forward(x, gain, w1, w2):
    """A transformer's feed-forward block: x + relu(norm(x) w1) w2."""
    hat, inner = word_norm_forward(x, gain)
    hidden = np.maximum(hat @ w1, 0)
    return x + hidden @ w2, (hat, inner, w1, w2, hidden)


def pre_norm_backward(dout, cache):
    hat, inner, w1, w2, hidden = cache
    dscores = dout @ w2.T * (hidden > 0)
    dx, dgain = word_norm_backward(dscores @ w1.T, inner)
    dw1, dw2 = np.einsum("nti,nto->io", hat, dscores), np.einsum("nti,nto->io", hidden, dout)
    return dout + dx, dgain, dw1, dw2


def words_forward(words, segments, w, places, s):
    """BERT's sum of three vectors: of the word, the place in time and the segment; words, segments: (N, T)."""
    return w[words] + places[: words.shape[1]] + s[segments], (words, segments, w, places, s)


def words_backward(dout, cache):
    words, segments, w, places, s = cache
    dw, dplaces, ds = np.zeros_like(w), np.zeros_like(places), np.zeros_like(s)
    np.add.at(dw, words, dout)
    np.add.at(ds, segments, dout)
    dplaces[: words.shape[1]] = dout.sum(axis=0)
    return dw, dplaces, ds


def draw_words(rng):
    words = rng.integers(0, 5, (3, 4))
    words[0] = 1, 2, 1, 1
    return words, np.tile([0, 0, 1, 1], (3, 1)), *normal((6, 3), (5, 3), (2, 3))(rng)


def window_mean_forward(x, size=3, stride=2):
    """The means over windows in time; the last ones are cut short by the end. x: (N, T, D)."""
    starts = range(0, x.shape[1], stride)
    return np.stack([x[:, s : s + size].mean(axis=1) for s in starts], axis=1), (x, starts, size)


def window_mean_backward(dout, cache):
    x, starts, size = cache
    dx = np.zeros_like(x)
    for i, s in enumerate(starts):
        window = dx[:, s : s + size]
        window += dout[:, i, None] / window.shape[1]
    return dx


def top_forward(x, mask):
    """The largest number of each feature over the words of a sentence, the first of equal ones."""
    best = np.where(mask[..., None], x, -np.inf).argmax(axis=1)[:, None]
    return np.take_along_axis(x, best, axis=1)[:, 0], (x, mask, best)


def top_backward(dout, cache):
    x, _, best = cache
    dx = np.zeros_like(x)
    np.put_along_axis(dx, best, dout[:, None], axis=1)
    return dx


def draw_top(rng):
    x, mask = rng.normal(size=(3, 6, 4)), np.arange(6) < rng.integers(2, 5, 3)[:, None]
    x[:, 5, 0] = 4
    return x, mask


def safe_mean_forward(x, mask):
    """The mean over the words of each sentence, zero where there are none."""
    count = np.maximum(mask.sum(axis=1), 1)[:, None]
    return (x * mask[..., None]).sum(axis=1) / count, (x, mask, count)


def safe_mean_backward(dout, cache):
    _, mask, count = cache
    return (dout / count)[:, None] * mask[..., None]


def draw_empty_sentence(rng):
    return rng.normal(size=(3, 5, 2)), np.arange(5) < np.array([3, 0, 5])[:, None]


def smoothed_forward(x, y, smoothing=0.1):
    """Softmax loss of (N, T, V) with smoothed labels, the mean over the words; y == -1 is no word."""
    log_probs = x - G.logsumexp_forward(x.reshape(-1, x.shape[2]))[0].reshape(*y.shape, 1)
    on = y >= 0
    target = (1 - smoothing) * (y[..., None] == np.arange(x.shape[2])) + smoothing / x.shape[2]
    count = max(on.sum(), 1)
    return -(target * log_probs * on[..., None]).sum() / count, (np.exp(log_probs), target, on, count)


def smoothed_backward(dout, cache):
    probs, target, on, count = cache
    return dout * (probs - target) * on[..., None] / count


def draw_smoothed(rng):
    y = rng.integers(0, 5, (3, 4))
    y[0, 2:] = y[2, 3] = -1
    return rng.normal(size=(3, 4, 5)), y


WORDS = Planted("sum of word, place and segment vectors", "embedding", words_forward, words_backward, draw_words)
WINDOW_MEAN = Planted("mean over windows in time", "reduction", window_mean_forward, window_mean_backward,
                      normal((2, 7, 3)))  # fmt: skip
TOP = Planted("max over the words of a sentence", "reduction", top_forward, top_backward, draw_top)
SAFE_MEAN = Planted("mean over perhaps no words", "reduction", safe_mean_forward, safe_mean_backward,
                    draw_empty_sentence)  # fmt: skip
SMOOTHED = Planted("smoothed loss of words", "softmax loss", smoothed_forward, smoothed_backward, draw_smoothed)
TWINS = Planted("contrastive loss of twins", "network", contrastive_forward, contrastive_backward, draw_twins)
LANGUAGE = Planted("language model with tied word vectors", "network", language_forward, language_backward,
                   lambda rng: (np.array([[1, 2, 2], [0, 1, 4]]), *normal((5, 4), (4, 4), (5,))(rng)))  # fmt: skip
SWIGLU = Planted("gated feed-forward over words", "swish", swiglu_forward, swiglu_backward,
                 normal((2, 3, 4), (4, 4), (4, 4), (4, 4)))  # fmt: skip
WORD_NORM = Planted("RMS norm of words", "layer norm", word_norm_forward, word_norm_backward,
                    normal((2, 4, 5), (5,)))  # fmt: skip
PRE_NORM = Planted("pre-norm feed-forward block", "residual", pre_norm_forward, pre_norm_backward,
                   normal((2, 3, 4), (4,), (4, 4), (4, 4)))  # fmt: skip
RIGHT = [TWINS, LANGUAGE, SWIGLU, WORD_NORM, PRE_NORM, WORDS, WINDOW_MEAN, TOP, SAFE_MEAN, SMOOTHED]
MEMORY = {}


@bug("missing-term", TWINS, also=("not-accumulated",))
def only_the_first_twin_trains_the_weights(dout, cache):
    x, y, alike, w, apart, d, margin = cache
    dx, dy, _ = contrastive_backward(dout, cache)
    dapart = dout * np.where(alike, 2, -2 * np.maximum(margin - d, 0) / d)[:, None] * apart / len(x)
    return dx, dy, x.T @ dapart


@bug("sign", TWINS)
def second_twin_pulled_like_the_first(dout, cache):
    dx, _, dw = contrastive_backward(dout, cache)
    return dx, dx.copy(), dw


@bug("sign", TWINS)
def unlike_twins_pulled_together(dout, cache):
    x, y, alike, w, apart, d, margin = cache
    dapart = dout * np.where(alike, 2, 2 * np.maximum(margin - d, 0) / d)[:, None] * apart / len(x)
    return dapart @ w.T, -dapart @ w.T, (x - y).T @ dapart


@bug("missing-mask", TWINS, inputs=lambda rng: (3 * rng.normal(size=(8, 3)), *draw_twins(rng)[1:3], np.eye(3, 2)))
def twins_beyond_the_margin_pushed_too(dout, cache):
    x, y, alike, w, apart, d, margin = cache
    dapart = dout * np.where(alike, 2, -2 * (margin - d) / d)[:, None] * apart / len(x)
    return dapart @ w.T, -dapart @ w.T, (x - y).T @ dapart


@bug("constant-factor", TWINS)
def twins_loss_not_divided_by_their_number(dout, cache):
    return tuple(len(cache[0]) * gradient for gradient in contrastive_backward(dout, cache))


@bug("non-finite", TWINS, inputs=draw_equal_twins)
def distance_of_equal_twins_divides(dout, cache):
    x, y, alike, w, apart, d, margin = cache
    dd = np.where(alike, 2 * d, -2 * np.maximum(margin - d, 0))
    dapart = dout * (dd / d)[:, None] * apart / len(x)
    return dapart @ w.T, -dapart @ w.T, (x - y).T @ dapart


@bug("wrong-mask", L.TRIPLET_LOSS)
def triplets_that_are_good_already_trained(dout, cache):
    a, near, far, excess = cache
    on = dout * (excess <= 0)[:, None] / len(a)
    return 2 * on * (far - near), -2 * on * (a - near), 2 * on * (a - far)


@bug("wrong-cache-variable", L.TRIPLET_LOSS)
def far_example_pushed_from_the_near_one(dout, cache):
    a, near, far, excess = cache
    on = dout * (excess > 0)[:, None] / len(a)
    return 2 * on * (far - near), -2 * on * (a - near), 2 * on * (near - far)


@bug("missing-term", LANGUAGE, also=("not-accumulated",))
def tied_vectors_trained_by_the_scores_alone(dout, cache):
    words, w, v, inside, hidden = cache
    _, dv, db = language_backward(dout, cache)
    return np.einsum("ntv,ntd->vd", dout, hidden), dv, db


@bug("not-accumulated", LANGUAGE, also=("missing-term",))
def looked_up_vectors_replace_the_tied_gradient(dout, cache):
    words, w, v, inside, hidden = cache
    dscores = dout @ w * (1 - hidden**2)
    dw = np.einsum("ntv,ntd->vd", dout, hidden)
    dw[words] = dscores @ v.T
    return dw, np.einsum("nti,nto->io", inside, dscores), dout.sum(axis=(0, 1))


@bug("transposed", LANGUAGE)
def recoding_matrix_of_the_language_model_not_turned(dout, cache):
    words, w, v, inside, hidden = cache
    _, dv, db = language_backward(dout, cache)
    dw = np.einsum("ntv,ntd->vd", dout, hidden)
    np.add.at(dw, words, dout @ w * (1 - hidden**2) @ v)
    return dw, dv, db


@bug("wrong-shape", LANGUAGE)
def bias_of_word_scores_summed_over_the_batch_only(dout, cache):
    return *language_backward(dout, cache)[:2], dout.sum(axis=0)


@bug("wrong-cache-variable", SWIGLU)
def gate_slope_from_the_gated_value(dout, cache):
    x, w, v, u, a, value, gate, hidden = cache
    dx, _, dv, du = swiglu_backward(dout, cache)
    da = dout @ u.T * value * (gate + hidden * (1 - gate))
    return da @ w.T + (dout @ u.T * a * gate) @ v.T, np.einsum("nti,nto->io", x, da), dv, du


@bug("missing-term", SWIGLU)
def swish_of_the_gate_taken_for_a_sigmoid_product(dout, cache):
    x, w, v, u, a, value, gate, hidden = cache
    _, _, dv, du = swiglu_backward(dout, cache)
    da = dout @ u.T * value * gate
    return da @ w.T + (dout @ u.T * a * gate) @ v.T, np.einsum("nti,nto->io", x, da), dv, du


@bug("transposed", SWIGLU)
def gradient_of_the_gate_weights_on_its_side(dout, cache):
    dx, dw, dv, du = swiglu_backward(dout, cache)
    return dx, dw.T, dv, du


@bug("missing-term", WORD_NORM)
def root_mean_square_taken_for_a_constant(dout, cache):
    x, gain, inverse = cache
    return dout * gain * inverse, (dout * x * inverse).sum(axis=(0, 1))


@bug("non-finite", WORD_NORM, inputs=draw_blank_words)
def root_mean_square_of_blank_words_without_epsilon(dout, cache):
    x, gain, inverse = cache
    rms, dhat = np.sqrt((x**2).mean(axis=-1, keepdims=True)), dout * gain
    dx = (dhat - x / rms * (dhat * x / rms).mean(axis=-1, keepdims=True)) / rms
    return dx, (dout * x * inverse).sum(axis=(0, 1))


@bug("constant-factor", WORD_NORM)
def gain_of_words_averaged(dout, cache):
    x, gain, inverse = cache
    return word_norm_backward(dout, cache)[0], (dout * x * inverse).mean(axis=(0, 1))


@bug("missing-term", PRE_NORM)
def skip_around_the_pre_norm_block_forgotten(dout, cache):
    hat, inner, w1, w2, hidden = cache
    _, dgain, dw1, dw2 = pre_norm_backward(dout, cache)
    return word_norm_backward(dout @ w2.T * (hidden > 0) @ w1.T, inner)[0], dgain, dw1, dw2


@bug("wrong-cache-variable", PRE_NORM)
def weights_after_the_norm_trained_on_the_words_before_it(dout, cache):
    hat, inner, w1, w2, hidden = cache
    dx, dgain, _, dw2 = pre_norm_backward(dout, cache)
    return dx, dgain, np.einsum("nti,nto->io", inner[0], dout @ w2.T * (hidden > 0)), dw2


@bug("mutates", PRE_NORM)
def skip_gradient_gathered_in_dout(dout, cache):
    hat, inner, w1, w2, hidden = cache
    _, dgain, dw1, dw2 = pre_norm_backward(dout, cache)
    dout += word_norm_backward(dout @ w2.T * (hidden > 0) @ w1.T, inner)[0]
    return dout, dgain, dw1, dw2


@bug("not-accumulated", WORD_NORM)
def gain_of_words_trained_by_the_last_word(dout, cache):
    dx, _ = word_norm_backward(dout, cache)
    x, gain, inverse = cache
    return dx, (dout * x * inverse)[:, -1].sum(axis=0)


@bug("nondeterministic", PRE_NORM, inputs=forgetting(MEMORY, PRE_NORM.inputs))
def gradient_of_the_gain_kept_between_calls(dout, cache):
    dx, dgain, dw1, dw2 = pre_norm_backward(dout, cache)
    MEMORY["gain"] = MEMORY.get("gain", 0) + dgain
    return dx, MEMORY["gain"], dw1, dw2


@bug("transposed", D.TIED)
def decoder_gradient_of_tied_weights_on_its_side(dout, cache):
    x, w, code = cache
    dscores = dout @ w * (1 - code**2)
    return dscores @ w.T, x.T @ dscores + (code.T @ dout).reshape(w.shape)


@bug("missing-term", D.HIGHWAY)
def gate_of_the_highway_sees_only_the_change(dout, cache):
    x, w, v, gate, change = cache
    dchange = dout * gate * (1 - change**2)
    dgate = dout * change * gate * (1 - gate)
    return dchange @ w.T + dgate @ v.T + dout * (1 - gate), x.T @ dchange, x.T @ dgate
