"""What a network says of the test images at their own sizes, where these are others than the one that it gets."""

from typing import Any

import numpy as np

from compress import keras
from compress.datasets.pictures import whole
from compress.evaluate.predictors import to_float
from compress.stages.base import Context
from compress.stages.examples import reads
from compress.tasks.named import named


def measured_whole(network: Any, context: Context) -> dict[str, float | None] | None:
    """The task's metrics of the sums of its maps, one image at a time; None where images have the network's size, or
    where it reads no other."""
    pictures = context.dataset.whole_test
    if pictures is None:
        return None
    spec, network.input_spec = network.input_spec, None
    try:
        sums: list[dict[str, float]] = []
        counts = []
        for image, count in whole(pictures):
            if not sums and not reads(network, image.shape):
                context.progress.say(
                    "    note: the network reads images of one size only, so it was not measured on whole images"
                )
                return None
            maps = named(context.task, network(keras.tf.constant(to_float(image[None])), training=False))
            sums.append({name: float(np.sum(density)) for name, density in maps.items()})
            counts.append(count)
    finally:
        network.input_spec = spec
    outputs = {name: np.array([[each[name]] for each in sums]) for name in sums[0]}
    targets = {"counts": np.array(counts, np.float32)}
    return context.task.measure(outputs, targets, outputs, targets)
