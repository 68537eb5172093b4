"""Numbers to places on an axis of a drawing, and the ticks beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

FAR_APART = 12
"""Times between the smallest and the largest value: from there on an axis is logarithmic."""


@dataclass(frozen=True)
class Scale:
    """An axis from ``low`` to ``high``, drawn from ``start`` to ``end`` in the drawing's units."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Where a value stands, to a tenth."""
        low, high, value = (math.log(x) if self.logarithmic else x for x in (self.low, self.high, value))
        return round(self.start + (value - low) / (high - low) * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[dict[str, float | str]]:
        """Four to eight round values within, with their places."""
        values = _decades(self.low, self.high) if self.logarithmic else _steps(self.low, self.high)
        return [{"at": self(value), "text": f"{value:.10g}"} for value in values]


def scale_of(values: Sequence[float], start: float, end: float, may_be_log: bool = False, room: float = 0.08) -> Scale:
    """An axis that holds the values with some room on both sides; logarithmic if they may be and lie far apart."""
    low, high = min(values), max(values)
    if may_be_log and low > 0 and high > FAR_APART * low:
        more = (high / low) ** room
        return Scale(low / more, high * more, start, end, True)
    more = room * (high - low) if high > low else 0.05 * abs(high) or 1.0
    return Scale(low - more, high + more, start, end)


def _steps(low: float, high: float) -> list[float]:
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough)
    return [round(number * step, 10) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1,) if high > 1000 * low else (1, 2, 5)
    return [digit * 10.0**power for power in powers for digit in digits if low <= digit * 10.0**power <= high]
