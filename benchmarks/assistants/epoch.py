"""What four cached teachers add to an epoch of the student: ``python -m benchmarks.assistants.epoch``.

The student of pipelines/assistants-dgkd.toml, 5,000 images of noise (time does not depend on what they show), taught by
labels and by four teachers' logits in turns, ten rounds; of each fit the fastest epoch counts.
"""

import tempfile
from csv import DictReader
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.assistants.__main__ import RESULTS
from benchmarks.record import keep
from benchmarks.studies import CachedEpochs, schema_of
from compress import models
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit
from compress.pipeline import read_pipeline
from compress.stages.distill import Distill
from compress.tasks import Classification
from compress.tasks.objective import on_targets
from compress.training import Data, Progress, fit
from compress.training.settings import Objective

IMAGES, CLASSES, ROUNDS, TEACHERS = 5_000, 10, 10, 4


class Quiet(Progress):
    """Says nothing."""

    def say(self, text: str) -> None:
        pass


def seconds(objective: Objective, data: Data, stage: Distill, model: str = "plain2") -> float:
    """Of the fastest of three epochs; the one before them traces."""
    with tempfile.TemporaryDirectory() as folder:
        network = models.build(model, 32, CLASSES, seed=0)
        fit(network, objective, data, replace(stage, epochs=4), Path(folder) / "backup", Quiet(), dict)
        with (Path(folder) / "history.csv").open(newline="") as file:
            return min(float(row["seconds"]) for row in list(DictReader(file))[1:])


def main() -> None:
    stage = next(candidate for candidate in read_pipeline("assistants-dgkd").stages if candidate.name == "student")
    assert isinstance(stage, Distill)
    assert len(stage.teachers) == TEACHERS
    task, rng = Classification(), np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, 32, 32, 3), dtype="uint8")
    plain = Data(ArraySplit(images, np.arange(IMAGES) % CLASSES, 32), Augmentation(), 0)
    logits = rng.normal(size=(IMAGES, TEACHERS, CLASSES)).astype("float32")
    taught = replace(
        plain, per_image_inputs={"teacher_logits": logits}, per_batch_inputs=stage.method.per_batch_inputs(TEACHERS)
    )
    by_teachers = stage.method.phases((), None, stage.epochs, task, stage.loss(task))[0].objective
    both = {"none": (partial(on_targets, task, task.loss, None), plain), "cached": (by_teachers, taught)}
    rounds = []
    for number in range(ROUNDS):
        order = list(both)[:: 1 if number % 2 else -1]
        rounds.append({name: seconds(*both[name], stage) for name in order})
        print(rounds[-1], flush=True)
    keep(
        RESULTS / "epoch.json",
        {"schema": schema_of(CachedEpochs), "images": IMAGES, "teachers": TEACHERS, "rounds": rounds},
    )


if __name__ == "__main__":
    main()
