"""Ranges of activations, from calibration data: the smallest and largest value that each tensor takes.

TFLite wants one scale at the inputs and the output of a concatenation, a pool, a pad or a reshape. Tensors that are
that must share a scale form a group and get one range; a DenseNet block then runs without one requantization.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from compress import keras
from compress.quantize.int8_support import SupportByLayer, layers_in_int8
from compress.rewrite.graph import gives_integers, nodes
from compress.rewrite.layer_kinds import PRESCRIBED, Int8, Range

OF_BYTES: Range = (0.0, 1.0)  # of an input: its grid is exact


def same_scale_groups(model: Any, support_by_layer: SupportByLayer | None = None) -> dict[str, str]:
    """Layer name -> the name of its group: layers whose outputs must share one scale.

    ``support_by_layer``: what ``layers_in_int8`` returns; None computes it.
    """
    support_by_layer = layers_in_int8(model) if support_by_layer is None else support_by_layer
    parent: dict[str, str] = {layer.name: layer.name for layer in model.layers}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for node in nodes(model):
        how = support_by_layer[node.layer.name]
        if isinstance(how, Int8) and how.same_scale:
            for source in node.parent_nodes:
                if not gives_integers(source.layer):
                    parent[root(source.layer.name)] = root(node.layer.name)
    return {name: root(name) for name in parent}


def activations(model: Any) -> Iterator[tuple[str, Any]]:
    """(name of the layer, tensor) for every float output of every call of a layer, inputs left out."""
    for node in nodes(model):
        for tensor in keras.tf.nest.flatten(node.outputs):
            if tensor.dtype.is_floating:
                yield node.layer.name, tensor


def observe(model: Any, batches: Iterable[np.ndarray]) -> dict[str, Range]:
    """Layer name -> (min, max) of its output over the batches, float32 as the network reads them. Widened to hold 0.

    Where all that it reads are bytes / 255, as pixels are, that is [0, 1], so that the grid is exact.
    """
    names = {str(id(tensor)): tensor.node.layer.name for tensor in model.inputs}
    tensors = list(model.inputs)
    for name, tensor in activations(model):  # every call of a layer that is used more than once
        names[str(id(tensor))] = name
        tensors.append(tensor)
    tapped = keras.Model(model.inputs, tensors)
    extremes_of_batches, of_bytes = [], True
    for batch in batches:  # eagerly: for a few batches, tracing would take longer
        values = tapped(batch, training=False)
        of_bytes = of_bytes and _is_of_bytes(batch)
        extremes_of_batches.append(
            [[float(keras.tf.reduce_min(value)), float(keras.tf.reduce_max(value))] for value in values]
        )
    extremes = np.array(extremes_of_batches, np.float32)
    low, high = np.minimum(extremes[..., 0].min(axis=0), 0.0), np.maximum(extremes[..., 1].max(axis=0), 0.0)
    ranges: dict[str, Range] = {}
    for tensor, a, b in zip(tensors, low, high, strict=True):
        name = names[str(id(tensor))]
        before = ranges.get(name, (0.0, 0.0))
        ranges[name] = (min(before[0], float(a)), max(before[1], float(b)))
    return ranges | {tensor.node.layer.name: OF_BYTES for tensor in model.inputs if of_bytes}


def _is_of_bytes(batch: np.ndarray) -> bool:
    codes = np.asarray(batch) * np.float32(255)
    # relative: numbers that are all but 0, such as volts of a nerve, are no bytes
    whole = np.abs(codes - np.round(codes)) <= 1e-5 * np.abs(codes)
    return bool(np.all((codes >= 0) & (codes < 255.5) & whole))


def shared(ranges: dict[str, Range], groups: dict[str, str]) -> dict[str, Range]:
    """Each layer's range widened to its whole group's."""
    merged: dict[str, Range] = {}
    for name, (least, most) in ranges.items():
        low, high = merged.get(groups[name], (0.0, 0.0))
        merged[groups[name]] = (min(low, least), max(high, most))
    # what is zero on all of the data has some grid, too
    return {
        name: limits if np.ptp(limits) > 1e-30 else (0.0, 1.0) for name in ranges for limits in [merged[groups[name]]]
    }


def symmetric(limits: Range) -> Range:
    """The range (-128 s, 127 s) around these limits, s = max |x| / 127, whose grid has the zero point 0.

    What TensorRT takes alone (NVIDIA, "Working with quantized types"); costs a bit where no value is negative. What
    TFLite prescribes for an operator stays.
    """
    if limits in PRESCRIBED:
        return limits
    step = max(-limits[0], limits[1]) / 127
    return -128 * step, 127 * step
