"""The character model: gradients, torch, one text cut into pieces or not, sampling, and bad input."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch.data import TextData, TextError
from nnscratch.gradcheck import assert_gradients
from nnscratch.layers import softmax
from nnscratch.models import build, char_rnn
from nnscratch.models.char_rnn import _drawn
from nnscratch.shapes import ShapeError
from nnscratch.training import Adam, Checkpoint, FreshStreams, Solver
from tests import needs

CELLS = pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
RHYME = "row, row, row your boat, gently down the stream. "


def draw(model, N, T):
    x = np.random.default_rng(0).integers(0, model.classes, (N, T + 1))
    return x[:, :-1], x[:, 1:]


@CELLS
@pytest.mark.parametrize("options", [{}, {"depth": 2, "drop": 0.3}, {"streams": 3}], ids=str)
def test_gradients(cell, options):
    model = char_rnn("abcd", hidden=4, cell=cell, embed=3, dtype=np.float64, **options)
    for key, w in model.params.items():
        model.params[key] = w + 0.1 * np.random.default_rng(1).normal(size=w.shape)
    x, y = draw(model, 3, 5)
    model.loss(x, y)  # streams now have something to carry
    assert_gradients(model, x, y, rng=1)


@CELLS
def test_it_starts_at_log_characters_and_learns_a_rhyme(cell):
    data = TextData(RHYME * 20, streams=4, length=16, val=0.1, test=0.1)
    model = char_rnn(data.vocabulary.characters, hidden=48, cell=cell, streams=4)
    assert abs(model.nats(data.test_text) - math.log(data.num_classes)) < 0.1
    solver = Solver(
        model, data, Adam(rate=0.02), batch_size=4, epochs=12, clip_norm=5.0, callbacks=[FreshStreams()]
    )
    solver.train()
    assert model.nats(data.test_text) < 0.2
    assert model.sample("row, row, row your b", length=20, temperature=0) == "oat, gently down the"
    assert solver.evaluate("test")["accuracy"] > 0.9


def test_torch_agrees():
    torch = needs.package("torch")
    H, E, V = 6, 4, 5
    model = char_rnn("abcde", hidden=H, embed=E, depth=2, dtype=np.float64)
    for key, w in model.params.items():
        model.params[key] = w + 0.1 * np.random.default_rng(1).normal(size=w.shape)

    def turned(w):
        i, f, o, g = np.split(w, 4, axis=-1)
        return torch.tensor(np.concatenate([i, f, g, o], axis=-1).T.copy())

    theirs = torch.nn.ModuleList(
        [torch.nn.Embedding(V, E), torch.nn.LSTM(E, H, 2, batch_first=True), torch.nn.Linear(H, V)]
    ).double()
    ours, zeros = model.params, torch.zeros(4 * H)
    states = {"0.weight": torch.tensor(ours["embedding1.w"]), "2.bias": torch.tensor(ours["temporalaffine1.b"])}
    states["2.weight"] = torch.tensor(ours["temporalaffine1.w"].T.copy())
    for layer in (0, 1):
        for name, key in (("wx", "weight_ih"), ("wh", "weight_hh"), ("b", "bias_ih")):
            states[f"1.{key}_l{layer}"] = turned(ours[f"lstm{layer + 1}.{name}"])
        states[f"1.bias_hh_l{layer}"] = zeros
    theirs.load_state_dict(states)
    x, y = draw(model, 3, 7)
    scores = theirs[2](theirs[1](theirs[0](torch.tensor(x)))[0])
    expected = torch.nn.functional.cross_entropy(scores.reshape(-1, V), torch.tensor(y.reshape(-1)))
    expected.backward()
    loss, grads = model.loss(x, y)
    assert_allclose(model.loss(x), scores.detach().numpy(), atol=1e-8)
    assert_allclose(loss, expected.item(), atol=1e-8)
    assert_allclose(grads["embedding1.w"], theirs[0].weight.grad.numpy(), atol=1e-8)
    assert_allclose(grads["temporalaffine1.w"], theirs[2].weight.grad.numpy().T, atol=1e-8)
    for layer in (0, 1):
        for name, key in (("wx", "weight_ih"), ("wh", "weight_hh"), ("b", "bias_ih")):
            grad = theirs[1].get_parameter(f"{key}_l{layer}").grad
            assert_allclose(turned(grads[f"lstm{layer + 1}.{name}"]), grad, atol=1e-8)


@CELLS
def test_reading_in_pieces_is_reading_the_whole(cell):
    model = char_rnn(" abcdefghijklmnopqrstuvwxyz,.", hidden=8, cell=cell, depth=2, seed=3)
    whole = model.nats(RHYME)
    assert_allclose(model.nats(RHYME, piece=1), whole, rtol=1e-5)
    assert_allclose(model.nats(RHYME, piece=7), whole, rtol=1e-5)
    x = model.vocabulary.encode(RHYME)[None]
    assert_allclose(model.loss(x[:, :-1], x[:, 1:])[0], whole, rtol=1e-5)


def test_draws_have_the_probabilities_of_the_softmax():
    scores, rng = np.array([0.0, 1.0, -1.0]), np.random.default_rng(0)
    for temperature in (0.5, 1.0, 3.0):
        counts = np.bincount([_drawn(scores, temperature, rng) for _ in range(4000)], minlength=3)
        assert_allclose(counts / 4000, softmax(scores / temperature), atol=0.03)
    assert _drawn(scores, 0, rng) == 1
    assert _drawn(np.array([0.0, 1e9]), 1e-6, rng) == 1


def test_samples_repeat_with_the_seed():
    model = char_rnn("abcdef", hidden=8)
    assert model.sample("a", 40, rng=1) == model.sample("a", 40, rng=1) != model.sample("a", 40, rng=2)
    assert model.sample("a", 0) == ""
    assert model.sample(length=9, rng=1) == model.sample("a", 9, rng=1)


def test_what_cannot_be_read_or_written_is_said():
    model = char_rnn("abc", hidden=4, streams=2)
    with pytest.raises(TextError, match="unknown character 'x' at place 2"):
        model.nats("abxx")
    with pytest.raises(TextError, match="two or more"):
        model.nats("a")
    with pytest.raises(TextError, match="start is empty"):
        model.sample("")
    with pytest.raises(ValueError, match="temperature is -1"):
        model.sample("a", temperature=-1)
    with pytest.raises(ShapeError, match="carries the states of 2 streams"):
        model.loss(np.zeros((3, 4), int), np.zeros((3, 4), int))
    with pytest.raises(IndexError, match="the table has rows 0 to 2"):
        model.loss(np.full((2, 4), 3))
    with pytest.raises(TextError, match="list every character once"):
        char_rnn("aa")


def test_a_run_that_goes_on_ends_with_the_same_bits(tmp_path):
    data = TextData(RHYME * 8, streams=2, length=8)

    def solver(epochs=3):
        model = build("char-rnn", characters=data.vocabulary.characters, hidden=8, streams=2, drop=0.2)
        callbacks = [FreshStreams(), Checkpoint(tmp_path, every_steps=5)]
        return Solver(model, data, Adam(rate=0.01), batch_size=2, epochs=epochs, callbacks=callbacks)

    whole, cut = solver(), solver()
    whole.train()
    steps = iter(range(7))

    class Stop(FreshStreams):
        def on_step(self, solver, loss, grads):
            if next(steps, None) is None:
                solver.stop()

    cut.callbacks.append(Stop())
    cut.train()
    cut.save(tmp_path / "cut")
    assert cut.step_in_epoch > 0
    resumed = solver()
    resumed.load(tmp_path / "cut")
    resumed.train()
    for key, w in whole.model.params.items():
        assert_array_equal(resumed.model.params[key], w)


def test_on_the_gpu_it_learns_the_same(cupy):
    data = TextData(RHYME * 8, streams=2, length=8)

    def trained(device):
        model = char_rnn(data.vocabulary.characters, hidden=8, streams=2, dtype=np.float64).to(device)
        callbacks = [FreshStreams()]
        Solver(model, data, Adam(rate=0.01), batch_size=2, epochs=2, clip_norm=5.0, callbacks=callbacks).train()
        return model

    ours, theirs = trained("cpu"), trained("gpu")
    for key, w in ours.params.items():
        assert_allclose(theirs.params[key].get(), w, rtol=1e-6, atol=1e-8)
    assert_allclose(theirs.nats(RHYME), ours.nats(RHYME), rtol=1e-6)
    assert theirs.sample("row", 10, rng=0) == ours.sample("row", 10, rng=0)
