"""Makes README's table and picture, and RESULTS.md, of raw results.

``python -m benchmarks.tables``; ``--check`` only compares.

results/<board>/*.json are raw: a pipeline's run (runs/<pipeline>/run.json, copied whole), a board's benchmark (what
``make jetson`` brings home) or a comparison with peers (``make peers``). Each carries a digest of itself: what was
edited is refused.
"""

import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.assistants import table as assistants
from benchmarks.boards.result import BoardResult
from benchmarks.boards.table import boards_table, engines_table, on_board, warnings_list
from benchmarks.counting import table as counting
from benchmarks.detection import table as detection
from benchmarks.families import table as families
from benchmarks.focal import table as focal
from benchmarks.front import picture
from benchmarks.front import table as front
from benchmarks.input import table as inputs
from benchmarks.keras3 import table as front_door
from benchmarks.narrow import table as narrow
from benchmarks.paper2022.document import document as paper_document
from benchmarks.paper2022.profile import SHIPPED, read
from benchmarks.paper2022.results import Measured
from benchmarks.paper2022.today import read_kept, today
from benchmarks.peers import table as peers
from benchmarks.raw import read_result
from benchmarks.studies import (
    Acceptance,
    At224,
    BlurredDetectors,
    CachedEpochs,
    Chain,
    CompiledForTensorRT,
    CountersInTurns,
    FamilyLatency,
    FocalStudy,
    GeneratedNetworks,
    InputMemory,
    InputSpeed,
    InputWork,
    Keras3Family,
    PeersLatency,
    StepsApart,
    SweepOverhead,
    SweepSavings,
    of_kind,
)
from benchmarks.sweep import table as sweeps
from benchmarks.tensorrt import table as tensorrt
from compress.errors import UserError
from compress.results import Run, StageResult

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
RESULTS = HERE / "RESULTS.md"
PICTURE = HERE / "plots" / "chain.svg"
STUDY = "paper2022"
PAPER_RESULTS = HERE / STUDY / "RESULTS.md"
SHOWN = "densenet121"  # the pipeline of the README
BEGIN, END = "<!-- results: made by benchmarks/tables.py -->", "<!-- /results -->"
BARS = (
    # what, bar, function of a run, format
    ("exported top-1 on the held-out test split", "at least 97 %", lambda run: 100 * score(last(run)), "{:.2f} %"),
    ("points under the teacher", "at most 1.0", lambda run: 100 * (score(first(run)) - score(last(run))), "{:.2f}"),
    ("kernel sparsity inside the .tflite", "at least 0.80", lambda run: last(run).kernel_sparsity, "{:.3f}"),
    (
        "teacher float32 .tflite / exported sparse .tflite, bytes",
        "at least 45",
        lambda run: first(run).tflite_bytes / last(run).sparse_tflite_bytes,
        "{:.1f}",
    ),
    (
        "teacher float32 .tflite / exported gzip, bytes",
        "at least 80",
        lambda run: first(run).tflite_bytes / last(run).gzip_bytes,
        "{:.1f}",
    ),
    ("operators that compute in float, edges apart", "none", lambda run: len(last(run).float_operators), "{:.0f}"),
    (
        "host latency, teacher / exported (batch 1, one thread)",
        "",
        lambda run: first(run).latency.latency_ms_p50 / last(run).latency.latency_ms_p50,
        "{:.1f}",
    ),
    ("wall time of the whole run, s", "at most 600", lambda run: run.seconds["wall"], "{:.0f}"),
    (
        "seconds outside the training loop",
        "at most 150",
        lambda run: run.seconds["wall"] - run.seconds["training"],
        "{:.0f}",
    ),
)


AT_224 = "latency at 224x224, in turns: DenseNet201 float32 / the narrowed DenseNet121 in int8"


def first(run: Run) -> Any:
    """The teacher's stage."""
    return run.stages[0]


def last(run: Run) -> Any:
    """The exported stage."""
    return run.stages[-1]


def score(stage: StageResult) -> float:
    """The top-1 of the pipeline of the README, which is a classification."""
    return stage.metrics["top1"] or 0.0


@dataclass(frozen=True)
class Results:
    """What was measured: runs of pipelines, benchmarks of boards, comparisons with peers, families, chains, grids,
    sweeps."""

    runs: list[Run] = field(default_factory=list)
    boards: list[BoardResult] = field(default_factory=list)
    family_runs: list[Run] = field(default_factory=list)
    narrow_runs: list[Run] = field(default_factory=list)
    counting_runs: list[Run] = field(default_factory=list)
    detection_runs: list[Run] = field(default_factory=list)
    tensorrt_runs: list[Run] = field(default_factory=list)
    studies: list[Any] = field(default_factory=list)
    """Objects of the classes in ``benchmarks.studies``."""


def load(folder: Path) -> Results:
    """Every raw result below ``folder``, but those of the paper's tables; Refused names the file."""
    results = Results()
    studies = {
        "families": results.family_runs,
        "narrow": results.narrow_runs,
        "counting": results.counting_runs,
        "detection": results.detection_runs,
        "tensorrt": results.tensorrt_runs,
    }
    for path in sorted(folder.glob("*/*.json")):
        if path.parent.name == STUDY:
            continue
        result = read_result(path)
        if isinstance(result, Run):
            studies.get(path.parent.name, results.runs).append(result)
        elif isinstance(result, BoardResult):
            results.boards.append(result)
        else:
            results.studies.append(result)
    results.runs.sort(key=lambda run: (run.pipeline, run.seed or 0))
    results.boards.sort(key=lambda result: (result.board.title, result.started))
    return results


def stages_table(run: Run) -> list[str]:
    """Markdown lines: one row a stage; the closeness to the float network where a stage has one."""
    compared = any(stage.closeness_to_float is not None for stage in run.stages)
    metrics = run.table_metrics
    closeness = f" {run.closeness.title} with float |" if compared else ""
    lines = [
        f"| stage |{''.join(f' {metric.title} |' for metric in metrics)}{closeness} parameters | kernel sparsity | "
        ".tflite | sparse .tflite | gzip | latency p50, host |",
        f"|---|{'--:|' * (len(metrics) + compared)}--:|--:|--:|--:|--:|--:|",
    ]
    for stage in run.stages:
        shown = [(metric, stage.metrics.get(metric.key)) for metric in metrics]
        shown += [(run.closeness, stage.closeness_to_float)] * compared
        cells = [f"{stage.name} ({stage.precision})"]
        cells += ["" if value is None else metric.compact(value) for metric, value in shown]
        cells += [f"{stage.params:,}", f"{stage.kernel_sparsity:.3f}"]
        sizes = (stage.tflite_bytes, stage.sparse_tflite_bytes, stage.gzip_bytes)
        cells += [f"{size / 1e6:.2f} MB" for size in sizes if size is not None]
        cells.append(f"{stage.latency.latency_ms_p50:.2f} ms" if stage.latency else "")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def bars_table(runs: list[Run], at_224: list[At224]) -> list[str]:
    """Markdown lines: the median over the seeds, and every seed's value."""
    lines = [
        "| what | bar | median | " + " | ".join(f"seed {run.seed}" for run in runs) + " |",
        "|---|---|--:|" + "--:|" * len(runs),
    ]
    for what, bar, value, shown in BARS:
        values = [value(run) for run in runs]
        cells = " | ".join(shown.format(v) for v in [statistics.median(values), *values])
        lines.append(f"| {what} | {bar} | {cells} |")
    timed = {each.seed: narrow.ratio_at_224(each) for each in at_224}
    if all(run.seed in timed for run in runs):
        values = [timed[run.seed or 0] for run in runs]
        cells = " | ".join(f"{value:.1f}" for value in [statistics.median(values), *values])
        lines.append(f"| {AT_224} | at least 14 | {cells} |")
    return lines


def section(runs: list[Run], at_224: list[At224]) -> str:
    """The first seed's stages; of the README's pipeline all seeds against the bars, too."""
    shown = runs[0]
    machine, data = shown.machine, shown.data
    note = (
        f"`{shown.pipeline}` on {data.name} ({data.train} training and {data.test} held-out test images of "
        f"{data.shape[0]}x{data.shape[1]}), seed {shown.seed}. Host: {machine['cpu']}, {machine['cores']} cores. "
        "MB are 10^6 bytes. Latency is of this host (batch 1, one thread, median of 50 runs), never a board's."
    )
    bars = ["", *bars_table(runs, at_224)] if shown.pipeline == SHOWN else []
    return "\n".join([*stages_table(shown), "", note, *bars])


def inserted(readme: str, text: str) -> str:
    """The README with ``text`` between its two markers."""
    head, rest = readme.split(BEGIN)
    return f"{head}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


# Shin and Oh, 2022, tables 5 and 7: CIFAR-10 at 224x224, Jetson Xavier CPU, mean of 50 runs
PAPER = (
    # our stage, the paper's step, MB, top-1 in %, ms on the Xavier
    ("teacher", "DenseNet201", 70, 95.15, 1274.03),
    ("distilled", "DenseNet121, distilled", 29, 91.50, 658.06),
    ("exported", "80 % pruned, quantization-aware training", 4.6, 93.35, 499.26),
)


PAPER_NOTE = (
    "Shin and Oh, 2022, measured CIFAR-10 at 224x224 on a Jetson Xavier's CPU; ours are the digits at 32x32. The two "
    "are not to be compared: what can be is the ratio from row to row."
)


def paper_table(run: Run, measured: list[BoardResult]) -> list[str]:
    """The paper's figures beside a run of ours and each Jetson that measured it, in columns of their own."""
    jetsons = [result for result in measured if result.board.is_jetson and result.pipeline == run.pipeline]
    own = "".join(f" ours: {result.board.title}, 1 thread p50 ms |" for result in jetsons)
    lines = [
        "| step | paper: MB | paper: top-1 | paper: Xavier ms | ours: sparse MB | ours: top-1 | ours: host ms |" + own,
        "|---|--:|--:|--:|--:|--:|--:|" + "--:|" * len(jetsons),
    ]
    for name, step, size, top1, latency in PAPER:
        ours = run.stage(name)
        lines.append(
            f"| {step} | {size} | {top1:.2f} % | {latency:.2f} | {(ours.sparse_tflite_bytes or 0) / 1e6:.2f} | "
            f"{score(ours):.2%} | {ours.latency.latency_ms_p50 if ours.latency else 0:.2f} |"
            + "".join(f" {on_board(result, name)} |" for result in jetsons)
        )
    return lines


def document(results: Results) -> str:
    """RESULTS.md."""
    runs, measured = results.runs, results.boards
    parts = ["# Results", "", "Made by `make tables` from the raw JSON in `results/`. MB are 10^6 bytes.", ""]
    for name in sorted({run.pipeline for run in runs}):
        parts += [
            f"## The pipeline {name}, on the host",
            "",
            section([run for run in runs if run.pipeline == name], of_kind(results.studies, At224)),
            "",
        ]
    parts += ["## On boards", ""]
    parts += boards_table(measured) if measured else ["No board was measured yet: `make jetson HOST=user@xavier`."]
    parts += ["", *engines_table(measured)] if measured else []
    if measured:
        parts += [
            "",
            "Batch 1; 50 timed runs or more a repetition, after a warm-up; mJ is energy per inference of the board's "
            "total rail. Times of two rows may be compared only where board, software and interpreter are the same.",
            "",
            "What the results say against themselves:",
            "",
            *warnings_list(measured),
        ]
    chain = [run for run in runs if run.pipeline == SHOWN]
    if chain:
        parts += ["", "## Beside the paper", "", PAPER_NOTE, "", *paper_table(chain[0], measured), ""]
    accepted, latencies = of_kind(results.studies, Acceptance), of_kind(results.studies, PeersLatency)
    parts += sweeps.section([study for study in results.studies if isinstance(study, SweepSavings | SweepOverhead)])
    parts += narrow.section(results.narrow_runs, of_kind(results.studies, At224))
    parts += counting.section(results.counting_runs, of_kind(results.studies, CountersInTurns))
    parts += detection.section(results.detection_runs, of_kind(results.studies, BlurredDetectors))
    parts += tensorrt.section(
        results.tensorrt_runs, of_kind(results.studies, CompiledForTensorRT), of_kind(results.studies, StepsApart)
    )
    parts += families.section(results.family_runs, of_kind(results.studies, FamilyLatency), accepted)
    parts += front_door.section(of_kind(results.studies, Keras3Family), of_kind(results.studies, GeneratedNetworks))
    parts += peers.section(latencies, accepted)
    parts += assistants.section([study for study in results.studies if isinstance(study, Chain | CachedEpochs)])
    parts += focal.section(of_kind(results.studies, FocalStudy))
    parts += inputs.section(
        of_kind(results.studies, InputSpeed),
        of_kind(results.studies, InputWork),
        of_kind(results.studies, InputMemory),
    )
    return "\n".join(parts)


def main() -> None:
    try:
        results = load(HERE / "results")
        paper = today(read(SHIPPED), (), {}, read_kept(HERE / "results" / STUDY))
    except UserError as error:
        sys.exit(f"error: {error}")
    shown = [run for run in results.runs if run.pipeline == SHOWN]
    if not shown:
        sys.exit(f"error: there is no result of {SHOWN} below {HERE / 'results'}")
    old = README.read_text()
    texts = {
        README: inserted(old, front.section(shown)),
        PICTURE: picture.svg(picture.draw(shown)),
        RESULTS: document(results),
        PAPER_RESULTS: paper_document(Measured.of(paper.runs, paper.studies), "../plots"),
    }
    if paper.others:
        print(f"left out, not of the profile as it is today: {', '.join(paper.others)}")
    for path, text in texts.items():
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path.name} does not show benchmarks/results: run `make tables`")


if __name__ == "__main__":
    main()
