"""Gradients through time: the norms that the maths foresees, and streams that begin anew with every epoch."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch.data import TextData
from nnscratch.layers import GRU, LSTM, RNN
from nnscratch.models import char_rnn
from nnscratch.training import SGD, Callback, FreshStreams, Solver, gradient_norms


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.3])
def test_an_orthogonal_rnn_at_rest_scales_every_step_alike(scale):
    layer = RNN(2, 5, dtype=np.float64)
    layer.params["wh"] *= scale
    assert_allclose(gradient_norms(layer, np.zeros((3, 30, 2))), scale ** np.arange(30.0, -1, -1))


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_the_norms_are_those_of_a_difference_at_the_start(kind):
    layer, x = kind(2, 3, dtype=np.float64), np.random.default_rng(0).normal(size=(1, 6, 2))
    norms = gradient_norms(layer, x, seed=4)
    last = np.random.default_rng([1, 4]).normal(size=(1, 3))
    last /= np.linalg.norm(last)
    S = layer.cell.parts * 3

    def told(start):
        return (layer.forward(x, start=start)[0][:, -1] * last).sum()

    eye = 1e-6 * np.eye(S)[:, None]
    grads = [(told(e) - told(-e)) / 2e-6 for e in eye]
    assert norms[-1] == 1
    assert_allclose(np.linalg.norm(grads), norms[0], rtol=1e-6)


def test_every_epoch_begins_with_fresh_streams():
    data = TextData("hickory dickory dock, " * 20, streams=2, length=8)
    model = char_rnn(data.vocabulary.characters, hidden=4, streams=2)
    begun = []

    class Look(Callback):
        order = 1

        def on_batch(self, solver, x, y):
            begun.append(model.state["lstm1.carried"].any())

    Solver(model, data, SGD(rate=0.1), batch_size=2, epochs=2, callbacks=[FreshStreams(), Look()]).train()
    steps = len(begun) // 2
    assert_array_equal(np.flatnonzero(np.logical_not(begun)), [0, steps])
