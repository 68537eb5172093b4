"""Rules for Keras layers: a layer -> plainer layers that compute the same.

``layer_kinds`` says which kind of layer has which rule. A rule takes the layer and its name in the rewritten network,
and returns what to call in its place, or ``KEEP`` where there is nothing to do, or None where the input passes through.
Layers are made once a rule, so that a layer that is called twice stays shared.
"""

import re
from collections.abc import Callable
from typing import Any

from compress import keras
from compress.rewrite.graph import clone, input_shape, with_weights

Call = Callable[..., Any]
KEEP = object()
FUSED = ("linear", "relu")  # what a convolution computes by itself in TFLite, and Keras can write in its config


def activation_name(layer: Any) -> str:
    """Keras's name of a layer's activation function; a function's own name where Keras has none for it, and the class
    of an activation that is a layer."""
    function = getattr(layer, "activation", None)
    if isinstance(function, keras.layers.Layer):
        return type(function).__name__
    name = keras.activations.serialize(function) if function is not None else "linear"
    name = name if isinstance(name, str) else getattr(function, "__name__", "?")
    return {"silu": "swish"}.get(name, name)


def activate(layer: Any, name: str) -> Call | None:
    """The plain layers for a layer's activation function; None for the linear one."""
    kind = activation_name(layer)
    if kind == "linear":
        return None
    if isinstance(layer.activation, keras.layers.Layer):
        rule: Any = relu(layer.activation, name) if kind == "ReLU" else KEEP
        return clone(layer.activation, name=name) if rule is KEEP else rule
    if kind == "relu6":
        return keras.layers.ReLU(6.0, name=name)
    if kind == "swish":
        gate, product = keras.layers.Activation("sigmoid", name=f"{name}_sigmoid"), keras.layers.Multiply(name=name)
        return lambda x: product([x, gate(x)])
    if kind == "hard_sigmoid":  # Keras's own: clip(0.2 x + 0.5, 0, 1), in the form of MobileNetV3's
        shift, clip = (
            keras.layers.Rescaling(1.0, 2.5, name=f"{name}_shift"),
            keras.layers.ReLU(5.0, name=f"{name}_clip"),
        )
        scale = keras.layers.Rescaling(0.2, name=name)
        return lambda x: scale(clip(shift(x)))
    return keras.layers.Activation(layer.activation, name=name)


def activation(layer: Any, name: str) -> Any:
    """swish -> x * sigmoid(x), and so on."""
    is_layer = isinstance(layer.activation, keras.layers.Layer)
    known = is_layer or activation_name(layer) in ("linear", "relu6", "swish", "hard_sigmoid")
    return activate(layer, name) if known else KEEP


def kernel_layer(layer: Any, name: str) -> Any:
    """A convolution or dense layer with an activation that TFLite does not fuse -> the two apart."""
    if activation_name(layer) in FUSED:
        return KEEP
    return _with_activation(clone(layer, activation="linear", name=name), layer, name)


def _fused(layer: Any) -> Any:
    """The activation that stays with the kernel; None where it comes behind."""
    return layer.activation if activation_name(layer) in FUSED else None


def _with_activation(first: Call, layer: Any, name: str) -> Call:
    """``first``, and behind it the activation of ``layer`` where that does not stay with the kernel."""
    kind = activation_name(layer)
    after = None if kind in FUSED else activate(layer, f"{name}_{re.sub(r'[^A-Za-z0-9_.-]', '_', kind)}")
    return first if after is None else lambda x: after(first(x))


def convolution(layer: Any, name: str) -> Any:
    """With a group a channel it is a depthwise convolution, as in ConvNeXt; else as ``kernel_layer``."""
    channels = input_shape(layer)[-1]
    if layer.groups == 1 or layer.groups != channels:
        return kernel_layer(layer, name)
    config = layer.get_config()
    kernel, *bias = layer.get_weights()
    depthwise = with_weights(
        keras.layers.DepthwiseConv2D(
            **{key: config[key] for key in ("kernel_size", "strides", "padding", "dilation_rate", "use_bias")},
            depth_multiplier=layer.filters // channels,
            depthwise_regularizer=config["kernel_regularizer"],
            activation=_fused(layer),
            trainable=layer.trainable,
            name=name,
        ),
        [kernel.reshape(*kernel.shape[:2], channels, -1), *bias],
    )
    return _with_activation(depthwise, layer, name)


def on_map(layer: Any, make: Call, name: str) -> Any:
    """A layer on a sequence, (batch, length, channels), as ``make()`` on the map (batch, 1, length, channels)."""
    shape = input_shape(layer)[1:]
    if None in shape or getattr(layer, "data_format", "channels_last") != "channels_last":
        return KEEP
    new, filters = make(), layer.compute_output_shape((None, *shape))[-1]
    as_map = keras.layers.Reshape((1, *shape), name=f"{name}_as_map")
    back = keras.layers.Reshape((-1, filters), name=f"{name}_back")
    return lambda x, **_: back(new(as_map(x)))


def convolution_1d(layer: Any, name: str) -> Any:
    """On a sequence: Conv1D, DepthwiseConv1D, and causal ones with the padding that they have in front."""
    depthwise = type(layer).__name__ == "DepthwiseConv1D"
    config = layer.get_config()
    copied_fields = (
        ("use_bias", "depth_multiplier", "depthwise_regularizer")
        if depthwise
        else ("use_bias", "filters", "groups", "kernel_regularizer")
    )
    options = {key: config[key] for key in copied_fields}

    def make() -> Call:
        kernel, *bias = layer.get_weights()
        kind = keras.layers.DepthwiseConv2D if depthwise else keras.layers.Conv2D
        new = kind(
            kernel_size=(1, *layer.kernel_size),
            strides=(1, layer.strides[0]) if not depthwise else layer.strides[0],
            padding="same" if layer.padding == "same" else "valid",
            dilation_rate=(1, *layer.dilation_rate),
            activation=_fused(layer),
            trainable=layer.trainable,
            name=name,
            **options,
        )
        weighted = with_weights(new, [kernel[None], *bias])
        if layer.padding != "causal":
            return weighted
        before = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
        pad = keras.layers.ZeroPadding2D(((0, 0), (before, 0)), name=f"{name}_causal")
        return lambda x: weighted(pad(x))

    rewritten = on_map(layer, make, name)
    return KEEP if rewritten is KEEP else _with_activation(rewritten, layer, name)


def separable_1d(layer: Any, name: str) -> Any:
    """SeparableConv1D -> a depthwise and a 1x1 convolution on the map."""
    if layer.padding == "causal":
        return KEEP
    first, second, *bias = layer.get_weights()
    rewritten = on_map(layer, lambda: _in_two(layer, name, [first[None], second[None], *bias]), name)
    return KEEP if rewritten is KEEP else _with_activation(rewritten, layer, name)


def average_pool_1d(layer: Any, name: str) -> Any:
    def make() -> Call:
        size, stride = layer.pool_size[0], layer.strides[0]
        return keras.layers.AveragePooling2D((1, size), (1, stride), layer.padding, name=name)

    return on_map(layer, make, name)


def up_sampling_1d(layer: Any, name: str) -> Any:
    return on_map(layer, lambda: keras.layers.UpSampling2D((1, int(layer.size)), name=name), name)


def dense(layer: Any, name: str) -> Any:
    """On a map, (batch, height, width, channels), a dense layer is a 1x1 convolution; else as ``kernel_layer``."""
    if len(input_shape(layer)) != 4:
        return kernel_layer(layer, name)
    config = {key: layer.get_config()[key] for key in ("use_bias", "kernel_regularizer", "bias_regularizer")}
    kernel, *bias = layer.get_weights()
    convolution = with_weights(
        keras.layers.Conv2D(
            layer.units,
            1,
            name=name,
            activation=_fused(layer),
            trainable=layer.trainable,
            **config,
        ),
        [kernel[None, None], *bias],
    )
    return _with_activation(convolution, layer, name)


def separable(layer: Any, name: str) -> Any:
    """SeparableConv2D -> a depthwise and a 1x1 convolution."""
    return _with_activation(_in_two(layer, name, layer.get_weights()), layer, name)


def _in_two(layer: Any, name: str, weights: list[Any]) -> Call:
    """The depthwise and the 1x1 convolution of a separable one, on maps, with the ``weights`` that it has on maps.

    A sequence's stride is taken in both directions, as a depthwise convolution wants it: the map has a height of 1.
    """
    config = layer.get_config()
    strides, dilation = layer.strides, layer.dilation_rate
    first, second, *bias = weights
    depthwise = with_weights(
        keras.layers.DepthwiseConv2D(
            first.shape[:2],
            strides if len(strides) == 2 else 2 * strides,
            padding=layer.padding,
            dilation_rate=dilation if len(dilation) == 2 else (1, *dilation),
            depth_multiplier=layer.depth_multiplier,
            depthwise_regularizer=config["depthwise_regularizer"],
            use_bias=False,
            trainable=layer.trainable,
            name=f"{name}_depthwise",
        ),
        [first],
    )
    pointwise = with_weights(
        keras.layers.Conv2D(
            layer.filters,
            1,
            use_bias=layer.use_bias,
            kernel_regularizer=config["pointwise_regularizer"],
            activation=_fused(layer),
            trainable=layer.trainable,
            name=name,
        ),
        [second, *bias],
    )
    return lambda x: pointwise(depthwise(x))


def relu(layer: Any, name: str) -> Any:
    """A ReLU with a slope below zero is a leaky one."""
    if layer.negative_slope and layer.max_value is None and not layer.threshold:
        return keras.layers.LeakyReLU(float(layer.negative_slope), name=name)
    return KEEP


def merge(layer: Any, name: str) -> Any:
    """Add, Multiply, Maximum or Minimum of many -> of two at a time, as TFLite has it; x + x -> 2 x."""
    if len(layer.input) == 2:
        if type(layer).__name__ == "Add" and len(layer.inbound_nodes) == 1 and _same(*layer.input):
            twice = keras.layers.Rescaling(2.0, name=name)
            return lambda tensors: twice(tensors[0])
        return KEEP
    return two_at_a_time(type(layer), name, len(layer.input))


def _same(one: Any, other: Any) -> bool:
    """Whether two tensors are the same, or the same pool of the same tensor, as NASNet adds them."""
    if one is other:
        return True
    first, second = one.node.layer, other.node.layer
    configs = [{**layer.get_config(), "name": None} for layer in (first, second)]
    return (
        type(first) is type(second)
        and not first.weights
        and configs[0] == configs[1]
        and len(one.node.keras_inputs) == 1
        and one.node.keras_inputs[0] is other.node.keras_inputs[0]
        and type(first).__name__ in ("AveragePooling2D", "MaxPooling2D")
    )


def two_at_a_time(kind: Any, name: str, count: int) -> Call:
    """A chain of ``count - 1`` merging layers; the last one bears the name."""
    steps = [kind(name=f"{name}_part{number}" if number < count - 1 else name) for number in range(1, count)]

    def call(tensors: list[Any]) -> Any:
        result = tensors[0]
        for step, tensor in zip(steps, tensors[1:], strict=True):
            result = step([result, tensor])
        return result

    return call


def average(layer: Any, name: str) -> Any:
    """A mean of tensors -> their sum, scaled."""
    count = len(layer.input)
    total = two_at_a_time(keras.layers.Add, f"{name}_sum", count)
    scale = keras.layers.Rescaling(1 / count, name=name)
    return lambda tensors: scale(total(tensors))


def scaled_residual(layer: Any, name: str) -> Any:
    """InceptionResNetV2's CustomScaleLayer: x + scale * residual."""
    scale = keras.layers.Rescaling(float(layer.scale), name=f"{name}_scale")
    add = keras.layers.Add(name=name)
    return lambda tensors, **_: add([tensors[0], scale(tensors[1])])


def cell_means(layer: Any, name: str) -> Any:
    """Means of parts of a map of one size -> an average pool."""
    shape = input_shape(layer)
    if None in shape[1:3]:
        return KEEP
    sides = layer.sides(shape)
    return keras.layers.AveragePooling2D(sides, sides, padding="same", name=name)


def enlarged_like(layer: Any, name: str) -> Any:
    """Enlarging to a known size -> by whole factors, less what is too much."""
    part, whole = (tuple(tensor.shape) for tensor in layer.input)
    if None in part[1:3] or None in whole[1:3]:
        return KEEP
    factors, surplus = layer.factors([part, whole]), layer.surplus([part, whole])
    fits = surplus == ((0, 0), (0, 0))
    enlarge = keras.layers.UpSampling2D(factors, interpolation="bilinear", name=name if fits else f"{name}_all")
    if fits:
        return lambda tensors, **_: enlarge(tensors[0])
    cut = keras.layers.Cropping2D(surplus, name=name)
    return lambda tensors, **_: cut(enlarge(tensors[0]))
