"""What every stage has: a name, a kind, inputs, a check before anything runs, and ``make``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from compress.clock import Clock
from compress.config import config
from compress.datasets import Augmentation, Dataset
from compress.evaluate.timings import Timings
from compress.results import FileFacts, NetworkFacts
from compress.tasks import Arrays, Task
from compress.training import ONE_DEVICE, Data, Progress, Strategy, Training


@dataclass(frozen=True)
class Context:
    """What a stage is given to work with."""

    dataset: Dataset
    task: Task
    """Fitted to the data set."""
    augmentation: Augmentation
    seed: int
    fit: str
    """How images of other shapes get the data set's: "stretch", "crop" or "pad"."""
    clock: Clock
    progress: Progress
    load: Callable[[str], Any]
    """Name of an earlier stage, or the path of a network -> its Keras network, the caller's own to train on."""
    outputs: Callable[[str], Arrays]
    """Name of an earlier stage -> its network's raw outputs on the test split."""
    validation_outputs: Callable[[str], Arrays]
    """The same on the validation split."""
    training_outputs: Callable[[str], Arrays]
    """Name of an earlier stage, or the path of a network -> its raw outputs on the training split."""
    facts: Callable[[str], NetworkFacts]
    """Name of an earlier stage -> what its stage.json says."""
    timings: Timings
    """Times of operators on this machine."""
    finished: Callable[[Any], None]
    """Takes the network that a stage read back from its SavedModel, for the next stage to use."""
    callbacks: tuple[Any, ...] = ()
    strategy: Strategy = ONE_DEVICE
    """On what the stage trains; the workers that are not the chief only take part in that."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example, without the batch: (height, width, channels) for images."""
        return self.dataset.shape

    @property
    def data(self) -> Data:
        return Data(self.dataset.train, self.augmentation, self.seed)

    def changes_images(self, training: Training) -> bool:
        """Whether a training sees an image otherwise in each epoch."""
        crops = self.dataset.crops is not None and training.use_crops
        return self.augmentation.changes_images or crops


@config
class Stage:
    """``name`` is chosen freely; ``input`` is an earlier stage, by default the one before."""

    name: str
    """Name of the stage, chosen freely and unique in the file; other stages and --set refer to it. No spaces, slashes,
    dots or equals signs."""
    kind: str
    """What the stage does: load, train, distill, narrow, prune, quantize or export."""
    input: str | None = None
    """Name of the earlier stage whose network this stage starts from. Default: the stage before it."""

    NOT_IN_KEY: ClassVar[tuple[str, ...]] = ("name", "input", "teachers")
    ONE_OF: ClassVar[tuple[str, ...]] = ()
    """Fields of which exactly one is given: --set of one of them takes the place of the one in the file."""

    @property
    def trains(self) -> bool:
        """Whether the stage trains the network, rather than taking it as it is."""
        return isinstance(self, Training) and self.epochs > 0

    @property
    def needs_input(self) -> bool:
        """Whether the stage reads an earlier stage's SavedModel."""
        return True

    @property
    def precision(self) -> str:
        """What the network that is emitted computes in, once it is exported."""
        return "float32"

    @property
    def quantizes(self) -> bool:
        """Whether the network that is emitted computes on grids, once it is exported; it cannot be trained on then."""
        return False

    @property
    def is_final(self) -> bool:
        """Whether the stage emits files for a board and no network that another stage could read."""
        return False

    @property
    def is_judged_by_file(self) -> bool:
        """Whether what the stage makes is seen in its file alone, and in no network of its own."""
        return self.is_final

    @property
    def takes_network(self) -> bool:
        """Whether a network may be named in the stage, by a name or by a path."""
        return False

    @property
    def network_name(self) -> str | None:
        """The network of the registry that is named in the stage; None for none."""
        return None

    @property
    def rewrites(self) -> bool:
        """Whether the network is rewritten as plain layers, which not every layer can be."""
        return False

    @property
    def left_dense(self) -> tuple[str, ...]:
        """Layers that are not to be pruned, by name or pattern."""
        return ()

    @property
    def kept_in_float(self) -> tuple[str, ...]:
        """Layers that are to compute in float, by name or pattern."""
        return ()

    @property
    def has_weak_labels(self) -> bool:
        """Whether it learns from less than the targets say, so that later stages must not train on all of them."""
        return False

    @property
    def compares_layers(self) -> bool:
        """Whether layers of a teacher and of the student, which the stage names, have to go together."""
        return False

    @property
    def files(self) -> tuple[str, ...]:
        """Files and folders of the user's that decide what is made: their content is part of the key."""
        return ()

    def check(self) -> None:
        """Raises UserError for what cannot work on any data; before data are read or anything runs."""
        if isinstance(self, Training):
            self.check_schedule()

    def check_input(self, source: "Stage") -> None:
        """Raises UserError for an input stage whose network cannot be read here; before anything runs."""

    def check_teachers(self, teachers: Sequence[str | None], own: str | None) -> None:
        """Raises UserError for teachers that the stage cannot learn from; names of the registry, None for others."""

    def check_layers(self, teacher: Any, context: Context) -> None:
        """Raises UserError for layers that are not there, or do not go together with the built ``teacher``'s."""

    @property
    def has_zero_points_of_0(self) -> bool:
        """Whether 0 is the code of zero on every grid of the network that is emitted."""
        return False

    @property
    def makes_zeros(self) -> bool:
        """Whether weights of the network that is emitted are zero, and are to stay so."""
        return False

    @property
    def removes_channels(self) -> bool:
        """Whether the network that is emitted has fewer channels than the one that is read."""
        return False

    @property
    def looks_at_network(self) -> bool:
        """Whether the network that the stage reads can show that it will fail; ``check_network`` gets it then."""
        return False

    def check_network(self, network: Any, context: Context) -> None:
        """Raises UserError for what cannot work on the network as it will be built; before anything is trained."""

    def check_teacher(self, teacher: Any, student: Any) -> None:
        """Raises UserError for a teacher in a file from which the method cannot learn; before anything is trained.
        ``student``: a network with the layers of the one that learns, None where it is not known yet."""

    def check_data(self, data: Dataset) -> None:
        """Raises UserError for what cannot work with these data; before anything runs."""

    def check_augmentation(self, augmentation: Augmentation) -> None:
        """Raises UserError for what the stage cannot learn from; before anything runs."""
        if isinstance(self, Training):
            Training.check_augmentation(self, augmentation)

    def check_task(self, task: Task) -> None:
        """Raises UserError for what is not for the task; before anything runs."""
        if isinstance(self, Training):
            Training.check_task(self, task)

    def make(self, context: Context, out: Path, scratch: Path) -> NetworkFacts | FileFacts:
        """Fills ``out``, resuming from ``scratch``; returns facts for stage.json."""
        raise NotImplementedError
