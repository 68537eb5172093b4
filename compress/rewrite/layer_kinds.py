"""What is known of each kind of layer: one entry a kind in one table.

Keys are the names of Keras's classes, "tf.NAME" for TensorFlow's operations, and "activation NAME" for the function of
an Activation. What has no entry stays as it is and computes in float.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from compress import keras
from compress.rewrite import channel_lines, channels, layers, operators
from compress.rewrite.channel_lines import Line
from compress.rewrite.channels import Axis, Channels
from compress.rewrite.graph import keras_kind
from compress.rewrite.layers import activation_name
from compress.rewrite.operators import operation

Range = tuple[float, float]
"""The smallest and the largest value of an int8 grid."""


@dataclass(frozen=True)
class Int8:
    """How TFLite computes a layer in int8."""

    kernel: str | None = None
    """The attribute that holds the layer's kernel, which gets scales of its own."""
    same_scale: bool = False
    """Inputs and output must have one scale."""
    no_output_quantizer: bool = False
    """The output needs no range of its own: it holds only values that were quantized before, integers, or what one
    operator computes together with the ReLU behind it."""
    fixed: Range | None = None
    """The range of the output that TFLite prescribes, or that the layer's definition gives."""
    relu_as_max_pool: bool = False
    """A ReLU by itself: fast as the activation of a 1x1 maximum pool, slow as an operator of its own."""
    integers: bool = False
    """The outputs are integers, such as a shape or indices, which are not quantized."""


@dataclass(frozen=True)
class LayerKind:
    """All that is known of one kind of layer."""

    rewrite: Callable[[Any, str], Any] | None = None
    """A rule as in ``layers``: layer and name -> the plainer layers that compute the same. None: it stays."""
    channel_line: Callable[[Any], Line | None] | None = None
    """The layer -> its scale and shift per channel; None for a layer that computes something else."""
    int8: Int8 | str | Callable[[Any], Int8 | str] | None = None
    """How it computes in int8 once the network is folded, or why it computes in float; may depend on the layer."""
    channels: Channels | None = None
    """How its output's channels follow from those that it reads; None keeps all of both."""
    has_kernel: bool = False
    """It multiplies by a kernel, into which a factor before or behind it can go."""
    left_dense: str = ""
    """Why its kernel is not pruned; "" for one that may be, and where there is none."""
    fuses_relu: bool = False
    """TFLite computes a ReLU or ReLU6 that alone reads the layer in the layer's own operator."""
    passes_factor: bool = False
    """f(c * x) = c * f(x) for any positive number c: a factor before the layer may be applied behind it."""
    idle: bool = False
    """It does nothing in inference."""


UNKNOWN = LayerKind()
INTEGERS = Int8(no_output_quantizer=True, integers=True)
MOVES = Int8(same_scale=True, no_output_quantizer=True)  # the output holds only values of the inputs
_MEASURED = Int8()  # the output's range is measured on calibration data
PRESCRIBED: tuple[Range, ...] = ((0.0, 255 / 256), (-1.0, 127 / 128))
"""Ranges that TFLite's operators have of their own: of a sigmoid and a softmax, and of a tanh."""
_SIGMOID, _TANH = (Int8(fixed=limits) for limits in PRESCRIBED)
_NO_OPERATOR = "TFLite has no operator for it"
_NO_DIVISION = "TFLite divides two tensors in float alone"
_NO_ELU = "the converter has no int8 ELU"
_OTHER_AXIS = "it normalizes an axis other than the last"


def _relu(layer: Any) -> Int8 | str:
    if layer.threshold or (layer.negative_slope and layer.max_value is not None):
        return "TFLite has no ReLU with a threshold, nor a capped one with a slope"
    if layer.max_value not in (None, 6.0):
        return Int8(fixed=(0.0, float(layer.max_value)))  # the upper end of the grid is the cap
    return _MEASURED


def _transposed_convolution(layer: Any) -> Int8 | str:
    if layer.dilation_rate != (1, 1):
        return "TFLite has no dilated transposed convolution in int8"
    return Int8("kernel")


_IDLE = LayerKind(int8=MOVES, idle=True, channels=channels.SAME)
_IDLE_AND_PASSES_FACTOR = LayerKind(int8=MOVES, idle=True, passes_factor=True, channels=channels.SAME)

KINDS: dict[str, LayerKind] = {
    # kernels
    "Conv1D": LayerKind(layers.convolution_1d),
    "Conv2D": LayerKind(
        layers.convolution, int8=Int8("kernel"), has_kernel=True, fuses_relu=True, channels=channels.CONVOLUTION
    ),
    "Conv2DTranspose": LayerKind(
        layers.kernel_layer,
        int8=_transposed_convolution,
        has_kernel=True,
        left_dense="LiteRT has no sparse transposed convolution",
        channels=channels.TRANSPOSED_CONVOLUTION,
    ),
    "Dense": LayerKind(
        layers.dense,
        int8=Int8("kernel"),
        has_kernel=True,
        left_dense="LiteRT refuses a sparse dense layer in int8",
        fuses_relu=True,
        channels=channels.DENSE,
    ),
    "DepthwiseConv1D": LayerKind(layers.convolution_1d),
    "DepthwiseConv2D": LayerKind(
        layers.kernel_layer,
        channel_lines.depthwise_1x1,
        int8=Int8("depthwise_kernel"),
        has_kernel=True,
        left_dense="a depthwise kernel has few weights",
        fuses_relu=True,
        channels=channels.DEPTHWISE,
    ),
    "SeparableConv1D": LayerKind(layers.separable_1d),
    "SeparableConv2D": LayerKind(layers.separable),
    # scales and shifts
    "BatchNormalization": LayerKind(
        channel_line=channel_lines.batch_normalization, int8=_OTHER_AXIS, channels=channels.NORMALIZATION
    ),
    "LayerScale": LayerKind(channel_line=channel_lines.layer_scale, channels=channels.SCALE),
    "Normalization": LayerKind(channel_line=channel_lines.normalization),
    "Rescaling": LayerKind(channel_line=channel_lines.rescaling, int8=_MEASURED, channels=channels.SCALE_IN_CONFIG),
    "Shift": LayerKind(int8=_MEASURED, fuses_relu=True, channels=channels.SAME),
    "SyncBatchNormalization": LayerKind(
        channel_line=channel_lines.batch_normalization, int8=_OTHER_AXIS, channels=channels.NORMALIZATION
    ),
    # several inputs
    "Add": LayerKind(layers.merge, int8=_MEASURED, fuses_relu=True, channels=channels.TIED),
    "Average": LayerKind(layers.average),
    "Concatenate": LayerKind(int8=MOVES, channels=channels.JOINED),
    "CustomScaleLayer": LayerKind(layers.scaled_residual),
    "Maximum": LayerKind(layers.merge, int8=MOVES, channels=channels.TIED),
    "Minimum": LayerKind(layers.merge, int8=MOVES, channels=channels.TIED),
    "Multiply": LayerKind(layers.merge, int8=_MEASURED, fuses_relu=True, passes_factor=True, channels=channels.TIED),
    "Subtract": LayerKind(int8=_MEASURED, fuses_relu=True, channels=channels.TIED),
    # activations
    "Activation": LayerKind(layers.activation),
    "ELU": LayerKind(int8=_NO_ELU, channels=channels.SAME),
    "LeakyReLU": LayerKind(int8=_MEASURED, channels=channels.SAME),
    "PReLU": LayerKind(int8=_MEASURED, channels=channels.SLOPES),
    "ReLU": LayerKind(layers.relu, int8=_relu, channels=channels.SAME),
    "Softmax": LayerKind(int8=_SIGMOID),
    "Threshold": LayerKind(int8=Int8(same_scale=True), channels=channels.SAME),
    "activation elu": LayerKind(int8=_NO_ELU, channels=channels.SAME),
    "activation exponential": LayerKind(int8=_MEASURED, channels=channels.SAME),
    "activation gelu": LayerKind(int8=_MEASURED, channels=channels.SAME),
    "activation mish": LayerKind(int8=_NO_OPERATOR, channels=channels.SAME),
    "activation relu": LayerKind(int8=_MEASURED, channels=channels.SAME),
    "activation selu": LayerKind(int8=_NO_OPERATOR, channels=channels.SAME),
    "activation sigmoid": LayerKind(int8=_SIGMOID, channels=channels.SAME),
    "activation softmax": LayerKind(int8=_SIGMOID),
    "activation softplus": LayerKind(int8=_NO_OPERATOR, channels=channels.SAME),
    "activation softsign": LayerKind(int8=_NO_OPERATOR, channels=channels.SAME),
    "activation tanh": LayerKind(int8=_TANH, channels=channels.SAME),
    # normalizations of what is measured on each example
    "GroupNormalization": LayerKind(int8=f"{_NO_OPERATOR}; its variance needs more than 8 bits"),
    "LayerNormalization": LayerKind(
        int8=f"{_NO_OPERATOR}; its variance needs more than 8 bits", channels=channels.LAYER_NORMALIZATION
    ),
    "UnitNormalization": LayerKind(int8=f"{_NO_OPERATOR}; its sum of squares needs more than 8 bits"),
    # pools; an average lies inside its inputs' range
    "AveragePooling1D": LayerKind(layers.average_pool_1d),
    "CellMeans": LayerKind(layers.cell_means),
    "AveragePooling2D": LayerKind(int8=Int8(same_scale=True), passes_factor=True, channels=channels.SAME),
    "GlobalAveragePooling1D": LayerKind(int8=_MEASURED, channels=channels.SAME),
    "GlobalAveragePooling2D": LayerKind(int8=_MEASURED, passes_factor=True, channels=channels.SAME),
    "GlobalMaxPooling1D": LayerKind(int8=MOVES, channels=channels.SAME),
    "GlobalMaxPooling2D": LayerKind(int8=MOVES, passes_factor=True, channels=channels.SAME),
    "MaxPooling1D": LayerKind(int8=MOVES, channels=channels.SAME),
    "MaxPooling2D": LayerKind(int8=MOVES, passes_factor=True, channels=channels.SAME),
    # shapes
    "Cropping1D": LayerKind(int8=MOVES, channels=channels.SAME),
    "Cropping2D": LayerKind(int8=MOVES, channels=channels.SAME),
    "EnlargedLike": LayerKind(layers.enlarged_like),
    "Flatten": LayerKind(int8=MOVES, passes_factor=True, channels=channels.REARRANGED),
    "Permute": LayerKind(int8=MOVES, channels=channels.REARRANGED),
    "RepeatVector": LayerKind(int8=MOVES, channels=channels.REARRANGED),
    "Reshape": LayerKind(int8=MOVES, passes_factor=True, channels=channels.REARRANGED),
    "SlicingOpLambda": LayerKind(int8=MOVES, channels=channels.CUT),
    "UpSampling1D": LayerKind(layers.up_sampling_1d),
    "UpSampling2D": LayerKind(int8=MOVES, channels=channels.SAME),
    # with a range of their own: the converter does not carry one through a pad and a pool to a sum (NASNet)
    "ZeroPadding1D": LayerKind(int8=Int8(same_scale=True), channels=channels.SAME),
    "ZeroPadding2D": LayerKind(int8=Int8(same_scale=True), passes_factor=True, channels=channels.SAME),
    # nothing in inference
    "ActivityRegularization": _IDLE,
    "AlphaDropout": _IDLE,
    "Dropout": _IDLE_AND_PASSES_FACTOR,
    "GaussianDropout": _IDLE,
    "GaussianNoise": _IDLE,
    "RandomBrightness": _IDLE,
    "RandomContrast": _IDLE,
    "RandomFlip": _IDLE,
    "RandomHeight": _IDLE,
    "RandomRotation": _IDLE,
    "RandomTranslation": _IDLE,
    "RandomWidth": _IDLE,
    "RandomZoom": _IDLE,
    "SpatialDropout1D": _IDLE,
    "SpatialDropout2D": _IDLE_AND_PASSES_FACTOR,
    "SpatialDropout3D": _IDLE,
    "StochasticDepth": _IDLE,
    "tf.identity": _IDLE,
    "tf.stop_gradient": _IDLE,
    # TensorFlow's operations that become layers
    "tf.__operators__.add": LayerKind(operators.add),
    "tf.__operators__.mul": LayerKind(operators.multiply),
    "tf.__operators__.sub": LayerKind(operators.subtract),
    "tf.__operators__.truediv": LayerKind(operators.divide, int8=_NO_DIVISION, channels=channels.TIED),
    "tf.cast": LayerKind(operators.cast),
    "tf.clip_by_value": LayerKind(operators.clip_by_value),
    "tf.concat": LayerKind(operators.concat),
    "tf.keras.activations.swish": LayerKind(operators.silu),
    "tf.math.add": LayerKind(operators.add),
    "tf.math.add_n": LayerKind(operators.add_n),
    "tf.math.divide": LayerKind(operators.divide, int8=_NO_DIVISION, channels=channels.TIED),
    "tf.math.maximum": LayerKind(operators.maximum, int8=MOVES, channels=channels.TIED),
    "tf.math.minimum": LayerKind(operators.minimum, int8=MOVES, channels=channels.TIED),
    "tf.math.multiply": LayerKind(operators.multiply),
    "tf.math.negative": LayerKind(operators.negative),
    "tf.math.reduce_max": LayerKind(operators.reduce_max, int8=MOVES, channels=channels.REDUCED),
    "tf.math.reduce_mean": LayerKind(operators.reduce_mean, int8=_MEASURED, channels=channels.REDUCED),
    "tf.math.sigmoid": LayerKind(operators.sigmoid),
    "tf.math.subtract": LayerKind(operators.subtract),
    "tf.math.tanh": LayerKind(operators.tanh),
    "tf.math.truediv": LayerKind(operators.divide, int8=_NO_DIVISION, channels=channels.TIED),
    "tf.nn.avg_pool": LayerKind(operators.average_pool),
    "tf.nn.avg_pool2d": LayerKind(operators.average_pool),
    "tf.nn.bias_add": LayerKind(operators.bias_add),
    "tf.nn.gelu": LayerKind(operators.gelu, int8=_MEASURED, channels=channels.SAME),
    "tf.nn.leaky_relu": LayerKind(operators.leaky_relu),
    "tf.nn.relu": LayerKind(operators.relu),
    "tf.nn.relu6": LayerKind(operators.relu6),
    "tf.nn.silu": LayerKind(operators.silu),
    "tf.nn.softmax": LayerKind(operators.softmax),
    # those that stay operations
    "tf.expand_dims": LayerKind(int8=MOVES, channels=channels.REARRANGED),
    "tf.gather": LayerKind(int8=MOVES),
    "tf.image.resize": LayerKind(int8=MOVES, channels=channels.SAME),
    "tf.math.reduce_min": LayerKind(int8=MOVES, channels=channels.REDUCED),
    "tf.math.reduce_sum": LayerKind(int8=_MEASURED, channels=channels.REDUCED),
    "tf.nn.depth_to_space": LayerKind(int8=MOVES),
    "tf.nn.max_pool": LayerKind(int8=MOVES, channels=channels.SAME),
    "tf.nn.max_pool2d": LayerKind(int8=MOVES, channels=channels.SAME),
    "tf.nn.space_to_depth": LayerKind(int8=MOVES),
    "tf.pad": LayerKind(int8=MOVES, channels=channels.SAME),
    "tf.reshape": LayerKind(int8=MOVES, channels=channels.REARRANGED),
    "tf.slice": LayerKind(int8=MOVES),
    "tf.split": LayerKind(int8=MOVES, channels=channels.CUT),
    "tf.squeeze": LayerKind(int8=MOVES, channels=channels.REARRANGED),
    "tf.stack": LayerKind(int8=MOVES),
    "tf.strided_slice": LayerKind(int8=MOVES),
    "tf.tile": LayerKind(int8=MOVES),
    "tf.transpose": LayerKind(int8=MOVES, channels=channels.REARRANGED),
}


def kind(layer: Any) -> str:
    """The name of a layer's class; "tf.NAME" for a TensorFlow operation, the function's name for an Activation."""
    name = kind_of_class(layer)
    return activation_name(layer) if name == "Activation" else name


def kind_of_class(layer: Any) -> str:
    """The same, but "Activation" for every Activation."""
    function = operation(layer)
    return f"tf.{function}" if function else keras_kind(layer)


def weights_with_channels(layer: Any) -> Mapping[str, tuple[Axis, ...]]:
    """Attribute of a layer -> what each of the last axes of that weight has; none where channels are not followed."""
    rule = known_of(layer).channels
    return {} if rule is None else rule.weights


def known_of(layer: Any) -> LayerKind:
    """The entry of a layer; of an Activation, that of its function."""
    name = kind_of_class(layer)
    return known_of_activation(layer) if name == "Activation" else KINDS.get(name, UNKNOWN)


def layer_within(layer: Any) -> Any:
    """The layer that an Activation wraps, such as ReLU() in Activation(ReLU()); any other layer itself."""
    inner = layer.activation if kind_of_class(layer) == "Activation" else None
    return inner if isinstance(inner, keras.layers.Layer) else layer


def known_of_activation(layer: Any) -> LayerKind:
    """The entry of the activation function that a layer ends in; of one that is a layer, such as ELU(), the layer's."""
    name = activation_name(layer)
    return KINDS.get(f"activation {name}") or KINDS.get(name, UNKNOWN)
