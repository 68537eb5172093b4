"""Removes channels from a trained network, so that it becomes faster, and trains it on."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from compress.config import Count, Fraction, Positive, config
from compress.distill.logits import Logits
from compress.distill.method import Method
from compress.distill.outputs import Outputs
from compress.distill.sigmoids import Sigmoids
from compress.errors import UserError
from compress.evaluate.timings import BoardTimings
from compress.results import NetworkFacts
from compress.rewrite import as_plain_layers
from compress.stages.base import Context, Stage
from compress.stages.save_and_evaluate import save_and_evaluate
from compress.stages.serving import Serving
from compress.stages.teaching import AnyMethod, check_method_for, check_teachers, teaching
from compress.stages.unbiased import as_targets_say
from compress.tasks import Task
from compress.training import Training, fit

DEFAULT_METHODS: tuple[type[Method], ...] = (Logits, Sigmoids, Outputs)


@config
class Narrow(Stage, Training):
    """Removes channels until a fraction of the input's ``latency``, ``parameters`` or ``flops`` is left, or
    ``latency_ms`` milliseconds. Latency is that of the int8 file, batch 1, one thread.

    Latency is measured: first each operator alone at several widths, by LiteRT on this machine or in the table
    ``device`` of a board; then the whole file, after which the choice of channels is corrected. What is left is trained
    with ``teachers``, by default the network before narrowing, in ``rounds``. The result is a network of plain layers
    with fewer channels.
    """

    kind: Literal["narrow"] = "narrow"
    latency: Fraction | None = None
    """Fraction of the latency to be left: that of the int8 file, batch 1, one thread, compared with the input
    network's."""
    latency_ms: Positive | None = None
    """Instead of a fraction: the latency to reach, in milliseconds per inference of the int8 file, batch 1, one
    thread."""
    parameters: Fraction | None = None
    """Instead of latency: the fraction of the parameters to be left."""
    flops: Fraction | None = None
    """Instead of latency: the fraction of the multiplications and additions to be left."""
    round_to: Count = 8
    """Channels left in each layer are a multiple of this number, because kernels compute that many at a time."""
    keep: tuple[str, ...] = ()
    """Layers that keep all their channels, by name or pattern, such as ["stem*"]."""
    importance: Literal["taylor", "l2", "gamma"] = "taylor"
    """How the importance of a channel is measured: taylor by |gradient * weight|, l2 by the squares of its weights,
    gamma by the scales of batch normalizations."""
    choice: Literal["by_value", "uniform"] = "by_value"
    """Which channels are removed: by_value removes those with the least importance per millisecond saved, uniform
    removes the same share of every group."""
    rounds: Count = 1
    """Number of rounds of removing channels and training; each round leaves the same share of the one before."""
    device: str | None = None
    """Path of the table of operator times from a board (`jetson.pyz operators`), used for latency. Default: this
    machine is measured."""
    teachers: tuple[str, ...] = ()
    """Names of earlier stages, or paths of trained networks, used as teachers. Default: the network before
    narrowing."""
    method: AnyMethod | None = None
    """Distillation method, one that compares outputs and not layers. Default: logits, or the task's counterpart
    (sigmoids, outputs, density)."""

    ONE_OF: ClassVar[tuple[str, ...]] = ("latency", "latency_ms", "parameters", "flops")

    @property
    def rewrites(self) -> bool:
        return True

    @property
    def files(self) -> tuple[str, ...]:
        return (self.device,) if self.device is not None else ()

    @property
    def target(self) -> str:
        """Which of ONE_OF is asked for."""
        return next(name for name in self.ONE_OF if getattr(self, name) is not None)

    def check(self) -> None:
        super().check()
        asked = [name for name in self.ONE_OF if getattr(self, name) is not None]
        if len(asked) != 1:
            raise UserError(
                f"narrow needs exactly one of {', '.join(self.ONE_OF)}{', not ' + ' and '.join(asked) if asked else ''}"
            )
        if not getattr(self, asked[0]):
            raise UserError(f"{asked[0]} = 0 leaves nothing of the network: give a fraction such as 0.5")
        if self.device is not None:
            if not asked[0].startswith("latency"):
                raise UserError(f"device works only with latency or latency_ms, not with {asked[0]}")
            BoardTimings(Path(self.device))
        if self.rounds > self.epochs:
            raise UserError(
                f"rounds = {self.rounds} is more than the number of epochs ({self.epochs}), but each round trains "
                "at least one"
            )
        check_teachers(self.teachers)
        if self.method is not None and not self.method.FROM_OUTPUTS:
            raise UserError(
                f'method "{self.method.name}" compares layers, but narrowing removes their channels: use a method '
                "that compares outputs, such as logits"
            )

    def check_input(self, source: Stage) -> None:
        if source.makes_zeros:
            raise UserError(
                f"narrow after prune ({source.name!r}) would fill the zeros with trained weights: narrow first, "
                "then prune"
            )

    def check_teachers(self, teachers: Sequence[str | None], own: str | None) -> None:
        if self.method is not None:
            self.method.check(teachers or [own], own, self.epochs)

    def check_task(self, task: Task) -> None:
        super().check_task(task)
        if self.method is not None:
            check_method_for(task, self.method)

    @property
    def by_latency(self) -> bool:
        """Whether milliseconds are to be saved, rather than what can be counted."""
        return self.target.startswith("latency")

    @property
    def removes_channels(self) -> bool:
        return True

    @property
    def looks_at_network(self) -> bool:
        return bool(self.keep) or self.device is not None or not self.by_latency

    def check_network(self, network: Any, context: Context) -> None:
        plain = as_plain_layers(network)
        self.at_once(plain)
        if self.device is not None:
            from compress.narrow.latency import families
            from compress.narrow.trace import trace
            from compress.stages.narrow_rounds import operators_in_int8

            _, operators = operators_in_int8(plain, trace(plain, self.keep), context)
            # which of the others there are hangs on the weights
            kernels = [family for family in families(operators) if family.startswith("CONV_2D")]
            if kernels and not BoardTimings(Path(self.device)).knows_any(kernels):
                raise UserError(
                    f"device {self.device} was made for another network: it contains none of the convolutions of this "
                    "one"
                )

    def at_once(self, network: Any) -> Any:
        """The plain network narrowed by the weights alone, untrained; to half of its MACs where latency is asked for.

        Raises UserError for a pattern of ``keep`` without a layer, and for a target that cannot be reached.
        """
        from compress.narrow.choose import CHOICES, Unreachable, out_of_reach
        from compress.narrow.cost import COUNTED, whole
        from compress.narrow.groups import groups
        from compress.narrow.importance import l2
        from compress.narrow.surgery import narrowed
        from compress.narrow.trace import trace

        traced = trace(network, self.keep)
        parts = groups(traced)
        terms = COUNTED["flops" if self.by_latency else self.target](network, traced)
        share = 0.5 if self.by_latency else getattr(self, self.target)
        try:
            goal = share * whole(terms)
            removed = CHOICES[self.choice](parts, l2(network, traced, parts), terms, goal, self.round_to)
        except Unreachable as error:
            if self.by_latency:
                return network
            raise UserError(f"{self.target} = {share:g} {out_of_reach(error.least / whole(terms))}") from error
        return narrowed(network, traced, removed)

    def method_for(self, task: Task) -> Method:
        """The method that is asked for, or the first of DEFAULT_METHODS that is for the task."""
        if self.method is not None:
            return self.method
        return next(method() for method in DEFAULT_METHODS if not method.TASKS or task.name in method.TASKS)

    def make(self, context: Context, out: Path, scratch: Path) -> NetworkFacts:
        from compress.stages.narrow_rounds import Rounds

        with context.clock("build"):
            rounds = Rounds(self, as_plain_layers(context.load(self.input or "")), context, scratch)
        for number in range(1, self.rounds + 1):
            with context.clock("narrow"):
                rounds.remove(number)
            serving = Serving(rounds.network, context)
            self._train(rounds.network, serving, context, scratch, number)
        facts = save_and_evaluate(serving, context, out, scratch, "float32", as_targets_say(serving, context))
        return replace(facts, narrowing=rounds.facts())

    def _train(self, network: Any, serving: Serving, context: Context, scratch: Path, number: int) -> None:
        method = self.method_for(context.task)
        named = self.teachers or (self.input or "",)
        teachers, data = teaching(self.name, named, method, context, network, self)
        phase, *_ = method.phases(teachers, network, self.epochs, context.task, self.loss(context.task))
        first, last = (round(self.epochs * done / self.rounds) for done in (number - 1, number))
        with context.clock("training"):
            fit(
                network,
                phase.objective,
                data,
                self,
                scratch / f"backup-{number}",
                context.progress,
                serving.validate,
                context.callbacks,
                first,
                last,
                context.strategy,
            )
