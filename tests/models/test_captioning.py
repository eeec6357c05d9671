"""The captioning network: gradients, known by heart after a short training, and inputs that it cannot take."""

import itertools

import numpy as np
import pytest

from nnscratch.gradcheck import assert_gradients
from nnscratch.models import CaptioningRNN
from nnscratch.models.captioning import SPECIAL
from nnscratch.models.classifier import InputError
from nnscratch.shapes import ShapeError
from nnscratch.training import Adam

SENTENCES = "a two some cat cats dog dogs bird sits sit runs run flies in on near the grass roof sea quickly"
WORDS = SENTENCES.split()


def made_up(count=50):
    """Features drawn at random, and as many different sentences of two to six words."""
    rng = np.random.default_rng(0)
    sentences = [" ".join(rng.choice(WORDS, rng.integers(2, 7))) for _ in range(3 * count)]
    return rng.normal(size=(count, 16)).astype(np.float32), list(dict.fromkeys(sentences))[:count]


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_gradients(cell):
    model = CaptioningRNN([*SPECIAL, *WORDS[:4]], features=3, embed=4, hidden=5, cell=cell, dtype=np.float64)
    captions = model.encode(["a two", "cat", "some cat a two"])
    assert_gradients(model, np.random.default_rng(0).normal(size=(3, 3)), captions, rng=1)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_fifty_captions_are_learnt_by_heart(cell):
    x, sentences = made_up()
    model = CaptioningRNN([*SPECIAL, *WORDS], features=16, embed=32, hidden=128, cell=cell)
    captions, rule = model.encode(sentences), Adam(rate=0.01)
    for step in itertools.count():
        loss, grads = model.loss(x, captions)
        if loss < 0.01 or step == 300:
            break
        rule.step(model.params, grads)
    assert model.sample(x) == sentences


def test_words_come_and_go():
    model = CaptioningRNN([*SPECIAL, *WORDS], features=2)
    assert [model.decode(row) for row in model.encode(["a cat", "", "two dogs run"])] == [
        "a cat",
        "",
        "two dogs run",
    ]
    x = np.ones((200, 2), np.float32)
    assert model.sample(x[:3], length=0) == ["", "", ""]
    assert len(set(model.sample(x, length=1, temperature=1.0))) > 10 > len(set(model.sample(x, length=1)))
    assert model.sample(x, 5, 1.0, rng=3) == model.sample(x, 5, 1.0, rng=3)


def test_padding_does_not_count():
    model = CaptioningRNN([*SPECIAL, *WORDS], features=2, hidden=4)
    x, captions = np.ones((2, 2), np.float32), model.encode(["a cat", "two dogs"])
    padded = np.pad(captions, ((0, 0), (0, 3)))
    assert abs(model.loss(x, captions)[0] - model.loss(x, padded)[0]) < 1e-6


def test_inputs_that_it_cannot_take():
    with pytest.raises(ValueError, match="begin it with <null>, <start>, <end>"):
        CaptioningRNN(["cat"], features=2)
    with pytest.raises(ValueError, match="did you mean 'lstm'"):
        CaptioningRNN([*SPECIAL, "cat"], features=2, cell="lstn")
    model = CaptioningRNN([*SPECIAL, "cat"], features=2)
    with pytest.raises(InputError, match="unknown word 'dog' in caption 1"):
        model.encode(["cat", "cat dog"])
    x, y = np.ones((2, 2), np.float32), model.encode(["cat", "cat"])
    with pytest.raises(ShapeError, match="axis N is 2 in x but 1 in y"):
        model.loss(x, y[:1])
    with pytest.raises(ShapeError, match="axis D"):
        model.loss(np.ones((2, 3), np.float32), y)
    with pytest.raises(InputError, match="no word to guess"):
        model.loss(x, y[:, :1])
    with pytest.raises(IndexError, match="the table has rows 0 to 3"):
        model.loss(x, y + 9)
