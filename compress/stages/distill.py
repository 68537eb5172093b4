"""Trains a student with one teacher or several."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from compress import keras
from compress.config import config
from compress.datasets import Augmentation, Dataset
from compress.errors import UserError
from compress.results import NetworkFacts
from compress.stages.base import Context
from compress.stages.network import NetworkStage
from compress.stages.save_and_evaluate import save_and_evaluate
from compress.stages.serving import Serving
from compress.stages.teaching import AnyMethod, check_method_for, check_teachers, teaching
from compress.stages.unbiased import as_targets_say
from compress.tasks import Task
from compress.training import Training, fit


@config
class Distill(NetworkStage, Training):
    """Trains a student on the outputs or features of ``teachers``, which are earlier stages or paths of networks;
    ``method`` says how the student learns from them."""

    kind: Literal["distill"] = "distill"
    method: AnyMethod
    """How the student learns from its teachers, such as { name = "logits", temperature = 4.0 }."""
    teachers: tuple[str, ...] = ()
    """Names of earlier stages, or paths of trained networks, from which the student learns."""

    def check(self) -> None:
        super().check()
        if len(self.teachers) < self.method.TEACHERS[0]:
            raise UserError(f"the method {self.method.name} needs a teacher: give teachers")
        check_teachers(self.teachers)

    def check_data(self, data: Dataset) -> None:
        super().check_data(data)
        if self.method.WEAK_LABELS and self.use_crops and data.crops is not None:
            raise UserError(
                f"the method {self.method.name} needs whole images: set use_crops = false, or leave scales out of "
                "[data]"
            )

    def check_augmentation(self, augmentation: Augmentation) -> None:
        super().check_augmentation(augmentation)
        if self.method.WEAK_LABELS and (augmentation.crop_padding or augmentation.resized_crop is not None):
            raise UserError(
                f"the method {self.method.name} needs whole images: leave crop_padding and resized_crop out of [data] "
                "augmentation"
            )

    @property
    def has_weak_labels(self) -> bool:
        return self.method.WEAK_LABELS

    @property
    def looks_at_network(self) -> bool:
        return self.needs_input

    @property
    def compares_layers(self) -> bool:
        return bool(getattr(self.method, "layers", None))

    def check_teachers(self, teachers: Sequence[str | None], own: str | None) -> None:
        self.method.check(teachers, own, self.epochs)

    def check_layers(self, teacher: Any, context: Context) -> None:
        student = self.method.prepared(self.network(context))
        self.method.phases([teacher], student, self.epochs, context.task, self.loss(context.task))

    def check_network(self, network: Any, context: Context) -> None:
        self.method.check_network(network)

    def check_teacher(self, teacher: Any, student: Any) -> None:
        self.method.check_teacher(teacher, student)

    def make(self, context: Context, out: Path, scratch: Path) -> NetworkFacts:
        student = self.network(context)
        keras.utils.set_random_seed(context.seed)  # for the layers that a method adds
        student = self.method.prepared(student)
        teachers, data = teaching(self.name, self.teachers, self.method, context, student, self)
        serving = Serving(student, context)
        first = 0
        for phase in self.method.phases(teachers, student, self.epochs, context.task, self.loss(context.task)):
            with context.clock("training"):
                fit(
                    phase.network,
                    phase.objective,
                    data,
                    self,
                    scratch / f"backup-{phase.name}",
                    context.progress,
                    serving.validate,
                    context.callbacks,
                    first,
                    phase.epochs,
                    context.strategy,
                )
            first = phase.epochs
        return save_and_evaluate(serving, context, out, scratch, "float32", as_targets_say(serving, context))

    def check_task(self, task: Task) -> None:
        super().check_task(task)
        check_method_for(task, self.method)
