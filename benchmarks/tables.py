"""Makes README's table and RESULTS.md of raw results: ``python -m benchmarks.tables`` (``--check`` only compares).

results/<board>/*.json are raw: a pipeline's run (runs/<pipeline>/run.json, copied whole), a board's benchmark (what
``make jetson`` brings home) or a comparison with peers (``make peers``). Each carries a digest of itself: what was
edited is refused.
"""

import hashlib
import json
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.assistants import table as assistants
from benchmarks.families import table as families
from benchmarks.focal import table as focal
from benchmarks.keras3 import table as front_door
from benchmarks.peers import table as peers
from benchmarks.sweep import table as sweeps
from compress.results import OLD_METRICS, SCHEMA, Metric, Run, StageResult, parse

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
RESULTS = HERE / "RESULTS.md"
RUNS, BOARDS = (1, 2, SCHEMA), ("jetslim-board/1", "jetslim-board/2", "jetslim-board/3")
SHOWN = "densenet121"  # the pipeline of the README
BEGIN, END = "<!-- results: made by benchmarks/tables.py -->", "<!-- /results -->"
BARS = (
    # what, bar, function of a run, format
    ("exported top-1 on the held-out test split", "at least 97 %", lambda run: 100 * score(last(run)), "{:.2f} %"),
    ("points under the teacher", "at most 1.0", lambda run: 100 * (score(first(run)) - score(last(run))), "{:.2f}"),
    ("kernel sparsity inside the .tflite", "at least 0.80", lambda run: last(run).kernel_sparsity, "{:.3f}"),
    (
        "teacher float32 .tflite / exported sparse .tflite, bytes",
        "at least 15.2",
        lambda run: first(run).tflite_bytes / last(run).sparse_tflite_bytes,
        "{:.1f}",
    ),
    (
        "teacher float32 .tflite / exported gzip, bytes",
        "at least 25",
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
        "at most 120",
        lambda run: run.seconds["wall"] - run.seconds["training"],
        "{:.0f}",
    ),
)


def first(run: Run) -> Any:
    """The teacher's stage."""
    return run.stages[0]


def last(run: Run) -> Any:
    """The exported stage."""
    return run.stages[-1]


def score(stage: StageResult) -> float:
    """The top-1 of the pipeline of the README, which is a classification."""
    return stage.metrics["top1"] or 0.0


class Refused(Exception):
    """A file that is no raw result, and why."""


@dataclass(frozen=True)
class Results:
    """What was measured: runs of pipelines, benchmarks of boards, comparisons with peers, families, chains, grids,
    sweeps."""

    runs: list[Run] = field(default_factory=list)
    boards: list[dict[str, Any]] = field(default_factory=list)
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    family_runs: list[Run] = field(default_factory=list)
    family_latencies: list[dict[str, Any]] = field(default_factory=list)
    chains: list[dict[str, Any]] = field(default_factory=list)
    grids: list[dict[str, Any]] = field(default_factory=list)
    sweeps: list[dict[str, Any]] = field(default_factory=list)
    keras3: list[dict[str, Any]] = field(default_factory=list)
    generated: list[dict[str, Any]] = field(default_factory=list)


def load(folder: Path) -> Results:
    """Every raw result below ``folder``; Refused names the file."""
    found_all = Results()
    kinds = {
        **dict.fromkeys(RUNS, found_all.runs),
        **dict.fromkeys(BOARDS, found_all.boards),
        peers.LATENCY: found_all.comparisons,
        peers.ACCEPTANCE: found_all.comparisons,
        families.LATENCY: found_all.family_latencies,
        assistants.SCHEMA: found_all.chains,
        assistants.EPOCH: found_all.chains,
        focal.SCHEMA: found_all.grids,
        sweeps.SAVED: found_all.sweeps,
        sweeps.OVERHEAD: found_all.sweeps,
        front_door.FAMILY: found_all.keras3,
        front_door.GENERATED: found_all.generated,
    }
    for path in sorted(folder.glob("*/*.json")):
        try:
            content = json.loads(path.read_text())
        except ValueError as error:
            raise Refused(f"{path} is no JSON: {error}") from error
        schema = content.get("schema") if isinstance(content, dict) else None
        if schema not in kinds:
            raise Refused(f"{path}: schema {schema!r} is unknown; {', '.join(map(repr, kinds))} are known")
        if content.get("digest") != seal(content):
            raise Refused(f"{path} was edited after it was measured: its digest does not match")
        if content.get("replay"):
            raise Refused(f"{path} replays a recorded tegrastats, or another machine's files: it is no measurement")
        if schema in RUNS:
            listed = found_all.family_runs if path.parent.name == "families" else found_all.runs
            listed.append(parse(content, str(path)))
        elif schema == BOARDS[0]:
            found_all.boards.append(of_today(content))
        else:
            kinds[schema].append(content)
    found_all.runs.sort(key=lambda run: (run.pipeline, run.seed or 0))
    found_all.boards.sort(key=lambda result: (title(result), result["started"]))
    return found_all


def seal(result: dict[str, Any]) -> str:
    """The digest that a result must carry: sha256 of all else in it, as compact JSON with sorted keys."""
    rest = {key: value for key, value in result.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


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


def bars_table(runs: list[Run]) -> list[str]:
    """Markdown lines: the median over the seeds, and every seed's value."""
    lines = [
        "| what | bar | median | " + " | ".join(f"seed {run.seed}" for run in runs) + " |",
        "|---|---|--:|" + "--:|" * len(runs),
    ]
    for what, bar, value, shown in BARS:
        values = [value(run) for run in runs]
        cells = " | ".join(shown.format(v) for v in [statistics.median(values), *values])
        lines.append(f"| {what} | {bar} | {cells} |")
    return lines


def section(runs: list[Run]) -> str:
    """The first seed's stages; of the README's pipeline all seeds against the bars, too."""
    shown = runs[0]
    machine, data = shown.machine, shown.data
    note = (
        f"`{shown.pipeline}` on {data.name} ({data.train} training and {data.test} held-out test images of "
        f"{data.shape[0]}x{data.shape[1]}), seed {shown.seed}. Host: {machine['cpu']}, {machine['cores']} cores. "
        "MB are 10^6 bytes. Latency is of this host (batch 1, one thread, median of 50 runs), never a board's."
    )
    bars = ["", *bars_table(runs)] if shown.pipeline == SHOWN else []
    return "\n".join([*stages_table(shown), "", note, *bars])


def inserted(readme: str, text: str) -> str:
    """The README with ``text`` between its two markers."""
    head, rest = readme.split(BEGIN)
    return f"{head}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def title(result: dict[str, Any]) -> str:
    """The board's name; a machine that is no Jetson, or an emulated one, says so."""
    board = result["board"]
    name = board["model"] or board["cpu"] or board["machine"]
    if board["emulated"]:
        return f"{name} (EMULATED: its times mean nothing)"
    return str(name) if board["is_jetson"] else f"{name} (not a Jetson)"


def of_today(result: dict[str, Any]) -> dict[str, Any]:
    """A board's result of the first schema, which knew classification alone, as one of today's."""
    models = []
    for model in result["models"]:
        accuracy = dict(model["accuracy"] or {})
        if "top1" in accuracy:
            accuracy["metrics"] = {"top1": accuracy.pop("top1")}
            accuracy["intervals"] = {"top1": accuracy.pop("top1_interval")}
        models.append({**model, "accuracy": accuracy or None, "host_score": model.get("host_top1")})
    return {**result, "models": models, "metrics": [OLD_METRICS[0].as_json()], "task": {"name": "classification"}}


def boards_table(boards: list[dict[str, Any]]) -> list[str]:
    """Markdown lines: a row for each board, model and number of threads, and what the models' ratio is there; a table
    for each task, as these measure different things."""
    lines: list[str] = []
    for metrics in {json.dumps(result["metrics"]): result["metrics"] for result in boards}.values():
        shown = [Metric(**metric) for metric in metrics if metric["in_table"]]
        lines += [
            "| board | software | interpreter | pipeline | model | MB | "
            + "".join(f"{titled(metric)} | " for metric in shown)
            + "".join(f"{metric.title}, host | " for metric in shown[:1])
            + "threads | mean ms | p50 | p90 | std | load ms | peak MB | mJ (rail) | teacher / model |",
            "|---|---|---|---|---|--:|" + "--:|" * (len(shown) + len(shown[:1]) + 9),
        ]
        for result in (result for result in boards if result["metrics"] == metrics):
            board, runtime = result["board"], result["runtime"]
            software = f"JetPack {board['jetpack']}" if board["jetpack"] else board["system"] or "-"
            start = f"| {title(result)} | {software} | {runtime['name']} {runtime['version']} | {pipeline(result)} |"
            reference = {entry["threads"]: entry["ms"] for entry in teacher(result)["latency"]}
            for model in result["models"]:
                lines += [f"{start} {row} |" for row in model_rows(model, reference, shown)]
        lines.append("")
    return lines[:-1]


def titled(metric: Metric) -> str:
    """What a column of it is called."""
    return f"{metric.title} (95 % interval)" if metric.is_share else metric.title


def measured(metric: Metric, accuracy: dict[str, Any]) -> str:
    """A metric on a board, with its interval if it has one; "-" where it was not measured."""
    value = accuracy.get("metrics", {}).get(metric.key)
    if value is None:
        return "-"
    interval = accuracy.get("intervals", {}).get(metric.key)
    return metric.compact(value) + (f" ({interval[0]:.1%} to {interval[1]:.1%})" if interval else "")


def teacher(result: dict[str, Any]) -> dict[str, Any]:
    """The first stage's model, where a bundle has one; else the only model."""
    return next((model for model in result["models"] if model["file"] == "teacher.tflite"), result["models"][0])


def model_rows(model: dict[str, Any], reference: dict[int, Any], metrics: list[Metric]) -> list[str]:
    """The cells of a model, a row for each number of threads; ``reference``: threads -> the teacher's times."""
    accuracy = model["accuracy"] or {}
    values = [measured(metric, accuracy) for metric in metrics]
    score = model.get("host_score")
    host = [metric.compact(score) if score is not None else "-" for metric in metrics[:1]]
    rows = []
    for entry in model["latency"]:
        start = " | ".join([model["file"], f"{model['bytes'] / 1e6:.2f}", *values, *host, str(entry["threads"])])
        if entry["ms"] is None:
            rows.append(f"{start} | failed: {entry['errors'][0]} | - | - | - | - | - | - | -")
            continue
        times = " | ".join(f"{entry['ms'][name]:.2f}" for name in ("mean", "p50", "p90", "std"))
        load = statistics.median(repetition["load_ms"] for repetition in entry["repetitions"])
        peaks = [
            repetition["peak_memory_mb"]
            for repetition in entry["repetitions"]
            if repetition["peak_memory_mb"] is not None
        ]
        energy = entry.get("energy")
        other = reference.get(entry["threads"])
        rest = [
            f"{load:.1f}",
            f"{max(peaks):.0f}" if peaks else "-",
            f"{energy['energy_mj']:.1f} ({energy['rail']})" if energy else "-",
            f"{other['p50'] / entry['ms']['p50']:.2f}" if other else "-",
        ]
        rows.append(f"{start} | {times} | {' | '.join(rest)}")
    return rows


def pipeline(result: dict[str, Any]) -> str:
    """The pipeline whose bundle was measured; "-" for a bare .tflite."""
    return str(result["bundle"]["pipeline"]) if result["bundle"] else "-"


def warnings_list(boards: list[dict[str, Any]]) -> list[str]:
    """What each result says against itself."""
    return [
        f"- {title(result)}, {result['started']}: {warning}" for result in boards for warning in result["warnings"]
    ] or ["- none"]


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


def paper_table(run: Run, boards: list[dict[str, Any]]) -> list[str]:
    """The paper's figures beside a run of ours and each Jetson that measured it, in columns of their own."""
    jetsons = [result for result in boards if result["board"]["is_jetson"] and pipeline(result) == run.pipeline]
    own = "".join(f" ours: {title(result)}, 1 thread p50 ms |" for result in jetsons)
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


def on_board(result: dict[str, Any], role: str) -> str:
    """The median in ms of a stage's model with one thread; "-" where it was not measured."""
    for model in result["models"]:
        for entry in model["latency"]:
            if model["role"] == role and entry["threads"] == 1 and entry["ms"]:
                return f"{entry['ms']['p50']:.2f}"
    return "-"


def document(results: Results) -> str:
    """RESULTS.md."""
    runs, boards = results.runs, results.boards
    parts = ["# Results", "", "Made by `make tables` from the raw JSON in `results/`. MB are 10^6 bytes.", ""]
    for name in sorted({run.pipeline for run in runs}):
        parts += [
            f"## The pipeline {name}, on the host",
            "",
            section([run for run in runs if run.pipeline == name]),
            "",
        ]
    parts += ["## On boards", ""]
    parts += boards_table(boards) if boards else ["No board was measured yet: `make jetson HOST=user@xavier`."]
    if boards:
        parts += [
            "",
            "Batch 1; 50 timed runs or more a repetition, after a warm-up; mJ is energy per inference of the board's "
            "total rail. Times of two rows may be compared only where board, software and interpreter are the same.",
            "",
            "What the results say against themselves:",
            "",
            *warnings_list(boards),
        ]
    chain = [run for run in runs if run.pipeline == SHOWN]
    if chain:
        parts += ["", "## Beside the paper", "", PAPER_NOTE, "", *paper_table(chain[0], boards), ""]
    accepted = [result for result in results.comparisons if result["schema"] == peers.ACCEPTANCE]
    parts += sweeps.section(results.sweeps)
    parts += families.section(results.family_runs, results.family_latencies, accepted)
    parts += front_door.section(results.keras3, results.generated)
    parts += peers.section(results.comparisons)
    parts += assistants.section(results.chains)
    parts += focal.section(results.grids)
    return "\n".join(parts)


def main() -> None:
    try:
        results = load(HERE / "results")
    except Refused as error:
        sys.exit(f"error: {error}")
    shown = [run for run in results.runs if run.pipeline == SHOWN]
    if not shown:
        sys.exit(f"error: there is no result of {SHOWN} below {HERE / 'results'}")
    old = README.read_text()
    texts = {README: inserted(old, section(shown)), RESULTS: document(results)}
    for path, text in texts.items():
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path.name} does not show benchmarks/results: run `make tables`")


if __name__ == "__main__":
    main()
