"""Every form of a network shows the same layers, and the ruined one comes first."""

import numpy as np
import pytest

from compress import artifacts, fake_quant, keras
from compress.compare import compare, look_into
from compress.evaluate import TFLitePredictor
from compress.export import convert
from compress.quantize.fold import fold
from compress.quantize.qat import quantization_aware

layers = keras.layers
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype="uint8")
IMAGES = PIXELS.astype("float32") / 255
LAYERS = {"stem", "beside+beside_relu6", "ruined", "norm", "mean", "predictions"}


def network():
    """A residual block whose kernel has weights 100 times as large as all others, for a channel that is always 0.

    They take the whole int8 range and change nothing in float.
    """
    keras.utils.set_random_seed(5)
    image = keras.Input((16, 16, 3), name="image")
    x = layers.BatchNormalization(name="stem_bn")(layers.Conv2D(8, 3, name="stem")(image))
    x = layers.ReLU(name="stem_relu")(x)
    y = layers.ReLU(6.0, name="beside_relu6")(layers.Conv2D(8, 1, name="beside")(x))
    y = layers.Conv2D(8, 3, padding="same", name="ruined")(y)
    x = layers.Concatenate(name="concat")([x, y])
    x = layers.BatchNormalization(name="norm")(layers.MaxPooling2D(name="pool")(x))
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    model = keras.Model(image, layers.Dense(3, name="predictions")(x), name="small")
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "bias" in weight.name or "beta" in weight.name or "mean" in weight.name:
            weight.assign(rng.normal(0, 0.1, weight.shape))
    beside, ruined = model.get_layer("beside"), model.get_layer("ruined")
    beside.bias.assign([-100, *beside.bias.numpy()[1:]])
    kernel = ruined.kernel.numpy()
    kernel[:, :, 0] = 100 * abs(kernel).max()
    ruined.kernel.assign(kernel)
    return model


def quantized(model, **options):
    aware = quantization_aware(model, [IMAGES], **options)
    fake_quant.freeze_quantized_kernels(aware)
    return aware


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    """Folder: float and int8, each as a SavedModel and a .tflite; what the converter quantized by itself; a dynamic file
    of the folded network."""
    folder = tmp_path_factory.mktemp("forms")
    model = network()
    aware = quantized(model)
    artifacts.save(model, folder / "float")
    artifacts.save(aware, folder / "int8")
    for name, converter in {
        "float": convert.Converter(model),
        "int8": convert.Converter(aware),
        "converter": convert.Converter(model, post_training="int8", calibration=[IMAGES]),
        "dynamic": convert.Converter(fold(model), post_training="dynamic"),
    }.items():
        (folder / f"{name}.tflite").write_bytes(converter.dense())
    return folder


def compared(one, other):
    return compare(*look_into(one, other), [PIXELS[:16], PIXELS[16:]])


@pytest.fixture
def of(forms):
    def opened(name):
        return TFLitePredictor(forms / name) if name.endswith(".tflite") else artifacts.load(forms / name)

    return lambda a, b: compared(opened(a), opened(b))


@pytest.mark.parametrize(("a", "b"), [
    ("float", "int8"), ("float", "int8.tflite"), ("float.tflite", "int8.tflite"), ("float.tflite", "int8"),
])  # fmt: skip
def test_the_ruined_layer_comes_first(of, a, b):
    found = of(a, b)
    assert {row.name for row in found.rows} == LAYERS
    assert found.rows[0].name == "ruined"
    assert found.rows[0].snr < 15
    assert found.rows[0].own_snr == pytest.approx(found.rows[0].snr, abs=0.5)
    assert min(row.own_snr for row in found.rows[1:]) > 20 or found.guessed
    assert found.rows[1].snr > found.rows[0].snr + 3
    assert all(row.precision == "int8" for row in found.rows)
    assert found.alone == 0
    assert found.to_keep() == ["ruined"]


def test_a_file_departs_as_its_network_does(of):
    emulated, file = ({row.name: row.snr for row in of("float", b).rows} for b in ("int8", "int8.tflite"))
    assert emulated == pytest.approx(file, abs=1.0)


@pytest.mark.parametrize(("a", "b"), [("float", "float"), ("float", "float.tflite"), ("int8.tflite", "int8.tflite")])
def test_the_same_network_has_no_noise(of, a, b):
    found = of(a, b)
    assert len(found.rows) == len(LAYERS)
    assert min(row.snr for row in found.rows) > 100
    assert found.to_keep() == []


def test_what_the_converter_quantized_is_compared_with_the_network_as_it_was(of):
    for a in ("float", "float.tflite"):
        found = of(a, "converter.tflite")
        assert found.rows[0].layers[0] == "ruined"
        assert found.rows[0].snr < 15
        assert len(found.rows) == len(LAYERS)
        assert found.alone == 0
        assert found.to_keep() == []  # keep_float is for the rewritten graph


def test_a_file_of_the_folded_network_without_a_wrapper(of):
    """Its names alone tell: no batch norm is among them."""
    found = of("float", "dynamic.tflite")
    assert {row.name for row in found.rows} == LAYERS
    assert {row.precision for row in found.rows} == {"float32"}
    assert min(row.snr for row in found.rows) > 30  # kernels this small stay float


def test_the_layer_that_is_kept_in_float_is_better_and_so_is_what_follows():
    model = network()
    before, after = (compared(model, quantized(model, **kept)) for kept in ({}, {"keep_float": ["ruined"]}))
    worse, better = ({row.name: row for row in found.rows} for found in (before, after))
    for name in ("ruined", "norm", "predictions"):
        assert better[name].snr > worse[name].snr + 10, name
    assert (worse["ruined"].precision, better["ruined"].precision) == ("int8", "float32")
    assert "ruined" not in after.to_keep()


def test_a_value_is_what_keras_says(forms):
    model = network()
    file, as_it_is = look_into(TFLitePredictor(forms / "float.tflite"), model)
    folded, _ = look_into(model, model)
    for seen, layer in ((file, "ruined"), (file, "beside_relu6"), (as_it_is, "stem_bn"), (folded, "ruined")):
        (value,) = (out for value, out in zip(seen.values, seen(PIXELS), strict=True) if layer in value.layers)
        wanted = keras.Model(model.inputs, model.get_layer(layer).output)(IMAGES)
        np.testing.assert_allclose(value.reshape(wanted.shape), wanted, rtol=1e-4, atol=1e-4)


def test_layers_as_people_write_them(tmp_path):
    """Nested, with activations inside, of several operators, of TensorFlow's own, and a softmax at the end."""
    inside = keras.Input((16, 16, 3))
    nested = layers.BatchNormalization(name="bn")(layers.Conv2D(8, 3, name="conv", activation="swish")(inside))
    image = keras.Input((16, 16, 3), name="image")
    x = layers.LayerNormalization(name="ln")(keras.Model(inside, nested, name="block")(image))
    x = keras.tf.nn.gelu(layers.Dense(16, name="dense")(x))
    x = layers.AveragePooling2D(3, 1, padding="same", name="average")(x)
    x = layers.Conv2D(8, 1, activation="sigmoid", name="gate")(x)
    model = keras.Model(image, layers.Softmax()(layers.Dense(4, name="head")(layers.Flatten()(x))), name="odd")
    for weight in model.weights:
        if "bias" in weight.name:
            weight.assign(np.random.default_rng(0).normal(0, 0.1, weight.shape))
    for name, network, options in (("float", model, {}), ("int8", quantized(model), {"output_type": "int8"})):
        (tmp_path / name).write_bytes(convert.Converter(network, **options).dense())
    same, int8 = (compared(model, TFLitePredictor(tmp_path / name)) for name in ("float", "int8"))
    written = {"block/conv", "block/bn", "ln", "dense", "tf.nn.gelu", "average", "gate", "head"}
    assert {row.name for row in same.rows} == written
    assert {row.name for row in int8.rows} == written | {
        "block/conv_swish", "block/conv_swish_sigmoid", "average_border", "gate_sigmoid",
    }  # fmt: skip
    assert min(row.snr for row in same.rows) > 100
    assert min(row.snr for row in int8.rows) > 25
    assert {row.name for row in int8.rows if row.precision == "float32"} == {"ln"}
    assert same.alone == int8.alone == 0
