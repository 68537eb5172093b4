"""The paper's tables in its own layout, its columns beside ours, as lines of Markdown."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from benchmarks.format import spread
from benchmarks.paper2022 import latency, paper
from benchmarks.paper2022.paper import Row
from benchmarks.paper2022.results import (
    MISSING,
    Measured,
    by_value,
    difference,
    file_bytes,
    head,
    mean_top1,
    network_of,
    one_a_seed,
)
from compress.results import Run

SPARSITY = "pruned.final_sparsity"
INIT = "distilled.method.init_epochs"
CONTROLS = {
    "pruned": "further",
    "distilled_quantized": "further",
    "narrowed": "further",
    "quantized": "further_2",
    "dense_quantized": "further_2",
    "narrowed_pruned": "further_2",
    "narrowed_quantized": "further_3",
}
"""Stage -> the one with as many further epochs at the same rates, in float, with all channels and without zeros."""
TITLES = {
    "teacher": "teacher",
    "student": "student by itself",
    "distilled": "student, distilled",
    "further": "and trained on (control)",
    "further_2": "and on (control)",
    "further_3": "and on (control)",
    "distilled_quantized": "distilled, QAT at once (control)",
    "dense_quantized": "distilled, trained on, QAT: no zeros (control)",
    "pruned": "distilled, 80 % zeros",
    "quantized": "distilled, 80 % zeros, QAT (the paper's CPU*)",
    "narrowed": "distilled, narrowed",
    "narrowed_pruned": "distilled, narrowed, 80 % zeros",
    "narrowed_quantized": "distilled, narrowed, 80 % zeros, QAT",
}


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], of_words: bool = False) -> list[str]:
    """Markdown lines; the first column is of words, the others of numbers, or of words, too."""
    lines = [f"| {' | '.join(columns)} |", f"|---|{('---|' if of_words else '--:|') * (len(columns) - 1)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def table_3(measured: Measured) -> list[str]:
    """The teacher with zeros."""
    runs = measured.table("3")
    return _sparsities("### Table 3: the teacher pruned", runs, "teacher", paper.TABLE_3, measured, "teacher")


def table_6(measured: Measured) -> list[str]:
    """The distilled student with zeros."""
    runs = measured.table("6")
    title = "### Table 6: the distilled student pruned"
    return _sparsities(title, runs, "distilled", paper.TABLE_6, measured, "student")


def _sparsities(
    title: str, runs: Sequence[Run], dense: str, rows: Mapping[float, Row], measured: Measured, role: str
) -> list[str]:
    """Tables 3 and 6. Sizes at 224 are there before anything is trained."""
    network = network_of(measured.runs, role) or {"teacher": "densenet201", "student": "densenet121"}[role]
    points = by_value(runs, SPARSITY)
    base = measured.size(network, "float32", 0.0)
    lines = []
    for sparsity, row in rows.items():
        own = one_a_seed(runs) if not sparsity else points.get(sparsity, [])
        stage = "pruned" if sparsity else dense
        size = measured.size(network, "float32", sparsity)
        lines.append(
            [
                f"{sparsity:.0%}",
                f"{row.top1:.2f}",
                f"{row.top1 - rows[0.0].top1:+.2f}",
                mean_top1(own, stage) if own else "",
                spread(difference(own, stage, dense).points, "+.2f") if own and sparsity else "",
                spread(difference(own, stage, "further").points, "+.2f") if own else "",
                f"{row.mb:g} ({row.mb / rows[0.0].mb:.0%})",
                "" if size is None else f"{size.sparse_bytes / 1e6:.2f}",
                "" if size is None else f"{size.sparse_bytes / 2**20:.2f}",
                "" if size is None or base is None else f"{size.sparse_bytes / base.dense_bytes:.0%}",
                f"{statistics.mean(file_bytes(run.stage(stage)) for run in own) / 1e6:.2f}" if own else "",
            ]
        )
    if runs:
        own = one_a_seed(runs)
        mean, gain = mean_top1(own, "further"), spread(difference(own, "further", dense).points, "+.2f")
        lines.append(["0%, trained on (control)", "", "", mean, gain, "", "", "", "", "", ""])
    columns = ["zeros", "paper: top-1", "difference", "ours: top-1", "difference", "to the control"]
    columns += ["paper: MB", "ours at 224: MB", "MiB", "of the dense", "as trained: MB"]
    return [title, "", head(runs) if runs else f"Top-1: {MISSING}.", "", *table(columns, lines)]


def table_4(measured: Measured) -> list[str]:
    """The teacher in int8."""
    runs = measured.table("4")
    title = ["### Table 4: the teacher in int8", ""]
    if not runs:
        return [*title, f"{MISSING}.".capitalize(), ""]
    stages = {
        "teacher": ("FP32", latency.TEACHER),
        "static_original": ("INT8, static, the graph as it was trained", latency.ORIGINAL_INT8),
        "static": ("INT8, static, batch norms rewritten", latency.TEACHER_INT8),
        "quantized": ("INT8*, quantization-aware training", latency.TEACHER_INT8),
        "further": ("FP32, trained on (control)", latency.TEACHER),
        "static_further": ("INT8, static, of the one trained on (control)", latency.TEACHER_INT8),
    }
    columns = ["", *_paper_columns(), "ours: MB", "top-1", "difference", "to the control", *_host(measured)]
    rows = []
    for stage, (words, file) in stages.items():
        row = paper.TABLE_4.get(stage)
        rows.append(
            [
                words,
                *_paper_cells(row),
                f"{statistics.mean(file_bytes(run.stage(stage)) for run in runs) / 1e6:.2f}",
                mean_top1(runs, stage),
                spread(difference(runs, stage, "teacher").points, "+.2f") if stage != "teacher" else "",
                spread(difference(runs, stage, "further").points, "+.2f")
                if stage not in ("teacher", "further")
                else "",
                *_times(measured, file),
            ]
        )
    return [*title, head(runs), "", *table(columns, rows)]


def table_5(measured: Measured) -> list[str]:
    """The student by itself and distilled; figure 5."""
    runs = measured.table("5")
    title = ["### Table 5 and figure 5: distillation", ""]
    if not runs:
        return [*title, f"{MISSING}.".capitalize(), ""]
    points, base = by_value(runs, INIT), one_a_seed(runs)
    best = points.get(paper.BEST_INIT, [])
    files = {"teacher": latency.TEACHER, "student": latency.STUDENT, "distilled": latency.STUDENT}
    columns = ["", *_paper_columns(), "ours: MB", "top-1", "to the student by itself", *_host(measured)]
    rows = []
    for stage, row in {"teacher": paper.TEACHER, "student": paper.ALONE, "distilled": paper.DISTILLED}.items():
        own = best if stage == "distilled" else base
        if own:
            gain = spread(difference(own, stage, "student").points, "+.2f") if stage == "distilled" else ""
            size = f"{statistics.mean(file_bytes(run.stage(stage)) for run in own) / 1e6:.2f}"
            times = _times(measured, files[stage])
            words = f"{TITLES[stage]}{f', {paper.BEST_INIT} initialization epochs' if stage == 'distilled' else ''}"
            rows.append([words, *_paper_cells(row), size, mean_top1(own, stage), gain, *times])
    layers = [name.removeprefix("similarity_") for name in similarities(points[min(points)][0])]
    figure = [["0 (by itself)", mean_top1(base, "student"), "", *[""] * len(layers)]]
    for epochs, own in points.items():
        alike = [statistics.mean(similarities(run)[f"similarity_{layer}"] for run in own) for layer in layers]
        gain = spread(difference(own, "distilled", "student").points, "+.2f")
        figure.append([str(epochs), mean_top1(own, "distilled"), gain, *(f"{100 * value:.1f}" for value in alike)])
    titles = ["initialization epochs", "top-1", "to 0", *(f"alike at {layer}, %" for layer in layers)]
    words = (
        "Alike: neurons that student and teacher switch alike, over the training images of the last initialization "
        "epoch. The paper draws figure 5 without numbers; 4 epochs are its best."
    )
    return [*title, head(runs), "", *table(columns, rows), words, "", *table(titles, figure)]


def similarities(run: Run) -> dict[str, float]:
    """Column -> the fraction of neurons that are alike, of the last epoch of boundaries."""
    rows = [
        {name: float(value) for name, value in row.items() if name.startswith("similarity_") and value}
        for row in run.stage("distilled").history
    ]
    return next((row for row in reversed(rows) if row), {})


def table_7(measured: Measured) -> list[str]:
    """Distilled, pruned, quantization-aware."""
    runs = measured.table("7")
    network = network_of(measured.runs, "student") or "densenet121"
    columns = ["zeros", *_paper_columns(), "ours at 224: MB", "as trained: MB", "top-1"]
    columns += ["to as many epochs in float", "to the same without zeros", *_host(measured)]
    points = by_value(runs, SPARSITY)
    rows = []
    for sparsity, row in paper.TABLE_7.items():
        own, size = points.get(sparsity, []), measured.size(network, "int8", sparsity)
        trained = [""] * 4
        if own:
            trained = [
                f"{statistics.mean(file_bytes(run.stage('quantized')) for run in own) / 1e6:.2f}",
                mean_top1(own, "quantized"),
                *(
                    spread(difference(own, "quantized", other).points, "+.2f")
                    for other in ("further_2", "dense_quantized")
                ),
            ]
        at_224 = "" if size is None else f"{size.sparse_bytes / 1e6:.2f}"
        times = _times(measured, latency.student_int8(sparsity))
        rows.append([f"{sparsity:.0%}", *_paper_cells(row), at_224, *trained, *times])
    if runs:
        own, size = one_a_seed(runs), measured.size(network, "int8", 0.0)
        for stage, words in (("dense_quantized", "none, int8 (control)"), ("further_2", "none, float32 (control)")):
            mb = f"{statistics.mean(file_bytes(run.stage(stage)) for run in own) / 1e6:.2f}"
            is_int8 = stage == "dense_quantized"
            at_224 = f"{size.dense_bytes / 1e6:.2f}" if size is not None and is_int8 else ""
            times = _times(measured, latency.student_int8(0.0) if is_int8 else latency.STUDENT)
            gain = spread(difference(own, stage, "further_2").points, "+.2f") if is_int8 else ""
            rows.append([words, *_paper_cells(None), at_224, mb, mean_top1(own, stage), gain, "", *times])
    title = "### Table 7: distilled, pruned, quantization-aware training"
    return [title, "", head(runs) if runs else f"Top-1: {MISSING}.", "", *table(columns, rows)]


def table_8(measured: Measured) -> list[str]:
    """Before and after, with the controls and the narrowed student."""
    runs = measured.table("8")
    title = ["### Table 8: before and after", ""]
    if not runs:
        return [*title, f"{MISSING}.".capitalize(), ""]
    reported = {
        "teacher": paper.TEACHER,
        "student": paper.ALONE,
        "distilled": paper.DISTILLED,
        "quantized": paper.TABLE_7[0.8],
    }
    files = {
        "teacher": latency.TEACHER,
        "distilled_quantized": latency.student_int8(0.0),
        "dense_quantized": latency.student_int8(0.0),
        "quantized": latency.student_int8(0.8),
        "narrowed_quantized": latency.NARROWED,
        **dict.fromkeys(("student", "distilled", "further", "further_2", "further_3", "pruned"), latency.STUDENT),
    }
    columns = [
        "",
        *_paper_columns(),
        "ours: MB",
        "gzip MB",
        "top-1",
        "to distilled",
        "to the control",
        *_host(measured),
    ]
    rows = []
    for stage, words in TITLES.items():
        own = [run.stage(stage) for run in runs]
        control = CONTROLS.get(stage)
        to_distilled = stage not in ("teacher", "distilled")
        rows.append(
            [
                words,
                *_paper_cells(reported.get(stage)),
                f"{statistics.mean(map(file_bytes, own)) / 1e6:.2f}",
                f"{statistics.mean(each.gzip_bytes or 0 for each in own) / 1e6:.2f}",
                mean_top1(runs, stage),
                spread(difference(runs, stage, "distilled").points, "+.2f") if to_distilled else "",
                spread(difference(runs, stage, control).points, "+.2f") if control else "",
                *_times(measured, files.get(stage, "")),
            ]
        )
    gpu = ["teacher, on the Xavier's GPU", "70", "95.15", f"{paper.GPU_MS:.2f}"]
    rows.insert(1, [*gpu, *[""] * (len(columns) - len(gpu))])
    words = (
        "The control of a row has as many further epochs at the same rates, in float, with all channels and no zeros: "
        f"{'; '.join(f'{one}: {other}' for one, other in CONTROLS.items())} (stages of table8.toml)."
    )
    return [*title, head(runs), "", words, "", *table(columns, rows)]


def recipe(measured: Measured) -> list[str]:
    """ResNet-56 -> ResNet-20 on all images."""
    runs = measured.table("recipe")
    title = ["### A credible accuracy: ResNet-56 and ResNet-20 on all images", ""]
    if not runs:
        return [*title, f"{MISSING}.".capitalize(), ""]
    titles = {
        "teacher": "ResNet-56, the teacher",
        "student": "ResNet-20 by itself",
        "student_further": "and trained on (control)",
        "distilled": "ResNet-20, distilled",
        "narrowed": "and narrowed to 0.6 of its latency",
        "pruned": "and 80 % zeros",
        "quantized": "and QAT",
    }
    rows = []
    for stage, words in titles.items():
        own = [run.stage(stage) for run in runs]
        ms = measured.ms(latency.of_recipe(stage), runs[0].data.shape[0])
        to_others = [
            "" if stage in ("teacher", other) else spread(difference(runs, stage, other).points, "+.2f")
            for other in ("student", "student_further")
        ]
        rows.append(
            [
                words,
                mean_top1(runs, stage),
                *to_others,
                f"{statistics.mean(each.params or 0 for each in own):,.0f}",
                f"{statistics.mean(map(file_bytes, own)) / 1e6:.3f}",
                f"{statistics.mean(each.gzip_bytes or 0 for each in own) / 1e6:.3f}",
                "" if ms is None else f"{ms:.3f}",
            ]
        )
    columns = ["", "top-1", "to ResNet-20 by itself", "to it trained on", "parameters", "MB", "gzip MB", "host ms"]
    return [*title, head(runs), "", *table(columns, rows)]


def epochs(measured: Measured) -> list[str]:
    """What a teacher adds to an epoch."""
    title = ["### What a teacher adds to an epoch", ""]
    if not measured.epochs:
        return [*title, f"{MISSING}.".capitalize(), ""]
    (first, *_) = measured.epochs
    rows = [
        [words, f"{taught_ratio(measured, one, other):.2f}"]
        for words, one, other in (
            ("its outputs are kept (images are never augmented)", "cached", "plain"),
            ("it runs on every batch (augmented images)", "augmented", "plain_augmented"),
        )
    ]
    note = (
        f"{first.student} taught by {first.teacher} on {first.images:,} images of noise, {len(first.rounds)} rounds in "
        "turns: seconds of an epoch over those of an epoch on labels alone, the median."
    )
    return [*title, note, "", *table(["the teacher", "distillation / labels alone"], rows)]


def taught_ratio(measured: Measured, one: str, other: str) -> float:
    """Median over the rounds of an epoch's seconds in one way over those in another; NaN where nothing was measured."""
    ratios = [each[one] / each[other] for result in measured.epochs for each in result.rounds]
    return statistics.median(ratios) if ratios else float("nan")


def _paper_columns() -> list[str]:
    return ["paper: MB", "top-1", "Xavier ms"]


def _paper_cells(row: Row | None) -> list[str]:
    if row is None:
        return ["", "", ""]
    return [f"{row.mb:g}", f"{row.top1:.2f}", "" if row.ms is None else f"{row.ms:.2f}"]


def _host(measured: Measured) -> list[str]:
    return [f"host ms at {side}" for side in measured.sides]


def _times(measured: Measured, file: str) -> list[str]:
    times = [measured.ms(file, side) for side in measured.sides]
    return ["" if ms is None else f"{ms:.2f}" for ms in times]


TABLES: tuple[Callable[[Measured], list[str]], ...] = (
    *(table_3, table_4, table_5, table_6, table_7, table_8),
    recipe,
    epochs,
)
