"""In plain words, from the numbers: which of the paper's findings held here, each beside its control."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.format import listed
from benchmarks.paper2022 import latency, paper
from benchmarks.paper2022.results import (
    INIT,
    MISSING,
    SPARSITY,
    Difference,
    Measured,
    by_value,
    difference,
    mean_top1,
    top1,
)
from benchmarks.paper2022.table import table
from benchmarks.trained import value_of
from compress.results import Run

SAME_MS = 0.05  # of a file's latency: no gain


@dataclass(frozen=True)
class Finding:
    """A gain that the paper reports: ``compared`` as the paper does, against the ``control``, and what the control
    gains by ``further`` epochs alone; the last two are None where the paper's comparison is fair without a control."""

    claim: str
    compared: Difference | None
    control: Difference | None = None
    further: Difference | None = None
    otherwise: str = "further epochs"
    """What the control has."""

    @classmethod
    def of(
        cls,
        claim: str,
        runs: Sequence[Run],
        stages: tuple[str, str],
        control: str | None = None,
        otherwise: str = "further epochs",
    ) -> "Finding":
        """``stages``: what is claimed to be better, and than what."""
        one, base = stages
        if not runs or control is None:
            return cls(claim, difference(runs, one, base) if runs else None)
        further = difference(runs, control, base)
        return cls(claim, difference(runs, one, base), difference(runs, one, control), further, otherwise)

    @property
    def row(self) -> list[str]:
        """Cells of the table."""
        if self.compared is None:
            return [self.claim, MISSING, "", ""]
        control = self.control.text if self.control else "none needed: neither has further epochs"
        return [self.claim, self.compared.text, control, self.conclusion]

    @property
    def conclusion(self) -> str:
        """Whether it held.

        >>> gain, loss, noise = Difference([2.0], 1.0), Difference([-2.0], 1.0), Difference([0.5], 1.0)
        >>> Finding("", gain, gain, noise).conclusion, Finding("", noise).conclusion, Finding("", loss).conclusion
        ('held', 'not shown', 'the contrary')
        >>> Finding("", gain, noise, gain).conclusion, Finding("", gain, noise, noise).conclusion
        ('only as the paper compares: further epochs do it', 'not shown beside the control')
        """
        if self.compared is None:
            return ""
        if not is_gain(self.compared) or self.control is None or is_gain(self.control):
            return verdict(self.compared)
        if self.further is not None and is_gain(self.further):
            return f"only as the paper compares: {self.otherwise} do it"
        return "not shown beside the control"


def verdict(gain: Difference) -> str:
    """Whether a gain is there."""
    if is_gain(gain):
        return "held"
    return "the contrary" if gain.is_clear else "not shown"


def is_gain(difference: Difference) -> bool:
    """Whether it is above its noise."""
    return difference.is_clear and difference.mean > 0


def section(measured: Measured) -> list[str]:
    """Markdown lines."""
    columns = ["the paper's finding, in points of top-1", "here, compared as in the paper", "here, against the control"]
    note = (
        "A difference is clear if it is larger than its standard deviation over the seeds, and than the standard error "
        "of a difference between two independent sets of so many test images, which more seeds do not make smaller. "
        "Unless a row names another control, the control is the same network after as many further epochs at the same "
        'rates, in float and without zeros. The verdicts: "held": a clear gain in both comparisons, or in the first '
        'where no control is needed. "Only as the paper compares: further epochs do it": a clear gain in the first '
        'comparison alone, and the control has a clear gain, too. "Not shown beside the control": a clear gain in the '
        'first comparison alone, and the control has none. "The contrary": a clear loss in the first comparison. "Not '
        'shown": no clear difference in the first comparison.'
    )
    words = (teachers_lead, best_init, zeros_are_not_faster, faster, narrowing)
    return [
        "## In plain words",
        "",
        note,
        "",
        *table([*columns, "verdict"], [finding.row for finding in findings(measured)], of_words=True),
        *(f"- {of(measured)}" for of in words),
        "",
        "Where the paper contradicts itself, or does not say what a reader needs:",
        "",
        *contradictions(),
        "",
    ]


def findings(measured: Measured) -> list[Finding]:
    """Of top-1."""
    runs, in_int8 = measured.table("8"), measured.table("4")

    def gain(row: paper.Row, before: paper.Row) -> str:
        return f"({row.top1 - before.top1:+.2f})"

    zeros = [
        Finding.of(
            f"{100 * sparsity:.0f} % zeros make the {words} better {gain(rows[sparsity], rows[0.0])}",
            by_value(measured.table(name), SPARSITY).get(sparsity, []),
            ("pruned", dense),
            "further",
        )
        for name, dense, words, rows, sparsity in (
            ("3", "teacher", "teacher", paper.TABLE_3, 0.5),
            ("3", "teacher", "teacher", paper.TABLE_3, 0.9),
            ("6", "distilled", "distilled student", paper.TABLE_6, 0.5),
        )
    ]
    static, qat = paper.TABLE_4["static_original"], paper.TABLE_4["quantized"]
    last = f"80 % zeros and int8 make the distilled student better {gain(paper.TABLE_7[0.8], paper.DISTILLED)}"
    return [
        Finding.of(
            f"Distillation makes the student better {gain(paper.DISTILLED, paper.ALONE)}",
            runs,
            ("distilled", "student"),
        ),
        *zeros,
        Finding.of(
            f"Quantization-aware training makes the teacher better {gain(qat, paper.TEACHER)}",
            in_int8,
            ("quantized", "teacher"),
            "further",
        ),
        Finding.of(
            f"Quantization-aware training is better than static quantization {gain(qat, static)}; control: static, of "
            "the teacher trained on, its batch norms rewritten",
            in_int8,
            ("quantized", "static_original"),
            "static_further",
            "further epochs and rewritten batch norms",
        ),
        Finding.of(last, runs, ("quantized", "distilled"), "further_2"),
        Finding.of(
            f"{last}; control: trained on in float, then in int8, without zeros",
            runs,
            ("quantized", "distilled"),
            "dense_quantized",
            "further epochs and int8",
        ),
    ]


def teachers_lead(measured: Measured) -> str:
    """Whether the student learns from a network that is better than itself."""
    runs = measured.table("8")
    claim = "The teacher is better than the student that learns without it"
    reported = f"({paper.TEACHER.top1 - paper.ALONE.top1:+.2f} points in the paper)"
    if not runs:
        return f"{claim} {reported}: {MISSING}."
    lead = difference(runs, "teacher", "student")
    so = "" if is_gain(lead) else " So a more accurate teacher does not explain what distillation gains here."
    return (
        f"{claim} {reported}: {verdict(lead)}. Here the teacher has {mean_top1(runs, 'teacher')} %, the student by "
        f"itself {mean_top1(runs, 'student')} %: {lead.text}.{so}"
    )


def best_init(measured: Measured) -> str:
    """Which number of initialization epochs is best."""
    runs, best = by_seed(measured.table("5")), str(paper.BEST_INIT)
    claim = f"{best} initialization epochs (see table 5) are best"
    names = [stage.name for run in runs[:1] for stage in run.stages]
    means = {name: round(statistics.mean(top1(run.stage(name)) for run in runs), 2) for name in names}
    if best not in means or len(means) < 2:
        return f"{claim}: {MISSING}."
    own, names = means.pop(best), list(means)
    rivals = [name for name in names if means[name] == max(means.values())]
    lead = difference(runs, best, rivals[0])
    return (
        f"{claim}: {verdict(lead)}. Here {best} epochs give {own:.2f} %; of {listed(names, 'and')} the best "
        f"{'is' if len(rivals) == 1 else 'are'} {listed(rivals, 'and')} with {means[rivals[0]]:.2f} %. The difference "
        f"is {lead.text}."
    )


def by_seed(runs: Sequence[Run]) -> list[Run]:
    """Table 5's runs of a seed as one run, whose stages are called by their initialization epochs; "0" is the student
    by itself."""
    seeds: dict[int | None, list[Run]] = {}
    for own in by_value(runs, INIT).values():
        for run in own:
            seeds.setdefault(run.seed, []).append(run)
    return [
        replace(
            own[0],
            stages=[
                replace(own[0].stage("student"), name="0"),
                *(replace(run.stage("distilled"), name=str(value_of(run.settings, INIT))) for run in own),
            ],
        )
        for own in seeds.values()
    ]


def zeros_are_not_faster(measured: Measured) -> str:
    """Latency with 95 % zeros over that without."""
    claim = "Zeros make a file smaller, not faster (499, 488 and 497 ms at 80, 90 and 95 %)"
    shares = _shares(measured, latency.student_int8(0.95), latency.student_int8(0.0))
    if not shares:
        return f"{claim}: {MISSING}."
    held = all(abs(share - 1) <= SAME_MS for share in shares.values())
    return (
        f"{claim}: {'held' if held else 'not shown'}. With 95 % zeros the int8 file takes "
        f"{_listed(shares)} of the time of the one without; within {SAME_MS} of 1 counts as the same."
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
        parts.append(f"{words} takes {ours} ({ms / xavier['teacher']:.2f} on the paper's Xavier)")
    return f"Latency as a fraction of that of the teacher in float32: {'; '.join(parts)}."


def narrowing(measured: Measured) -> str:
    """What the paper lacks."""
    runs = measured.table("8")
    claim = "What the paper lacks, channels removed before the zeros"
    if not runs:
        return f"{claim}: {MISSING}."
    shares = _shares(measured, latency.NARROWED, latency.student_int8(0.8))
    cost = difference(runs, "narrowed_quantized", "quantized")
    timed = f"{_listed(shares)} ({measured.timed_seeds(latency.NARROWED)})" if shares else MISSING
    more = further_epochs(runs[0], "narrowed", "narrowed_pruned", "narrowed_quantized")
    less = further_epochs(runs[0], "pruned", "quantized")
    return (
        f"{claim}: in int8 with 80 % zeros, the difference of the narrowed student from the one with all channels is "
        f"{cost.text}; its latency as a fraction of the other one's: {timed}. "
        f"Channels are not all that differs: it has had {more} further epochs, the other one {less}, and in the "
        "narrowed stage it learned from the outputs of the network before its channels were removed, too."
    )


def further_epochs(run: Run, *stages: str) -> int:
    """How many epochs the stages had together."""
    return sum(len(run.stage(stage).history) for stage in stages)


def _shares(measured: Measured, one: str, other: str) -> dict[int, float]:
    """Side -> the latency of one file over that of another."""
    times = {side: (measured.ms(one, side), measured.ms(other, side)) for side in measured.sides}
    return {side: first / second for side, (first, second) in times.items() if first and second}


def _listed(shares: dict[int, float]) -> str:
    return " and ".join(f"{share:.2f} at {side}x{side}" for side, share in shares.items())


def contradictions() -> list[str]:
    """What does not go together in the paper, each with the figure that its own tables give."""
    teacher, last, student = paper.TEACHER, paper.TABLE_7[0.8], paper.DISTILLED
    assert teacher.ms is not None
    by_student = 1 - paper.STUDENT_MS / teacher.ms
    share = paper.PARAMETERS_121 / paper.PARAMETERS_201
    mib, mb = paper.PARAMETERS_201 * 4 / 2**20, paper.PARAMETERS_121 * 4 / 1e6
    return [
        "- Distillation lowers latency by 48.3 % in section 6.4 and by 46.6 % in the conclusion: table 5 gives "
        f"{100 * by_student:.2f} %.",
        f"- The student's file has {100 * student.mb / teacher.mb:.0f} % of the size of the teacher's and is "
        f"{teacher.mb / student.mb:.2f} times smaller, but the student has {100 * share:.1f} % of the teacher's "
        f"parameters, {1 / share:.2f} times fewer.",
        "- The format of the 70 MB file is not said.",
        f"- Units seem to be mixed: 70 MB would be the {mib:.1f} MiB of DenseNet201's weights, but 29 MB is more than "
        f"the {mb:.1f} MB of DenseNet121's.",
        f"- {teacher.mb / last.mb:.1f} times smaller compares two formats: DenseNet121's weights alone are "
        f"{paper.PARAMETERS_121 / 1e6:.1f} MB in int8, and {last.mb:g} MB is possible only if zeros are stored "
        "compactly.",
        f'- "About 6 times smaller without loss" is {teacher.mb / paper.TABLE_3[0.9].mb:.2f} times (90 % zeros).',
        "- Section 6.3 says of quantization-aware training both that it has the same parameters as the training before "
        "and that its learning rate is smaller.",
        "- The schedule of zeros sets s_i and t_i to 0, but has no t_i; t_0 seems to be meant. It sets n, the number "
        "of times at which zeros are added, to 80 % of the steps; that is n times the steps between them.",
        "- Table 1 calls the accuracy of dynamic quantization best and that of quantization-aware training best; the "
        "text calls the latter better.",
        "- AlexNet is from 2014 in the introduction and from 2012 in section 2.",
        "- Tables 3, 4, 6 and 7 compare networks after 50 or 100 further epochs with networks that had none; there is "
        "no control.",
    ]
