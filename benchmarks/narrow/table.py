"""The sections on narrowing in RESULTS.md, from results/narrow/*.json."""

import statistics
from collections.abc import Sequence

from benchmarks.format import spread
from benchmarks.peers.pairs import ratios, typical
from benchmarks.studies import At224
from compress.results import Change, Narrowing, Run, StageResult

FAMILIES_NOTE = (
    "`benchmarks/narrow/families.toml`: trained on the digits at the side given, narrowed to half of the latency that "
    "its int8 file has there (batch 1, one thread, on the machine in the raw results), trained in int8, exported. "
    "Measured: the whole int8 file after narrowing over the one before, in turns. Predicted: the same from the times "
    "of single operators. Error: how far their sum is from the whole file, before and after narrowing. It is far below "
    "0 where weights do not fit into a cache and are read anew in each inference, while an operator alone finds its "
    "own there (Inception-ResNet, ResNet before narrowing), and in ConvNeXt, whose int8 and float operators alternate "
    "24 times: time passes between its 375 operators, before narrowing and after. It is above 0 in files of a few "
    "microseconds an operator, of which calling one alone is a part (MobileNetV3, EfficientNet)."
)
CIFAR_NOTE = (
    "`benchmarks/narrow/cifar.toml`: {train:,} training and {test:,} test images of CIFAR-10, never augmented. The "
    "network is trained for {trained} epochs, narrowed, and trained on for {narrowed} with itself as the teacher; "
    "scratch has the same layers as narrowed, new weights, and {scratch} epochs on the labels; uniform takes the same "
    "share of every group. Test top-1 in %, mean and deviation over seeds {seeds}; the difference is that of each seed."
)


def section(runs: Sequence[Run], at_224: Sequence[At224]) -> list[str]:
    """Markdown lines; none without results."""
    families = [run for run in runs if run.pipeline == "families"]
    cifar = [run for run in runs if run.pipeline == "cifar"]
    parts = [*_at_224(at_224), *_families(families), *_cifar(cifar)]
    return ["## Narrowing", "", *parts] if parts else []


def ratio_at_224(result: At224) -> float:
    """The teacher's latency over the narrowed network's, median over rounds."""
    return statistics.median(ratios(result.rounds, "teacher", "jetslim"))


def _at_224(results: Sequence[At224]) -> list[str]:
    if not results:
        return []
    lines = [
        "The networks of the pipeline densenet121 as int8 files for images of 224x224, in turns with DenseNet201 and "
        "DenseNet121 in float32 (weights do not matter for it; dense files).",
        "",
        "| seed | DenseNet201 float32 ms | DenseNet121 float32 ms | narrowed int8 ms | DenseNet201 / narrowed | "
        "MB / MB |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for each in sorted(results, key=lambda result: result.seed):
        times = " | ".join(f"{typical(each.rounds, name):.2f}" for name in ("teacher", "student", "jetslim"))
        size = each.bytes["teacher"] / each.bytes["jetslim"]
        lines.append(f"| {each.seed} | {times} | {ratio_at_224(each):.1f} | {size:.1f} |")
    return [*lines, ""]


def _families(runs: Sequence[Run]) -> list[str]:
    if not runs:
        return []
    lines = [
        "### Every family at half its latency",
        "",
        FAMILIES_NOTE,
        "",
        "| network | side | top-1 before | narrowed | int8 | measured | predicted | error before, after | "
        "parameters left | MACs left | operators in float |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for run in sorted(runs, key=_network):
        narrowing = of(run.stage("narrowed"))
        top1 = [f"{run.stage(name).metrics['top1']:.2%}" for name in ("trained", "narrowed", "exported")]
        left = [f"{left_of(change):.0%}" for change in (narrowing.parameters, narrowing.macs)]
        floats = ", ".join(run.stage("exported").float_operators or []) or "none"
        shares = [f"{left_of(change):.2f}" for change in (narrowing.measured_ms, narrowing.predicted_ms)]
        error = ", ".join(f"{value:+.0%}" for value in errors(narrowing))
        cells = [_network(run), str(run.data.shape[0]), *top1, *shares, error, *left, floats]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *_bars(runs), "", *_pinned(runs), ""]


def _bars(runs: Sequence[Run]) -> list[str]:
    narrowings = [of(run.stage("narrowed")) for run in runs]
    over = [left_of(narrowing.measured_ms) / narrowing.asked for narrowing in narrowings]
    away = [abs(errors(narrowing)[1]) for narrowing in narrowings]
    return [
        "| what | bar | measured |",
        "|---|---|--:|",
        f"| families narrowed, trained in int8, exported and run | 18 | {len(runs)} |",
        f"| largest measured latency over the latency that was asked for | at most 1.10 | {max(over):.2f} |",
        f"| files whose predicted latency is within 15 % of the measured one | all | {sum(e <= 0.15 for e in away)} |",
    ]


def _pinned(runs: Sequence[Run]) -> list[str]:
    """Channels that cannot go, the inputs and outputs of the networks apart."""
    lines = []
    for run in sorted(runs, key=_network):
        pinned = of(run.stage("narrowed")).pinned
        reasons = [
            f"{count:,} ({reason})" for reason, count in pinned.items() if not reason.startswith("the network's")
        ]
        lines += [f"- {_network(run)}: {'; '.join(reasons)}"] if reasons else []
    return ["Channels that cannot be removed, besides inputs and outputs:", "", *(lines or ["- none"])]


def _cifar(runs: Sequence[Run]) -> list[str]:
    if not runs:
        return []
    first = runs[0]
    epochs = {name: len(first.stage(name).history) for name in ("trained", "narrowed", "scratch")}
    seeds = ", ".join(map(str, sorted({run.seed or 0 for run in runs})))
    lines = [
        "### ResNets on CIFAR-10: narrowed, beside the same widths from the start",
        "",
        CIFAR_NOTE.format(train=first.data.train, test=first.data.test, seeds=seeds, **epochs),
        "",
        "| network | latency asked | measured | parameters left | before | narrowed | uniform | scratch | "
        "narrowed - scratch | narrowed - uniform |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for network, asked in sorted({(_network(run), of(run.stage("narrowed")).asked) for run in runs}, reverse=True):
        arm = [run for run in runs if (_network(run), of(run.stage("narrowed")).asked) == (network, asked)]
        narrowings = [of(run.stage("narrowed")) for run in arm]
        top1 = {
            name: [100 * (run.stage(name).metrics["top1"] or 0.0) for run in arm]
            for name in ("trained", "narrowed", "uniform", "scratch")
        }
        differences = [
            [one - other for one, other in zip(top1["narrowed"], top1[name], strict=True)]
            for name in ("scratch", "uniform")
        ]
        cells = [
            network,
            f"{asked:g}",
            spread([left_of(narrowing.measured_ms) for narrowing in narrowings]),
            f"{statistics.mean(left_of(narrowing.parameters) for narrowing in narrowings):.0%}",
            *(spread(values, ".1f") for values in top1.values()),
            *(spread(values, "+.1f") for values in differences),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *_findings(runs), ""]


def _findings(runs: Sequence[Run]) -> list[str]:
    """In how many runs narrowing is better than the two others."""
    lines = []
    for other, words in (("scratch", "the same widths from the start"), ("uniform", "uniform narrowing")):
        differences = [
            (run.stage("narrowed").metrics["top1"] or 0.0) - (run.stage(other).metrics["top1"] or 0.0) for run in runs
        ]
        better = sum(difference > 0 for difference in differences)
        mean = 100 * statistics.mean(differences)
        lines.append(f"- Against {words}: better in {better} of {len(runs)} runs, by {mean:+.1f} points on average.")
    return lines


def of(stage: StageResult) -> Narrowing:
    """What a narrow stage removed."""
    assert stage.narrowing is not None, stage.name
    return stage.narrowing


def left_of(change: Change | None) -> float:
    """The fraction that is left."""
    return change.after / change.before if change is not None else float("nan")


def errors(narrowing: Narrowing) -> tuple[float, float]:
    """How far the predicted latency is from the measured one, before and after narrowing, as a fraction of this."""
    predicted, measured = narrowing.predicted_ms, narrowing.measured_ms
    assert predicted is not None
    assert measured is not None
    return predicted.before / measured.before - 1, predicted.after / measured.after - 1


def _network(run: Run) -> str:
    """The network that was put into the pipeline."""
    value = next(setting for setting in run.settings if setting.startswith("trained.model="))
    return value.partition("=")[2].strip('"')
