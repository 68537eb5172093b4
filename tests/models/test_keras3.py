"""Networks of Keras 3, rebuilt in legacy Keras: the same values, from .keras, .h5 and memory; or refused by name."""

import numpy as np
import pytest

from compress import keras, keras3
from compress.errors import UserError
from compress.models import keras3 as door
from compress.models import network_file
from compress.models.saved_model import load

layers, ops = keras3.layers, keras3.ops
IMAGES = np.random.default_rng(0).random((4, 12, 12, 3), dtype="float32")


def network(body, shape=(12, 12, 3), name="theirs"):
    """``body`` between an input and a head of four units; every weight with some value."""
    keras3.utils.set_random_seed(0)
    image = keras3.Input(shape, name="image")
    y = body(image)
    y = layers.Flatten()(y) if len(y.shape) > 2 else y
    model = keras3.Model(image, layers.Dense(4, name="head")(y), name=name)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        kind = weight.path.rpartition("/")[2]
        if "variance" in kind:
            weight.assign(rng.uniform(0.2, 1, weight.shape))
        elif any(word in kind for word in ("mean", "beta", "bias", "gamma")):
            weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


def same(model, rebuilt, inputs=IMAGES):
    wanted = np.asarray(model(inputs, training=False))
    assert np.ptp(wanted) > 1e-3
    np.testing.assert_allclose(rebuilt(inputs, training=False), wanted, atol=1e-5 * abs(wanted).max())


def block(width, name):
    image = keras3.Input((12, 12, width))
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(width, 3, padding="same", name="conv")(image))
    return keras3.Model(image, layers.ReLU(name="relu")(x), name=name)


def nested(image):
    stem = keras3.Sequential(
        [keras3.Input((12, 12, 3)), layers.Conv2D(8, 3, padding="same"), layers.ReLU()], name="stem"
    )
    return block(8, "second")(block(8, "first")(stem(image)))


def nested_twice(image):
    twice = block(3, "twice")
    return layers.Concatenate()([twice(image), twice(twice(image))])


def shared(image):
    conv, norm = layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization()
    return norm(conv(norm(conv(image))))


def operations(image):
    x = layers.Conv2D(8, 3, padding="same")(image * 2.0 - 1.0)
    y = ops.relu6(ops.add(x, 1.0)) * x
    left, right = ops.split(x, 2, axis=-1)
    z = ops.concatenate([y, ops.sigmoid(x), ops.relu(x)[:, :, :, 2:], ops.maximum(left, right)], axis=-1)
    return ops.transpose(ops.reshape(z, (-1, 12, 12, 2, z.shape[-1] // 2)), (0, 1, 2, 4, 3))


def bgr(image):
    return layers.Conv2D(4, 1)(image[..., ::-1] / 127.5 - 1.0)


def attention(image):
    x = layers.Reshape((144, 8))(layers.Conv2D(8, 1)(image))
    return layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(x, x))


def frozen_statistics(image):
    return block(3, "frozen")(image, training=False)


def two_inputs(image):
    one, other = keras3.Input((12, 12, 3)), keras3.Input((12, 12, 4))
    join = keras3.Model([one, other], layers.Concatenate()([layers.Conv2D(4, 1)(one), other]), name="join")
    return join([image, layers.Conv2D(4, 3, padding="same")(image)])


STYLES = [nested, nested_twice, shared, operations, bgr, attention, frozen_statistics, two_inputs]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
@pytest.mark.parametrize("file", ["net.keras", "net.h5", None])
def test_it_computes_the_same(style, file, tmp_path):
    model = network(style)
    if file is None:
        rebuilt = door.convert(model)
    elif file == "net.h5" and style in (operations, bgr, two_inputs):
        pytest.skip("Keras 3 itself does not read its .h5 of these")
    else:
        model.save(tmp_path / file)
        rebuilt = network_file.read_network(tmp_path / file)
    assert isinstance(rebuilt, keras.Model)
    assert rebuilt.name == "theirs"
    assert rebuilt.input_names == ["image"]
    same(model, rebuilt)


KINDS = {
    "Conv2D": lambda x: layers.Conv2D(6, 3, strides=2, groups=2, activation="silu")(x),
    "Conv2DTranspose": lambda x: layers.Conv2DTranspose(6, 3, 2, padding="same")(x),
    "DepthwiseConv2D": lambda x: layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu6")(x),
    "SeparableConv2D": lambda x: layers.SeparableConv2D(6, 3, depth_multiplier=2)(x),
    "Conv1D": lambda x: layers.Conv1D(6, 3, padding="causal")(layers.Reshape((144, 8))(x)),
    "EinsumDense": lambda x: layers.EinsumDense("abcd,de->abce", output_shape=(12, 12, 5), bias_axes="e")(x),
    "pools": lambda x: layers.AveragePooling2D(3, padding="same")(layers.MaxPooling2D()(x)),
    "global pools": lambda x: layers.Add()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]),
    "shapes": lambda x: layers.Permute((2, 1, 3))(layers.Cropping2D(1)(layers.ZeroPadding2D(((1, 2), (0, 1)))(x))),
    "UpSampling2D": lambda x: layers.UpSampling2D(2, interpolation="bilinear")(x),
    "merges": lambda x: layers.Average()([x, layers.Maximum()([x, -x]), layers.Multiply()([x, x])]),
    "norms": lambda x: layers.GroupNormalization(2)(layers.LayerNormalization()(layers.UnitNormalization()(x))),
    "BatchNormalization": lambda x: layers.BatchNormalization(scale=False, epsilon=0.01)(x),
    "Normalization": lambda x: layers.Normalization(mean=[0.1] * 8, variance=[0.5] * 8)(x),
    "Rescaling": lambda x: layers.Rescaling(2.0, offset=-0.3)(x),
    "Resizing": lambda x: layers.Resizing(8, 8)(x),
    "PReLU": lambda x: layers.PReLU(alpha_initializer="random_uniform", shared_axes=[1, 2])(x),
    "LeakyReLU": lambda x: layers.LeakyReLU(negative_slope=0.15)(x),
    "ReLU": lambda x: layers.ReLU(max_value=0.5, negative_slope=0.1, threshold=0.05)(x),
    "ELU": lambda x: layers.ELU(alpha=0.7)(x),
    "Softmax": lambda x: layers.Softmax()(x),
    "dropouts": lambda x: layers.SpatialDropout2D(0.2)(layers.Dropout(0.5)(layers.GaussianNoise(0.5)(x))),
    "augmentation": lambda x: layers.RandomZoom(0.1)(layers.RandomRotation(0.1)(layers.RandomFlip("horizontal")(x))),
    "LSTM": lambda x: layers.LSTM(5)(layers.Reshape((12, 96))(x)),
    "GRU": lambda x: layers.Bidirectional(layers.GRU(5, return_sequences=True))(layers.Reshape((12, 96))(x)),
    "TimeDistributed": lambda x: layers.TimeDistributed(layers.Dense(3))(x),
    "ops": lambda x: ops.mean(x, axis=(1, 2)) + ops.max(x, axis=(1, 2)) * ops.sqrt(ops.sum(ops.square(x), axis=(1, 2)) + 1.0),
    "ops of shapes": lambda x: ops.squeeze(ops.expand_dims(ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), 1), 1),
    "clip": lambda x: ops.clip(x, -0.2, 0.6),
    "a constant left of the tensor": lambda x: 1.0 - 0.5 / (1.0 + ops.exp(-x)),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_layer(kind):
    model = network(lambda x: KINDS[kind](layers.Conv2D(8, 3, padding="same")(x)))
    same(model, door.convert(model))


ACTIVATIONS = [
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu",
    "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
    "softsign", "sparse_plus", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink",
]  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("inside", [True, False], ids=["in a layer", "by itself"])
def test_an_activation_has_the_same_values_or_is_refused(name, inside):
    try:
        function = keras3.activations.get(name)
    except ValueError:
        pytest.skip("not in this Keras 3")
    if inside:
        model = network(lambda x: layers.Conv2D(8, 3, activation=function)(x * 6.0 - 3.0))
    else:
        model = network(lambda x: layers.Activation(function)(layers.Conv2D(8, 3)(x * 6.0 - 3.0)))
    try:
        rebuilt = door.convert(model)
    except UserError as refused:
        if "layer" not in str(refused) and "operation" not in str(refused):
            raise
        return
    same(model, rebuilt)


@pytest.mark.parametrize(("name", "size"), [("MobileNetV3Small", 32), ("EfficientNetB0", 32), ("ConvNeXtTiny", 32)])
def test_a_family(name, size, tmp_path):
    model = getattr(keras3.applications, name)(weights=None, input_shape=(size, size, 3), classes=4)
    model.save(tmp_path / "net.keras")
    images = np.random.default_rng(0).random((2, size, size, 3), dtype="float32") * 255
    rebuilt = network_file.read_network(tmp_path / "net.keras")
    wanted = np.asarray(model(images, training=False))
    np.testing.assert_allclose(rebuilt(images, training=False), wanted, atol=1e-5 * abs(wanted).max())


def test_trainable_flags_and_shared_layers_are_kept():
    model = network(nested_twice)
    model.get_layer("twice").trainable = False
    rebuilt = door.convert(model)
    assert len(rebuilt.trainable_weights) == len(model.trainable_weights) == 2
    assert rebuilt.count_params() == model.count_params()


def test_a_softmax_is_cut_and_a_batch_size_is_free(tmp_path):
    image = keras3.Input((12, 12, 3), batch_size=4)
    head = layers.Dense(4, activation="softmax")
    model = keras3.Model(image, head(layers.GlobalAveragePooling2D()(layers.Conv2D(5, 3)(image))))
    model.save(tmp_path / "net.keras")
    logits = load(tmp_path / "net.keras", 4, (12, 12, 3))(IMAGES[:3]).numpy()
    np.testing.assert_allclose(keras.tf.nn.softmax(logits), np.asarray(model(IMAGES))[:3], atol=1e-6)


class Twice(layers.Layer):
    def call(self, x):
        return 2 * x


class Own(keras3.Model):
    def __init__(self):
        super().__init__(name="own")
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(x)


REFUSED = {
    "lambda": (lambda x: layers.Lambda(lambda y: 2 * y, name="hidden")(x), "'hidden'.*Lambda"),
    "own class": (lambda x: Twice(name="mine")(x), "'mine' .Twice. is of a custom class"),
    "subclassed": (lambda x: Own()(x), "'own' .Own. is a subclassed network"),
    "half precision": (lambda x: layers.Conv2D(3, 1, name="half", dtype="mixed_float16")(x), "'half'.*float16.*float32"),
    "channels first": (lambda x: layers.Conv2D(3, 1, name="first", data_format="channels_first")(x), "'first'.*last"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_rebuilt_is_refused_by_its_name(what):
    style, words = REFUSED[what]
    with pytest.raises(UserError, match=words) as error:
        door.convert(network(style))
    assert "\n" not in str(error.value)


def test_an_exported_network_only_serves(tmp_path):
    model = network(nested)
    model.export(str(tmp_path / "served"), verbose=False)
    with pytest.raises(UserError, match=r"model.export.*model.save\(.net.keras.\)"):
        network_file.read_network(tmp_path / "served")


def test_whose_network_it_is(tmp_path):
    model = network(nested)
    assert door.is_keras3_model(model)
    assert not door.is_keras3_model(door.convert(model))
    model.save(tmp_path / "new.keras")
    door.convert(model).save(tmp_path / "old.keras")
    assert door.is_keras3(tmp_path / "new.keras")
    assert not door.is_keras3(tmp_path / "old.keras")
    from compress.models import peek

    assert {peek.input_shape(tmp_path / f"{name}.keras") for name in ("new", "old")} == {(12, 12, 3)}
