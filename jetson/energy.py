"""Milliwatts over time -> energy of one inference."""

from typing import Any, Dict, List, Optional

from jetson.sensors import Sample
from jetson.tegrastats import total_mw, total_rail


def within(samples: List[Sample], start: float, end: float) -> List[float]:
    """The total rail's milliwatts of each sample between two moments of the monotonic clock."""
    return [total for at, rails in samples if start <= at <= end and (total := total_mw(rails)) is not None]


def per_inference(
    samples: List[Sample], idle: "tuple[float, float]", busy: "tuple[float, float]", inferences: int
) -> Optional[Dict[str, Any]]:
    """Energy in mJ of each of so many inferences between the two moments of ``busy``.

    ``energy_mj`` is all that the rail drew, ``energy_above_idle_mj`` what it drew beyond the idle board. None without
    samples in either span.
    """
    resting, running = within(samples, *idle), within(samples, *busy)
    if not resting or not running or not inferences:
        return None
    still, working = sum(resting) / len(resting), sum(running) / len(running)
    seconds = busy[1] - busy[0]
    return {
        "rail": total_rail(list(samples[0].power_mw)),
        "idle_mw": still,
        "busy_mw": working,
        "idle_samples": len(resting),
        "samples": len(running),
        "seconds": seconds,
        "inferences": inferences,
        "energy_mj": working * seconds / inferences,
        "energy_above_idle_mj": (working - still) * seconds / inferences,
    }
