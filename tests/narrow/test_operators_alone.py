"""Single operators cut out of a real int8 file, at other widths: LiteRT runs them, and their times add up."""

import numpy as np
import pytest

from compress import keras, models
from compress.evaluate import TFLitePredictor
from compress.evaluate.tflite_file import TFLiteFile
from compress.models.detector import DetectionHead
from compress.models.head import DensityHead
from compress.narrow.cost import total
from compress.narrow.int8_file import file_and_operators, int8_file
from compress.narrow.latency import families, latency
from compress.narrow.surgery import narrowed
from compress.narrow.trace import trace
from compress.rewrite import as_plain_layers
from compress.tasks import Classification, Counting, Detection
from tests.narrow.masked import some_of
from tests.narrow.networks import chain

OUTPUTS = Classification.OUTPUTS
layers = keras.layers


def prepared(model, outputs=OUTPUTS):
    """(plain network, its trace, its int8 file, the operators of that)."""
    network = as_plain_layers(model)
    traced = trace(network)
    images = np.random.default_rng(0).random((2, *model.input_shape[1:]), dtype="float32")
    content, operators = file_and_operators(network, traced, [images], outputs)
    return network, traced, content, operators


def test_the_operators_of_a_chain():
    _, traced, _, operators = prepared(chain())
    a, b = traced.made["a"], traced.made["b"]
    shown = {operator.family.split()[0]: operator for operator in operators}
    assert set(shown) == {"QUANTIZE", "CONV_2D", "MEAN", "FULLY_CONNECTED", "DEQUANTIZE", "SOFTMAX"}
    first, second = (operator for operator in operators if operator.family.startswith("CONV_2D"))
    # what is pinned is a part of the family
    assert first.family.startswith("CONV_2D int8[1x8x8x3] =int8[cx1x1x3] -> int8[1x8x8xc]")
    assert second.family.startswith("CONV_2D int8[1x8x8xc] =int8[cx3x3xc] -> int8[1x8x8xc]")
    np.testing.assert_array_equal(first.axes[0], a)
    np.testing.assert_array_equal(second.axes[0], a)
    np.testing.assert_array_equal(second.axes[1], b)
    assert (first.widths, second.widths) == ((16,), (16, 32))
    assert shown["FULLY_CONNECTED"].widths == (32,)
    assert shown["SOFTMAX"].axes == ()


def runs_alone(operators):
    """Files of each family at its smallest and its largest widths, whose outputs have the shapes that they promise."""
    for family, each in families(operators).items():
        for widths in {tuple(axis[place] for axis in each.grid) for place in (0, -1)}:
            content, copies = each.operator.file(widths)
            file = TFLiteFile(content)
            assert file.operators == copies * [family.split()[0]]
            interpreter = file.interpreter(1)
            promised = [tuple(detail["shape"]) for detail in interpreter.get_output_details()]
            interpreter.allocate_tensors()
            interpreter.invoke()
            # LiteRT computes shapes anew from inputs and constants
            assert [tuple(detail["shape"]) for detail in interpreter.get_output_details()] == promised, family


@pytest.mark.parametrize(
    "name",
    [
        "densenet_tiny",
        "mobilenetv3small",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("regnety002", "shufflenet_v1", "nasnetmobile")),
    ],
)
def test_every_operator_runs_alone_at_other_widths(name):
    runs_alone(prepared(models.build(name, 32, 10, seed=0))[-1])


@pytest.mark.parametrize(
    ("name", "size", "head", "task"),
    [
        ("resnet10_1_4", (64, 96), DetectionHead(3, 6, channels=16, depth=1), Detection),
        ("resnet10_1_4", (64, 64), DetectionHead(2, 6, channels=16, depth=1, depthwise=True), Detection),
        ("mcnn", (32, 48), DensityHead(1.0), Counting),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("mobilenetv2", (64, 64), DetectionHead(3, 6, channels=16, depth=1), Detection),
                ("m_sfanet_1_8", (48, 64), DensityHead(1.0), Counting),
            )
        ),
    ],
)
def test_every_operator_of_a_detector_or_a_counter_runs_alone(name, size, head, task):
    """Rows of boxes are joined along another axis than that of the channels."""
    runs_alone(prepared(models.build(name, size, head, seed=0), task.OUTPUTS)[-1])


def mean_of_two(x):
    return layers.GlobalAveragePooling2D()(layers.Conv2D(2, 1)(x))


def two_enlarged(x):
    return layers.Conv2D(4, 1)(layers.UpSampling2D(2, interpolation="bilinear")(layers.Conv2D(2, 1)(x)))


def repeated_thrice(x):
    return layers.Conv2D(4, 1)(layers.DepthwiseConv2D(3, depth_multiplier=3)(layers.Conv2D(16, 1)(x)))


def joined_with_few(x):
    return layers.Conv2D(4, 1)(layers.Concatenate()([layers.Conv2D(1, 1)(x), layers.Conv2D(64, 1)(x)]))


@pytest.mark.parametrize("build", [mean_of_two, two_enlarged, repeated_thrice, joined_with_few])
def test_numbers_that_say_what_an_operator_does_are_not_taken_for_channels(build):
    """The two axes of a mean, the two sides of an enlarged map; as many inputs as a multiplier and a join allow."""
    image = keras.Input((8, 8, 3))
    runs_alone(prepared(keras.Model(image, layers.Flatten()(build(image))))[-1])


def test_a_depthwise_convolution_has_multiples_of_its_multiplier():
    image = keras.Input((8, 8, 3))
    *_, operators = prepared(keras.Model(image, layers.Flatten()(repeated_thrice(image))))
    grids = [each.grid for name, each in families(operators).items() if name.startswith("DEPTHWISE_CONV_2D")]
    assert grids == [((9, 18, 24, 33, 42, 48),)]


def test_widths_that_are_measured_are_multiples_up_to_the_largest():
    *_, operators = prepared(chain())
    grids = {name.split(" =")[0]: family.grid for name, family in families(operators).items()}
    assert grids["CONV_2D int8[1x8x8x3]"] == ((8, 16),)
    assert grids["CONV_2D int8[1x8x8xc]"] == ((8, 16), (8, 16, 24, 32))


def test_times_between_measured_widths_are_interpolated():
    _, traced, _, operators = prepared(chain())

    def times(family, widths, file):
        return float(np.prod(widths)) if family.startswith("CONV_2D") else 0.0

    terms = latency(operators, times)
    everything = np.ones(traced.count, bool)
    assert total(terms, everything) == 16 + 16 * 32
    stays = everything.copy()
    stays[[*traced.made["a"][:4], *traced.made["b"][:3]]] = False
    assert total(terms, stays) == pytest.approx(12 + 12 * 29)


def test_a_narrower_network_has_the_operators_that_were_predicted():
    network, traced, _, operators = prepared(models.build("mobilenetv3small", 32, 10, seed=0))
    removed = some_of(traced, 0.3)
    stays = np.ones(traced.count, bool)
    stays[removed] = False
    narrow = narrowed(network, traced, removed)
    *_, now = prepared(narrow)
    assert [operator.family for operator in now] == [operator.family for operator in operators]
    for before, after in zip(operators, now, strict=True):
        assert tuple(int(stays[axis].sum()) for axis in before.axes) == after.widths, before.family


def test_a_file_without_channels_gives_what_its_network_gives():
    network, traced, *_ = prepared(chain())
    images = np.random.default_rng(1).random((4, 8, 8, 3), dtype="float32")
    narrow = narrowed(network, traced, traced.made["a"][:8])
    got = TFLitePredictor(int8_file(narrow, [images], OUTPUTS))(images)["probabilities"]
    wanted = keras.tf.nn.softmax(narrow(images)).numpy()
    assert abs(got - wanted).max() < 0.02


def test_convolutions_in_other_groups_are_other_families():
    def build(groups, outputs):
        image = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(64, 1)(image)
        x = keras.layers.Conv2D(outputs, 3, padding="same", groups=groups)(x)
        return keras.Model(image, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x)))

    names = [
        next(
            operator.family.split(" padding")[0] for operator in prepared(build(*how))[3] if "x3x3x" in operator.family
        )
        for how in ((1, 64), (2, 64), (4, 64), (4, 32))
    ]
    assert len(set(names)) == 4
    assert [name.partition(" int8")[0] for name in names] == [
        "CONV_2D",
        "CONV_2D in 2 groups",
        "CONV_2D in groups of 16 to 16",
        "CONV_2D in groups of 16 to 8",
    ]


def test_a_recurrent_network_has_a_list_of_operators_without_its_loop():
    sequence = keras.Input((6, 4))
    x = keras.layers.LSTM(8)(keras.layers.Conv1D(16, 3, padding="same")(sequence))
    _, traced, _, operators = prepared(keras.Model(sequence, keras.layers.Dense(3)(x)))
    assert not any(operator.family.startswith("WHILE") for operator in operators)
    for operator in operators:
        content, _ = operator.file(operator.widths)
        interpreter = TFLiteFile(content).interpreter(1)
        interpreter.allocate_tensors()
        interpreter.invoke()
