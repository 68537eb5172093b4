"""What an export is given, without a pipeline around it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from compress.clock import Clock
from compress.datasets.splits import ArraySplit, Dataset
from compress.results import NetworkFacts
from compress.tasks import Classification
from compress.training import Progress
from tests.said import logits_of


@pytest.fixture
def stage_context() -> Callable[..., Any]:
    """(network, images, precision) -> a context whose labels are what the network says of the images, a quarter apart."""

    def make(model: Any, pixels: np.ndarray, precision: str = "float32") -> Any:
        facts = NetworkFacts(precision, {"name": "classification"}, 0.75, 0, 0.0, calibration_images=20)
        logits = logits_of(model)(pixels)
        classes = logits.shape[1]
        labels = logits.argmax(-1)
        labels[::4] = (labels[::4] + 1) % classes
        split = ArraySplit(pixels, labels, pixels.shape[1])
        dataset = Dataset.of("noise", "abcdefghij"[:classes], split, split, split)
        return SimpleNamespace(
            dataset=dataset, clock=Clock(), progress=Progress(), load=lambda name: model,
            outputs=lambda name: {"logits": logits}, task=Classification(), facts=lambda name: facts, fit="stretch", seed=0, shape=pixels.shape[1:],
        )  # fmt: skip

    return make
