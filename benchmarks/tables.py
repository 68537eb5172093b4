"""Makes the README's table from the raw results: ``python benchmarks/tables.py`` (``--check`` only compares).

Each file of results/host/ is one run's raw JSON, copied whole from runs/<pipeline>/run.json.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- results: made by benchmarks/tables.py -->", "<!-- /results -->"
BARS = (
    # what, bar, function of a run, format
    ("exported top-1 on the held-out test split", "at least 97 %", lambda run: 100 * last(run)["top1"], "{:.2f} %"),
    ("points under the teacher", "at most 1.0", lambda run: 100 * (first(run)["top1"] - last(run)["top1"]), "{:.2f}"),
    ("kernel sparsity inside the .tflite", "at least 0.80", lambda run: last(run)["kernel_sparsity"], "{:.3f}"),
    (
        "teacher float32 .tflite / exported sparse .tflite, bytes",
        "at least 15.2",
        lambda run: first(run)["tflite_bytes"] / last(run)["sparse_tflite_bytes"],
        "{:.1f}",
    ),
    (
        "teacher float32 .tflite / exported gzip, bytes",
        "at least 25",
        lambda run: first(run)["tflite_bytes"] / last(run)["gzip_bytes"],
        "{:.1f}",
    ),
    ("operators that compute in float, edges apart", "none", lambda run: len(last(run)["float_operators"]), "{:.0f}"),
    (
        "host latency, teacher / exported (batch 1, one thread)",
        "",
        lambda run: first(run)["latency"]["latency_ms_p50"] / last(run)["latency"]["latency_ms_p50"],
        "{:.1f}",
    ),
    ("wall time of the whole run, s", "at most 600", lambda run: run["seconds"]["wall"], "{:.0f}"),
    (
        "seconds outside the training loop",
        "at most 120",
        lambda run: run["seconds"]["wall"] - run["seconds"]["training"],
        "{:.0f}",
    ),
)


def first(run: dict[str, Any]) -> dict[str, Any]:
    """The teacher's stage."""
    return run["stages"][0]


def last(run: dict[str, Any]) -> dict[str, Any]:
    """The exported stage."""
    return run["stages"][-1]


def load(folder: Path) -> list[dict[str, Any]]:
    """The runs of a folder of raw results, by seed. Raises ValueError for a file of another schema."""
    runs = []
    for path in sorted(folder.glob("*.json")):
        run = json.loads(path.read_text())
        if run.get("schema") != 1 or "stages" not in run:
            raise ValueError(f"{path} is not the raw result of a run (schema 1)")
        runs.append(run)
    return sorted(runs, key=lambda run: run["seed"])


def stages_table(run: dict[str, Any]) -> list[str]:
    """Markdown lines: one row a stage."""
    lines = [
        "| stage | top-1 | parameters | kernel sparsity | .tflite | sparse .tflite | gzip | latency p50, host |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for stage in run["stages"]:
        sizes = " | ".join(
            f"{stage[size] / 1e6:.2f} MB" for size in ("tflite_bytes", "sparse_tflite_bytes", "gzip_bytes")
        )
        lines.append(
            f"| {stage['name']} ({stage['form']}) | {stage['top1']:.2%} | {stage['params']:,} | "
            f"{stage['kernel_sparsity']:.3f} | {sizes} | {stage['latency']['latency_ms_p50']:.2f} ms |"
        )
    return lines


def bars_table(runs: list[dict[str, Any]]) -> list[str]:
    """Markdown lines: the median over the seeds, and every seed's value."""
    lines = [
        "| what | bar | median | " + " | ".join(f"seed {run['seed']}" for run in runs) + " |",
        "|---|---|--:|" + "--:|" * len(runs),
    ]
    for what, bar, value, shown in BARS:
        values = [value(run) for run in runs]
        cells = " | ".join(shown.format(v) for v in [statistics.median(values), *values])
        lines.append(f"| {what} | {bar} | {cells} |")
    return lines


def section(runs: list[dict[str, Any]]) -> str:
    """What the README shows: the first seed's stages, then all seeds against the bars."""
    shown = runs[0]
    machine = shown["machine"]
    data = shown["data"]
    note = (
        f"`{shown['pipeline']}` on {data['name']} ({data['train']} training and {data['test']} held-out test images of "
        f"{data['size']}x{data['size']}), seed {shown['seed']}. Host: {machine['cpu']}, {machine['cores']} cores. "
        "MB are 10^6 bytes. Latency is of this host (batch 1, one thread, median of 50 runs), never a board's."
    )
    return "\n".join([*stages_table(shown), "", note, "", *bars_table(runs)])


def inserted(readme: str, text: str) -> str:
    """The README with ``text`` between its two markers."""
    head, rest = readme.split(BEGIN)
    return f"{head}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def main() -> None:
    old = README.read_text()
    new = inserted(old, section(load(HERE / "results" / "host")))
    if "--check" in sys.argv:
        sys.exit(0 if old == new else "README.md does not show benchmarks/results: run `make tables`")
    README.write_text(new)


if __name__ == "__main__":
    main()
