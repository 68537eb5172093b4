"""Which nodes each kind of layer becomes: one line a kind, by the names of ``rewrite.layer_kinds``."""

from collections.abc import Callable
from typing import Any

from compress.export.onnx import layers, operations
from compress.export.onnx.layers import Nodes
from compress.rewrite.layer_kinds import kind, kind_of_class, known_of

NODES: dict[str, Nodes] = {
    # kernels
    "Conv2D": layers.convolution,
    "Conv2DTranspose": layers.transposed_convolution,
    "Dense": layers.dense,
    "DepthwiseConv2D": layers.depthwise,
    # scales and shifts
    "BatchNormalization": layers.normalization,
    "LayerNormalization": layers.layer_normalization,
    "LayerScale": layers.scale,
    "Rescaling": layers.line,
    "Shift": layers.shift,
    "SyncBatchNormalization": layers.normalization,
    # several inputs
    "Add": layers.merge("Add"),
    "Concatenate": layers.concatenate,
    "Maximum": layers.merge("Max"),
    "Minimum": layers.merge("Min"),
    "Multiply": layers.merge("Mul"),
    "Subtract": layers.merge("Sub"),
    "tf.math.add": layers.merge("Add"),
    "tf.math.divide": layers.merge("Div"),
    "tf.math.maximum": layers.merge("Max"),
    "tf.math.minimum": layers.merge("Min"),
    "tf.math.multiply": layers.merge("Mul"),
    "tf.math.subtract": layers.merge("Sub"),
    "tf.math.truediv": layers.merge("Div"),
    # activations
    "ELU": layers.elu,
    "LeakyReLU": layers.leaky_relu,
    "PReLU": layers.prelu,
    "ReLU": layers.relu,
    "Softmax": layers.softmax,
    "Threshold": layers.threshold,
    "activation softmax": layers.softmax,
    **{f"activation {name}": layers.function(name) for name in layers.FUNCTIONS if name != "softmax"},
    "activation linear": layers.same,
    "tf.nn.gelu": operations.gelu,
    # pools
    "AveragePooling2D": layers.average_pool,
    "GlobalAveragePooling2D": layers.global_pool("GlobalAveragePool"),
    "GlobalAveragePooling1D": layers.global_pool_1d("ReduceMean"),
    "GlobalMaxPooling1D": layers.global_pool_1d("ReduceMax"),
    "MaxPooling1D": layers.max_pool_1d,
    "GlobalMaxPooling2D": layers.global_pool("GlobalMaxPool"),
    "MaxPooling2D": layers.max_pool,
    "tf.math.reduce_max": operations.reduce("ReduceMax"),
    "tf.math.reduce_mean": operations.reduce("ReduceMean"),
    "tf.math.reduce_min": operations.reduce("ReduceMin"),
    "tf.math.reduce_sum": operations.reduce("ReduceSum"),
    "tf.nn.max_pool": operations.window_max,
    "tf.nn.max_pool2d": operations.window_max,
    # shapes
    "Cropping1D": layers.cropping_1d,
    "Cropping2D": layers.cropping,
    "Flatten": layers.reshape,
    "Permute": layers.permute,
    "RepeatVector": layers.repeat_vector,
    "Reshape": layers.reshape,
    "SlicingOpLambda": operations.sliced,
    "UpSampling2D": layers.up_sampling,
    "ZeroPadding1D": layers.zero_padding_1d,
    "ZeroPadding2D": layers.zero_padding,
    "tf.expand_dims": layers.reshape,
    "tf.gather": operations.gather,
    "tf.image.resize": operations.resize,
    "tf.nn.depth_to_space": operations.to_space("DepthToSpace"),
    "tf.nn.space_to_depth": operations.to_space("SpaceToDepth"),
    "tf.pad": operations.pad,
    "tf.reshape": layers.reshape,
    "tf.slice": operations.slice_of_size,
    "tf.split": operations.split,
    "tf.squeeze": layers.reshape,
    "tf.stack": operations.stack,
    "tf.strided_slice": operations.strided_slice,
    "tf.tile": operations.tile,
    "tf.transpose": operations.transpose,
    # ours
    "Float": layers.same,
}


# of kinds with an entry, those with settings that it does not know
UNKNOWN_SETTINGS: dict[str, Callable[[Any], bool]] = {
    "BatchNormalization": lambda layer: not _is_last(layer.axis, layer),
    "LayerNormalization": lambda layer: not _is_last(layer.axis, layer),
    "ReLU": lambda layer: bool(layer.threshold or (layer.negative_slope and layer.max_value is not None)),
    "Softmax": lambda layer: not isinstance(layer.axis, int),
    "SyncBatchNormalization": lambda layer: not _is_last(layer.axis, layer),
    "UpSampling2D": lambda layer: layer.interpolation not in ("nearest", "bilinear"),
}


def _is_last(axis: Any, layer: Any) -> bool:
    """Whether an axis, or a list of them, is the last one of what the layer reads."""
    axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    return len(axes) == 1 and axes[0] in (-1, len(layer.input_shape) - 1)


def nodes_of(layer: Any) -> Nodes | None:
    """The entry of a layer of a folded network; None where there is none, or none for its settings."""
    if known_of(layer).idle:
        return layers.same
    unknown = UNKNOWN_SETTINGS.get(kind(layer))
    if unknown is not None and unknown(layer):
        return None
    is_activation = kind_of_class(layer) == "Activation"
    return NODES.get(f"activation {kind(layer)}" if is_activation else kind(layer))
