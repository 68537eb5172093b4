"""Every layer and operation that has a rule: rewritten exactly, quantized, and int8 in the .tflite."""

import numpy as np
import pytest

from compress import fake_quant, keras
from compress.export import convert, flatbuffer
from compress.quantize.fold import fold
from compress.quantize.int8_support import support
from compress.quantize.qat import float_layers, quantization_aware
from compress.rewrite.layer_kinds import KINDS, Int8
from compress.rewrite.layer_kinds import kind as kind_of
from compress.stages.faithful import unexpected_floats
from tests.said import logits_of, numbers_of, probabilities

tf, layers = keras.tf, keras.layers
PIXELS = np.random.default_rng(1).integers(0, 256, (16, 12, 12, 3), dtype="uint8")
IMAGES = PIXELS.astype("float32") / 255
CHANNELS = np.linspace(0.5, 2.0, 8).astype("float32")


def normalization(x):
    return layers.Normalization(mean=CHANNELS, variance=CHANNELS)(x)


def inner(kind, **options):
    """A layer that keras.applications keeps to itself."""
    from tf_keras.src.applications import convnext, inception_resnet_v2

    return getattr(convnext, kind, None) or getattr(inception_resnet_v2, kind)


def eca(x):
    """Channel attention by a convolution over the channels (Wang et al., ECA-Net, 2020)."""
    mean = layers.Reshape((x.shape[-1], 1))(layers.GlobalAveragePooling1D()(x))
    gate = layers.Conv1D(1, 3, padding="same", use_bias=False, activation="sigmoid")(mean)
    return x * layers.Reshape((1, x.shape[-1]))(gate)


def half(x):
    return layers.Conv2D(8, 1, padding="same")(x)


def shuffled(x, groups=2):
    """A channel shuffle as people write it (Zhang et al., ShuffleNet, 2017)."""
    count, (height, width, channels) = tf.shape(x)[0], x.shape[1:]
    x = tf.transpose(tf.reshape(x, [count, height, width, groups, channels // groups]), [0, 1, 2, 4, 3])
    return tf.reshape(x, tf.stack([count, height, width, channels]))


def sized_by_shapes(x):
    """Shapes and indices that are computed with, and casts of what has the type."""
    size = tf.shape(x)[1:3] * 2 // 2 + tf.range(2) * 0
    return tf.cast(tf.gather(tf.image.resize(x, size), tf.constant([3, 1, 0, 7]), axis=-1), tf.float32)


# kind of layer, as layer_kinds.kind says it -> something of it on a map x of 8 channels with negative values, too
SAMPLES = {
    "ActivityRegularization": lambda x: layers.ActivityRegularization(0.1)(x),
    "Add": lambda x: layers.Add()([x, half(x), half(x)]),
    "AlphaDropout": lambda x: layers.AlphaDropout(0.5)(x),
    "Average": lambda x: layers.Average()([x, half(x), half(x)]),
    "AveragePooling1D": lambda x: layers.AveragePooling1D(3, 2, padding="same")(layers.Reshape((144, 8))(x)),
    "AveragePooling2D": lambda x: layers.AveragePooling2D(3, padding="same")(layers.Conv2D(6, 1)(x)),
    "BatchNormalization": lambda x: layers.BatchNormalization()(layers.MaxPooling2D()(x)),
    "CellMeans": lambda x: fake_quant.EnlargedLike()([half(fake_quant.CellMeans(5)(x)), x]),
    "EnlargedLike": lambda x: fake_quant.EnlargedLike()([half(fake_quant.CellMeans(4)(x)), x]),
    "Concatenate": lambda x: layers.Concatenate()([x, half(x)]),
    "Conv1D": lambda x: eca(layers.Conv1D(6, 3, strides=2, activation="swish")(layers.Reshape((144, 8))(x))),
    "Conv1D, causal": lambda x: layers.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu")(layers.Reshape((144, 8))(x)),
    "Conv2D": lambda x: layers.Conv2D(6, 3, activation="swish")(x),
    "Conv2D of a group a channel": lambda x: layers.Conv2D(16, 3, 2, groups=8, activation="swish")(x),
    "Conv2D of two groups": lambda x: layers.Conv2D(6, 3, groups=2)(x),
    "Conv2DTranspose": lambda x: layers.BatchNormalization()(layers.Conv2DTranspose(6, 3, 2, padding="same")(x)),
    "Cropping1D": lambda x: layers.Cropping1D(2)(layers.Reshape((144, 8))(x)),
    "Cropping2D": lambda x: layers.Cropping2D(1)(x),
    "CustomScaleLayer": lambda x: inner("CustomScaleLayer")(0.3)([x, layers.MaxPooling2D(1)(x)]),
    "Dense": lambda x: layers.Dense(6, activation="gelu")(x),
    "DepthwiseConv1D": lambda x: layers.DepthwiseConv1D(3, 2, depth_multiplier=2, activation="swish")(layers.Reshape((144, 8))(x)),
    "DepthwiseConv2D": lambda x: layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu6")(x),
    "Dropout": lambda x: layers.Dropout(0.5)(x),
    "Flatten": lambda x: layers.Flatten()(x),
    "GaussianDropout": lambda x: layers.GaussianDropout(0.5)(x),
    "GaussianNoise": lambda x: layers.GaussianNoise(0.5)(x),
    "GlobalAveragePooling1D": lambda x: layers.GlobalAveragePooling1D()(layers.Reshape((144, 8))(x)),
    "GlobalAveragePooling2D": lambda x: layers.GlobalAveragePooling2D(keepdims=True)(x),
    "GlobalMaxPooling1D": lambda x: layers.GlobalMaxPooling1D()(layers.Reshape((144, 8))(x)),
    "GlobalMaxPooling2D": lambda x: layers.GlobalMaxPooling2D()(x),
    "LayerScale": lambda x: inner("LayerScale")(0.3, 8)(layers.MaxPooling2D()(x)),
    "LeakyReLU": lambda x: layers.LeakyReLU(0.2)(x),
    "MaxPooling1D": lambda x: layers.MaxPooling1D(3)(layers.Reshape((144, 8))(x)),
    "MaxPooling2D": lambda x: layers.MaxPooling2D()(x),
    "Maximum": lambda x: layers.Maximum()([x, half(x), half(x)]),
    "Minimum": lambda x: layers.Minimum()([x, half(x)]),
    "Multiply": lambda x: layers.Multiply()([x, half(x), layers.GlobalAveragePooling2D(keepdims=True)(x)]),
    "Normalization": normalization,
    "PReLU": lambda x: layers.PReLU(alpha_initializer="random_uniform", shared_axes=[1, 2])(x),
    "Permute": lambda x: layers.Permute((2, 1, 3))(x),
    **{
        f"Random{change}": lambda x, change=change, how=how: getattr(layers, f"Random{change}")(*how)(x)
        for change, how in {
            "Brightness": [0.2], "Contrast": [0.2], "Flip": [], "Rotation": [0.1], "Translation": [0.1, 0.1], "Zoom": [0.1],
        }.items()
    },
    "RandomHeight": lambda x: layers.GlobalAveragePooling2D()(layers.RandomHeight(0.1)(x)),
    "RandomWidth": lambda x: layers.GlobalAveragePooling2D()(layers.RandomWidth(0.1)(x)),
    "ReLU": lambda x: layers.Add()([layers.ReLU(6.0)(x), layers.ReLU(0.5)(x), layers.ReLU(negative_slope=0.1)(x)]),
    "Rescaling": lambda x: layers.Rescaling([*CHANNELS.tolist()], 0.5)(x),
    "RepeatVector": lambda x: layers.RepeatVector(3)(layers.GlobalAveragePooling2D()(x)),
    "Reshape": lambda x: layers.Reshape((6, 24, 8))(x),
    "SeparableConv1D": lambda x: layers.SeparableConv1D(6, 3, 2, depth_multiplier=2, activation="gelu")(layers.Reshape((144, 8))(x)),
    "SeparableConv2D": lambda x: layers.SeparableConv2D(6, 3, 2, depth_multiplier=2, activation="swish")(x),
    "SlicingOpLambda": lambda x: x[:, 1:5, ::2, :],
    "Softmax": lambda x: layers.Softmax()(x),
    "SpatialDropout1D": lambda x: layers.SpatialDropout1D(0.5)(layers.Reshape((144, 8))(x)),
    "SpatialDropout3D": lambda x: layers.SpatialDropout3D(0.5)(x[..., None]),
    "SpatialDropout2D": lambda x: layers.SpatialDropout2D(0.5)(x),
    "StochasticDepth": lambda x: inner("StochasticDepth")(0.5)(x),
    "Subtract": lambda x: layers.Subtract()([x, half(x)]),
    "SyncBatchNormalization": lambda x: layers.BatchNormalization(synchronized=True)(layers.MaxPooling2D()(x)),
    "UpSampling1D": lambda x: layers.UpSampling1D(2)(layers.Reshape((144, 8))(x)),
    "UpSampling2D": lambda x: layers.Add()(
        [layers.UpSampling2D(2)(x), layers.UpSampling2D(2, interpolation="bilinear")(x)]
    ),
    "ZeroPadding1D": lambda x: layers.ZeroPadding1D((1, 2))(layers.Reshape((144, 8))(x)),
    "ZeroPadding2D": lambda x: layers.ZeroPadding2D(1)(x),
    **{
        f"activation {name}": lambda x, name=name: layers.Activation(name)(x)
        for name in ("exponential", "gelu", "hard_sigmoid", "linear", "relu", "sigmoid", "softmax", "swish", "tanh")
    },
    "activation relu6": lambda x: layers.Activation(tf.nn.relu6)(x),
    "tf.__operators__.add": lambda x: 3.0 + (x + CHANNELS) + half(x),
    "tf.__operators__.sub": lambda x: 3.0 - (x - 1.0),
    "tf.__operators__.mul": lambda x: x * half(x) * 0.5,
    "tf.__operators__.truediv": lambda x: x / 3.0,
    "tf.cast": lambda x: layers.Conv2D(4, 1)(tf.cast(x, tf.float32)),
    "tf.clip_by_value": lambda x: tf.clip_by_value(x, 0.0, 0.7),
    "tf.concat": lambda x: tf.concat([x, half(x)], axis=-1),
    "tf.expand_dims": lambda x: tf.expand_dims(layers.GlobalAveragePooling2D()(x), 1),
    "tf.gather": lambda x: tf.gather(x, [3, 1, 0, 7, 3], axis=-1),
    "tf.identity": tf.identity,
    "tf.image.resize": lambda x: tf.image.resize(x, (24, 24)),
    "tf.math.add": lambda x: tf.add(x, half(x)),
    "tf.math.add_n": lambda x: tf.add_n([x, half(x), half(x)]),
    "tf.math.divide": lambda x: tf.divide(x, 3.0),
    "tf.math.maximum": lambda x: tf.maximum(tf.maximum(x, half(x)), -0.2),
    "tf.math.maximum with zero": lambda x: tf.maximum(0.0, x),
    "tf.math.minimum": lambda x: tf.minimum(tf.minimum(x, half(x)), 0.3),
    "tf.math.multiply": lambda x: tf.multiply(x, half(x)),
    "tf.math.negative": lambda x: -x,
    "tf.math.reduce_max": lambda x: tf.reduce_max(x, [1, 2], keepdims=True),
    "tf.math.reduce_mean": lambda x: tf.reduce_mean(x, [1, 2]),
    "tf.math.reduce_max and reduce_mean over channels, as in CBAM": lambda x: x * layers.Conv2D(
        1, 3, padding="same", activation="sigmoid"
    )(layers.Concatenate()([tf.reduce_mean(x, -1, keepdims=True), tf.reduce_max(x, -1, keepdims=True)])),
    "tf.math.reduce_min": lambda x: tf.reduce_min(x, 1),
    "tf.math.reduce_sum": lambda x: tf.reduce_sum(x, -1),
    "tf.math.sigmoid": tf.sigmoid,
    "tf.math.subtract": lambda x: tf.subtract(x, half(x)),
    "tf.math.tanh": tf.tanh,
    "tf.math.truediv": lambda x: tf.math.truediv(x, CHANNELS),
    "tf.nn.bias_add": lambda x: tf.nn.bias_add(x, CHANNELS),
    "tf.nn.avg_pool": lambda x: tf.nn.avg_pool(x, 2, 2, "VALID"),
    "tf.nn.avg_pool2d": lambda x: tf.nn.avg_pool2d(x, [1, 3, 3, 1], [1, 2, 2, 1], "SAME"),
    "tf.nn.depth_to_space": lambda x: tf.nn.depth_to_space(x, 2),
    "tf.nn.gelu": lambda x: tf.nn.gelu(tf.nn.gelu(x), approximate=True),
    "tf.nn.leaky_relu": lambda x: tf.nn.leaky_relu(x, 0.1),
    "tf.nn.max_pool": lambda x: tf.nn.max_pool(x, 2, 2, "VALID"),
    "tf.nn.max_pool2d": lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME"),
    "tf.nn.relu": tf.nn.relu,
    "tf.nn.relu6": tf.nn.relu6,
    "tf.nn.silu": tf.nn.silu,
    "tf.nn.softmax": tf.nn.softmax,
    "tf.nn.space_to_depth": lambda x: tf.nn.space_to_depth(x, 2),
    "tf.pad": lambda x: tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]),
    "tf.pad with a value": lambda x: tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=0.3),
    "tf.reshape": lambda x: tf.reshape(x, [-1, 6, 24, 8]),
    "tf.shape": shuffled,
    "tf.shape, tf.range, tf.gather": sized_by_shapes,
    "tf.slice": lambda x: tf.slice(x, [0, 1, 1, 0], [-1, 4, 4, 8]),
    "tf.split": lambda x: layers.Add()(tf.split(x, 2, axis=-1)),
    "tf.split in ShuffleNet V2": lambda x: (lambda a, b: shuffled(tf.concat([a, layers.Conv2D(4, 3, padding="same")(b)], -1)))(
        *tf.split(x, 2, axis=-1)
    ),
    "tf.squeeze": lambda x: tf.squeeze(layers.GlobalAveragePooling2D(keepdims=True)(x), [1]),
    "tf.stack": lambda x: tf.stack([x[..., :4], x[..., 4:]], axis=3),
    "tf.stop_gradient": tf.stop_gradient,
    "tf.strided_slice": lambda x: tf.strided_slice(x, [0, 1, 1, 0], [16, 9, 9, 8], [1, 2, 2, 1], begin_mask=1, end_mask=1),
    "tf.tile": lambda x: tf.tile(x, [1, 1, 1, 2]),
    "tf.transpose": lambda x: tf.transpose(x, [0, 2, 1, 3]),
}  # fmt: skip


def network(sample):
    """A convolution, the sample, a head of 4 classes; every weight with some value."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    y = sample(layers.Conv2D(8, 3, padding="same", name="stem")(image))
    if len(y.shape) > 2:
        y = layers.Flatten()(y)
    model = keras.Model(image, layers.Dense(4, name="head")(y), name="sample")
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "variance" in weight.name:
            weight.assign(rng.uniform(0.2, 1, weight.shape))
        elif any(word in weight.name for word in ("mean", "beta", "bias")):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


def test_every_rule_has_a_sample():
    # Activation goes by its function, what is always float by what it gives; a threshold and a shift are made of others
    of_others = {"Activation", "Shift", "Threshold", "tf.keras.activations.swish"}
    kinds = {
        name for name, known in KINDS.items() if known.rewrite or known.channel_line or not isinstance(known.int8, str)
    }
    assert {*SAMPLES} >= kinds - of_others


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_layer_with_a_rule(kind):
    model = network(SAMPLES[kind])
    wanted = model(IMAGES, training=False).numpy()
    assert np.ptp(wanted) > 0.05
    folded = fold(model)
    np.testing.assert_allclose(folded(IMAGES, training=False), wanted, atol=1e-5 * abs(wanted).max())
    aware = quantization_aware(model, [IMAGES])
    fake_quant.freeze_quantized_kernels(aware)
    logits = logits_of(aware)(PIXELS)
    assert np.corrcoef(logits.ravel(), wanted.ravel())[0, 1] > 0.98
    content = convert.Converter(aware).dense()
    assert flatbuffer.operators(content).floats == []
    np.testing.assert_allclose(numbers_of(content)(PIXELS), probabilities(logits), atol=0.03)


@pytest.mark.parametrize("kind", [kind for kind in SAMPLES if kind.startswith("tf.")])
def test_an_operation_in_the_float_file(kind):
    """Constants of the user's are no inputs of the file."""
    model = network(SAMPLES[kind])
    content = convert.Converter(model).dense()
    assert len(flatbuffer.read_model(content).subgraphs[0].inputs) == 1
    wanted = probabilities(model(IMAGES, training=False).numpy())
    np.testing.assert_allclose(numbers_of(content)(PIXELS), wanted, atol=1e-4)


@pytest.mark.parametrize("activation", [layers.LeakyReLU(0.1), layers.ReLU(negative_slope=0.2), layers.ReLU(6.0)])
@pytest.mark.parametrize("behind", [
    lambda activation: layers.Conv2D(6, 3, activation=activation), lambda activation: layers.Activation(activation),
], ids=["conv", "activation"])  # fmt: skip
def test_an_activation_that_is_a_layer(behind, activation):
    model = network(behind(activation))
    folded = fold(model)
    np.testing.assert_allclose(folded(IMAGES), model(IMAGES, training=False), atol=1e-5)
    assert float_layers(quantization_aware(model, [IMAGES])) == {}


@pytest.mark.parametrize(("layer", "wanted"), [
    (lambda: layers.Conv2DTranspose(4, 3, activation=layers.ReLU()), Int8("kernel")),
    (lambda: layers.Activation(layers.ReLU(4.0)), Int8(fixed=(0.0, 4.0))),
    (lambda: layers.Activation(layers.ELU()), "the converter has no int8 ELU"),
], ids=["transposed", "relu", "elu"])  # fmt: skip
def test_what_is_known_of_a_layer_that_no_rewrite_has_opened(layer, wanted):
    """As `compare` asks of a network that is not folded: of an Activation what it wraps, of any other the layer."""
    model = network(lambda x: layer()(x))
    (asked,) = (each for each in model.layers if type(each).__name__ in ("Conv2DTranspose", "Activation"))
    assert support(asked) == wanted


@pytest.mark.parametrize("pattern", ["middle", "m*"])
def test_a_layer_that_is_kept_float(pattern):
    model = network(lambda x: layers.Conv2D(8, 3, name="middle", activation="relu")(half(x)))
    aware = quantization_aware(model, [IMAGES], keep_float=[pattern])
    fake_quant.freeze_quantized_kernels(aware)
    content = convert.Converter(aware).dense()
    assert flatbuffer.operators(content).floats == ["DEQUANTIZE", "CONV_2D", "QUANTIZE"]
    kernel = aware.get_layer("quant_middle")._weight_vars[0][0].numpy()
    np.testing.assert_array_equal(kernel, model.get_layer("middle").kernel)
    stored = next(k for name, k in flatbuffer.convolution_kernels(content).items() if "middle" in name)
    np.testing.assert_array_equal(stored, kernel.transpose(3, 0, 1, 2))
    logits = logits_of(aware)(PIXELS)
    np.testing.assert_allclose(numbers_of(content)(PIXELS), probabilities(logits), atol=0.03)


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "softmax"])
def test_an_activation_that_is_kept_float(function):
    model = network(lambda x: layers.Activation(function, name="gate")(half(x)) * x)
    aware = quantization_aware(model, [IMAGES], keep_float=["gate"])
    assert float_layers(aware) == {"gate": "keep_float asks for it"}
    fake_quant.freeze_quantized_kernels(aware)
    content = convert.Converter(aware).dense()
    operator = {"sigmoid": "LOGISTIC"}.get(function, function.upper())
    assert flatbuffer.operators(content).floats == ["DEQUANTIZE", operator, "QUANTIZE"]
    logits = logits_of(aware)(PIXELS)
    np.testing.assert_allclose(numbers_of(content)(PIXELS), probabilities(logits), atol=0.03)


def test_a_float_kernel_keeps_its_zeros_in_training():
    model = network(lambda x: layers.Conv2D(8, 3, name="middle")(x))
    kernel, bias = model.get_layer("middle").get_weights()
    kernel[:, :, ::2] = 0
    model.get_layer("middle").set_weights([kernel, bias])
    aware = quantization_aware(model, [IMAGES], keep_float=["middle"])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(aware(IMAGES, training=True) ** 2)
    variable = aware.get_layer("quant_middle")._weight_vars[0][0]
    gradient = tape.gradient(loss, variable).numpy()
    assert not gradient[:, :, ::2].any()
    assert gradient[:, :, 1::2].any()


def test_a_pattern_that_names_no_layer_is_refused():
    from compress.errors import UserError

    with pytest.raises(UserError, match="keep_float: unknown layer 'midle'; did you mean middle"):
        quantization_aware(network(lambda x: layers.Conv2D(8, 3, name="middle")(x)), [IMAGES], keep_float=["midle"])


@pytest.mark.parametrize(
    ("kind", "sample", "operators"),
    [
        ("LayerNormalization", lambda x: layers.LayerNormalization()(x), {"RSQRT"}),
        ("elu", lambda x: layers.Activation("elu")(x), {"ELU"}),
        ("ELU", lambda x: layers.ELU()(x), {"ELU"}),
        (
            "Conv3D",
            lambda x: layers.Conv3D(4, 3, padding="same", activation="sigmoid")(x[..., None]),
            {"CONV_3D", "LOGISTIC"},
        ),
        (
            "MultiHeadAttention",
            lambda x: layers.MultiHeadAttention(2, 4)(*[layers.Reshape((144, 8))(x)] * 2),
            {"BATCH_MATMUL"},
        ),
        ("LSTM", lambda x: layers.LSTM(5)(layers.Reshape((12, 96))(x)), {"WHILE"}),
        ("tf.einsum", lambda x: tf.einsum("bhwc,bhwd->bcd", x, x), {"BATCH_MATMUL"}),
        ("softplus", lambda x: layers.Activation("softplus")(x), {"LOG"}),
        ("tf.unstack", lambda x: layers.Add()(tf.unstack(x, axis=1)[:3]), {"UNPACK"}),
        ("tf.math.square", tf.math.square, {"SQUARE"}),
        ("tf.math.abs", tf.math.abs, {"ABS"}),
        ("ReLU", lambda x: layers.ReLU(threshold=0.2)(x), set()),
    ],
)
def test_what_has_no_int8_rule_computes_in_float(kind, sample, operators):
    model = network(sample)
    (layer,) = (layer for layer in model.layers if kind_of(layer) == kind)
    assert isinstance(support(layer), str)
    aware = quantization_aware(model, [IMAGES])
    fake_quant.freeze_quantized_kernels(aware)
    content = convert.Converter(aware).dense()
    found = flatbuffer.operators(content)
    assert {"DEQUANTIZE", "QUANTIZE", *operators} <= set(found.floats)
    assert unexpected_floats(found, float_layers(aware)) == []
    assert {name.split()[0] for name in unexpected_floats(found, ["other"])} >= operators
    assert "CONV_2D" not in found.floats
    logits, wanted = logits_of(aware)(PIXELS), model(IMAGES, training=False).numpy()
    assert np.corrcoef(logits.ravel(), wanted.ravel())[0, 1] > 0.98
    np.testing.assert_allclose(numbers_of(content)(PIXELS), probabilities(logits), atol=0.03)


@pytest.mark.parametrize("axis", [1, 2, 3, -1, 0])
def test_a_reversal_of_the_users_stays_in_the_file(axis):
    model = network(lambda x: layers.Conv2D(4, 1, name="mixed")(tf.reverse(x, [axis])) if axis else tf.reverse(x, [0]))
    wanted = np.concatenate([model(image[None], training=False) for image in IMAGES])
    content = convert.Converter(model).dense()
    assert ("REVERSE_V2" in flatbuffer.operators(content).counts) == (axis != 0)
    np.testing.assert_allclose(numbers_of(content)(PIXELS), probabilities(wanted), atol=1e-4)
    aware = quantization_aware(model, [IMAGES])
    fake_quant.freeze_quantized_kernels(aware)
    content = convert.Converter(aware).dense()
    assert flatbuffer.operators(content).counts.get("REVERSE_V2", 0) == (axis != 0)
    logits = np.concatenate([aware(image[None], training=False) for image in IMAGES])
    np.testing.assert_allclose(numbers_of(content)(PIXELS), probabilities(logits), atol=0.03)
    np.testing.assert_allclose(probabilities(logits), probabilities(wanted), atol=0.05)


IN_A_ROW = {
    "floats and an idle one": lambda x: layers.Conv2D(8, 1, name="m3")(
        layers.Dropout(0.5, name="m2")(layers.LayerNormalization(name="m")(layers.Conv2D(8, 1, name="m1")(x)))
    ),
    "idle ones at both ends": lambda x: layers.GaussianNoise(0.1, name="m3")(
        layers.Conv2D(8, 1, name="m2")(layers.Dropout(0.5, name="m1")(half(x)))
    ),
    "idle ones alone": lambda x: half(tf.stop_gradient(layers.Dropout(0.5, name="m1")(half(x)))),
    "read by int8 and float": lambda x: (lambda y: layers.Add()([layers.ELU(name="m3")(y), half(y)]))(
        layers.Dropout(0.5, name="m2")(layers.ELU(name="m1")(x))
    ),
}


@pytest.mark.parametrize("kind", IN_A_ROW)
def test_float_layers_in_a_row_have_nothing_between_them(kind):
    """And what does nothing in inference is as what it reads, whether a pattern of keep_float meets it or not."""
    model = network(IN_A_ROW[kind])
    keep = ["m*"] if any(layer.name.startswith("m") for layer in model.layers) else []
    aware = quantization_aware(model, [IMAGES], keep_float=keep)
    fake_quant.freeze_quantized_kernels(aware)
    content = convert.Converter(aware).dense()
    found = flatbuffer.operators(content)
    assert "REVERSE_V2" not in found.counts
    assert unexpected_floats(found, float_layers(aware)) == []
    # what int8 reads, too, has a grid
    assert found.floats.count("DEQUANTIZE") == {"idle ones alone": 0, "read by int8 and float": 2}.get(kind, 1)
    logits = logits_of(aware)(PIXELS)
    np.testing.assert_allclose(numbers_of(content)(PIXELS), probabilities(logits), atol=0.03)
    wanted = model(IMAGES, training=False).numpy()
    np.testing.assert_allclose(logits, wanted, atol=0.05 * abs(wanted).max())
    outputs = [aware(IMAGES, training=True).numpy() for _ in range(2)]
    assert np.any(outputs[0] != outputs[1]) == any("ropout" in type(layer).__name__ for layer in model.layers)
