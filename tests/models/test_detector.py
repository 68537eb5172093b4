"""The head of a detector: shapes, what its levels share, its prior, and backbones that can bear it."""

import numpy as np
import pytest

from compress import keras, models
from compress.errors import UserError
from compress.models.detector import STRIDES, DetectionHead, level

HEAD = DetectionHead(5, 3, channels=16, depth=2)


def build(name="resnet10_1_4", size=(64, 96), head=HEAD):
    return models.build(name, (*size, 3), head, seed=0)


def test_its_outputs_are_logits_and_boxes_of_every_anchor():
    network = build()
    places = 3 * (8 * 12 + 4 * 6 + 2 * 3)
    assert [tuple(output.shape) for output in network.outputs] == [(None, places, 5), (None, places, 4)]
    maps = [network.get_layer(level(stride)).output_shape[1:] for stride in STRIDES]
    assert maps == [(8, 12, 16), (4, 6, 16), (2, 3, 16)]


def test_anchors_come_level_by_level_row_by_row_cell_by_cell():
    """A bias of one anchor of a cell shows where its numbers go: with 3 anchors of 5 classes, the second one's first."""
    network = build()
    last = network.get_layer("classes")
    kernel, bias = last.get_weights()
    bias[:] = 0
    bias[5] = 1
    last.set_weights([0 * kernel, bias])
    logits = network(np.zeros((1, 64, 96, 3), np.float32))[0].numpy()[0]
    assert (logits[1::3, 0] == 1).all() and logits.sum() == len(logits) / 3


def test_levels_share_their_convolutions_and_have_a_relu_each():
    network = build()
    convolutions = [
        layer for layer in network.layers if layer.name in ("classes1", "classes2", "boxes1", "boxes", "classes")
    ]
    assert len(convolutions) == 5 and all(len(layer.inbound_nodes) == 3 for layer in convolutions)
    assert sum(layer.name.startswith("classes1_relu") for layer in network.layers) == 3


def test_at_first_a_thing_is_unlikely_everywhere():
    """Focal loss, section 4.1: 0.01."""
    logits = build()(np.zeros((1, 64, 96, 3), np.float32))[0].numpy()
    assert 1 / (1 + np.exp(-logits)) == pytest.approx(0.01, abs=2e-3)


def test_a_depthwise_head_has_fewer_weights():
    plain, light = (build(head=DetectionHead(5, 3, 64, 2, depthwise)) for depthwise in (False, True))
    assert [output.shape for output in plain.outputs] == [output.shape for output in light.outputs]
    assert light.count_params() < 0.65 * plain.count_params()


@pytest.mark.parametrize("name", ["mobilenetv2", "resnet18_1_4"])
def test_backbones_of_the_registry(name):
    network = build(name)
    assert all(np.isfinite(output).all() for output in network(np.ones((1, 64, 96, 3), np.float32)))


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("resnet10", (64, 80), "images whose sides are multiples of 32, but the data's are 64x80"),
        ("resnet8", (64, 64), "no feature map with one cell per"),
        ("mcnn", (64, 64), "gives a density map.*no boxes"),
        ("inceptionv3", (96, 96), "can neither count nor detect"),
    ],
)
def test_networks_that_cannot_bear_it_are_refused(name, size, message):
    with pytest.raises(UserError, match=message):
        build(name, size)


def test_a_network_of_the_registry_stays_what_it_was_for_classes():
    network = models.build("resnet10", 64, 10, seed=0)
    assert network.output_shape == (None, 10) and network.count_params() == 4_913_354
    assert isinstance(network, keras.Model)
