"""report.md: one run for a reader who was not there."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.report import goals, narrowing, table
from compress.report.format import markdown_table, megabytes, percent, three_digits
from compress.report.sections import SECTIONS
from compress.results import DataFacts, OnnxFacts, Run

SIZES = {"tflite_bytes": "dense .tflite", "sparse_tflite_bytes": "sparse .tflite", "gzip_bytes": "gzip"}
CAPTIONS = {
    "pictures": "Some test images with the answers of the last file",
    "worst": "The test images on which the last file is worst",
    "size_and_latency": "The first metric against size and against latency",
    "channels": "Channels of each layer before and after narrowing",
    "sparsity": "Sparsity during training",
    "training": "Loss and metrics of each epoch",
    **{name: caption for section in SECTIONS.values() for name, caption in section.captions.items()},
}
MOST_LABELS = 20


def report(run: Run, plots: Sequence[Path]) -> str:
    """The whole report in Markdown; ``plots`` are images by their paths relative to the report.

    What a run did not record is left out.
    """
    sections = (
        f"# {run.pipeline}, seed {'' if run.seed is None else run.seed}",
        _finished(run),
        goals.verdict(run),
        table.markdown(run),
        size_sentence(run),
        narrowing.markdown(run),
        _section(run),
        _images(plots),
        seconds_section(run),
        operators_section(run),
        _data(run),
        _machine(run),
        _versions(run),
        _config(run),
    )
    return "\n\n".join(text.strip() for text in sections if text) + "\n"


def size_sentence(run: Run) -> str:
    """How the last stage compares with the first: sizes in MB, the first metric, latency in ms; empty for one stage."""
    rows = table.rows(run)
    if len(rows) < 2:
        return ""
    first, last, ratio = rows[0], rows[-2], rows[-1]
    parts = [
        f"{name} {megabytes(first[column])} to {megabytes(last[column])} (**{three_digits(ratio[column])}x**)"
        for column, name in SIZES.items()
        if ratio[column] is not None
    ]
    metric = run.first_metric if run.metrics else None
    if metric is not None and first[metric.key] is not None and last[metric.key] is not None:
        change = metric.factor * (last[metric.key] - first[metric.key])
        points = f"{change:+.2f} points" if metric.unit == "%" else f"{change:+.3g}"
        points += f" on {run.data.test:,} test images" if run.data.test else ""
        parts.append(f"{metric.title} {metric.text(first[metric.key])} to {metric.text(last[metric.key])} ({points})")
    if ratio["latency_ms_p50"] is not None:
        parts.append(
            f"median latency {first['latency_ms_p50']:.2f} ms to {last['latency_ms_p50']:.2f} ms "
            f"({three_digits(ratio['latency_ms_p50'])}x) on this host"
        )
    return f"From `{first['stage']}` to `{last['stage']}`: {'; '.join(parts)}." if parts else ""


def seconds_section(run: Run) -> str:
    """Wall seconds by cause: training, the rest by size, the sum of that, and all; empty if none are recorded."""
    causes = dict(run.seconds)
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
        ("**all but training**", sum(spent for _, spent in outside)),
        ("**total**", wall),
    ]
    text = markdown_table(
        ("cause", "seconds", "share"),
        ([cause, f"{spent:.1f}", percent(spent / wall, 1) if wall else ""] for cause, spent in lines),
    )
    cached = [f"`{stage.name}`" for stage in run.stages if stage.cached]
    if cached:
        text += (
            f"\nReused from an earlier run: {', '.join(cached)}. Their seconds in the table of stages were spent in "
            "that run.\n"
        )
    return f"## Where the seconds went\n\n{text}"


def _finished(run: Run) -> str:
    return f"Finished {run.finished}." if run.finished else ""


def _section(run: Run) -> str:
    section = SECTIONS.get(run.task["name"])
    text = "" if section is None else section.markdown(run)
    return f"## {section.title}\n\n{text}" if section is not None and text else ""


def _images(plots: Sequence[Path]) -> str:
    images = [f"![{CAPTIONS.get(path.stem, path.stem)}]({path.as_posix()})" for path in plots]
    return "## Plots\n\n" + "\n\n".join(images) if images else ""


def operators_section(run: Run) -> str:
    """How many operators of each kind the exported file has, and what computes in float; empty without a file."""
    if not run.stages or not run.stages[-1].operators:
        return ""
    stage = run.stages[-1]
    facts = [f"`{stage.name}` is {stage.precision or 'of unknown precision'}."]
    if stage.float_operators is not None:
        operators = Counter(stage.float_operators)
        listed = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in sorted(operators.items()))
        facts.append(f"Operators that compute in float, but for conversions at either end: {listed or 'none'}.")
    reasons = Counter(stage.float_layers.values())
    for reason, count in reasons.items():
        names = [name for name, why in stage.float_layers.items() if why == reason]
        facts.append(f"{count} layers compute in float ({reason}): {', '.join(names)}.")
    if stage.closeness_to_network is not None:
        alike = f"{run.closeness.title} {run.closeness.text(stage.closeness_to_network)}"
        facts.append(f"Compared with its Keras network on the test images: {alike}.")
    if stage.requantizations is not None:
        facts.append(f"Operators that only change the scale of an int8 tensor: {stage.requantizations}.")
    if stage.onnx is not None:
        facts.append(_of_onnx(stage.onnx, run))
    counts = sorted(stage.operators.items(), key=lambda item: (-item[1], item[0]))
    rows = markdown_table(("operator", "count"), ([name, str(count)] for name, count in counts))
    return f"## Operators of the exported file\n\n{' '.join(facts)}\n\n{rows}"


def _of_onnx(file: OnnxFacts, run: Run) -> str:
    alike = f"{run.closeness.title} {run.closeness.text(file.closeness_to_tflite)}"
    floats = f", all but {', '.join(file.kernels_in_float)} in int8" if file.kernels_in_float else ""
    fuses = "" if file.fuses else " It rounds wherever the .tflite file does, so TensorRT fuses fewer kernels."
    note = f" Note: {file.note}." if file.note else ""
    return (
        f"`model.onnx`, for TensorRT: {file.bytes / 1e6:.2f} MB, {file.kernels} kernels{floats}. Compared with "
        f"`model.tflite`: {alike}.{fuses}{note}"
    )


def _data(run: Run) -> str:
    data = run.data
    if data == DataFacts():
        return ""
    labels = data.label_names
    names = ", ".join(labels[:MOST_LABELS]) + (", ..." if len(labels) > MOST_LABELS else "")
    head = f"`{data.name}`{_shape(data)}; {run.task['name']}"
    count = f"{len(labels)}: " if len(labels) > 1 else ""
    head += f" of {count}{names}." if labels else "."
    counts = (("train", data.train), ("validation", data.validation), ("test", data.test))
    sizes = [(split, f"{count:,}") for split, count in counts if count is not None]
    notes = "".join(f"\n- {note}" for note in data.notes)
    return f"## Data\n\n{head}\n\n{markdown_table(('split', 'images'), sizes)}{notes}"


def _shape(data: DataFacts) -> str:
    """Of one example: the pixels of an image, or the numbers of an array."""
    shape = data.shape
    if len(shape) == 3:
        return f", {shape[0]}x{shape[1]} pixels" + {1: ", grey", 3: ""}.get(shape[2], f", {shape[2]} channels")
    return f", arrays of {'x'.join(map(str, shape))}" if shape else ""


def _machine(run: Run) -> str:
    machine = dict(run.machine)
    if "memory_gb" in machine:
        machine["memory"] = f"{machine.pop('memory_gb')} GB"
    return "## Machine\n\n" + _facts("machine", machine) if machine else ""


def _versions(run: Run) -> str:
    return "## Versions\n\n" + _facts("package", run.versions) if run.versions else ""


def _facts(what: str, facts: Mapping[str, Any]) -> str:
    return markdown_table((what, ""), ([str(name), str(value)] for name, value in facts.items()), left=2)


def _config(run: Run) -> str:
    if not run.config_toml:
        return ""
    text = run.config_toml.strip()
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))  # longer than any inside
    settings = "".join(f"\n\nWith `--set {setting}`." for setting in run.settings)
    return f"## Config\n\n{fence}toml\n{text}\n{fence}{settings}"
