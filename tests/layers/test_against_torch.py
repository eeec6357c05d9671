"""Layers and losses agree with PyTorch's on the same numbers, in float64, forward and backward."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch import layers as L
from tests import needs

torch = needs.package("torch")
F = torch.nn.functional
rng = np.random.default_rng(0)


def agree(forward, backward, theirs, *arrays):
    """Compare outputs and the gradient of every array with autograd's."""
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    out, cache = forward(*arrays)
    expected = theirs(*tensors)
    assert_allclose(out, expected.detach().numpy(), atol=1e-10)
    dout = rng.normal(size=out.shape)
    expected.backward(torch.tensor(dout))
    grads = backward(dout, cache)
    for grad, tensor in zip(grads if isinstance(grads, tuple) else (grads,), tensors):
        assert_allclose(grad, tensor.grad.numpy(), atol=1e-10)


def draw(*shape):
    return rng.normal(size=shape)


@pytest.mark.parametrize(
    "ours",
    [
        {},
        {"stride": (2, 1), "pad": (1, 2)},
        {"groups": 2, "dilation": (2, 1)},
        {"groups": 4, "stride": 3, "pad": 2},
    ],
    ids=str,
)
def test_conv(ours):
    theirs = {"padding" if key == "pad" else key: value for key, value in ours.items()}
    agree(
        lambda x, w, b: L.conv_forward(x, w, b, **ours),
        L.conv_backward,
        lambda x, w, b: F.conv2d(x, w, b, **theirs),
        draw(2, 4, 9, 8),
        draw(8, 4 // ours.get("groups", 1), 3, 2),
        draw(8),
    )


@pytest.mark.parametrize(
    "ours", [{}, {"stride": 2, "pad": 1, "extra": 1}, {"groups": 2, "stride": 3, "dilation": 2}], ids=str
)
def test_conv_transpose(ours):
    names = {"pad": "padding", "extra": "output_padding"}
    theirs = {names.get(key, key): value for key, value in ours.items()}
    groups = ours.get("groups", 1)
    agree(
        lambda x, w, b: L.conv_transpose_forward(x, w, b, **ours),
        L.conv_transpose_backward,
        lambda x, w, b: F.conv_transpose2d(x, w, b, **theirs),
        draw(2, 4, 5, 4),
        draw(4, 3, 3, 2),
        draw(3 * groups),
    )


@pytest.mark.parametrize("geometry", [(2, 2, 0, False), (3, 2, 1, False), (3, 2, 0, True), (3, 2, 1, True)])
def test_pools(geometry):
    agree(
        lambda x: L.max_pool_forward(x, *geometry),
        L.max_pool_backward,
        lambda x: F.max_pool2d(x, *geometry[:3], ceil_mode=geometry[3]),
        draw(2, 3, 8, 9),
    )
    agree(
        lambda x: L.average_pool_forward(x, *geometry),
        L.average_pool_backward,
        lambda x: F.avg_pool2d(x, *geometry, count_include_pad=False),
        draw(2, 3, 8, 9),
    )


def test_norms():
    agree(
        L.batch_norm_forward,
        lambda *a: L.batch_norm_backward(*a),
        lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True),
        draw(4, 3, 5, 5),
        draw(3),
        draw(3),
    )
    agree(
        L.layer_norm_forward,
        L.layer_norm_backward,
        lambda x, g, b: F.layer_norm(x, (5, 4), g, b),
        draw(3, 2, 5, 4),
        draw(5, 4),
        draw(5, 4),
    )
    agree(lambda x, g, b: L.group_norm_forward(x, g, b, 3), L.group_norm_backward,
          lambda x, g, b: F.group_norm(x, 3, g, b), draw(2, 6, 4, 4), draw(6), draw(6))  # fmt: skip


def test_lrn():
    """PyTorch divides alpha by the size."""
    agree(
        lambda x: L.lrn_forward(x, size=5, alpha=0.1, beta=0.75, k=2.0),
        L.lrn_backward,
        lambda x: F.local_response_norm(x, 5, alpha=0.5, beta=0.75, k=2.0),
        draw(2, 8, 3, 3),
    )


def test_running_statistics():
    ours, theirs = L.BatchNorm(3, dtype=np.float64), torch.nn.BatchNorm2d(3, dtype=torch.float64)
    for _ in range(3):
        x = draw(4, 3, 5, 5)
        ours.forward(x, train=True)
        theirs(torch.tensor(x))
    assert_allclose(ours.state["mean"], theirs.running_mean.numpy())
    assert_allclose(ours.state["var"], theirs.running_var.numpy())


@pytest.mark.parametrize(
    ("pair", "theirs"),
    [
        ("relu", F.relu),
        ("leaky_relu", F.leaky_relu),
        ("elu", F.elu),
        ("gelu", lambda x: F.gelu(x, approximate="tanh")),
        ("sigmoid", torch.sigmoid),
        ("tanh", torch.tanh),
        ("softplus", F.softplus),
    ],
)
def test_activations(pair, theirs):
    agree(getattr(L, f"{pair}_forward"), getattr(L, f"{pair}_backward"), theirs, 3 * draw(5, 7))


def test_losses():
    x, y = draw(6, 5), rng.integers(0, 5, 6)
    attributes, target = rng.integers(0, 2, (6, 5)), draw(6, 5)
    for ours, theirs in [
        (L.softmax_loss(x, y), lambda t: F.cross_entropy(t, torch.tensor(y))),
        (L.softmax_loss(x, y, 0.1), lambda t: F.cross_entropy(t, torch.tensor(y), label_smoothing=0.1)),
        (L.svm_loss(x, y), lambda t: 5 * F.multi_margin_loss(t, torch.tensor(y))),
        (L.svm_loss(x, y, squared=True), lambda t: 5 * F.multi_margin_loss(t, torch.tensor(y), p=2)),
        (L.logistic_loss(x, attributes),
         lambda t: F.binary_cross_entropy_with_logits(t, torch.tensor(1.0 * attributes), reduction="sum") / 6),
        (L.l2_loss(x, target), lambda t: F.mse_loss(t, torch.tensor(target), reduction="sum") / 12),
        (L.l1_loss(x, target), lambda t: F.l1_loss(t, torch.tensor(target), reduction="sum") / 6),
        (L.smooth_l1_loss(x, target), lambda t: F.smooth_l1_loss(t, torch.tensor(target), reduction="sum") / 6),
    ]:  # fmt: skip
        tensor = torch.tensor(x, requires_grad=True)
        expected = theirs(tensor)
        expected.backward()
        assert_allclose(ours[0], expected.item())
        assert_allclose(ours[1], tensor.grad.numpy(), atol=1e-12)
