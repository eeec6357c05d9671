"""Layers' functions that treat each example by itself, in one launch of fused.cu each, where there is one."""

import math
from typing import Any

import numpy as np

from nnscratch import kernels
from nnscratch.kernels import reference
from nnscratch.kernels.cuda import empty, launch, whole

GELU = (math.sqrt(2 / math.pi), 0.044715)


def sweep(first, function, args, options):
    """Twin of reference.sweep: a layer's own function may have a fused twin here, which makes the same cache."""
    fused = FUSED.get(function.__name__) if function.__module__.startswith("nnscratch.layers.") else None
    result = fused(*args, **options) if fused and _alike(first, args) else None
    return reference.sweep(first, function, args, options) if result is None else result


def _alike(first, tree):
    """Whether all arrays in nested tuples have one shape and dtype; else the layer's function has its say."""
    if isinstance(tree, tuple):
        return all(_alike(first, part) for part in tree)
    return not hasattr(tree, "dtype") or (tree.shape == first.shape and tree.dtype == first.dtype)


def _map(kernel, arrays, made=1, settings=()):
    """Launch a kernel from arrays to `made` new ones of their shape; settings that are floats come as REAL."""
    outs = [empty(arrays[0].shape, arrays[0]) for _ in range(made)]
    args = (*map(whole, arrays), *outs, outs[0].size, *settings)
    launch("fused", kernel, args, outs[0].size)
    return outs


def _leaky_relu_forward(x, slope=0.01):
    return _map("leaky_relu_forward", [x], settings=[float(slope)])[0], (x, slope)


def _leaky_relu_backward(dout, cache):
    x, slope = cache
    return _map("leaky_relu_backward", [dout, x], settings=[float(slope)])[0]


def _elu_forward(x, alpha=1.0):
    (out,) = _map("elu_forward", [x], settings=[float(alpha)])
    return out, (x, out, alpha)


def _elu_backward(dout, cache):
    x, out, alpha = cache
    return _map("elu_backward", [dout, x, out], settings=[float(alpha)])[0]


def _gelu_forward(x):
    out, bend = _map("gelu_forward", [x], 2, GELU)
    return out, (x, bend)


def _gelu_backward(dout, cache):
    return _map("gelu_backward", [dout, *cache], settings=GELU)[0]


def _sigmoid_forward(x):
    (out,) = _map("sigmoid_forward", [x])
    return out, out


def _sigmoid_backward(dout, out):
    return _map("sigmoid_backward", [dout, out])[0]


def _tanh_backward(dout, out):
    return _map("tanh_backward", [dout, out])[0]


def _softplus_forward(x):
    return _map("softplus_forward", [x])[0], x


def _softplus_backward(dout, x):
    return _map("softplus_backward", [dout, x])[0]


def _lrn_forward(x, size=5, alpha=1e-4, beta=0.75, k=2.0, within=False):
    if within or x.ndim != 4:
        return None  # not for this kernel
    reference.check_window(size)
    numbers = [float(number) for number in (alpha, beta, k)]
    out, damping = _map("lrn_forward", [x], 2, [*_channels(x, size), *numbers])
    return out, (x, out, damping, size, alpha, beta, kernels.channel_window_sum)


def _lrn_backward(dout, cache):
    x, out, damping, size, alpha, beta, window_sum = cache
    if window_sum is not kernels.channel_window_sum:
        return None
    settings = [*_channels(x, size), float(alpha), float(beta)]
    return _map("lrn_backward", [dout, x, out, damping], settings=settings)[0]


def _channels(x, size):
    return x.shape[1], math.prod(x.shape[2:]), np.int32(size // 2)


FUSED: dict[str, Any] = {
    name[1:]: function for name, function in list(globals().items()) if name.endswith(("_forward", "_backward"))
}
