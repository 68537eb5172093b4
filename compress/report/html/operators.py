"""The operators of a stage's file, one a row: bytes, zeros, channels, share of the latency, noise."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from compress.results import OperatorFacts, Run


def operators_of_last(run: Run, operators: Mapping[str, Sequence[OperatorFacts]]) -> dict[str, Any] | None:
    """The table of the last stage's file, what it lacks and why, and the quantities that Model Explorer has files of.

    ``operators``: stage -> the operators of its file. None where those of the last stage are not known.
    """
    last = run.stages[-1].name if run.stages else ""
    own = operators.get(last)
    if not own:
        return None
    known = {
        "latency": any(row.us is not None for row in own),
        "noise": any(row.noise is not None for row in own),
    }
    return {
        "stage": last,
        "compared_with": quantized_from(run),
        "rows": operator_table(own, channels_of(run)),
        "missing": missing(last, known),
        "explorer": " and ".join(quantity for quantity, there in known.items() if there),
    }


def operator_table(operators: Sequence[OperatorFacts], channels: Mapping[str, Sequence[int]]) -> list[dict[str, Any]]:
    """Rows ready to be shown; what is not known is None.

    ``channels``: layer -> how many before and after narrowing. ``share`` is of the sum of all operators' times;
    ``snr`` in dB: 10 log10(signal / noise).
    """
    total = sum(operator.us for operator in operators if operator.us is not None)
    return [
        {
            "layers": " + ".join(operator.layers),
            "kind": operator.kind,
            "precision": operator.precision,
            "bytes": operator.bytes,
            "zeros": operator.zeros,
            "channels_before": _before(operator, channels),
            "channels": operator.channels,
            "us": operator.us,
            "share": operator.us / total if operator.us is not None and total else None,
            "snr": decibels(operator.noise),
            "own_snr": decibels(operator.own_noise),
        }
        for operator in operators
    ]


def decibels(noise: float | None) -> float | None:
    """10 log10(signal / noise), of noise / signal; None for none at all, or where it was not compared."""
    return None if noise is None or noise <= 0 else round(-10 * math.log10(noise), 1)


def channels_of(run: Run) -> dict[str, list[int]]:
    """Layer -> its channels before and after all that narrowed the run's network."""
    widths: dict[str, list[int]] = {}
    for stage in run.stages:
        for layer, (before, after) in (stage.narrowing.channels if stage.narrowing else {}).items():
            widths[layer] = [widths.get(layer, [before])[0], after]
    return widths


def missing(stage: str, known: Mapping[str, bool]) -> list[str]:
    """What the table of a stage lacks, and why, a sentence each."""
    lacks = []
    if not known["latency"]:
        lacks.append(f"LiteRT's profiler gave no times for the operators of {stage}.")
    if not known["noise"]:
        lacks.append(
            "The signal-to-noise ratios are empty because nothing was quantized or [report] noise_images is 0; "
            "jetslim compare computes them for any two networks."
        )
    return lacks


def quantized_from(run: Run) -> str:
    """The stage before the quantization, of which the noise is told; "" without one."""
    quantized = next((stage for stage in run.stages if stage.kind == "quantize"), None)
    return quantized.reads[0] if quantized is not None and quantized.reads else ""


def _before(operator: OperatorFacts, channels: Mapping[str, Sequence[int]]) -> int | None:
    return next((channels[layer][0] for layer in operator.layers if layer in channels), None)
