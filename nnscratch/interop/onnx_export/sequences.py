"""How layers for sequences are written as ONNX: look-ups, recurrent layers and attention; and captioning."""

import math

import numpy as np

from nnscratch import layers as L
from nnscratch.arrays import to_device

# The gates of a cell in ONNX's order, by their place in ours: i o f g for i f o g, z r n for r z n.
GATES = {"rnn": (0,), "lstm": (0, 2, 1, 3), "gru": (1, 0, 2)}


def write_captioning(graph, layers, shape):
    """Write a CaptioningRNN, whose features have the shape (D,): x and captions in, scores out.

    >>> from importlib.util import find_spec
    >>> if find_spec("onnx"):
    ...     import onnx
    ...     from nnscratch.interop.onnx_export.graph import Graph
    ...     from nnscratch.models.captioning import SPECIAL, CaptioningRNN
    ...     graph = Graph(onnx, np.dtype(np.float32))
    ...     write_captioning(graph, CaptioningRNN(SPECIAL, features=2).layers, (2,))
    ...     assert [value.name for value in graph.inputs] == ["x", "captions"]
    """
    project, cell, scores = layers["project"], layers["cell"], layers["scores"]
    project.forward(np.zeros((1, *shape), graph.dtype))  # raises ShapeError for other features
    x = graph.input("x", graph.dtype, ["N", *shape])
    captions = graph.input("captions", np.dtype(np.int64), ["N", "T"])
    start = _product(graph, x, project.params["w"], project.params["b"])
    if cell.cell.parts > 1:  # the c of an LSTM begins as 0
        start = graph.add("Pad", start, np.array([0, 0, 0, cell.H]))
    out, _ = _sequence(graph, cell, _embedding(graph, layers["embed"], captions, None), start)
    V = scores.params["w"].shape[1]
    graph.output(_temporal_affine(graph, scores, out, None), "scores", graph.dtype, ["N", "T", V])


def _embedding(graph, layer, name, x):
    return graph.add("Gather", layer.params["w"], name)


def _temporal_affine(graph, layer, name, x):
    return _product(graph, name, layer.params["w"], layer.params.get("b"))


def _product(graph, name, w, b=None):
    """x w + b over the last axis."""
    out = graph.add("MatMul", name, w)
    return out if b is None else graph.add("Add", out, b)


def _recurrent(graph, layer, name, x):
    S, start = layer.cell.parts * layer.H, ""
    if graph.states:
        start = graph.input(f"state{len(graph.lasts) + 1}", graph.dtype, ["N", S])
    out, last = _sequence(graph, layer, name, start)
    graph.lasts.append((last, S))
    return out


def _sequence(graph, layer, name, start):
    """From x (N, T, D) and a start (N, S), "" for zeros, to out (N, T, H) and the last state (N, S)."""
    steps = graph.add("Transpose", name, perm=[1, 0, 2])
    out, last = (_masked if graph.mask else _operator)(graph, layer, steps, start)
    return graph.add("Transpose", out, perm=[1, 0, 2]), last


def _operator(graph, layer, steps, start):
    """ONNX's own RNN, LSTM or GRU over steps (T, N, D): the h of all steps (T, N, H) and the last state (N, S)."""
    cell, H = layer.cell, layer.H
    starts = [graph.add("Unsqueeze", start, np.array([0]))] if start else []
    if start and cell.parts > 1:
        starts = graph.add("Split", *starts, outputs=cell.parts, num_outputs=cell.parts, axis=2)
    reset = {"linear_before_reset": 1} if cell.name == "gru" else {}
    operator = cell.name.upper()
    out, *last = graph.add(
        operator, steps, *_weights(layer), "", *starts, outputs=1 + cell.parts, hidden_size=H, **reset
    )
    joined = graph.add("Concat", *last, axis=2) if cell.parts > 1 else last[0]
    return graph.add("Squeeze", out, np.array([1])), graph.add("Squeeze", joined, np.array([0]))


def _weights(layer):
    """ONNX's W (1, G, D), R (1, G, H) and B (1, 2G), the biases of x and those of h."""
    cell, H = layer.cell, layer.H
    wx, wh, b = (to_device(layer.params[name], "cpu") for name in ("wx", "wh", "b"))
    G = cell.gates * H
    of_h = np.zeros(G, b.dtype)
    of_h[2 * G - len(b) :] = b[G:]  # a GRU's: those of its last gate, which is the last in both orders

    def ordered(columns):
        parts = np.split(columns, cell.gates, axis=-1)
        return np.concatenate([parts[place] for place in GATES[cell.name]], axis=-1)

    return ordered(wx).T[None], ordered(wh).T[None], np.concatenate([ordered(b[:G]), of_h])[None]


def _masked(graph, layer, steps, start):
    """The same step by step, where the mask says whether the state moves: the operators know no such mask."""
    S = layer.cell.parts * layer.H
    if not start:
        N = graph.add("Shape", steps, start=1, end=2)
        zero = graph.onnx.numpy_helper.from_array(np.zeros(1, graph.dtype))
        start = graph.add("ConstantOfShape", graph.add("Concat", N, np.array([S]), axis=0), value=zero)
    body = graph.inside()
    before = body.input(f"{body.prefix}before", graph.dtype, ["N", S])
    x = body.input(f"{body.prefix}x", graph.dtype, ["N", layer.params["wx"].shape[0]])
    counts = body.input(f"{body.prefix}counts", np.dtype(bool), ["N"])
    _, after = _operator(body, layer, body.add("Unsqueeze", x, np.array([0])), before)
    state = body.add("Where", body.add("Unsqueeze", counts, np.array([1])), after, before)
    for name in ("next", "seen"):
        body.output(state, f"{body.prefix}{name}", graph.dtype, ["N", S])
    step = graph.onnx.helper.make_graph(body.nodes, "step", body.inputs, body.outputs, body.constants)
    mask = graph.add("Transpose", graph.mask, perm=[1, 0])
    graph.masked = True
    last, states = graph.add("Scan", start, steps, mask, outputs=2, body=step, num_scan_inputs=2)
    return graph.add("Slice", states, np.array([0]), np.array([layer.H]), np.array([2])), last


def _self_attention(graph, layer, name, x):
    p, heads, D = layer.params, layer.heads, x.shape[2]

    def part(number, perm):
        """The columns of queries (0), keys (1) or values (2), cut into heads."""
        columns = slice(number * D, (number + 1) * D)
        rows = _product(graph, name, p["w"][:, columns], p["b"][columns])
        return graph.add("Transpose", graph.add("Reshape", rows, np.array([0, 0, heads, D // heads])), perm=perm)

    q, k, v = part(0, [0, 2, 1, 3]), part(1, [0, 2, 3, 1]), part(2, [0, 2, 1, 3])
    weights = graph.add("Mul", graph.add("MatMul", q, k), graph.dtype.type(1 / math.sqrt(D // heads)))
    mask = _mask(graph, layer, name)
    if mask:
        weights = graph.add("Where", mask, weights, np.finfo(graph.dtype).min)
    weights = graph.add("Softmax", weights, axis=-1)
    if mask:  # a step that may look at nothing hears nothing
        kind = graph.onnx.helper.np_dtype_to_tensor_dtype(graph.dtype)
        weights = graph.add("Mul", weights, graph.add("Cast", mask, to=kind))
    heard = graph.add("Transpose", graph.add("MatMul", weights, v), perm=[0, 2, 1, 3])
    return _product(graph, graph.add("Reshape", heard, np.array([0, 0, D])), p["wo"], p["bo"])


def _mask(graph, layer, name):
    """What may be looked at, to be broadcast to (N, heads, T, T); None for all."""
    masks = []
    if layer.causal:
        T = graph.add("Shape", name, start=1, end=2)
        one = graph.onnx.numpy_helper.from_array(np.ones(1, graph.dtype))
        square = graph.add("ConstantOfShape", graph.add("Concat", T, T, axis=0), value=one)
        behind = graph.add("Trilu", square, upper=0)
        masks.append(graph.add("Cast", behind, to=graph.onnx.TensorProto.BOOL))
    if graph.mask:
        graph.masked = True
        masks.append(graph.add("Unsqueeze", graph.mask, np.array([1, 2])))
    return graph.add("And", *masks) if len(masks) == 2 else masks[0] if masks else None


SEQUENCE_WRITERS = {
    L.Embedding: _embedding,
    L.TemporalAffine: _temporal_affine,
    L.RNN: _recurrent,
    L.LSTM: _recurrent,
    L.GRU: _recurrent,
    L.SelfAttention: _self_attention,
}
