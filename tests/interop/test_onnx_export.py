"""Every network gives the same scores when onnxruntime runs its ONNX file."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch import layers as L
from nnscratch.interop import export_onnx, to_onnx
from nnscratch.interop.onnx_export import OnnxError
from nnscratch.models import MODELS, build
from nnscratch.models.transfer import with_new_head
from tests import needs
from tests.models.test_models import SMALLER

onnxruntime = needs.package("onnxruntime")


def scores_of(model, x):
    content = to_onnx(model, x.shape[1:]).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def shaken(model, seed=0):
    """Bring parameters and running statistics to places where nothing is special."""
    rng = np.random.default_rng(seed)
    for key, w in model.params.items():
        model.params[key] = w + (0.02 * rng.normal(size=w.shape)).astype(w.dtype)
    for key, s in model.state.items():
        if s.dtype.kind == "f":
            model.state[key] = (s + 0.2 * rng.uniform(size=s.shape)).astype(s.dtype)
    return model


@pytest.mark.parametrize("name", [name for name in MODELS if "image" in MODELS[name].__code__.co_varnames])
def test_every_network(name):
    options, size = SMALLER.get(name, ({}, 32))
    if name in ("nin", "cifar-vgg", "cifar-googlenet"):
        options = {"width": 12 if name == "nin" else 8}
    model = shaken(build(name, classes=10, image=(3, size, size), **options))
    x = np.random.default_rng(1).normal(size=(3, 3, size, size)).astype(np.float32)
    ours = model.loss(x)
    assert_allclose(scores_of(model, x), ours, atol=1e-5 * max(1, abs(ours).max()))


@pytest.mark.parametrize(
    "layer",
    [
        L.ConvTranspose(4, 6, kernel=3, stride=2, pad=1, extra=1, groups=2),
        L.LocalConv(4, 3, (7, 6), 3, 2, 1),
        L.LRN(3, alpha=0.5, within=True),
        L.LRN(3, alpha=0.5),
        L.MaxPool((2, 3), stride=2, ceil=True),
        L.AveragePool(3, stride=2, pad=1),
        L.PadChannels(7, stride=(2, 3)),
        L.PReLU(4),
        L.LeakyReLU(0.2),
        L.ELU(0.7),
        L.GELU(),
        L.Softplus(),
        L.LayerNorm((4, 7, 6)),
        L.Sequential(L.Concat(L.Identity(), L.Tanh()), L.Dropout(0.5), L.GlobalAveragePool()),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_single_layers(layer):
    layer = shaken(layer)
    x = np.random.default_rng(1).normal(size=(2, 4, 7, 6)).astype(np.float32)
    assert_allclose(scores_of(layer, x), layer.forward(x)[0], atol=1e-5)


def test_a_network_with_a_frozen_trunk_is_written_to_a_file(tmp_path):
    model = with_new_head(build("lenet"), classes=2, frozen="flatten1")
    x = np.random.default_rng(1).normal(size=(2, 3, 32, 32)).astype(np.float32)
    export_onnx(model, tmp_path / "model.onnx", (3, 32, 32))
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert_allclose(session.run(None, {"x": x})[0], model.loss(x), atol=1e-5)


def test_a_layer_that_cannot_be_written_is_named():
    with pytest.raises(OnnxError, match="a Maxout cannot be written as ONNX: there are Conv"):
        to_onnx(L.Sequential(L.Maxout(6, 3)), (6,))
