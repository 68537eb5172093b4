"""What tasks of one output share: it is found by its being the only one."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

Value = TypeVar("Value")


def only(outputs: Mapping[str, Value]) -> Value:
    """The only output, whatever it is called."""
    (value,) = outputs.values()
    return value


def width_of(shapes: Mapping[str, tuple[Any, ...]]) -> int:
    """How many numbers an example has in the only output; -1 for one that is no row of numbers."""
    shape = only(shapes)
    return int(shape[-1]) if len(shape) == 2 and shape[-1] is not None else -1


def by_name(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    """Name -> number, ready for JSON."""
    return {name: round(float(value), 6) for name, value in zip(names, values, strict=True)}
