"""Generated networks through inspection, rewrite, int8 and both kinds of files: ``python -m benchmarks.fuzz``.

The seeds of a range (``FIRST LAST``; 0 to 299 by default), even ones in legacy Keras and odd ones in Keras 3 (rebuilt
by jetslim), are kept with what came of each: right by values, refused early with the reason, or wrong. One file a range
in results/fuzz.
"""

import sys
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.record import keep
from benchmarks.studies import GeneratedNetworks, schema_of
from compress.errors import Failure, UserError, first_line
from compress.models import keras3 as door
from compress.pipeline.make import load_libraries
from tests.contracts import random_networks

RESULTS = Path(__file__).parents[1] / "results" / "fuzz"


def outcome(seed: int) -> dict[str, Any]:
    """What came of one seed."""
    in_keras3 = bool(seed % 2)
    facts: dict[str, Any] = {"seed": seed, "keras": 3 if in_keras3 else 2}
    try:
        model = random_networks.network(seed, in_keras3)
        if in_keras3:
            model = door.convert(model)
        result = random_networks.check(model)
    except (UserError, Failure) as error:  # one line, before anything is trained
        return {**facts, "came_out": "refused", "reason": first_line(error)}
    except AssertionError as error:
        return {**facts, "came_out": "wrong", "reason": first_line(error)}
    except Exception as error:
        print(f"seed {seed}", traceback.format_exc(), file=sys.stderr, flush=True)
        return {**facts, "came_out": "traceback", "reason": f"{type(error).__name__}: {first_line(error)}"}
    if result.refused:
        return {**facts, "came_out": "refused", "reason": result.refused}
    numbers = {name: round(getattr(result, name), 1) for name in ("float_file", "int8_network", "int8_file")}
    return {**facts, "came_out": "right", "snr_db": numbers, "in_float": list(result.floats)}


def main() -> None:
    load_libraries()
    first, last = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (0, 299)
    outcomes = []
    for seed in range(first, last + 1):
        outcomes.append(outcome(seed))
        print(seed, outcomes[-1]["came_out"], outcomes[-1].get("reason", ""), flush=True)
    counts = Counter(each["came_out"] for each in outcomes)
    keep(
        RESULTS / f"{first}-{last}.json",
        {"schema": schema_of(GeneratedNetworks), "counts": dict(counts), "seeds": outcomes},
    )


if __name__ == "__main__":
    main()
