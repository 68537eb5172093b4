"""What a stage trains on: the training images, or parts of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from compress import keras
from compress.stages.base import Context
from compress.training import Data


def training_data(context: Context, networks: Sequence[Any]) -> Data:
    """The training examples for these networks, which may be told to read images of other sizes than their own.

    Where the data set gives parts of images, those; where a network cannot read them, all of each image, which is said.
    """
    data = context.data
    if context.dataset.crops is None:
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
    """Whether the network can read an example of that shape."""
    try:
        network(keras.tf.zeros((1, *shape)), training=False)
    except (ValueError, keras.tf.errors.InvalidArgumentError):
        return False
    return True
