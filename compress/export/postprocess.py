"""What a file may do behind its raw outputs. A new one: a function here, one line in POSTPROCESSES."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.export.flatbuffer import read_model, write_model
from compress.metrics.boxes import SCALES, SOFTWARE, Arrays, anchors, found
from compress.metrics.detection import shared

SAME = 0.95  # IoU of two boxes that are one
OPERATOR = "TFLite_Detection_PostProcess"


def with_detections(content: bytes, task: Mapping[str, Any], classes: int) -> bytes:
    """The same model whose four outputs are boxes that TFLite's own operator decodes and suppresses, class by class.

    Outputs, float32: ``detection_boxes`` (1, most, 4), y and x of two corners in parts of the input; ``detection_
    classes`` (1, most), from 0; ``detection_scores`` (1, most); ``num_detections`` (1,). In the file's own order, which
    programs for such models go by, they come so, too. ``content``: of a file with the float outputs "boxes" and
    "scores"; ``task``: the settings of the detection.
    """
    from ai_edge_litert import schema_py_generated as schema
    from flatbuffers import flexbuffers

    model = read_model(content)
    graph = model.subgraphs[0]
    named = {one.name: int(one.tensorIndex) for one in model.signatureDefs[0].outputs}
    frame = np.tile(np.asarray(task["frame"], np.float32), 2)
    places = _tensor(model, graph, "anchors", anchors(task) / frame)
    most = int(task["most"])
    shapes = [(1, most, 4), (1, most), (1, most), (1,)]
    outputs = [
        _tensor(model, graph, f"{OPERATOR}{f':{number}' if number else ''}", shape=shape)
        for number, shape in enumerate(shapes)
    ]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = OPERATOR.encode(), 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = [named[b"boxes"], named[b"scores"], places], outputs
    y, x, h, w = (float(scale) for scale in SCALES)
    options = {
        "max_detections": most,
        "max_classes_per_detection": 1,
        "detections_per_class": most,
        "use_regular_nms": True,
        "nms_score_threshold": float(task["least_score"]),
        "nms_iou_threshold": float(task["suppression"]),
        "num_classes": classes,
        "y_scale": y,
        "x_scale": x,
        "h_scale": h,
        "w_scale": w,
    }
    operator.customOptions = np.frombuffer(bytes(flexbuffers.Dumps(options)), np.uint8)
    operator.customOptionsFormat = schema.CustomOptionsFormat.FLEXBUFFERS
    graph.operators.append(operator)
    graph.outputs = outputs
    model.signatureDefs[0].outputs = [_mapped(name, tensor) for name, tensor in zip(SOFTWARE, outputs, strict=True)]
    return write_model(model, len(content) + places)


def _tensor(
    model: Any, graph: Any, name: str, values: np.ndarray | None = None, shape: tuple[int, ...] | None = None
) -> int:
    """Adds a float32 tensor, constant where there are values; its number."""
    from ai_edge_litert import schema_py_generated as schema

    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer, tensor.hasRank = name.encode(), schema.TensorType.FLOAT32, 0, True
    tensor.shape = list(values.shape if values is not None else shape or ())
    if values is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values, "<f4").tobytes(), np.uint8)
        model.buffers.append(buffer)
        tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _mapped(name: str, tensor: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name.encode(), tensor
    return entry


def agreement(theirs: Arrays, ours: Arrays, task: Mapping[str, Any]) -> tuple[float, int]:
    """(the part of all boxes, of however little score, that are the same in both, with an IoU of 0.95; how many)."""
    pairs = list(zip(found(theirs, task), found(ours, task), strict=True))
    total = sum(len(one.boxes) + len(other.boxes) for one, other in pairs)
    return (2 * sum(shared(one, other, SAME) for one, other in pairs) / total if total else 1.0), total // 2


@dataclass(frozen=True)
class Postprocess:
    """``task`` that it is for; ``add`` makes such a file of one with float outputs, the task's settings, and so many
    classes; ``agreement`` says how alike its answers are and our own, of so many."""

    task: str
    add: Callable[[bytes, Mapping[str, Any], int], bytes]
    agreement: Callable[[Arrays, Arrays, Mapping[str, Any]], tuple[float, int]]


POSTPROCESSES = {"tflite": Postprocess("detection", with_detections, agreement)}
