"""The section on TensorRT in RESULTS.md, from results/tensorrt/*.json."""

from collections.abc import Sequence

from benchmarks.format import spread
from benchmarks.studies import CompiledFile, CompiledForTensorRT, StepsApart
from compress.results import Run

GRIDS = {"grids-digits": "DenseNet121, digits", "grids-cifar10": "ResNet-20, CIFAR-10"}
NO_BOARD = (
    "No Jetson and no GPU was at hand: files were checked by ONNX's checker and by rules of TensorRT, run by ONNX "
    "Runtime on a processor, and compiled by NVIDIA's compiler (TensorRT for RTX, compute capability 8.6), which needs "
    "no GPU. That shows what TensorRT takes and what it computes in int8, and no speed."
)


EVERY = "jetslim, every rounding"
"""A file of ours in the form that rounds wherever the .tflite does."""


def section(
    runs: Sequence[Run], compiled: Sequence[CompiledForTensorRT], steps: Sequence[StepsApart] = ()
) -> list[str]:
    """Markdown lines; none without results."""
    families = [run for run in runs if run.pipeline == "families"]
    grids = [run for run in runs if run.pipeline == "grids"]
    parts = [*_families(families), *_steps(steps), *_grids(grids), *_compiled(compiled)]
    return ["## ONNX files for TensorRT", "", NO_BOARD, "", *parts] if parts else []


def _families(runs: Sequence[Run]) -> list[str]:
    if not runs:
        return []
    lines = [
        "Each network on the digits (`benchmarks/tensorrt/families.toml`), in int8 on symmetric grids. Both files on "
        "the test images: how many answers are the same, and the differences of probabilities from the quantized Keras "
        'network\'s. "Every rounding": the file rounds wherever the .tflite does, as the form with fewer roundings, '
        "which TensorRT computes faster, departed too far.",
        "",
        "| network | side | top-1, float | .tflite | .onnx | same answers | mean difference | largest | "
        "kernels in int8 | form |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for run in sorted(runs, key=_network):
        first, last = run.stages[0], run.stages[-1]
        onnx = last.onnx
        if onnx is None:
            continue
        tops = " | ".join(
            f"{100 * value:.2f}" for value in (first.metrics["top1"] or 0, last.metrics["top1"] or 0, onnx.score)
        )
        departs = f"{onnx.departure['mean_difference']:.4f} | {onnx.departure['largest_difference']:.3f}"
        int8 = f"{onnx.kernels - len(onnx.kernels_in_float)} of {onnx.kernels}"
        form = "fused" if onnx.fuses else "every rounding"
        alike = f"{100 * onnx.closeness_to_tflite:.2f} %"
        lines.append(f"| {_network(run)} | {run.data.shape[0]} | {tops} | {alike} | {departs} | {int8} | {form} |")
    return [*lines, ""]


def _steps(results: Sequence[StepsApart]) -> list[str]:
    if not results:
        return []
    lines = [
        "Logits of these files and of the quantized Keras network on the test images, apart in steps of their grid: "
        "99 % of them, and the largest (`python -m benchmarks.tensorrt.steps`). Where a sum lies all but between two "
        "codes, the order of floats decides, and a deep network enlarges that.",
        "",
        "| network | fused: 99 % within | largest | every rounding: 99 % within | largest |",
        "|---|--:|--:|--:|--:|",
    ]
    for each in sorted(results, key=lambda result: result.network):
        cells = (each.percentile_99[form] if at == 0 else each.largest[form] for form in each.largest for at in (0, 1))
        lines.append(f"| {each.network} | {' | '.join(f'{value:.1f}' for value in cells)} |")
    return [*lines, ""]


def _network(run: Run) -> str:
    return next(setting.split("=")[1] for setting in run.settings if setting.startswith("trained.model="))


def _grids(runs: Sequence[Run]) -> list[str]:
    if not runs:
        return []
    lines = [
        "What grids whose zero point is 0 cost (`benchmarks/tensorrt/grids.toml`): test top-1 in %, mean and deviation "
        "over seeds; the difference is that of each seed. Of static: ranges alone; of qat: trained on.",
        "",
        "| network | seeds | float32 | static | static, symmetric | difference | qat | qat, symmetric | difference |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, title in GRIDS.items():
        of_network = [run for run in runs if run.data.name == name.removeprefix("grids-")]
        if not of_network:
            continue
        tops = [{stage.name: 100 * (stage.metrics["top1"] or 0) for stage in run.stages} for run in of_network]
        cells = [spread([each["trained"] for each in tops])]
        for mode in ("static", "qat"):
            plain, symmetric = ([each[name] for each in tops] for name in (mode, f"{mode}_symmetric"))
            lost = [after - before for before, after in zip(plain, symmetric, strict=True)]
            cells += [spread(plain), spread(symmetric), spread(lost)]
        seeds = ", ".join(str(run.seed) for run in sorted(of_network, key=lambda run: run.seed or 0))
        lines.append(f"| {title} | {seeds} | {' | '.join(cells)} |")
    return [*lines, ""]


def _compiled(results: Sequence[CompiledForTensorRT]) -> list[str]:
    if not results:
        return []
    lines = [
        "`make check-tensorrt MODEL=...`: weights by chance. Layers: what the compiler makes of the file; fewer is "
        "better. ONNX Runtime: its own static quantization of our float file, with symmetric grids and without int32 "
        "biases (with its defaults every file is refused). tfmot, tf2onnx: what a notebook makes.",
        "",
        "| network | side | written and checked, s | jetslim: kernels in int8 | layers | every rounding | layers | "
        "ONNX Runtime: kernels in int8 | layers | tfmot, tf2onnx | float file beside tf2onnx's |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|",
    ]
    for each in sorted(results, key=lambda result: result.network):
        ours, every, theirs, other = (
            each.files.get(tool) for tool in ("jetslim", EVERY, "onnxruntime", "tfmot, tf2onnx")
        )
        apart = "-" if each.difference_from_tf2onnx is None else f"{each.difference_from_tf2onnx:.1e}"
        notebook = "-" if other is None else _reason(other) if other.refused else _counts(other)
        lines.append(
            f"| {each.network} | {each.size} | {each.seconds_to_write:.1f} | {_counts(ours)} | {_counts(every)} | "
            f"{_counts(theirs)} | "
            f"{notebook} | {apart} |"
        )
    return [*lines, ""]


def _counts(file: CompiledFile | None) -> str:
    """Two cells: kernels that read int8, and layers."""
    if file is None:
        return "- | -"
    if file.refused:
        return f"{_reason(file)} | -"
    return f"{len(file.kernels) - len(file.in_float)} of {len(file.kernels)} | {file.layers}"


def _reason(file: CompiledFile) -> str:
    """Why the compiler refused a file, cut short."""
    reason = (file.refused or "").split("\n")[0].replace("|", "/")
    return f"refused: {reason[:90]}{'...' * (len(reason) > 90)}"
