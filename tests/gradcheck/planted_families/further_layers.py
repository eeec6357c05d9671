"""Further correct layers."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal


def softsign_forward(x):
    return x / (1 + abs(x)), x


def softsign_backward(dout, x):
    return dout / (1 + abs(x)) ** 2


def pair_product_forward(x, u, v):
    """out = (x u) * (x v)."""
    first, second = x @ u, x @ v
    return first * second, (x, u, v, first, second)


def pair_product_backward(dout, cache):
    x, u, v, first, second = cache
    dfirst, dsecond = dout * second, dout * first
    return dfirst @ u.T + dsecond @ v.T, x.T @ dfirst, x.T @ dsecond


def weighted_mean_forward(x, w):
    """out[n] = sum of w x / sum of w; x: (N, D), w: (D,) positive."""
    out = x @ w / w.sum()
    return out, (x, w, out)


def weighted_mean_backward(dout, cache):
    x, w, out = cache
    return dout[:, None] * w / w.sum(), dout @ (x - out[:, None]) / w.sum()


def causal_conv_forward(x, w, b):
    """x: (N, C, T), w: (F, C, K); each output sees its own step and the K - 1 before it."""
    K = w.shape[2]
    padded = np.pad(x, ((0, 0), (0, 0), (K - 1, 0)))
    taps = [np.einsum("nct,fc->nft", padded[:, :, k : k + x.shape[2]], w[:, :, k]) for k in range(K)]
    return sum(taps) + b[:, None], (x, padded, w)


def causal_conv_backward(dout, cache):
    x, padded, w = cache
    T, K = x.shape[2], w.shape[2]
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for k in range(K):
        dpadded[:, :, k : k + T] += np.einsum("nft,fc->nct", dout, w[:, :, k])
        dw[:, :, k] = np.einsum("nft,nct->fc", dout, padded[:, :, k : k + T])
    return dpadded[:, :, K - 1 :], dw, dout.sum(axis=(0, 2))


def squeeze_forward(x, w):
    """Squeeze and excitation: channels times a gate made of the channels' means."""
    squeezed = x.mean(axis=(2, 3))
    gate = 1 / (1 + np.exp(-squeezed @ w))
    return x * gate[:, :, None, None], (x, w, squeezed, gate)


def squeeze_backward(dout, cache):
    x, w, squeezed, gate = cache
    dscores = (dout * x).sum(axis=(2, 3)) * gate * (1 - gate)
    through_mean = (dscores @ w.T)[:, :, None, None] / (x.shape[2] * x.shape[3])
    return dout * gate[:, :, None, None] + through_mean, squeezed.T @ dscores


def shuffle_forward(x, factor=2):
    """Pixel shuffle: (N, C f f, H, W) -> (N, C, H f, W f)."""
    N, C, H, W = x.shape
    blocks = x.reshape(N, C // factor**2, factor, factor, H, W)
    return blocks.transpose(0, 1, 4, 2, 5, 3).reshape(N, C // factor**2, H * factor, W * factor), (x.shape, factor)


def shuffle_backward(dout, cache):
    (N, C, H, W), factor = cache
    blocks = dout.reshape(N, C // factor**2, H, factor, W, factor)
    return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(N, C, H, W)


def max_in_time_forward(x, kernel=3, stride=2):
    """Overlapping max pooling of x: (N, C, T)."""
    OT = (x.shape[2] - kernel) // stride + 1
    windows = np.stack([x[:, :, k : k + stride * (OT - 1) + 1 : stride] for k in range(kernel)])
    return windows.max(axis=0), (x, windows.argmax(axis=0), stride)


def max_in_time_backward(dout, cache):
    x, winner, stride = cache
    dx = np.zeros_like(x)
    n, c, t = np.indices(dout.shape)
    np.add.at(dx, (n, c, t * stride + winner), dout)
    return dx


def interpolate_forward(x):
    """Twice as many steps: each one, then the mean of it and the next (the last one stays alone)."""
    following = np.concatenate([x[:, 1:], x[:, -1:]], axis=1)
    return np.stack([x, (x + following) / 2], axis=2).reshape(len(x), -1), x.shape


def interpolate_backward(dout, shape):
    even, odd = dout[:, ::2], dout[:, 1::2]
    dx = even + odd / 2
    dx[:, 1:] += odd[:, :-1] / 2
    dx[:, -1] += odd[:, -1] / 2
    return dx


def instance_norm_forward(x, eps=1e-3):
    """Each channel of each image standardised by itself."""
    centred = x - x.mean(axis=(2, 3), keepdims=True)
    std = np.sqrt((centred**2).mean(axis=(2, 3), keepdims=True) + eps)
    return centred / std, (centred / std, std)


def instance_norm_backward(dout, cache):
    out, std = cache
    through_mean = dout.mean(axis=(2, 3), keepdims=True)
    return (dout - through_mean - out * (dout * out).mean(axis=(2, 3), keepdims=True)) / std


def attention_pool_forward(x, w, u):
    """One vector for each sentence: the words' mean, weighted by softmax(tanh(x w) u); u: (M,)."""
    bent = np.tanh(x @ w)
    scores = bent @ u
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    share = e / e.sum(axis=1, keepdims=True)
    return (share[..., None] * x).sum(axis=1), (x, w, u, bent, share)


def attention_pool_backward(dout, cache):
    x, w, u, bent, share = cache
    dshare = (x * dout[:, None]).sum(axis=2)
    dscores = share * (dshare - (dshare * share).sum(axis=1, keepdims=True))
    dz = dscores[..., None] * u * (1 - bent**2)
    dx = share[..., None] * dout[:, None] + dz @ w.T
    return dx, np.einsum("ntd,ntm->dm", x, dz), np.einsum("nt,ntm->m", dscores, bent)


def smoothed_loss_forward(x, y, smoothing=0.2):
    """Softmax loss whose target is 1 - smoothing for the label and smoothing / C more for every class."""
    shifted = x - x.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    target = np.full(x.shape, smoothing / x.shape[1])
    target[np.arange(len(x)), y] += 1 - smoothing
    return -(target * log_probs).sum() / len(x), (np.exp(log_probs), target, y)


def smoothed_loss_backward(dout, cache):
    probs, target, y = cache
    return dout * (probs - target) / len(probs)


def ranking_loss_forward(x, y, margin=0.5):
    """Scores x should be larger than scores y by a margin."""
    excess = np.maximum(margin - (x - y), 0)
    return excess.mean(), excess


def ranking_loss_backward(dout, excess):
    on = dout * (excess > 0) / excess.size
    return -on, on


def draw_weights(rng):
    return rng.normal(size=(5, 4)), rng.uniform(0.5, 2, 4)


def draw_labels(rng):
    return 2 * rng.normal(size=(6, 4)), rng.integers(0, 4, 6)


SOFTSIGN = Planted("softsign", "softsign", softsign_forward, softsign_backward, normal((5, 6)))
PAIR_PRODUCT = Planted(
    "product of pairs", "product", pair_product_forward, pair_product_backward, normal((5, 4), (4, 3), (4, 3))
)
WEIGHTED_MEAN = Planted("weighted mean", "division", weighted_mean_forward, weighted_mean_backward, draw_weights)
CAUSAL_CONV = Planted(
    "causal convolution",
    "convolution",
    causal_conv_forward,
    causal_conv_backward,
    normal((2, 3, 6), (4, 3, 3), (4,)),
)
SQUEEZE = Planted("squeeze", "network", squeeze_forward, squeeze_backward, normal((3, 4, 3, 3), (4, 4)))
SHUFFLE = Planted("pixel shuffle", "upsample", shuffle_forward, shuffle_backward, normal((2, 8, 3, 3)))
MAX_IN_TIME = Planted("max in time", "max pool", max_in_time_forward, max_in_time_backward, normal((2, 4, 15)))
INTERPOLATE = Planted("interpolation", "upsample", interpolate_forward, interpolate_backward, normal((3, 6)))
INSTANCE_NORM = Planted(
    "instance norm", "batch norm", instance_norm_forward, instance_norm_backward, normal((2, 3, 4, 4))
)
ATTENTION_POOL = Planted(
    "attention pool", "attention", attention_pool_forward, attention_pool_backward, normal((2, 4, 3), (3, 5), (5,))
)
SMOOTHED_LOSS = Planted(
    "smoothed softmax loss", "softmax loss", smoothed_loss_forward, smoothed_loss_backward, draw_labels
)
RANKING_LOSS = Planted(
    "ranking loss", "hinge loss", ranking_loss_forward, ranking_loss_backward, normal((24,), (24,))
)

FURTHER_LAYERS = [SOFTSIGN, PAIR_PRODUCT, WEIGHTED_MEAN, CAUSAL_CONV, SQUEEZE, SHUFFLE, MAX_IN_TIME, INTERPOLATE,
                   INSTANCE_NORM, ATTENTION_POOL, SMOOTHED_LOSS, RANKING_LOSS]  # fmt: skip
