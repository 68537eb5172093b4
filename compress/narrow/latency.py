"""The latency of a network as a sum over its operators, each measured alone at several widths."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from compress.narrow.cost import Term
from compress.narrow.operators import Operator, Widths

COARSE = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
FINE = (8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096)
Times = Callable[[str, Widths, Callable[[Widths], tuple[bytes, int]]], float]
"""(family, widths, file of an operator) -> milliseconds of one."""


Grid = tuple[tuple[int, ...], ...]
"""The widths of each axis."""


@dataclass(frozen=True)
class Family:
    """Operators of which one stands for all; ``grid``: the widths of each axis at which it is measured."""

    operator: Operator
    grid: Grid

    @property
    def points(self) -> Iterator[Widths]:
        return product(*self.grid)


def families(operators: Sequence[Operator]) -> dict[str, Family]:
    """Family -> what is to be measured of it, up to the largest widths that its operators have."""
    result: dict[str, Family] = {}
    for operator in operators:
        known = result.get(operator.family)
        before = [axis[-1] for axis in known.grid] if known else [0] * len(operator.axes)
        widths = [max(now, then) for now, then in zip(operator.widths, before, strict=True)]
        grid = tuple(
            _grid(width, step, FINE if place == len(widths) - 1 else COARSE) if operator.scales else (width,)
            for place, (width, step) in enumerate(zip(widths, operator.steps, strict=True))
        )
        result[operator.family] = Family(operator, grid)
    return result


def _grid(largest: int, step: int, widths: Sequence[int]) -> tuple[int, ...]:
    """Multiples of ``step`` near the widths below the largest, and that."""
    return tuple(
        sorted({-(-width // step) * step for width in widths if -(-width // step) * step < largest} | {largest})
    )


def latency(
    operators: Sequence[Operator], times: Times, measured: Callable[[str, Grid], Grid] = lambda family, grid: grid
) -> list[Term]:
    """A term an operator, in milliseconds, interpolated linearly between the widths that were measured.

    ``measured``: (family, the widths that would be) -> those that its table has.
    """
    curves = {
        name: _curve(Family(family.operator, measured(name, family.grid)), name, times)
        for name, family in families(operators).items()
    }
    return [Term(operator.axes, curves[operator.family]) for operator in operators]


def _curve(family: Family, name: str, times: Times) -> Callable[[Widths], float]:
    file = family.operator.file
    measured = np.array([times(name, point, file) for point in family.points], float)
    values = measured.reshape([len(axis) for axis in family.grid])
    if not family.operator.scales:
        full = family.operator.widths
        return lambda widths: float(values.ravel()[0]) * float(np.prod(widths)) / float(np.prod(full))

    @cache
    def curve(widths: Widths) -> float:
        table = values
        for axis, width in zip(reversed(family.grid), reversed(widths), strict=True):
            beyond = max(1.0, width / axis[-1])
            table = beyond * np.apply_along_axis(lambda row: np.interp(width, axis, row), -1, table)  # noqa: B023
        return float(table)

    return curve
