"""What learning from a teacher adds to an epoch: its outputs kept, and computed on every batch of augmented images.

The student and the teacher of recipe.toml on images of noise (time does not depend on what they show), in turns; of
each fit the fastest epoch counts.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.assistants.epoch import seconds
from benchmarks.paper2022.profile import file_of
from benchmarks.record import keep
from benchmarks.studies import TaughtEpochs, schema_of
from compress import models
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit
from compress.pipeline import Pipeline, read_pipeline
from compress.stages.distill import Distill
from compress.tasks import Classification
from compress.tasks.objective import on_targets
from compress.training import Data
from compress.training.settings import Objective

IMAGES, SIDE, CLASSES, ROUNDS = 1_024, 32, 10, 5


def keep_epochs(results: Path, kept: Mapping[str, Any]) -> None:
    """Measures it, if it is not among the results that are ``kept``."""
    path = results / "epochs.json"
    if path.stem in kept and is_of_today(kept[path.stem]):
        print(f"{path.name} is there", flush=True)
        return
    pipeline, name, stage = taught()
    assert stage.model is not None
    teacher = models.build(name, SIDE, CLASSES, seed=0)
    teacher.trainable = False
    task, rng = Classification(), np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, SIDE, SIDE, 3), dtype="uint8")
    split = ArraySplit(images, np.arange(IMAGES) % CLASSES, SIDE)
    logits = rng.normal(size=(IMAGES, 1, CLASSES)).astype("float32")
    plain, augmented = Data(split, Augmentation(), 0), Data(split, pipeline.data.augmentation, 0)
    cached = Data(split, Augmentation(), 0, {"teacher_logits": logits})
    alone = partial(on_targets, task, task.loss, None)

    def by(teachers: list[Any]) -> Objective:
        return stage.method.phases(teachers, None, stage.epochs, task, stage.loss(task))[0].objective

    arms: dict[str, tuple[Objective, Data]] = {
        "plain": (alone, plain),
        "cached": (by([]), cached),
        "plain_augmented": (alone, augmented),
        "augmented": (by([teacher]), augmented),
    }
    rounds: list[dict[str, float]] = []
    for number in range(ROUNDS):
        order = list(arms)[:: 1 if number % 2 else -1]
        rounds.append({arm: seconds(*arms[arm], stage, stage.model) for arm in order})
        print(rounds[-1], flush=True)
    about = {"teacher": name, "student": stage.model, "images": IMAGES, "batch_size": stage.batch_size}
    keep(path, {"schema": schema_of(TaughtEpochs), **about, "rounds": rounds})


def taught() -> tuple[Pipeline, str, Distill]:
    """The recipe, the name of its teacher's network, and the stage that learns from it."""
    pipeline = read_pipeline(str(file_of("recipe")))
    stage = next(candidate for candidate in pipeline.stages if isinstance(candidate, Distill))
    (name,) = (candidate.network_name for candidate in pipeline.stages if candidate.name == stage.teachers[0])
    assert name is not None
    return pipeline, name, stage


def is_of_today(result: TaughtEpochs) -> bool:
    """Whether the recipe still has these networks and batches; older results do not say the size of a batch."""
    _, teacher, stage = taught()
    now = (teacher, stage.model, IMAGES)
    return (result.teacher, result.student, result.images) == now and result.batch_size in (None, stage.batch_size)
