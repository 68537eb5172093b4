"""Sets the smallest weights of a trained network to zero, gradually, while it trains on."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from compress.config import Count, Fraction, config
from compress.datasets import Dataset
from compress.errors import UserError
from compress.prune import gradual, kernel_sparsity, prunable_kernels
from compress.results import NetworkFacts, Schedule, SparsityStep
from compress.rewrite import as_plain_layers
from compress.stages.base import Context, Stage
from compress.stages.save_and_evaluate import save_and_evaluate
from compress.stages.serving import Serving
from compress.stages.train_on_targets import train_on_targets
from compress.stages.unbiased import as_targets_say
from compress.training import Training


@config
class Prune(Stage, Training):
    """The sparsity rises on the cubic schedule of Zhu and Gupta (2017) from ``initial_sparsity`` at ``begin_step`` to
    ``final_sparsity`` at ``end_step`` (default: after 80 % of the steps), with a new mask every ``frequency`` steps;
    after that the network is fine-tuned.

    Nested networks are opened, and separable and pointwise dense layers are replaced by equivalent convolutions. A
    network in which nothing can be pruned, such as one whose convolutions are all frozen, is passed on unchanged.
    """

    kind: Literal["prune"] = "prune"
    final_sparsity: Fraction
    """The fraction of zeros in each kernel at the end. A sparse int8 file is smaller than a dense one from about 0.6
    on."""
    initial_sparsity: Fraction = 0.0
    """The fraction of zeros at begin_step."""
    begin_step: int = Field(default=0, ge=0)
    """The optimizer step at which the sparsity starts to rise."""
    end_step: Count | None = None
    """The optimizer step at which final_sparsity is reached. Default: after 80 % of all steps."""
    frequency: Count | None = None
    """Number of optimizer steps between two updates of the mask. Default: a fiftieth of all steps, at most 100."""
    skip: tuple[str, ...] = ()
    """Layers that are not pruned, by name or pattern, such as ["conv1/*"]. The dense head is never pruned."""

    @property
    def rewrites(self) -> bool:
        return True

    @property
    def makes_zeros(self) -> bool:
        return True

    @property
    def left_dense(self) -> tuple[str, ...]:
        return self.skip

    def ramp(self, images: int) -> tuple[int, int, int]:
        """(begin_step, end_step, frequency) for a training split of that many images."""
        return gradual.ramp(self.steps(images), self.begin_step, self.end_step, self.frequency)

    def check(self) -> None:
        super().check()
        if self.initial_sparsity > self.final_sparsity:
            raise UserError(
                f"initial_sparsity = {self.initial_sparsity} is greater than final_sparsity = {self.final_sparsity}"
            )

    def check_data(self, data: Dataset) -> None:
        self.ramp(len(data.train))

    def make(self, context: Context, out: Path, scratch: Path) -> NetworkFacts:
        from compress.keras import tfmot
        from compress.prune.masks import GradualPruning

        images = len(context.dataset.train)
        begin, end, frequency = self.ramp(images)
        given = context.load(self.input or "")
        network = as_plain_layers(given)
        kernels = [layer.kernel for layer in gradual.prunable_layers(network, self.skip)]
        tell = context.progress.doing if kernels else context.progress.say
        tell(counted(gradual.unpruned(network, self.skip)))
        if not kernels:
            return save_and_evaluate(Serving(given, context), context, out, scratch, "float32")
        serving = Serving(network, context)
        schedule = tfmot.sparsity.keras.PolynomialDecay(
            self.initial_sparsity, self.final_sparsity, begin, end, power=3, frequency=frequency
        )
        pruning = GradualPruning(kernels, schedule, self.steps(images, 1), scratch / "sparsity.csv")

        def validate() -> dict[str, float]:
            return {**serving.validate(), "sparsity": kernel_sparsity(prunable_kernels(network))}

        train_on_targets(network, self, serving, context, scratch, validate, (pruning,))
        facts = save_and_evaluate(serving, context, out, scratch, "float32", as_targets_say(serving, context))
        return replace(
            facts,
            sparsity_schedule=Schedule(self.initial_sparsity, self.final_sparsity, begin, end),
            sparsity_steps=[SparsityStep(int(row["step"]), row["sparsity"]) for row in pruning.rows],
        )


def counted(dense: dict[str, str]) -> str:
    """One line: how many kernels are pruned, and why the others are not; that the network is passed on, if none is."""
    reasons = Counter(dense.values())
    pruned = reasons.pop("", 0)
    left = "; ".join(f"{count} left dense: {reason}" for reason, count in reasons.items())
    if not pruned:
        return f"nothing to prune, so that the network is passed on as it is: {left or 'it has no convolution'}"
    return f"pruning {pruned} kernels; {left or 'none left dense'}"
