"""Numbers for the nodes of a graph, as Google's Model Explorer paints them: its node data, a file a quantity.

The format is that which LiteRT's quantizer writes (ai_edge_quantizer.model_validator): {"results": {name of a node's
output tensor: {"value": ...}}, "thresholds": [{"value": up to which, "bgColor": ...}, ...]}.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.artifacts.files import write_json
from compress.report.html.operators import operator_table
from compress.results import OperatorFacts

FOLDER = "model_explorer"
RED, ORANGE, YELLOW, GREEN = "#f4a582", "#fdd49e", "#fff7bc", "#c7e9c0"
QUANTITIES = {
    "latency": ("share", 100.0, ((1.0, GREEN), (2.0, YELLOW), (5.0, ORANGE), (100.0, RED))),
    "noise": ("snr", 1.0, ((10.0, RED), (20.0, ORANGE), (30.0, YELLOW), (1000.0, GREEN))),
}
"""Name of a file -> the column, the factor of its unit (per cent of the latency; dB), and colours up to values."""


def write(stages: Mapping[str, Sequence[OperatorFacts]], folder: Path) -> list[Path]:
    """Writes ``folder``/model_explorer/<number>-<stage>.<quantity>.json, none for what no operator has."""
    written = []
    for old in (folder / FOLDER).glob("*.json"):
        old.unlink(missing_ok=True)
    for number, (stage, operators) in enumerate(stages.items(), start=1):
        for quantity in QUANTITIES:
            if (data := node_data(operators, quantity))["results"]:
                (folder / FOLDER).mkdir(parents=True, exist_ok=True)
                written.append(write_json(folder / FOLDER / f"{number}-{stage}.{quantity}.json", data))
    return written


def node_data(operators: Sequence[OperatorFacts], quantity: str) -> dict[str, Any]:
    """What one file holds: ``quantity`` is "latency" (per cent of the whole) or "noise" (dB)."""
    column, factor, colours = QUANTITIES[quantity]
    rows = zip(operators, operator_table(operators, {}), strict=True)
    values = {operator.tensor: row[column] for operator, row in rows if row[column] is not None}
    return {
        "results": {tensor: {"value": round(factor * value, 3)} for tensor, value in values.items()},
        "thresholds": [{"value": value, "bgColor": colour} for value, colour in colours],
    }
