"""The section on detection in RESULTS.md, from results/detection/*.json."""

import statistics
from collections.abc import Mapping, Sequence
from itertools import chain

from benchmarks.format import spread
from benchmarks.processors import latency, on_one
from benchmarks.studies import BlurredDetectors
from benchmarks.trained import settings_of, trained
from compress.report.format import megabytes
from compress.results import Run

DATA = {"Cards": "playing cards", "BCCD": "blood cells", "shapes": "drawn shapes"}
ROWS: Mapping[str, Mapping[str, str]] = {
    "blur": {
        "original": "sharp images",
        "both_images": "sharp and blurred images (control)",
        "other_teacher": "both, taught by a network that saw sharp images (KD)",
        "own_teacher": "both, taught by itself (S-KD)",
    },
    "labels": {
        "teacher": "the teacher, resnet18_1_2",
        "baseline": "by itself",
        "fgfi": "imitates the teacher near objects (FGFI)",
        "lgd": "guided by labels (LGD)",
        "pruned": "LGD, pruned",
        "exported": "LGD, pruned, int8",
    },
    "weak": {
        "with_boxes": "with boxes",
        "threshold": "likelihood voting, a threshold",
        "threshold_sd": "likelihood voting, a threshold, with self-distillation",
        "search": "likelihood voting, a search",
        "search_sd": "likelihood voting, a search, with self-distillation",
    },
    "long": {"trained": "in float32", "static": "in int8, by ranges alone", "quantized": "in int8, trained on"},
}
CONTROLS = {"blur": "both_images", "labels": "baseline", "weak": "threshold", "long": "trained"}
BEFORE = {"threshold_sd": "threshold", "search_sd": "search"}
TRAINED_LONGER = {"labels": ("pruned", "exported")}  # than the control: no difference from it is given
NO_METHOD = ("teacher", "original", "with_boxes")  # of which nothing is claimed
TITLES = {
    "blur": "Sharp and blurred images",
    "labels": "Taught by a teacher, and by labels",
    "weak": "From the classes of images alone",
    "long": "Larger images, trained for longer",
}
NOTES = {
    "blur": "`benchmarks/detection/blur.toml`. Blurred: each test image, as the network reads it, is blurred by a line "
    "of a tenth of its width, the black bands beside the photograph included. The paper's table 1: 66.5 blurred and "
    "73.4 sharp for the original, 67.4 and 74.8 with a teacher, 69.0 and 78.0 with itself as the teacher; it has no "
    "control that is trained on blurred images, too.",
    "labels": "`benchmarks/detection/labels.toml`. The paper's table 2, by LGD's own program AP at 0.5:0.95 on COCO: "
    "38.8 and 40.6 for the baselines, 39.8 and 40.7 for FGFI, 40.3 and 42.1 for LGD. FGFI's second figure is that of a "
    "teacher no larger than its student. It was fixed beforehand that the one guided by labels is pruned and made "
    "int8, whichever was best; these two rows trained for more epochs than the control, so that they have no "
    "difference from it.",
    "weak": "`benchmarks/detection/weak.toml`. The paper's table 3, by SLV's publication AP at 0.5 on VOC 2007: 55.0 "
    "and 56.6 by a threshold, without and with self-distillation, 55.7 and 57.2 by a search.",
    "long": "`benchmarks/detection/long.toml`: from random weights. The row that is trained on had 4 epochs more, in "
    "quantization-aware training; its learning rate was lowered from 1e-4 after the cards had lost 2.1 points by it.",
}
INTRODUCTION = (
    '"The paper" is Kim, Lee and Song, "Performance analysis of object detection using self-knowledge distillation". '
    "Its table 1 is about blurred images (Cho et al., 2022), its table 2 about FGFI and LGD, its table 3 about SLV. "
    "The column .tflite is the dense file, in which zeros take as much room as other weights. Rows of one "
    "size are the same network, so that their latencies differ by the noise of a shared machine alone. All seeds are "
    "measured on the same few test images: a deviation over seeds says nothing of other images."
)
PAPER = (
    'The paper says that self-distillation "tends to be lower than teacher methods", and in its conclusion that it is '
    "lower, while both of its tables with a teacher show it higher; its text promises robustness to blur, where the "
    "larger gain of table 1 is on sharp images (+4.6, blurred +2.5); it gives neither detector nor data nor protocol."
)


def section(runs: Sequence[Run], blurred: Sequence[BlurredDetectors] = ()) -> list[str]:
    """Markdown lines; none without results."""
    parts: list[str] = []
    for study, title in TITLES.items():
        groups = {
            key: [run for run in runs if run.pipeline == study and group(run) == key] for key in groups_of(runs, study)
        }
        tables = [
            _table(study, data, backbone, sorted(own, key=lambda run: run.seed or 0), blurred)
            for (data, backbone), own in groups.items()
        ]
        if any(tables):
            parts += [f"### {title}", "", NOTES[study], "", *chain.from_iterable(tables)]
    return ["## Detection", "", INTRODUCTION, "", *parts, PAPER, ""] if parts else []


def group(run: Run) -> tuple[str, str]:
    """(the data, the students' backbone by their parameters)."""
    folder = next((name for name in DATA if f"data.path={name}" in run.settings), run.data.name)
    return folder, settings_of(run, CONTROLS[run.pipeline])["model"]


def groups_of(runs: Sequence[Run], study: str) -> list[tuple[str, str]]:
    return sorted({group(run) for run in runs if run.pipeline == study})


def _table(study: str, data: str, backbone: str, runs: Sequence[Run], blurred: Sequence[BlurredDetectors]) -> list[str]:
    rows, control = ROWS[study], CONTROLS[study]
    on_blurred = {each.seed: each.metrics for each in blurred if each.data == data}
    if study == "blur":
        runs = [run for run in runs if run.seed in on_blurred]  # another is not measured on blurred images yet
    if not runs:
        return []
    columns = {"sharp" if study == "blur" else "AP at 0.5": {name: [_ap(run, name) for run in runs] for name in rows}}
    if study == "blur":
        own = [on_blurred[run.seed or 0] for run in runs]
        columns["blurred"] = {name: [100 * metrics[name]["ap50"] for metrics in own] for name in rows}
    cpu, timed = on_one(runs)
    split, seeds = runs[0].data, ", ".join(str(run.seed) for run in runs)
    lines = [
        f"{DATA[data].capitalize()}, {backbone}, {split.train} training and {split.test} test images of "
        f"{split.shape[0]}x{split.shape[1]}; AP at 0.5 in %, "
        f"{'mean and deviation over seeds' if len(runs) > 1 else 'seed'} {seeds}, each difference "
        f'is from the row "{rows[control]}" with the same seed'
        + (", that of self-distillation from the row before. " if study == "weak" else ". ")
        + f"Training: {trained(runs)}",
        "",
        f"| trained | {' | '.join(f'{title} | difference' for title in columns)} | .tflite | latency p50, {cpu} |",
        "|---|" + "--:|" * (2 * len(columns) + 2),
    ]
    for name, title in rows.items():
        base, cells = base_of(study, name), [title]
        for values in columns.values():
            cells += [spread(values[name], ".1f"), spread(paired(values, name, base), "+.1f") if base else ""]
        stages = [run.stage(name) for run in runs]
        cells.append(megabytes(statistics.mean(stage.tflite_bytes or 0 for stage in stages)))
        cells.append(latency(timed, name))
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *_findings(study, columns), ""]


def base_of(study: str, name: str) -> str | None:
    """The row that a row is compared with, None for one that is compared with none."""
    base = BEFORE.get(name, CONTROLS[study])
    return None if name == base or name in TRAINED_LONGER.get(study, ()) else base


def paired(values: Mapping[str, Sequence[float]], name: str, base: str) -> list[float]:
    """The differences of two rows, seed by seed."""
    return [one - other for one, other in zip(values[name], values[base], strict=True)]


def _findings(study: str, columns: Mapping[str, Mapping[str, list[float]]]) -> list[str]:
    """In plain words, from the numbers: what is better than the control in the mean and in each seed."""
    lines = []
    for title, values in columns.items():
        for name, words in ROWS[study].items():
            base = base_of(study, name)
            if base and name not in NO_METHOD:
                lines.append(f"- {title}, {words} ({name}): {_verdict(paired(values, name, base))}")
    return lines


def _verdict(paired: Sequence[float]) -> str:
    better = sum(value > 0 for value in paired)
    mean = statistics.mean(paired)
    if len(paired) < 2:
        return f"{mean:+.1f} points, one seed."
    noise = statistics.stdev(paired)
    told = "more than the seeds' deviation" if abs(mean) > noise else "within the seeds' deviation"
    return f"{mean:+.1f} points, better in {better} of {len(paired)} seeds, {told}."


def _ap(run: Run, name: str) -> float:
    value = run.stage(name).metrics["ap50"]
    assert value is not None, (run.pipeline, name)
    return 100 * value
