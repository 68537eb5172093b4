"""The section on counting in RESULTS.md, from results/counting/*.json."""

import statistics
from collections.abc import Sequence

from benchmarks.format import spread
from benchmarks.peers.pairs import ratios, typical
from benchmarks.processors import latency, on_one
from benchmarks.studies import CountersInTurns
from compress.report.format import megabytes
from compress.results import Run, StageResult

TITLES = {"cells": "Nuclei of cells", "crowd": "Drawn crowds"}
CAVEATS = {
    "cells": "The data's own caveat: 28 of 156 wells have images in more than one split, so that test images are not "
    "wholly new."
}
CONTROL, CHOSEN = "alpha_0", "alpha_10"
INT8 = "mcnn int8"
NOTE = (
    "`benchmarks/counting/{study}.toml`: {train} training and {test} test images of {height}x{width}, {mean:.1f} "
    "{what} an image on average. The teacher is {teacher}, the student MCNN; all students are trained for {epochs} "
    "epochs by the same schedule of cosine restarts; alpha, the weight of the teacher, is all that differs. Mean "
    "absolute error (MAE), root mean squared error (RMSE) of the count of a test image; mean and deviation over seeds "
    "{seeds}, the difference to alpha 0 is that of each seed. Pruned and int8 networks are trained on, so that their "
    "errors differ from those of the stage before by more than rounding."
)
PAPER = (
    "The paper (table 2) reports MAE 90.86, 95.85, 105.55 and 110.85 for alpha 0.1, 0.3, 0.5 and 0.7 on ShanghaiTech "
    "A, and 110.2 for MCNN without a teacher, which is another paper's figure: it trained no student with alpha 0 by "
    "its own schedule. Its teacher's row (57.55 / 94.48) is that of an ensemble; its 366.6 MB are four times the "
    "weights of M-SFANet, as a checkpoint with an optimizer's state has, so that its -99.85 % is -99.42 % of the "
    "weights; and its -17.55 % compares MAE alone: by RMSE it is -0.12 %, and students with alpha of 0.3 and more are "
    "worse by RMSE than the figure without a teacher. One sentence sets -99.85 %, of the teacher's size, beside "
    "-17.55 %, of the student's error. A distilled student that is 0.011 MB larger is another container: distillation "
    "adds no parameter."
)


def section(runs: Sequence[Run], in_turns: Sequence[CountersInTurns] = ()) -> list[str]:
    """Markdown lines; none without results."""
    studies = [(study, [run for run in runs if run.pipeline == study]) for study in TITLES]
    parts = [line for study, own in studies if own for line in _study(study, own)]
    parts += [line for result in in_turns for line in _in_turns(result)]
    return ["## Counting", "", *parts, PAPER, ""] if parts else []


def _in_turns(result: CountersInTurns) -> list[str]:
    height, width = result.size
    lines = [
        "### The networks that count, in turns",
        "",
        f"Images of {height}x{width}, batch 1, one thread; the ratio is the median of {len(result.rounds)} rounds. "
        "Weights and images do not matter for it.",
        "",
        "| network | trainable parameters | .tflite | largest / this | latency ms | MCNN in int8 / this |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    largest = max(result.bytes.values())
    for name, size in result.bytes.items():
        faster = statistics.median(ratios(result.rounds, INT8, name))
        parameters = f"{result.parameters[name.split()[0]]:,}"
        times = f"{typical(result.rounds, name):.2f} | {faster:.3f}"
        lines.append(f"| {name} | {parameters} | {megabytes(size)} | {largest / size:.0f} | {times} |")
    return [*lines, ""]


def _study(study: str, runs: Sequence[Run]) -> list[str]:
    data, teacher = runs[0].data, runs[0].stage("teacher")
    note = NOTE.format(
        study=study,
        train=data.train,
        test=data.test,
        height=data.shape[0],
        width=data.shape[1],
        mean=mean_count(runs[0]),
        what=data.label_names[0],
        teacher=f"M-SFANet with {teacher.params:,} parameters",
        epochs=len(runs[0].stage(CONTROL).history),
        seeds=", ".join(str(run.seed) for run in runs),
    )
    parts = (_alphas(runs), _chain(runs), _by_count(runs), _bars(runs), _findings(runs))
    return [
        f"### {TITLES[study]}",
        "",
        note,
        CAVEATS.get(study, ""),
        "",
        *(line for part in parts for line in [*part, ""]),
    ]


def _alphas(runs: Sequence[Run]) -> list[str]:
    lines = [
        "| alpha | MAE | RMSE | bias | MAE - MAE at alpha 0 | RMSE - RMSE at alpha 0 |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for name in alphas(runs[0]):
        mae, rmse, bias = (of(runs, name, key) for key in ("mae", "rmse", "bias"))
        cells = [f"{int(name.partition('_')[2]) / 100:g}", spread(mae), spread(rmse), spread(bias, "+.2f")]
        cells += ["", ""] if name == CONTROL else [spread(_paired(runs, name, key), "+.2f") for key in ("mae", "rmse")]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _chain(runs: Sequence[Run]) -> list[str]:
    rows = (
        ("teacher", "teacher"),
        ("student, alpha 0", CONTROL),
        ("student, alpha 0.1", CHOSEN),
        ("and pruned", "pruned"),
        ("and int8", "exported"),
    )
    cpu, timed = on_one(runs)
    lines = [
        f"| network | MAE | MAE / mean count | RMSE | .tflite | gzip | latency p50, {cpu} |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for title, name in rows:
        stages = [run.stage(name) for run in runs]
        shares = [metric(stage, "mae") / mean_count(run) for stage, run in zip(stages, runs, strict=True)]
        cells = [title, spread(of(runs, name, "mae")), f"{statistics.mean(shares):.1%}", spread(of(runs, name, "rmse"))]
        cells += [megabytes(statistics.mean(getattr(stage, key) or 0 for stage in stages))
                  for key in ("tflite_bytes", "gzip_bytes")]  # fmt: skip
        cells.append(latency(timed, name))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _by_count(runs: Sequence[Run]) -> list[str]:
    """A heat map in figures: the errors of images with few and with many things."""
    parts = runs[0].stage(CONTROL).details["by_count"]
    ranges = [f"{low:.0f} to {high:.0f}" for low, high in zip(parts["from"], parts["to"], strict=True)]
    lines = [f"| MAE of images with | {' | '.join(ranges)} |", "|---|" + "--:|" * len(ranges)]
    for name in ("teacher", *alphas(runs[0]), "exported"):
        columns = zip(*(run.stage(name).details["by_count"]["mae"] for run in runs), strict=True)
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(f'{statistics.mean(part):.2f}' for part in columns)} |")
    return lines


def _bars(runs: Sequence[Run]) -> list[str]:
    rounding = [metric(run.stage("exported"), "mae") / metric(run.stage("pruned"), "mae") for run in runs]
    shares = [
        abs(metric(run.stage("exported"), "bias") - metric(run.stage("pruned"), "bias")) / mean_count(run)
        for run in runs
    ]
    errors = [metric(run.stage("exported"), "mae") / mean_count(run) for run in runs]
    rows = (
        ("MAE of the int8 file / mean count", "at most 0.08 (nuclei)", errors, ".3f"),
        ("MAE of the int8 file / of the float network before quantization", "at most 1.03", rounding, ".3f"),
        ("difference of their mean counts / mean count", "at most 0.5 %", shares, ".2%"),
    )
    lines = ["| what | bar | median | " + " | ".join(f"seed {run.seed}" for run in runs) + " |",
             "|---|---|--:|" + "--:|" * len(runs)]  # fmt: skip
    for what, bar, values, shown in rows:
        cells = " | ".join(f"{value:{shown}}" for value in [statistics.median(values), *values])
        lines.append(f"| {what} | {bar} | {cells} |")
    return lines


def _findings(runs: Sequence[Run]) -> list[str]:
    """In plain words, from the numbers: which weights of the teacher helped, and which did not."""
    lines = []
    for key, title in (("mae", "MAE"), ("rmse", "RMSE")):
        better = [name for name in alphas(runs[0])[1:] if statistics.mean(_paired(runs, name, key)) < 0]
        always = [name for name in better if all(value < 0 for value in _paired(runs, name, key))]
        lines.append(
            f"- By {title}, the mean over the seeds is better than that of alpha 0 for alpha {_listed(better)}; "
            f"in every seed for {_listed(always)}."
        )
    means = {name: statistics.mean(of(runs, name, "mae")) for name in alphas(runs[0])}
    best = min(means, key=lambda name: means[name])
    lines.append(f"- The best alpha by MAE is {_listed([best])}; the paper's is 0.1.")
    return lines


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"{int(name.partition('_')[2]) / 100:g}" for name in names) or "none"


def alphas(run: Run) -> list[str]:
    """The students' stages."""
    return [stage.name for stage in run.stages if stage.name.startswith("alpha_")]


def of(runs: Sequence[Run], name: str, key: str) -> list[float]:
    """A metric of a stage in each run."""
    return [metric(run.stage(name), key) for run in runs]


def metric(stage: StageResult, key: str) -> float:
    """One that was measured."""
    value = stage.metrics[key]
    assert value is not None, (stage.name, key)
    return value


def mean_count(run: Run) -> float:
    """Of the test images."""
    parts = run.stage("teacher").details["by_count"]
    true = run.stage("teacher").details["counts"]["true"]
    assert sum(parts["images"]) == len(true)
    return statistics.mean(true)


def _paired(runs: Sequence[Run], name: str, key: str) -> list[float]:
    return [one - other for one, other in zip(of(runs, name, key), of(runs, CONTROL, key), strict=True)]
