"""A folded Keras network, float or quantized on symmetric grids, -> an ONNX file that TensorRT 8.5 to 11 takes.

Opset 17. The file says the same as the .tflite: float32 ``image`` of a batch of 1, channels last, and the outputs of
the task by the names that they have there. Of a quantized network every kernel, and what a kernel, an average or a
resize reads, goes through a pair of QuantizeLinear and DequantizeLinear; nothing stands between a kernel, its bias and
what follows element by element.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from compress import __version__, keras
from compress.errors import UserError
from compress.export.onnx.graph import LAST, Graph, Tensor, again
from compress.export.onnx.kinds import nodes_of
from compress.export.onnx.layers import Call
from compress.export.onnx.operations import as_slice
from compress.rewrite.graph import arguments, gives_integers, nodes, readers
from compress.rewrite.layer_kinds import PRESCRIBED, kind, kind_of_class, known_of
from compress.rewrite.operators import operation
from compress.tasks import Output

OPSET, IR = 17, 8
OPERATORS = {"": None, "LOGISTIC": "Sigmoid", "SOFTMAX": "Softmax"}  # TFLite's behind an output -> ONNX's
# those that TensorRT makes one kernel of with the convolution before them
ELEMENTWISE = (
    "Add",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "Rescaling",
    "Shift",
    "Activation",
)


def without_nodes(folded: Any) -> dict[str, str]:
    """Name of each layer of a folded network that has no entry in the table -> its kind."""
    layers = {layer.name: _inner(layer) for layer in folded.layers if not isinstance(layer, keras.layers.InputLayer)}
    return {
        name: kind(layer)
        for name, layer in layers.items()
        if not (gives_integers(layer) and operation(layer)) and nodes_of(layer) is None
    }


def write(model: Any, outputs: Sequence[Output], raw: bool = False, fuses: bool = True) -> Any:
    """The ``onnx.ModelProto`` of a functional network; ``raw`` leaves its outputs as the network gives them.

    ``fuses``: what elementwise layers alone read of a kernel is not rounded, so that TensorRT computes both at once.
    The .tflite rounds it; without ``fuses`` so does the file. What a sigmoid gives has a grid there that TensorRT does
    not have: it is rounded to it in float.

    Raises UserError for a layer without an entry, an open side, and a grid whose zero point is not 0.
    """
    from onnx import TensorProto, helper

    if missing := without_nodes(model):
        raise UserError(
            "; ".join(
                f"onnx: layer {name!r} ({what}) has no counterpart in ONNX here" for name, what in missing.items()
            )
        )
    if None in model.input_shape[1:]:
        raise UserError(f"onnx: the network accepts {model.input_shape[1:]}, but TensorRT needs a fixed size")
    graph = Graph()
    given = _tensors(graph, model, fuses)
    named = []
    for tensor, output in zip(model.outputs, outputs, strict=True):
        result = given[str(id(tensor))]
        graph.scope = output.name if raw else output.in_file
        name = graph.read_as_computed(result, LAST)
        if operator := None if raw else OPERATORS[output.operator]:
            name = graph.node(operator, [name], **({"axis": -1} if operator == "Softmax" else {}))
        final = output.name if raw else output.in_file
        graph.node("Identity", [name])
        graph.nodes[-1].output[0] = final
        named.append(helper.make_tensor_value_info(final, TensorProto.FLOAT, [1, *result.shape]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, *model.input_shape[1:]])
    return helper.make_model(
        helper.make_graph(graph.nodes, model.name, [image], named, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="jetslim",
        producer_version=__version__,
    )


def _tensors(graph: Graph, model: Any, fuses: bool) -> dict[str, Tensor]:
    """Keras's id of every tensor of the network -> what it is in the graph, which gets all nodes."""
    behind = readers(model) if fuses else None
    tensors = {str(id(model.inputs[0])): Tensor(tuple(model.input_shape[1:]), {LAST: "image"})}
    for node in nodes(model):
        args, kwargs = arguments(node, tensors)
        layer, config = _inner(node.layer), getattr(node.layer, "quantize_config", None)
        graph.scope = layer.name
        if gives_integers(node.layer):
            tensors[node.flat_output_ids[0]] = _integers(layer, args, kwargs)
            continue
        shapes = [tuple(tensor.shape[1:]) for tensor in keras.tf.nest.flatten(node.outputs)]
        call = Call(layer, args, kwargs, shapes, weights(node.layer), _kernel_axes(node.layer))
        rule = nodes_of(layer)
        assert rule is not None
        made = rule(graph, call)
        results = [
            _on_grid(graph, result, node.layer, config, behind)
            for result in (made if isinstance(made, list) else [made])
        ]
        tensors.update(zip(node.flat_output_ids, results, strict=True))
    return tensors


def _integers(layer: Any, args: Any, kwargs: Any) -> Any:
    """What an operation on shapes and indices gives, which the file holds as numbers: its sizes are fixed."""
    if operation(layer) == "shape":
        return np.array([1, *args[0].shape])
    if type(layer).__name__ == "SlicingOpLambda":
        spec = args[1] if len(args) > 1 else kwargs["slice_spec"]
        return args[0][tuple(map(as_slice, spec)) if isinstance(spec, (list, tuple)) else as_slice(spec)]
    return keras.tf.nest.map_structure(lambda given: given.numpy(), layer.function(*args, **kwargs))


def _on_grid(graph: Graph, result: Tensor, layer: Any, config: Any, behind: dict[str, list[Any]] | None) -> Tensor:
    """The layer's result with its grid, if its wrapper gives it one. ``behind``: the readers of each layer, of which
    elementwise ones need none; None where they do."""
    low, high = getattr(config, "low", None), getattr(config, "high", None)
    if low is None or high is None:
        return result
    step = (high - low) / 255
    is_loose = (low, high) in PRESCRIBED
    if not is_loose and abs(low + 128 * step) > 1e-3 * step:
        raise UserError(
            f"onnx: the zero point of {layer.layer.name!r} is not 0, as TensorRT requires: quantize with grid "
            '= "symmetric"'
        )
    if is_loose and behind is None:
        names = {layout: graph.rounded(name, low, high) for layout, name in result.names.items()}
        result = again(result, names=names)
    step = max(-low, high) / 127 if is_loose else step
    has_kernel = known_of(_inner(layer)).has_kernel
    is_bare = (
        has_kernel and behind is not None and all(_is_elementwise(reader, behind) for reader in behind[layer.name])
    )
    return again(result, step=step, is_loose=is_loose, is_bare=is_bare, on_grid={})


def _is_elementwise(reader: Any, behind: dict[str, list[Any]]) -> bool:
    """Whether a layer, or None for the caller of the network, computes element by element, in float."""
    if reader is None:
        return True
    inner = _inner(reader)
    if known_of(inner).idle:
        return all(_is_elementwise(each, behind) for each in behind[reader.name])
    return kind_of_class(inner) in ELEMENTWISE


def _inner(layer: Any) -> Any:
    """The layer that a quantizing wrapper holds; any other one itself."""
    return layer.layer if type(layer).__name__ == "QuantizeWrapperV2" else layer


def weights(layer: Any) -> dict[str, Any]:
    """Last part of each weight's name, such as "kernel" -> its values, of a wrapper's own layer."""
    inner = _inner(layer)
    own = {weight.name.rpartition("/")[2].partition(":")[0]: weight.numpy() for weight in inner.weights}
    for kernel, _, _ in getattr(layer, "_weight_vars", []):  # the wrapper keeps it, and its layer a tensor
        own[kernel.name.rpartition("/")[2].partition(":")[0]] = kernel.numpy()
    return own


def _kernel_axes(layer: Any) -> tuple[int, ...] | None:
    """The axes along which the steps of a layer's kernel differ; None for a kernel in float."""
    from compress.fake_quant import channel_axes

    for _, _, settings in getattr(layer, "_weight_vars", []):
        return tuple(settings["axes"]) if settings else None  # none for a kernel that stays in float
    inner = _inner(layer)
    if inner is layer or not known_of(inner).has_kernel:
        return None
    name = "depthwise_kernel" if kind(inner) == "DepthwiseConv2D" else "kernel"  # frozen, on its grid for good
    return channel_axes(name, len(getattr(inner, name).shape), inner)
