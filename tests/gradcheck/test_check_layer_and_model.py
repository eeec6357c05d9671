"""Layers and models are checked with all their parameters, and stay as they were."""

import copy

import numpy as np
import pytest

from nnscratch.gradcheck import GradientError, assert_gradients, check_layer, check_model
from tests.gradcheck import samples

X = np.random.default_rng(5).standard_normal((6, 5))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_with_masks_and_running_statistics_passes_and_stays_as_it_was(train, dtype):
    layer = samples.Noisy(dtype)
    before = copy.deepcopy(layer)
    x = X.astype(dtype)
    report = check_layer(layer, x, train=train)
    assert [entry.name for entry in report.entries] == ["x", "w", "gamma", "beta"]
    assert report.ok
    assert np.array_equal(x, X.astype(dtype))
    for kind in ("params", "state"):
        for name, value in getattr(before, kind).items():
            assert np.array_equal(getattr(layer, kind)[name], value)
            assert getattr(layer, kind)[name].dtype == value.dtype
    assert layer.rng.random() == before.rng.random()


def changed_layer(change):
    layer = samples.Noisy()
    backward = type(layer).backward

    class Changed(samples.Noisy):
        def backward(self, dout, cache):
            return change(*backward(self, dout, cache))

    return Changed()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda dx, grads: (dx, {**grads, "w": 2 * grads["w"]}), "WRONG"),
        (lambda dx, grads: (-dx, grads), "WRONG"),
        (lambda dx, grads: (dx, {k: v for k, v in grads.items() if k != "beta"}), "no gradient for beta"),
        (lambda dx, grads: (dx, {**grads, "bias": dx}), "a gradient for bias, which is no parameter"),
        (lambda dx, grads: (dx, list(grads)), "a dict keyed like params, but it is list"),
        (lambda dx, grads: (dx[:1], grads), "the gradient of x has shape (1, 5)"),
    ],
)
def test_wrong_layers_fail(change, said):
    report = check_layer(changed_layer(change), X)
    assert not report.ok
    assert said in " ".join(str(report).split())


def test_a_layer_must_return_dx_and_grads():
    class OnlyDx(samples.Noisy):
        def backward(self, dout, cache):
            return dout

    with pytest.raises(GradientError, match="backward must return"):
        assert_gradients(OnlyDx(), X)


def test_a_layer_that_writes_to_its_parameters_is_found():
    class Writes(samples.Noisy):
        def forward(self, x, train=False):
            self.params["w"] *= 1.0001
            return super().forward(x, train)

    report = check_layer(Writes(), X)
    assert any("forward changed w in place" in str(finding) for finding in report.findings)


def test_integer_input_of_a_layer_is_left_alone():
    class Embedding:
        def __init__(self):
            self.params = {"w": np.random.default_rng(0).standard_normal((7, 2))}

        def forward(self, x, train=False):
            return samples.embedding_forward(x, self.params["w"])

        def backward(self, dout, cache):
            return None, {"w": samples.embedding_backward(dout, cache)}

    report = check_layer(Embedding(), np.array([[1, 2, 1], [6, 0, 1]]))
    assert [entry.name for entry in report.entries] == ["w"]


@pytest.mark.parametrize("seed", range(20))
def test_a_correct_model_passes(seed):
    rng = np.random.default_rng([1, seed])
    report = check_model(samples.Net(), rng.standard_normal((8, 6)), rng.integers(0, 4, 8), rng=seed)
    assert [entry.name for entry in report.entries] == ["w1", "b1", "w2", "b2"]
    assert report.ok


def test_a_float32_model_is_checked_in_float64_and_stays_as_it_was():
    model = samples.Net(dtype=np.float32)
    before = copy.deepcopy(model.params)
    assert check_model(model, X[:, [0, 1, 2, 3, 4, 0]].astype(np.float32), np.arange(6) % 4).ok
    assert all(
        np.array_equal(model.params[k], v) and model.params[k].dtype == np.float32 for k, v in before.items()
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_model_that_forgets_its_weight_penalty_fails(seed):
    class Forgets(samples.Net):
        def loss(self, x, y):
            loss, grads = super().loss(x, y)
            return loss, {**grads, "w1": grads["w1"] - 0.02 * self.params["w1"]}

    rng = np.random.default_rng([2, seed])
    report = check_model(Forgets(), rng.standard_normal((8, 6)), rng.integers(0, 4, 8), rng=seed)
    assert [entry.verdict for entry in report.entries] == ["wrong", "right", "right", "right"]


def test_one_wrong_element_of_a_large_parameter_is_found():
    class OneOff(samples.Net):
        def loss(self, x, y):
            loss, grads = super().loss(x, y)
            grads["w2"][1500, 3] += 1.0
            return loss, grads

    x, y = np.random.default_rng(4).standard_normal((8, 6)), np.arange(8) % 4
    report = check_model(OneOff(hidden=2000), x, y)
    assert [entry.name for entry in report.entries if entry.verdict == "wrong"] == ["w2"]
    assert check_model(samples.Net(hidden=2000), x, y).ok


def test_a_model_must_return_a_number_and_a_dict():
    class Bad(samples.Net):
        answer: object = None

        def loss(self, x, y):
            return self.answer

    model, x, y = Bad(), np.ones((3, 6)), np.zeros(3, int)
    for answer, said in [((np.ones(3), {}), "one number"), (1.0, "must return"), ((1.0, [1]), "a dict")]:
        model.answer = answer
        with pytest.raises(GradientError, match=said):
            assert_gradients(model, x, y)
