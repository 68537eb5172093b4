"""In plain words, from the numbers: which of the paper's findings held here, each beside its control."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.paper2022 import latency, paper
from benchmarks.paper2022.results import MISSING, Difference, Measured, by_value, difference, one_a_seed, top1
from benchmarks.paper2022.table import INIT, SPARSITY, table
from compress.results import Run

SAME_MS = 0.05  # of a file's latency: no gain


@dataclass(frozen=True)
class Finding:
    """A gain that the paper reports: ``compared`` as the paper does, and with its control, where it lacks one."""

    claim: str
    compared: Difference | None
    control: Difference | None = None
    has_control: bool = True
    otherwise: str = "further epochs"
    """What makes the gain, where the control has it, too."""

    @property
    def row(self) -> list[str]:
        """Cells of the table."""
        control = self.control.text if self.control else "" if self.has_control else "is one: as many epochs"
        return [self.claim, MISSING if self.compared is None else self.compared.text, control, self.conclusion]

    @property
    def conclusion(self) -> str:
        """Whether it held.

        >>> gain, loss, noise = Difference([2.0], 1.0), Difference([-2.0], 1.0), Difference([0.5], 1.0)
        >>> [Finding("", gain, control).conclusion for control in (gain, noise, loss)]
        ['held', 'only as the paper compares: further epochs do it', 'only as the paper compares: further epochs do it']
        >>> Finding("", noise, gain).conclusion, Finding("", loss, gain).conclusion
        ('not shown', 'the contrary')
        """
        if self.compared is None:
            return ""
        if not is_gain(self.compared):
            return "the contrary" if self.compared.is_clear else "not shown"
        if self.control is None or is_gain(self.control):
            return "held"
        return f"only as the paper compares: {self.otherwise} do it"


def is_gain(difference: Difference) -> bool:
    """Whether it is above its noise."""
    return difference.is_clear and difference.mean > 0


def section(measured: Measured) -> list[str]:
    """Markdown lines."""
    columns = ["the paper", "here, compared as in the paper", "against the control", "so it"]
    note = (
        "A difference counts where it is larger than its deviation over seeds; with one seed, than the standard error "
        "of the test images, as if the two networks had been measured on different ones."
    )
    said = [f"- {sentence}" for sentence in (best_init(measured), zeros_are_not_faster(measured), faster(measured))]
    return [
        "## In plain words",
        "",
        note,
        "",
        *table(columns, [finding.row for finding in findings(measured)], of_words=True),
        *said,
        f"- {narrowing(measured)}",
        "",
        "Where the paper contradicts itself:",
        "",
        *contradictions(),
        "",
    ]


def findings(measured: Measured) -> list[Finding]:
    """Of top-1."""
    runs, in_int8 = measured.table("8"), measured.table("4")

    def of(runs: Sequence[Run], one: str, other: str) -> Difference | None:
        return difference(runs, one, other) if runs else None

    def gain(row: paper.Row, before: paper.Row) -> str:
        return f"({row.top1 - before.top1:+.2f})"

    zeros = [
        Finding(
            f"{sparsity:.0%} zeros make the {words} better {gain(rows[sparsity], rows[0.0])}",
            of(at := by_value(measured.table(name), SPARSITY).get(sparsity, []), "pruned", dense),
            of(at, "pruned", "further"),
        )
        for name, dense, words, rows, sparsity in (
            ("3", "teacher", "teacher", paper.TABLE_3, 0.5),
            ("3", "teacher", "teacher", paper.TABLE_3, 0.9),
            ("6", "distilled", "distilled student", paper.TABLE_6, 0.5),
        )
    ]
    static, qat = paper.TABLE_4["static_original"], paper.TABLE_4["quantized"]
    return [
        Finding(
            f"Distillation makes the student better {gain(paper.DISTILLED, paper.ALONE)}",
            of(runs, "distilled", "student"),
            has_control=False,
        ),
        *zeros,
        Finding(
            f"Quantization-aware training makes the teacher better {gain(qat, paper.TEACHER)}",
            of(in_int8, "quantized", "teacher"),
            of(in_int8, "quantized", "further"),
        ),
        Finding(
            f"and is better than ranges alone {gain(qat, static)}",
            of(in_int8, "quantized", "static_original"),
            of(in_int8, "quantized", "static_further"),
        ),
        Finding(
            f"80 % zeros and int8 make the distilled student better {gain(paper.TABLE_7[0.8], paper.DISTILLED)}",
            of(runs, "quantized", "distilled"),
            of(runs, "quantized", "further_2"),
        ),
        Finding(
            "the same, beside as many epochs in int8 without zeros",
            of(runs, "quantized", "distilled"),
            of(runs, "quantized", "dense_quantized"),
            otherwise="further epochs and int8",
        ),
    ]


def best_init(measured: Measured) -> str:
    """Which number of initialization epochs is best."""
    runs = measured.table("5")
    claim = f"{paper.BEST_INIT} initialization epochs are best"
    if not runs:
        return f"{claim}: {MISSING}."
    means = {0: _mean(runs, "student")}
    means |= {epochs: _mean(own, "distilled") for epochs, own in by_value(runs, INIT).items()}
    best = max(means, key=lambda epochs: means[epochs])
    spans, noise = max(means.values()) - min(means.values()), difference(runs[:1], "distilled", "student").noise
    held = best == paper.BEST_INIT and spans > noise
    return (
        f"{claim}: {'held' if held else 'not shown'}. Here the best are {best}; 0 to {max(means)} lie within "
        f"{spans:.1f} points, where the standard error of a difference is {noise:.1f}."
    )


def _mean(runs: Sequence[Run], stage: str) -> float:
    values = [top1(run.stage(stage)) for run in one_a_seed(runs)]
    return sum(values) / len(values)


def zeros_are_not_faster(measured: Measured) -> str:
    """Latency with 95 % zeros over that without."""
    claim = "Zeros make a file smaller, not faster (499, 488 and 497 ms at 80, 90 and 95 %)"
    shares = _shares(measured, latency.student_int8(0.95), latency.student_int8(0.0))
    if not shares:
        return f"{claim}: {MISSING}."
    held = all(abs(share - 1) <= SAME_MS for share in shares.values())
    return (
        f"{claim}: {'held' if held else 'not shown'}. With 95 % zeros the int8 file takes "
        f"{_listed(shares)} of its time without."
    )


def faster(measured: Measured) -> str:
    """What each step gains in latency."""
    teacher, student = latency.TEACHER, latency.STUDENT
    xavier = {"teacher": 1274.03, "student": paper.STUDENT_MS, "int8": 768.83, "last": 499.26}
    parts = []
    for words, one, ms in (
        ("the student", student, xavier["student"]),
        ("the teacher in int8", latency.TEACHER_INT8, xavier["int8"]),
        ("the student in int8 with 80 % zeros", latency.student_int8(0.8), xavier["last"]),
    ):
        shares = _shares(measured, one, teacher)
        ours = _listed(shares) if shares else MISSING
        parts.append(f"{words}: {ours} (the paper, on the Xavier: {ms / xavier['teacher']:.2f})")
    return f"Of the latency of the teacher in float32 take {'; '.join(parts)}."


def narrowing(measured: Measured) -> str:
    """What the paper lacks."""
    runs = measured.table("8")
    claim = "What the paper lacks, channels removed before the zeros"
    if not runs:
        return f"{claim}: {MISSING}."
    shares = _shares(measured, latency.NARROWED, latency.student_int8(0.8))
    cost = difference(runs, "narrowed_quantized", "quantized")
    return (
        f"{claim}: {cost.text}, against the student with all of them, of whose latency "
        f"{_listed(shares) if shares else MISSING} is left."
    )


def _shares(measured: Measured, one: str, other: str) -> dict[int, float]:
    """Side -> the latency of one file over that of another."""
    times = {side: (measured.ms(one, side), measured.ms(other, side)) for side in measured.sides}
    return {side: first / second for side, (first, second) in times.items() if first and second}


def _listed(shares: dict[int, float]) -> str:
    return " and ".join(f"{share:.2f} at {side}x{side}" for side, share in shares.items())


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
