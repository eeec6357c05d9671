"""ONNX: write a network, as it is in evaluation, into a file that other programs run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nnscratch import layers as L
from nnscratch.arrays import to_device
from nnscratch.models.googlenet import SideHeads
from nnscratch.models.transfer import Frozen
from nnscratch.shapes import pair_of

OPSET = 20


class OnnxError(ValueError):
    """A network holds a layer that cannot be written as ONNX."""


class _Graph:
    """The nodes and constants of a network, and the shape of the array that was named last."""

    def __init__(self, onnx):
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, op, *inputs, **attributes):
        """Add a node; return the name of its output. Inputs that are arrays become constants."""
        names = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        out = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(op, names, [out], **attributes))
        return out

    def constant(self, array):
        """Add a constant and return its name."""
        name = f"constant_{len(self.constants)}"
        array = np.ascontiguousarray(to_device(array, "cpu"))
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name


def to_onnx(model: Any, image: tuple[int, ...]) -> Any:
    """Return the ONNX model of a Classifier or of layers, for any number of images (C, H, W).

    The input is called x, the output scores; both have the dtype of the parameters. Dropout and side heads rest
    in evaluation, and are left out. Raises OnnxError for a layer that cannot be written, ImportError without
    onnx, ShapeError for an image that the network cannot take.

    >>> from nnscratch.models import lenet
    >>> from importlib.util import find_spec
    >>> if find_spec("onnx"):
    ...     assert [node.op_type for node in to_onnx(lenet(), (3, 32, 32)).graph.node][:2] == ["Conv", "Tanh"]
    """
    try:
        import onnx
    except ImportError:
        raise ImportError("writing ONNX needs the package onnx: pip install 'nnscratch[interop]'") from None
    layers = getattr(model, "layers", model)
    kinds = [a.dtype for arrays in (layers.params, layers.state) for a in arrays.values() if a.dtype.kind == "f"]
    dtype = kinds[0] if kinds else np.dtype(np.float32)
    graph = _Graph(onnx)
    last, out = _write(graph, layers, "x", np.zeros((1, *image), dtype))
    kind = onnx.helper.np_dtype_to_tensor_dtype(dtype)
    values = [
        onnx.helper.make_tensor_value_info(name, kind, ["N", *shape])
        for name, shape in (("x", image), ("scores", out.shape[1:]))
    ]
    graph.nodes.append(onnx.helper.make_node("Identity", [last], ["scores"]))
    drawn = onnx.helper.make_graph(graph.nodes, "nnscratch", values[:1], values[1:], graph.constants)
    made = onnx.helper.make_model(
        drawn, opset_imports=[onnx.helper.make_opsetid("", OPSET)], producer_name="nnscratch", ir_version=9
    )
    onnx.checker.check_model(made)
    return made


def export_onnx(model: Any, path: Path | str, image: tuple[int, ...]) -> None:
    """Write a model as an ONNX file for images (C, H, W); errors are those of `to_onnx`.

    >>> from nnscratch.models import lenet
    >>> from importlib.util import find_spec
    >>> if find_spec("onnx"):
    ...     export_onnx(lenet(), getfixture("tmp_path") / "lenet.onnx", (3, 32, 32))
    """
    from nnscratch.training.atomic import write_atomically

    write_atomically(path, to_onnx(model, image).SerializeToString())


def _write(graph, layer, name, x):
    """Write a layer whose input is called `name` and looks like x; return the name and the array of its output."""
    if isinstance(layer, Frozen):
        return _write(graph, layer.layer, name, x)
    if isinstance(layer, (L.Sequential, SideHeads)):
        for child, inner in layer.children.items():
            if isinstance(layer, L.Sequential) or child.startswith("part"):
                name, x = _write(graph, inner, name, x)
        return name, x
    out, _ = layer.forward(x)
    if isinstance(layer, (L.Sum, L.Concat)):
        branches = [_write(graph, inner, name, x)[0] for inner in layer.children.values()]
        joined = {"axis": 1} if isinstance(layer, L.Concat) else {}
        return graph.add(type(layer).__name__, *branches, **joined), out
    writer = WRITERS.get(type(layer))
    if writer is None:
        listed = ", ".join(kind.__name__ for kind in WRITERS)
        raise OnnxError(
            f"a {type(layer).__name__} cannot be written as ONNX: there are {listed}, Sequential, Sum and Concat"
        )
    return writer(graph, layer, name, x), out


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


WRITERS: dict[type, Callable] = {
    L.Conv: _conv,
    L.ConvTranspose: _conv,
    L.LocalConv: _local_conv,
    L.Affine: _affine,
    L.BatchNorm: _batch_norm,
    L.LayerNorm: _layer_norm,
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
}
