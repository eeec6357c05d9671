"""The same network in PyTorch: a twin of each of our layers with the same weights, in the forms PyTorch offers."""

import os
import shutil
import sys
from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.contestants import DECAY, MOMENTUM, RATE
from nnscratch import layers as L
from nnscratch.kernels.pool import threads
from nnscratch.shapes import pair_of

torch.set_num_threads(threads())

NAMES = {"w": "weight", "b": "bias", "gamma": "weight", "beta": "bias"}


def _conv(layer):
    F, C, *kernel = layer.params["w"].shape
    stride, pad, dilation = (pair_of(v, "") for v in (layer.stride, layer.pad, layer.dilation))
    bias = "b" in layer.params
    return nn.Conv2d(C * layer.groups, F, tuple(kernel), stride, pad, dilation, layer.groups, bias)


def _max_pool(layer):
    return nn.MaxPool2d(layer.kernel, layer.stride, layer.pad, ceil_mode=layer.ceil)


TWINS = {
    L.Conv: _conv,
    L.MaxPool: _max_pool,
    L.Affine: lambda layer: nn.Linear(*layer.params["w"].shape, bias="b" in layer.params),
    L.BatchNorm: lambda layer: nn.BatchNorm2d(len(layer.params["gamma"]), layer.eps, 1 - layer.momentum),
    # PyTorch divides alpha by the size.
    L.LRN: lambda layer: nn.LocalResponseNorm(layer.size, layer.alpha * layer.size, layer.beta, layer.k),
    L.ReLU: lambda layer: nn.ReLU(),
    L.Dropout: lambda layer: nn.Dropout(layer.drop),
    L.Flatten: lambda layer: nn.Flatten(),
}


def twin(layer):
    """Return the PyTorch module that does what a layer of ours does, with the same weights, in training mode."""
    if isinstance(layer, L.Sequential):
        return nn.Sequential(OrderedDict((name, twin(child)) for name, child in layer.children.items()))
    if type(layer) not in TWINS:
        raise TypeError(f"there is no PyTorch twin of {type(layer).__name__}: add a row to TWINS in {__file__}")
    module = TWINS[type(layer)](layer)
    with torch.no_grad():
        for name, array in layer.params.items():
            getattr(module, NAMES[name]).copy_(torch.from_numpy(_laid_out(module, array)))
    return module


def _laid_out(module, array):
    """PyTorch keeps the weights of an affine layer transposed; what comes from it is turned back the same way."""
    return array.T if isinstance(module, nn.Linear) else array


def gradients(network):
    """Return the gradients of a twin under the names that our model gives them."""
    found = {}
    for name, module in network.named_children():
        ours = ("gamma", "beta") if isinstance(module, nn.BatchNorm2d) else ("w", "b")
        for mine, theirs in zip(ours, ("weight", "bias")):
            if getattr(module, theirs, None) is not None:
                found[f"{name}.{mine}"] = _laid_out(module, getattr(module, theirs).grad.numpy())
    return found


class Theirs:
    """The twin of a model of ours and its optimiser, in one of the forms of PyTorch; `mode` is the compiler's."""

    def __init__(self, model, form, device="cpu", mode=None):
        self.format, self.device = memory_format(form), device
        self.network = twin(model.layers).to(device, memory_format=self.format)
        for module in self.network.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = True  # as torchvision's networks have it; a few percent faster
        self.run = compiled(self.network, mode) if form.startswith("torch.compile") else self.network
        named = dict(self.network.named_parameters())
        is_weight = {name: p.ndim > 1 for name, p in named.items()}  # biases and norms are spared the decay
        groups = [
            {"params": [p for name, p in named.items() if is_weight[name]], "weight_decay": DECAY},
            {"params": [p for name, p in named.items() if not is_weight[name]]},
        ]
        self.optimizer = torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM, fused=True)

    def look_ahead(self):
        """Take steps with Nesterov's momentum from now on."""
        for group in self.optimizer.param_groups:
            group["nesterov"] = True

    def batch(self, x, y=None):
        """Return images and labels as tensors on this form's device, in its memory format."""
        x = torch.from_numpy(x).to(self.device).contiguous(memory_format=self.format)
        return (x,) if y is None else (x, torch.from_numpy(y).to(self.device))

    def gradients(self, x, y):
        """Run forward, loss and backward in training mode; return the loss and the parameters with gradients."""
        return self._backward(x, y).item(), self.network.parameters()

    def _backward(self, x, y):
        self._mode(train=True)
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.run(x), y)
        loss.backward()
        return loss

    def step(self, x, y, rate=RATE):
        """Take a training step: forward, loss, backward, momentum with weight decay; return the loss."""
        loss, _ = self.gradients(x, y)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return loss

    def steps(self, x, y, count):
        """Take so many training steps on one batch, and only then wait for the loss of the last; return it."""
        for _ in range(count):
            loss = self._backward(x, y)
            self.optimizer.step()
        return loss.item()

    def scores(self, x):
        """Return the class scores in evaluation mode, as a NumPy array."""
        self._mode(train=False)
        with torch.inference_mode():
            return self.run(x).cpu().numpy()

    def _mode(self, train):
        if self.network.training != train:
            self.network.train(train)


def compiled(network, mode=None):
    """Return the network compiled in a mode, made for one batch size; exits where there is no C++ compiler."""
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        sys.exit("torch.compile needs a C++ compiler: install g++, or leave it out: --peers 'torch channels_last'")
    torch.compiler.reset()  # after eight networks of other sizes PyTorch would give up and run them uncompiled
    return torch.compile(network, dynamic=False, mode=mode)


def passes(layer, x, dout, form, needs_dx=True):
    """Return the calls that run a layer's twin forward and backward on x and dout: {"forward": ..., ...}."""
    module = twin(layer).to(memory_format=memory_format(form))
    x, dout = (tensor(array, form) for array in (x, dout))
    x.requires_grad_(needs_dx)
    wanted = [*([x] if needs_dx else []), *module.parameters()]
    out = module(x)
    return {
        "forward": lambda: module(x),
        "backward": lambda: torch.autograd.grad(out, wanted, dout, retain_graph=True),
    }


def conv_parts(layer, x, dout, form):
    """Return the calls for the parts of a convolution: {"forward": ..., "dx": ..., "dw": ...}."""
    module = twin(layer).to(memory_format=memory_format(form))
    x, dout = tensor(x, form), tensor(dout, form)
    how = module.stride, module.padding, module.dilation, module.groups
    w, b = module.weight.detach(), None if module.bias is None else module.bias.detach()
    return {
        "forward": lambda: F.conv2d(x, w, b, *how),
        "dx": lambda: nn.grad.conv2d_input(x.shape, w, dout, *how),
        "dw": lambda: nn.grad.conv2d_weight(x, w.shape, dout, *how),
    }


def memory_format(form):
    """Return the order of axes in which a form keeps images."""
    return torch.channels_last if form.endswith("channels_last") else torch.contiguous_format


def tensor(array, form):
    """Return an array as a tensor in the memory format of a form."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.contiguous(memory_format=memory_format(form)) if tensor.ndim == 4 else tensor
