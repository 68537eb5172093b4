"""What a network does to single pixels before anything else: the affine chain that it begins with.

Rescaling, Normalization, ``preprocess_input`` as operations, divisions and subtractions, a reversal of the channels,
also inside nested networks, before or behind layers of augmentation: all of these are affine in each pixel, so a few
probing pixels tell the whole chain, whatever it is made of. It says which pixels the network expects
(``evaluate.expected_pixels``), and nothing is taken out of the network: its owner's layers stay.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress import keras
from compress.pixels import Pixels
from compress.rewrite.graph import arguments, clone, is_functional, keras_kind, nodes, rebuild
from compress.rewrite.operators import operation

NAME = "pixels"

# layers that compute each pixel from that pixel alone
POINTWISE = frozenset(
    [
        "Add",
        "BatchNormalization",
        "Concatenate",
        "Identity",
        "Normalization",
        "Rescaling",
        "SlicingOpLambda",
        "Subtract",
    ]
)
# layers that move, mix or disturb pixels of all channels alike, and leave an affine map of their values as it is
MOVERS = frozenset(
    ["CenterCrop", "Cropping2D", "Dropout", "GaussianNoise", "Resizing", "SpatialDropout2D"]
    + [f"Random{change}" for change in ("Brightness", "Contrast", "Crop", "Flip", "Height", "Rotation")]
    + ["RandomTranslation", "RandomWidth", "RandomZoom", "image.resize", "identity", "stop_gradient"]
)
# TensorFlow's operations of single pixels
POINTWISE_OPERATIONS = frozenset(
    [f"__operators__.{name}" for name in ("add", "sub", "mul", "truediv")]
    + [
        f"math.{name}"
        for name in ("add", "add_n", "divide", "multiply", "negative", "scalar_mul", "subtract", "truediv")
    ]
    + ["cast", "concat", "convert_to_tensor", "gather", "nn.bias_add", "reverse", "split", "stack", "strided_slice"]
    + ["unstack"]
)


@dataclass(frozen=True)
class Front:
    """value[o] = sum over c of matrix[o, c] * pixel[c] + offset[o]; ``layers`` are those of the chain, by name."""

    matrix: np.ndarray
    offset: np.ndarray
    layers: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the network reads its pixels as they come."""
        same = self.matrix.shape[0] == self.matrix.shape[1] and np.array_equal(self.matrix, np.eye(len(self.matrix)))
        return bool(same and not self.offset.any())

    def limits(self, pixels: Pixels) -> tuple[float, float]:
        """The smallest and the largest value that the chain makes of such pixels, in any of its channels."""
        channels = self.matrix.shape[1]
        scale, offset = (np.resize(numbers, channels) for numbers in (pixels.scale, pixels.offset))
        ends = np.stack([offset, scale + offset])  # of each channel: of byte 0 and of byte 255
        parts = self.matrix[:, None] * ends[None]  # (out, 2, in)
        low, high = (pick(parts, axis=1).sum(axis=-1) + self.offset for pick in (np.min, np.max))
        return float(low.min()), float(high.max())


def front_of(model: Any) -> Front:
    """The affine chain at the beginning of a functional network of one image, float32 (batch, height, width, channels).

    It is empty where the first layer is no such layer.
    """
    channels = model.inputs[0].shape[-1]
    probe = np.concatenate([np.zeros((1, channels)), np.eye(channels), _points(channels)])
    chain = _Chain(probe.astype(np.float32)[:, None, None])
    value, _ = chain.follow(model, chain.probe)
    matrix, offset = _line(value)
    return Front(matrix, offset, tuple(chain.layers))


def fed(model: Any, pixels: Pixels) -> Any:
    """The functional network for images in [0, 1]: behind one fixed layer, called "pixels", that makes of [0, 1] what
    the network expects; ``model`` itself where that is [0, 1]. Nested networks are opened."""
    if pixels.is_unit:
        return model
    name, names = NAME, {layer.name for layer in model.layers}
    while name in names:
        name += "_"
    return rebuild(model, lambda layer, title: clone(layer, name=title), lambda tensor: _layer(pixels, tensor, name))


def _layer(pixels: Pixels, image: Any, name: str) -> Any:
    if not pixels.reverses:
        scale, offset = (
            numbers[0] if len(numbers) == 1 else list(numbers) for numbers in (pixels.scale, pixels.offset)
        )
        return keras.layers.Rescaling(scale, offset, name=name)
    channels = image.shape[-1]
    layer = keras.layers.Conv2D(channels, 1, name=name, trainable=False)
    layer.build((None, *image.shape[1:]))
    kernel = np.eye(channels)[::-1] * np.resize(pixels.scale, channels)
    layer.set_weights([kernel[None, None], np.resize(pixels.offset, channels)])
    return layer


class _Chain:
    """Feeds probing pixels to a network's first layers, as long as they are affine and there is one way through."""

    def __init__(self, probe: np.ndarray) -> None:
        self.probe = probe
        self.layers: list[str] = []

    def follow(self, model: Any, probe: Any) -> tuple[Any, bool]:
        """(what the chain makes of the probe, whether the whole of ``model`` belongs to the chain)."""
        values = {str(id(model.inputs[0])): probe}
        waiting = Counter(key for node in nodes(model) for key in node.flat_input_ids)
        waiting.update(str(id(output)) for output in model.outputs)
        last, pending = probe, []
        for node in nodes(model):
            if not set(node.flat_input_ids) <= values.keys():
                break
            if is_functional(node.layer):
                if len(node.layer.inputs) != 1 or len(node.layer.outputs) != 1:
                    break
                alone = [key for key in values if waiting[key]] == list(node.flat_input_ids)
                value, whole = self.follow(node.layer, values[node.flat_input_ids[0]])
                if not whole:
                    if alone:
                        return value, False
                    break
                results = [value]
            else:
                computed = self._results(node, values)
                if computed is None:
                    break
                results = computed
                pending.append(node.layer.name)
            values.update(zip(node.flat_output_ids, results, strict=True))
            waiting.subtract(node.flat_input_ids)
            live = [key for key in values if waiting[key]]
            if len(live) == 1 and _is_affine(values[live[0]]):
                last = values[live[0]]
                self.layers += pending
                pending = []
        else:
            if len(model.outputs) == 1 and not pending:
                return last, True
        return last, False

    def _results(self, node: Any, values: dict[str, Any]) -> list[Any] | None:
        """What the layer makes of the probe; None for a layer that is no part of a chain."""
        layer, kind = node.layer, keras_kind(node.layer)
        title = operation(layer) or kind
        if title in MOVERS:
            return [values[node.flat_input_ids[0]]]
        if not (kind in POINTWISE or title in POINTWISE_OPERATIONS or _is_fixed(layer)):
            return None
        try:
            args, kwargs = arguments(node, {key: keras.tf.constant(value) for key, value in values.items()})
            kwargs.pop("training", None)
            results = keras.tf.nest.flatten(layer(*args, **kwargs))
        except Exception:  # a constant of the image's own height, an axis that a single pixel lacks
            return None
        arrays = [np.asarray(result, np.float32) for result in results]
        return arrays if all(value.shape[:3] == self.probe.shape[:3] for value in arrays) else None


def _is_fixed(layer: Any) -> bool:
    """A linear 1x1 convolution of colours that is not trained, such as the one in front of ImageNet's weights."""
    return (
        type(layer) is keras.layers.Conv2D
        and layer.kernel_size == layer.strides == (1, 1)
        and layer.activation is keras.activations.linear
        and not layer.trainable
        and layer.kernel.shape[2] <= 4
    )


def _line(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(matrix (out, in), offset (out,)) from the chain's values of black and of each channel's unit."""
    rows = np.asarray(value, np.float64)[:, 0, 0]
    channels = len(rows) - 4
    matrix = rows[1 : 1 + channels] - rows[0]
    return matrix.T, rows[0]


def _is_affine(value: np.ndarray) -> bool:
    matrix, offset = _line(value)
    channels = matrix.shape[1]
    wanted = _points(channels) @ matrix.T + offset
    got = np.asarray(value, np.float64)[1 + channels :, 0, 0]
    return bool(np.allclose(got, wanted, rtol=1e-3, atol=1e-3 * max(1.0, float(np.abs(wanted).max()))))


def _points(channels: int) -> np.ndarray:
    """Three pixels of any colour, by which a map that is not affine gives itself away."""
    return np.random.default_rng(0).uniform(-1, 2, (3, channels)).astype(np.float32)
