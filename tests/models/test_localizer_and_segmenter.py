"""Localizer and segmenter: whole-network gradients, and one pass over a large image equals all its windows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch.gradcheck import assert_gradients
from nnscratch.layers.losses import LabelError
from nnscratch.models.localizer import STRIDE, WINDOW, localization_loss, localizer
from nnscratch.models.segmenter import segmenter
from nnscratch.shapes import ShapeError


def away_from_kinks(model):
    rng = np.random.default_rng(0)
    for key, w in model.params.items():
        model.params[key] = w + 0.1 * rng.normal(size=w.shape)
    return model


def test_gradients_of_a_whole_localizer():
    model = away_from_kinks(localizer(classes=3, channels=2, width=1, dtype=np.float64))
    y = np.array([[0, 0.1, 0.2, 0.6, 0.9], [2, 0, 0, 0, 0], [1, 0.3, 0.3, 0.5, 0.7]])
    assert_gradients(model, np.random.default_rng(1).normal(size=(3, 2, 32, 32)), y, rng=1)


def test_gradients_of_a_whole_segmenter():
    model = away_from_kinks(segmenter(classes=3, channels=2, width=2, depth=2, dtype=np.float64))
    rng = np.random.default_rng(1)
    assert_gradients(model, rng.normal(size=(2, 2, 8, 4)), rng.integers(0, 3, (2, 8, 4)), rng=1)


def test_one_pass_over_an_image_gives_what_each_window_gives():
    model = away_from_kinks(localizer(width=2, dtype=np.float64))
    image = np.random.default_rng(1).normal(size=(1, 3, 44, 40))
    slid = model.loss(image)
    assert slid.shape == (1, 15, 4, 3)
    for row in range(4):
        for column in range(3):
            y, x = STRIDE * row, STRIDE * column
            alone = model.loss(np.ascontiguousarray(image[:, :, y : y + WINDOW, x : x + WINDOW]))
            assert_allclose(slid[:, :, row, column], alone[:, :, 0, 0], rtol=1e-9, atol=1e-12)


def test_windows_without_a_box_teach_only_the_class():
    x = np.random.default_rng(0).normal(size=(4, 7, 1, 1))
    y = np.array([[2, 0, 0, 0, 0], [1, 0.5, 0.5, 0.5, 0.9], [0, 0.1, 0.1, 0.4, 0.4], [2, 0.6, 0, 0.2, 1]])
    _, dx = localization_loss(x, y)
    assert (dx[[0, 1, 3], 3:] == 0).all() and (dx[2, 3:] != 0).all() and (dx[:, :3] != 0).all()


def test_clear_errors():
    with pytest.raises(ShapeError, match="localization_loss"):
        localizer(width=1).loss(np.zeros((2, 3, 32, 32), np.float32), np.zeros((2, 4)))
    with pytest.raises(ShapeError, match="does not fit"):
        localizer(width=1).loss(np.zeros((2, 3, 24, 32), np.float32))
    with pytest.raises(LabelError, match="is 11"):
        localizer(width=1).loss(np.zeros((1, 3, 32, 32), np.float32), np.array([[11.0, 0, 0, 0, 0]]))
    with pytest.raises(ShapeError):
        segmenter(width=1).loss(np.zeros((1, 3, 30, 32), np.float32))
    with pytest.raises(LabelError, match="pixel_softmax_loss"):
        segmenter(width=1).loss(np.zeros((1, 3, 8, 8), np.float32), np.full((1, 8, 8), 11))
