"""What a stage trains on: the training images, or parts of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from compress import keras
from compress.datasets.pictures import MULTIPLE
from compress.stages.base import Context
from compress.training import Data, Training


def training_data(context: Context, networks: Sequence[Any], training: Training) -> Data:
    """The training examples for these networks, which may be told to read images of other sizes than their own.

    Where the data set gives parts of images, those, unless ``training`` is to be on whole ones; where a network cannot
    read them, whole ones, too, which is said.
    """
    data = context.data
    if context.dataset.crops is None or training.whole_images:
        return data
    cropped = replace(data, crops=context.dataset.crops)
    specs = [network.input_spec for network in networks]
    for network in networks:
        network.input_spec = None
    if all(reads(network, cropped.shape) for network in networks):
        return cropped
    for network, spec in zip(networks, specs, strict=True):
        network.input_spec = spec
    size = "x".join(map(str, context.shape[:2]))
    context.progress.say(f"    note: a network reads images of {size} alone: it is trained on whole ones, not on crops")
    return data


def reads(network: Any, shape: tuple[int, ...]) -> bool:
    """Whether the network, which is told to read images of any size, can read an example of that shape.

    Its own sides and 16 more are tried, too: layers that are made for one size may fit another by chance.
    """
    height, width, channels = network.input_shape[1:]
    try:
        for sides in (shape[:2], (height + MULTIPLE, width + MULTIPLE)):
            network(keras.tf.zeros((1, *sides, channels)), training=False)
    except (ValueError, keras.tf.errors.InvalidArgumentError):
        return False
    return True
