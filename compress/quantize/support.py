"""What becomes of each kind of layer in int8: one entry a kind. What has no entry computes in float, with the reason.

"tied": TFLite wants one scale at its inputs and its output. "silent": its output needs no grid of its own, since it
gives only values that were quantized before, or is computed in one operator with the ReLU behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from typing import Any

from compress.errors import UserError, unknown
from compress.rewrite.graph import gives_integers, input_shape, keras_kind, nodes, only_reader, readers
from compress.rewrite.layers import activation_name
from compress.rewrite.operators import operation

Range = tuple[float, float]


@dataclass(frozen=True)
class Int8:
    """How a layer computes in int8: its kernel's attribute, ties, and the output range that TFLite prescribes."""

    kernel: str | None = None
    tied: bool = False
    silent: bool = False
    fixed: Range | None = None
    pooled: bool = False
    """A ReLU by itself: fast as the activation of a 1x1 maximum pool, slow as an operator of its own."""
    aside: bool = False
    """It gives integers, such as a shape or indices, which have no grid."""


_PLAIN, _MOVER, _ASIDE = Int8(), Int8(tied=True, silent=True), Int8(silent=True, aside=True)
_SIGMOID, _TANH = Int8(fixed=(0.0, 255 / 256)), Int8(fixed=(-1.0, 127 / 128))

# nothing at all in inference
IDLE = (
    *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "StochasticDepth"),
    *(f"SpatialDropout{rank}D" for rank in (1, 2, 3)),
    *(f"Random{change}" for change in ("Brightness", "Contrast", "Flip", "Height", "Rotation", "Translation")),
    *("RandomWidth", "RandomZoom", "tf.identity", "tf.stop_gradient"),
)
LAYERS: dict[str, Int8] = {
    "Conv2D": Int8("kernel"),
    "Conv2DTranspose": Int8("kernel"),
    "Dense": Int8("kernel"),
    "DepthwiseConv2D": Int8("depthwise_kernel"),
    "Add": _PLAIN,
    "GlobalAveragePooling1D": _PLAIN,
    "GlobalAveragePooling2D": _PLAIN,
    "LeakyReLU": _PLAIN,
    "Multiply": _PLAIN,
    "PReLU": _PLAIN,
    "ReLU": _PLAIN,
    "Rescaling": _PLAIN,  # by pixel; what scales channels is a convolution by now
    "Subtract": _PLAIN,
    "Shift": _PLAIN,
    "Softmax": _SIGMOID,
    "Threshold": Int8(tied=True),
    # an average lies inside its inputs' range
    "AveragePooling2D": Int8(tied=True),
    "Concatenate": _MOVER,
    "Cropping1D": _MOVER,
    "Cropping2D": _MOVER,
    "Flatten": _MOVER,
    "GlobalMaxPooling1D": _MOVER,
    "GlobalMaxPooling2D": _MOVER,
    "MaxPooling1D": _MOVER,
    "MaxPooling2D": _MOVER,
    "Maximum": _MOVER,
    "Minimum": _MOVER,
    "Permute": _MOVER,
    "RepeatVector": _MOVER,
    "Reshape": _MOVER,
    "SlicingOpLambda": _MOVER,
    "UpSampling2D": _MOVER,
    # a grid of its own: the converter does not carry one through a pad and a pool to a sum (NASNet)
    "ZeroPadding1D": Int8(tied=True),
    "ZeroPadding2D": Int8(tied=True),
    **dict.fromkeys(IDLE, _MOVER),
    # TensorFlow's own operations that no rewrite turns into a layer
    **dict.fromkeys(
        [
            f"tf.{name}"
            for name in (
                *("expand_dims", "gather", "image.resize", "math.maximum", "math.minimum", "math.reduce_max"),
                *("math.reduce_min", "nn.depth_to_space", "nn.max_pool", "nn.max_pool2d", "nn.space_to_depth", "pad"),
                *("reshape", "slice", "split", "squeeze", "stack", "strided_slice", "tile", "transpose"),
            )
        ],
        _MOVER,
    ),
    "tf.math.reduce_mean": _PLAIN,
    "tf.math.reduce_sum": _PLAIN,
    "tf.nn.gelu": _PLAIN,
}
ACTIVATIONS: dict[str, Int8] = {
    "exponential": _PLAIN,
    "gelu": _PLAIN,
    "relu": _PLAIN,
    "sigmoid": _SIGMOID,
    "softmax": _SIGMOID,
    "tanh": _TANH,
}
FLOAT: dict[str, str] = {
    "LayerNormalization": "TFLite has no operator for it; its variance needs more than 8 bits",
    "GroupNormalization": "TFLite has no operator for it; its variance needs more than 8 bits",
    "UnitNormalization": "TFLite has no operator for it; its sum of squares needs more than 8 bits",
    "BatchNormalization": "it normalizes an axis other than the last",
    "ELU": "the converter has no int8 ELU",
    "elu": "the converter has no int8 ELU",
    "selu": "TFLite has no operator for it",
    "softplus": "TFLite has no operator for it",
    "softsign": "TFLite has no operator for it",
    "mish": "TFLite has no operator for it",
}
# what TFLite computes together with a ReLU or ReLU6 that alone reads it
FUSES_RELU = ("Conv2D", "DepthwiseConv2D", "Dense", "Add", "Multiply", "Shift", "Subtract")


def kind(layer: Any) -> str:
    """The name of a layer's class; "tf.NAME" for a TensorFlow operation, the function's name for an Activation."""
    if function := operation(layer):
        return f"tf.{function}"
    name = keras_kind(layer)
    return activation_name(layer) if name == "Activation" else name


def support(layer: Any) -> Int8 | str:
    """How a layer of a folded network computes in int8, or why it computes in float."""
    if gives_integers(layer):
        return _ASIDE
    name = kind(layer)
    table = ACTIVATIONS if type(layer).__name__ == "Activation" else LAYERS
    if name == "ReLU" and (layer.threshold or (layer.negative_slope and layer.max_value is not None)):
        return "TFLite has no ReLU with a threshold, nor a capped one with a slope"
    if name == "Conv2DTranspose" and layer.dilation_rate != (1, 1):
        return "TFLite has no dilated transposed convolution in int8"
    if name == "ReLU" and layer.max_value not in (None, 6.0):
        return Int8(fixed=(0.0, float(layer.max_value)))  # the upper end of the grid is the cap
    return table.get(name) or FLOAT.get(name, f"there is no int8 rule for {name}")


def fixed_range(layer: Any) -> Range | None:
    """The range of the grid that TFLite prescribes for what a layer ends in, int8 or not; None where it is free."""
    how = support(layer)
    if isinstance(how, Int8):
        return how.fixed
    ending = ACTIVATIONS.get(activation_name(layer))
    return ending.fixed if ending else None


def layers_in_int8(folded: Any, keep_float: Sequence[str] = ()) -> dict[str, Int8 | str]:
    """Name of each layer of a folded network -> how it computes in int8, or why it computes in float.

    ``keep_float``: names or patterns of layers. Raises UserError for one that no layer matches.
    """
    names = [layer.name for layer in folded.layers]
    for pattern in keep_float:
        if not any(fnmatch(name, pattern) for name in names):
            raise UserError(f"keep_float: {unknown('layer', pattern, names)}")
    plan: dict[str, Int8 | str] = {}
    for layer in folded.layers:
        wanted, how = any(fnmatch(layer.name, pattern) for pattern in keep_float), support(layer)
        alone = kind(layer) in IDLE or (isinstance(how, Int8) and how.aside)
        plan[layer.name] = "keep_float asks for it" if wanted and not alone else how
    plan |= _idle(folded, plan)
    model_readers = readers(folded)
    fused = {}
    for layer in folded.layers:
        reader, how = only_reader(model_readers, layer), plan[layer.name]
        if reader is None or not fuses_relu(layer, reader):
            continue
        if isinstance(how, Int8) and isinstance(plan[reader.name], Int8):
            fused[layer.name] = reader.name
            plan[layer.name] = replace(how, silent=True)
    for layer in folded.layers:
        how = plan[layer.name]
        if isinstance(how, Int8) and not how.fixed and layer.name not in fused.values() and _is_relu_on_map(layer):
            plan[layer.name] = replace(how, tied=True, pooled=True)
    return plan


def _idle(folded: Any, plan: dict[str, Int8 | str]) -> dict[str, Int8 | str]:
    """Name of each layer that does nothing in inference -> how it computes: in float, where all that it reads does."""
    found: dict[str, Int8 | str] = {}
    for node in nodes(folded):
        if kind(node.layer) in IDLE:
            (source,) = {parent.layer.name: parent for parent in node.parent_nodes}.values()
            how = _MOVER if source.is_input else {**plan, **found}[source.layer.name]
            before = found.get(node.layer.name, how)  # of another call
            found[node.layer.name] = how if isinstance(how, str) and isinstance(before, str) else _MOVER
    return found


def fuses_relu(layer: Any, reader: Any) -> bool:
    """Whether TFLite computes the ReLU ``reader``, which alone reads ``layer``, in the layer's own operator."""
    return type(layer).__name__ in FUSES_RELU and activation_name(layer) == "linear" and _is_relu(reader)


def _is_relu(layer: Any) -> bool:
    if type(layer).__name__ == "ReLU":
        return not layer.threshold and not layer.negative_slope
    return type(layer).__name__ == "Activation" and activation_name(layer) == "relu"


def _is_relu_on_map(layer: Any) -> bool:
    return _is_relu(layer) and len(input_shape(layer)) == 4
