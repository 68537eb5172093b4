"""What a distillation method is to the stage that uses it, and to the contract tests."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

from compress.distill.phase import Phase
from compress.tasks import Task
from compress.tasks.objective import Loss
from compress.training.settings import Draw


@runtime_checkable
class Method(Protocol):
    """A frozen config; its fields are the method's settings in a pipeline file, ``name`` among them."""

    TASKS: ClassVar[tuple[str, ...]]
    """The names of the tasks that it works for; none means any."""
    FROM_OUTPUTS: ClassVar[bool]
    """Whether it learns from the teachers' outputs alone, which can then be computed once."""
    SAME_SHAPES: ClassVar[bool]
    """Whether outputs of teachers and student have to be of the same shapes."""
    TEACHERS: ClassVar[tuple[int, int | None]]
    """How many it takes, at least and at most (None: any number); a network that is taught by itself takes none."""

    @property
    def name(self) -> str:
        """Under which the method is registered."""

    WEAK_LABELS: ClassVar[bool]
    """Whether it learns from less than the targets say. Parts of images, or later trainings, would give away the
    rest."""

    def check(self, teachers: Sequence[str | None], student: str | None, epochs: int) -> None:
        """Raises UserError for what cannot work, before anything is trained.

        Names are of networks in the registry, None for others; ``epochs`` are the stage's.
        """

    def check_network(self, student: Any) -> None:
        """Raises UserError for a student without the layers that the method needs; before anything is trained."""

    def check_teacher(self, teacher: Any, student: Any) -> None:
        """Raises UserError for a teacher without the layers that the method needs, or that do not go together with
        those of ``student``, None where that is not known yet; before anything is trained."""

    def per_batch_inputs(self, teachers: int) -> Mapping[str, Draw]:
        """Name -> what draws an array anew for each batch, which every phase's objective gets by that name."""

    def prepared(self, student: Any) -> Any:
        """The network that is trained and emitted: ``student``, with the layers that the method adds to it for good."""

    def phases(self, teachers: Sequence[Any], student: Any, epochs: int, task: Task, loss: Loss) -> list[Phase]:
        """What is trained, one after the other, until ``epochs`` are done; no phase trains a teacher.

        ``loss`` is that on the targets. With FROM_OUTPUTS ``teachers`` may be empty: objectives then get what they
        said as ``teacher_<output>``, float32 (n, teachers, ...), for each of the task's outputs. Raises UserError for
        networks that do not go together.
        """
