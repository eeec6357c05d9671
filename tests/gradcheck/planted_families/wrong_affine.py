"""Wrong backward passes of affine layers and of the small networks built of them."""

import numpy as np

from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.dense import (
    AFFINE,
    AFFINE_IMAGES,
    AFFINE_SQUARE,
    BRANCHES,
    MAXOUT,
    RESIDUAL,
    SIAMESE,
    TEMPORAL,
    TIED,
    TWO_LAYER,
    affine_backward,
    residual_backward,
    tied_backward,
    two_layer_backward,
)

AFFINE_BUGS = []
bug = planting(AFFINE_BUGS)
rng = np.random.default_rng(0)


@bug("constant-factor", AFFINE)
def affine_dw_averaged_over_the_batch(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout / len(x), dout.sum(axis=0)


@bug("constant-factor", AFFINE)
def affine_db_averaged_over_the_batch(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.mean(axis=0)


@bug("constant-factor", AFFINE, inputs=lambda rng: (*normal((6, 5), (5, 4))(rng), 1e6 + rng.normal(size=4)))
def affine_beside_a_large_bias_dw_one_percent_large(dout, cache):
    x, w, b = cache
    return dout @ w.T, 1.01 * x.T @ dout, dout.sum(axis=0)


@bug("sign", SIAMESE)
def siamese_second_tower_not_subtracted(dout, cache):
    x, y, w, first, second = cache
    dfirst, dsecond = dout * (1 - first**2), dout * (1 - second**2)
    return dfirst @ w.T, dsecond @ w.T, x.T @ dfirst - y.T @ dsecond


@bug("transposed", AFFINE_SQUARE)
def affine_dx_with_w_not_transposed(dout, cache):
    x, w, b = cache
    return dout @ w, x.T @ dout, dout.sum(axis=0)


@bug("transposed", AFFINE_SQUARE)
def affine_dw_from_dout_times_x(dout, cache):
    x, w, b = cache
    return dout @ w.T, dout.T @ x, dout.sum(axis=0)


@bug("transposed", AFFINE_SQUARE, also=("not-accumulated",))
def affine_db_summed_over_the_features(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=1)


@bug("missing-term", RESIDUAL)
def residual_without_the_skip(dout, cache):
    x, w1, w2, hidden, total = cache
    dtotal = dout * (total > 0)
    dhidden = dtotal @ w2.T * (hidden > 0)
    return dhidden @ w1.T, x.T @ dhidden, hidden.T @ dtotal


@bug("missing-term", BRANCHES)
def concat_of_branches_only_the_first(dout, cache):
    x, w, first = cache
    dscores = dout[:, : first.shape[1]] * (1 - first**2)
    return dscores @ w.T, x.T @ dscores


@bug("missing-term", TIED)
def tied_weights_of_the_decoder_forgotten(dout, cache):
    x, w, code = cache
    dscores = dout @ w * (1 - code**2)
    return dscores @ w.T, x.T @ dscores


@bug("missing-mask", TWO_LAYER)
def two_layer_relu_forgotten(dout, cache):
    x, w1, w2, scores, hidden = cache
    dscores = dout @ w2.T
    return dscores @ w1.T, x.T @ dscores, dscores.sum(axis=0), hidden.T @ dout, dout.sum(axis=0)


@bug("wrong-mask", RESIDUAL)
def residual_mask_from_x(dout, cache):
    x, w1, w2, hidden, total = cache
    return residual_backward(dout, (x, w1, w2, hidden, x))


@bug("not-accumulated", AFFINE)
def affine_db_of_the_last_example(dout, cache):
    x, w, b = cache
    db = np.zeros_like(b)
    for row in dout:
        db = row.copy()
    return dout @ w.T, x.T @ dout, db


@bug("not-accumulated", AFFINE)
def affine_dw_overwritten_by_each_example(dout, cache):
    x, w, b = cache
    dw = np.zeros_like(w)
    for n in range(len(x)):
        dw = np.outer(x[n], dout[n])
    return dout @ w.T, dw, dout.sum(axis=0)


@bug("not-accumulated", TEMPORAL)
def temporal_affine_dw_of_the_last_step(dout, cache):
    x, w, b = cache
    for t in range(x.shape[1]):
        dw = x[:, t].T @ dout[:, t]
    return dout @ w.T, dw, dout.sum(axis=(0, 1))


@bug("wrong-cache-variable", TWO_LAYER)
def two_layer_dw2_from_scores_before_relu(dout, cache):
    x, w1, w2, scores, hidden = cache
    return two_layer_backward(dout, (x, w1, w2, scores, scores))


@bug("wrong-cache-variable", TIED)
def tied_code_replaced_by_its_slope(dout, cache):
    x, w, code = cache
    return tied_backward(dout, (x, w, 1 - code**2))


@bug("mutates", RESIDUAL)
def residual_masks_dout_in_place(dout, cache):
    x, w1, w2, hidden, total = cache
    dout[total <= 0] = 0
    dhidden = dout @ w2.T * (hidden > 0)
    return dout + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dout


def reshaping_affine_forward(x, w, b):
    shape = x.shape
    x.shape = (len(x), -1)
    return x @ w + b, (x, w, shape)


@bug("mutates", AFFINE_IMAGES, forward=reshaping_affine_forward)
def affine_reshapes_its_input_in_place(dout, cache):
    x, w, shape = cache
    return (dout @ w.T).reshape(shape), x.T @ dout, dout.sum(axis=0)


@bug("wrong-shape", AFFINE)
def affine_db_with_a_batch_axis_kept(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0, keepdims=True)


@bug("wrong-shape", AFFINE)
def affine_db_not_summed(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout


@bug("wrong-shape", AFFINE_IMAGES)
def affine_dx_left_flat(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


@bug("wrong-shape", AFFINE)
def affine_db_not_returned(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout


@bug("wrong-shape", AFFINE, also=("transposed",))
def affine_gradients_in_another_order(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dw, db, dx


@bug("wrong-dtype", AFFINE)
def affine_gradients_in_float32(dout, cache):
    return tuple(gradient.astype(np.float32) for gradient in affine_backward(dout, cache))


@bug("wrong-dtype", AFFINE)
def affine_dw_collected_in_float32(dout, cache):
    x, w, b = cache
    dw = np.zeros(w.shape, np.float32)
    for n in range(len(x)):
        dw += np.outer(x[n], dout[n])
    return dout @ w.T, dw, dout.sum(axis=0)


@bug("nondeterministic", AFFINE)
def affine_dw_with_noise(dout, cache):
    x, w, b = cache
    dw = x.T @ dout
    return dout @ w.T, dw + 1e-3 * rng.normal(size=dw.shape), dout.sum(axis=0)


total = {}


@bug("nondeterministic", AFFINE, inputs=forgetting(total, AFFINE.inputs))
def affine_dw_added_to_that_of_earlier_calls(dout, cache):
    x, w, b = cache
    total["dw"] = total.get("dw", 0) + x.T @ dout
    return dout @ w.T, total["dw"].copy(), dout.sum(axis=0)


kept = {}


def remembering_affine_forward(x, w, b):
    if "x" not in kept:
        kept["x"] = x.copy()
    return x @ w + b, (kept["x"], w, b)


@bug("nondeterministic", AFFINE, also=("wrong-cache-variable",), forward=remembering_affine_forward,
     inputs=forgetting(kept, AFFINE.inputs))  # fmt: skip
def affine_keeps_the_first_batch_for_ever(dout, cache):
    return affine_backward(dout, cache)


@bug("zero-gradient", AFFINE)
def affine_db_never_filled(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, np.zeros_like(b)


@bug("zero-gradient", TWO_LAYER)
def two_layer_writes_into_a_copy(dout, cache):
    x, w1, w2, scores, hidden = cache
    dscores = np.zeros_like(scores)
    dscores[scores > 0][:] = (dout @ w2.T)[scores > 0]
    return dscores @ w1.T, x.T @ dscores, dscores.sum(axis=0), hidden.T @ dout, dout.sum(axis=0)


@bug("constant-factor", SIAMESE)
def siamese_shared_weights_averaged(dout, cache):
    x, y, w, first, second = cache
    dfirst, dsecond = dout * (1 - first**2), -dout * (1 - second**2)
    return dfirst @ w.T, dsecond @ w.T, (x.T @ dfirst + y.T @ dsecond) / 2


@bug("missing-mask", MAXOUT)
def maxout_hands_dout_to_every_piece(dout, cache):
    x, w, pieces = cache
    dx = np.einsum("nm,kdm->nd", dout, w)
    dw, db = np.stack([x.T @ dout] * len(w)), np.stack([dout.sum(axis=0)] * len(w))
    return dx, dw, db


@bug("not-accumulated", TIED, also=("missing-term",))
def tied_weights_overwritten_by_the_decoder(dout, cache):
    x, w, code = cache
    dscores = dout @ w * (1 - code**2)
    dw = x.T @ dscores
    dw = dout.T @ code
    return dscores @ w.T, dw


@bug("wrong-shape", AFFINE_IMAGES)
def affine_of_images_only_dx(dout, cache):
    x, w, b = cache
    return (dout @ w.T).reshape(x.shape)
