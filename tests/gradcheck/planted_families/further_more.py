"""Still further wrong backward passes: affine layers, networks, activations, losses, embeddings and algebra."""

import numpy as np

from tests.gradcheck.planted_families import activations as A
from tests.gradcheck.planted_families import algebra as G
from tests.gradcheck.planted_families import dense as D
from tests.gradcheck.planted_families import further_more_right as R
from tests.gradcheck.planted_families import losses as L
from tests.gradcheck.planted_families import sequences as S
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.hard_points import labelled, whole

FURTHER_MORE = []
bug = planting(FURTHER_MORE)
VELOCITY, WINNERS, COIN = {}, {}, np.random.default_rng(7)


@bug("transposed", D.AFFINE_IMAGES)
def affine_of_images_given_back_with_channels_last(dout, cache):
    x, w, b = cache
    N, C, H, W = x.shape
    dx = (dout @ w.T).reshape(N, H, W, C).transpose(0, 3, 1, 2)
    return dx, x.reshape(N, -1).T @ dout, dout.sum(axis=0)


@bug("constant-factor", D.TEMPORAL)
def temporal_db_averaged_over_time(dout, cache):
    dx, dw, db = D.temporal_affine_backward(dout, cache)
    return dx, dw, dout.sum(axis=0).mean(axis=0)


@bug("wrong-shape", D.TEMPORAL, also=("missing-term",))
def temporal_db_summed_over_examples_alone(dout, cache):
    dx, dw, db = D.temporal_affine_backward(dout, cache)
    return dx, dw, dout.sum(axis=0)


@bug("nondeterministic", D.AFFINE, inputs=forgetting(VELOCITY, D.AFFINE.inputs))
def affine_db_with_momentum(dout, cache):
    dx, dw, db = D.affine_backward(dout, cache)
    VELOCITY["b"] = 0.9 * VELOCITY.get("b", 0) + db
    return dx, dw, VELOCITY["b"]


@bug("wrong-cache-variable", D.TWO_LAYER, also=("missing-mask",))
def two_layer_dw2_from_the_scores_before_relu(dout, cache):
    x, w1, w2, scores, hidden = cache
    dx, dw1, db1, dw2, db2 = D.two_layer_backward(dout, cache)
    return dx, dw1, db1, scores.T @ dout, db2


@bug("missing-mask", D.TWO_LAYER)
def two_layer_db1_without_the_mask(dout, cache):
    x, w1, w2, scores, hidden = cache
    dhidden = dout @ w2.T
    dscores = dhidden * (scores > 0)
    return dscores @ w1.T, x.T @ dscores, dhidden.sum(axis=0), hidden.T @ dout, dout.sum(axis=0)


@bug("missing-term", D.HIGHWAY, also=("wrong-cache-variable",))
def highway_gate_without_the_share_of_the_carry(dout, cache):
    x, w, v, gate, change = cache
    dchange = dout * gate * (1 - change**2)
    dgate = dout * change * gate * (1 - gate)
    return dchange @ w.T + dgate @ v.T + dout * (1 - gate), x.T @ dchange, x.T @ dgate


@bug("not-accumulated", D.MAXOUT, also=("missing-term",))
def maxout_dx_of_the_last_piece(dout, cache):
    x, w, pieces = cache
    _, dw, db = D.maxout_backward(dout, cache)
    winner = pieces.argmax(axis=0)
    for k in range(len(w)):
        dx = (dout * (winner == k)) @ w[k].T
    return dx, dw, db


@bug("wrong-mask", D.MAXOUT)
def maxout_with_the_mask_of_relu_too(dout, cache):
    x, w, pieces = cache
    return D.maxout_backward(dout * (pieces.max(axis=0) > 0), cache)


@bug("sign", D.SIAMESE)
def siamese_dw_with_the_minus_taken_twice(dout, cache):
    x, y, w, first, second = cache
    dfirst, dsecond = dout * (1 - first**2), -dout * (1 - second**2)
    return dfirst @ w.T, dsecond @ w.T, x.T @ dfirst - y.T @ dsecond


@bug("zero-gradient", D.RESIDUAL, also=("wrong-mask",))
def residual_hidden_mask_the_wrong_way_round(dout, cache):
    x, w1, w2, hidden, total = cache
    dtotal = dout * (total > 0)
    dhidden = dtotal @ w2.T * (hidden < 0)
    return dtotal + dhidden @ w1.T, x.T @ dhidden, hidden.T @ dtotal


@bug("constant-factor", A.GELU)
def gelu_with_its_constant_rounded(dout, cache):
    x, bend = cache
    return dout * 0.5 * (1 + bend + x * (1 - bend**2) * 0.8 * (1 + 3 * 0.044715 * x**2))


@bug("constant-factor", A.LEAKY, also=("wrong-cache-variable",))
def leaky_relu_with_a_slope_of_one_percent(dout, cache):
    x, slope = cache
    return dout * np.where(x > 0, 1, 0.01)


@bug("zero-gradient", A.PRELU, also=("wrong-mask",))
def prelu_slope_from_numbers_already_cut(dout, cache):
    x, slope = cache
    dx = np.where(x > 0, dout, slope[:, None, None] * dout)
    return dx, (dout * np.maximum(x, 0) * (x < 0)).sum(axis=(0, 2, 3))


@bug("mutates", A.PRELU)
def prelu_that_clears_the_positive_inputs(dout, cache):
    x, slope = cache
    dx = np.where(x > 0, dout, slope[:, None, None] * dout)
    x[x > 0] = 0
    return dx, (dout * x).sum(axis=(0, 2, 3))


@bug("sign", A.ELU)
def elu_alpha_minus_out(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, alpha - out)


@bug("wrong-cache-variable", A.LOG_SOFTMAX, also=("missing-term",))
def log_softmax_that_takes_out_for_probabilities(dout, out):
    return dout - out * dout.sum(axis=-1, keepdims=True)


@bug("non-finite", A.SWISH, inputs=normal((5, 6), scale=3000.0))
def swish_through_the_exponential(dout, cache):
    x, gate = cache
    return dout * gate * (1 + x * np.exp(-x) * gate)


@bug("wrong-mask", A.CLIP, also=("missing-mask",))
def clip_whose_lower_bound_is_forgotten(dout, cache):
    x, low, high = cache
    return dout * (x < high)


@bug("zero-gradient", A.CLIP, also=("wrong-mask",))
def clip_below_low_and_above_high_at_once(dout, cache):
    x, low, high = cache
    return dout * ((x < low) & (x > high))


@bug("wrong-dtype", A.SOFTMAX)
def softmax_through_single_precision(dout, out):
    out = out.astype(np.float32)
    return out * (dout - (dout * out).sum(axis=-1, keepdims=True))


@bug("wrong-dtype", A.TANH)
def tanh_through_half_precision(dout, cache):
    x, out = cache
    slope = 1 - out.astype(np.float16) ** 2
    return dout * slope


@bug("nondeterministic", A.RELU, also=("wrong-mask",), inputs=whole(-1, 2, (5, 6)))
def relu_that_tosses_a_coin_at_0(dout, x):
    return dout * np.where(x == 0, COIN.random(x.shape), x > 0)


@bug("constant-factor", A.DROPOUT)
def dropout_divided_by_the_dropped_share(dout, cache):
    mask, keep = cache
    return dout * mask / (1 - keep)


@bug("stride", A.GLU, also=("transposed",))
def glu_put_back_as_every_second_feature(dout, cache):
    value, gate = cache
    dx = np.empty((len(dout), 2 * dout.shape[1]))
    dx[:, ::2] = dout * gate
    dx[:, 1::2] = dout * value * gate * (1 - gate)
    return dx


@bug("missing-term", L.SQUARED_HINGE_LOSS)
def squared_hinge_without_the_right_class(dout, cache):
    margins, y, x = cache
    return dout * 2 * margins / len(x)


@bug("missing-term", L.SOFTMAX_LOSS, also=("border",))
def softmax_loss_whose_last_label_is_skipped(dout, cache):
    probs, y, x = cache
    dx = probs.copy()
    for n in range(len(x) - 1):
        dx[n, y[n]] -= 1
    return dout * dx / len(x)


@bug("wrong-dtype", L.LOGISTIC_LOSS, also=("zero-gradient",))
def logistic_loss_with_the_dtype_of_the_labels(dout, cache):
    x, y = cache
    dx = np.zeros_like(y)
    dx[:] = dout * (1 / (1 + np.exp(-x)) - y) / len(x)
    return dx


@bug("non-finite", L.SOFTMAX_LOSS, inputs=labelled(lambda rng: 3000 * rng.normal(size=(6, 4))))
def softmax_loss_through_one_over_the_probability(dout, cache):
    probs, y, x = cache
    rows = np.arange(len(x))
    dprobs = np.zeros_like(probs)
    dprobs[rows, y] = -1 / probs[rows, y]
    return dout * probs * (dprobs - (dprobs * probs).sum(axis=1, keepdims=True)) / len(x)


@bug("wrong-mask", L.TEMPORAL_SOFTMAX)
def temporal_softmax_mask_one_word_late(dout, cache):
    probs, y, mask = cache
    return L.temporal_softmax_backward(dout, (probs, y, np.roll(mask, 1, axis=1)))


@bug("missing-mask", L.TRIPLET_LOSS)
def triplet_far_without_the_mask(dout, cache):
    a, near, far, excess = cache
    da, dnear, _ = L.triplet_loss_backward(dout, cache)
    return da, dnear, 2 * dout * (a - far) / len(a)


@bug("missing-mask", L.SMOOTH_L1_LOSS)
def smooth_l1_as_if_every_error_were_small(dout, cache):
    x, y, turn = cache
    return dout * (x - y) / turn / len(x)


@bug("sign", L.TRIPLET_LOSS)
def triplet_near_pushed_away(dout, cache):
    da, dnear, dfar = L.triplet_loss_backward(dout, cache)
    return da, -dnear, dfar


@bug("wrong-shape", L.LINEAR_SOFTMAX, also=("transposed",))
def linear_softmax_one_row_for_each_class(dout, cache):
    w, x, y, probs, reg = cache
    dscores = probs - (y[:, None] == np.arange(w.shape[1]))
    return dout * (dscores.T @ x / len(x) + 2 * reg * w.T)


@bug("mutates", L.LINEAR_SOFTMAX)
def linear_softmax_that_builds_dw_in_w(dout, cache):
    w, x, y, probs, reg = cache
    dscores = probs - (y[:, None] == np.arange(w.shape[1]))
    dw = w
    dw *= 2 * reg
    dw += x.T @ dscores / len(x)
    return dout * dw


@bug("not-accumulated", S.POSITIONS, also=("missing-term",))
def positions_of_the_last_sentence(dout, _):
    dplaces = np.zeros(dout.shape[1:])
    for sentence in dout:
        dplaces[:] = sentence
    return dout.copy(), dplaces


@bug("wrong-dtype", S.EMBEDDING)
def embedding_dw_in_single_precision(dout, cache):
    x, w = cache
    dw = np.zeros(w.shape, np.float32)
    np.add.at(dw, x, dout)
    return dw


@bug("border", S.MASKED_MEAN, also=("wrong-mask", "missing-term"))
def mean_over_words_without_the_last_word(dout, cache):
    x, mask = cache
    inner = mask & np.roll(mask, -1, axis=1)
    return (dout / mask.sum(axis=1)[:, None])[:, None] * inner[..., None]


@bug("not-accumulated", G.DISTANCES, also=("missing-term",))
def distances_dy_overwritten_by_each_x(dout, cache):
    x, y = cache
    dx, dy = G.distances_backward(dout, cache)
    for n in range(len(x)):
        dy = 2 * dout[n][:, None] * (y - x[n])
    return dx, dy


@bug("wrong-cache-variable", G.COSINE)
def cosine_with_the_two_lengths_exchanged(dout, cache):
    x, y, a, b, out = cache
    return G.cosine_backward(dout, (x, y, b, a, out))


@bug("transposed", G.BILINEAR)
def bilinear_form_transposed(dout, cache):
    x, a, y = cache
    dx, _, dy = G.bilinear_backward(dout, cache)
    return dx, np.einsum("nm,ni,nj->mji", dout, x, y), dy


@bug("transposed", R.PATCHES)
def patches_whose_rows_and_columns_are_exchanged(dout, shape):
    N, C, H, W = shape
    return dout.reshape(N, C, 2, 2, H // 2, W // 2).transpose(0, 1, 4, 3, 5, 2).reshape(shape)


@bug("zero-gradient", G.MAX)
def max_written_into_a_copy(dout, x):
    dx = np.zeros_like(x)
    rows = np.arange(len(x))
    dx[rows][rows, x.argmax(axis=1)] = dout
    return dx


@bug("border", R.CIRCULAR, also=("missing-term",))
def circular_differences_without_the_wrap(dout, _):
    dx = dout.copy()
    dx[:, :-1] -= dout[:, 1:]
    return dx


@bug("border", G.DIFFERENCES, also=("missing-term",))
def differences_of_inner_places_alone(dout, shape):
    dx = np.zeros(shape)
    dx[:, 1:-1] = dout[:, :-1] - dout[:, 1:]
    return dx


@bug("stride", G.EVERY_SECOND, also=("missing-mask",))
def every_second_column_repeated(dout, x):
    return 2 * dout.repeat(2, axis=1) * x


@bug("mutates", G.CUMSUM)
def cumulative_sum_in_place(dout, _):
    backwards = dout[:, ::-1]
    np.cumsum(backwards, axis=1, out=backwards)
    return dout.copy()


@bug("wrong-shape", G.SUM)
def sum_that_leaves_the_repeat_to_broadcasting(dout, shape):
    return dout[:, None]


def remembering_max_forward(x):
    """Looks for the winners of each shape once."""
    WINNERS.setdefault(x.shape, x.argmax(axis=1))
    return G.max_forward(x)


@bug("nondeterministic", G.MAX, also=("wrong-cache-variable", "wrong-mask"), forward=remembering_max_forward,
     inputs=forgetting(WINNERS, G.MAX.inputs))  # fmt: skip
def max_whose_winners_are_kept_for_each_shape(dout, x):
    return dout[:, None] * (WINNERS[x.shape][:, None] == np.arange(x.shape[1]))


@bug("non-finite", A.POWER, inputs=whole(-1, 2, (5, 6)))
def power_as_out_divided_by_x(dout, cache):
    x, exponent = cache
    return dout * exponent * x**exponent / x
