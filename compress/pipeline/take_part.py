"""What the workers of a run do that are not its chief: they train with it, and write nothing that stays.

Every worker goes through the same plan in the same order. Of a stage that trains, the chief tells the others whether it
is made, and where it resumes from; each trains in a copy of that folder. The chief alone saves, exports and measures.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from compress.artifacts import Store
from compress.clock import Clock
from compress.errors import Failure
from compress.pipeline.context import context
from compress.pipeline.networks import Networks
from compress.pipeline.plan import Plan, Step
from compress.stages.save_and_evaluate import TookPart
from compress.training import Progress, Strategy

PATIENCE_S = 60.0
"""How long a shared file system may take to show what the chief wrote."""


class Call:
    """The chief's word to the others about one step, given once: to train in it, or not."""

    def __init__(self, strategy: Strategy, step: Step) -> None:
        self._strategy, self._due = strategy, step.stage.trains

    def to_train(self, scratch: Path) -> None:
        """They are to take part; returns when they have copied the folder that the training resumes from."""
        if self._due:
            self._strategy.from_chief(lambda: str(scratch.resolve()))
            self._strategy.from_chief(lambda: None)
        self._due = False

    def to_nothing(self) -> None:
        """The step is made; does nothing after ``to_train``."""
        if self._due:
            self._strategy.from_chief(lambda: None)
        self._due = False


def meet(plan: Plan, store: Store, strategy: Strategy) -> None:
    """Raises UserError, on every worker, unless all have the same plan and share the store's folder."""
    if strategy.workers == 1:
        return
    marker = store.root / f".{uuid4().hex}.meeting"

    def marked() -> list[object]:
        store.root.mkdir(parents=True, exist_ok=True)
        marker.touch()
        return [marker.name, list(plan.keys)]

    name, keys = strategy.from_chief(marked)
    problem = ""
    if list(plan.keys) != keys:
        problem = "the pipeline, the data, jetslim or TensorFlow differ from those of the chief (worker 0)"
    elif not strategy.is_chief and not _seen(lambda: (store.root / name).exists()):
        problem = f"{store.root} is not the chief's store (worker 0): all workers must share one store"
    try:
        strategy.agree(problem)
    finally:
        marker.unlink(missing_ok=True)


def take_part(plan: Plan, store: Store, progress: Progress, clock: Clock, strategy: Strategy) -> None:
    """Trains with the chief in every stage that it makes, and returns when the chief has done all the rest.

    Raises what a stage raises on the chief, too, and Failure if the chief or another worker is lost.
    """
    networks = Networks(plan, store, clock, progress, strategy)
    meet(plan, store, strategy)
    strategy.from_chief(_nothing)  # it has looked ahead
    made: set[str] = set()
    for number, step in enumerate(plan.steps, start=1):
        if not step.stage.trains or step.key in made:  # the chief makes what has a key once
            continue
        made.add(step.key)
        scratch = strategy.from_chief(_nothing)
        if scratch is None:
            continue
        progress.begin(number, len(plan.steps), step.stage.name, step.stage.kind)
        with tempfile.TemporaryDirectory(prefix="jetslim-") as folder:
            own = Path(folder) / "scratch"
            if not _seen(Path(scratch).is_dir):
                raise Failure(
                    f"{scratch} did not appear within {PATIENCE_S:g} s: the store must be on a file system that all "
                    "workers share"
                )
            shutil.copytree(scratch, own)
            strategy.from_chief(_nothing)
            try:
                step.stage.make(
                    context(step, plan, networks, progress, clock, strategy=strategy), Path(folder) / "out", own
                )
            except TookPart:
                progress.end("trained with the others; the chief saves, exports and measures it")
    strategy.from_chief(_nothing)


def _seen(there: Callable[[], bool]) -> bool:
    """Whether something is there, or is so within PATIENCE_S."""
    end = time.monotonic() + PATIENCE_S
    while not there():
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def _nothing() -> None:
    """What a worker has to say that is not the chief."""
