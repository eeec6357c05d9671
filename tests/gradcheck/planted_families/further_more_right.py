"""Still further correct pairs: new ones, and known ones on kinks and ties and at tiny, huge and mixed scales."""

import numpy as np

from tests.gradcheck.planted_families import activations as A
from tests.gradcheck.planted_families import algebra as G
from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import images as I
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import normalization as N
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import Planted, normal
from tests.gradcheck.planted_families.hard_points import at, labelled, mixed, whole


def circular_forward(x):
    """out[:, t] = x[:, t] - x[:, t - 1], and the row is a circle."""
    return x - np.roll(x, 1, axis=1), None


def circular_backward(dout, _):
    return dout - np.roll(dout, -1, axis=1)


def patches_forward(x):
    """(N, C, H, W) -> (N, 4 C, H / 2, W / 2): the four pixels of a 2x2 patch become channels."""
    N, C, H, W = x.shape
    patches = x.reshape(N, C, H // 2, 2, W // 2, 2).transpose(0, 1, 3, 5, 2, 4)
    return patches.reshape(N, 4 * C, H // 2, W // 2), x.shape


def patches_backward(dout, shape):
    N, C, H, W = shape
    return dout.reshape(N, C, 2, 2, H // 2, W // 2).transpose(0, 1, 4, 2, 5, 3).reshape(shape)


def preactivated_forward(x, w, b):
    """A residual block that starts with relu: x + conv(relu(x))."""
    change, cache = I.conv_forward(np.maximum(x, 0), w, b, pad=1)
    return x + change, (x, cache)


def preactivated_backward(dout, cache):
    x, conv_cache = cache
    dhidden, dw, db = I.conv_backward(dout, conv_cache)
    return dout + dhidden * (x > 0), dw, db


def shortcut_forward(x, w, b):
    """A residual block that halves the image: every second pixel of x, plus a convolution of stride 2."""
    change, cache = I.conv_forward(x, w, b, stride=2, pad=1)
    return x[:, :, ::2, ::2] + change, cache


def shortcut_backward(dout, cache):
    dx, dw, db = I.conv_backward(dout, cache)
    dx[:, :, ::2, ::2] += dout
    return dx, dw, db


def hard_swish_forward(x):
    gate = np.clip(x / 6 + 0.5, 0, 1)
    return x * gate, (x, gate)


def hard_swish_backward(dout, cache):
    x, gate = cache
    return dout * (gate + x / 6 * (abs(x) < 3))


def shrink_forward(x, threshold=0.5):
    """Every number comes nearer to 0 by the threshold; the small ones become 0."""
    return np.sign(x) * np.maximum(abs(x) - threshold, 0), (x, threshold)


def shrink_backward(dout, cache):
    x, threshold = cache
    return dout * (abs(x) > threshold)


def larger_forward(a, b):
    return np.maximum(a, b), a >= b


def larger_backward(dout, first):
    return dout * first, dout * ~first


def top_two_forward(x):
    """The sum of the two largest numbers of each row."""
    places = np.argsort(-x, axis=1, kind="stable")[:, :2]
    return np.take_along_axis(x, places, axis=1).sum(axis=1), (places, x.shape)


def top_two_backward(dout, cache):
    places, shape = cache
    dx = np.zeros(shape)
    np.put_along_axis(dx, places, dout[:, None], axis=1)
    return dx


def logarithm_forward(x):
    return np.log(x), x


def logarithm_backward(dout, x):
    return dout / x


def outer_forward(a, b):
    """out[n] = a[n]^T b[n]."""
    return a[:, :, None] * b[:, None, :], (a, b)


def outer_backward(dout, cache):
    a, b = cache
    return (dout * b[:, None, :]).sum(axis=2), (dout * a[:, :, None]).sum(axis=1)


def solve_forward(a, b):
    """The x with a x = b, row after row; what stands above the diagonal of a is not read."""
    x = np.zeros_like(b)
    for i in range(len(b)):
        x[i] = (b[i] - a[i, :i] @ x[:i]) / a[i, i]
    return x, (a, x)


def solve_backward(dout, cache):
    a, x = cache
    db = np.zeros_like(dout)
    for i in reversed(range(len(dout))):
        db[i] = (dout[i] - a[i + 1 :, i] @ db[i + 1 :]) / a[i, i]
    return -np.tril(db @ x.T), db


def city_blocks_forward(x, y):
    """out[n, m] = the sum of abs(x[n] - y[m])."""
    difference = x[:, None] - y[None]
    return abs(difference).sum(axis=2), difference


def city_blocks_backward(dout, difference):
    share = dout[:, :, None] * np.sign(difference)
    return share.sum(axis=1), -share.sum(axis=0)


def gru_forward(x, h0, wx, wh, b):
    """x: (N, T, D). Returns every state, (N, T, H)."""
    h, hs, caches = h0, [], []
    for t in range(x.shape[1]):
        h, cache = S.gru_step_forward(x[:, t], h, wx, wh, b)
        hs.append(h)
        caches.append(cache)
    return np.stack(hs, axis=1), caches


def gru_backward(dout, caches):
    dh, dxs, totals = 0, [], (0, 0, 0)
    for t in reversed(range(len(caches))):
        dx, dh, *shares = S.gru_step_backward(dout[:, t] + dh, caches[t])
        dxs.insert(0, dx)
        totals = tuple(total + share for total, share in zip(totals, shares))
    return np.stack(dxs, axis=1), dh, *totals


def smoothed_loss_forward(x, y, smoothing=0.1):
    """Softmax loss whose target gives a share `smoothing` to all classes alike."""
    C = x.shape[1]
    target = (1 - smoothing) * (y[:, None] == np.arange(C)) + smoothing / C
    log_probs, _ = A.log_softmax_forward(x)
    return -(target * log_probs).sum() / len(x), (np.exp(log_probs), target)


def draw_few_zeros(rng):
    x, w, b = normal((1, 2, 4, 4), (2, 2, 3, 3), (2,))(rng)
    x[:, :, 1, :2] = 0
    return x, w, b


def draw_triangular(rng):
    a, b = normal((4, 4), (4, 3))(rng)
    return a + 3 * np.diag(rng.choice([-1.0, 1.0], 4)), b


def draw_steep_triangular(rng):
    """Rows of scales from 1e-4 to 1e5, a x = b with an x of ordinary size."""
    a, b = draw_triangular(rng)
    scale = 10.0 ** np.array([[-4], [5], [0], [-2]])
    return a * scale, b * scale


def equal_keys(rng):
    q, k, v = S.ATTENTION.inputs(rng)
    return q, np.repeat(k[:, :1], k.shape[1], axis=1), v


CIRCULAR = Planted("circular differences", "reshape", circular_forward, circular_backward, normal((3, 6)))
PATCHES = Planted("patches", "reshape", patches_forward, patches_backward, normal((2, 2, 4, 6)))
PREACTIVATED = Planted(
    "preactivated block with zeros", "residual", preactivated_forward, preactivated_backward, draw_few_zeros
)
SHORTCUT = Planted(
    "residual block, stride 2",
    "residual",
    shortcut_forward,
    shortcut_backward,
    normal((2, 2, 6, 6), (2, 2, 3, 3), (2,)),
)
HARD_SWISH = Planted(
    "hard swish on its kinks", "swish", hard_swish_forward, hard_swish_backward, whole(-4, 5, (5, 6))
)
SHRINK = Planted(
    "soft threshold on its kinks",
    "clip",
    shrink_forward,
    shrink_backward,
    lambda rng: (0.5 * rng.integers(-2, 3, (5, 6)),),
)
LARGER = Planted(
    "larger of two with ties", "reduction", larger_forward, larger_backward, whole(-1, 2, (5, 4), (5, 4))
)
TOP_TWO = Planted("top two with ties", "reduction", top_two_forward, top_two_backward, whole(0, 4, (5, 6)))
LOGARITHM = Planted(
    "logarithm of mixed scales",
    "log",
    logarithm_forward,
    logarithm_backward,
    lambda rng: (10.0 ** rng.uniform(-8, 6, (5, 6)),),
)
OUTER = Planted("outer product of mixed scales", "product", outer_forward, outer_backward, mixed((3, 4), (3, 5)))
SOLVE = Planted("triangular solve", "matmul", solve_forward, solve_backward, draw_triangular)
CITY_BLOCKS = Planted(
    "city-block distances with ties",
    "norm",
    city_blocks_forward,
    city_blocks_backward,
    whole(-2, 3, (3, 3), (4, 3)),
)
GRU = Planted("GRU", "gru", gru_forward, gru_backward, normal((2, 3, 3), (2, 3), (3, 9), (3, 9), (9,), scale=0.7))
SMOOTHED_LOSS = Planted(
    "softmax loss, smoothed labels", "softmax loss", smoothed_loss_forward, L.divergence_backward, L.draw_labels
)

FURTHER_MORE_RIGHT = [
    CIRCULAR, PATCHES, PREACTIVATED, SHORTCUT, HARD_SWISH, SHRINK, LARGER, TOP_TWO, LOGARITHM, OUTER, SOLVE,
    CITY_BLOCKS, GRU, SMOOTHED_LOSS,
    at("triangular solve of mixed scales", SOLVE, draw_steep_triangular),
    at("smoothed labels, huge scores", SMOOTHED_LOSS, labelled(lambda rng: 300 * rng.normal(size=(6, 4)))),
    at("depthwise convolution of tiny images", I.CONV_GROUPS,
       normal((2, 4, 5, 5), (4, 1, 3, 3), (4,), scale=1e-7), options={"groups": 4, "pad": 1}),
    at("max pool, stride 1, of equal negative pixels", I.MAX_POOL, lambda rng: (np.full((1, 2, 4, 5), -0.5),),
       options={"kernel": 3, "stride": 1}),
    at("instance norm of tiny images", N.GROUP_NORM, normal((2, 4, 3, 3), (4,), (4,), scale=1e-6),
       options={"groups": 4}),
    at("batch norm of huge features", N.BATCH_NORM,
       lambda rng: (1e7 * rng.normal(size=(6, 4)), *normal((4,), (4,))(rng))),
    at("RMS norm of mixed scales", N.RMS_NORM, mixed((4, 6), (6,))),
    at("attention to equal keys", S.ATTENTION, equal_keys),
    at("attention with scores in the hundreds", S.ATTENTION, normal((2, 3, 4), (2, 5, 4), (2, 5, 3), scale=12)),
    at("embedding of one word", S.EMBEDDING, lambda rng: (np.full((3, 4), 2), rng.normal(size=(6, 3)))),
    at("log-sum-exp of huge ties", G.LOGSUMEXP, lambda rng: (1e4 + rng.integers(0, 2, (5, 6)),)),
    at("highway with a shut gate", D.HIGHWAY,
       lambda rng: (1 + rng.random((5, 4)), rng.normal(size=(4, 4)), -2 - rng.random((4, 4)))),
    at("gated linear unit of mixed scales", A.GLU, mixed((5, 6))),
]  # fmt: skip
