"""Every layer and every network gives the same when onnxruntime runs its ONNX file."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch import layers as L
from nnscratch.interop import export_onnx, to_onnx
from nnscratch.interop.onnx_export import WRITERS, OnnxError
from nnscratch.models import MODELS, CaptioningRNN, build
from nnscratch.models.as_convolution import as_convolution
from nnscratch.models.captioning import SPECIAL
from nnscratch.models.localizer import localizer
from nnscratch.models.segmenter import segmenter
from nnscratch.models.transfer import with_new_head
from nnscratch.shapes import ShapeError
from tests import needs
from tests.cases import CASES, FromPair
from tests.models.test_models import SMALLER

onnxruntime = needs.package("onnxruntime")
CELLS = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])


def session_of(model, shape, **options):
    content = to_onnx(model, shape, **options).SerializeToString()
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def scores_of(model, x, shape=None):
    return session_of(model, shape or x.shape[1:]).run(None, {"x": x})[0]


def draw(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


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


# What nnscratch.layers has and ONNX has not: no layers that a network holds.
WITHOUT = {
    L.Layer: "what all layers share, with no forward of its own",
    L.Container: "layers by name, with no forward of its own",
    L.ClassTree: "belongs to a loss",
}


def test_every_layer_object_has_a_writer():
    classes = {value for value in vars(L).values() if inspect.isclass(value)}
    assert classes == {*WRITERS, L.Sequential, L.Sum, L.Concat, *WITHOUT}


@pytest.mark.parametrize(
    "case", [case for case in CASES if not isinstance(case.layer(), FromPair)], ids=lambda case: case.name
)
def test_every_row_of_the_list_of_layers(case):
    layer = shaken(case.layer(np.float32))
    for shape in (case.x, *case.others):
        x = case.draw(shape, np.float32)
        ours = layer.forward(x)[0]
        assert_allclose(scores_of(layer, x), ours, atol=1e-5 * max(1, abs(ours).max()))


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


@pytest.mark.parametrize(
    "model, size",
    [(localizer(width=4), (40, 36)), (segmenter(width=4), (32, 24)),
     (as_convolution(build("lenet").layers, (3, 32, 32)), (36, 48))],
    ids=["localizer", "segmenter", "lenet slid over an image"],
)  # fmt: skip
def test_networks_for_images_of_any_size(model, size):
    x = draw(2, 3, *size)
    session = session_of(shaken(model), (3, "H", "W"))
    ours = (model.layers if hasattr(model, "layers") else model).forward(x)[0]
    assert_allclose(session.run(None, {"x": x})[0], ours, atol=1e-5 * max(1, abs(ours).max()))


def test_free_axes_keep_their_word_where_their_size_is_kept():
    session = session_of(L.Sequential(L.Conv(3, 5, 3, pad="same", rng=0), L.MaxPool((2, 1))), (3, "H", "W"))
    assert session.get_inputs()[0].shape == ["N", 3, "H", "W"]
    assert session.get_outputs()[0].shape == ["N", 5, "axis2", "W"]


@CELLS
def test_char_rnn_reads_texts_of_any_length(cell):
    model = shaken(build("char-rnn", characters="abcdefg", hidden=9, embed=4, depth=2, drop=0.3, cell=cell))
    session = session_of(model, ("T",))
    assert (session.get_inputs()[0].type, session.get_outputs()[0].shape) == ("tensor(int64)", ["N", "T", 7])
    for shape in ((1, 1), (3, 50)):
        x = np.random.default_rng(0).integers(0, 7, shape)
        assert_allclose(session.run(None, {"x": x})[0], model.loss(x), atol=1e-5)


@CELLS
def test_char_rnn_goes_on_from_the_states_that_it_gave(cell):
    model = shaken(build("char-rnn", characters="abcdefg", hidden=9, embed=4, depth=2, cell=cell))
    session = session_of(model, ("T",), states=True)
    x = np.random.default_rng(0).integers(0, 7, (2, 12))
    first, states = model.read(x[:, :5], [draw(2, len(w) * (1 + (cell == "lstm"))) for w in _wh(model)])
    second, after = model.read(x[:, 5:], states)
    given = {"state1": states[0], "state2": states[1]}
    for theirs, ours in zip(session.run(None, {"x": x[:, 5:], **given}), [second, *after]):
        assert_allclose(theirs, ours, atol=1e-5)
    zeros = {name: np.zeros_like(state) for name, state in given.items()}
    assert_allclose(session.run(None, {"x": x, **zeros})[0], model.loss(x), atol=1e-5)


def _wh(model):
    return [w for name, w in model.params.items() if name.endswith(".wh")]


@CELLS
@pytest.mark.parametrize("states", [False, True])
def test_masked_steps_of_a_recurrent_layer_leave_its_state(cell, states):
    layer = shaken(L.CELLS[cell](4, 5, rng=0))
    x, mask = draw(3, 6, 4), np.random.default_rng(2).random((3, 6)) < 0.6
    assert 0 < mask.sum() < mask.size
    start = draw(3, layer.cell.parts * 5) if states else None
    ours, cache = layer.forward(x, start=start, mask=mask)
    given = {"x": x, "mask": mask, **({"state1": start} if states else {})}
    theirs = session_of(layer, ("T", 4), states=states, mask=True).run(None, given)
    for a, b in zip(theirs, [ours, cache.states[-1]]):
        assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_masked_steps_are_not_looked_at(causal):
    layer = shaken(L.SelfAttention(6, heads=2, causal=causal, rng=0))
    x, mask = draw(3, 5, 6), np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0]], bool)
    session = session_of(layer, ("T", 6), mask=True)
    ours = layer.forward(x, mask=mask[:, None, None])[0]
    assert_allclose(session.run(None, {"x": x, "mask": mask})[0], ours, atol=1e-5)


@CELLS
def test_captioning_scores_every_next_word(cell):
    model = CaptioningRNN([*SPECIAL, "a", "cat", "dog"], features=4, embed=3, hidden=5, cell=cell)
    x, captions = draw(2, 4), model.encode(["a cat a", "dog"])
    shaken(model)
    session = session_of(model, (4,))
    assert_allclose(session.run(None, {"x": x, "captions": captions})[0], model.scores(x, captions), atol=1e-5)
    for length in (1, 6):  # the likeliest words, one after the other, are what the model says
        told = np.full((2, 1), 1)
        for _ in range(length):
            scores = session.run(None, {"x": x, "captions": told})[0][:, -1]
            scores[:, :2] = -np.inf
            told = np.concatenate([told, scores.argmax(axis=1)[:, None]], axis=1)
        assert [model.decode(row) for row in told] == model.sample(x, length)


def test_a_transformer_block_takes_sequences_of_any_length():
    attend = L.Sequential(L.LayerNorm(6), L.SelfAttention(6, heads=3, causal=True, rng=0))
    think = L.Sequential(L.TemporalAffine(6, 12, rng=1), L.GELU(), L.TemporalAffine(12, 6, rng=2))
    net = shaken(L.Sequential(L.Embedding(9, 6, rng=0), L.Sum(L.Identity(), attend), L.Sum(L.Identity(), think)))
    x = np.random.default_rng(0).integers(0, 9, (2, 17))
    assert_allclose(scores_of(net, x, ("T",)), net.forward(x)[0], atol=1e-5)


class Unknown(L.ReLU):
    pass


@pytest.mark.parametrize(
    "model, shape, options, error, words",
    [
        (L.Sequential(Unknown()), (6,), {}, OnnxError, "Unknown cannot be written as ONNX: there are Conv"),
        (build("lenet"), (3, 32, 32), {"mask": True}, OnnxError, "no layer of the network takes one"),
        (build("lenet"), (3, 32, 32), {"states": True}, OnnxError, "has no recurrent layer"),
        (CaptioningRNN(SPECIAL, features=2), (2,), {"mask": True}, OnnxError, "leave both out"),
        (CaptioningRNN(SPECIAL, features=2), (3,), {}, ShapeError, "axis D is 3"),
        (build("lenet"), (3, 8, 8), {}, ShapeError, "use a larger image"),
    ],
)
def test_what_cannot_be_written_is_said(model, shape, options, error, words):
    with pytest.raises(error, match=words):
        to_onnx(model, shape, **options)
