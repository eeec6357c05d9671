"""Correct pairs pass for every seed, wrong ones fail, and the report says where."""

import functools

import numpy as np
import pytest

from nnscratch.gradcheck import GradientError, assert_gradients, check_loss, check_pair
from tests.gradcheck import samples

SEEDS = range(20)


def draws(seed):
    return np.random.default_rng([7, seed])


def affine_inputs(seed=0):
    rng = draws(seed)
    return rng.standard_normal((4, 5)), rng.standard_normal((5, 3)), rng.standard_normal(3)


def norm_inputs(seed=0):
    rng = draws(seed)
    return rng.standard_normal((6, 4)), rng.standard_normal(4), rng.standard_normal(4)


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


def test_a_scalar_input_is_an_array_without_axes():
    report = check_pair(lambda x, c: (x * c, (x, c)), scale_backward, (np.ones(3), np.array(2.0)))
    assert [entry.name for entry in report.entries] == ["x", "c"]
    assert report.entries[1].worst == ()


def scale_backward(dout, cache):
    x, c = cache
    return dout * c, np.array((dout * x).sum())


def wrong_in(place, change):
    """The affine backward with one of its three gradients changed."""

    def backward(dout, cache):
        gradients = list(samples.affine_backward(dout, cache))
        gradients[place] = change(gradients[place])
        return tuple(gradients)

    return backward


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


def edits_dout(dout, cache):
    dout *= cache
    return dout


def edits_cache(dout, cache):
    gradient = dout * cache
    cache[...] = False
    return gradient


@pytest.mark.parametrize(
    ("forward", "backward", "said"),
    [
        (samples.relu_forward, edits_dout, "backward changed dout in place"),
        (samples.relu_forward, edits_cache, "backward changed the cache in place"),
        (lambda x: (np.maximum(x, 0, out=x), x > 0), samples.relu_backward, "forward changed x in place"),
        (lambda x: (2 * x, x), lambda dout, x: np.multiply(dout, 2, out=x), "backward changed x in place"),
    ],
)
def test_edits_in_place_are_found(forward, backward, said):
    report = check_pair(forward, backward, (draws(0).standard_normal((4, 5)),))
    assert any(said in str(finding) for finding in report.findings)
    assert not report.ok


@pytest.mark.parametrize(
    ("backward", "said"),
    [
        (wrong_in(2, lambda g: g[None]), "the gradient of b has shape (1, 3), but b has (3,)"),
        (wrong_in(2, lambda g: None), "backward gives no gradient for b"),
        (wrong_in(1, lambda g: g.astype(np.float32)), "the gradient of w is float32"),
        (wrong_in(0, lambda g: "dx"), "the gradient of x must be an array, but it is str"),
        (
            lambda dout, cache: samples.affine_backward(dout, cache)[:2],
            "3 gradients (dx, dw, db), but it returned 2",
        ),
    ],
)
def test_gradients_of_a_wrong_form_are_named(backward, said):
    report = check_pair(samples.affine_forward, backward, affine_inputs())
    assert any(said in str(finding) for finding in report.findings)
    assert not report.ok


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (lambda x: x, "forward must return (out, cache), but it returned ndarray"),
        (lambda x: (x, None, None), "it returned a tuple of 3"),
        (lambda x: ((x > 0).astype(int), None), "forward gives int64 for float64 input"),
        (lambda x: (x * np.inf, None), "not finite"),
        (lambda x: (list(x), None), "forward must return an array as its output, but it returned list"),
        (lambda x: (x * np.random.default_rng().random(), None), "called again with the same input"),
    ],
)
def test_a_forward_of_a_wrong_form_is_named(forward, said):
    report = check_pair(forward, lambda dout, cache: dout, (np.ones((2, 3)),))
    assert any(said in str(finding) for finding in report.findings)
    assert "could not be compared" in str(report)


def test_integer_inputs_are_left_alone():
    x = np.array([[0, 2, 2], [1, 0, 2]])
    w = draws(0).standard_normal((4, 5))
    assert check_pair(samples.embedding_forward, samples.embedding_backward, (x, w)).entries[0].name == "w"
    both = check_pair(samples.embedding_forward, lambda d, c: (None, samples.embedding_backward(d, c)), (x, w))
    assert both.ok

    def overwrites(dout, cache):
        dw = np.zeros(cache[1])
        dw[cache[0]] = dout
        return dw

    assert not check_pair(samples.embedding_forward, overwrites, (x, w)).ok


def test_wrt_chooses_the_inputs_and_running_statistics_may_be_written():
    def forward(x, running):
        running *= 0.9
        return 3 * x, None

    report = check_pair(forward, lambda dout, cache: 3 * dout, (np.ones(4), np.zeros(4)), wrt=[0])
    assert [entry.name for entry in report.entries] == ["x"]
    with pytest.raises(TypeError, match="leave 1 out"):
        check_pair(forward, lambda dout, cache: dout, (np.ones(4), 3), wrt=[0, 1])


def test_options_go_to_forward_afresh_each_time():
    def forward(x, draw, drop=0.0):
        mask = draw.random(x.shape) >= drop
        return x * mask, mask

    report = check_pair(
        forward, samples.relu_backward, (np.ones((6, 6)),), draw=np.random.default_rng(0), drop=0.5
    )
    assert report.ok


def test_float32_inputs_are_checked_in_float64_and_left_as_they_were():
    inputs = tuple(array.astype(np.float32) for array in affine_inputs())
    before = [array.copy() for array in inputs]
    report = check_pair(samples.affine_forward, samples.affine_backward, inputs)
    assert report.ok
    assert max(entry.error for entry in report.entries) < 1e-7
    assert all(np.array_equal(a, b) and a.dtype == np.float32 for a, b in zip(inputs, before))


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


def test_functions_without_a_name_or_a_signature_are_checked_too():
    forward = functools.partial(samples.batchnorm_forward, eps=0.1)
    assert check_pair(forward, samples.batchnorm_backward, norm_inputs()).title == "batchnorm"
    report = check_pair(lambda *given: samples.affine_forward(*given), samples.affine_backward, affine_inputs())
    assert [entry.name for entry in report.entries] == ["input1", "input2", "input3"]


def test_an_empty_input_has_nothing_to_compare():
    report = check_pair(samples.relu_forward, samples.relu_backward, (np.zeros((0, 3)),))
    assert report.entries[0].checked == 0


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


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda x, y: ((x - y) ** 2, 2 * (x - y)), "the loss must be one number"),
        (lambda x, y: ((x - y) ** 2).sum(), "must return (loss, dx)"),
        (lambda x, y: (((x - y) ** 2).sum(), (x - y).sum()), "the gradient of x has shape ()"),
        (lambda x, y: (((x - y) ** 2).sum(), None), "no gradient for x"),
    ],
)
def test_losses_of_a_wrong_form_are_named(loss, said):
    report = check_loss(loss, np.arange(4.0), np.ones(4))
    assert any(said in str(finding) for finding in report.findings)


def test_a_wrong_loss_gradient_is_found():
    def not_averaged(x, y):
        loss, dx = samples.softmax_loss(x, y)
        return loss, dx * len(x)

    with pytest.raises(GradientError, match="not_averaged: the gradient is wrong"):
        assert_gradients(not_averaged, draws(0).standard_normal((6, 5)), np.arange(6) % 5)


def float32_forward(x, w):
    x, w = x.astype(np.float32), w.astype(np.float32)
    return np.tanh(x @ w), (x, w, np.tanh(x @ w))


def float32_backward(dout, cache, factor=1.0):
    x, w, out = cache
    dscores = dout * (1 - out**2)
    return dscores @ w.T, np.float32(factor) * x.T @ dscores


@pytest.mark.parametrize("seed", SEEDS)
def test_code_that_knows_only_float32_is_judged_with_honest_tolerances(seed):
    x, w, _ = affine_inputs(seed)
    report = check_pair(float32_forward, float32_backward, (x, w), rng=seed)
    assert report.ok
    assert "float32" in report.notes[0]
    wrong = check_pair(float32_forward, lambda d, c: float32_backward(d, c, 1.05), (x, w), rng=seed)
    assert [entry.verdict for entry in wrong.entries] == ["right", "wrong"]


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
