"""Milliwatts over time -> energy of one inference."""

from typing import Any, Dict, List, Optional

from jetson.sensors import Sample
from jetson.tegrastats import total_mw, total_rail


def mean_mw(samples: List[Sample], start: float, end: float) -> Optional[float]:
    """Mean of the total rail between two moments of the monotonic clock; None without a sample there."""
    totals = [total_mw(sample.power_mw) for sample in samples if start <= sample.at <= end]
    return sum(totals) / len(totals) if totals else None


def per_inference(
    samples: List[Sample], idle: "tuple[float, float]", busy: "tuple[float, float]", inferences: int
) -> Optional[Dict[str, Any]]:
    """Energy in mJ of each of so many inferences between the two moments of ``busy``.

    ``energy_mj`` is all that the rail drew, ``energy_above_idle_mj`` what it drew beyond the idle board. None without
    samples in either span.
    """
    still, working = mean_mw(samples, *idle), mean_mw(samples, *busy)
    if still is None or working is None or not inferences:
        return None
    seconds = busy[1] - busy[0]
    return {
        "rail": total_rail(list(samples[0].power_mw)),
        "idle_mw": still,
        "busy_mw": working,
        "idle_samples": sum(idle[0] <= sample.at <= idle[1] for sample in samples),
        "samples": sum(busy[0] <= sample.at <= busy[1] for sample in samples),
        "seconds": seconds,
        "inferences": inferences,
        "energy_mj": working * seconds / inferences,
        "energy_above_idle_mj": (working - still) * seconds / inferences,
    }
