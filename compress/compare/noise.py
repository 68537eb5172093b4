"""Signal-to-noise of every layer that two networks have in common."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from compress.compare.values import Value, Values
from compress.errors import UserError


@dataclass(frozen=True)
class ComparedLayer:
    """One layer, of which the noisy network gives what the other gives, and noise."""

    layers: tuple[str, ...]
    kind: str
    precision: str
    noise: float
    """The noise's part of the signal, as powers: sum of squares by sum of squares; 0 where there is none."""
    own: float
    """As much of it as comes in here: the rest came with what the layer reads."""
    position: int = 0
    """In the order of computation, of the noisy network."""

    @property
    def name(self) -> str:
        return "+".join(self.layers)

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio in dB; infinite where nothing differs."""
        return decibels(self.noise)

    @property
    def own_snr(self) -> float:
        """What it would be if all that the layer reads were as in the other network."""
        return decibels(self.own)


@dataclass(frozen=True)
class Comparison:
    """Every layer that two networks have in common, the noisiest first."""

    rows: list[ComparedLayer]
    alone: int
    """Layers of the noisy network that were not found in the other."""
    folded: bool
    """Whether the names are those of the folded network."""
    guessed: bool = False
    """Whether ``own`` is guessed from the noise of what a layer reads, for want of a way to run it by itself."""

    def begins(self, decibels: float) -> ComparedLayer | None:
        """Where the two part: the first layer in order of computation that by itself has less than so many dB."""
        in_order = sorted(self.rows, key=lambda row: row.position)
        return next((row for row in in_order if row.own_snr < decibels), None)

    def to_keep(self, most: int = 3) -> list[str]:
        """For ``keep_float``: the int8 layers of most noise by themselves, the worst and down to a quarter of it."""
        worst_first = sorted(
            (row for row in self.rows if row.precision == "int8" and row.own > 0), key=lambda row: -row.own
        )
        worst = [row for row in worst_first[:most] if row.own >= worst_first[0].own / 4]
        return [layer for row in worst for layer in row.layers] if self.folded else []


def decibels(noise: float) -> float:
    """10 log10(signal / noise), of noise / signal."""
    with np.errstate(divide="ignore"):
        return float(-10 * np.log10(noise))


def matched_values(signal: Values, noisy: Values) -> dict[int, int]:
    """Position of a value of ``noisy`` -> that of the same layer's of ``signal``.

    A layer may be several values in one network and one in the other: the last one, which holds all the others' work,
    stands for all. Values of other sizes are not the same: an average pool may stand before or behind a convolution.
    """
    position_of: dict[int, int] = {}  # the other way round: later values of ``noisy`` take the place of earlier ones
    for position, value in enumerate(noisy.values):
        if any(set(value.layers) <= set(later.layers) for later in noisy.values[position + 1 :]):
            continue  # half of a batch norm
        same = [number for number, other in enumerate(signal.values) if _same(value, other)]
        if same:
            position_of[same[-1]] = position
    number_of = {position: number for number, position in position_of.items()}
    if number_of and signal.values[signal.output].size == noisy.values[noisy.output].size:
        number_of.setdefault(noisy.output, signal.output)  # a file may call its logits "Identity"
    return number_of


def _same(one: Value, other: Value) -> bool:
    return one.size == other.size and not set(one.layers).isdisjoint(other.layers)


def compare(signal: Values, noisy: Values, batches: Iterable[np.ndarray]) -> Comparison:
    """``noisy`` against ``signal`` on ``batches`` of uint8 (n, h, w, 3) images.

    Raises UserError where the two have no layer in common.
    """
    paired = matched_values(signal, noisy)
    if not paired:
        raise UserError("the two models have no layer with the same name and size")
    powers = dict.fromkeys(paired, np.zeros(3))  # of the signal, of the noise, of the layer's own noise
    for images in batches:
        signal_values, noisy_values = signal(images), noisy(images)
        # the other network's layers on what this one's layers read: what then differs is the layer's own
        redone = signal.each_from(images, {number: noisy_values[position] for position, number in paired.items()})
        for position, number in paired.items():
            same = signal_values if redone is None else redone
            powers[position] = powers[position] + [
                _power(signal_values[number]),
                _power(noisy_values[position], signal_values[number]),
                _power(noisy_values[position], same[number]),
            ]
    noise = {position: _ratio(power, of) for position, (of, power, _) in powers.items()}
    own = {position: _ratio(power, of) for position, (of, _, power) in powers.items()}
    if redone is None:
        before = _before(noisy.values, noise)
        own = {position: max(noise[position] - before[position], 0.0) for position in paired}
    rows, named = [], set()
    for position, number in paired.items():
        value, other = noisy.values[position], signal.values[number].layers
        common = tuple(layer for layer in value.layers if layer in other)  # only one of the two may be folded
        layers = common or value.layers or other or ("output",)
        rows.append(ComparedLayer(layers, value.kind, value.precision, noise[position], own[position], position))
        named |= {*value.layers, *other}
    alone = [v for i, v in enumerate(noisy.values) if i not in paired and named.isdisjoint(v.layers)]
    rows.sort(key=lambda row: row.snr)
    return Comparison(rows, len(alone), signal.folded or noisy.folded, guessed=redone is None)


def _power(values: np.ndarray, less: np.ndarray | None = None) -> float:
    """Sum of the squares."""
    numbers = values.ravel().astype(np.float64)
    if less is not None:
        numbers -= less.ravel()
    return float(numbers @ numbers)


def _ratio(noise: float, signal: float) -> float:
    return 0.0 if noise == 0 else float(noise / signal) if signal else np.inf


def _before(values: Sequence[Value], noise: dict[int, float]) -> list[float]:
    """The noise of what each value is computed of; what was not compared passes the noise on that it reads."""
    before: list[float] = []
    for value in values:
        before.append(max((noise.get(source, before[source]) for source in value.sources), default=0.0))
    return before
