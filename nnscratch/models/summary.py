"""A network layer by layer: shapes, parameters, multiply-adds, memory, and how much of the image a number sees."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from nnscratch.layers import Affine, Concat, GlobalAveragePool, LocalConv, Maxout, PadChannels, Sequential, Sum
from nnscratch.layers.base import infer
from nnscratch.models.googlenet import SideHeads
from nnscratch.shapes import pair_of

BYTES = 4  # of a number in float32


class Row(NamedTuple):
    """One layer. `shape` is its output's for one image, `memory` that output's bytes in float32.

    `field` is the side of the square of pixels that one number of the output sees; None: the whole image.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    memory: int
    field: int | None


class _Sight(NamedTuple):
    """How far one number sees (pixels of the image) and how far its neighbour is away."""

    size: int = 1
    step: float = 1.0

    def through(self, kernel, stride=1, dilation=1):
        """What a number sees behind a window over these."""
        reach = max(d * (k - 1) for k, d in zip(pair_of(kernel, "kernel"), pair_of(dilation, "dilation")))
        return _Sight(round(self.size + reach * self.step), self.step * max(pair_of(stride, "stride")))


def rows_of(layers: Any, image: tuple[int, ...]) -> list[Row]:
    """Return a Row for every layer, in order, for one image (C, H, W), or (D,) features, in evaluation mode.

    Branches come before the Sum or Concat that joins them. Side heads rest in evaluation: they count as
    parameters, but do no work. Multiply-adds are those of convolutions, affine layers, maxout and locally
    connected layers. Raises ShapeError for an image that the layers cannot take.

    >>> from nnscratch.layers import Conv, ReLU
    >>> [row.multiply_adds for row in rows_of(Sequential(Conv(3, 8, 5, pad="same"), ReLU()), (3, 32, 32))]
    [614400, 0]
    """
    dtype = next((w.dtype for w in layers.params.values()), np.dtype(np.float32))
    rows: list[Row] = []
    _walk(layers, np.zeros((1, *image), dtype), "", _Sight(), rows)
    return rows


def summary(model: Any, image: tuple[int, ...]) -> str:
    """Return a table of a model's layers for one image (C, H, W), with the totals below.

    >>> from nnscratch.models import lenet
    >>> print(summary(lenet(), (3, 32, 32)))
    layer         kind         output    parameters  multiply-adds    memory  sees
    conv1         Conv         6x28x28          456        352,800   18.8 kB     5
    ...
    affine3       Affine       10               850            840    0.0 kB   all
    in all                                   62,006        651,720  308.0 kB
    """
    rows = rows_of(getattr(model, "layers", model), image)
    cells = [("layer", "kind", "output", "parameters", "multiply-adds", "memory", "sees")]
    for row in rows:
        shape = "x".join(map(str, row.shape))
        sees = "all" if row.field is None else str(row.field)
        cells.append((row.name, row.kind, shape, *_numbers(row.parameters, row.multiply_adds, row.memory), sees))
    parameters, work, memory = totals(rows)
    cells.append(("in all", "", "", *_numbers(parameters, work, memory), ""))
    widths = [max(len(line[column]) for line in cells) for column in range(7)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ).rstrip()
        for line in cells
    )


def totals(rows: list[Row]) -> tuple[int, int, int]:
    """Return all parameters, the multiply-adds of one image, and the bytes of parameters and outputs together.

    >>> totals([Row("conv1", "Conv", (1, 2, 2), 10, 40, 16, 3)])
    (10, 40, 56)
    """
    parameters = sum(row.parameters for row in rows)
    outputs = sum(row.memory for row in rows)
    return parameters, sum(row.multiply_adds for row in rows), BYTES * parameters + outputs


def _numbers(parameters, work, memory):
    size = f"{memory / 1e6:,.1f} MB" if memory >= 1e6 else f"{memory / 1e3:,.1f} kB"
    return f"{parameters:,}", f"{work:,}", size


def _walk(layer, x, name, sight, rows):
    """Add the rows of a layer, and return its output and what a number of it sees."""
    if isinstance(layer, Sequential):
        for child, inner in layer.children.items():
            x, sight = _walk(inner, x, _join(name, child), sight, rows)
        return x, sight
    if isinstance(layer, SideHeads):
        for number in range(1, layer.parts + 1):
            x, sight = _walk(layer[f"part{number}"], x, _join(name, f"part{number}"), sight, rows)
            if number <= layer.heads:
                rows += _at_rest(layer[f"head{number}"], x, _join(name, f"head{number}"), sight)
        return x, sight
    out = infer(layer, x)
    if isinstance(layer, (Sum, Concat)):
        seen = [_walk(inner, x, _join(name, child), sight, rows)[1] for child, inner in layer.children.items()]
        sight = None if None in seen else max(seen)
        parameters = 0
    else:
        sight = _sight_behind(layer, sight)
        parameters = sum(w.size for w in layer.params.values())
    kind = type(layer).__name__
    field = None if sight is None else sight.size
    rows.append(
        Row(name or kind, kind, out.shape[1:], parameters, work_of(layer, x, out), BYTES * out.size, field)
    )
    return out, sight


def _at_rest(head, x, name, sight) -> Iterator[Row]:
    """The rows of a side head, which does no work in evaluation."""
    rows: list[Row] = []
    _walk(head, x, name, sight, rows)
    return (row._replace(multiply_adds=0, memory=0) for row in rows)


def _join(name, child):
    return f"{name}.{child}" if name else child


def work_of(layer: Any, x: Any, out: Any) -> int:
    """Return the multiply-adds of one layer that made `out` of x; 0 for layers that do not weigh and add.

    >>> work_of(Affine(4, 3), np.zeros((2, 4)), np.zeros((2, 3)))
    24
    """
    w = layer.params.get("w")
    kind = type(layer).__name__
    if kind == "Conv":
        return out.size * math.prod(w.shape[1:])
    if kind == "ConvTranspose":
        return x.size * math.prod(w.shape[1:])
    if isinstance(layer, (Affine, Maxout, LocalConv)):
        return len(x) * w.size
    return 0


def _sight_behind(layer, sight):
    """What a number of a layer's output sees; None for the whole image."""
    if sight is None or isinstance(layer, (Affine, GlobalAveragePool, Maxout)):
        return None
    kind = type(layer).__name__
    if kind in ("Conv", "LocalConv"):
        return sight.through(layer.params["w"].shape[2:4], layer.stride, getattr(layer, "dilation", 1))
    if kind == "ConvTranspose":
        kernel, stride = max(layer.params["w"].shape[2:4]), max(pair_of(layer.stride, "stride"))
        wider = sight.through(-(-kernel // stride))
        return wider._replace(step=sight.step / stride)
    if kind in ("MaxPool", "AveragePool"):
        return sight.through(layer.kernel, layer.kernel if layer.stride is None else layer.stride)
    if isinstance(layer, PadChannels):
        return sight.through(1, layer.stride)
    if kind == "LRN" and layer.within:
        return sight.through(layer.size)
    return sight
