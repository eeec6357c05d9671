"""Attention: weights that are a mean, masks, heads, and agreement with PyTorch; the temporal loss and its mask."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from nnscratch import layers as L
from nnscratch.gradcheck import assert_gradients
from nnscratch.layers.losses import LabelError
from nnscratch.shapes import ShapeError
from tests import needs

rng = np.random.default_rng(0)


def draw(*shape):
    return rng.normal(size=shape)


@pytest.mark.parametrize(
    "mask", [None, L.causal_mask(4)[:3], rng.random((2, 1, 3, 4)) < 0.6], ids=["no", "2d", "4d"]
)
def test_gradients_of_attention(mask):
    inputs = (draw(2, 5, 3, 6), draw(2, 5, 4, 6), draw(2, 5, 4, 2))
    assert_gradients(L.attention_forward, L.attention_backward, inputs, rng=1, mask=mask)


def test_gradients_of_multi_head_attention_with_a_memory_of_its_own():
    inputs = (draw(2, 3, 6), draw(2, 4, 6), draw(6, 18), draw(18), draw(6, 6), draw(6))
    pair = L.multi_head_attention_forward, L.multi_head_attention_backward
    assert_gradients(*pair, inputs, rng=1, heads=3)
    assert_gradients(*pair, inputs, rng=1, heads=2, mask=L.causal_mask(4)[:3])


def test_a_sharp_query_takes_one_value_and_a_blind_one_nothing():
    k, v = 100 * np.eye(3), draw(3, 2)
    out, _ = L.attention_forward(k[[2]], k, v)
    assert_allclose(out, v[[2]])
    out, cache = L.attention_forward(k, k, v, mask=np.zeros((3, 3)))
    assert_array_equal(out, np.zeros((3, 2)))
    assert all(np.isfinite(grad).all() for grad in L.attention_backward(np.ones_like(out), cache))


def test_a_causal_step_hears_nothing_from_later_ones():
    layer, x = L.SelfAttention(6, 2, causal=True, rng=0, dtype=np.float64), draw(1, 5, 6)
    before, _ = layer.forward(x)
    x[0, 3:] += 1
    after, _ = layer.forward(x)
    assert_allclose(after[0, :3], before[0, :3], atol=1e-12)
    assert abs(after[0, 3:] - before[0, 3:]).min() > 1e-6


@pytest.mark.parametrize("causal", [False, True])
def test_torch_agrees(causal):
    torch = needs.package("torch")
    layer, x = L.SelfAttention(6, 3, causal=causal, rng=0, dtype=np.float64), draw(2, 5, 6)
    layer.params["b"], layer.params["bo"] = draw(18), draw(6)
    theirs = torch.nn.MultiheadAttention(6, 3, batch_first=True).double()
    names = {"w": "in_proj_weight", "b": "in_proj_bias", "wo": "out_proj.weight", "bo": "out_proj.bias"}
    theirs.load_state_dict({names[key]: torch.tensor(value.T.copy()) for key, value in layer.params.items()})
    tx = torch.tensor(x, requires_grad=True)
    hidden = torch.tensor(~L.causal_mask(5)) if causal else None
    expected, _ = theirs(tx, tx, tx, attn_mask=hidden)
    out, cache = layer.forward(x)
    assert_allclose(out, expected.detach().numpy(), atol=1e-8)
    dout = draw(2, 5, 6)
    expected.backward(torch.tensor(dout))
    dx, grads = layer.backward(dout, cache)
    assert_allclose(dx, tx.grad.numpy(), atol=1e-8)
    for key, grad in grads.items():
        assert_allclose(grad, theirs.get_parameter(names[key]).grad.numpy().T, atol=1e-8)


def test_what_does_not_fit_is_named():
    with pytest.raises(ShapeError, match="leading axes differ"):
        L.attention_forward(draw(2, 3, 4), draw(1, 3, 4), draw(2, 3, 4))
    with pytest.raises(ShapeError, match=r"the mask is \(9, 9\), but the scores are \(2, 3, 3\)"):
        L.attention_forward(draw(2, 3, 4), draw(2, 3, 4), draw(2, 3, 4), mask=np.ones((9, 9)))
    with pytest.raises(ShapeError, match="6 features cannot be shared among 4 heads"):
        L.SelfAttention(6, 4)


def test_masked_steps_neither_count_nor_learn():
    x, y = draw(2, 3, 4), np.array([[0, 1, 2], [3, 0, 1]])
    mask = np.array([[1, 1, 0], [1, 0, 0]])
    loss, dx = L.temporal_softmax_loss(x, y, mask)
    picked = np.log(L.softmax(x))[[0, 0, 1], [0, 1, 0], [0, 1, 3]]
    assert_allclose(loss, -picked.mean())
    assert_array_equal(dx[mask == 0], 0)
    y[1, 2] = -1  # a label that is masked may be anything
    assert L.temporal_softmax_loss(x, y, mask)[0] == loss
    assert_gradients(L.temporal_softmax_loss, x, y, rng=1, mask=mask)


def test_bad_labels_and_masks_are_named():
    x, y = draw(2, 3, 4), np.zeros((2, 3), int)
    with pytest.raises(ValueError, match="the mask leaves no step"):
        L.temporal_softmax_loss(x, y, np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="axis T"):
        L.temporal_softmax_loss(x, y, np.zeros((2, 2)))
    y[1, 2] = 4
    with pytest.raises(LabelError, match=r"y\[1, 2\] is 4 but x has 4 classes"):
        L.temporal_softmax_loss(x, y)
