"""All forms of inputs, options, forwards and losses are checked, and one that is wrong is told by its form."""

import functools

import numpy as np
import pytest

from nnscratch.gradcheck import check_loss, check_pair
from tests.gradcheck import samples
from tests.gradcheck.samples import affine_inputs, draws, norm_inputs, wrong_in


def test_a_scalar_input_is_an_array_without_axes():
    report = check_pair(lambda x, c: (x * c, (x, c)), scale_backward, (np.ones(3), np.array(2.0)))
    assert [entry.name for entry in report.entries] == ["x", "c"]
    assert report.entries[1].worst == ()


def scale_backward(dout, cache):
    x, c = cache
    return dout * c, np.array((dout * x).sum())


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


def test_functions_without_a_name_or_a_signature_are_checked_too():
    forward = functools.partial(samples.batchnorm_forward, eps=0.1)
    assert check_pair(forward, samples.batchnorm_backward, norm_inputs()).title == "batchnorm"
    report = check_pair(lambda *given: samples.affine_forward(*given), samples.affine_backward, affine_inputs())
    assert [entry.name for entry in report.entries] == ["input1", "input2", "input3"]


def test_an_empty_input_has_nothing_to_compare():
    report = check_pair(samples.relu_forward, samples.relu_backward, (np.zeros((0, 3)),))
    assert report.entries[0].checked == 0


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


def float32_forward(x, w):
    x, w = x.astype(np.float32), w.astype(np.float32)
    return np.tanh(x @ w), (x, w, np.tanh(x @ w))


def float32_backward(dout, cache, factor=1.0):
    x, w, out = cache
    dscores = dout * (1 - out**2)
    return dscores @ w.T, np.float32(factor) * x.T @ dscores


@pytest.mark.parametrize("seed", range(20))
def test_code_that_knows_only_float32_is_judged_with_honest_tolerances(seed):
    x, w, _ = affine_inputs(seed)
    report = check_pair(float32_forward, float32_backward, (x, w), rng=seed)
    assert report.ok
    assert "float32" in report.notes[0]
    wrong = check_pair(float32_forward, lambda d, c: float32_backward(d, c, 1.05), (x, w), rng=seed)
    assert [entry.verdict for entry in wrong.entries] == ["right", "wrong"]
