"""The paper's tables in its own layout, its columns beside ours, as lines of Markdown."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from benchmarks.format import spread
from benchmarks.paper2022 import latency, paper
from benchmarks.paper2022.head import head
from benchmarks.paper2022.paper import Row
from benchmarks.paper2022.results import (
    INIT,
    MISSING,
    SPARSITY,
    Measured,
    by_value,
    difference,
    file_bytes,
    mean_top1,
    network_of,
    one_a_seed,
)
from benchmarks.paper2022.size_difference import size_difference
from compress.results import Run

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
TIMED = {
    "teacher": latency.TEACHER,
    "student": latency.STUDENT,
    "distilled": latency.STUDENT,
    "further": latency.STUDENT,
    "further_2": latency.STUDENT,
    "further_3": latency.STUDENT,
    "distilled_quantized": latency.student_int8(0.0),
    "dense_quantized": latency.student_int8(0.0),
    "quantized": latency.student_int8(0.8),
    "narrowed_quantized": latency.NARROWED,
}
"""Stage of table 8 -> the timed file of the same operators, shapes, types and zeros; the others were not timed."""
TITLES = {
    "teacher": "teacher",
    "student": "student by itself",
    "distilled": "student, distilled",
    "further": "distilled, trained on (control A)",
    "further_2": "distilled, trained on twice (control B)",
    "further_3": "distilled, trained on three times (control C)",
    "distilled_quantized": "distilled, QAT, no zeros",
    "dense_quantized": "distilled, trained on, QAT, no zeros",
    "pruned": "distilled, 80 % zeros",
    "quantized": "distilled, 80 % zeros, QAT (the paper's CPU*)",
    "narrowed": "distilled, narrowed",
    "narrowed_pruned": "distilled, narrowed, 80 % zeros",
    "narrowed_quantized": "distilled, narrowed, 80 % zeros, QAT",
}


NARROW_TEACHER = (
    "The narrowed stage learns from the labels and from the outputs of the network before its channels were removed, "
    "the controls from the labels alone: a narrowed row's difference from its control is the effect of that teacher, "
    "of the removed channels, and of the zeros and the int8 that the row names, together."
)


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
    for sparsity in sorted({*rows, *points}):
        row = rows.get(sparsity)
        own = one_a_seed(runs) if not sparsity else points.get(sparsity, [])
        stage = "pruned" if sparsity else dense
        size = measured.size(network, "float32", sparsity)
        lines.append(
            [
                f"{100 * sparsity:g}%",
                f"{row.top1:.2f}" if row else "",
                f"{row.top1 - rows[0.0].top1:+.2f}" if row else "",
                mean_top1(own, stage) if own else "",
                spread(difference(own, stage, dense).points, "+.2f") if own and sparsity else "",
                spread(difference(own, stage, "further").points, "+.2f") if own and sparsity else "",
                f"{row.mb:g} ({row.mb / rows[0.0].mb:.0%})" if row else "",
                "" if size is None else f"{size.sparse_bytes / 1e6:.2f}",
                "" if size is None or base is None else f"{size.sparse_bytes / base.dense_bytes:.0%}",
                _mb(own, stage) if own else "",
            ]
        )
    if runs:
        own = one_a_seed(runs)
        mean, gain = mean_top1(own, "further"), spread(difference(own, "further", dense).points, "+.2f")
        lines.append(["0%, trained on (control)", "", "", mean, gain, "", "", "", "", ""])
    columns = ["zeros", "paper: top-1", "paper: difference", "ours: top-1", "ours: difference", "ours: to the control"]
    columns += ["paper: MB", "ours at 224: MB", "of the dense file", "ours as trained: MB"]
    words = (
        "A difference is from the network without zeros and without further epochs. The control, in the last row, has "
        "as many further epochs as the pruned networks, at the same rates, and no zeros."
    )
    return [title, "", *_about(runs, words), *table(columns, lines)]


def table_4(measured: Measured) -> list[str]:
    """The teacher in int8."""
    runs = measured.table("4")
    title = ["### Table 4: the teacher in int8", ""]
    if not runs:
        return [*title, f"{MISSING}.".capitalize(), ""]
    stages = {
        "teacher": ("FP32", latency.TEACHER),
        "static_original": ("INT8, static, the graph as it was trained", latency.ORIGINAL_INT8),
        "static": ("INT8, static, batch norms rewritten as convolutions", latency.TEACHER_INT8),
        "quantized": ("INT8*, quantization-aware training", latency.TEACHER_INT8),
        "further": ("FP32, trained on (control)", latency.TEACHER),
        "static_further": ("INT8, static, of the one trained on (control)", latency.TEACHER_INT8),
    }
    columns = ["", *_paper_columns(), "ours: MB", "ours: top-1", "difference", "to the control", *_host(measured)]
    rows = []
    for stage, (words, file) in stages.items():
        with_further_epochs = stage in ("quantized", "static_further")
        rows.append(
            [
                words,
                *_paper_cells(paper.TABLE_4.get(stage)),
                _mb(runs, stage),
                mean_top1(runs, stage),
                spread(difference(runs, stage, "teacher").points, "+.2f") if stage != "teacher" else "",
                spread(difference(runs, stage, "further").points, "+.2f") if with_further_epochs else "",
                *_times(measured, file),
            ]
        )
    words = (
        "A difference is from FP32. The control of the two int8 networks with further epochs is FP32 trained on, for "
        "as many epochs at the same rates. The two other ones have no further epochs: FP32 itself is their control."
    )
    return [*title, *_about(runs, words), *table(columns, rows)]


def table_5(measured: Measured) -> list[str]:
    """The student by itself and distilled; figure 5."""
    runs = measured.table("5")
    title = ["### Table 5 and figure 5: distillation", ""]
    if not runs:
        return [*title, f"{MISSING}.".capitalize(), ""]
    points, base = by_value(runs, INIT), one_a_seed(runs)
    columns = ["", *_paper_columns(), "ours: MB", "ours: top-1", "to the student by itself", *_host(measured)]
    rows = []
    for stage, row in {"teacher": paper.TEACHER, "student": paper.ALONE, "distilled": paper.DISTILLED}.items():
        is_distilled = stage == "distilled"
        own = points.get(paper.BEST_INIT, []) if is_distilled else base
        gain = spread(difference(own, stage, "student").points, "+.2f") if own and is_distilled else ""
        words = f"{TITLES[stage]}{f', {paper.BEST_INIT} initialization epochs' if is_distilled else ''}"
        ours = [_mb(own, stage), mean_top1(own, stage), gain] if own else [""] * 3
        rows.append([words, *_paper_cells(row), *ours, *_times(measured, TIMED[stage] if own else "")])
    layers = [name.removeprefix("similarity_") for name in similarities(points[min(points)][0])]
    figure = [["0 (by itself)", mean_top1(base, "student"), "", *[""] * len(layers)]]
    for epochs, own in points.items():
        alike = [statistics.mean(similarities(run)[f"similarity_{layer}"] for run in own) for layer in layers]
        gain = spread(difference(own, "distilled", "student").points, "+.2f")
        figure.append([str(epochs), mean_top1(own, "distilled"), gain, *(f"{100 * value:.1f}" for value in alike)])
    titles = ["initialization epochs", "top-1", "to 0", *(f"alike at {layer}, %" for layer in layers)]
    words = (
        "In its initialization epochs the student learns only where the teacher's neurons are on; in the other epochs "
        'it learns the labels. The columns "alike at ..." give the share of neurons that are on in both networks or '
        "off in both, over the training images of the last initialization epoch. Figure 5 has no numbers in the paper, "
        f"which calls {paper.BEST_INIT} epochs the best."
    )
    return [*title, *_about(runs, ""), *table(columns, rows), words, "", *table(titles, figure)]


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
    columns = ["zeros", *_paper_columns(), "ours at 224: MB", "ours as trained: MB", "ours: top-1"]
    columns += ["to the float control", "to the int8 control", *_host(measured)]
    points = by_value(runs, SPARSITY)
    rows = []
    for sparsity in sorted({*paper.TABLE_7, *points}):
        own, size = points.get(sparsity, []), measured.size(network, "int8", sparsity)
        trained = [""] * 4
        if own:
            trained = [
                _mb(own, "quantized"),
                mean_top1(own, "quantized"),
                *(
                    spread(difference(own, "quantized", other).points, "+.2f")
                    for other in ("further_2", "dense_quantized")
                ),
            ]
        at_224 = "" if size is None else f"{size.sparse_bytes / 1e6:.2f}"
        times = _times(measured, latency.student_int8(sparsity))
        rows.append([f"{100 * sparsity:g}%", *_paper_cells(paper.TABLE_7.get(sparsity)), at_224, *trained, *times])
    if runs:
        own, size = one_a_seed(runs), measured.size(network, "int8", 0.0)
        for stage, words in (("dense_quantized", "0%, int8 (control)"), ("further_2", "0%, float32 (control)")):
            is_int8 = stage == "dense_quantized"
            at_224 = f"{size.dense_bytes / 1e6:.2f}" if size is not None and is_int8 else ""
            gain = spread(difference(own, stage, "further_2").points, "+.2f") if is_int8 else ""
            ours = [at_224, _mb(own, stage), mean_top1(own, stage), gain, ""]
            rows.append([words, *_paper_cells(None), *ours, *_times(measured, TIMED[stage])])
    title = "### Table 7: distilled, pruned, quantization-aware training"
    words = (
        "Both controls have as many further epochs at the same rates and no zeros: the float control in float "
        "throughout, the int8 control first in float and then in quantization-aware training."
    )
    return [title, "", *_about(runs, words), *table(columns, rows), *size_difference(measured)]


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
    columns = ["", *_paper_columns(), "ours: MB", "gzip MB", "ours: top-1", "to distilled", "to the control"]
    columns += _host(measured)
    rows = []
    for stage, words in TITLES.items():
        own = [run.stage(stage) for run in runs]
        control = CONTROLS.get(stage)
        to_distilled = stage not in ("teacher", "distilled")
        rows.append(
            [
                words,
                *_paper_cells(reported.get(stage)),
                _mb(runs, stage),
                f"{statistics.mean(each.gzip_bytes or 0 for each in own) / 1e6:.2f}",
                mean_top1(runs, stage),
                spread(difference(runs, stage, "distilled").points, "+.2f") if to_distilled else "",
                f"{spread(difference(runs, stage, control).points, '+.2f')} ({TITLES[control][-2]})" if control else "",
                *_times(measured, TIMED.get(stage, "")),
            ]
        )
    gpu = ["teacher, on the Xavier's GPU", "70", "95.15", f"{paper.GPU_MS:.2f}"]
    rows.insert(1, [*gpu, *[""] * (len(columns) - len(gpu))])
    words = (
        "The controls A, B and C are the distilled student trained on in float, with all channels and no zeros, for as "
        "many further epochs as one, two or three of the later stages, at the same rates. A row is compared with the "
        f"one that has as many further epochs, whose letter is beside the difference. {NARROW_TEACHER}"
    )
    return [*title, *_about(runs, words), *table(columns, rows)]


def recipe(measured: Measured) -> list[str]:
    """ResNet-56 -> ResNet-20 on all images."""
    runs = measured.table("recipe")
    title = ["### A credible accuracy: ResNet-56 and ResNet-20 on all images", ""]
    if not runs:
        return [*title, f"{MISSING}.".capitalize(), ""]
    titles = {
        "teacher": "ResNet-56, the teacher",
        "student": "ResNet-20 by itself",
        "student_further": "ResNet-20 by itself, trained on (control)",
        "distilled": "ResNet-20, distilled",
        "narrowed": "distilled, narrowed to 0.6 of its latency in int8",
        "pruned": "distilled, narrowed, 80 % zeros",
        "quantized": "distilled, narrowed, 80 % zeros, QAT",
    }
    rows = []
    for stage, words in titles.items():
        own = [run.stage(stage) for run in runs]
        ms = measured.ms(latency.of_recipe(stage), runs[0].data.shape[0])
        is_student = stage not in ("teacher", "student")
        rows.append(
            [
                words,
                mean_top1(runs, stage),
                spread(difference(runs, stage, "student").points, "+.2f") if is_student else "",
                spread(difference(runs, stage, "student_further").points, "+.2f") if stage == "quantized" else "",
                f"{statistics.mean(each.params or 0 for each in own):,.0f}",
                f"{statistics.mean(map(file_bytes, own)) / 1e6:.3f}",
                f"{statistics.mean(each.gzip_bytes or 0 for each in own) / 1e6:.3f}",
                "" if ms is None else f"{ms:.3f}",
            ]
        )
    columns = ["", "top-1", "to ResNet-20 by itself", "to the control", "parameters", "MB", "gzip MB", "host ms"]
    words = (
        "The control is trained on for as many epochs as the narrowed, pruned and quantized stages have together: only "
        f"the last row is compared with it. {NARROW_TEACHER} Host times are of each row's own file at "
        f"{latency.RECIPE_SIDE}x{latency.RECIPE_SIDE}, in float32 but for the last one."
    )
    return [*title, *_about(runs, words), *table(columns, rows)]


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


def _about(runs: Sequence[Run], words: str) -> list[str]:
    """The paragraphs above a table: how it was trained, and what its columns mean."""
    return [head(runs) if runs else f"Top-1: {MISSING}.", "", *([words, ""] if runs and words else [])]


def _mb(runs: Sequence[Run], stage: str) -> str:
    return f"{statistics.mean(file_bytes(run.stage(stage)) for run in runs) / 1e6:.2f}"


def _paper_columns() -> list[str]:
    return ["paper: MB", "paper: top-1", "Xavier ms"]


def _paper_cells(row: Row | None) -> list[str]:
    if row is None:
        return ["", "", ""]
    return [f"{row.mb:g}", f"{row.top1:.2f}", "" if row.ms is None else f"{row.ms:.2f}"]


def _host(measured: Measured) -> list[str]:
    return ["timed file", *(f"host ms at {side}" for side in measured.sides)] if measured.sides else []


def _times(measured: Measured, file: str) -> list[str]:
    """Cells of ``_host``'s columns, blank for what was not timed."""
    times = [measured.ms(file, side) for side in measured.sides]
    if not any(times):
        return ["" for _ in _host(measured)]
    return [file, *("" if ms is None else f"{ms:.2f}" for ms in times)]


TABLES: dict[str, Callable[[Measured], list[str]]] = {
    **{"3": table_3, "4": table_4, "5": table_5, "6": table_6, "7": table_7, "8": table_8},
    "recipe": recipe,
    "epochs": epochs,
}
"""Part of a profile -> the section of what it measured."""
