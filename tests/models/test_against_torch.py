"""Whole networks agree with PyTorch's layers on the same weights, in float64: scores, loss and every gradient."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nnscratch import layers as L
from nnscratch.models import MODELS, build
from nnscratch.models.googlenet import SideHeads
from tests import needs
from tests.models.test_models import SMALLER

torch = needs.package("torch")
F = torch.nn.functional

WIDTHS = {"nin": 12, "cifar-vgg": 8, "cifar-googlenet": 8, "small-alexnet": 8}
IMAGES = [name for name in MODELS if "image" in MODELS[name].__code__.co_varnames]


class Run:
    """A run of our layers' maths in PyTorch, over tensors of our parameters."""

    def __init__(self, model, train):
        self.params = {key: torch.tensor(w, requires_grad=True) for key, w in model.params.items()}
        self.train = train

    def __call__(self, layer, x, name=""):
        if isinstance(layer, L.Sequential):
            for child, inner in layer.children.items():
                x = self(inner, x, self.inside(name, child))
            return x
        if isinstance(layer, (L.Sum, L.Concat)):
            outs = [self(inner, x, self.inside(name, child)) for child, inner in layer.children.items()]
            return sum(outs) if isinstance(layer, L.Sum) else torch.cat(outs, 1)
        if isinstance(layer, SideHeads):
            return self.side_heads(layer, x)
        p = {key.rpartition(".")[2]: value for key, value in self.params.items() if key.rpartition(".")[0] == name}
        return RULES[type(layer)](self, layer, x, p)

    def inside(self, name, child):
        return f"{name}.{child}" if name else child

    def side_heads(self, layer, x):
        scores = []
        for number in range(1, layer.parts + 1):
            x = self(layer[f"part{number}"], x, f"part{number}")
            if number <= layer.heads:
                scores.append(self(layer[f"head{number}"], x, f"head{number}"))
        return [x, *scores] if self.train else x


def window(layer):
    return layer.kernel, layer.stride, layer.pad


def batch_norm(run, layer, x, p):
    mean, var = (torch.tensor(layer.state[key]) for key in ("mean", "var"))
    return F.batch_norm(x, mean, var, p["gamma"], p["beta"], run.train, eps=layer.eps)


def lrn(run, layer, x, p):
    if not layer.within:
        return F.local_response_norm(x, layer.size, layer.alpha * layer.size, layer.beta, layer.k)
    mean = F.avg_pool2d(x * x, layer.size, 1, layer.size // 2, count_include_pad=True)
    return x * (layer.k + layer.alpha * layer.size**2 * mean) ** -layer.beta


def local_conv(run, layer, x, p):
    w = p["w"]
    columns = F.unfold(x, w.shape[2:4], stride=layer.stride, padding=layer.pad)
    out = torch.einsum("ncp,fcp->nfp", columns, w.reshape(len(w), columns.shape[1], -1))
    return out.reshape(len(x), len(w), *w.shape[4:]) + p["b"]


def pad_channels(run, layer, x, p):
    return F.pad(x[:, :, :: layer.stride, :: layer.stride], (0, 0, 0, 0, 0, layer.channels - x.shape[1]))


RULES = {
    L.Conv: lambda run, layer, x, p: F.conv2d(
        x, p["w"], p.get("b"), layer.stride, layer.pad, layer.dilation, layer.groups),
    L.Affine: lambda run, layer, x, p: x.flatten(1) @ p["w"] + p["b"],
    L.BatchNorm: batch_norm,
    L.LRN: lrn,
    L.LocalConv: local_conv,
    L.PadChannels: pad_channels,
    L.ReLU: lambda run, layer, x, p: F.relu(x),
    L.Tanh: lambda run, layer, x, p: torch.tanh(x),
    L.MaxPool: lambda run, layer, x, p: F.max_pool2d(x, *window(layer), ceil_mode=layer.ceil),
    L.AveragePool: lambda run, layer, x, p: F.avg_pool2d(
        x, *window(layer), ceil_mode=layer.ceil, count_include_pad=False),
    L.GlobalAveragePool: lambda run, layer, x, p: x.mean((2, 3)),
    L.Flatten: lambda run, layer, x, p: x.flatten(1),
    L.Identity: lambda run, layer, x, p: x,
    L.Dropout: lambda run, layer, x, p: x,
}  # fmt: skip


def without_dropout(layer):
    for child in layer.children.values():
        without_dropout(child)
    if isinstance(layer, L.Dropout):
        layer.drop = 0.0


@pytest.mark.parametrize("name", IMAGES)
def test_scores_loss_and_gradients(name):
    options, size = SMALLER.get(name, ({"width": WIDTHS[name]} if name in WIDTHS else {}, 32))
    model = build(name, classes=10, image=(3, size, size), dtype=np.float64, **options)
    without_dropout(model.layers)
    rng = np.random.default_rng(0)
    for key, w in model.params.items():  # zero biases and equal scores would hide much
        model.params[key] = w + 0.02 * rng.normal(size=w.shape)
    x, y = rng.normal(size=(3, 3, size, size)), np.array([1, 7, 4])

    expected = Run(model, train=False)(model.layers, torch.tensor(x)).detach().numpy()
    assert_allclose(model.loss(x), expected, atol=1e-8 * max(1, abs(expected).max()))

    run = Run(model, train=True)
    out = run(model.layers, torch.tensor(x))
    heads = out if isinstance(out, list) else [out]
    losses = [F.cross_entropy(scores, torch.tensor(y)) for scores in heads]
    total = losses[0] + 0.3 * sum(losses[1:])
    total.backward()
    loss, grads = model.loss(x, y)
    assert abs(loss - total.item()) < 1e-8 * max(1, loss)
    for key, grad in grads.items():
        theirs = run.params[key].grad.numpy()
        assert_allclose(grad, theirs, atol=1e-8 * max(1, abs(theirs).max()), err_msg=key)
