"""Correct pairs pass for every seed, wrong ones fail, and the report says where."""

import numpy as np
import pytest

from nnscratch.gradcheck import GradientError, assert_gradients, check_loss, check_pair
from tests.gradcheck import samples
from tests.gradcheck.samples import affine_inputs, draws, norm_inputs, wrong_in

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e5])
def test_correct_pairs_pass(seed, scale):
    rng = draws(seed)
    x, gamma, beta = norm_inputs(seed)
    checks = [
        (samples.affine_forward, samples.affine_backward, affine_inputs(seed)),
        (samples.relu_forward, samples.relu_backward, (scale * rng.standard_normal((8, 9)),)),
        (samples.batchnorm_forward, samples.batchnorm_backward, (max(scale, 1e-2) * x, gamma, beta)),
        (samples.maxpool_forward, samples.maxpool_backward, (scale * rng.standard_normal((2, 3, 6, 6)),)),
    ]
    for forward, backward, inputs in checks:
        report = check_pair(forward, backward, inputs, rng=seed)
        assert report.ok
        assert [entry.verdict for entry in report.entries] == ["right"] * len(inputs)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_correct_softmax_loss_passes(seed):
    rng = draws(seed)
    assert check_loss(samples.softmax_loss, rng.standard_normal((6, 5)), rng.integers(0, 5, 6), rng=seed).ok


@pytest.mark.parametrize("seed", SEEDS)
def test_offsets_and_steep_functions_raise_no_false_alarm(seed):
    x = draws(seed).standard_normal((4, 5))
    for offset in (1e3, 1e6, 1e10):
        assert check_pair(lambda x, c=offset: (np.tanh(x) + c, x), tanh_backward, (x,), rng=seed).ok
    assert check_pair(lambda x: (np.exp(8 * x), x), lambda dout, x: dout * 8 * np.exp(8 * x), (x,), rng=seed).ok


def tanh_backward(dout, x):
    return dout * (1 - np.tanh(x) ** 2)


@pytest.mark.parametrize(("at_zero", "ok"), [(0.0, True), (0.3, True), (1.0, True), (1.5, False), (-0.01, False)])
def test_any_slope_between_the_sides_is_right_at_a_kink(at_zero, ok):
    x = np.array([[0.0, 1.0, -1.0, 0.0]])

    def backward(dout, x):
        return dout * np.where(x == 0, at_zero, x > 0)

    report = check_pair(lambda x: (np.maximum(x, 0), x), backward, (x,))
    assert report.ok == ok
    assert report.entries[0].kinks == (2 if ok else 0)


def off_at_one_element(gradient):
    changed = gradient.copy()
    changed[1, 2] *= 1.001
    return changed


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (0, lambda g: 2 * g),
        (1, lambda g: -g),
        (2, lambda g: g / 4),
        (1, np.zeros_like),
        (1, off_at_one_element),
        (0, lambda g: g + 1e-3),
        (2, lambda g: g * np.nan),
    ],
)
def test_a_wrong_gradient_is_found_and_the_others_stay_right(place, change):
    report = check_pair(samples.affine_forward, wrong_in(place, change), affine_inputs())
    assert not report.ok
    assert [entry.verdict for entry in report.entries] == ["wrong" if i == place else "right" for i in range(3)]


def test_the_report_shows_the_worst_element():
    report = check_pair(samples.affine_forward, wrong_in(1, off_at_one_element), affine_inputs())
    entry = report.entries[1]
    assert entry.worst == (1, 2)
    assert np.isclose(entry.analytic / entry.numeric, 1.001, rtol=1e-6)
    assert np.isclose(entry.error, 0.001 / 1.001, rtol=1e-3)
    assert np.argmax(np.abs(entry.analytic_values - entry.numeric_values)) == 1 * 3 + 2


@pytest.mark.parametrize("seed", SEEDS)
def test_the_missing_mean_path_of_batch_norm_is_found(seed):
    def backward(dout, cache):
        normal, gamma, deviation = cache
        return dout * gamma / deviation, (dout * normal).sum(axis=0), dout.sum(axis=0)

    report = check_pair(samples.batchnorm_forward, backward, norm_inputs(seed), rng=seed)
    assert [entry.verdict for entry in report.entries] == ["wrong", "right", "right"]


def test_a_zero_gradient_that_ones_would_accept_is_found():
    def backward(dout, cache):
        _, dgamma, dbeta = samples.batchnorm_backward(dout, cache)
        return np.zeros_like(dout), dgamma, dbeta

    report = check_pair(samples.batchnorm_forward, backward, norm_inputs())
    assert report.entries[0].verdict == "wrong"


def test_a_wrong_element_that_was_not_drawn_is_found_by_halving():
    def backward(dout, cache):
        gradient = dout * cache
        gradient[-1, -1] = 1.0 + 2 * dout[-1, -1]
        return gradient

    x = draws(1).standard_normal((300, 300))
    report = check_pair(samples.relu_forward, backward, (x,), elements=20)
    assert report.entries[0].verdict == "wrong"
    assert report.entries[0].worst == (299, 299)
    assert check_pair(samples.relu_forward, samples.relu_backward, (x,), elements=20).ok


def test_what_round_off_hides_is_neither_right_nor_wrong():
    report = check_pair(lambda x: (x + 1e15, None), lambda dout, cache: dout, (np.ones(3),))
    assert report.entries[0].verdict == "unresolved"
    assert "too small to tell" in str(report)


def test_dead_elements_among_the_drawn_ones_do_not_leave_an_input_unresolved():
    x = -np.ones((100, 100))
    x[0] = 1.0
    report = check_pair(samples.relu_forward, samples.relu_backward, (x,), elements=3, rng=1)
    assert np.array_equal(report.entries[0].numeric_values, np.zeros(3))
    assert report.entries[0].verdict == "right"


def test_gradient_error_is_an_assertion_that_carries_the_report():
    with pytest.raises(AssertionError) as caught:
        assert_gradients(samples.affine_forward, wrong_in(0, np.negative), affine_inputs())
    assert isinstance(caught.value, GradientError)
    assert caught.value.report.entries[0].name == "x"
    assert str(caught.value.report) in str(caught.value)


def test_the_same_seed_gives_the_same_report():
    reports = [
        check_pair(samples.affine_forward, samples.affine_backward, affine_inputs(), rng=5) for _ in range(2)
    ]
    assert reports[0].to_json() == reports[1].to_json()


def test_a_wrong_loss_gradient_is_found():
    def not_averaged(x, y):
        loss, dx = samples.softmax_loss(x, y)
        return loss, dx * len(x)

    with pytest.raises(GradientError, match="not_averaged: the gradient is wrong"):
        assert_gradients(not_averaged, draws(0).standard_normal((6, 5)), np.arange(6) % 5)


def test_dout_is_not_what_the_user_draws_from_the_same_seed():
    x = np.random.default_rng(0).normal(size=(4, 4))
    report = check_pair(lambda w: (x @ w, x), lambda dout, x: dout.T @ x, (np.ones((4, 4)),))
    assert report.findings[0].kind == "transposed"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mistake_of_one_percent_beside_a_large_output_is_found(seed):
    x = draws(seed).normal(size=(4, 5))
    report = check_pair(
        lambda x: (1e6 + np.tanh(x), x), lambda dout, x: 1.01 * tanh_backward(dout, x), (x,), rng=seed
    )
    assert report.findings[0].kind == "constant-factor"


def test_a_bias_before_a_norm_has_a_gradient_of_zero_up_to_round_off():
    x, gamma, beta = norm_inputs()

    def forward(x, b):
        return samples.batchnorm_forward(x + b, gamma, beta)

    def backward(dout, cache):
        dx = samples.batchnorm_backward(dout, cache)[0]
        return dx, dx.sum(axis=0)

    report = check_pair(forward, backward, (x, np.ones(4)))
    assert [entry.verdict for entry in report.entries] == ["right", "right"]


@pytest.mark.parametrize("seed", range(5))
def test_a_network_with_biases_of_zero_and_a_dead_example_is_not_blamed(seed):
    w1, w2 = draws(seed).normal(size=(4, 6)), draws(seed).normal(size=(6, 3))

    def forward(x, w1, b, w2):
        scores = x @ w1 + b
        return np.maximum(scores, 0) @ w2, (x, w1, w2, scores)

    def backward(dout, cache):
        x, w1, w2, scores = cache
        dscores = dout @ w2.T * (scores > 0)
        return dscores @ w1.T, x.T @ dscores, dscores.sum(axis=0), np.maximum(scores, 0).T @ dout

    x = np.concatenate([np.zeros((1, 4)), draws(seed).normal(size=(2, 4))])
    report = check_pair(forward, backward, (x, w1, np.zeros(6), w2), rng=seed)
    assert report.ok
    assert report.notes


def test_the_line_of_the_mistake_is_shown():
    def backward(dout, cache):
        x, w = cache
        dx = dout @ w.T
        dw = 2 * x.T @ dout
        db = dout.sum(axis=0)
        return dx, dw, db

    [finding] = check_pair(samples.affine_forward, backward, affine_inputs()).findings
    assert finding.line.endswith("dw = 2 * x.T @ dout")
