"""What TensorRT 8.5 to 11 asks of a file beyond ONNX's own checker (NVIDIA's manual, onnx-tensorrt's importers)."""

from typing import Any

import numpy as np

KERNELS = {"Conv": 0, "ConvTranspose": 1, "Gemm": 0, "MatMul": 0}
"""Operators with a kernel -> the axis of its outputs, as it stands in the file (a MatMul's lies transposed)."""


def faults(model: Any) -> list[str]:
    """A sentence for each node that breaks a rule; none for a file that all these versions of TensorRT take."""
    from onnx import numpy_helper

    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    found = []
    if [(opset.domain, opset.version) for opset in model.opset_import] != [("", 17)] or model.ir_version != 8:
        found.append("the file is not of opset 17 and IR 8")
    for node in graph.node:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if "auto_pad" in attributes:
            found.append(f"{node.name}: auto_pad, where padding has to be said in numbers")
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            found += [f"{node.name}: {fault}" for fault in _of_pair(node, attributes, constants, makers)]
        if node.op_type in KERNELS:
            found += [f"{node.name}: {fault}" for fault in _of_kernel(node, constants, makers)]
        if node.op_type == "Concat":
            steps = {float(constants[makers[name].input[1]]) for name in node.input if _is_rounded(name, makers)}
            if len(steps) > 1:
                found.append(f"{node.name}: its inputs are on {len(steps)} grids")
    return found


def kernels_in_float(model: Any) -> list[str]:
    """Names of the nodes with a kernel that does not read int8."""
    makers = {name: node for node in model.graph.node for name in node.output}
    return [
        node.name
        for node in model.graph.node
        if node.op_type in KERNELS and not all(_is_rounded(name, makers) for name in node.input[:2])
    ]


def _is_rounded(name: str, makers: dict[str, Any]) -> bool:
    node = makers.get(name)
    while node is not None and node.op_type == "Transpose":
        node = makers.get(node.input[0])
    return node is not None and node.op_type == "DequantizeLinear"


def _of_pair(node: Any, attributes: Any, constants: dict[str, np.ndarray], makers: dict[str, Any]) -> list[str]:
    found = []
    if len(node.input) != 3:
        return ["its zero point is left out, which TensorRT 8.5 refuses"]
    step, zero = constants.get(node.input[1]), constants.get(node.input[2])
    if zero is None or zero.dtype != np.int8 or np.any(zero != 0):
        found.append("its zero point is not 0 in int8")
    if step is None or not np.all(np.isfinite(step)) or np.any(step <= 0):
        found.append("its step is no positive number")
    if step is not None and step.ndim == 1 and "axis" not in attributes:
        found.append("it has steps by channel and no axis: ONNX means 1, TensorRT 8.5 takes 0")
    if node.op_type == "DequantizeLinear" and getattr(makers.get(node.input[0]), "op_type", "") != "QuantizeLinear":
        found.append("it reads no QuantizeLinear: kernels in int8 are for later versions")
    return found


def _of_kernel(node: Any, constants: dict[str, np.ndarray], makers: dict[str, Any]) -> list[str]:
    found = []
    rounded = [_is_rounded(name, makers) for name in node.input[:2]]
    if rounded[1] and not rounded[0]:
        found.append("its kernel is on a grid, and its input in float")
    if len(node.input) > 2 and node.input[2] not in constants:
        found.append("its bias is computed, or on a grid")
    pair = makers.get(node.input[1])
    while pair is not None and pair.op_type == "Transpose":
        pair = makers.get(pair.input[0])
    axis = next((a.i for a in pair.attribute if a.name == "axis"), None) if pair is not None else None
    if rounded[1] and axis != KERNELS[node.op_type]:
        found.append(f"the steps of its kernel lie along axis {axis}, not {KERNELS[node.op_type]}")
    return found
