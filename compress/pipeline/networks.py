"""The Keras networks that a run works with."""

from pathlib import Path
from typing import Any

import numpy as np

from compress import artifacts, config, models
from compress.artifacts import Artifact, Store, content_key, modules_of, source_hash
from compress.artifacts.outputs_file import read_outputs
from compress.artifacts.saved_model import serving_function
from compress.clock import Clock
from compress.errors import UserError
from compress.evaluate import KerasPredictor, expected_pixels, guessed, outputs
from compress.models import front, saved_model
from compress.pipeline import host_latency, machine
from compress.pipeline.network_costs import NetworkCost, counted
from compress.pipeline.plan import Plan, content, readers
from compress.pixels import Pixels
from compress.progress import Progress
from compress.results import NetworkFacts
from compress.stages.save_and_evaluate import TEST_OUTPUTS, VALIDATION_OUTPUTS
from compress.tasks import TASKS, Arrays
from compress.tasks.named import names, shapes
from compress.training import ONE_DEVICE, Strategy


class Networks:
    """Keras networks by stage name, each loaded once and cached.

    ``checkout`` removes a network from the cache, because the caller will train it in place; ``borrow`` leaves it.
    """

    def __init__(
        self, plan: Plan, store: Store, clock: Clock, progress: Progress, strategy: Strategy = ONE_DEVICE
    ) -> None:
        self._steps = {step.stage.name: step for step in plan.steps}
        self._plan, self._store, self._clock, self._progress = plan, store, clock, progress
        self._strategy = strategy
        self._loaded: dict[str, Any] = {}
        self._pixels: dict[str, Pixels] = {}
        self._said: set[str] = set()
        self.timings = host_latency.timings(store)

    def keep(self, key: str, network: Any) -> None:
        """Remembers a network that was just read back from its SavedModel."""
        self._loaded[key] = network

    def checkout(self, name: str) -> Any:
        """The network of an earlier stage, or of a path of the user's own."""
        if name in self._loaded:
            return self._loaded.pop(name)
        if name not in self._steps:
            return self._of_the_user(name)
        key = self._steps[name].key
        if key in self._loaded:
            return self._loaded.pop(key)
        with self._clock("load"):
            return artifacts.load(self._artifact(name).saved_model)

    def _of_the_user(self, path: str) -> Any:
        """The network in a file, for images in [0, 1]; what it expects is decided, and said, once."""
        data, task = self._plan.dataset, self._plan.task
        with self._clock("load"):
            network = saved_model.load(path, None, data.shape, len(task.OUTPUTS), self._once, task.own_end)
            task.check_outputs(shapes(task, network), path, len(data.label_names))
        known = self._plan.pipeline.task or TASKS[task.name]()
        for line in guessed(Path(path), known, task, data.name):
            self._once(line)
        if not expected_pixels.are_asked_for(network, data.validation):
            return network
        if path not in self._pixels:
            with self._clock("evaluate"):
                given, say = self._plan.pipeline.pixels, self._progress.say
                self._pixels[path] = expected_pixels.decide(network, path, task, given, data.validation, say)
        return front.fed(network, self._pixels[path])

    def _once(self, line: str) -> None:
        """Says what a file's reading tells, which may be read again."""
        if line not in self._said:
            self._said.add(line)
            self._progress.say(line)

    def borrow(self, name: str) -> Any:
        """As ``checkout``, for a caller that only runs the network: it stays in the cache."""
        network = self.checkout(name)
        self._loaded[self._steps[name].key if name in self._steps else name] = network
        return network

    def cost(self, name: str) -> NetworkCost:
        """What a network by name, or in a file of the user's, costs; it is built for that."""
        if name not in models.MODELS:
            return counted(self.borrow(name))
        head = self._plan.task.head(self._plan.dataset)
        return counted(models.build(name, self._plan.dataset.shape, head))

    def outputs(self, name: str) -> Arrays:
        """The raw outputs on the test split that an earlier stage kept."""
        return read_outputs(self._artifact(name).path / TEST_OUTPUTS)

    def validation_outputs(self, name: str) -> Arrays:
        """The same on the validation split."""
        return read_outputs(self._artifact(name).path / VALIDATION_OUTPUTS)

    def training_outputs(self, name: str) -> Arrays:
        """The raw outputs of an earlier stage, or of a path of the user's own, on the training split; computed once."""
        data, task = self._plan.dataset, self._plan.task
        provenance = {
            # a stage's content, not its key: made again on another machine, its last digits may be others
            "network": content(self._artifact(name).saved_model if name in self._steps else Path(name)),
            "data": data.fingerprint,
            "pixels": None if (pixels := self._plan.pipeline.pixels) is None else pixels.name,
            "task": config.as_dict(task),
            "source": source_hash(__name__, *modules_of(task), *readers(self._plan.pipeline, data)),
            "versions": machine.versions(),
        }

        def compute() -> dict[str, np.ndarray]:
            self._progress.doing(f"computing what {name} says of the {len(data.train)} training images", logged=True)
            serve = serving_function(self.borrow(name), names(task))
            return outputs(KerasPredictor(serve), data.train)

        def waiting() -> None:
            self._progress.doing(
                f"another run is computing what {name} says of the training images: waiting for it", logged=True
            )

        key, told = content_key(provenance), []
        self._strategy.from_chief(lambda: told.append(self._store.outputs.get(key, compute, waiting)))
        return told[0] if told else self._store.outputs.read_or(key, compute)

    def facts(self, name: str) -> NetworkFacts:
        """What an earlier stage wrote down of itself."""
        return self._artifact(name).facts_as(NetworkFacts)

    def _artifact(self, name: str) -> Artifact:
        artifact = self._store.find(self._steps[name].key)
        if artifact is None:  # it was made before, as every input is
            raise UserError(f"stage {name!r} was deleted from the store during the run: run the same command again")
        return artifact
