"""From torch to ONNX files that are small on disk and run at full precision.

Weights are stored in 16, 8 or 4 bits with ordinary arithmetic after them (Cast and Mul; for 4 bits
what takes a byte apart too). ONNX Runtime folds it when it loads the file, so a run costs what
float32 costs, on every provider, and no quantised kernel decides whether a processor is fast.
"""

import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import numpy_helper
from torch import Tensor, nn

from sensorium.train.export import trace
from sensorium.train.four_bits import pack
from sensorium.train.starts import BLOCK

_SMALLEST = 4096
Storage = Literal["float16", "int8", "int4"]
"""int4: what MatMul takes in blocks of 4 bits (`train/four_bits.py`), the rest as int8."""


def to_onnx(
    net: nn.Module,
    example: tuple[Tensor, ...],
    axes: dict[str, dict[int, str]],
    output: str,
    path: Path,
    storage: Storage,
) -> None:
    """Write `net` to `path`; `axes` names each input, in order, with its dynamic axes."""
    net.eval()
    with warnings.catch_warnings():
        # What torch does not fold, ONNX Runtime does when it loads the file.
        warnings.filterwarnings("ignore", message="Constant folding")
        trace(net, dict(zip(axes, example, strict=True)), output, axes | {output: {0: "n"}}, path)
    model = onnx.load(path)
    shrink(model, storage)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def shrink(model: onnx.ModelProto, storage: Storage) -> None:
    """Store float32 initializers of 4,096 numbers or more in fewer bits, in place."""
    graph = model.graph
    transposed = {n.input[1] for n in graph.node if n.op_type == "Gemm" and _flag(n, "transB")}
    finer = {n.input[1] for n in graph.node if n.op_type == "MatMul" and storage == "int4"}
    nodes: list[onnx.NodeProto] = []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _SMALLEST:
            continue
        graph.initializer.remove(tensor)
        name = tensor.name
        if storage == "float16" or values.ndim != 2:
            graph.initializer.append(_named(values.astype(np.float16), name + ".half"))
            nodes.append(_cast(name + ".half", name))
            continue
        if name in finer and not len(values) % BLOCK:
            nodes += _in_four_bits(graph, name, values)
            continue
        # One scale an output: rows where Gemm turns the matrix round, columns where it does not.
        axis = 1 if name in transposed else 0
        scale = np.maximum(np.abs(values).max(axis, keepdims=True), 1e-12) / 127
        graph.initializer.append(_named(np.rint(values / scale).astype(np.int8), name + ".int8"))
        graph.initializer.append(_named(scale.astype(np.float32), name + ".scale"))
        nodes.append(_cast(name + ".int8", name + ".whole"))
        nodes.append(onnx.helper.make_node("Mul", [name + ".whole", name + ".scale"], [name]))
    for node in reversed(nodes):
        graph.node.insert(0, node)


def _in_four_bits(graph: onnx.GraphProto, name: str, values: np.ndarray) -> list[onnx.NodeProto]:
    """Store `(in, out)` as rows of blocks along `in`; the nodes that make it again."""
    packed, scale = pack(values.T)
    rows, blocks = scale.shape
    stored = {
        "bytes": packed.reshape(rows, blocks, -1),
        "scale": scale[..., None],
        "shape": np.array([rows, -1]),
        "sixteen": np.float32(16),
        "eight": np.float32(8),
    }
    graph.initializer.extend(
        _named(np.asarray(one), f"{name}.{end}") for end, one in stored.items()
    )
    to_float = {"to": onnx.TensorProto.FLOAT}
    steps: list[tuple[str, list[str], str, dict[str, int]]] = [
        ("Cast", ["bytes"], "both", to_float),
        ("Div", ["both", "sixteen"], "shifted", {}),
        ("Floor", ["shifted"], "high", {}),
        ("Mul", ["high", "sixteen"], "above", {}),
        ("Sub", ["both", "above"], "low", {}),
        ("Concat", ["low", "high"], "halves", {"axis": 2}),
        ("Sub", ["halves", "eight"], "numbers", {}),
        ("Cast", ["scale"], "scales", to_float),
        ("Mul", ["numbers", "scales"], "whole", {}),
        ("Reshape", ["whole", "shape"], "turned", {}),
    ]
    nodes = [
        onnx.helper.make_node(op, [f"{name}.{end}" for end in ends], [f"{name}.{made}"], **rest)
        for op, ends, made, rest in steps
    ]
    return [*nodes, onnx.helper.make_node("Transpose", [f"{name}.turned"], [name], perm=[1, 0])]


def _flag(node: onnx.NodeProto, name: str) -> bool:
    return any(a.name == name and a.i == 1 for a in node.attribute)


def _named(values: np.ndarray, name: str) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(values), name)


def _cast(source: str, target: str) -> onnx.NodeProto:
    return onnx.helper.make_node("Cast", [source], [target], to=onnx.TensorProto.FLOAT)
