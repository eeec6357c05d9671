"""Our networks in PyTorch: a run of each layer's maths over tensors of the same weights, and how far both differ.

The tests ask for 1e-8 in float64, and `python -m experiments.agreement` writes down what it is.
"""

import numpy as np
import torch
import torch.nn.functional as F

from nnscratch import layers as L
from nnscratch.models import CaptioningRNN
from nnscratch.models.googlenet import HEAD_SHARE, SideHeads

# PyTorch's recurrent layers, and their gates by their place in ours: i f g o for i f o g, r z n for r z n.
RECURRENT = {L.RNN: (torch.nn.RNN, (0,)), L.LSTM: (torch.nn.LSTM, (0, 1, 3, 2)), L.GRU: (torch.nn.GRU, (0, 1, 2))}


class Run:
    """A run of a network in PyTorch; `params` are tensors of the model's parameters, which gather gradients."""

    def __init__(self, model, train):
        self.params = {key: torch.tensor(w, requires_grad=True) for key, w in model.params.items()}
        self.train = train

    def __call__(self, layer, x, name=""):
        """Return what a layer of this name makes of x."""
        if isinstance(layer, L.Sequential):
            for child, inner in layer.children.items():
                x = self(inner, x, _inside(name, child))
            return x
        if isinstance(layer, (L.Sum, L.Concat)):
            outs = [self(inner, x, _inside(name, child)) for child, inner in layer.children.items()]
            return sum(outs) if isinstance(layer, L.Sum) else torch.cat(outs, 1)
        if isinstance(layer, SideHeads):
            return self.side_heads(layer, x)
        return RULES[type(layer)](self, layer, x, self.of(name))

    def of(self, name):
        """Return the parameters of one layer."""
        return {
            key.rpartition(".")[2]: value for key, value in self.params.items() if key.rpartition(".")[0] == name
        }

    def side_heads(self, layer, x):
        """Return the scores of all heads, the last part's first; in evaluation those of the last part alone."""
        scores = []
        for number in range(1, layer.parts + 1):
            x = self(layer[f"part{number}"], x, f"part{number}")
            if number <= layer.heads:
                scores.append(self(layer[f"head{number}"], x, f"head{number}"))
        return [x, *scores] if self.train else x

    def captions(self, model, x, words):
        """Return a CaptioningRNN's scores after every word."""
        layers = model.layers
        start = self(layers["project"], x, "project")
        out = recurrent(self, layers["cell"], self(layers["embed"], words, "embed"), self.of("cell"), start)
        return self(layers["scores"], out, "scores")


def _inside(name, child):
    return f"{name}.{child}" if name else child


def window(layer):
    """The settings of a pool."""
    return layer.kernel, layer.stride, layer.pad


def batch_norm(run, layer, x, p):
    """Batch norm with the layer's running statistics; those of the layer stay as they are."""
    mean, var = (torch.tensor(layer.state[key]) for key in ("mean", "var"))
    return F.batch_norm(x, mean, var, p["gamma"], p["beta"], run.train, eps=layer.eps)


def lrn(run, layer, x, p):
    """Local response norm, across channels or within each."""
    if not layer.within:
        return F.local_response_norm(x, layer.size, layer.alpha * layer.size, layer.beta, layer.k)
    mean = F.avg_pool2d(x * x, layer.size, 1, layer.size // 2, count_include_pad=True)
    return x * (layer.k + layer.alpha * layer.size**2 * mean) ** -layer.beta


def local_conv(run, layer, x, p):
    """A convolution with a filter for each place: columns, and a product at each."""
    w = p["w"]
    columns = F.unfold(x, w.shape[2:4], stride=layer.stride, padding=layer.pad)
    out = torch.einsum("ncp,fcp->nfp", columns, w.reshape(len(w), columns.shape[1], -1))
    return out.reshape(len(x), len(w), *w.shape[4:]) + p["b"]


def pad_channels(run, layer, x, p):
    """Every stride-th pixel, and channels of zeros."""
    return F.pad(x[:, :, :: layer.stride, :: layer.stride], (0, 0, 0, 0, 0, layer.channels - x.shape[1]))


def recurrent(run, layer, x, p, h=None):
    """PyTorch's own RNN, LSTM or GRU with our weights, from zeros or from a state h (N, H)."""
    kind, order = RECURRENT[type(layer)]
    G = len(order) * layer.H

    def ordered(columns):
        parts = columns.split(layer.H, dim=-1)
        return torch.cat([parts[place] for place in order], dim=-1)

    own = p["b"][G:]  # a GRU's biases of its last gate belong to h
    weights = {
        "weight_ih_l0": ordered(p["wx"]).T,
        "weight_hh_l0": ordered(p["wh"]).T,
        "bias_ih_l0": ordered(p["b"][:G]),
        "bias_hh_l0": torch.cat([torch.zeros(G - len(own), dtype=own.dtype), own]),
    }
    start = () if h is None else (h[None],) if layer.cell.parts == 1 else ((h[None], torch.zeros_like(h)[None]),)
    theirs = kind(len(p["wx"]), layer.H, batch_first=True, dtype=x.dtype)
    return torch.func.functional_call(theirs, weights, (x, *start))[0]


RULES = {
    L.Conv: lambda run, layer, x, p: F.conv2d(
        x, p["w"], p.get("b"), layer.stride, layer.pad, layer.dilation, layer.groups),
    L.Affine: lambda run, layer, x, p: x.flatten(1) @ p["w"] + p["b"],
    L.TemporalAffine: lambda run, layer, x, p: x @ p["w"] + p["b"],
    L.Embedding: lambda run, layer, x, p: F.embedding(x, p["w"]),
    L.RNN: recurrent,
    L.LSTM: recurrent,
    L.GRU: recurrent,
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
    """Let no layer inside drop anything: PyTorch would draw other masks."""
    for child in layer.children.values():
        without_dropout(child)
    if isinstance(layer, L.Dropout):
        layer.drop = 0.0


def differences(model, x, y):
    """Return {"scores": d, "loss": d, a parameter's name: d of its gradient, ...} for a model in float64.

    Each d is relative: the largest difference between ours and PyTorch's over the largest of PyTorch's numbers.
    x: images, characters (N, T) or, for a CaptioningRNN, features; y: labels, the characters that follow, or
    captions. Dropout must be off.
    """
    train = Run(model, train=True)
    if isinstance(model, CaptioningRNN):
        words, labels = y[:, :-1], torch.tensor(y[:, 1:])
        ours = model.scores(x, words)
        theirs = heads = [train.captions(model, torch.tensor(x), torch.tensor(words))]
    else:
        ours, labels = model.loss(x), torch.tensor(y)
        theirs = [Run(model, train=False)(model.layers, torch.tensor(x))]
        heads = train(model.layers, torch.tensor(x))
        heads = heads if isinstance(heads, list) else [heads]
    ignore = 0 if isinstance(model, CaptioningRNN) else -1  # what fills captions up does not count
    losses = [F.cross_entropy(head.flatten(0, -2), labels.flatten(), ignore_index=ignore) for head in heads]
    expected = losses[0] + HEAD_SHARE * sum(losses[1:])
    expected.backward()
    loss, grads = model.loss(x, y)
    found = {"scores": relative(ours, theirs[0].detach().numpy()), "loss": relative(loss, expected.item())}
    return found | {key: relative(grad, train.params[key].grad.numpy()) for key, grad in grads.items()}


def relative(ours, theirs):
    """Return the largest difference over the largest number of theirs; 0 where both are zero throughout.

    >>> round(relative([1.0, 2.5], [1.0, 2.0]), 3), relative([0.0], [0.0])
    (0.25, 0.0)
    """
    apart = np.abs(np.subtract(ours, theirs)).max()
    return float(apart / np.abs(theirs).max()) if apart else 0.0
