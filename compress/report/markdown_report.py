"""report.md: one run for a reader who was not there."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.report import calibration, table
from compress.report.words import markdown_table, megabytes, percent, three_digits

SIZES = {"tflite_bytes": "dense .tflite", "sparse_tflite_bytes": "sparse .tflite", "gzip_bytes": "gzip"}
CAPTIONS = {
    "size_and_latency": "Top-1 against size and against latency",
    "sparsity": "Sparsity by step",
    "training": "Training by epoch",
    "reliability": "Accuracy by confidence",
}
MOST_CLASSES = 20


def report(run: Mapping[str, Any], plots: Sequence[Path]) -> str:
    """The whole report in Markdown; ``plots`` are images by their paths relative to the report.

    What a run did not record is left out.
    """
    sections = (
        f"# {run.get('pipeline', 'run')}, seed {run.get('seed', '')}",
        _finished(run),
        table.markdown(run),
        size_sentence(run),
        _calibration(run),
        _images(plots),
        seconds_section(run),
        _operators(run),
        _data(run),
        _machine(run),
        _versions(run),
        _config(run),
    )
    return "\n\n".join(text.strip() for text in sections if text) + "\n"


def size_sentence(run: Mapping[str, Any]) -> str:
    """How the last stage compares with the first: sizes in MB, top-1 in points, latency in ms; empty for one stage."""
    rows = table.rows(run)
    if len(rows) < 2:
        return ""
    first, last, ratio = rows[0], rows[-2], rows[-1]
    parts = [
        f"{name} {megabytes(first[column])} to {megabytes(last[column])} (**{three_digits(ratio[column])}x**)"
        for column, name in SIZES.items()
        if ratio[column] is not None
    ]
    if first["top1"] is not None and last["top1"] is not None:
        images = run.get("data", {}).get("test")
        points = f"{100 * (last['top1'] - first['top1']):+.2f} points"
        points += f" on {images:,} test images" if images else ""
        parts.append(f"top-1 {percent(first['top1'])} to {percent(last['top1'])} ({points})")
    if ratio["latency_ms_p50"] is not None:
        parts.append(
            f"median latency {first['latency_ms_p50']:.2f} ms to {last['latency_ms_p50']:.2f} ms "
            f"({three_digits(ratio['latency_ms_p50'])}x) on this host"
        )
    return f"From `{first['stage']}` to `{last['stage']}`: {'; '.join(parts)}." if parts else ""


def seconds_section(run: Mapping[str, Any]) -> str:
    """Wall seconds by cause: training, the rest by size, and the sum outside training; empty if none are recorded."""
    causes = dict(run.get("seconds") or {})
    if not causes:
        return ""
    known = sum(spent for cause, spent in causes.items() if cause != "wall")
    wall = causes.pop("wall", known)
    in_training = causes.pop("training", 0.0)
    other = causes.pop("other", 0.0) + max(0.0, wall - known)
    outside = sorted(causes.items(), key=lambda item: -item[1])
    if other >= 0.05:
        outside.append(("other", other))
    lines = [
        ("training", in_training),
        *outside,
        ("**outside training, sum**", sum(spent for _, spent in outside)),
        ("**wall**", wall),
    ]
    text = markdown_table(
        ("cause", "seconds", "share of wall"),
        ([cause, f"{spent:.1f}", percent(spent / wall, 1) if wall else ""] for cause, spent in lines),
    )
    cached = [f"`{stage['name']}`" for stage in run.get("stages", []) if stage.get("cached")]
    if cached:
        text += (
            f"\nFound finished and not run again: {', '.join(cached)}; their seconds in the first table were spent in "
            "an earlier run.\n"
        )
    return f"## Where the seconds went\n\n{text}"


def _finished(run: Mapping[str, Any]) -> str:
    return f"Finished {run['finished']}." if run.get("finished") else ""


def _calibration(run: Mapping[str, Any]) -> str:
    text = calibration.markdown(run)
    return f"## Calibration\n\n{text}" if text else ""


def _images(plots: Sequence[Path]) -> str:
    images = [f"![{CAPTIONS.get(path.stem, path.stem)}]({path.as_posix()})" for path in plots]
    return "## Plots\n\n" + "\n\n".join(images) if images else ""


def _operators(run: Mapping[str, Any]) -> str:
    stages = run.get("stages") or [{}]
    stage = stages[-1]
    if not stage.get("operators"):
        return ""
    form = stage.get("form", "of unknown form")
    facts = [f"`{stage['name']}` is {form}."]
    if "float_operators" in stage:
        operators = Counter(stage["float_operators"])
        listed = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in sorted(operators.items()))
        facts.append(f"Operators that compute in float, the edges of the network apart: {listed or 'none'}.")
    reasons = Counter(stage.get("float_layers", {}).values())
    for reason, count in reasons.items():
        names = [name for name, why in stage["float_layers"].items() if why == reason]
        facts.append(f"{count} layers compute in float ({reason}): {', '.join(names)}.")
    if "agreement" in stage:
        facts.append(f"It predicts what its Keras network predicts on {stage['agreement']:.2%} of the test images.")
    if "requantizations" in stage:
        facts.append(f"Requantizations (int8 to int8 of another scale): {stage['requantizations']}.")
    counts = sorted(stage["operators"].items(), key=lambda item: (-item[1], item[0]))
    rows = markdown_table(("operator", "count"), ([name, str(count)] for name, count in counts))
    return f"## Operators of the exported file\n\n{' '.join(facts)}\n\n{rows}"


def _data(run: Mapping[str, Any]) -> str:
    data = run.get("data")
    if not data:
        return ""
    classes = [str(name) for name in data.get("classes", [])]
    names = ", ".join(classes[:MOST_CLASSES]) + (", ..." if len(classes) > MOST_CLASSES else "")
    head = f"`{data.get('name', '')}`{_shape(data)}"
    head += f", {len(classes)} classes: {names}." if classes else "."
    sizes = [(split, f"{data[split]:,}") for split in ("train", "validation", "test") if data.get(split) is not None]
    notes = "".join(f"\n- {note}" for note in data.get("notes", []))
    return f"## Data\n\n{head}\n\n{markdown_table(('split', 'images'), sizes)}{notes}"


def _shape(data: Mapping[str, Any]) -> str:
    """Of one example: the pixels of an image, or the numbers of an array; older runs name a square's side alone."""
    shape = data.get("shape") or [data.get("size")] * 2
    if len(shape) == 3:
        return f", {shape[0]}x{shape[1]} pixels" + {1: ", grey", 3: ""}.get(shape[2], f", {shape[2]} channels")
    if "shape" in data:
        return f", arrays of {'x'.join(map(str, shape))}"
    return f", {shape[0]}x{shape[0]} pixels" if shape[0] else ""


def _machine(run: Mapping[str, Any]) -> str:
    machine = dict(run.get("machine") or {})
    if "memory_gb" in machine:
        machine["memory"] = f"{machine.pop('memory_gb')} GB"
    return "## Machine\n\n" + _facts("machine", machine) if machine else ""


def _versions(run: Mapping[str, Any]) -> str:
    return "## Versions\n\n" + _facts("package", run["versions"]) if run.get("versions") else ""


def _facts(what: str, facts: Mapping[str, Any]) -> str:
    return markdown_table((what, ""), ([str(name), str(value)] for name, value in facts.items()), left=2)


def _config(run: Mapping[str, Any]) -> str:
    if run.get("config_toml"):
        language, text = "toml", str(run["config_toml"]).strip()
    elif run.get("config"):
        language, text = "json", json.dumps(run["config"], indent=2)
    else:
        return ""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))  # longer than any inside
    settings = "".join(f"\n\nWith `--set {setting}`." for setting in run.get("settings", []))
    return f"## Config\n\n{fence}{language}\n{text}\n{fence}{settings}"
