"""Layers of Keras 3 -> layers of legacy Keras that compute the same, with the same weights.

By the class of the layer. A rule gets the layer and returns what to call in its place. Most classes have a namesake in
legacy Keras that takes what it knows of the configuration; an option that it does not know must have the value that
it has by default in Keras 3, else the layer is refused.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from compress import keras, keras3
from compress.models.keras3.operations import ACTIVATIONS
from compress.models.keras3.refusal import CannotRebuild, is_keras_own
from compress.rewrite.graph import with_weights

Call = Callable[..., Any]

# options that change nothing in what is computed: how it is computed, or how random numbers are drawn
_HARMLESS = frozenset(("autocast", "data_format", "flash_attention", "name", "seed", "use_cudnn"))
# activations of the same name (or this one) that compute the same in both
_SAME_ACTIVATIONS = {
    **{name: name for name in ("elu", "exponential", "gelu", "linear", "mish", "relu", "selu", "sigmoid")},
    **{name: name for name in ("softmax", "softplus", "softsign", "tanh")},
    "exp": "exponential",
    "silu": "swish",
}


def rebuilt(layer: Any) -> Call:
    """What to call in place of a layer of Keras 3. Raises CannotRebuild."""
    kind = type(layer).__name__
    if not is_keras_own(type(layer)):
        raise CannotRebuild(
            "is of a custom class, whose computation cannot be read: use Keras's own layers (a function may "
            "group several of them)"
        )
    reason = REFUSED.get(kind)
    rule = RULES.get(kind)
    if reason or rule is None:
        raise CannotRebuild(reason or "has no counterpart in legacy Keras: replace it by other layers, or by keras.ops")
    _check_policy(layer)
    return rule(layer)


def _check_policy(layer: Any) -> None:
    policy = layer.dtype_policy
    if policy.compute_dtype in ("float16", "bfloat16"):
        raise CannotRebuild(
            f"computes in {policy.compute_dtype} ({policy.name}): build the network again under "
            'keras.config.set_dtype_policy("float32"), and copy the weights with set_weights'
        )
    if getattr(policy, "quantization_mode", None):
        raise CannotRebuild(f"was quantized by Keras ({policy.name}): use the network from before quantize()")
    if getattr(layer, "data_format", None) == "channels_first":
        raise CannotRebuild('has data_format = "channels_first": TFLite needs "channels_last"')


def namesake(layer: Any, /, **changes: Any) -> Any:
    """The legacy layer of the same class, configuration (but for ``changes``) and weights."""
    legacy_class = legacy(type(layer).__name__)
    config = {**_config(layer, _parameters(legacy_class), tuple(changes)), **changes}
    return with_weights(legacy_class(**config), _weights(layer))


def legacy(kind: str) -> Any:
    """The class of legacy Keras by its name; keras.applications keeps some to itself."""
    return keras.utils.get_custom_objects().get(kind) or getattr(keras.layers, kind)


def _weights(layer: Any) -> list[Any]:
    return [weight.numpy() if hasattr(weight, "numpy") else weight for weight in layer.get_weights()]


def _parameters(kind: Any) -> set[str]:
    """What a legacy class and its bases take by name."""
    bases = [base for base in kind.__mro__ if issubclass(base, keras.layers.Layer)]
    return {name for base in bases for name in inspect.signature(base.__init__).parameters} | {"name", "trainable"}


def _config(layer: Any, known: set[str], given: Sequence[str]) -> dict[str, Any]:
    """What legacy Keras takes of the configuration. The initializers go: the weights are there."""
    config: dict[str, Any] = {}
    defaults = inspect.signature(type(layer).__init__).parameters
    for key, value in layer.get_config().items():
        if key in given or key.endswith("_initializer") or key in ("dtype", "autocast"):
            continue
        if key in known:
            config[key] = _value(key, value, layer)
        elif key in defaults and key not in _HARMLESS and value not in (None, False, defaults[key].default):
            raise CannotRebuild(f"has {key} = {value!r}, which legacy Keras does not support: leave it out")
    if layer.dtype_policy.name != "float32":
        config["dtype"] = layer.dtype_policy.name
    return config


def _value(key: str, value: Any, layer: Any) -> Any:
    """One value of a configuration, in legacy Keras's words."""
    if "activation" in key.rpartition("_")[2] and value is not None:
        return same_activation(getattr(layer, key))
    if key.endswith("_regularizer") and value is not None:
        return _object(value, keras.regularizers, "regularizer")
    if key.endswith("_constraint") and value is not None:
        return _object(value, keras.constraints, "constraint")
    return value


def _object(value: Any, module: Any, what: str) -> Any:
    """A serialized regularizer or constraint of Keras's own."""
    name = value.get("class_name") if isinstance(value, dict) else None
    if not name or not hasattr(module, name) or value.get("registered_name"):
        raise CannotRebuild(f"has a {what} of a custom class: use one of Keras's, or none")
    return module.deserialize({"class_name": name, "config": value["config"]})


def activation_of(layer: Any) -> tuple[str, Call | None]:
    """The activation that stays with a legacy layer, by name, and what is called behind it, if anything."""
    function = layer.activation
    if isinstance(function, keras3.Layer):
        return "linear", rebuilt(function)
    name = _activation_name(function)
    return (_SAME_ACTIVATIONS[name], None) if name in _SAME_ACTIVATIONS else ("linear", ACTIVATIONS[name])


def _activation_name(function: Any) -> str:
    if function is None:
        return "linear"
    name = getattr(function, "__name__", None)
    if not is_keras_own(function) or name not in {**_SAME_ACTIVATIONS, **ACTIVATIONS}:
        raise CannotRebuild(
            f"has a custom activation ({name or function!r}): use a Keras layer or keras.ops after the layer instead"
        )
    return str(name)


def same_activation(function: Any) -> str:
    """Legacy Keras's name of an activation inside a layer (a recurrent one), which must be there."""
    name = _activation_name(function)
    if name not in _SAME_ACTIVATIONS:
        raise CannotRebuild(f"has the activation {name!r}, which legacy Keras does not have")
    return _SAME_ACTIVATIONS[name]


def with_activation(layer: Any) -> Call:
    """A layer that ends in an activation: in the layer where legacy Keras has the same, else as operations behind."""
    name, behind = activation_of(layer)
    first = namesake(layer, activation=name)
    return first if behind is None else lambda x: behind(first(x))


def activation(layer: Any) -> Call:
    """An Activation: the layer where legacy Keras has the same, else operations and a layer that bears the name."""
    name, behind = activation_of(layer)
    last = namesake(layer, activation=name)
    return last if behind is None else lambda x: last(behind(x))


def leaky_relu(layer: Any) -> Call:
    """Its slope has another name in legacy Keras."""
    return keras.layers.LeakyReLU(float(layer.negative_slope), name=layer.name)


def normalization(layer: Any) -> Call:
    """Mean and variance are constants in the legacy layer, adapted or given."""
    if layer.mean is None:
        raise CannotRebuild("has no mean and variance yet: call adapt(data) before you save the network")
    if layer.invert:
        raise CannotRebuild("is inverted (invert=True): write it as a multiplication and an addition")
    # shapes (1, ..., 1, channels): as many numbers as the kept axes have
    mean, variance = (keras3.ops.convert_to_numpy(value) for value in (layer.mean, layer.variance))
    axis = layer.axis if layer.axis is None or isinstance(layer.axis, int) else tuple(layer.axis)
    shape = () if not axis and axis != 0 else None
    new = legacy("Normalization")(
        axis=axis or None if shape == () else axis,
        mean=mean.reshape(()) if shape == () else mean,
        variance=variance.reshape(()) if shape == () else variance,
        name=layer.name,
        trainable=layer.trainable,
    )
    return new  # type: ignore[no-any-return]


def attention_heads(layer: Any) -> Call:
    """MultiHeadAttention: its weights are made when it is first called, and set then."""
    new = with_weights(namesake(layer), [])
    parts = ("_query_dense", "_key_dense", "_value_dense", "_output_dense")
    stored = {part: getattr(layer, part).get_weights() for part in parts}

    def call(*args: Any, **kwargs: Any) -> Any:
        result = new(*args, **kwargs)
        for part, weights in stored.items():
            getattr(new, part).set_weights(weights)
        return result

    call.legacy = new  # type: ignore[attr-defined]
    return call


def wrapper(layer: Any) -> Call:
    """TimeDistributed: the layer inside is rebuilt, the weights are set on the whole."""
    inside = rebuilt(layer.layer)
    if not isinstance(inside, keras.layers.Layer):
        raise CannotRebuild(
            f"wraps {layer.layer.name!r}, which becomes several layers in legacy Keras: use that layer without "
            "the wrapper"
        )
    return namesake(layer, layer=with_weights(inside, []))


def bidirectional(layer: Any) -> Call:
    forward, backward = (with_weights(rebuilt(part), []) for part in (layer.forward_layer, layer.backward_layer))
    return namesake(layer, layer=forward, backward_layer=backward)


_ACTIVATED = (
    *("Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Dense"),
    *("DepthwiseConv1D", "DepthwiseConv2D", "EinsumDense", "SeparableConv1D", "SeparableConv2D"),
)
_NAMESAKES = (
    *("ActivityRegularization", "Add", "AdditiveAttention", "AlphaDropout", "Attention", "Average"),
    *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "BatchNormalization", "CenterCrop", "Concatenate"),
    *("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
    *("Cropping1D", "Cropping2D", "Cropping3D", "CustomScaleLayer", "Dot", "Dropout", "ELU", "Embedding", "Flatten"),
    *("GRU", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    *("GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
    *("GroupNormalization", "Identity", "LSTM", "LayerNormalization", "LayerScale", "Masking", "MaxPooling1D"),
    *("MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum", "Multiply", "PReLU", "Permute", "RandomBrightness"),
    *("RandomContrast", "RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "ReLU"),
    *("RepeatVector", "Rescaling", "Reshape", "Resizing", "SimpleRNN", "Softmax", "SpatialDropout1D"),
    *("SpatialDropout2D", "SpatialDropout3D", "StochasticDepth", "Subtract", "UnitNormalization", "UpSampling1D"),
    *("UpSampling2D", "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"),
)

RULES: dict[str, Callable[[Any], Call]] = {
    **dict.fromkeys(_NAMESAKES, namesake),
    **dict.fromkeys(_ACTIVATED, with_activation),
    "Activation": activation,
    "Bidirectional": bidirectional,
    "LeakyReLU": leaky_relu,
    "MultiHeadAttention": attention_heads,
    "Normalization": normalization,
    "TimeDistributed": wrapper,
}

_ONLY_IN_KERAS3 = "is an augmentation that only Keras 3 has: leave it out of the network, and apply it to the data"
REFUSED: dict[str, str] = {
    "Lambda": (
        "is a Lambda, whose computation cannot be read: replace it by Keras layers, or by keras.ops called "
        "on the tensors"
    ),
    **dict.fromkeys(
        [
            *("AugMix", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "CutMix", "Equalization"),
            *("MixUp", "RandAugment", "RandomColorDegeneration", "RandomColorJitter", "RandomElasticTransform"),
            *("RandomErasing", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert"),
            *("RandomPerspective", "RandomPosterization", "RandomSaturation", "RandomSharpness", "RandomShear"),
            *("Solarization", "Pipeline"),
        ],
        _ONLY_IN_KERAS3,
    ),
}
