"""What each round of narrowing removes: chosen by importance and cost, checked by timing the whole file."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress.artifacts.files import write_json
from compress.errors import UserError
from compress.evaluate.predictors import to_float
from compress.evaluate.timings import BoardTimings, Timings, alone
from compress.narrow.choose import CHOICES, Unreachable, all_that_can_go, out_of_reach
from compress.narrow.cost import COUNTED, Term, carried, macs, parameters, total, whole
from compress.narrow.groups import groups
from compress.narrow.importance import IMPORTANCE
from compress.narrow.int8_file import file_and_operators, int8_file
from compress.narrow.latency import families, latency
from compress.narrow.operators import Operator
from compress.narrow.surgery import narrowed
from compress.narrow.trace import Trace, trace
from compress.results import Change, Narrowing
from compress.stages.base import Context
from compress.stages.calibration import calibration
from compress.tasks.named import named

if TYPE_CHECKING:
    from compress.stages.narrow import Narrow

EXAMPLES = 8  # that an int8 file for timing has its ranges from
BATCHES = 10  # that importance is measured on
CLOSE, TRIALS = 0.03, 3  # how near the measured share is to come to what was asked, in so many choices
MOST_ABOVE = 0.1  # of what was asked, where fewer channels cannot be had
HARDLY_FASTER = 0.5  # times the share of the latency: where a smaller share of the multiplications is left


@dataclass(frozen=True)
class Decision:
    """What a round removes, by the numbers of the network before it; latencies, in ms, are the narrower network's.

    It is kept in a file, so that a stage that was killed goes on with the same.
    """

    removed: list[int]
    predicted: float
    """What the target was predicted to be, in its unit."""
    measured_ms: tuple[float, float] | None = None
    """Of the whole int8 files, the stage's input and the network after the round."""
    start: float = 0.0
    """What the stage's input costs, in the unit of the target."""
    asked: float = 0.0
    """The fraction of it that is to be left after the last round."""


def operators_in_int8(network: Any, traced: Trace, context: Context) -> tuple[bytes, list[Operator]]:
    """(the int8 file of a plain network, its operators with the numbers of the trace)."""
    examples, task = calibration(context, EXAMPLES)[:1], context.task
    return file_and_operators(network, traced, examples, task.OUTPUTS, bool(task.SUMS))


def doubts(latency_left: float, macs_left: float) -> list[str]:
    """A line where this machine is a bad stand-in for a board: some processors compute 64 channels of an int8
    convolution in the time of 8, so that most channels have to go before it is faster."""
    if macs_left >= HARDLY_FASTER * latency_left:
        return []
    return [
        f"note: only {macs_left:.2f} of the multiplications are left for {latency_left:.2f} of the latency: with fewer "
        "channels, this machine's processor is hardly faster. For a board, give its table of times (device), or ask "
        "for flops"
    ]


class Rounds:
    """The ``network``, from round to round."""

    def __init__(self, stage: "Narrow", network: Any, context: Context, scratch: Path) -> None:
        self._stage, self._context, self._scratch = stage, context, scratch
        self._given = self.network = network
        self._trace = self._trace_of_given = trace(network, stage.keep)
        self._removed: list[tuple[Trace, np.ndarray]] = []  # (trace before the round, numbers that stay)
        self._decision = Decision([], 0.0)

    def remove(self, number: int) -> None:
        """Takes from the network what round ``number``, from 1, removes."""
        self._decision = Decision(**self._context.strategy.from_chief(lambda: self._decided(number)))
        stays = np.ones(self._trace.count, bool)
        stays[self._decision.removed] = False
        self.network = narrowed(self.network, self._trace, self._decision.removed)
        self._removed.append((self._trace, stays))
        self._trace = trace(self.network, self._stage.keep)
        self._context.progress.say(f"    {self._said(number)}")
        if self._decision.measured_ms is not None:
            before, after = self._decision.measured_ms
            left = whole(macs(self.network, self._trace)) / whole(macs(self._given, self._trace_of_given))
            for line in doubts(after / before, left):
                self._context.progress.say(f"    {line}")

    def _decided(self, number: int) -> dict[str, Any]:
        """The round's decision, as its file has it."""
        path = self._scratch / f"round-{number}.json"
        if not path.is_file():
            write_json(path, asdict(replace(self._decide(number), start=self._start, asked=self._asked)))
        return dict(json.loads(path.read_text()))

    def facts(self) -> Narrowing:
        """What all rounds together removed."""
        first, last = self._trace_of_given, self._trace
        makers = sorted(first.makers, key=list(first.made).index)
        costs = {count: (count(self._given, first), count(self.network, last)) for count in (parameters, macs)}
        return Narrowing(
            target="latency" if self._stage.by_latency else self._stage.target,
            asked=round(self._decision.asked, 4),
            channels={name: [len(first.made[name]), len(last.made[name])] for name in makers},
            parameters=Change(*(whole(terms) for terms in costs[parameters])),
            macs=Change(*(whole(terms) for terms in costs[macs])),
            predicted_ms=Change(self._decision.start, self._decision.predicted) if self._stage.by_latency else None,
            measured_ms=Change(*self._decision.measured_ms) if self._decision.measured_ms else None,
            device=self._times.machine if self._stage.by_latency else {},
            pinned=dict(Counter(first.pinned.values())),
        )

    def _decide(self, number: int) -> Decision:
        """Removes so much that the target, predicted and then measured, is what the round is to reach."""
        scores, terms = self._scores(), self._carried
        if number == 1 and self._stage.rounds > 1 and self._choice(scores, terms, self._asked)[1]:
            self._choose(scores, terms, self._asked, 1.0)  # what the last round cannot reach, before any round trains
        share = self._asked ** (number / self._stage.rounds)
        trials: list[tuple[float, Decision]] = []
        factor = 1.0
        while len(trials) < TRIALS:
            try:
                decision = self._choose(scores, terms, share, factor)
            except UserError:
                if any(ratio <= 1 + MOST_ABOVE for ratio, _ in trials):
                    break
                raise
            if decision.measured_ms is None:
                return decision
            before, after = decision.measured_ms
            trials.append((after / before / share, decision))
            if abs(trials[-1][0] - 1) <= CLOSE:
                break
            factor /= trials[-1][0]
        # the nearest that is not much above, or else the smallest
        fitting = [trial for trial in trials if trial[0] <= 1 + CLOSE]
        return max(fitting, key=lambda trial: trial[0])[1] if fitting else min(trials, key=lambda trial: trial[0])[1]

    def _choose(self, scores: np.ndarray, terms: Sequence[Term], share: float, factor: float) -> Decision:
        """What goes so that ``share * factor`` is predicted to be left. Raises UserError where no choice leaves so
        little; a whole file can be faster than the sum of its operators, so that it is timed first.
        """
        removed, error = self._choice(scores, terms, share * factor)
        stays = np.ones(self._trace.count, bool)
        stays[removed] = False
        measured = self._timed(removed)
        if error is not None and (measured is None or measured[1] > (1 + MOST_ABOVE) * share * measured[0]):
            least, whole_one = (error.least, self._start) if measured is None else (measured[1], measured[0])
            raise UserError(self._unreachable(least / whole_one)) from error
        return Decision(removed.tolist(), total(terms, stays), measured)

    def _choice(self, scores: np.ndarray, terms: Sequence[Term], share: float) -> tuple[np.ndarray, Unreachable | None]:
        """(what goes so that ``share`` is predicted to be left, None); all that can go, and why, where that is more."""
        parts = groups(self._trace)
        try:
            goal = self._start * share
            return CHOICES[self._stage.choice](parts, scores, terms, goal, self._stage.round_to), None
        except Unreachable as error:
            return all_that_can_go(parts, scores, self._stage.round_to), error

    @property
    def _carried(self) -> list[Term]:
        terms = self._terms
        for place, (before, stays) in enumerate(self._removed):
            after = self._removed[place + 1][0] if place + 1 < len(self._removed) else self._trace
            terms = carried(terms, before, stays, after)
        return terms

    @cached_property
    def _terms(self) -> list[Term]:
        """What the stage's input costs, in the unit of the target."""
        if not self._stage.by_latency:
            return COUNTED[self._stage.target](self._given, self._trace_of_given)
        parts = self._file_and_operators[1]
        unknown = [
            (family, point)
            for family, each in families(parts).items()
            for point in each.points
            if not (isinstance(self._times, BoardTimings) or self._times.is_known(family, point))
        ]
        if unknown:
            self._context.progress.doing(f"timing {len(unknown)} operators of {len(families(parts))} kinds, alone")
        with alone():
            terms = latency(parts, self._times.operator, self._times.grid)
        if isinstance(self._times, Timings):
            self._times.save()
        return terms

    @cached_property
    def _start(self) -> float:
        return whole(self._terms)

    @cached_property
    def _asked(self) -> float:
        """The fraction that is to be left."""
        if self._stage.latency_ms is None:
            return float(getattr(self._stage, self._stage.target))
        content = self._file_and_operators[0]
        now = self._start if self._stage.device is not None else self._times.pair(content, content)[0]
        if self._stage.latency_ms >= now:
            self._context.progress.say(
                f"    note: the file already takes only {now:.3g} ms, so no channels are removed"
            )
        return min(1.0, self._stage.latency_ms / now)

    @cached_property
    def _times(self) -> Any:
        return BoardTimings(Path(self._stage.device)) if self._stage.device is not None else self._context.timings

    @cached_property
    def _file_and_operators(self) -> tuple[bytes, list[Operator]]:
        """The stage's input as an int8 file."""
        return operators_in_int8(self._given, self._trace_of_given, self._context)

    def _timed(self, removed: np.ndarray) -> tuple[float, float] | None:
        """Milliseconds of the whole files, the stage's input and the network without ``removed``; None where latency
        is not the target, or a board's."""
        if not self._stage.by_latency or self._stage.device is not None:
            return None
        narrower = narrowed(self.network, self._trace, removed)
        examples, task = calibration(self._context, EXAMPLES)[:1], self._context.task
        times: tuple[float, float] = self._times.pair(
            self._file_and_operators[0], int8_file(narrower, examples, task.OUTPUTS, bool(task.SUMS))
        )
        return times

    def _scores(self) -> np.ndarray:
        context, stage = self._context, self._stage
        own = stage.loss(context.task)

        def loss(images: Any, targets: Any) -> Any:
            return own(named(context.task, self.network(images, training=False)), targets)

        batches = (
            (to_float(images), targets)
            for images, targets, _ in islice(context.data.batches(stage.batch_size, 0), BATCHES)
        )
        return IMPORTANCE[stage.importance](self.network, self._trace, groups(self._trace), loss, batches)

    def _unreachable(self, least: float) -> str:
        name, target = self._stage.name, self._stage.target
        reasons = Counter(self._trace.pinned.values())
        pinned = ", ".join(f"{count:,} ({reason})" for reason, count in reasons.most_common(3))
        return (
            f"stage {name!r}: {target} = {getattr(self._stage, target):g} {out_of_reach(least)}; channels that "
            f"cannot be removed: {pinned} (`jetslim inspect --groups` shows all)"
        )

    def _said(self, number: int) -> str:
        """One line: what the round left."""
        first, last = self._trace_of_given, self._trace
        channels = [sum(len(traced.made[name]) for name in traced.makers) for traced in (last, first)]
        weights = [whole(parameters(self.network, last)), whole(parameters(self._given, first))]
        text = "round {} of {}: {:,} of {:,} channels, {:,.0f} of {:,.0f} parameters".format(
            number, self._stage.rounds, *channels, *weights
        )
        if self._decision.measured_ms is None:
            return text
        before, after = self._decision.measured_ms
        predicted = self._decision.predicted / self._decision.start
        return f"{text}, {after:.3g} of {before:.3g} ms in int8 ({after / before:.2f}, predicted {predicted:.2f})"
