"""Networks slid over larger images give what they give on every window."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch import layers as L
from nnscratch.models import alexnet, lenet
from nnscratch.models.as_convolution import affine_as_conv, as_convolution, conv_as_affine
from nnscratch.models.inside import cut
from nnscratch.shapes import ShapeError

rng = np.random.default_rng(0)


def test_there_and_back():
    affine = L.Affine(2 * 5 * 4, 3, bias=0.5, rng=0, dtype=np.float64)
    back = conv_as_affine(affine_as_conv(affine, (2, 5, 4)), (2, 5, 4))
    assert_allclose(back.params["w"], affine.params["w"], atol=1e-12)
    assert_allclose(back.params["b"], affine.params["b"], atol=1e-12)


@pytest.mark.parametrize("options", [{"stride": 2, "pad": 1}, {"groups": 2, "dilation": 2}, {"bias": None}])
def test_any_convolution_is_an_affine_layer(options):
    conv, x = L.Conv(4, 6, 3, dtype=np.float64, **options), rng.normal(size=(2, 4, 7, 6))
    affine = conv_as_affine(conv, (4, 7, 6))
    assert_allclose(affine.forward(x)[0], conv.forward(x)[0].reshape(2, -1), atol=1e-10)


def test_every_place_of_an_unpadded_network_is_its_window():
    """LeNet pools twice by 2: its window moves by 4 pixels."""
    model = lenet(dtype=np.float64)
    slid = as_convolution(model.layers, (3, 32, 32))
    x = rng.normal(size=(2, 3, 40, 44))
    scores, _ = slid.forward(x)
    assert scores.shape == (2, 10, 3, 4)
    for i in range(3):
        for j in range(4):
            window = x[:, :, 4 * i : 4 * i + 32, 4 * j : 4 * j + 32]
            assert_allclose(scores[:, :, i, j], model.loss(window), atol=1e-10)


@pytest.mark.parametrize("size", [227, 259, 291])
def test_alexnet_slides_over_a_larger_image(size):
    """Its window moves by 32 pixels; without the padding of its convolutions every place is exactly its window."""
    model = alexnet(classes=10, width=6, dtype=np.float64)
    x = rng.normal(size=(1, 3, size, size))
    scores, _ = as_convolution(model.layers, (3, 227, 227)).forward(x)
    places = (size - 227) // 32 + 1
    assert scores.shape == (1, 10, places, places)
    if places == 1:
        assert_allclose(scores[:, :, 0, 0], model.loss(x), atol=1e-10)
        return
    for layer in model.layers.children.values():
        if isinstance(layer, L.Conv):
            layer.pad = 0
    trunk, _ = cut(model.layers, "maxpool3")  # its features are 1x1 without padding, and not what affine1 needs
    whole, _ = trunk.forward(x)
    last, _ = trunk.forward(x[:, :, -227:, -227:])
    rows = last.shape[2]
    assert_allclose(whole[:, :, -rows:, -rows:], last, atol=1e-10)


def test_global_average_pools_slide_too():
    net = L.Sequential(L.Conv(3, 4, 3, dtype=np.float64), L.GlobalAveragePool(), L.Affine(4, 2, dtype=np.float64))
    x = rng.normal(size=(1, 3, 9, 8))
    scores, _ = as_convolution(net, (3, 8, 8)).forward(x)
    assert scores.shape == (1, 2, 2, 1)
    assert_allclose(scores[:, :, 1, 0], net.forward(x[:, :, 1:])[0], atol=1e-10)


def test_a_wrong_image_is_refused():
    with pytest.raises(ShapeError, match="12 inputs, but .* has 18 numbers"):
        affine_as_conv(L.Affine(12, 2), (2, 3, 3))
