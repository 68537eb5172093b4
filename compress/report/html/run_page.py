"""report.html and report.json of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.report import goals, markdown_report, narrowing
from compress.report.html import headline, limits, pictures, provenance
from compress.report.html.blocks import blocks
from compress.report.html.interval import wilson
from compress.report.html.operators import operators_of_last
from compress.report.html.scatter import Point, scatter
from compress.report.html.stages import stage_table
from compress.report.html.strips import clocks_of_host, of_stages, strips
from compress.report.sections import SECTIONS
from compress.report.table import latency_note
from compress.results import PICTURES, WORST, OperatorFacts, Run

SCHEMA = "jetslim-report/1"
CONTENTS = (
    ("stages", "Stages"),
    ("front", "Accuracy against size and latency"),
    ("layers", "Layers"),
    ("latency", "Latency"),
    ("task", ""),
    ("pictures", "Test images"),
    ("more", "How it was made"),
    ("settings", "Settings"),
    ("provenance", "Where the numbers come from"),
    ("limits", "What is not shown"),
)
OTHERS = (narrowing.markdown, markdown_report.seconds_section, markdown_report.operators_section)
DRAWN_HERE = "size_and_latency"  # this page has it as a drawing of its own


def data(
    run: Run, operators: Mapping[str, Sequence[OperatorFacts]], folder: Path, files: Sequence[Path]
) -> dict[str, Any]:
    """All that the page shows, by part; ``files`` are the pictures below ``folder``."""
    section = SECTIONS.get(run.task["name"])
    of_images = [Path(name).stem for name in (PICTURES, WORST)]
    drawn = [path for path in files if path.stem != DRAWN_HERE]
    embedded = pictures.embedded(drawn, of_images, markdown_report.CAPTIONS, folder)
    of_task = [name for name in (section.plots if section else ()) if name in embedded]
    others = [name for name in embedded if name not in (*of_task, *of_images)]
    timed = of_stages(run)
    parts: dict[str, Any] = {
        "title": f"{run.pipeline}{'' if run.seed is None else f', seed {run.seed}'}",
        "subtitle": f"{run.task['name']} on {run.data.name or 'unnamed data'}"
        + (f"; finished {run.finished}" if run.finished else ""),
        "verdict": goals.verdict(run),
        "headline": headline.headline(run),
        "certainty": headline.certainty(run),
        "goals": [vars(goal) for goal in goals.goals(run)],
        "stages": stage_table(run),
        "scatters": scatters(run),
        "operators": operators_of_last(run, operators),
        "strips": strips(timed, clocks_of_host(timed)),
        "latency_note": latency_note(run),
        "task_section": {
            "title": section.title if section else "",
            "blocks": blocks(section.markdown(run)) if section else [],
            "images": [embedded[name] for name in of_task],
        },
        "pictures": [embedded[name] for name in of_images if name in embedded],
        "other_sections": [blocks(text) for write in OTHERS if (text := write(run))],
        "plots": [embedded[name] for name in others],
        "changed": provenance.changed(run.changed),
        "provenance": provenance.provenance(run),
        "limits": limits.limits(run, bool(operators)),
    }
    return {**parts, "contents": contents(parts)}


def contents(parts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(id, title) of the sections that the page has."""
    task = parts["task_section"]
    there = {
        "front": parts["scatters"],
        "layers": parts["operators"],
        "latency": parts["strips"],
        "task": task["blocks"] or task["images"],
        "pictures": parts["pictures"],
        "more": parts["other_sections"] or parts["plots"],
    }
    return [(name, title or task["title"]) for name, title in CONTENTS if there.get(name, True)]


def scatters(run: Run) -> list[dict[str, Any]]:
    """The first metric over the size that is shipped, and over the latency on this host."""
    if not run.metrics:
        return []
    metric = run.first_metric
    sizes, times = [], []
    for number, stage in enumerate(run.stages, start=1):
        value = stage.metrics.get(metric.key)
        if value is None:
            continue
        interval = wilson(value, run.data.test) if metric.is_share and run.data.test else None
        size = goals.shipped_bytes(stage)
        if size:
            sizes.append(Point(stage.name, f"stage-{number}", size / 1e6, value, interval, number))
        if stage.latency:
            times.append(Point(stage.name, f"stage-{number}", stage.latency.latency_ms_p50, value, interval, number))
    drawings = (
        scatter(sizes, metric, "size", "MB, the smaller of dense and sparse .tflite", True),
        scatter(times, metric, "latency", "ms, median, batch 1, one thread, host", True),
    )
    return [drawing for drawing in drawings if drawing is not None]
