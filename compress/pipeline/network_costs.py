"""What the networks of the registry cost, from a table, so that a run can be estimated without TensorFlow."""

import csv
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("network_costs.csv")
SIDE = 96  # pixels; what the table's networks were built for, with ten classes


@dataclass(frozen=True)
class NetworkCost:
    """``layers`` of any kind; ``parameters``; ``macs``: multiplications and additions for one image of SIDE x SIDE.

    ``values``: numbers that all layers together give for one such image, what a training keeps in memory.
    """

    layers: int
    parameters: int
    macs: int
    values: int

    def at(self, shape: tuple[int, ...]) -> "NetworkCost":
        """The same for images of (height, width, channels): what is computed at each place follows the area."""
        factor = shape[0] * shape[1] / SIDE**2 if len(shape) == 3 else 1.0
        return NetworkCost(self.layers, self.parameters, round(self.macs * factor), round(self.values * factor))


@cache
def table() -> dict[str, NetworkCost]:
    """Name -> cost, of the networks that were counted."""
    with TABLE.open() as file:
        return {
            row["network"]: NetworkCost(*(int(row[field.name]) for field in fields(NetworkCost)))
            for row in csv.DictReader(file)
        }


def counted(model: Any) -> NetworkCost:
    """The cost of a built network for the images that it reads. Loads TensorFlow."""
    import numpy as np

    from compress import keras
    from compress.inspection import macs
    from compress.rewrite.graph import named

    layers = [layer for _, layer in named(model) if not isinstance(layer, keras.layers.InputLayer)]
    shapes = [keras.tf.nest.flatten(layer.get_output_at(0))[0].shape[1:] for layer in layers]
    values = sum(int(np.prod([side or SIDE for side in shape])) for shape in shapes)
    return NetworkCost(len(layers), int(model.count_params()), sum(map(macs, layers)), values)


def row(name: str) -> dict[str, Any]:
    """The line of the table for a network of the registry, built here; {} where it does not read such images."""
    from compress import models
    from compress.errors import UserError
    from compress.models.head import DensityHead

    try:
        head = DensityHead(1.0) if name in models.MAP_MODELS else 10
        return {"network": name, **asdict(counted(models.build(name, SIDE, head)))}
    except UserError:
        return {}
