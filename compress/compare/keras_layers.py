"""The layers of a Keras network: of a float one as quantization folds it, of a quantized one with their grids."""

from typing import Any

import numpy as np

from compress import keras
from compress.compare.tflite_tensors import TFLiteTensors
from compress.compare.values import Value
from compress.evaluate.predictors import to_float
from compress.export.convert import is_quantized
from compress.quantize.fold import fold
from compress.quantize.int8_support import fuses_relu, support
from compress.rewrite.graph import arguments, clone, is_functional, nodes, only_readers, readers, rebuild
from compress.rewrite.layer_kinds import Int8, kind
from compress.rewrite.layers import activation_name


def as_in(file: TFLiteTensors | None, network: Any) -> "KerasLayers":
    """The network, folded unless the file was made of it as it is.

    Folding gives a float network the layers of its quantized form, by the same names (``quantize.fold``).
    """
    if is_quantized(network):
        return KerasLayers(network, folded=True)
    folded = fold(network)
    if file is None:
        return KerasLayers(folded, folded=True)
    if any(is_functional(layer) for layer in network.layers):
        network = rebuild(network, lambda layer, name: clone(layer, name=name))  # opens what is nested
    if not file.folded:  # it has no wrapper's names: those that the rewrite took away or made tell
        before, after = ({layer.name for layer in model.layers} for model in (network, folded))
        added, removed = after - before, before - after
        file.folded = removed.isdisjoint(file.named) and (not added or not added.isdisjoint(file.named))
    return KerasLayers(folded if file.folded else network, file.folded)


class KerasLayers:
    """What each layer of a functional network gives: ``folded``, quantized (then it is), or as it is."""

    def __init__(self, model: Any, folded: bool) -> None:
        self.quantized, self.folded = is_quantized(model), folded
        model_readers = readers(model)
        self.values: list[Value] = []
        self._model = model
        self._at: dict[str, int] = {}  # Keras's id of a tensor -> the position of the value that it is
        carried: dict[int, frozenset[int]] = {}  # id of a call -> the values that its output holds
        fused: dict[str, Any] = {}  # name of a ReLU -> the layer whose operator computes it
        for node in nodes(model):
            layer = inner(node.layer)
            sources = frozenset().union(*(carried.get(id(parent), ()) for parent in node.parent_nodes))
            read_by = only_readers(model_readers, node.layer)
            carried[id(node)] = sources
            if read_by and all(fuses_relu(layer, inner(reader)) for reader in read_by):
                fused |= {reader.name: node.layer for reader in read_by}
            elif _is_grid(layer):
                owner = node.parent_nodes[0].layer.name
                if layer.name == f"{owner}_int8" and len(sources) == 1:  # of an operation that has no wrapper
                    (position,) = sources
                    self._at = {key: at for key, at in self._at.items() if at != position}
                    self._at[node.flat_output_ids[0]], self.values[position].precision = position, "int8"
            elif not (_only_moves(layer) or (kind(layer) in ("Softmax", "softmax") and not read_by)):
                parts = [part for part in (fused.get(node.layer.name), node.layer) if part is not None]
                self._at[node.flat_output_ids[0]] = len(self.values)
                carried[id(node)] = frozenset({len(self.values)})
                self.values.append(_value(parts, keras.tf.nest.flatten(node.outputs)[0], sources))
        self.output = max(carried[id(model.outputs[0].node)], default=0)

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        return self.each_from(images, {})

    def each_from(self, images: np.ndarray, given: dict[int, np.ndarray]) -> list[np.ndarray]:
        # eagerly, layer by layer: for a few batches, tracing would take longer
        tensors = {str(id(self._model.inputs[0])): keras.tf.constant(to_float(images))}
        results_at: dict[int, np.ndarray] = {}
        for node in nodes(self._model):
            args, kwargs = arguments(node, tensors)
            results = keras.tf.nest.flatten(node.layer(*args, **kwargs))
            tensors.update(zip(node.flat_output_ids, results, strict=True))
            position = self._at.get(node.flat_output_ids[0])
            if position is not None:
                results_at[position] = results[0].numpy()
                if position in given:
                    tensors[node.flat_output_ids[0]] = keras.tf.reshape(given[position], results[0].shape)
        return [results_at[position] for position in range(len(self.values))]


def inner(layer: Any) -> Any:
    """What a tfmot wrapper wraps; any other layer itself."""
    return layer.layer if type(layer).__name__ == "QuantizeWrapperV2" else layer


def _value(parts: list[Any], tensor: Any, sources: frozenset[int]) -> Value:
    layers = [inner(part) for part in parts]
    is_int8 = any(
        part is not layer and not part.quantize_config.keep_float for part, layer in zip(parts, layers, strict=True)
    )
    has_relu = len(parts) > 1 or (kind(layers[0]) != "relu" and activation_name(layers[0]) == "relu")
    return Value(
        tuple(layer.name for layer in layers),
        f"{kind(layers[0])}+ReLU" if has_relu else kind(layers[0]),
        "int8" if is_int8 else "float32",
        tensor.shape[1:].num_elements() or 0,
        sources,
    )


def _is_grid(layer: Any) -> bool:
    return type(layer).__name__ == "Activation" and activation_name(layer) == "linear"


def _only_moves(layer: Any) -> bool:
    """A layer whose output holds only values that were there before."""
    how = support(layer)
    if isinstance(how, Int8):
        return how.integers or (how.same_scale and type(layer).__name__ != "AveragePooling2D")
    return type(layer).__name__ == "Float"
