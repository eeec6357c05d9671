"""Learning a few examples by heart, votes of several models, and averages of their weights."""

import numpy as np
import pytest

from nnscratch.data.preprocess import Standardize
from nnscratch.layers import Affine, BatchNorm, Dropout, Flatten, ReLU, Sequential, Sum
from nnscratch.models import Classifier
from nnscratch.training import (
    Adam,
    Ensemble,
    Momentum,
    Solver,
    average_weights,
    expected_first_loss,
    overfit_small_batch,
    refresh_statistics,
)
from nnscratch.training.ensemble import EnsembleError
from tests.training.small import bits, small_data, small_model


def test_the_expected_first_loss_is_that_of_equal_scores():
    model = small_model()
    model.params["affine2.w"][:] = 0
    data = small_data()
    assert Solver(model, data, batch_size=16).evaluate()["loss"] == pytest.approx(expected_first_loss(3), rel=1e-6)


def test_a_sound_model_learns_a_few_examples_by_heart_and_is_left_as_it_was():
    model = small_model(hidden=(50,), norm="batch")
    before = bits(model)
    result = overfit_small_batch(model, small_data(), optimizer=Adam(0.02))
    assert result["accuracy"] == 1.0
    assert result["loss"] < 0.05
    assert bits(model) == before


def test_images_of_bytes_need_their_preprocessing():
    data = small_data()
    data["x_train"] = (data["x_train"] * 20 + 128).clip(0, 255).astype(np.uint8)
    scale = Standardize().fit(data["x_train"])
    result = overfit_small_batch(small_model(hidden=(50,)), data, optimizer=Adam(0.02), preprocess=scale)
    assert result["accuracy"] == 1.0


def test_a_backward_that_goes_nowhere_is_found_out():
    class Stuck(ReLU):
        def backward(self, dout, cache):
            return 0 * dout, {}

    model = Classifier(Sequential(Flatten(), Affine(16, 50, rng=0), Stuck(), Affine(50, 3, rng=1)))
    model.params["affine2.w"][...] = 0
    result = overfit_small_batch(model, small_data(), examples=60, steps=50)
    assert result["accuracy"] < 1.0


def test_an_ensemble_is_the_mean_of_its_members_and_no_worse_than_most():
    data = small_data(N=60)
    members = [small_model(seed=seed) for seed in range(5)]
    for seed, member in enumerate(members):
        Solver(member, data, Momentum(0.05), batch_size=20, epochs=3, seed=seed).train()
    x, y = data["x_val"], data["y_val"]
    ensemble = Ensemble(members)
    mean = np.mean([member.probabilities(x) for member in members], axis=0)
    np.testing.assert_allclose(ensemble.probabilities(x), mean, rtol=1e-6)
    np.testing.assert_allclose(np.exp(ensemble.loss(x)), mean, rtol=1e-5)
    np.testing.assert_array_equal(ensemble.predict(x), mean.argmax(axis=1))
    accuracies = [(member.predict(x) == y).mean() for member in members]
    assert (ensemble.predict(x) == y).mean() >= np.median(accuracies)


def test_weights_are_averaged_from_dicts_and_folders(tmp_path):
    models = [small_model(seed=seed, norm="batch") for seed in range(3)]
    for number, model in enumerate(models):
        Solver(model, small_data(), batch_size=16).save(tmp_path / str(number))
    average = average_weights([models[0].params, tmp_path / "1", str(tmp_path / "2")])
    assert list(average) == list(models[0].params)
    for name, w in average.items():
        assert w.dtype == np.float32
        np.testing.assert_allclose(w, np.mean([m.params[name] for m in models], axis=0), rtol=1e-6, atol=1e-8)


def test_what_cannot_be_averaged():
    with pytest.raises(EnsembleError, match="model 2 differs from the first in affine1.w, affine1.b, affine2.w"):
        average_weights([small_model().params, small_model(hidden=(9,)).params])
    for nothing in (average_weights, Ensemble):
        with pytest.raises(EnsembleError, match="give at least one"):
            nothing([])


def test_running_statistics_are_made_anew_also_inside_blocks():
    block = Sum(Sequential(Affine(4, 4, rng=0), BatchNorm(4, dtype=np.float64)), Dropout(0.5, rng=0))
    model = Classifier(Sequential(block, BatchNorm(4))).astype(np.float64)
    rng = np.random.default_rng(0)
    batches = [(rng.normal(size=(8, 4)), None) for _ in range(5)]
    layer = model.layers["sum1"]["sequential1"]["affine1"]
    refresh_statistics(model, batches)
    inside = [x @ layer.params["w"] + layer.params["b"] for x, _ in batches]
    found = model.state["sum1.sequential1.batchnorm1.mean"]
    np.testing.assert_allclose(found, np.mean([out.mean(axis=0) for out in inside], axis=0))
    found = model.state["sum1.sequential1.batchnorm1.var"]
    np.testing.assert_allclose(found, np.mean([out.var(axis=0, ddof=1) for out in inside], axis=0))
    assert model.layers["batchnorm1"].momentum == 0.9
