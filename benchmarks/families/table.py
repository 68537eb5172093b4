"""The section on the families of keras.applications in RESULTS.md, from results/families/*.json."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.networks import FAMILIES
from benchmarks.peers.pairs import ratios, typical
from benchmarks.studies import Acceptance, FamilyLatency, Verdicts
from compress.results import Run

NOTE = (
    "Trained, pruned and trained in int8 by `pipelines/default.toml` on the digits at the side given, with the epochs "
    "given (training, pruning, int8). Agreement: of the test images, how many the .tflite and the quantized Keras "
    "network put in the same class. Largest difference: of the outputs of the network and of the one rewritten for "
    "int8, both in float, over the largest output, on eight of the digits; behind it, what the network itself makes of "
    "a last bit in every pixel. Latency: batch 1, one thread, 224x224, random weights, both files in turns in one "
    "process; the ratio is the median of ten (least to most)."
)


def section(runs: Sequence[Run], latencies: Sequence[FamilyLatency], accepted: Sequence[Acceptance]) -> list[str]:
    """Markdown lines; none without results. ``accepted``: what tfmot says by itself (benchmarks.peers)."""
    if not runs and not latencies:
        return []
    trained = {network(run): run for run in runs}
    timed = {each.network: each for each in latencies}
    alone = {each.network: each for result in accepted for each in result.networks}
    lines = [
        "## Every family of keras.applications",
        "",
        NOTE,
        "",
        "| network | tfmot alone: quantize, prune | side, epochs | float32 top-1 | int8 top-1 | agreement | sparsity | "
        "largest difference | operators in float | int8 / float32 latency | int8 ms | convert s |",
        "|---|---|---|--:|--:|--:|--:|--:|---|--:|--:|--:|",
    ]
    for name in FAMILIES:
        if name in trained or name in timed:
            cells = [name, verdicts(alone.get(name)), *accuracy(trained.get(name)), *speed(timed.get(name))]
            lines.append(f"| {' | '.join(cells)} |")
    lines += [*_settings(trained), "", *bars(list(trained.values()), list(timed.values())), ""]
    reasons = [
        f"- {each.network}: {count} layers compute in float: {reason}"
        for each in latencies
        for reason, count in counted(each.float_layers.values())
    ]
    return [*lines, "Operators in float, and why:", "", *(reasons or ["- none"]), ""]


def _settings(trained: Mapping[str, Run]) -> list[str]:
    """What else was set than the network, the side and the epochs: for all, and for some."""
    others = {
        name: [
            each
            for each in run.settings
            if not each.startswith(("trained.model=", "data.size=")) and ".epochs=" not in each
        ]
        for name, run in trained.items()
    }
    common = [each for each in next(iter(others.values()), []) if all(each in settings for settings in others.values())]
    parts = [f"all: `{'`, `'.join(common)}`"] * bool(common)
    for name, settings in others.items():
        if own := [each for each in settings if each not in common]:
            parts.append(f"{name}: `{'`, `'.join(own)}`")
    return ["", f"Set besides: {'; '.join(parts)}."] if parts else []


def network(run: Run) -> str:
    """The network that was put into the default pipeline."""
    value = next(setting for setting in run.settings if setting.startswith("trained.model="))
    return value.partition("=")[2].strip('"')


def verdicts(alone: Verdicts | None) -> str:
    """What tfmot does with the network by itself."""
    if alone is None:
        return "-"
    return ", ".join("refuses" if reason else "takes" for reason in (alone.quantize_model, alone.prune_low_magnitude))


def accuracy(run: Run | None) -> list[str]:
    """Side and epochs, float32 and int8 top-1, agreement, kernel sparsity."""
    if run is None:
        return ["-"] * 5
    epochs = "+".join(str(len(run.stage(name).history)) for name in ("trained", "pruned", "quantized"))
    last = run.stage("exported")
    return [
        f"{run.data.shape[0]}, {epochs}",
        f"{top1(run, 'trained'):.2%}",
        f"{top1(run, 'exported'):.2%}",
        f"{last.closeness_to_network:.2%}",
        f"{last.kernel_sparsity:.2f}",
    ]


def top1(run: Run, stage: str) -> float:
    """Of a stage's file on the digits."""
    return run.stage(stage).metrics["top1"] or 0.0


def speed(each: FamilyLatency | None) -> list[str]:
    """Largest difference, operators in float, the ratio of latencies, int8's milliseconds, seconds to convert."""
    if each is None:
        return ["-"] * 5
    turns = ratios(each.rounds, "jetslim", "float32")
    return [
        f"{each.difference:.1e}" + (f" ({each.rounding:.1e})" if each.rounding is not None else ""),
        ", ".join(each.float_operators) or "none",
        f"{statistics.median(turns):.2f} ({min(turns):.2f} to {max(turns):.2f})",
        f"{typical(each.rounds, 'jetslim'):.2f}",
        f"{each.convert_seconds:.1f}",
    ]


def bars(runs: Sequence[Run], latencies: Sequence[FamilyLatency]) -> list[str]:
    """What was to be reached, of the families measured so far."""
    last = [run.stages[-1] for run in runs]
    whole = [each for each in latencies if not each.float_operators]
    faster = sum(statistics.median(ratios(each.rounds, "jetslim", "float32")) < 1 for each in whole)
    exact = sum(each.difference <= 1e-4 for each in latencies)
    agree = sum((stage.closeness_to_network or 0) >= 0.97 for stage in last)
    taught = sum(top1(run, run.stages[0].name) >= 0.8 for run in runs)
    return [
        "| what | bar | measured |",
        "|---|---|--:|",
        f"| families pruned, trained in int8, exported and run | 18 | {len(runs)} |",
        f"| of them with 80 % top-1 or better before | 18 | {taught} |",
        f"| with 97 % agreement or better | 18 | {agree} |",
        f"| families that are int8 in every operator between the edges | at least 16 | {len(whole)} |",
        f"| rewritten networks that depart by 1e-4 or less | 18 | {exact} |",
        f"| of the int8 ones faster in int8 than in float32 | all | {faster} |",
    ]


def counted(values: Any) -> list[tuple[str, int]]:
    """(value, how often) in order of appearance."""
    listed = list(values)
    return [(value, listed.count(value)) for value in dict.fromkeys(listed)]
