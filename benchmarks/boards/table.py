"""The tables of boards in RESULTS.md, from results/<board>/*.json."""

import statistics
from collections.abc import Sequence

from benchmarks.boards.result import Accuracy, BoardResult, Model
from compress.results import Metric

BEHIND = "post-processing ms"
"""Column of the time of what is computed from a model's outputs, which is no part of the inference's."""


def boards_table(boards: Sequence[BoardResult]) -> list[str]:
    """Markdown lines: a row for each board, model and number of threads, and what the models' ratio is there; a table
    for each task, as these measure different things."""
    lines: list[str] = []
    for metrics in dict.fromkeys(tuple(result.metrics) for result in boards):
        shown = [metric for metric in metrics if metric.in_table]
        own = [result for result in boards if tuple(result.metrics) == metrics]
        behind = any(computes_behind(result) for result in own)
        lines += [
            "| board | software | interpreter | pipeline | model | MB | "
            + "".join(f"{titled(metric)} | " for metric in shown)
            + "".join(f"{metric.title}, host | " for metric in shown[:1])
            + f"{BEHIND} | " * behind
            + "threads | mean ms | p50 | p90 | std | load ms | peak MB | mJ (rail) | teacher / model |",
            "|---|---|---|---|---|--:|" + "--:|" * (len(shown) + len(shown[:1]) + behind + 9),
        ]
        for result in own:
            board, runtime = result.board, result.runtime
            start = f"| {board.title} | {board.software} | {runtime.name} {runtime.version} | {result.pipeline} |"
            for model in result.models:
                lines += [f"{start} {row} |" for row in model_rows(model, result.teacher, shown, behind)]
        lines.append("")
    return lines[:-1]


def engines_table(boards: Sequence[BoardResult]) -> list[str]:
    """A row for each engine of TensorRT on each board; none without any. No ratio to another engine's times: those of
    LiteRT on the same board stand in the table before."""
    rows = []
    for result in boards:
        for engine in result.tensorrt.engines if result.tensorrt and result.tensorrt.engine else []:
            version = f"{result.tensorrt.engine.name} {result.tensorrt.engine.version}"  # type: ignore[union-attr]
            start = (
                f"| {result.board.title} | {result.board.software} | {result.pipeline} | {engine.file} | {version} | "
            )
            if engine.ms is None:
                rows.append(f"{start}{engine.precision} | failed: {engine.errors[0]} | - | - | - | - | - |")
                continue
            times = " | ".join(
                f"{value:.2f}" for value in (engine.ms.mean, engine.ms.p50, engine.ms.p90, engine.ms.std)
            )
            same = engine.expected.same_answers if engine.expected else None
            alike = f"{same:.0%} of {engine.expected.images}" if engine.expected and same is not None else "-"
            energy = f"{engine.energy.energy_mj:.1f} ({engine.energy.rail})" if engine.energy else "-"
            rows.append(f"{start}{engine.precision} | {times} | {alike} | {energy} |")
    if not rows:
        return []
    return [
        "In TensorRT, by trtexec, with the copies to the GPU and back. Times of different versions are not compared.",
        "",
        "| board | software | pipeline | file | engine | precision | mean ms | p50 | p90 | std | as on the host | "
        "mJ (rail) |",
        "|---|---|---|---|---|---|--:|--:|--:|--:|--:|--:|",
        *rows,
        "",
    ]


def computes_behind(result: BoardResult) -> bool:
    """Whether something is computed behind the outputs of a model of it."""
    return any(model.postprocess_ms is not None for model in result.models)


def milliseconds(value: float | None) -> str:
    """With two digits; "-" for none."""
    return "-" if value is None else f"{value:.2f}"


def titled(metric: Metric) -> str:
    """What a column of it is called."""
    return f"{metric.title} (95 % interval)" if metric.is_share else metric.title


def measured(metric: Metric, accuracy: Accuracy) -> str:
    """A metric on a board, with its interval if it has one; "-" where it was not measured."""
    value = accuracy.metrics.get(metric.key)
    if value is None:
        return "-"
    interval = accuracy.intervals.get(metric.key)
    return metric.compact(value) + (f" ({interval[0]:.1%} to {interval[1]:.1%})" if interval else "")


def model_rows(model: Model, teacher: Model, metrics: Sequence[Metric], behind: bool) -> list[str]:
    """The cells of a model, a row for each number of threads; with a cell of BEHIND or without it."""
    values = [measured(metric, model.accuracy or Accuracy()) for metric in metrics]
    host = [metric.compact(model.host_score) if model.host_score is not None else "-" for metric in metrics[:1]]
    values += [*host, *[milliseconds(model.postprocess_ms)] * behind]
    rows = []
    for entry in model.latency:
        start = " | ".join([model.file, f"{model.bytes / 1e6:.2f}", *values, str(entry.threads)])
        if entry.ms is None:
            rows.append(f"{start} | failed: {entry.errors[0]} | - | - | - | - | - | - | -")
            continue
        peaks = [repetition.peak_memory_mb for repetition in entry.repetitions]
        known_peaks = [peak for peak in peaks if peak is not None]
        slower = teacher.on_threads(entry.threads)
        cells = [
            *(f"{value:.2f}" for value in (entry.ms.mean, entry.ms.p50, entry.ms.p90, entry.ms.std)),
            f"{statistics.median(repetition.load_ms for repetition in entry.repetitions):.1f}",
            f"{max(known_peaks):.0f}" if known_peaks else "-",
            f"{entry.energy.energy_mj:.1f} ({entry.energy.rail})" if entry.energy else "-",
            f"{slower.p50 / entry.ms.p50:.2f}" if slower else "-",
        ]
        rows.append(f"{start} | {' | '.join(cells)}")
    return rows


def warnings_list(boards: Sequence[BoardResult]) -> list[str]:
    """What each result says against itself."""
    return [
        f"- {result.board.title}, {result.started}: {warning}" for result in boards for warning in result.warnings
    ] or ["- none"]


def on_board(result: BoardResult, role: str) -> str:
    """The median in ms of a stage's model with one thread; "-" where it was not measured."""
    times = next((model.on_threads(1) for model in result.models if model.role == role), None)
    return milliseconds(times.p50 if times else None)
