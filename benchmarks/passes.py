"""The forward and the backward pass of single layers, ours and PyTorch's, as calls that can be timed."""

import numpy as np

from benchmarks import networks
from benchmarks.duel import OURS
from nnscratch import kernels
from nnscratch.shapes import Window

FORMATS = ("torch eager", "torch channels_last")


def inputs_of(model, x):
    """Yield (name, layer, input) for the layers of a model that do any work, on images x."""
    for name, layer, out in model.layers.trace(x, train=True):
        if type(layer).__name__ != "Flatten":
            yield name, layer, x
        x = out


def both_passes(layer, x, needs_dx=True):
    """Return {"forward": {contestant: call}, "backward": {...}} for a layer on x, and on a random dout.

    `needs_dx` says whether PyTorch is asked for the gradient of x: of a network's first layer it is not.
    """
    out, cache = layer.forward(x, train=True)
    dout = random_like(out)
    both = {
        "forward": {OURS: lambda: layer.forward(x, train=True)},
        "backward": {OURS: lambda: layer.backward(dout, cache)},
    }
    for form in FORMATS if x.ndim == 4 else FORMATS[:1]:
        for way, call in networks.passes(layer, x, dout, form, needs_dx).items():
            both[way][form] = call
    return both


def random_like(out):
    """Return a random dout in the memory order of `out`, as the layer above would hand it down."""
    dout = np.empty_like(out)
    dout[...] = np.random.default_rng(1).normal(size=out.shape)
    return dout


def conv_parts(layer, x):
    """Return the calls for a convolution's forward pass, its dx, its dw, and all three together."""
    both = both_passes(layer, x)
    out, _ = layer.forward(x, train=True)
    w, b = layer.params["w"], layer.params.get("b")
    dout = random_like(out)
    window = Window.of(w.shape[2:], layer.stride, layer.pad, layer.dilation)
    parts = {
        "forward": {OURS: lambda: kernels.conv(x, w, b, window, layer.groups)},
        "dx": {OURS: lambda: kernels.conv_input_gradient(dout, w, x.shape, window, layer.groups)},
        "dw": {OURS: lambda: kernels.conv_weight_gradient(dout, x, w.shape, window, layer.groups)},
        "all": {name: _in_a_row(both["forward"][name], both["backward"][name]) for name in both["forward"]},
    }
    for form in FORMATS:
        for part, call in networks.conv_parts(layer, x, dout, form).items():
            parts[part][form] = call
    return parts


def _in_a_row(first, second):
    def calls():
        first()
        second()

    return calls
