"""Wrong backward passes of activations, thresholds, softmaxes and dropouts."""

import numpy as np

from tests.gradcheck.planted_families import activations as F
from tests.gradcheck.planted_families import unseen_right_activations as A
from tests.gradcheck.planted_families.case import forgetting, normal, planting
from tests.gradcheck.planted_families.hard_points import whole

UNSEEN_ACTIVATIONS = []
bug = planting(UNSEEN_ACTIVATIONS)
MASKS = {}


@bug("constant-factor", A.ALPHA_DROPOUT)
def alpha_dropout_without_its_scale(dout, cache):
    mask, a = cache
    return dout * mask


@bug("constant-factor", A.WARM)
def temperature_of_a_softmax_lost(dout, cache):
    x, t, warm, out = cache
    dwarm = out * (dout - (dout * out).sum(axis=1, keepdims=True))
    return dwarm, -(dwarm * warm).sum(keepdims=True).reshape(1) / t


@bug("constant-factor", A.SELU)
def selu_as_an_elu(dout, cache):
    x, out, scale, alpha = cache
    return dout * np.where(x > 0, 1, out / scale + alpha)


@bug("constant-factor", A.SQUAREPLUS)
def squareplus_without_its_half(dout, cache):
    x, root = cache
    return dout * (1 + x / root)


@bug("sign", A.TWO_SIDED)
def negative_side_of_two_with_a_plus(dout, x):
    first, second = np.split(dout, 2, axis=1)
    return first * (x > 0) + second * (x < 0)


@bug("sign", A.LOG_SIGMOID)
def log_sigmoid_falls(dout, cache):
    x, out = cache
    return -dout * A.sigmoid(-x)


@bug("sign", A.THRESHOLD)
def soft_threshold_grows_with_its_threshold(dout, cache):
    x, t, out = cache
    through = dout * (abs(x) > t)
    return through, (through * np.sign(x)).sum(axis=0)


@bug("sign", A.THRESHOLD)
def soft_threshold_forgets_the_side(dout, cache):
    x, t, out = cache
    through = dout * (abs(x) > t)
    return through, -through.sum(axis=0)


@bug("missing-term", A.MISH)
def mish_with_a_constant_bend(dout, cache):
    x, bend = cache
    return dout * bend


@bug("missing-term", A.SNAKE)
def snake_rate_without_the_quotient(dout, cache):
    x, a, sine = cache
    double = np.sin(2 * a * x)
    return dout * (1 + double), (dout * double * x / a).sum(axis=0)


@bug("missing-term", A.SPARSEMAX)
def sparsemax_without_the_mean(dout, cache):
    x, out = cache
    return dout * (out > 0)


@bug("missing-term", F.GLU)
def gated_linear_unit_value_only(dout, cache):
    value, gate = cache
    return np.concatenate([dout * gate, dout * value * gate], axis=1)


@bug("missing-mask", A.FEATURE_DROPOUT)
def feature_dropout_scales_everything(dout, cache):
    x, mask, keep = cache
    return dout / keep


@bug("missing-mask", A.HARD_SWISH)
def hard_swish_slope_beyond_its_corners(dout, cache):
    x, gate = cache
    return dout * (gate + x / 6)


@bug("missing-mask", A.WINNERS)
def losers_of_each_row_are_paid(dout, cache):
    x, floor = cache
    return dout.copy()


@bug("missing-mask", A.SPARSEMAX, also=("missing-term",))
def sparsemax_teaches_what_it_dropped(dout, cache):
    x, out = cache
    support = out > 0
    return dout - (dout * support).sum(axis=1, keepdims=True) / support.sum(axis=1, keepdims=True)


@bug("wrong-mask", A.WINNERS)
def last_winner_of_a_row_excluded(dout, cache):
    x, floor = cache
    return dout * (x > floor)


@bug("wrong-mask", A.THRESHOLD)
def soft_threshold_of_positive_numbers_only(dout, cache):
    x, t, out = cache
    through = dout * (x > t)
    return through, -(through * np.sign(x)).sum(axis=0)


@bug("wrong-mask", A.CAPPED, also=("missing-mask",))
def capped_relu_lets_the_cap_through(dout, cache):
    x, out, cap = cache
    return dout * ((out > 0) & (out <= cap))


@bug("wrong-mask", A.FEATURE_DROPOUT, also=("transposed",),
     inputs=lambda rng: (rng.normal(size=(4, 3, 3)), rng.permutation(12).reshape(4, 3) < 7))  # fmt: skip
def feature_dropout_drops_times(dout, cache):
    x, mask, keep = cache
    return dout * mask[:, :, None] / keep


@bug("wrong-mask", A.LEARNED_CLIP)
def learned_bound_paid_by_what_is_inside(dout, cache):
    x, low, high = cache
    inside = (x >= low) & (x <= high)
    return dout * inside, (dout * inside).sum(axis=0), (dout * (x > high)).sum(axis=0)


@bug("not-accumulated", A.SNAKE)
def snake_rate_from_the_first_row(dout, cache):
    x, a, sine = cache
    double = np.sin(2 * a * x)
    return dout * (1 + double), (dout * (double * x - sine**2 / a) / a)[0]


@bug("not-accumulated", A.LEARNED_CLIP)
def learned_bounds_from_a_loop_that_assigns(dout, cache):
    x, low, high = cache
    dlow, dhigh = np.zeros_like(low), np.zeros_like(high)
    for n, d in np.argwhere(x < low):
        dlow[d] = dout[n, d]
    for n, d in np.argwhere(x > high):
        dhigh[d] = dout[n, d]
    return dout * ((x >= low) & (x <= high)), dlow, dhigh


@bug("stride", A.ALTERNATING, also=("transposed",))
def alternating_gates_filled_as_halves(dout, cache):
    x, value, gate = cache
    return np.concatenate([dout * gate, dout * value * gate * (1 - gate)], axis=1)


@bug("stride", A.ALTERNATING, also=("transposed",))
def alternating_values_and_gates_exchanged(dout, cache):
    x, value, gate = cache
    dx = np.empty_like(x)
    dx[:, 1::2] = dout * gate
    dx[:, ::2] = dout * value * gate * (1 - gate)
    return dx


@bug("wrong-cache-variable", F.ELU)
def elu_slope_from_its_input(dout, cache):
    x, out, alpha = cache
    return dout * np.where(x > 0, 1, x + alpha)


@bug("wrong-cache-variable", A.SOFTSIGN)
def softsign_slope_from_its_output(dout, cache):
    x, out = cache
    return dout / (1 + abs(out)) ** 2


@bug("wrong-cache-variable", A.LOG_SIGMOID)
def log_sigmoid_slope_from_its_output(dout, cache):
    x, out = cache
    return dout * A.sigmoid(-out)


@bug("wrong-cache-variable", A.WARM)
def temperature_gradient_from_cold_scores(dout, cache):
    x, t, warm, out = cache
    dwarm = out * (dout - (dout * out).sum(axis=1, keepdims=True))
    return dwarm / t, -(dwarm * x).sum(keepdims=True).reshape(1) / t


@bug("mutates", F.LOG_SOFTMAX)
def log_softmax_turns_its_cache_into_probabilities(dout, out):
    np.exp(out, out=out)
    return dout - out * dout.sum(axis=-1, keepdims=True)


def winners_in_place_forward(x, k=2):
    floor = np.sort(x, axis=1)[:, -k][:, None]
    x[x < floor] = 0
    return x.copy(), (x, floor)


@bug("mutates", A.WINNERS, forward=winners_in_place_forward)
def losers_erased_in_the_input(dout, cache):
    x, floor = cache
    return dout * (x != 0)


@bug("wrong-shape", A.SINGLE_PRELU, also=("not-accumulated",))
def single_slope_not_summed(dout, cache):
    x, slope = cache
    return np.where(x > 0, dout, slope * dout), dout * np.minimum(x, 0)


@bug("wrong-shape", A.LEARNED_CLIP)
def learned_bounds_as_rows(dout, cache):
    x, low, high = cache
    under, over = x < low, x > high
    dlow, dhigh = (dout * under).sum(axis=0, keepdims=True), (dout * over).sum(axis=0, keepdims=True)
    return dout * ~(under | over), dlow, dhigh


@bug("wrong-dtype", A.MISH)
def mish_sigmoid_in_single_precision(dout, cache):
    x, bend = cache
    return dout * (bend + x * (1 - bend**2) * A.sigmoid(x.astype(np.float32)))


@bug("wrong-dtype", A.CAPPED)
def capped_relu_gradient_cast_to_single(dout, cache):
    x, out, cap = cache
    return np.where((x > 0) & (x < cap), dout, 0).astype(np.float32)


@bug("non-finite", A.LOG_SIGMOID, inputs=lambda rng: (rng.uniform(-2000, 2000, (5, 6)),))
def log_sigmoid_quotient_of_powers(dout, cache):
    x, out = cache
    e = np.exp(-x)
    return dout * e / (1 + e)


@bug("non-finite", A.SOFTSIGN, inputs=whole(-1, 2, (5, 6)))
def softsign_slope_from_output_over_input(dout, cache):
    x, out = cache
    return dout * (out / x) ** 2


@bug("nondeterministic", A.ALPHA_DROPOUT, also=("wrong-mask",))
def alpha_dropout_draws_a_new_mask(dout, cache):
    mask, a = cache
    return a * dout * (np.random.default_rng().random(mask.shape) < mask.mean())


def threshold_in_a_module_forward(x, t):
    out, cache = A.threshold_forward(x, t)
    MASKS["through"] = abs(x) > t
    return out, cache


@bug("nondeterministic", A.THRESHOLD, forward=threshold_in_a_module_forward,
     inputs=forgetting(MASKS, A.THRESHOLD.inputs))  # fmt: skip
def soft_threshold_with_the_newest_mask(dout, cache):
    x, t, out = cache
    through = dout * MASKS["through"]
    return through, -(through * np.sign(x)).sum(axis=0)


@bug("zero-gradient", A.WARM)
def temperature_never_learns(dout, cache):
    x, t, warm, out = cache
    return out * (dout - (dout * out).sum(axis=1, keepdims=True)) / t, np.zeros_like(t)


@bug("missing-mask", F.CLIP, inputs=normal((12, 12), scale=0.45), also=("wrong-mask",))
def clip_forgets_its_lower_bound(dout, cache):
    x, low, high = cache
    return dout * (x < high)
