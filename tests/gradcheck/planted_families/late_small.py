"""Wrong backward passes that lose or change only a faint part: small branches, rare rows and weak penalties."""

from dataclasses import replace

import numpy as np

from tests.gradcheck.planted_families import activations as A
from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import late_layers_activations as LA
from tests.gradcheck.planted_families import late_layers_algebra as LG
from tests.gradcheck.planted_families import late_layers_dense as LD
from tests.gradcheck.planted_families import late_layers_losses as LL
from tests.gradcheck.planted_families import late_layers_norms as LN
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families.case import planting
from tests.gradcheck.planted_families.late_right_dense import scaled
from tests.gradcheck.planted_families.sequences import EMBEDDING

LATE_SMALL = []
bug = planting(LATE_SMALL)

WEAK_SOFTMAX = replace(L.LINEAR_SOFTMAX, options={"reg": 1e-3})
WEAK_HINGE = replace(L.LINEAR_HINGE, options={"reg": 1e-3})
WEAK_SMOOTHING = replace(LL.SMOOTHED, options={"smoothing": 0.01})
WEAK_LEAK = replace(A.LEAKY, options={"slope": 0.01})


def draw_one_repeat(rng):
    return np.array([[0, 1, 2], [3, 4, 1]]), rng.normal(size=(6, 3))


def draw_one_outlier(rng):
    x = rng.uniform(-0.9, 0.9, (5, 4))
    x[3, 2] = 1.05
    return x, np.zeros((5, 4))


def draw_one_above(rng):
    x = rng.uniform(-3, 5.5, (6, 6))
    x[4, 1] = 6.5
    return (x,)


def draw_one_ignored(rng):
    y = rng.integers(0, 4, 12)
    y[7] = -1
    return 2 * rng.normal(size=(12, 4)), y


def draw_one_hole(rng):
    mask = np.ones((4, 6), bool)
    mask[2, 5] = False
    return rng.normal(size=(4, 6)), mask


@bug("missing-term", WEAK_SOFTMAX)
def linear_softmax_with_its_weak_penalty_left_out(dout, cache):
    w, x, y, probs, reg = cache
    dscores = probs.copy()
    dscores[np.arange(len(x)), y] -= 1
    return dout * x.T @ dscores / len(x)


@bug("constant-factor", WEAK_HINGE)
def linear_hinge_with_half_of_its_weak_penalty(dout, cache):
    w, x, y, margins, reg = cache
    on = (margins > 0).astype(float)
    on[np.arange(len(x)), y] -= on.sum(axis=1)
    return dout * (x.T @ on / len(x) + reg * w)


@bug("sign", WEAK_HINGE)
def linear_hinge_with_its_weak_penalty_subtracted(dout, cache):
    w, x, y, margins, reg = cache
    on = (margins > 0).astype(float)
    on[np.arange(len(x)), y] -= on.sum(axis=1)
    return dout * (x.T @ on / len(x) - 2 * reg * w)


@bug("missing-term", LD.SCALED_RESIDUAL, inputs=scaled(LD.SCALED_RESIDUAL, 1, 0.5, 0.5, 3e-3))
def faint_branch_left_out_beside_the_skip(dout, cache):
    x, w1, w2, alpha, hidden, branch = cache
    dbranch = dout * alpha
    dscores = dbranch @ w2.T * (1 - hidden**2)
    return dout.copy(), x.T @ dscores, hidden.T @ dbranch, (dout * branch).sum(axis=0)


@bug("sign", LD.SCALED_RESIDUAL, inputs=scaled(LD.SCALED_RESIDUAL, 1, 0.5, 0.5, 3e-3))
def faint_branch_subtracted_from_the_skip(dout, cache):
    x, w1, w2, alpha, hidden, branch = cache
    dbranch = dout * alpha
    dscores = dbranch @ w2.T * (1 - hidden**2)
    return dout - dscores @ w1.T, x.T @ dscores, hidden.T @ dbranch, (dout * branch).sum(axis=0)


@bug("missing-mask", LD.PRE_NORM, inputs=scaled(LD.PRE_NORM, 1, 1, 3e-3))
def faint_normalised_branch_enters_ungated(dout, cache):
    x, x_hat, std, w1, w2, hidden = cache
    dhidden = dout @ w2.T
    dx_hat = dhidden @ w1.T
    mean, spread = dx_hat.mean(axis=1, keepdims=True), (dx_hat * x_hat).mean(axis=1, keepdims=True)
    dx = dout + (dx_hat - mean - x_hat * spread) / std
    return dx, x_hat.T @ (dhidden * (hidden > 0)), hidden.T @ dout


@bug("missing-term", D.HIGHWAY, inputs=scaled(D.HIGHWAY, 1, 1, 5e-3))
def highway_with_its_quiet_gate_held_fixed(dout, cache):
    x, w, v, gate, change = cache
    dchange = dout * gate * (1 - change**2)
    dgate = dout * (change - x) * gate * (1 - gate)
    return dchange @ w.T + dout * (1 - gate), x.T @ dchange, x.T @ dgate


@bug("transposed", D.HIGHWAY, inputs=scaled(D.HIGHWAY, 1, 1, 5e-3))
def highway_with_its_quiet_gate_untransposed(dout, cache):
    x, w, v, gate, change = cache
    dchange = dout * gate * (1 - change**2)
    dgate = dout * (change - x) * gate * (1 - gate)
    return dchange @ w.T + dgate @ v + dout * (1 - gate), x.T @ dchange, x.T @ dgate


@bug("wrong-cache-variable", WEAK_SMOOTHING, also=("missing-term",))
def weakly_smoothed_labels_taken_as_sharp(dout, cache):
    probs, target, y = cache
    sharp = y[:, None] == np.arange(probs.shape[1])
    return dout * (probs - sharp) / len(probs)


@bug("wrong-mask", WEAK_LEAK, also=("missing-term",))
def leaky_relu_of_a_weak_leak_taken_for_a_relu(dout, cache):
    x, slope = cache
    return dout * (x > 0)


@bug("not-accumulated", EMBEDDING, inputs=draw_one_repeat)
def one_repeated_word_keeps_its_last_gradient(dout, cache):
    x, w = cache
    dw = np.zeros_like(w)
    dw[x] = dout
    return dw


@bug("missing-mask", LL.HUBER, inputs=draw_one_outlier)
def huber_outlier_barely_beyond_the_turn_unclipped(dout, cache):
    x, y, turn = cache
    return dout * (x - y) / x.size


@bug("missing-mask", LA.RELU6, inputs=draw_one_above, also=("wrong-mask",))
def relu6_single_number_above_six_let_through(dout, cache):
    x, out = cache
    return dout * (out > 0)


@bug("missing-mask", LL.IGNORING, inputs=draw_one_ignored)
def one_ignored_row_learns_all_the_same(dout, cache):
    probs, y, kept = cache
    dx = probs - (y[:, None] == np.arange(probs.shape[1]))
    return dout * dx / kept.sum()


@bug("missing-term", LG.ATTENTION_POOL, inputs=scaled(LG.ATTENTION_POOL, 1, 5e-3))
def attention_pool_with_a_quiet_query_held_fixed(dout, cache):
    x, q, weight = cache
    dweight = (dout[:, None] * x).sum(axis=2)
    dscores = weight * (dweight - (dweight * weight).sum(axis=1, keepdims=True))
    return dout[:, None] * weight[:, :, None], (dscores[:, :, None] * x).sum(axis=(0, 1))


@bug("missing-term", LD.FILM, inputs=scaled(LD.FILM, 1, 1, 5e-3, 1))
def condition_of_a_quiet_gain_heard_through_its_shift(dout, cache):
    x, c, wg, wb, gain = cache
    return dout * gain, dout @ wb.T, c.T @ (dout * x), c.T @ dout


@bug("constant-factor", LD.LOW_RANK, inputs=scaled(LD.LOW_RANK, 1, 1, 0.05, 0.05), also=("missing-term",))
def adapter_of_small_weights_unscaled_for_the_input(dout, cache):
    x, w, a, b, inner, scale = cache
    dx = dout @ w.T + dout @ b.T @ a.T
    return dx, x.T @ dout, scale * x.T @ (dout @ b.T), scale * inner.T @ dout


@bug("missing-mask", LN.MASKED_NORM, inputs=draw_one_hole)
def single_hole_of_a_layer_norm_forgotten(dout, cache):
    x, mask, n, x_hat, std = cache
    mean, spread = dout.sum(axis=1, keepdims=True) / n, (dout * x_hat).sum(axis=1, keepdims=True) / n
    return (dout - mean - x_hat * spread) / std


@bug("wrong-dtype", D.AFFINE)
def affine_weights_gradient_in_half_precision_products(dout, cache):
    x, w, b = cache
    dw = sum(np.outer(row, grad).astype(np.float16).astype(float) for row, grad in zip(x, dout))
    return dout @ w.T, dw, dout.sum(axis=0)
