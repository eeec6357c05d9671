"""Recurrent layers: the sequence is its steps, masks hold the state, pieces of a text join, torch agrees."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import layers as L
from nnscratch.gradcheck import assert_gradients
from nnscratch.layers.recurrent import CELLS, state_gradients
from nnscratch.shapes import ShapeError
from tests import needs

rng = np.random.default_rng(0)
N, T, D, H = 3, 5, 4, 2
SHAPES = {"rnn": (1, 1, 1), "lstm": (4, 4, 2), "gru": (3, 4, 1)}  # gates, biases, parts of the state
every_cell = pytest.mark.parametrize("name", CELLS)


def draw(*shape):
    return rng.normal(size=shape)


def weights(name):
    gates, biases, _ = SHAPES[name]
    return draw(D, gates * H), draw(H, gates * H), draw(biases * H)


def start_of(name, count=N):
    return draw(count, SHAPES[name][2] * H)


def pair(name, step=""):
    return getattr(L, f"{name}{step}_forward"), getattr(L, f"{name}{step}_backward")


@every_cell
def test_a_step_differentiates_its_state(name):
    assert_gradients(*pair(name, "_step"), (draw(N, D), start_of(name), *weights(name)), rng=1)


@every_cell
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_a_sequence_differentiates_its_start(name, masked):
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 0, 1, 1]]) if masked else None
    inputs = (draw(N, T, D), *weights(name), start_of(name))
    assert_gradients(*pair(name), inputs, rng=1, mask=mask)


@every_cell
def test_a_sequence_is_its_steps(name):
    x, (wx, wh, b), state = draw(N, T, D), weights(name), start_of(name)
    out, cache = pair(name)[0](x, wx, wh, b, state)
    for t in range(T):
        state, _ = pair(name, "_step")[0](x[:, t], state, wx, wh, b)
        assert_allclose(out[:, t], state[:, :H], atol=1e-12)
    assert_allclose(cache.states[-1], state, atol=1e-12)


@every_cell
def test_a_masked_sequence_ends_like_a_shorter_one(name):
    x, ws, start = draw(2, T, D), weights(name), start_of(name, 2)
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    out, cache = pair(name)[0](x, *ws, start, mask)
    short, short_cache = pair(name)[0](x[:1, :3], *ws, start[:1])
    assert_allclose(out[0, 2], short[0, -1], atol=1e-12)
    assert_allclose(cache.states[-1][0], short_cache.states[-1][0], atol=1e-12)
    assert_array_equal(out[0, 3:], out[0, [2, 2]])
    dx = pair(name)[1](draw(2, T, H), cache)[0]
    assert not dx[0, 3:].any() and dx[0, :3].all()


@every_cell
def test_two_pieces_are_the_whole_when_the_state_is_handed_on(name):
    x, ws, start = draw(N, T, D), weights(name), start_of(name)
    forward, backward = pair(name)
    whole, cache = forward(x, *ws, start)
    first, first_cache = forward(x[:, :2], *ws, start)
    second, second_cache = forward(x[:, 2:], *ws, first_cache.states[-1])
    assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-12)
    dout = draw(N, T, H)
    dx, *_, dstart = backward(dout, cache)
    later = backward(dout[:, 2:], second_cache)
    assert_allclose(later[0], dx[:, 2:], atol=1e-12)
    assert_allclose(state_gradients(dout, cache)[0], dstart)
    own = dout[:, :2].copy()
    truncated = backward(own, first_cache)[0]
    assert abs(truncated - dx[:, :2]).max() > 1e-3  # what the cut loses
    if name != "lstm":  # h is all of the state, so that the gradient can be put back where the cut was
        own[:, -1] += later[4]
        assert_allclose(backward(own, first_cache)[0], dx[:, :2], atol=1e-12)


@every_cell
def test_streams_go_on_in_training_and_start_afresh_in_evaluation(name):
    layer = CELLS[name](D, H, streams=N, rng=0, dtype=np.float64)
    x = draw(N, T, D)
    whole, _ = CELLS[name](D, H, rng=0, dtype=np.float64).forward(x)
    first, _ = layer.forward(x[:, :2], train=True)
    looked, _ = layer.forward(x[:, :2])
    second, _ = layer.forward(x[:, 2:], train=True)
    assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-12)
    assert_array_equal(looked, first)
    layer.reset()
    assert_array_equal(layer.forward(x[:, :2], train=True)[0], first)
    with pytest.raises(ShapeError, match="x holds 2 sequences, but the layer carries the states of 3 streams"):
        layer.forward(x[:2], train=True)
    assert layer.forward(x[:2])[0].shape == (2, T, H)


@every_cell
def test_gradients_of_a_layer_that_carries_streams(name):
    layer = CELLS[name](D, H, streams=N, rng=0, dtype=np.float64)
    layer.forward(draw(N, T, D), train=True)
    assert_gradients(layer, draw(N, T, D), rng=1)


@every_cell
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": (N, D)}, "x has 2 axes"),
        ({"start": (N + 1, H)}, "axis N is 3"),
        ({"start": (N, 7)}, "start has an axis of 7"),
        ({"wh": (H, 9)}, "axis G"),
        ({"b": (5 * H,)}, "b has an axis of 10"),
        ({"mask": (N, T - 1)}, "axis T is 5"),
    ],
    ids=lambda value: str(value),
)
def test_what_does_not_fit_is_named(name, change, words):
    wx, wh, b = weights(name)
    arrays = {"x": draw(N, T, D), "wx": wx, "wh": wh, "b": b, "start": None, "mask": None}
    arrays.update({key: draw(*shape) for key, shape in change.items()})
    with pytest.raises(ShapeError, match=words) as caught:
        pair(name)[0](**arrays)
    assert str(caught.value).startswith(f"{name}: ")


def test_known_values_of_an_lstm_that_remembers_and_forgets():
    wx, wh = np.zeros((1, 4)), np.zeros((1, 4))
    keep = np.array([-50.0, 50.0, 50.0, 0.0])  # input shut, forget gate open, output open
    out, cache = L.lstm_forward(np.ones((1, 100, 1)), wx, wh, keep, start=np.array([[0.0, 0.7]]))
    assert_allclose(out, np.tanh(0.7))
    grads = state_gradients(np.eye(100)[-1].reshape(1, 100, 1), cache)
    assert_allclose(grads[:-1, 0, 1], 1 - np.tanh(0.7) ** 2)  # 100 steps back, as large as ever
    forget = np.array([-50.0, -50.0, 50.0, 0.0])
    out, _ = L.lstm_forward(np.ones((1, 2, 1)), wx, wh, forget, start=np.array([[0.0, 0.7]]))
    assert_allclose(out, 0, atol=1e-12)


@pytest.mark.parametrize(("scale", "grows"), [(0.5, False), (2.0, True)])
def test_gradients_of_a_vanilla_rnn_vanish_or_explode_with_its_largest_singular_value(scale, grows):
    wh = scale * np.linalg.qr(draw(H, H))[0]
    out, cache = L.rnn_forward(np.zeros((1, 20, D)), draw(D, H), wh, np.zeros(H))
    norms = np.linalg.norm(state_gradients(np.eye(20)[-1].reshape(1, 20, 1) * np.ones(H), cache), axis=(1, 2))
    assert_allclose(norms[:-1] / norms[1:], scale)  # h stays 0, where tanh has the slope 1
    assert (norms[0] > norms[-1]) == grows


def test_large_sums_do_not_overflow():
    for name in CELLS:
        wx, wh, b = (1e4 * w for w in weights(name))
        out, cache = pair(name)[0](draw(N, T, D).astype(np.float32), *(w.astype(np.float32) for w in (wx, wh, b)))
        assert np.isfinite(out).all()
        assert all(np.isfinite(grad).all() for grad in pair(name)[1](np.ones_like(out), cache))


TORCH_ORDER = {"rnn": [0], "lstm": [0, 1, 3, 2], "gru": [0, 1, 2]}  # torch's gates are i, f, g, o and r, z, n


@every_cell
def test_torch_agrees(name):
    torch = needs.package("torch")
    x, (wx, wh, b), start = draw(N, T, D), weights(name), start_of(name)
    order, gates = TORCH_ORDER[name], SHAPES[name][0]

    def turned(w):
        return torch.tensor(np.concatenate([np.split(w, gates, axis=-1)[i] for i in order], axis=-1).T.copy())

    theirs = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[name](
        D, H, batch_first=True
    ).double()
    inside = np.zeros(gates * H)
    if name == "gru":
        inside[-H:] = b[-H:]
    values = {"weight_ih_l0": wx, "weight_hh_l0": wh, "bias_ih_l0": b[: gates * H], "bias_hh_l0": inside}
    theirs.load_state_dict({key: turned(value) for key, value in values.items()})
    tx = torch.tensor(x, requires_grad=True)
    ts = [torch.tensor(part[None], requires_grad=True) for part in np.split(start, SHAPES[name][2], axis=1)]
    expected, _ = theirs(tx, tuple(ts) if name == "lstm" else ts[0])
    out, cache = pair(name)[0](x, wx, wh, b, start)
    assert_allclose(out, expected.detach().numpy(), atol=1e-8)
    dout = draw(N, T, H)
    expected.backward(torch.tensor(dout))
    dx, dwx, dwh, db, dstart = pair(name)[1](dout, cache)
    back = np.concatenate([np.arange(H) + order.index(i) * H for i in range(gates)])
    assert_allclose(dx, tx.grad.numpy(), atol=1e-8)
    assert_allclose(dwx, theirs.weight_ih_l0.grad.numpy().T[:, back], atol=1e-8)
    assert_allclose(dwh, theirs.weight_hh_l0.grad.numpy().T[:, back], atol=1e-8)
    assert_allclose(db[: gates * H], theirs.bias_ih_l0.grad.numpy()[back], atol=1e-8)
    if name == "gru":
        assert_allclose(db[gates * H :], theirs.bias_hh_l0.grad.numpy()[-H:], atol=1e-8)
    assert_allclose(dstart, np.concatenate([s.grad[0].numpy() for s in ts], axis=1), atol=1e-8)
