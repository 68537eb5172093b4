"""What is to be predicted, as data: numpy arrays with a row an example. Loads no TensorFlow."""

from compress.targets.base import Mixable, Targets
from compress.targets.boxes import Boxes
from compress.targets.class_indices import ClassIndices
from compress.targets.class_sets import ClassSets
from compress.targets.geometry import Geometry, Movement, Parts
from compress.targets.points import Points
from compress.targets.quantities import Quantities

__all__ = [
    "Boxes",
    "ClassIndices",
    "ClassSets",
    "Geometry",
    "Mixable",
    "Movement",
    "Parts",
    "Points",
    "Quantities",
    "Targets",
]
