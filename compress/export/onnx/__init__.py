"""A network as an ONNX file for TensorRT, the engine of a Jetson's GPU."""

from collections.abc import Sequence
from typing import Any

from compress.errors import Failure, first_line
from compress.export.onnx.lint import KERNELS, faults, kernels_in_float
from compress.export.onnx.predictor import OnnxPredictor
from compress.tasks import Output

__all__ = ["OnnxPredictor", "faults", "kernels", "written"]


def written(network: Any, outputs: Sequence[Output], raw: bool = False, fuses: bool = True) -> Any:
    """The ``onnx.ModelProto`` of a folded or a quantized network (``write.write``), by the rules of ONNX and TensorRT.

    Raises UserError for what there are no nodes for, and Failure where a rule is broken.
    """
    from onnx import checker, shape_inference

    from compress.export.onnx.write import write

    model = write(network, outputs, raw, fuses)
    try:
        checker.check_model(model, full_check=True)
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        raise Failure(
            f"the ONNX file is not valid: {first_line(error)}: this is a bug in jetslim, please report it"
        ) from error
    if broken := faults(model):
        raise Failure(
            f"the ONNX file breaks a rule of TensorRT: {'; '.join(broken[:3])}: this is a bug in jetslim, "
            "please report it"
        )
    return model


def kernels(model: Any) -> tuple[int, list[str]]:
    """(how many nodes multiply by a kernel, the names of those that read floats)."""
    return sum(node.op_type in KERNELS for node in model.graph.node), kernels_in_float(model)
