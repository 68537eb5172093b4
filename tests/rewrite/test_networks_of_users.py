"""Networks as people write and save them: opened, rewritten and quantized; or refused, by the layer's name."""

import numpy as np
import pytest

from compress import fake_quant, keras
from compress.errors import UserError
from compress.export import convert, flatbuffer
from compress.models import network_file
from compress.quantize.fold import fold
from compress.quantize.qat import quantization_aware
from compress.rewrite import as_plain_layers
from compress.rewrite.refuse import refusals

tf, layers = keras.tf, keras.layers
IMAGES = np.random.default_rng(0).random((8, 12, 12, 3), dtype="float32")


def block(width, name):
    """A nested functional network: convolution, norm, ReLU."""
    image = keras.Input((12, 12, width), name=f"{name}_input")
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(width, 3, padding="same", name="conv")(image))
    return keras.Model(image, layers.ReLU(name="relu")(x), name=name)


def nested(image):
    stem = keras.Sequential([layers.Conv2D(8, 3, padding="same", name="conv"), layers.ReLU(name="relu")], name="stem")
    return block(8, "second")(block(8, "first")(stem(image)))


def nested_in_nested(image):
    inner = block(3, "inner")
    outside = keras.Input((12, 12, 3))
    return keras.Model(outside, layers.Conv2D(4, 1)(inner(outside)), name="outer")(image)


def nested_twice(image):
    twice = block(3, "twice")
    return layers.Concatenate()([twice(image), twice(twice(image))])


def shared_layers(image):
    conv, norm = layers.Conv2D(3, 3, padding="same", name="conv"), layers.BatchNormalization(name="norm")
    return norm(conv(norm(conv(image))))


def operators(image):
    x = layers.Conv2D(8, 3, padding="same")(image * 2.0 - 1.0)
    y = tf.nn.relu6(tf.add(x, 1.0)) * x
    return tf.concat([y, tf.nn.sigmoid(x), tf.nn.relu(x)[:, :, :, 2:]], axis=-1)


def two_inputs_of_a_network(image):
    one, other = keras.Input((12, 12, 3)), keras.Input((12, 12, 4))
    join = keras.Model([one, other], layers.Concatenate()([layers.Conv2D(4, 1)(one), other]), name="join")
    return join([image, layers.Conv2D(4, 3, padding="same")(image)])


def shared_over_sizes(image):
    conv, norm, relu = layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()
    pool, dense = layers.AveragePooling2D(), layers.Dense(5)
    maps = [layers.Conv2D(3, 1)(image), layers.Conv2D(3, 1, strides=2)(image)]
    ends = [layers.GlobalAveragePooling2D(keepdims=True)(dense(pool(relu(norm(conv(x)))))) for x in maps]
    return layers.Concatenate()(ends)


STYLES = [shared_over_sizes, nested, nested_in_nested, nested_twice, shared_layers, operators, two_inputs_of_a_network]
styles = pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)


def network(style):
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    head = layers.Dense(4, name="head")(layers.GlobalAveragePooling2D(name="mean")(style(image)))
    model = keras.Model(image, head, name="theirs")
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "variance" in weight.name:
            weight.assign(rng.uniform(0.2, 1, weight.shape))
        elif any(word in weight.name for word in ("mean", "beta", "bias", "gamma")):
            weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


@styles
def test_it_is_rewritten_exactly_and_quantized(style):
    model = network(style)
    before = len(model.layers), [len(layer.inbound_nodes) for layer in model.layers]
    wanted = model(IMAGES, training=False).numpy()
    for rewritten in (as_plain_layers(model), fold(model)):
        np.testing.assert_allclose(rewritten(IMAGES, training=False), wanted, atol=1e-5 * abs(wanted).max())
        assert not any(isinstance(layer, keras.Model) for layer in rewritten.layers)
    aware = quantization_aware(model, [IMAGES])
    fake_quant.freeze_quantized_kernels(aware)
    assert np.corrcoef(aware(IMAGES).numpy().ravel(), wanted.ravel())[0, 1] > 0.99
    assert flatbuffer.operators(convert.Converter(aware).dense()).floats == []
    assert before == (len(model.layers), [len(layer.inbound_nodes) for layer in model.layers])


@styles
@pytest.mark.parametrize("form", ["folder", "mine.keras", "mine.h5"])
def test_it_is_the_same_read_back(style, form, tmp_path):
    model = network(style)
    model.save(tmp_path / form)
    read = network_file.read_network(tmp_path / form)
    wanted = model(IMAGES, training=False).numpy()
    np.testing.assert_allclose(fold(read)(IMAGES, training=False), wanted, atol=1e-5 * abs(wanted).max())


def test_layers_of_a_nested_network_are_called_outer_inner():
    names = [layer.name for layer in as_plain_layers(network(nested)).layers]
    assert names == ["image", "stem/conv", "stem/relu", "first/conv", "first/norm", "first/relu", "second/conv", "second/norm", "second/relu", "mean", "head"]  # fmt: skip


def test_a_nested_network_that_is_called_twice_stays_shared():
    conv = as_plain_layers(network(nested_twice)).get_layer("twice/conv")
    assert len(conv.inbound_nodes) == 3


def test_a_plain_network_trains_as_before():
    model = as_plain_layers(network(nested))
    assert len(model.trainable_weights) == 2 + 4 + 4 + 2
    assert isinstance(model.get_layer("first/norm"), layers.BatchNormalization)


def test_several_outputs():
    image = keras.Input((12, 12, 3))
    x = layers.BatchNormalization()(layers.Conv2D(6, 3)(image))
    heads = [layers.Dense(n, name=f"head{n}")(layers.GlobalAveragePooling2D()(x)) for n in (3, 5)]
    model = keras.Model(image, [*heads, layers.ReLU(name="map")(x)])
    aware = quantization_aware(model, [IMAGES])
    for got, wanted in zip(aware(IMAGES), model(IMAGES), strict=True):
        assert got.shape == wanted.shape
        assert np.corrcoef(np.ravel(got), np.ravel(wanted))[0, 1] > 0.99
    fake_quant.freeze_quantized_kernels(aware)
    for converted in (model, aware):
        graph = flatbuffer.read_model(convert.Converter(converted).dense()).subgraphs[0]
        shapes = {tuple(int(side) for side in graph.tensors[number].shape) for number in graph.outputs}
        assert shapes == {(1, 3), (1, 5), (1, 10, 10, 6)}


def test_a_network_that_is_plain_is_returned_as_it_is():
    model = block(3, "plain")
    assert as_plain_layers(model) is model


class Residual(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(3, 3, padding="same")

    def call(self, x):
        return x + self.conv(x)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="theirs")
        self.conv = layers.Conv2D(3, 3, padding="same")

    def call(self, x):
        return self.conv(x)


class NoConfig(layers.Layer):
    def get_config(self):
        raise NotImplementedError("to be written")


REFUSED = {
    "subclassed": (lambda x: Subclassed()(x), "layer 'theirs' is a subclassed network .*keras.Model"),
    "block": (lambda x: Residual(name="res")(x), "layer 'res' is a custom class .*as a function"),
    "lambda": (lambda x: layers.Lambda(lambda y: 2 * y, name="hidden")(x), "layer 'hidden' is a Lambda.*tf.add"),
    "no config": (lambda x: NoConfig(name="bare")(x), "layer 'bare' .NoConfig. cannot be rebuilt.*: to be"),
    "half precision": (
        lambda x: layers.Conv2D(3, 1, name="half", dtype="mixed_float16")(x),
        "layer 'half' computes in float16: build .*float32",
    ),
    "nested": (
        lambda x: keras.Sequential([keras.Input((12, 12, 3)), Residual(name="res")], name="outer")(x),
        "layer 'outer/res' is a custom class",
    ),
}


@pytest.mark.parametrize(("style", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_seen_is_refused_by_name(style, words):
    model = network(style)
    assert len(refusals(model)) == 1
    with pytest.raises(UserError, match=words):
        as_plain_layers(model)


def test_all_refused_layers_are_named_at_once():
    model = network(lambda x: Residual(name="two")(Residual(name="one")(x)))
    with pytest.raises(UserError, match=r"'one'.*; layer 'two'"):
        fold(model)


def test_a_class_that_is_not_known_here_is_refused(tmp_path):
    class Twice(layers.Layer):
        def call(self, x):
            return 2 * x

    network(lambda x: Twice(name="their_twice")(x)).save(tmp_path / "model")
    with pytest.raises(UserError, match="'their_twice' .*not a layer of Keras.*register_keras_serializable"):
        as_plain_layers(network_file.read_network(tmp_path / "model"))


def test_names_that_keras_gives_do_not_collide_with_ours():
    def style(image):
        one, two = layers.Conv2D(3, 1)(image), layers.Conv2D(3, 1)(image)
        x = layers.Add(name="add")([image, one, two])
        return layers.Add(name="add_1")([x, one])

    model = network(style)
    np.testing.assert_allclose(as_plain_layers(model)(IMAGES), model(IMAGES), atol=1e-5)


@keras.utils.register_keras_serializable("theirs")
class Rescaling(layers.Layer):
    """Called as a layer of Keras's is, and no such thing."""

    def call(self, x):
        return x * x


def test_a_class_of_the_users_is_not_taken_for_keras_own():
    model = network(lambda x: Rescaling(name="square")(layers.Conv2D(4, 1)(x)))
    np.testing.assert_allclose(fold(model)(IMAGES), model(IMAGES), atol=1e-5)
