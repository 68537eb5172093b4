"""The operators of a .tflite file: what each computes, how many bytes it brings, how many zeros its kernel has."""

from pathlib import Path
from typing import Any

import numpy as np

from compress.evaluate.tflite_file import TFLiteFile
from compress.export.flatbuffer import read_model
from compress.export.titles import EXACT, layers_of
from compress.results import OperatorFacts

WITH_KERNEL = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")


def file_operators(path: Path) -> list[OperatorFacts]:
    """A row an operator, in order of computation; of a dense file, without times and noise."""
    file = TFLiteFile(path)
    model = read_model(file.content)
    graph, names = model.subgraphs[0], _type_names()
    is_exact = model.description == EXACT.encode()
    rows = []
    for operator, kind in zip(graph.operators, file.operators, strict=True):
        outputs = [graph.tensors[int(number)] for number in operator.outputs]
        title = outputs[0].name.decode() if outputs else ""
        constants = [graph.tensors[int(number)] for number in operator.inputs if number >= 0]
        data = [found for tensor in constants if (found := model.buffers[tensor.buffer].data) is not None]
        kernel = _kernel(kind, operator, graph, model, names)
        shape = [int(side) for side in outputs[0].shape] if outputs and outputs[0].shape is not None else []
        rows.append(
            OperatorFacts(
                layers=list(layers_of(title, is_exact)),
                kind=kind,
                tensor=title,
                precision=names[outputs[0].type].lower() if outputs else "",
                bytes=sum(part.nbytes for part in data),
                zeros=None if kernel is None else round(float(np.mean(kernel == 0)), 4),
                channels=int(shape[-1]) if shape else None,
            )
        )
    return rows


def _kernel(kind: str, operator: Any, graph: Any, model: Any, names: dict[int, str]) -> np.ndarray | None:
    """The numbers of the kernel as the file has them; None for an operator without, or of a type unknown here."""
    if kind not in WITH_KERNEL:
        return None
    tensor = graph.tensors[int(operator.inputs[1])]
    data, name = model.buffers[tensor.buffer].data, names[tensor.type].lower()
    known = {"int8", "uint8", "int16", "float16", "float32"}
    return data.view(name) if data is not None and name in known and tensor.sparsity is None else None


def _type_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
