"""The section "Beside its peers" of RESULTS.md, from results/peers/*.json; needs nothing of the peers' environment."""

import statistics
from collections.abc import Sequence

from benchmarks.peers.pairs import ratios, typical
from benchmarks.studies import Acceptance, PeersLatency

SHOWN = {
    "jetslim": "jetslim int8",
    "openvino": "OpenVINO int8",
    "onnxruntime": "ONNX Runtime int8",
    "float32": "LiteRT float32",
}
IN_PEACE = (0.95, 1.05)  # processor time / wall time of one thread that nothing disturbs
BAR = ("densenet121", 224)  # the network and size that the bars are for


def section(measured: Sequence[PeersLatency], accepted: Sequence[Acceptance]) -> list[str]:
    """Markdown lines; none without results."""
    latencies = sorted(measured, key=lambda each: (machine(each), each.network, each.size))
    lines = ["## Beside its peers", ""] if measured or accepted else []
    if latencies:
        lines += [*latency_table(latencies), "", LATENCY_NOTE, "", *bars_table(latencies), ""]
        lines += ["What the results say against themselves:", "", *warnings_list(latencies), ""]
    for each in accepted:
        lines += [*acceptance_table(each), ""]
    return lines


LATENCY_NOTE = (
    "Batch 1, one thread, random weights; all in one process, in turns of 5 untimed and 20 timed inferences, ten "
    "rounds. Milliseconds are medians; a ratio is the median of ten, one a round (least to most). OpenVINO: NNCF "
    "post-training quantization. ONNX Runtime: tf2onnx, then static quantization, QDQ, per channel. Agreement: of 100 "
    "images, how many are in the class that the float32 file says; with random weights many are near ties."
)


def latency_table(results: Sequence[PeersLatency]) -> list[str]:
    """A row a network: times, ratios, sizes and agreement."""
    others = ("openvino", "onnxruntime", "float32")
    lines = [
        "| machine | network | size | "
        + " | ".join(f"{shown}: ms, MB, agreement" for shown in SHOWN.values())
        + " | "
        + " | ".join(f"jetslim / {SHOWN[other]}" for other in others)
        + " |",
        "|---|---|--:|" + "--:|" * (len(SHOWN) + len(others)),
    ]
    for each in results:
        cells = [machine(each), each.network, str(each.size)]
        cells += [runtime(each, name) for name in SHOWN]
        cells += [shown_ratio(each, other) for other in others]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def machine(result: PeersLatency) -> str:
    """The processor."""
    return f"{result.machine.cpu}, {result.machine.cores} cores"


def runtime(result: PeersLatency, name: str) -> str:
    """A runtime's cell: time, size and agreement, or why its peer refused the network."""
    if name not in result.rounds[0]:
        return f"refused: {escaped(result.peers[name].refused or '')}"
    time = typical(result.rounds, name)
    return f"{time:.2f}, {result.bytes[name] / 1e6:.2f}, {result.agreement[name]:.0%}"


def shown_ratio(result: PeersLatency, other: str) -> str:
    """jetslim / another: the median of the pairs, with the least and the most."""
    if other not in result.rounds[0]:
        return "-"
    of_pairs = ratios(result.rounds, "jetslim", other)
    return f"{statistics.median(of_pairs):.2f} ({min(of_pairs):.2f} to {max(of_pairs):.2f})"


def bars_table(results: Sequence[PeersLatency]) -> list[str]:
    """What DenseNet121 must reach, and how long every network's conversion took."""
    lines = ["| what | bar | measured |", "|---|---|--:|"]
    for each in results:
        name, barred = f"{each.network}, {each.size}x{each.size}", (each.network, each.size) == BAR
        if "openvino" in each.rounds[0]:
            what = f"{name}: latency, jetslim int8 / OpenVINO int8, median of {len(each.rounds)} pairs"
            lines.append(f"| {what} | {'at most 1.2' if barred else ''} | {shown_ratio(each, 'openvino')} |")
        seconds = each.seconds
        what = f"{name}: seconds to convert the quantization-aware network"
        lines.append(f"| {what} | {'at most 10' if barred else ''} | {seconds.jetslim:.1f} |")
        lines.append(f"| the same by `TFLiteConverter.from_keras_model` |  | {naive(seconds.from_keras_model)} |")
    return lines


def naive(seconds: float | str) -> str:
    """Seconds, or why it was refused."""
    return f"{seconds:.1f}" if isinstance(seconds, float) else f"refused: {escaped(seconds)}"


def warnings_list(results: Sequence[PeersLatency]) -> list[str]:
    """Runtimes that did not have one core to themselves, or took more than one."""
    low, high = IN_PEACE
    return [
        f"- {each.network}, {each.size}x{each.size}, {each.finished}: "
        + f"{SHOWN[name]} had {cores:.2f} of a core; "
        + ("other work ran beside it" if cores < low else "it used more than one thread")
        for each in results
        for name, cores in each.cores.items()
        if not low <= cores <= high
    ] or ["- nothing"]


def acceptance_table(result: Acceptance) -> list[str]:
    """A row a network: what tfmot says to it by itself, and what jetslim says."""
    reasons = {each.network: (each.quantize_model, each.prune_low_magnitude, each.jetslim) for each in result.networks}
    counts = " | ".join(f"{column.count(None)} of {len(reasons)}" for column in zip(*reasons.values(), strict=True))
    version, size = result.versions["tensorflow-model-optimization"], result.size
    lines = [
        f"Which networks tfmot {version} takes by itself ({size}x{size}; nothing is trained or converted):",
        "",
        "| network | tfmot `quantize_model` | tfmot `prune_low_magnitude` | jetslim `quantization_aware` |",
        "|---|---|---|---|",
    ]
    for network, refusals in reasons.items():
        verdicts = " | ".join(f"refused: {escaped(reason)}" if reason else "accepted" for reason in refusals)
        lines.append(f"| {network} | {verdicts} |")
    return [*lines, f"| **accepted** | {counts} |"]


def escaped(reason: str, most: int = 160) -> str:
    """A reason that fits into a Markdown cell: no pipes, no markup, not longer than ``most``."""
    text = " ".join(reason.replace("|", "/").replace("<", "&lt;").split())
    return text if len(text) <= most else text[: most - 3] + "..."
