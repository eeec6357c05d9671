"""Looks inside a network: each map points at what it should, each made image does what it was made for."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import layers as L
from nnscratch.gradcheck.numeric import numerical_gradient
from nnscratch.layers.initializers import he, normal, xavier
from nnscratch.models import Classifier, inside, lenet

rng = np.random.default_rng(0)


def corner_network():
    """Score of class 1: the sum of the upper left 4x4 pixels; class 0: 0."""
    w = np.zeros((1, 8, 8, 2))
    w[0, :4, :4, 1] = 1
    model = Classifier(L.Sequential(L.Flatten(), L.Affine(64, 2, dtype=np.float64)))
    model.params["affine1.w"] = w.reshape(64, 2)
    return model


def test_saliency_and_occlusion_point_at_the_corner():
    model, x = corner_network(), np.ones((1, 1, 8, 8))
    found = inside.saliency(model, x, np.array([1]))[0]
    assert_array_equal(found, np.pad(np.ones((4, 4)), (0, 4)))
    heat = inside.occlusion_map(model, x[0] / 8, 1, size=4, stride=4)
    assert heat.shape == (2, 2) and heat.argmin() == 0
    assert_allclose(heat.ravel()[1:], model.probabilities(x / 8)[0, 1])


def test_the_gradient_of_a_score_is_that_of_differences():
    model = lenet(image=(1, 16, 16), classes=3, dtype=np.float64)
    x = rng.normal(size=(1, 1, 16, 16))
    expected = numerical_gradient(lambda x: model.loss(x)[0, 2], x)
    assert_allclose(inside.score_gradient(model, x, np.array([2])), expected, atol=1e-6)


def test_a_fooled_network_and_one_that_cannot_be():
    model = lenet()
    x = rng.normal(size=(3, 32, 32)).astype(np.float32)
    for label in (2, 5):
        made, steps = inside.fooling_image(model, x, label)
        assert model.predict(made[None])[0] == label
        assert steps > 0 or (made == x).all()
    with pytest.raises(ValueError, match="more steps"):
        inside.fooling_image(corner_network(), np.full((1, 8, 8), -1.0), 1, steps=1, rate=0.1)


def test_a_class_image_has_a_higher_score_than_noise():
    model = corner_network()
    made = inside.class_image(model, 1, (1, 8, 8), steps=20)
    assert made[0, :4, :4].sum() > 10 * abs(made[0, 6:, 6:].sum())


def test_inverted_features_of_a_lossless_layer_are_the_image():
    model = Classifier(
        L.Sequential(L.Conv(1, 4, 3, pad=1, rng=0, dtype=np.float64), L.Flatten(), L.Affine(256, 2))
    )
    x = rng.normal(size=(1, 8, 8))
    made, error = inside.invert_features(model, x, "conv1", steps=500, smoothness=0.0)
    assert error < 1e-3
    assert_allclose(made, x, atol=0.2)


def test_nearest_and_features():
    rows = rng.normal(size=(20, 5))
    queries = rows[[3, 7]] + 1e-3
    found = inside.nearest(rows, queries, k=3)
    expected = np.argsort(((rows[None] - queries[:, None]) ** 2).sum(-1), axis=1)[:, :3]
    assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="there are 20 rows"):
        inside.nearest(rows, queries, k=21)
    model, x = lenet(), rng.normal(size=(5, 3, 32, 32)).astype(np.float32)
    assert_allclose(
        inside.features(model, x, "tanh4", batch_size=2), inside.activation_maps(model, x)["tanh4"], atol=1e-6
    )
    with pytest.raises(ValueError, match="did you mean 'tanh4'"):
        inside.features(model, x, "tahn4")


def test_depth_shows_what_an_initialiser_does():
    """For tanh: 0.01 dies out, 1 saturates, Xavier keeps going; for ReLU, He keeps the variance."""
    small, large, good = (
        inside.activations_by_depth(init, count=200) for init in (normal(0.01), normal(1), xavier())
    )
    assert small[-1].std() < 1e-5
    assert (abs(large[-1]) > 0.99).mean() > 0.8
    assert 0.1 < good[-1].std() < 0.9
    relu = inside.activations_by_depth(he(), activation="relu", count=200)
    assert 0.5 < (relu[-1] ** 2).mean() / (relu[0] ** 2).mean() < 2
