"""More correct normalisations: of instances, of sequences, of weights, by sums, lengths and conditions."""

import numpy as np

from tests.gradcheck.planted_families.case import Planted, normal


def standardised(x, axis, eps):
    centred = x - x.mean(axis=axis, keepdims=True)
    std = np.sqrt((centred**2).mean(axis=axis, keepdims=True) + eps)
    return centred / std, std


def through(dx_hat, x_hat, std, axis):
    mean, spread = dx_hat.mean(axis=axis, keepdims=True), (dx_hat * x_hat).mean(axis=axis, keepdims=True)
    return (dx_hat - mean - x_hat * spread) / std


def instance_norm_forward(x, gamma, beta, eps=1e-4):
    """x: (N, C, H, W); every channel of every example by itself."""
    x_hat, std = standardised(x, (2, 3), eps)
    return gamma[:, None, None] * x_hat + beta[:, None, None], (x_hat, std, gamma)


def instance_norm_backward(dout, cache):
    x_hat, std, gamma = cache
    dx = through(dout * gamma[:, None, None], x_hat, std, (2, 3))
    return dx, (dout * x_hat).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))


def plain_norm_forward(x, eps=1e-5):
    """Rows standardised, without scale and shift."""
    x_hat, std = standardised(x, 1, eps)
    return x_hat, (x, x_hat, std)


def plain_norm_backward(dout, cache):
    x, x_hat, std = cache
    return through(dout, x_hat, std, 1)


def sequence_norm_forward(x, gamma, beta, eps=1e-3):
    """Batch norm of x: (N, T, D) over N and T."""
    x_hat, std = standardised(x, (0, 1), eps)
    return gamma * x_hat + beta, (x, x_hat, std, gamma)


def sequence_norm_backward(dout, cache):
    x, x_hat, std, gamma = cache
    return through(dout * gamma, x_hat, std, (0, 1)), (dout * x_hat).sum(axis=(0, 1)), dout.sum(axis=(0, 1))


def token_norm_forward(x, gamma, beta, eps=1e-3):
    """Layer norm of x: (N, T, D) over D."""
    x_hat, std = standardised(x, 2, eps)
    return gamma * x_hat + beta, (x, x_hat, std, gamma)


def token_norm_backward(dout, cache):
    x, x_hat, std, gamma = cache
    return through(dout * gamma, x_hat, std, 2), (dout * x_hat).sum(axis=(0, 1)), dout.sum(axis=(0, 1))


def share_forward(x, eps=1e-2):
    """Every row over the sum of its absolute values."""
    total = abs(x).sum(axis=1, keepdims=True) + eps
    out = x / total
    return out, (x, out, total)


def share_backward(dout, cache):
    x, out, total = cache
    return (dout - np.sign(x) * (dout * out).sum(axis=1, keepdims=True)) / total


def length_norm_forward(x, g, eps=1e-2):
    """g x / sqrt(|x|**2 + eps), with one learned length g for all rows."""
    length = np.sqrt((x**2).sum(axis=1, keepdims=True) + eps)
    unit = x / length
    return g * unit, (x, g, unit, length)


def length_norm_backward(dout, cache):
    x, g, unit, length = cache
    along = (dout * unit).sum(axis=1, keepdims=True)
    return g * (dout - unit * along) / length, (dout * unit).sum()


def standard_weights_forward(x, w, b, eps=1e-4):
    """An affine layer whose weights' columns are standardised."""
    w_hat, std = standardised(w, 0, eps)
    return x @ w_hat + b, (x, w_hat, std)


def standard_weights_backward(dout, cache):
    x, w_hat, std = cache
    return dout @ w_hat.T, through(x.T @ dout, w_hat, std, 0), dout.sum(axis=0)


def sample_norm_forward(x, eps=1e-6):
    """Columns standardised with the deviation divided by N - 1."""
    centred = x - x.mean(axis=0)
    std = np.sqrt((centred**2).sum(axis=0) / (len(x) - 1) + eps)
    x_hat = centred / std
    return x_hat, (x, x_hat, std)


def sample_norm_backward(dout, cache):
    x, x_hat, std = cache
    return (dout - dout.mean(axis=0) - x_hat * (dout * x_hat).sum(axis=0) / (len(x) - 1)) / std


def conditional_norm_forward(x, c, wg, wb, eps=1e-3):
    """Layer norm whose scale and shift come from a condition: (1 + c wg) x_hat + c wb."""
    x_hat, std = standardised(x, 1, eps)
    scale = 1 + c @ wg
    return scale * x_hat + c @ wb, (x_hat, std, c, wg, wb, scale)


def conditional_norm_backward(dout, cache):
    x_hat, std, c, wg, wb, scale = cache
    dscale = dout * x_hat
    return through(dout * scale, x_hat, std, 1), dscale @ wg.T + dout @ wb.T, c.T @ dscale, c.T @ dout


def dense_groups_forward(x, gamma, groups=3, eps=1e-3):
    """x: (N, D), standardised within groups of neighbouring features."""
    x_hat, std = standardised(x.reshape(len(x), groups, -1), 2, eps)
    return gamma * x_hat.reshape(x.shape), (x_hat, std, gamma)


def dense_groups_backward(dout, cache):
    x_hat, std, gamma = cache
    dx = through((dout * gamma).reshape(x_hat.shape), x_hat, std, 2)
    return dx.reshape(dout.shape), (dout * x_hat.reshape(dout.shape)).sum(axis=0)


def centring_forward(x):
    """tanh of the rows without their mean."""
    out = np.tanh(x - x.mean(axis=1, keepdims=True))
    return out, (x, out)


def centring_backward(dout, cache):
    x, out = cache
    d = dout * (1 - out**2)
    return d - d.mean(axis=1, keepdims=True)


def cosine_scores_forward(x, w, s):
    """s times the cosines of rows of x (N, D) and columns of w (D, M); s: one number."""
    nx, nw = np.sqrt((x**2).sum(axis=1, keepdims=True)), np.sqrt((w**2).sum(axis=0))
    ux, uw = x / nx, w / nw
    cosine = ux @ uw
    return s * cosine, (s, nx, nw, ux, uw, cosine)


def cosine_scores_backward(dout, cache):
    s, nx, nw, ux, uw, cosine = cache
    d = s * dout
    dux, duw = d @ uw.T, ux.T @ d
    dx = (dux - ux * (dux * ux).sum(axis=1, keepdims=True)) / nx
    return dx, (duw - uw * (duw * uw).sum(axis=0)) / nw, (dout * cosine).sum()


def post_norm_forward(x, w, gamma, eps=1e-3):
    """gamma * layer norm of (x + tanh(x w))."""
    t = np.tanh(x @ w)
    x_hat, std = standardised(x + t, 1, eps)
    return gamma * x_hat, (x, w, gamma, t, x_hat, std)


def post_norm_backward(dout, cache):
    x, w, gamma, t, x_hat, std = cache
    dsum = through(dout * gamma, x_hat, std, 1)
    dscores = dsum * (1 - t**2)
    return dsum + dscores @ w.T, x.T @ dscores, (dout * x_hat).sum(axis=0)


def masked_norm_forward(x, mask, eps=1e-3):
    """Rows standardised over the places where mask is true; elsewhere 0."""
    n = mask.sum(axis=1, keepdims=True)
    centred = (x - (x * mask).sum(axis=1, keepdims=True) / n) * mask
    std = np.sqrt((centred**2).sum(axis=1, keepdims=True) / n + eps)
    x_hat = centred / std
    return x_hat, (x, mask, n, x_hat, std)


def masked_norm_backward(dout, cache):
    x, mask, n, x_hat, std = cache
    d = dout * mask
    mean, spread = d.sum(axis=1, keepdims=True) / n, (d * x_hat).sum(axis=1, keepdims=True) / n
    return (d - mean * mask - x_hat * spread) / std


def pair(name, family, stem, inputs, **more):
    return Planted(name, family, globals()[f"{stem}_forward"], globals()[f"{stem}_backward"], inputs, **more)


def draw_length(rng):
    return rng.normal(size=(5, 4)), np.array(rng.uniform(1, 2))


def draw_cosines(rng):
    return *normal((5, 4), (4, 4))(rng), np.array(rng.uniform(2, 4))


def draw_holes(rng):
    mask = rng.random((4, 6)) < 0.6
    mask[:, :2], mask[:, 2] = True, False
    return rng.normal(size=(4, 6)), mask


INSTANCE_NORM = pair("instance norm", "group norm", "instance_norm", normal((2, 3, 3, 3), (3,), (3,)))
PLAIN_NORM = pair("layer norm without scale", "layer norm", "plain_norm", normal((5, 5)))
SEQUENCE_NORM = pair("batch norm of sequences", "batch norm", "sequence_norm", normal((3, 4, 3), (3,), (3,)))
TOKEN_NORM = pair("layer norm of tokens", "layer norm", "token_norm", normal((3, 3, 5), (5,), (5,)))
SHARE = pair("share of the absolute sum", "norm", "share", normal((4, 5)))
LENGTH_NORM = pair("norm to a learned length", "norm", "length_norm", draw_length)
STANDARD_WEIGHTS = pair("standardised weights", "weight norm", "standard_weights", normal((5, 4), (4, 3), (3,)))
SAMPLE_NORM = pair("columns by sample deviation", "batch norm", "sample_norm", normal((6, 4)))
CONDITIONAL = pair(
    "conditional layer norm", "layer norm", "conditional_norm", normal((4, 5), (4, 3), (3, 5), (3, 5))
)
DENSE_GROUPS = pair("group norm of features", "group norm", "dense_groups", normal((4, 9), (9,)))
CENTRING = pair("tanh of centred rows", "tanh", "centring", normal((5, 5)))
COSINE_SCORES = pair("cosine classifier", "norm", "cosine_scores", draw_cosines)
POST_NORM = pair("residual block, normalised last", "residual", "post_norm", normal((4, 5), (5, 5), (5,)))
MASKED_NORM = pair("layer norm with holes", "layer norm", "masked_norm", draw_holes)

LATE_LAYERS_NORMS = [INSTANCE_NORM, PLAIN_NORM, SEQUENCE_NORM, TOKEN_NORM, SHARE, LENGTH_NORM, STANDARD_WEIGHTS,
                     SAMPLE_NORM, CONDITIONAL, DENSE_GROUPS, CENTRING, COSINE_SCORES, POST_NORM,
                     MASKED_NORM]  # fmt: skip
