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
    if context.dataset.crops is None or not training.use_crops:
        return data
    cropped = replace(data, crops=context.dataset.crops)
    if cropped.shape == context.shape:
        return cropped
    specs = [network.input_spec for network in networks]
    for network in networks:
        network.input_spec = None
    if all(reads(network, cropped.shape) for network in networks):
        return cropped
    for network, spec in zip(networks, specs, strict=True):
        network.input_spec = spec
    size = "x".join(map(str, cropped.shape[:2]))
    context.progress.say(f"    note: not all networks here can read crops of {size}, so the training uses whole images")
    return data


def reads(network: Any, shape: tuple[int, ...]) -> bool:
    """Whether the network, which is told to read images of any size, can read an example of that shape, and gives maps
    with as many pixels a cell as ever.

    Its own sides and 16 more are tried, too: layers that are made for one size may fit another by chance.
    """
    height, width, channels = network.input_shape[1:]
    cells = [(height // own[1], width // own[2]) for own in _maps(network.output_shape)]
    try:
        for sides in (shape[:2], (height + MULTIPLE, width + MULTIPLE)):
            given = network(keras.tf.zeros((1, *sides, channels)), training=False)
            for (down, right), like in zip(
                cells, _maps([each.shape for each in keras.tf.nest.flatten(given)]), strict=True
            ):
                if (like[1] * down, like[2] * right) != tuple(sides):
                    return False
    except (ValueError, keras.tf.errors.InvalidArgumentError):
        return False
    return True


def _maps(shapes: Any) -> list[Any]:
    """The shapes of maps, of one output or of several."""
    several = isinstance(shapes, list)
    return [shape for shape in (shapes if several else [shapes]) if len(shape) == 4]
