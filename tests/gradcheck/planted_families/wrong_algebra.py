"""Wrong backward passes of products, quotients, reductions, norms and reshapes."""

import numpy as np

from tests.gradcheck.planted_families.algebra import (
    BILINEAR,
    COSINE,
    CUMSUM,
    DIFFERENCES,
    DIVIDE,
    EVERY_SECOND,
    HEADS,
    LOGSUMEXP,
    MATMUL_SQUARE,
    MAX,
    MEAN,
    MULTIPLY,
    NORMALISE,
    PRODUCT,
    QUADRATIC,
    SCALE_ROWS,
    SUM,
    VARIANCE,
    logsumexp_backward,
    matmul_backward,
    normalise_backward,
    quadratic_backward,
)
from tests.gradcheck.planted_families.case import normal, planting

ALGEBRA_BUGS = []
bug = planting(ALGEBRA_BUGS)


def whole_numbers(rng):
    return (rng.integers(0, 3, (6, 7)).astype(float),)


def with_zeros(rng):
    return (rng.normal(size=(5, 4)) * (rng.random((5, 4)) < 0.6) * (np.arange(5) > 0)[:, None],)


@bug("constant-factor", MEAN)
def mean_not_divided(dout, shape):
    return np.tile(dout, (shape[0], 1))


@bug("constant-factor", VARIANCE)
def variance_without_the_two(dout, centred):
    return dout * centred / len(centred)


@bug("sign", DIVIDE)
def division_db_without_minus(dout, cache):
    a, b, out = cache
    return dout / b, dout * a / b**2


@bug("sign", COSINE, also=("missing-term",))
def cosine_second_term_added(dout, cache):
    x, y, a, b, out = (part if part.ndim == 2 else part[:, None] for part in cache)
    dout = dout[:, None]
    return dout * (y / (a * b) + out * x / a**2), dout * (x / (a * b) + out * y / b**2)


@bug("transposed", MATMUL_SQUARE)
def matrix_product_gradients_swapped(dout, cache):
    da, db = matmul_backward(dout, cache)
    return db, da


@bug("transposed", MATMUL_SQUARE)
def matrix_product_da_with_b_not_transposed(dout, cache):
    a, b = cache
    return dout @ b, a.T @ dout


@bug("transposed", BILINEAR)
def bilinear_dx_with_a_transposed(dout, cache):
    x, a, y = cache
    dx = np.einsum("nm,mji,nj->ni", dout, a, y)
    da = np.einsum("nm,ni,nj->mij", dout, x, y)
    return dx, da, np.einsum("nm,mij,ni->nj", dout, a, x)


@bug("transposed", QUADRATIC, also=("missing-term",))
def quadratic_form_taken_for_symmetric(dout, cache):
    x, a = cache
    return 2 * dout[:, None] * (x @ a), np.einsum("n,ni,nj->ij", dout, x, x)


@bug("transposed", HEADS)
def heads_merged_without_transposing(dout, shape):
    return dout.reshape(shape)


@bug("missing-term", QUADRATIC)
def quadratic_form_x_counted_once(dout, cache):
    x, a = cache
    return dout[:, None] * (x @ a.T), np.einsum("n,ni,nj->ij", dout, x, x)


@bug("missing-term", NORMALISE)
def normalisation_with_a_constant_length(dout, cache):
    out, length = cache
    return dout / length


@bug("missing-term", COSINE)
def cosine_with_constant_lengths(dout, cache):
    x, y, a, b, out = cache
    scale = (dout / (a * b))[:, None]
    return scale * y, scale * x


@bug("missing-mask", MAX)
def max_hands_dout_to_all(dout, x):
    return np.repeat(dout[:, None], x.shape[1], axis=1)


@bug("wrong-mask", MAX, inputs=whole_numbers)
def max_hands_dout_to_every_tie(dout, x):
    return dout[:, None] * (x == x.max(axis=1, keepdims=True))


@bug("wrong-mask", MAX, inputs=normal((5, 6), shift=-0.5))
def max_picks_the_largest_in_size(dout, x):
    dx = np.zeros_like(x)
    dx[np.arange(len(x)), abs(x).argmax(axis=1)] = dout
    return dx


@bug("not-accumulated", SCALE_ROWS)
def scale_of_rows_from_the_last_column(dout, cache):
    x, s = cache
    return dout * s, (dout * x)[:, -1:]


@bug("not-accumulated", CUMSUM, also=("missing-term",))
def cumulative_sum_forgets_the_later_sums(dout, _):
    return dout.copy()


@bug("border", DIFFERENCES)
def differences_in_time_without_the_first(dout, shape):
    dx = np.zeros(shape)
    dx[:, 1:] += dout
    dx[:, 1:-1] -= dout[:, 1:]
    return dx


@bug("stride", EVERY_SECOND)
def every_second_column_put_side_by_side(dout, x):
    dx = np.zeros_like(x)
    dx[:, : dout.shape[1]] = 2 * dout * x[:, ::2]
    return dx


@bug("wrong-cache-variable", MULTIPLY)
def product_da_from_out(dout, cache):
    a, b, out = cache
    return dout * out, dout * a


def in_place_normalise_forward(x, eps=1e-12):
    length = np.sqrt((x**2).sum(axis=1, keepdims=True) + eps)
    x /= length
    return x.copy(), (x, length)


@bug("mutates", NORMALISE, forward=in_place_normalise_forward)
def normalisation_divides_its_input_in_place(dout, cache):
    return normalise_backward(dout, cache)


@bug("wrong-shape", SCALE_ROWS)
def scale_of_rows_without_its_axis(dout, cache):
    x, s = cache
    return dout * s, (dout * x).sum(axis=1)


@bug("wrong-shape", SUM)
def sum_returns_a_column(dout, shape):
    return dout[:, None]


@bug("wrong-dtype", MAX)
def max_in_a_buffer_of_whole_numbers(dout, x):
    winner = x.argmax(axis=1)
    dx = np.zeros(x.shape, winner.dtype)
    dx[np.arange(len(x)), winner] = dout
    return dx


@bug("non-finite", PRODUCT, inputs=with_zeros)
def product_divides_by_a_factor_of_zero(dout, cache):
    x, out = cache
    return (dout * out)[:, None] / x


@bug("non-finite", NORMALISE, inputs=with_zeros)
def normalisation_of_a_row_of_zeros(dout, cache):
    out, length = cache
    length = np.sqrt(((out * length) ** 2).sum(axis=1, keepdims=True))
    return (dout - out * (dout * out).sum(axis=1, keepdims=True)) / length


@bug("wrong-cache-variable", DIVIDE)
def division_db_from_b_for_a(dout, cache):
    a, b, out = cache
    return dout / b, -dout * b / b**2


@bug("wrong-shape", QUADRATIC)
def quadratic_form_da_for_each_example(dout, cache):
    x, a = cache
    dx, _ = quadratic_backward(dout, cache)
    return dx, dout[:, None, None] * x[:, :, None] * x[:, None]


@bug("zero-gradient", LOGSUMEXP)
def logsumexp_multiplies_by_whole_numbers(dout, cache):
    share = logsumexp_backward(np.ones_like(dout), cache)
    return dout[:, None] * share.astype(int)
