"""The lint, on files that break one rule each; and what the stage refuses before it trains."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from compress.export.onnx import faults


def pair(name, step, zero=0, axis=None, inputs=3):
    """Nodes of a QuantizeLinear and a DequantizeLinear behind ``name``, and their constants."""
    step = np.asarray(step, np.float32)
    zero = np.full(step.shape, zero, getattr(zero, "dtype", np.int8))
    constants = [numpy_helper.from_array(step, f"{name}_s"), numpy_helper.from_array(zero, f"{name}_z")]
    attributes = {} if axis is None else {"axis": axis}
    given = [f"{name}_s", f"{name}_z"][: inputs - 1]
    nodes = [
        helper.make_node("QuantizeLinear", [name, *given], [f"{name}_q"], name=f"{name}_q", **attributes),
        helper.make_node("DequantizeLinear", [f"{name}_q", *given], [f"{name}_d"], name=f"{name}_d", **attributes),
    ]
    return nodes, constants


def convolution(image=None, kernel=None, bias="b", opset=17, **attributes):
    """A 1x1 convolution of 3 channels to 2 whose input and kernel are on grids."""
    image = image or pair("image", 0.1)
    kernel = kernel or pair("k", [0.1, 0.2], axis=0)
    constants = [
        numpy_helper.from_array(np.ones((2, 3, 1, 1), np.float32), "k"),
        numpy_helper.from_array(np.zeros(2, np.float32), "b"),
    ]
    conv = helper.make_node("Conv", ["image_d", "k_d", bias], ["y"], name="conv", **attributes)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("image", [1, 3, 4, 4]), ("y", [1, 2, 4, 4]))
    ]
    graph = helper.make_graph(
        [*image[0], *kernel[0], conv], "g", ends[:1], ends[1:], [*constants, *image[1], *kernel[1]]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def test_a_file_that_keeps_the_rules():
    assert faults(convolution()) == []


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: convolution(opset=18), "not of opset 17"),
        (lambda: convolution(auto_pad="SAME_UPPER"), "auto_pad"),
        (lambda: convolution(image=pair("image", 0.1, np.int8(3))), "zero point is not 0 in int8"),
        (lambda: convolution(image=pair("image", 0.1, np.uint8(0))), "zero point is not 0 in int8"),
        (lambda: convolution(image=pair("image", 0.1, inputs=2)), "zero point is left out"),
        (lambda: convolution(kernel=pair("k", [0.1, 0.2])), "no axis"),
        (lambda: convolution(kernel=pair("k", [0.1, 0.0], axis=0)), "no positive number"),
        (lambda: convolution(kernel=pair("k", [0.1, 0.2, 0.3], axis=1)), "along axis 1"),
        (lambda: convolution(bias="image"), "bias is computed"),
        (lambda: convolution(image=([helper.make_node("Identity", ["image"], ["image_d"])], [])), "its input in float"),
    ],
)
def test_each_rule_that_is_broken_is_said(model, words):
    found = faults(model())
    assert any(words in fault for fault in found), found
