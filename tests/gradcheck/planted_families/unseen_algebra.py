"""Wrong backward passes of products, means, norms, inverses and other algebra."""

import numpy as np

from tests.gradcheck.planted_families import algebra as B
from tests.gradcheck.planted_families import unseen_right_algebra as G
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.hard_points import whole
from tests.gradcheck.planted_families.unseen_moves import UNSEEN_MOVES

UNSEEN_ALGEBRA = [*UNSEEN_MOVES]
bug = planting(UNSEEN_ALGEBRA)
SPACE = {}


@bug("constant-factor", G.DEVIATION)
def deviation_over_the_number_of_rows(dout, cache):
    x, centred, out = cache
    return dout * centred / (out * len(x))


@bug("constant-factor", G.COVARIANCE)
def covariance_without_its_divisor_on_the_right(dout, cache):
    x, y, a, b = cache
    return b @ dout.T / (len(x) - 1), a @ dout


@bug("constant-factor", G.EUCLID)
def euclidean_distance_with_the_two_of_its_square(dout, cache):
    difference, out = cache
    pull = 2 * (dout / out)[:, :, None] * difference
    return pull.sum(axis=1), -pull.sum(axis=0)


@bug("constant-factor", G.P_NORM)
def norm_of_power_with_the_power_in_front(dout, cache):
    x, out, p = cache
    return p * (dout / out ** (p - 1))[:, None] * np.sign(x) * abs(x) ** (p - 1)


@bug("sign", G.INVERSE)
def inverse_without_its_minus(dout, cache):
    a, out = cache
    turned = out.swapaxes(1, 2)
    return turned @ dout @ turned


@bug("sign", G.COMPLEX)
def complex_product_not_conjugated(dout, cache):
    x, y = cache
    real, imaginary = dout[:, 0], dout[:, 1]
    dx = np.stack([real * y[:, 0] - imaginary * y[:, 1], imaginary * y[:, 0] + real * y[:, 1]], axis=1)
    return dx, np.stack([real * x[:, 0] - imaginary * x[:, 1], imaginary * x[:, 0] + real * x[:, 1]], axis=1)


@bug("sign", G.CROSS_PRODUCT)
def cross_product_in_the_other_order(dout, cache):
    a, b = cache
    return np.cross(dout, b), np.cross(dout, a)


@bug("sign", G.ROTATION)
def points_turned_forward_again(dout, cache):
    c, s, x, out = cache
    dx = np.stack([c * dout[:, 0] - s * dout[:, 1], c * dout[:, 1] + s * dout[:, 0]], axis=1)
    return dx, dout[:, 1] * out[:, 0] - dout[:, 0] * out[:, 1]


@bug("sign", G.NEWTON_SCHULZ)
def newton_schulz_last_product_added(dout, cache):
    x, gram = cache
    return 1.5 * dout - 0.5 * (dout @ gram + x @ (dout.T @ x - x.T @ dout))


@bug("transposed", G.DETERMINANT)
def determinant_with_the_adjugate(dout, cache):
    a, others, out = cache
    return dout[:, None, None] * others.swapaxes(1, 2)


@bug("transposed", G.INVERSE)
def inverse_between_untransposed_inverses(dout, cache):
    a, out = cache
    return -out @ dout @ out


@bug("transposed", G.KRONECKER)
def kronecker_blocks_in_the_wrong_order(dout, cache):
    a, b = cache
    blocks = dout.reshape(a.shape[0], a.shape[1], b.shape[0], b.shape[1])
    return np.einsum("ijkl,kl->ij", blocks, b), np.einsum("ijkl,ij->kl", blocks, a)


@bug("transposed", G.CHAIN)
def first_of_three_matrices_untransposed(dout, cache):
    a, b, c, ab = cache
    dab = dout @ c.swapaxes(1, 2)
    return dab @ b, a.swapaxes(1, 2) @ dab, ab.swapaxes(1, 2) @ dout


@bug("transposed", G.TRACE_PRODUCT)
def trace_of_a_product_without_turning(dout, cache):
    a, b = cache
    return dout[:, None, None] * b, dout[:, None, None] * a


@bug("transposed", G.MAHALANOBIS, also=("missing-term",))
def mahalanobis_matrix_counted_twice_the_same_way(dout, cache):
    x, d, a = cache
    dx = 2 * dout[:, None] * (d @ a)
    return dx, -dx.sum(axis=0), np.einsum("n,ni,nj->ij", dout, d, d)


@bug("missing-term", G.CUBE)
def cube_without_its_middle_factor(dout, cache):
    a, square = cache
    return dout @ square.T + square.T @ dout


@bug("missing-term", G.GRAM, also=("transposed",))
def gram_matrix_of_one_side(dout, x):
    return x @ dout / len(x)


@bug("missing-term", G.NEWTON_SCHULZ)
def newton_schulz_with_a_constant_gram(dout, cache):
    x, gram = cache
    return 1.5 * dout - 0.5 * dout @ gram


@bug("missing-term", G.WEIGHTED_MEAN)
def weighted_mean_with_a_constant_total(dout, cache):
    x, w, total, out = cache
    scaled = (dout / total)[:, None]
    return scaled * w, scaled * x


@bug("missing-term", G.STANDARD)
def standard_rows_without_the_deviation_path(dout, cache):
    x, centred, root, out = cache
    return (dout - dout.mean(axis=1, keepdims=True)) / root


@bug("missing-term", G.SHARE)
def shares_of_a_constant_sum(dout, cache):
    x, total, out = cache
    return dout / total


@bug("missing-term", G.KERNEL)
def kernel_of_rows_against_fixed_rows(dout, cache):
    difference, out = cache
    return -((dout * out)[:, :, None] * difference).sum(axis=1)


@bug("missing-term", G.SOFT_CHOICE)
def soft_choice_without_its_average(dout, cache):
    x, share, out = cache
    return dout[:, None] * share, dout[:, None] * share * x


@bug(
    "missing-term", G.STANDARD, inputs=normal((4, 5), scale=0.05), also=("constant-factor", "wrong-cache-variable")
)
def standard_rows_back_without_epsilon(dout, cache):
    x, centred, root, out = cache
    root = np.sqrt((centred**2).mean(axis=1, keepdims=True))
    along = (dout * out).mean(axis=1, keepdims=True)
    return (dout - dout.mean(axis=1, keepdims=True) - out * along) / root


@bug("missing-mask", G.SOLVE)
def triangular_solution_fills_the_whole_square(dout, cache):
    lower, b, y = cache
    db = np.zeros_like(b)
    for i in reversed(range(len(b))):
        db[i] = (dout[i] - lower[i + 1 :, i] @ db[i + 1 :]) / lower[i, i]
    return -db @ y.T, db


@bug("wrong-mask", G.SOLVE, also=("border", "missing-term"))
def triangular_solution_loses_the_diagonal(dout, cache):
    lower, b, y = cache
    db = np.zeros_like(b)
    for i in reversed(range(len(b))):
        db[i] = (dout[i] - lower[i + 1 :, i] @ db[i + 1 :]) / lower[i, i]
    return -np.tril(db @ y.T, -1), db


@bug("wrong-mask", G.LARGER, inputs=whole(0, 3, (5, 4), (5, 4)))
def elementwise_maximum_pays_both_of_a_tie(dout, cache):
    a, b = cache
    return dout * (a >= b), dout * (b >= a)


@bug("wrong-mask", G.LARGER)
def elementwise_maximum_pays_the_loser(dout, cache):
    a, b = cache
    return dout * (a < b), dout * (a >= b)


@bug("wrong-mask", B.MAX, inputs=whole(0, 3, (5, 6)))
def row_maximum_pays_every_tie(dout, x):
    return dout[:, None] * (x == x.max(axis=1, keepdims=True))


@bug("not-accumulated", G.BROADCAST_SUM)
def column_plus_row_takes_the_first_of_each(dout, cache):
    dsum = dout * (1 - cache**2)
    return dsum[:, :1].copy(), dsum[:1].copy()


@bug("not-accumulated", G.POLYNOMIAL)
def polynomial_coefficients_of_the_last_point(dout, cache):
    x, c, powers = cache
    dc = np.zeros_like(c)
    for n in range(len(x)):
        dc[:] = dout[n] * powers[n]
    return dout * (powers[:, :-1] @ (np.arange(1, len(c)) * c[1:])), dc


@bug("not-accumulated", G.EUCLID)
def euclidean_loop_assigns_the_other_point(dout, cache):
    difference, out = cache
    dx = np.zeros((len(out), difference.shape[2]))
    dy = np.zeros((out.shape[1], difference.shape[2]))
    for n, m in np.ndindex(out.shape):
        pull = dout[n, m] / out[n, m] * difference[n, m]
        dx[n] += pull
        dy[m] = -pull
    return dx, dy


@bug("border", G.POLYNOMIAL, also=("missing-term",))
def polynomial_loop_starts_at_the_slope(dout, cache):
    x, c, powers = cache
    dx, dc = np.zeros_like(x), np.zeros_like(c)
    for k in range(1, len(c)):
        dx += dout * k * c[k] * powers[:, k - 1]
        dc[k] = dout @ powers[:, k]
    return dx, dc


@bug("wrong-cache-variable", G.SHARE)
def shares_projected_on_the_input(dout, cache):
    x, total, out = cache
    return (dout - np.sign(x) * (dout * x).sum(axis=1, keepdims=True)) / total


@bug("wrong-cache-variable", G.ROTATION)
def rotation_angle_from_points_before_the_turn(dout, cache):
    c, s, x, out = cache
    dx = np.stack([c * dout[:, 0] + s * dout[:, 1], c * dout[:, 1] - s * dout[:, 0]], axis=1)
    return dx, dout[:, 1] * x[:, 0] - dout[:, 0] * x[:, 1]


@bug("wrong-cache-variable", G.INVERSE)
def inverse_from_the_matrix_itself(dout, cache):
    a, out = cache
    turned = a.swapaxes(1, 2)
    return -turned @ dout @ turned


@bug("wrong-cache-variable", G.SOLVE)
def triangular_matrix_from_the_right_hand_side(dout, cache):
    lower, b, y = cache
    db = np.zeros_like(b)
    for i in reversed(range(len(b))):
        db[i] = (dout[i] - lower[i + 1 :, i] @ db[i + 1 :]) / lower[i, i]
    return -np.tril(db @ b.T), db


@bug("wrong-cache-variable", G.COVARIANCE, also=("missing-term",))
def covariance_with_uncentred_numbers(dout, cache):
    x, y, a, b = cache
    return y @ dout.T / (len(x) - 1), x @ dout / (len(x) - 1)


@bug("wrong-cache-variable", G.DEVIATION, inputs=normal((7, 4), shift=0.3), also=("missing-term",))
def deviation_of_uncentred_numbers(dout, cache):
    x, centred, out = cache
    return dout * x / (out * (len(x) - 1))


@bug("mutates", G.STANDARD)
def standard_rows_centre_dout_in_place(dout, cache):
    x, centred, root, out = cache
    along = (dout * out).mean(axis=1, keepdims=True)
    dout -= dout.mean(axis=1, keepdims=True)
    return (dout - out * along) / root


@bug("mutates", G.SOLVE)
def triangular_solution_erases_what_is_above(dout, cache):
    lower, b, y = cache
    lower[np.triu_indices(len(lower), 1)] = 0
    db = np.zeros_like(b)
    for i in reversed(range(len(b))):
        db[i] = (dout[i] - lower[:, i] @ db) / lower[i, i]
    return -np.tril(db @ y.T), db


@bug("wrong-shape", G.BROADCAST_SUM)
def column_and_row_summed_flat(dout, cache):
    dsum = dout * (1 - cache**2)
    return dsum.sum(axis=1), dsum.sum(axis=0)


@bug("wrong-shape", G.MAHALANOBIS, also=("not-accumulated",))
def mahalanobis_centre_for_every_row(dout, cache):
    x, d, a = cache
    dx = dout[:, None] * (d @ (a + a.T))
    return dx, -dx, np.einsum("n,ni,nj->ij", dout, d, d)


@bug("wrong-dtype", G.ROTATION)
def rotation_in_single_precision(dout, cache):
    c, s, x, out = (part.astype(np.float32) for part in cache)
    dx = np.stack([c * dout[:, 0] + s * dout[:, 1], c * dout[:, 1] - s * dout[:, 0]], axis=1)
    return dx, dout[:, 1] * out[:, 0] - dout[:, 0] * out[:, 1]


@bug("non-finite", B.LOGSUMEXP, inputs=normal((5, 6), shift=1000.0))
def log_sum_exp_back_without_the_shift(dout, cache):
    x, out = cache
    e = np.exp(x)
    return dout[:, None] * e / e.sum(axis=1, keepdims=True)


@bug("non-finite", G.P_NORM, inputs=lambda rng: (rng.integers(-1, 2, (5, 4)) + np.array([3.0, 0, 0, 0]),))
def norm_of_power_divided_by_the_number(dout, cache):
    x, out, p = cache
    return (dout / out ** (p - 1))[:, None] * abs(x) ** p / x


def shared_gram_forward(x):
    gram = SPACE.setdefault("gram", np.zeros((3, 3)))
    gram[:] = x.T @ x
    return 1.5 * x - 0.5 * x @ gram, (x, gram)


@bug("nondeterministic", G.NEWTON_SCHULZ, forward=shared_gram_forward,
     inputs=forgetting(SPACE, G.NEWTON_SCHULZ.inputs))  # fmt: skip
def newton_schulz_in_a_shared_space(dout, cache):
    return G.newton_schulz_backward(dout, cache)


@bug("zero-gradient", G.ROTATION)
def rotation_angle_as_a_constant(dout, cache):
    c, s, x, out = cache
    dx = np.stack([c * dout[:, 0] + s * dout[:, 1], c * dout[:, 1] - s * dout[:, 0]], axis=1)
    return dx, np.zeros_like(c)


@bug("zero-gradient", G.WEIGHTED_MEAN)
def weights_of_a_mean_as_constants(dout, cache):
    x, w, total, out = cache
    return (dout / total)[:, None] * w, np.zeros_like(w)
