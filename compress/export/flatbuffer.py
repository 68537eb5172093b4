"""Reads and edits .tflite files through their own schema (LiteRT ships it)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from compress.export.titles import EXACT, unmarked


@dataclass(frozen=True)
class Operators:
    """What a file computes with.

    ``counts``: name -> how many. ``floats``: those that do not read and write int8 or int16, apart from the edges
    (quantization of the input, last dequantization, softmax); ``float_titles`` what the converter calls the output of
    each. ``requantizations``: changes of scale between these.
    """

    counts: dict[str, int]
    floats: list[str]
    float_titles: list[str]
    requantizations: int


def read_model(content: bytes) -> Any:
    """The file as the schema's editable objects."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(content, 0)


def write_model(model: Any, size_hint: int) -> bytes:
    """The objects as a .tflite file.

    Equal arrays are stored once, and referred to from wherever they are: most of all the zero points of kernels and
    biases, 8 bytes a channel and all 0, which LiteRT wants in full.
    """
    import flatbuffers

    class Sharing(flatbuffers.Builder):
        def __init__(self, size: int) -> None:
            super().__init__(size)
            self._places: dict[bytes, int] = {}

        def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: N802, N803 (flatbuffers' names)
            return super().StartVector(elemSize, numElems, 16 if elemSize == 1 else alignment)  # as the schema asks

        def CreateNumpyVector(self, x: Any) -> Any:  # noqa: N802 (flatbuffers' name)
            key = sha256(x.dtype.str.encode() + x.tobytes()).digest()
            if key not in self._places:
                self._places[key] = super().CreateNumpyVector(x)
            return self._places[key]

    builder = Sharing(size_hint + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def with_operator(content: bytes, number: int, operator: str, title: str) -> bytes:
    """The same model with a float SOFTMAX or LOGISTIC behind its output of that number, (1, classes) float32.

    The converter would compute it in int8, whose probabilities have exact zeros. ``title`` is the new output's.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(content)
    graph = model.subgraphs[0]
    logits = int(graph.outputs[number])
    probabilities = schema.TensorT()
    probabilities.shape = graph.tensors[logits].shape
    probabilities.shapeSignature = graph.tensors[logits].shapeSignature
    probabilities.type, probabilities.buffer = schema.TensorType.FLOAT32, 0
    probabilities.name, probabilities.hasRank = title.encode(), True
    graph.tensors.append(probabilities)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, operator)
    code.version = 1
    model.operatorCodes.append(code)
    added = schema.OperatorT()
    added.opcodeIndex = len(model.operatorCodes) - 1
    added.inputs, added.outputs = [logits], [len(graph.tensors) - 1]
    if operator == "SOFTMAX":
        added.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
        added.builtinOptions = schema.SoftmaxOptionsT()
        added.builtinOptions.beta = 1.0
    graph.operators.append(added)
    outputs = list(map(int, graph.outputs))
    outputs[number] = len(graph.tensors) - 1
    graph.outputs = outputs
    return write_model(model, len(content))


def with_signature(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """The same model with names for its inputs and outputs, in their order: the signature "serving_default"."""
    from ai_edge_litert import schema_py_generated as schema

    def mapped(names: Sequence[str], tensors: Any) -> list[Any]:
        maps = []
        for name, tensor in zip(names, tensors, strict=True):
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = name.encode(), int(tensor)
            maps.append(entry)
        return maps

    model = read_model(content)
    graph = model.subgraphs[0]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs, signature.outputs = mapped(inputs, graph.inputs), mapped(outputs, graph.outputs)
    model.signatureDefs = [signature]
    return write_model(model, len(content))


def without_reversals(content: bytes) -> bytes:
    """The same model without the operators that put its one image into reverse order (``fake_quant.Float``).

    Where an axis has one element, to reverse it does nothing, whoever asked for it; a user's own reversal of an image
    stays. Some operators end on a grid of the converter's own choice though they compute in float (L2_NORMALIZATION,
    LOG_SOFTMAX); a reversal from such a grid to another becomes the change from float to that other one.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(content)
    graph, builtin = model.subgraphs[0], schema.BuiltinOperator
    codes = [code.builtinCode for code in model.operatorCodes]

    def is_idle(operator: Any) -> bool:
        if codes[operator.opcodeIndex] != builtin.REVERSE_V2:
            return False
        shape, axes = graph.tensors[operator.inputs[0]].shape, model.buffers[graph.tensors[operator.inputs[1]].buffer]
        return axes.data is not None and all(shape[axis] == 1 for axis in axes.data.view(np.int32))

    idle = {int(op.outputs[0]): op for op in graph.operators if is_idle(op)}
    if not idle:
        return content
    operator_of = {int(output): op for op in graph.operators for output in op.outputs}

    def source(tensor: Any) -> int:
        number = int(tensor)
        # one behind the other, where layers in a row are float
        while number in idle and _same_grid(graph, idle[number]):
            number = int(idle[number].inputs[0])
        return number

    gone = {id(op) for op in idle.values() if _same_grid(graph, op)}
    for op in idle.values():
        if id(op) not in gone:
            before = operator_of[source(op.inputs[0])]
            is_grid = codes[before.opcodeIndex] == builtin.QUANTIZE
            op.opcodeIndex, op.inputs = _code(model, builtin.QUANTIZE), [(before.inputs if is_grid else op.inputs)[0]]
            op.builtinOptions, op.builtinOptionsType = None, schema.BuiltinOptions.NONE
    graph.operators = [op for op in graph.operators if id(op) not in gone]
    for op in graph.operators:
        op.inputs = [source(tensor) for tensor in op.inputs]
    graph.outputs = [source(tensor) for tensor in graph.outputs]
    for signature in model.signatureDefs or []:
        for output in signature.outputs:
            output.tensorIndex = source(output.tensorIndex)
    used = {int(tensor) for op in graph.operators for tensor in op.inputs} | {int(tensor) for tensor in graph.outputs}
    graph.operators = [op for op in graph.operators if not len(op.outputs) or not used.isdisjoint(map(int, op.outputs))]
    return write_model(model, len(content))


def _code(model: Any, builtin: int) -> int:
    """The index of an operator's code, which is added where the file has none."""
    from ai_edge_litert import schema_py_generated as schema

    for number, known in enumerate(model.operatorCodes):
        if known.builtinCode == builtin:
            return number
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _same_grid(graph: Any, operator: Any) -> bool:
    """Whether an operator's first input and its output stand for the same values by the same codes."""
    one, other = (graph.tensors[int(number)] for number in (operator.inputs[0], operator.outputs[0]))
    grids = [
        (grid.scale, grid.zeroPoint) if (grid := tensor.quantization) is not None else (None, None)
        for tensor in (one, other)
    ]
    return one.type == other.type and all(np.array_equal(a, b) for a, b in zip(*grids, strict=True))


def with_titles(content: bytes, titles: list[str]) -> bytes:
    """The same model with layers' names for the marks that it was traced with (``export.titles``)."""
    model = read_model(content)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            if tensor.name:
                tensor.name = unmarked(tensor.name.decode(), titles).encode()
    model.description = EXACT.encode()
    return write_model(model, len(content))


def with_image_bytes(content: bytes) -> bytes:
    """The same model whose uint8 input is value / 255 to the last digit: scale 1/255, zero point 0.

    A range that was calibrated on images without a white pixel would give another scale; QUANTIZE translates.
    """
    model = read_model(content)
    graph = model.subgraphs[0]
    grid = graph.tensors[int(graph.inputs[0])].quantization
    grid.scale, grid.zeroPoint = np.array([1 / 255], np.float32), np.array([0], np.int64)
    return write_model(model, len(content))


def ends(content: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The input and each output: {"shape": [1, 10], "dtype": "float32"}, and of integers {"quantization": {...}}, too.

    A quantized value q stands for scale * (q - zero_point).
    """
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
    graph = read_model(content).subgraphs[0]

    def end(index: int) -> dict[str, Any]:
        tensor = graph.tensors[int(index)]
        name = names[tensor.type]
        shape = [int(side) for side in tensor.shape]
        if name == "float32":
            return {"shape": shape, "dtype": name}
        grid = {"scale": float(tensor.quantization.scale[0]), "zero_point": int(tensor.quantization.zeroPoint[0])}
        return {"shape": shape, "dtype": name, "quantization": grid}

    return end(graph.inputs[0]), [end(output) for output in graph.outputs]


def operators(content: bytes) -> Operators:
    """What the model computes with."""
    from ai_edge_litert import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    model = read_model(content)
    graph = model.subgraphs[0]
    inputs, outputs = {int(i) for i in graph.inputs}, {int(i) for i in graph.outputs}
    last = {int(i) for op in graph.operators for i in op.inputs if int(op.outputs[0]) in outputs}  # read by the softmax
    counts: Counter[str] = Counter()
    floats, titles, requantizations = [], [], 0
    for operator in graph.operators:
        name = names[model.operatorCodes[operator.opcodeIndex].builtinCode]
        counts[name] += 1
        source, result = int(operator.inputs[0]), int(operator.outputs[0])
        # shapes and axes are int32 inputs; a bias is, too
        types = [graph.tensors[i].type for i in (*operator.inputs, *operator.outputs) if i >= 0]
        computes_in_float = schema.TensorType.FLOAT32 in types
        at_edge = (
            (name == "QUANTIZE" and source in inputs)
            or (name == "DEQUANTIZE" and result in last | outputs)
            or (name in ("SOFTMAX", "LOGISTIC") and result in outputs)
        )
        if name == "QUANTIZE" and not computes_in_float and source not in inputs:
            requantizations += 1
        elif computes_in_float and not at_edge:
            floats.append(name)
            titles.append(graph.tensors[result].name.decode())
    return Operators(dict(counts), floats, titles, requantizations)


def convolution_kernels(content: bytes) -> dict[str, np.ndarray]:
    """Title -> kernel (out, h, w, in) in its own type, of every CONV_2D of a dense file; a shared kernel comes once.

    A title usually names the layer. Equal kernels may be one tensor in the file, with the name of any of their layers.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(content)
    graph = model.subgraphs[0]
    kinds = {schema.TensorType.INT8: np.int8, schema.TensorType.FLOAT16: np.float16}
    builtin = schema.BuiltinOperator
    codes = [model.operatorCodes[operator.opcodeIndex].builtinCode for operator in graph.operators]
    # float16 kernels are widened by a DEQUANTIZE of their own
    widened = {
        int(operator.outputs[0]): int(operator.inputs[0])
        for operator, code in zip(graph.operators, codes, strict=True)
        if code == builtin.DEQUANTIZE
    }
    kernels: dict[str, np.ndarray] = {}
    seen: set[int] = set()
    for operator, code in zip(graph.operators, codes, strict=True):
        index = widened.get(int(operator.inputs[1]), int(operator.inputs[1])) if code == builtin.CONV_2D else -1
        if index < 0 or index in seen or model.buffers[graph.tensors[index].buffer].data is None:
            continue
        seen.add(index)
        tensor = graph.tensors[index]
        data = model.buffers[tensor.buffer].data.view(kinds.get(tensor.type, np.float32))
        title = tensor.name.decode()
        if "/" not in title:  # a grouped convolution's kernel has no layer in its name
            title = graph.tensors[int(operator.outputs[0])].name.decode()
        while title in kernels:
            title += "'"
        kernels[title] = data.reshape(tensor.shape)
    return kernels
