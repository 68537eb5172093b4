"""The two parts of a detector: what makes the pyramid of features, and the head that reads it."""

from dataclasses import dataclass
from typing import Any, ClassVar

from compress import keras
from compress.distill.usual import Usual
from compress.errors import UserError
from compress.models.detector import STRIDES, level


@dataclass(frozen=True)
class Pyramid:
    """``features``: image -> a map for each of STRIDES; ``head``: these maps -> the outputs. Both of the network's own
    layers: what trains them trains it."""

    features: Any
    head: Any

    @classmethod
    def of(cls, network: Any, method: str) -> "Pyramid":
        """Raises UserError, which names the ``method``, for a network that is no detector of the registry."""
        layers = {layer.name: layer for layer in network.layers}
        if missing := [level(stride) for stride in STRIDES if level(stride) not in layers]:
            raise UserError(
                f"{method}: the method compares features of the layer {missing[0]}, which {network.name} does not have"
            )
        maps = [layers[level(stride)].output for stride in STRIDES]
        return cls(keras.Model(network.inputs, maps), keras.Model(maps, network.outputs))

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """(height, width, channels) of each map."""
        return [tuple(map_.shape[1:]) for map_ in self.features.outputs]

    def __call__(self, images: Any, training: bool) -> tuple[list[Any], Any]:
        """(the maps, the outputs)."""
        maps = self.features(images, training=training)
        return maps, self.head(maps, training=training)


class OfDetectors(Usual):
    """What methods share that compare features of the pyramid."""

    TASKS: ClassVar[tuple[str, ...]] = ("detection",)

    def check_network(self, student: Any) -> None:
        Pyramid.of(student, self.name)

    def check_teacher(self, teacher: Any, student: Any) -> None:
        Pyramid.of(teacher, self.name)


def normalised(maps: Any) -> Any:
    """Maps (n, h, w, c) with a mean of 0 and a variance of 1 in each channel of each image (Ulyanov, Vedaldi and
    Lempitsky, "Instance Normalization", 2016)."""
    tf = keras.tf
    mean, variance = tf.nn.moments(maps, axes=(1, 2), keepdims=True)
    return (maps - mean) * tf.math.rsqrt(variance + 1e-5)


def mean_square(ours: list[Any], theirs: list[Any]) -> Any:
    """The mean squared difference of all numbers of some maps together, each (n, h, w, c)."""
    tf = keras.tf
    pairs = zip(ours, theirs, strict=True)
    differences = [tf.reshape(one - other, (tf.shape(one)[0], -1)) for one, other in pairs]
    return tf.reduce_mean(tf.square(tf.concat(differences, axis=1)))
