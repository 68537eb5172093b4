"""Times of operators: kernels' times go to the operators that they compute, or nobody is told any."""

import numpy as np
import pytest

from compress.compare.file_operators import file_operators
from compress.evaluate.profile import Event, align, profile


def events(*kernels):
    return [Event(name, kind, number, us) for name, kind, number, us in kernels]


def test_several_kernels_of_one_operator():
    kernels = events(
        ("Convert (NC)", 4, 0, 1.0),
        ("Convolution (NHWC, QC8) IGEMM", 4, 1, 8.0),
        ("Fully Connected (NC, QS8, QC8W) GEMM", 4, 2, 4.0),  # a convolution of 1x1
        ("Add (ND)", 4, 3, 2.0),
        ("Clamp (NC)", 4, 4, 0.5),  # the addition's own activation
        ("Copy (NC, X8)", 4, 5, 0.25),
        ("Copy (NC, X8)", 4, 6, 0.25),  # the second part of the concatenation
        ("Mean (ND) Reduce", 4, 7, 1.0),
        ("Static Reshape (NC)", 4, 8, 0.0),
        ("Fully Connected (NC, QS8, QC8W) GEMM", 4, 9, 3.0),
    )
    operators = ["QUANTIZE", "CONV_2D", "CONV_2D", "ADD", "CONCATENATION", "MEAN", "RESHAPE", "FULLY_CONNECTED"]
    assert align(operators, kernels) == [1.0, 8.0, 4.0, 2.5, 0.5, 1.0, 0.0, 3.0]


def test_an_operator_that_no_delegate_took_has_its_number():
    kernels = events(("Convolution (NHWC, F32) IGEMM", 4, 0, 2.0), ("RESIZE_NEAREST_NEIGHBOR", 2, 1, 5.0))
    assert align(["CONV_2D", "RESIZE_NEAREST_NEIGHBOR"], kernels) == [2.0, 5.0]


@pytest.mark.parametrize(
    ("operators", "kernels"),
    [
        (["CONV_2D", "TANH"], [("Convolution (NHWC)", 4, 0, 1.0)]),  # one has no kernel
        (["CONV_2D"], [("Convolution (NHWC)", 4, 0, 1.0), ("Softmax (NC)", 4, 1, 1.0)]),  # a kernel is of none
        (["CONV_2D", "RESIZE_BILINEAR"], [("Convolution (NHWC)", 4, 0, 1.0), ("RESIZE_BILINEAR", 2, 5, 1.0)]),
        (["CONV_2D"], []),
    ],
    ids=["no kernel", "another kernel", "another number", "nothing"],
)
def test_what_cannot_be_told_apart_is_not_told(operators, kernels):
    assert align(operators, events(*kernels)) is None


@pytest.fixture(scope="module")
def tflite(tmp_path_factory):
    """A 5x5 convolution over 64x64 pixels, of which a quarter of the weights are zeros, and a small dense layer."""
    from compress import keras
    from compress.export.convert import Converter

    image = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(16, 5, name="large", activation="relu")(image)
    x = keras.layers.Dense(3, name="small")(keras.layers.GlobalAveragePooling2D(name="mean")(x))
    model = keras.Model(image, x, name="net")
    kernel = model.get_layer("large").kernel
    kernel.assign(np.where(np.arange(1200).reshape(5, 5, 3, 16) % 4 == 0, 0.0, 0.1))
    path = tmp_path_factory.mktemp("profile") / "model.tflite"
    path.write_bytes(Converter(model).dense())
    return path


def test_a_real_file_by_litert_itself(tflite, tmp_path):
    (tmp_path / "broken.tflite").write_bytes(tflite.read_bytes()[:2000])
    times, broken, again = profile([tflite, tmp_path / "broken.tflite", tflite])
    rows = file_operators(tflite)
    assert [row.kind for row in rows] == ["CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"][: len(rows)]
    assert len(times) == len(rows) == len(again)
    assert np.argmax(times) == 0 and times[0] > 5 * times[2]  # 4.3 million multiplications against 48
    assert isinstance(broken, str)  # the others were measured all the same


def test_bytes_zeros_and_channels_of_a_real_file(tflite):
    large, mean, small, *_ = file_operators(tflite)
    assert (large.layers, large.precision, large.channels) == (["large"], "float32", 16)
    assert large.bytes == 4 * (1200 + 16)
    assert large.zeros == 0.25
    assert (mean.layers, mean.zeros) == (["mean"], None)
    assert (small.kind, small.channels, small.bytes) == ("FULLY_CONNECTED", 3, 4 * 16 * 3)  # a bias of zeros is none
