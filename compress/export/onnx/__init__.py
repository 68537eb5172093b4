"""A network as an ONNX file for TensorRT, the engine of a Jetson's GPU."""

from collections.abc import Sequence
from typing import Any

from compress.export.onnx.lint import KERNELS, faults, kernels_in_float
from compress.export.onnx.predictor import OnnxPredictor
from compress.tasks import Output

__all__ = ["OnnxPredictor", "faults", "kernels", "written"]


def written(network: Any, outputs: Sequence[Output], raw: bool = False, fuses: bool = True) -> Any:
    """The ``onnx.ModelProto`` of a folded or a quantized network, checked by ONNX's own checker (``write.write``)."""
    from onnx import checker

    from compress.export.onnx.write import write

    model = write(network, outputs, raw, fuses)
    checker.check_model(model, full_check=True)
    return model


def kernels(model: Any) -> tuple[int, list[str]]:
    """(how many nodes multiply by a kernel, the names of those that read floats)."""
    return sum(node.op_type in KERNELS for node in model.graph.node), kernels_in_float(model)
