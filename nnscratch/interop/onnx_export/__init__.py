"""ONNX: write a network, as it is in evaluation, into a file that other programs run."""

from pathlib import Path
from typing import Any

import numpy as np

from nnscratch import layers as L
from nnscratch.interop.onnx_export.graph import Graph
from nnscratch.interop.onnx_export.sequences import SEQUENCE_WRITERS, write_captioning
from nnscratch.interop.onnx_export.writers import IMAGE_WRITERS
from nnscratch.layers.base import infer
from nnscratch.models.captioning import CaptioningRNN
from nnscratch.models.googlenet import SideHeads
from nnscratch.models.transfer import Frozen

OPSET, IR_VERSION = 21, 10
WRITERS = {**IMAGE_WRITERS, **SEQUENCE_WRITERS}
FREE = 32  # what a free axis measures while the network is written; a multiple of what most networks halve


class OnnxError(ValueError):
    """A network holds a layer that cannot be written as ONNX, or has nothing of what was asked for."""


def to_onnx(model: Any, shape: tuple[int | str, ...], states: bool = False, mask: bool = False) -> Any:
    """Return the ONNX model of a Classifier, a CaptioningRNN or layers, for any number N of examples.

    shape: that of one example, images (C, H, W) or features (D,). A word in place of a number leaves an axis
        free: ("T",) are texts of any length, ("T", D) sequences.
    states: recurrent layers begin with states that are given, and hand out their last ones. Without, they begin
        at zero.
    mask: steps can be left out: where it is False a recurrent layer hands its state on, and no attention looks.

    Inputs: x (N, *shape), whole numbers (int64) for a network that begins with an Embedding, else of the
    parameters' dtype; with `mask`, mask (N, T), bool; with `states`, state1, state2 ... (N, S), one for each
    recurrent layer, an LSTM's being h and then c. Outputs: scores, and with `states` last1, last2 ... A program
    that writes text gives the last states with the next character, as `CharRNN.read` does.

    A CaptioningRNN for features (D,) has the inputs x (N, D) and captions (N, T), which begin with <start>; the
    scores (N, T, V) after each of their words are those of the word that follows. To let it speak, append the
    likeliest word to the caption and run again.

    Dropout and side heads rest in evaluation, and are left out. Write networks in float32: onnxruntime knows many
    operations in no other type. Raises OnnxError for a layer that cannot be
    written and for states or a mask where no layer takes them, ImportError without onnx, ShapeError for examples
    that the network cannot take.

    >>> from nnscratch.models import char_rnn, lenet
    >>> from importlib.util import find_spec
    >>> if find_spec("onnx"):
    ...     assert [node.op_type for node in to_onnx(lenet(), (3, 32, 32)).graph.node][:2] == ["Conv", "Tanh"]
    ...     text = to_onnx(char_rnn("abc"), ("T",), states=True)
    ...     assert [value.name for value in text.graph.input] == ["x", "state1"]
    ...     assert [value.name for value in text.graph.output] == ["scores", "last1"]
    """
    try:
        import onnx
    except ImportError:
        raise ImportError("writing ONNX needs the package onnx: pip install 'nnscratch[interop]'") from None
    layers = getattr(model, "layers", model)
    kinds = [a.dtype for arrays in (layers.params, layers.state) for a in arrays.values() if a.dtype.kind == "f"]
    graph = Graph(onnx, kinds[0] if kinds else np.dtype(np.float32), states)
    if isinstance(model, CaptioningRNN):
        if states or mask:
            raise OnnxError("a captioning network begins in its features and needs no mask: leave both out")
        write_captioning(graph, layers, shape)
    else:
        _write_network(graph, layers, shape, mask)
    drawn = onnx.helper.make_graph(graph.nodes, "nnscratch", graph.inputs, graph.outputs, graph.constants)
    opset = onnx.helper.make_opsetid("", OPSET)
    about = {"producer_name": "nnscratch", "ir_version": IR_VERSION}
    made = onnx.helper.make_model(drawn, opset_imports=[opset], **about)
    onnx.checker.check_model(made)
    return made


def export_onnx(model: Any, path: Path | str, shape: tuple[int | str, ...], **options: bool) -> None:
    """Write a model as an ONNX file; shape, options and errors are those of `to_onnx`.

    >>> from nnscratch.models import lenet
    >>> from importlib.util import find_spec
    >>> if find_spec("onnx"):
    ...     export_onnx(lenet(), getfixture("tmp_path") / "lenet.onnx", (3, 32, 32))
    """
    from nnscratch.training.atomic import write_atomically

    write_atomically(path, to_onnx(model, shape, **options).SerializeToString())


def _write_network(graph, layers, shape, mask):
    dtype = np.dtype(np.int64) if _looks_up(layers) else graph.dtype
    graph.input("x", dtype, ["N", *shape])
    if mask:
        graph.mask = graph.input("mask", np.dtype(bool), ["N", *shape[:1]])
    x = _example(shape, dtype)
    name, out = _write(graph, layers, "x", x)
    graph.output(name, "scores", graph.dtype, _axes_of(layers, shape, x, out))
    if mask and not graph.masked:
        raise OnnxError("mask: no layer of the network takes one; leave it out")
    if graph.states and not graph.lasts:
        raise OnnxError("states: the network has no recurrent layer; leave the option out")
    for last, S in graph.lasts:
        graph.output(last, f"last{len(graph.outputs)}", graph.dtype, ["N", S])


def _write(graph, layer, name, x):
    """Write a layer whose input is called `name` and looks like x; return the name and the array of its output."""
    if isinstance(layer, Frozen):
        return _write(graph, layer.layer, name, x)
    if isinstance(layer, (L.Sequential, SideHeads)):
        for child, inner in layer.children.items():
            if isinstance(layer, L.Sequential) or child.startswith("part"):
                name, x = _write(graph, inner, name, x)
        return name, x
    if isinstance(layer, (L.Sum, L.Concat)):
        out = layer.forward(x)[0]
        branches = [_write(graph, inner, name, x)[0] for inner in layer.children.values()]
        joined = {"axis": 1} if isinstance(layer, L.Concat) else {}
        return graph.add(type(layer).__name__, *branches, **joined), out
    writer = WRITERS.get(type(layer))
    if writer is None:
        listed = ", ".join(kind.__name__ for kind in WRITERS)
        raise OnnxError(
            f"a {type(layer).__name__} cannot be written as ONNX: there are {listed}, Sequential, Sum and Concat"
        )
    return writer(graph, layer, name, x), layer.forward(x)[0]


def _looks_up(layer):
    """Whether a network takes whole numbers: its first layer, or that of its first branch, is an Embedding."""
    children = list(layer.children.values())
    return _looks_up(children[0]) if children else isinstance(layer, L.Embedding)


def _example(shape, dtype, longer=0):
    """One example, each free axis with a size of its own."""
    sizes = [FREE * (axis + 1) + longer if isinstance(size, str) else size for axis, size in enumerate(shape)]
    return np.zeros((1, *sizes), dtype)


def _axes_of(layers, shape, x, out):
    """The axes of the output: a size, or a word where it changes with a free axis of the input."""
    if not any(isinstance(size, str) for size in shape):
        return ["N", *out.shape[1:]]
    longer = _example(shape, x.dtype, FREE)
    words = {(a, b): word for a, b, word in zip(x.shape[1:], longer.shape[1:], shape) if isinstance(word, str)}
    sizes = zip(out.shape[1:], infer(layers, longer).shape[1:])
    return ["N", *(a if a == b else words.get((a, b), f"axis{i}") for i, (a, b) in enumerate(sizes, 1))]
