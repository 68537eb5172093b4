"""Numbers that are derived from raw samples; pure functions."""

import math
from typing import Dict, Sequence, Tuple

import numpy as np


def summary(samples: Sequence[float]) -> Dict[str, float]:
    """mean, std (of a sample, n - 1), min, p50, p90, p95, p99, max and cv (std / mean), in the samples' unit."""
    values = np.asarray(samples, np.float64)
    mean, std = float(values.mean()), float(values.std(ddof=1)) if values.size > 1 else 0.0
    p50, p90, p95, p99 = (float(value) for value in np.percentile(values, [50, 90, 95, 99]))
    return {
        "runs": int(values.size),
        "mean": mean,
        "std": std,
        "min": float(values.min()),
        "p50": p50,
        "p90": p90,
        "p95": p95,
        "p99": p99,
        "max": float(values.max()),
        "cv": std / mean if mean else 0.0,
    }


def wilson(hits: int, trials: int, z: float = 1.959964) -> Tuple[float, float]:
    """95 % interval of a proportion: Wilson, "Probable inference", 1927. Fractions in [0, 1]."""
    share = hits / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)
