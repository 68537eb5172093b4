"""In plain words, from the numbers: which of the paper's findings held here, each beside its control."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.paper2022 import latency, paper
from benchmarks.paper2022.results import MISSING, Difference, Measured, by_value, difference, one_a_seed, top1
from benchmarks.paper2022.table import INIT, SPARSITY
from compress.results import Run

SAME_MS = 0.05  # of the dense file's latency: no gain


def section(measured: Measured) -> list[str]:
    """Markdown lines, a finding each."""
    said = [f"- {finding(measured)}" for finding in FINDINGS]
    return ["## In plain words", "", *said, "", "Where the paper contradicts itself:", "", *contradictions(), ""]


def verdict(difference: Difference) -> str:
    """Whether a gain that the paper reports is there.

    >>> verdict(Difference([2.0], 1.0)), verdict(Difference([0.5], 1.0)), verdict(Difference([-2.0], 1.0))
    ('held', 'not shown', 'the contrary')
    """
    if not difference.is_clear:
        return "not shown"
    return "held" if difference.mean > 0 else "the contrary"


def distillation(measured: Measured) -> str:
    runs = measured.table("8")
    claim = f"Distillation makes the student {paper.DISTILLED.top1 - paper.ALONE.top1:.1f} points better"
    if not runs:
        return f"{claim}: {MISSING}."
    gain = difference(runs, "distilled", "student")
    return f"{claim}: {verdict(gain)}. Here {gain.text}, beside the student by itself with as many epochs in all."


def zeros_improve_teacher(measured: Measured) -> str:
    claim = "Zeros make the teacher better, up to 90 %"
    return _zeros(claim, measured.table("3"), "teacher", paper.TABLE_3)


def zeros_improve_student(measured: Measured) -> str:
    claim = "Zeros make the distilled student better, up to 60 %"
    return _zeros(claim, measured.table("6"), "distilled", paper.TABLE_6)


def _zeros(claim: str, runs: Sequence[Run], dense: str, rows: Mapping[float, paper.Row]) -> str:
    if not runs:
        return f"{claim}: {MISSING}."
    better = [sparsity for sparsity, row in rows.items() if sparsity and row.top1 > rows[0.0].top1]
    parts = []
    for words, other in (
        ("than before its further epochs", dense),
        ("than with as many of them and no zeros", "further"),
    ):
        gains = {sparsity: difference(own, "pruned", other) for sparsity, own in by_value(runs, SPARSITY).items()}
        held = [f"{sparsity:.0%}" for sparsity in better if sparsity in gains and verdict(gains[sparsity]) == "held"]
        largest = max(gains, key=lambda sparsity: gains[sparsity].mean)
        parts.append(
            f"{'clearly better at ' + ', '.join(held) if held else 'at no sparsity clearly better'} {words} "
            f"(the most at {largest:.0%}: {gains[largest].text})"
        )
    against_control = difference(by_value(runs, SPARSITY)[_nearest(runs, better[-1])], "pruned", "further")
    told = f"at {_nearest(runs, better[-1]):.0%} zeros and against the control it is {verdict(against_control)}"
    further = difference(one_a_seed(runs), "further", dense)
    epochs = f"further epochs alone give {further.text}"
    return f"{claim}: {told}. It is {'; '.join(parts)}; {epochs}."


def _nearest(runs: Sequence[Run], sparsity: float) -> float:
    return float(min(by_value(runs, SPARSITY), key=lambda value: abs(value - sparsity)))


def qat_is_best(measured: Measured) -> str:
    runs = measured.table("4")
    claim = "Quantization-aware training beats ranges alone and the float network"
    if not runs:
        return f"{claim}: {MISSING}."
    others = {
        "static_original": "ranges alone on the graph as it was trained",
        "static": "ranges alone on the rewritten graph",
        "teacher": "the float network",
        "further": "the float network with as many further epochs",
    }
    gains = {other: difference(runs, "quantized", other) for other in others}
    parts = [f"{verdict(gain)} against {others[other]} ({gain.text})" for other, gain in gains.items()]
    return f"{claim}: {'; '.join(parts)}."


def small_beats_large(measured: Measured) -> str:
    runs = measured.table("8")
    gain = paper.TABLE_7[0.8].top1 - paper.DISTILLED.top1
    claim = f"80 % zeros and int8 make the distilled student {gain:.2f} points better"
    if not runs:
        return f"{claim}: {MISSING}."
    others = {
        "distilled": "the distilled student",
        "further_2": "it with as many further epochs in float and no zeros",
        "dense_quantized": "the same epochs and int8, but no zeros",
    }
    gains = {other: difference(runs, "quantized", other) for other in others}
    parts = [f"{verdict(gain)} against {others[other]} ({gain.text})" for other, gain in gains.items()]
    return f"{claim}: {'; '.join(parts)}."


def zeros_are_not_faster(measured: Measured) -> str:
    claim = "Zeros make a file smaller, not faster (499, 488 and 497 ms at 80, 90 and 95 %)"
    dense, most = latency.student_int8(0.0), latency.student_int8(0.95)
    shares = {side: _share(measured, most, dense, side) for side in measured.sides}
    if not shares or None in shares.values():
        return f"{claim}: {MISSING}."
    held = all(share is not None and abs(share - 1) <= SAME_MS for share in shares.values())
    parts = [f"{share:.2f} at {side}x{side}" for side, share in shares.items()]
    told = f"With 95 % zeros the int8 file takes {', '.join(parts)} of its time without"
    return f"{claim}: {'held' if held else 'not shown'}. {told}."


def latencies_fall(measured: Measured) -> str:
    pairs = {
        "the student of the teacher's": (latency.STUDENT, latency.TEACHER, 1 - paper.STUDENT_MS / 1274.03),
        "int8 of float (teacher)": (latency.TEACHER_INT8, latency.TEACHER, 1 - 768.83 / 1274.03),
        "the last student of the teacher's": (latency.student_int8(0.8), latency.TEACHER, 1 - 499.26 / 1274.03),
    }
    claim = "Latency falls"
    parts = []
    for words, (one, other, theirs) in pairs.items():
        shares = {side: _share(measured, one, other, side) for side in measured.sides}
        ours = [f"{share - 1:+.0%} at {side}x{side}" for side, share in shares.items() if share is not None]
        parts.append(f"{words}: {', '.join(ours) or MISSING}, the paper {-theirs:+.1%} on the Xavier")
    return f"{claim}. Of {'; '.join(parts)}."


def _share(measured: Measured, one: str, other: str, side: int) -> float | None:
    first, second = measured.ms(one, side), measured.ms(other, side)
    return None if first is None or second is None else first / second


def four_epochs_are_best(measured: Measured) -> str:
    runs = measured.table("5")
    claim = f"{paper.BEST_INIT} initialization epochs are best"
    if not runs:
        return f"{claim}: {MISSING}."
    points = by_value(runs, INIT)
    means = {epochs: sum(top1(run.stage("distilled")) for run in own) / len(own) for epochs, own in points.items()}
    means[0] = sum(top1(run.stage("student")) for run in runs) / len(runs)
    best = max(means, key=lambda epochs: means[epochs])
    spans = max(means.values()) - min(means.values())
    noise = difference(runs[:1], "distilled", "student").noise
    held = best == paper.BEST_INIT and spans > noise
    return (
        f"{claim}: {'held' if held else 'not shown'}. Here the best are {best}; 0 to {max(means)} lie within "
        f"{spans:.1f} points, where the standard error of a difference is {noise:.1f}."
    )


def narrowing(measured: Measured) -> str:
    runs = measured.table("8")
    claim = "What the paper lacks: channels removed before the zeros"
    if not runs:
        return f"{claim}: {MISSING}."
    cost = difference(runs, "narrowed_quantized", "quantized")
    shares = {side: _share(measured, latency.NARROWED, latency.student_int8(0.8), side) for side in measured.sides}
    ours = [f"{share:.2f} at {side}x{side}" for side, share in shares.items() if share is not None]
    told = f"its latency is {', '.join(ours) or MISSING} of that one's"
    return f"{claim}. {cost.text}, against the one with all channels; {told}."


FINDINGS: tuple[Callable[[Measured], str], ...] = (
    *(distillation, four_epochs_are_best, zeros_improve_teacher, zeros_improve_student, qat_is_best),
    *(small_beats_large, zeros_are_not_faster, latencies_fall, narrowing),
)


def contradictions() -> list[str]:
    """What does not go together in the paper, each with the figure that its own tables give."""
    teacher, last = paper.TEACHER, paper.TABLE_7[0.8]
    assert teacher.ms is not None
    assert last.ms is not None
    by_student = 1 - paper.STUDENT_MS / teacher.ms
    mib, mb = 18_341_194 * 4 / 2**20, 7_047_754 * 4 / 1e6
    return [
        "- Latency falls by 48.3 % by distillation (section 6.4) and by 46.6 % (conclusion): "
        f"table 5 gives {by_student:.2%}.",
        f'- "About 6 times smaller without loss" is {teacher.mb / paper.TABLE_3[0.9].mb:.2f} times (90 % zeros).',
        f"- 15.2 times smaller is {teacher.mb / last.mb:.1f}, of a plain file and of one that stores zeros compactly.",
        f"- Units are mixed: 70 MB are DenseNet201's {mib:.1f} MiB, 29 MB are more than DenseNet121's {mb:.1f} MB of "
        "weights.",
        "- Quantization-aware training has the same parameters as the training before, and a smaller learning rate "
        "(both section 6.3).",
        "- Zeros are said to begin at 0 and at a step that is called t_i where t_0 is meant; n is said to be 80 % of "
        "the steps, and is their number.",
        "- Table 1 calls the accuracy of dynamic quantization best, and that of quantization-aware training, too; the "
        "text, that of the latter.",
        "- AlexNet is of 2014 in the introduction, of 2012 in section 2.",
        "- Tables 3, 4, 6 and 7 compare networks after 50 or 100 further epochs with networks that had none.",
    ]
