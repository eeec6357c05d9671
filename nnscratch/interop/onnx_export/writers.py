"""How layers for images and features are written as ONNX: each writer adds a layer's nodes to a graph.

A writer takes the graph, the layer, the name of its input and an array like that input, and returns the name of
its output.
"""

from collections.abc import Callable

import numpy as np

from nnscratch import layers as L
from nnscratch.shapes import pair_of


def _sliding(layer, kernel):
    (top, left), strides = pair_of(layer.pad, "pad"), pair_of(layer.stride or layer.kernel, "stride")
    return {"kernel_shape": list(pair_of(kernel, "kernel")), "pads": [top, left] * 2, "strides": list(strides)}


def _conv(graph, layer, name, x):
    w = layer.params["w"]
    more = {"dilations": list(pair_of(layer.dilation, "dilation")), "group": layer.groups}
    if isinstance(layer, L.ConvTranspose):
        more["output_padding"] = list(pair_of(layer.extra, "extra"))
    bias = [layer.params["b"]] if "b" in layer.params else []
    op = "ConvTranspose" if isinstance(layer, L.ConvTranspose) else "Conv"
    return graph.add(op, name, w, *bias, **_sliding(layer, w.shape[2:]), **more)


def _affine(graph, layer, name, x):
    rows = name if x.ndim == 2 else graph.add("Flatten", name, axis=1)
    bias = [layer.params["b"]] if "b" in layer.params else []
    return graph.add("Gemm", rows, layer.params["w"], *bias)


def _batch_norm(graph, layer, name, x):
    p, s = layer.params, layer.state
    return graph.add("BatchNormalization", name, p["gamma"], p["beta"], s["mean"], s["var"], epsilon=layer.eps)


def _group_norm(graph, layer, name, x):
    p = layer.params
    settings = {"num_groups": layer.groups, "epsilon": layer.eps}
    return graph.add("GroupNormalization", name, p["gamma"], p["beta"], **settings)


def _lrn(graph, layer, name, x):
    if not layer.within:
        alpha = layer.alpha * layer.size  # ONNX divides it by the size
        return graph.add("LRN", name, alpha=alpha, beta=layer.beta, bias=layer.k, size=layer.size)
    number = x.dtype.type
    kernel = {"kernel_shape": [layer.size] * 2, "pads": [layer.size // 2] * 4, "count_include_pad": 1}
    mean = graph.add("AveragePool", graph.add("Mul", name, name), **kernel)
    damping = graph.add("Add", graph.add("Mul", mean, number(layer.alpha * layer.size**2)), number(layer.k))
    return graph.add("Div", name, graph.add("Pow", damping, number(layer.beta)))


def _local_conv(graph, layer, name, x):
    """A convolution with a filter for each pixel of a window cuts the windows out; each place is a product."""
    w = layer.params["w"]
    F, C, KH, KW, OH, OW = w.shape
    taps = np.tile(np.eye(KH * KW, dtype=w.dtype).reshape(KH * KW, 1, KH, KW), (C, 1, 1, 1))
    columns = graph.add("Conv", name, taps, group=C, **_sliding(layer, (KH, KW)))
    columns = graph.add("Reshape", columns, np.array([0, C * KH * KW, OH * OW]))
    places = graph.add("Transpose", columns, perm=[2, 0, 1])
    out = graph.add("MatMul", places, w.reshape(F, C * KH * KW, OH * OW).transpose(2, 1, 0))
    out = graph.add("Reshape", graph.add("Transpose", out, perm=[1, 2, 0]), np.array([0, F, OH, OW]))
    return graph.add("Add", out, layer.params["b"]) if "b" in layer.params else out


def _pad_channels(graph, layer, name, x):
    down, across = pair_of(layer.stride, "stride")
    whole = np.iinfo(np.int64).max
    axes, steps = np.array([2, 3]), np.array([down, across])
    seen = graph.add("Slice", name, np.array([0, 0]), np.array([whole, whole]), axes, steps)
    more = layer.channels - x.shape[1]
    return graph.add("Pad", seen, np.array([0, 0, 0, 0, 0, more, 0, 0]), x.dtype.type(0))


def _max_pool(graph, layer, name, x):
    return graph.add("MaxPool", name, ceil_mode=int(layer.ceil), **_sliding(layer, layer.kernel))


def _average_pool(graph, layer, name, x):
    return graph.add("AveragePool", name, ceil_mode=int(layer.ceil), **_sliding(layer, layer.kernel))


def _layer_norm(graph, layer, name, x):
    p = layer.params
    return graph.add("LayerNormalization", name, p["gamma"], p["beta"], axis=-p["gamma"].ndim, epsilon=layer.eps)


def _maxout(graph, layer, name, x):
    w, b = layer.params["w"], layer.params["b"]
    rows = name if x.ndim == 2 else graph.add("Flatten", name, axis=1)
    pieces = graph.add("Add", graph.add("MatMul", rows, w), b[:, None])
    return graph.add("ReduceMax", pieces, np.array([0]), keepdims=0)


def _prelu(graph, layer, name, x):
    a = next(iter(layer.params.values()))
    return graph.add("PRelu", name, a.reshape(-1, *(1,) * (x.ndim - 2)))


def _same(graph, layer, name, x):
    return name


def _op(op: str, *settings: str) -> Callable:
    """A writer for a layer that is one ONNX operation; `settings`: ONNX's name and the layer's, by turns."""

    def write(graph, layer, name, x):
        attributes = {theirs: float(getattr(layer, ours)) for theirs, ours in zip(settings[::2], settings[1::2])}
        return graph.add(op, name, **attributes)

    return write


IMAGE_WRITERS: dict[type, Callable] = {
    L.Conv: _conv,
    L.ConvTranspose: _conv,
    L.LocalConv: _local_conv,
    L.Affine: _affine,
    L.BatchNorm: _batch_norm,
    L.LayerNorm: _layer_norm,
    L.GroupNorm: _group_norm,
    L.LRN: _lrn,
    L.MaxPool: _max_pool,
    L.AveragePool: _average_pool,
    L.GlobalAveragePool: lambda graph, layer, name, x: graph.add(
        "Flatten", graph.add("GlobalAveragePool", name), axis=1
    ),
    L.PadChannels: _pad_channels,
    L.Flatten: lambda graph, layer, name, x: graph.add("Flatten", name, axis=1),
    L.Dropout: _same,
    L.Identity: _same,
    L.ReLU: _op("Relu"),
    L.Sigmoid: _op("Sigmoid"),
    L.Tanh: _op("Tanh"),
    L.Softplus: _op("Softplus"),
    L.GELU: lambda graph, layer, name, x: graph.add("Gelu", name, approximate="tanh"),
    L.LeakyReLU: _op("LeakyRelu", "alpha", "slope"),
    L.ELU: _op("Elu", "alpha", "alpha"),
    L.PReLU: _prelu,
    L.Maxout: _maxout,
}
