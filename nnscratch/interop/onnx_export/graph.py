"""The graph that ONNX's writers build: nodes and constants, and what goes in and comes out."""

from typing import Any

import numpy as np

from nnscratch.arrays import to_device


class Graph:
    """Nodes, constants, inputs and outputs of a network; floating-point values have the type `dtype`.

    `states`: whether recurrent layers take and give states, which gather in `lasts`. `mask`: the name of the mask
    (N, T), None without one; `masked` becomes True where a layer takes it. `prefix` begins the names of a graph
    that lies inside another one.

    >>> from importlib.util import find_spec
    >>> if find_spec("onnx"):
    ...     import onnx
    ...     graph = Graph(onnx, np.dtype(np.float32))
    ...     assert graph.add("Add", "x", np.ones(3, np.float32)) == "add_0"
    ...     assert graph.add("Split", "add_0", outputs=2, num_outputs=2) == ["split_1", "split_1_1"]
    """

    def __init__(self, onnx: Any, dtype: np.dtype, states: bool = False, prefix: str = "") -> None:
        self.onnx, self.dtype, self.states, self.prefix = onnx, dtype, states, prefix
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.lasts: list[tuple[str, int]] = []
        self.mask: str | None = None
        self.masked = False

    def add(self, op, *inputs, outputs=1, **attributes):
        """Add a node; return the name of its output, or a list of several.

        Inputs that are arrays become constants; an input "" is one that the operation can do without.
        """
        names = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        out = f"{self.prefix}{op.lower()}_{len(self.nodes)}"
        outs = [out, *(f"{out}_{number}" for number in range(1, outputs))]
        self.nodes.append(self.onnx.helper.make_node(op, names, outs, **attributes))
        return outs if outputs > 1 else out

    def constant(self, array):
        """Add a constant and return its name."""
        name = f"{self.prefix}constant_{len(self.constants)}"
        array = np.array(to_device(array, "cpu"), order="C")
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def input(self, name, dtype, axes):
        """Add an input, each of whose axes is a size or a word; return its name."""
        self.inputs.append(self._value(name, dtype, axes))
        return name

    def output(self, value, name, dtype, axes):
        """Hand a value out under a name."""
        self.nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
        self.outputs.append(self._value(name, dtype, axes))

    def inside(self):
        """Return an empty graph that can become the body of this one's next node."""
        return Graph(self.onnx, self.dtype, prefix=f"{self.prefix}body{len(self.nodes)}_")

    def _value(self, name, dtype, axes):
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(dtype)
        return self.onnx.helper.make_tensor_value_info(name, kind, axes)
