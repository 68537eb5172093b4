"""The tensors of a .tflite file, by the layers that the converter named them after."""

import warnings
from typing import Any

import numpy as np

from compress.compare.values import Value
from compress.evaluate import TFLitePredictor
from compress.evaluate.tflite_input import grid_of
from compress.evaluate.tflite_output import off_grid
from compress.export import flatbuffer
from compress.export.titles import EXACT, layers_of

# operators whose outputs hold only values that were there before
MOVERS = {
    *("CAST", "CONCATENATION", "DENSIFY", "DEPTH_TO_SPACE", "DEQUANTIZE", "EXPAND_DIMS", "GATHER", "MAXIMUM"),
    *("MAX_POOL_2D", "MINIMUM", "MIRROR_PAD", "PACK", "PAD", "PADV2", "QUANTIZE", "REDUCE_MAX", "RESHAPE"),
    *("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SHAPE", "SLICE", "SPACE_TO_DEPTH", "SPLIT"),
    *("SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK"),
}
QUANTIZED = ("INT4", "INT8", "UINT8", "INT16", "FLOAT16")


class TFLiteTensors:
    """Run by LiteRT's plain kernels: only they leave the tensors between the operators in memory."""

    def __init__(self, predictor: TFLitePredictor) -> None:
        self._predictor = predictor
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the memory that it takes
            self._interpreter = predictor.file.interpreter(experimental_preserve_all_tensors=True)
            predictor.allocate(self._interpreter)
        details = {detail["index"]: detail for detail in self._interpreter.get_tensor_details()}
        self._grids = {index: grid_of(detail) for index, detail in details.items()}
        self._sizes = {index: int(np.prod(detail["shape"][1:])) for index, detail in details.items()}
        self.values: list[Value] = []
        self._tensors: list[int] = []  # of each value
        self._walk(flatbuffer.read_model(predictor.file.content))

    def _walk(self, model: Any) -> None:
        """Finds the values, in the order of the operators."""
        from ai_edge_litert import schema_py_generated as schema

        graph = model.subgraphs[0]
        types = _names(schema.TensorType)
        self.quantized = any(types[tensor.type] in QUANTIZED for tensor in graph.tensors)
        self.folded = any(b"/quant_" in tensor.name for tensor in graph.tensors)
        self.named: set[str] = set()
        is_exact = model.description == EXACT.encode()
        carried: dict[int, frozenset[int]] = {}  # tensor -> the values that it holds
        for number, (operator, name) in enumerate(zip(graph.operators, self._predictor.file.operators, strict=True)):
            if not len(operator.outputs):  # it writes into a variable
                continue
            index = int(operator.outputs[0])
            tensor = graph.tensors[index]
            layers = layers_of(tensor.name.decode(), is_exact)
            self.named.update(layers)
            sources: frozenset[int] = frozenset().union(*(carried.get(int(i), ()) for i in operator.inputs))
            relu = getattr(operator.builtinOptions, "fusedActivationFunction", 0) != 0
            # behind the last softmax comes a dequantization at most
            if not (name in MOVERS and not relu) and not (
                name in ("SOFTMAX", "LOGISTIC") and number >= len(graph.operators) - 2
            ):
                kind, precision = f"{name}+RELU" if relu else name, types[tensor.type].lower()
                self.values.append(Value(layers, kind, precision, self._sizes[index], sources))
                self._tensors.append(index)
                sources = frozenset({len(self.values) - 1})
            elif name in ("RESHAPE", "TRANSPOSE") and layers and len(sources) == 1:
                (position,) = sources
                if set(layers) <= set(
                    self.values[position].layers
                ):  # the end of a layer that computes in another shape
                    self._tensors[position] = index
            carried |= {int(output): sources for output in operator.outputs}
        self.output = max(carried[self._predictor.output_index], default=0)

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        rows = []
        reads = self._predictor.input
        for image in images:
            self._interpreter.reset_all_variables()
            self._interpreter.set_tensor(reads.index, reads.encode(image, self._predictor.pixels))
            with self._predictor.file.explained():
                self._interpreter.invoke()
            rows.append([off_grid(self._interpreter.get_tensor(i), self._grids[i]) for i in self._tensors])
        return [np.stack(parts) for parts in zip(*rows, strict=True)]

    def each_from(self, images: np.ndarray, given: dict[int, np.ndarray]) -> None:
        return None  # the interpreter runs all or nothing


def _names(enumeration: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}
