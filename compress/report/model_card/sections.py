"""The sections of a model card, each a function of the results, in Markdown."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from compress.metrics.boxes import DETECTIONS
from compress.report import table
from compress.report.format import markdown_table, megabytes, three_digits
from compress.report.model_card import usage as lines_of
from compress.report.model_card.metadata import is_of_images
from compress.report.model_card.tasks import on_card
from compress.results import Run, StageResult

MOST_LABELS = 20
SIZES = ("params", "kernel_sparsity", "tflite_bytes", "sparse_tflite_bytes", "gzip_bytes")
HEADER = ("parameters", "kernel sparsity", "model.tflite", "model.sparse.tflite", "gzip")
FITS = {
    "stretch": "without regard to the aspect ratio",
    "crop": "after the largest centred part of that aspect ratio was cut out",
    "pad": "with its aspect ratio where it is larger, and black below and to the right",
}
# the folders of a path, which may have spaces where it is quoted; no part of a URL
FOLDERS = re.compile(r"""(?<=["'])~?/(?:[^/"'\n]+/)+|(?<![\w./"'])~?/(?:[^/"'\s,\]}]+/)+""")


def opening(run: Run, stage: StageResult, told: Mapping[str, Any]) -> str:
    """What the file is, in two sentences."""
    labels = run.data.label_names
    named = ", ".join(labels[:MOST_LABELS]) + (", ..." if len(labels) > MOST_LABELS else "")
    kind, says = "image" if is_of_images(told) else "array", on_card(run.task["name"]).says
    size = "" if stage.tflite_bytes is None else f" and is {megabytes(stage.tflite_bytes)} large"
    return (
        f"# {run.pipeline}\n\n`model.tflite` is a network for LiteRT (TensorFlow Lite) that reads an {kind} and {says} "
        f"{named or 'what was not named'} (`labels.txt`). It computes in {stage.precision}{size}. It was made by "
        f"jetslim{_version(run)}, which measured every number below."
    )


def usage(told: Mapping[str, Any]) -> str:
    """How to run it."""
    python = lines_of.python(told)
    return (
        f"## Run it\n\n```\npip install {lines_of.packages(told)}\n```\n\nIn the folder of the file:\n\n"
        f"```python\n{python}\n```\n\n`jetslim predict` does the same for many images, and a bundle (`jetslim bundle`) "
        "measures the file on a board."
    )


def ends(told: Mapping[str, Any]) -> str:
    """What goes in and what comes out."""
    rows = [
        [f"input `{told['input'].get('name', 'image')}`", *_tensor(told["input"]), _reading(told)],
        *([f"output `{end['name']}`", *_tensor(end), end["meaning"] + _grid(end)] for end in told["outputs"]),
    ]
    text = f"## Input and outputs\n\n{markdown_table(('', 'shape', 'type', 'what it is'), rows, left=4)}"
    if DETECTIONS in told["files"]:
        text += (
            f"\n`{DETECTIONS}` decodes and suppresses boxes in the file: `detection_boxes` (y and x of two "
            "corners, as parts of the network's input), `detection_classes`, `detection_scores`, `num_detections`.\n"
        )
    return text


def measured(run: Run, stage: StageResult, before: Sequence[StageResult]) -> str:
    """Sizes, sparsity and the task's metrics of every stage that led to the file, and all metrics of the file."""
    metrics, shown = run.table_metrics, table.shown(run)
    rows = []
    for each in (*before, stage):
        values = {**{metric.key: each.metrics.get(metric.key) for metric in metrics}, **table.technical(each)}
        columns = [*(metric.key for metric in metrics), *SIZES]
        rows.append([each.name, *(table.cell(key, values[key], shown) for key in columns)])
    header = ["stage", *(metric.title for metric in metrics), *HEADER]
    count = f"{run.data.test:,} test examples" if run.data.test else "the test split"
    parts = [
        f"## What was measured\n\nOn {count} of `{run.data.name}`, which were not used for training. Each row is the "
        f".tflite file of a stage.\n\n{markdown_table(header, rows)}"
    ]
    own = [(metric.title, metric.text(value), metric.better or "neither") for metric, value in _all(run, stage)]
    if own:
        parts.append(f"All that was measured of this file:\n\n{markdown_table(('', 'value', 'better'), own)}")
    if stage.closeness_to_network is not None:
        alike = run.closeness.text(stage.closeness_to_network)
        parts.append(f"Compared with the Keras network that it was made from: {run.closeness.title} {alike}.")
    parts.append(
        "MB are 10^6 bytes. `model.sparse.tflite` computes the same and stores zeros compactly; zeros make a file "
        "smaller, not faster."
    )
    if stage.latency is not None:
        cpu = run.machine.get("cpu", "an unknown CPU")
        parts.append(
            f"On the machine that made it ({cpu}) one inference took {three_digits(stage.latency.latency_ms_p50)} ms "
            "(median, batch 1, one thread). It says nothing about the latency on a board."
        )
    return "\n\n".join(part.strip() for part in parts)


def made(run: Run, stage: StageResult, before: Sequence[StageResult]) -> str:
    """The stages in order, and the settings of all; local paths are left out of these."""
    steps = [
        f"{number}. `{each.name}` ({each.kind}{_sources(each)})"
        for number, each in enumerate((*before, stage), start=1)
    ]
    text = "## How it was made\n\n" + "\n".join(steps)
    if run.config_toml:
        toml = without_folders(run.config_toml.strip())
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", toml)), default=0))  # longer than any inside
        text += f"\n\nThe pipeline, with seed {run.seed}:\n\n{fence}toml\n{toml}\n{fence}"
    return text + "".join(f"\n\nWith `--set {without_folders(setting)}`." for setting in run.settings)


def not_measured(run: Run, stage: StageResult) -> str:
    """What nobody should read into the numbers."""
    missing = [metric.title for metric in run.metrics if stage.metrics.get(metric.key) is None]
    lines = [
        "latency, memory and energy on a board: `jetslim bundle` packs what measures them there;",
        *(["latency on any machine;"] if stage.latency is None else []),
        f"any data but the test split of `{run.data.name}`: other cameras, light or places may give other results;",
        *([f"{', '.join(missing)}: these had no value on this split;"] if missing else []),
        "differences between groups of people or of things, and answers to inputs made to deceive;",
        "how much the numbers change with another seed.",
    ]
    license_ = (
        "No license is stated here, because it depends on your data and on the network that you started from. Add one "
        "to the metadata above before you publish the file."
    )
    return "## What was not measured\n\n" + "\n".join(f"- {line}" for line in lines) + f"\n\n{license_}"


def provenance(run: Run, stage: StageResult, told: Mapping[str, Any]) -> str:
    """What is needed to make the file again, and to know that it is this one."""
    data, splits = run.data, ("train", "validation", "test")
    counts = ", ".join(f"{getattr(data, name):,} {name}" for name in splits if getattr(data, name) is not None)
    facts = [
        ("pipeline", f"`{run.pipeline}`, seed {run.seed}, {run.finished}"),
        ("data", f"`{data.name}`: {counts}" if counts else f"`{data.name}`"),
        ("fingerprint of the data", f"`{data.fingerprint}`" if data.fingerprint else ""),
        ("task", f"`{json.dumps(run.task)}`"),
        ("versions", ", ".join(f"{name} {version}" for name, version in run.versions.items())),
        ("machine", ", ".join(str(run.machine[key]) for key in ("cpu", "system") if key in run.machine)),
        ("key of the stage", f"`{stage.key}`" if stage.key else ""),
        *((f"sha256 of `{name}`", f"`{file['sha256']}`") for name, file in told["files"].items()),
    ]
    return f"## Provenance\n\n{markdown_table(('', ''), [fact for fact in facts if fact[1]], left=2)}"


def without_folders(text: str) -> str:
    """The text with paths of this machine shortened to their last part.

    >>> without_folders('path = "/home/me/photos"')
    'path = "photos"'
    """
    return FOLDERS.sub("", text)


def _all(run: Run, stage: StageResult) -> list[tuple[Any, float]]:
    values = ((metric, stage.metrics.get(metric.key)) for metric in run.metrics)
    return [(metric, value) for metric, value in values if value is not None]


def _version(run: Run) -> str:
    return f" {run.versions['jetslim']}" if "jetslim" in run.versions else ""


def _sources(stage: StageResult) -> str:
    return f", from {' and '.join(f'`{name}`' for name in stage.reads)}" if stage.reads else ""


def _tensor(end: Mapping[str, Any]) -> tuple[str, str]:
    return "x".join(map(str, end["shape"])), end["dtype"]


def _grid(end: Mapping[str, Any]) -> str:
    if "quantization" not in end:
        return ""
    grid = end["quantization"]
    return f"; a value q stands for {grid['scale']:.6g} * (q - {grid['zero_point']})"


def _reading(told: Mapping[str, Any]) -> str:
    """What the input is, in words."""
    how, divisor = told["preprocessing"], told["preprocessing"]["divide_by"]
    scaled = "" if divisor == 1 else f" divided by {divisor}"
    if not is_of_images(told):
        return f"an array as the network was trained on{', its bytes' + scaled if scaled else ''}"
    height, width = how["resize"]
    colours = {"RGB": "red, green and blue", "grey": "grey"}[told["input"]["colours"]]
    return (
        f"the bytes of {colours}{scaled}; an image of another size is resized to {height} rows and {width} columns "
        f"({how['filter']}), {FITS[how['fit']]}"
    )
