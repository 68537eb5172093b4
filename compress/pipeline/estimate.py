"""What a run will take, before it runs: seconds and bytes, from facts about its networks, data and this machine.

Loads no TensorFlow: the cost of networks by name comes from a table, and the machine's speed from a moment of numpy and
Python. A stage that the store has in another form, with other epochs or another sparsity, tells more than any formula.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from compress.artifacts import Artifact, Store
from compress.pipeline.network_costs import NetworkCost, table
from compress.pipeline.plan import Plan, Step
from compress.results import MadeFacts
from compress.training import Training

# Seconds on the reference machine (AMD EPYC, 2 cores), fitted to what benchmarks/results say of 22 networks in
# narrow/, counting/ and host/ (docs/decisions/0038).
STEP_PER_LAYER, STEP_PER_PARAMETER = 0.26e-3, 6e-9  # of training
STEP_PER_MAC, STEP_PER_VALUE = 7.6e-12, 0.2e-9  # the same, for each image of a batch
TRACE_PER_LAYER = 12e-3
MAKE_PER_LAYER, MAKE_PER_PARAMETER = 16e-3, 0.15e-6  # build, save, load and evaluate a network
EXPORT_PER_LAYER, EXPORT_PER_PARAMETER = 5e-3, 0.08e-6
TIMING, TIMING_PER_LAYER = 8.0, 0.05  # operators of a network that is narrowed by latency
RUN = 10.0  # TensorFlow is loaded, latency measured, the report written
FORWARD = 1 / 3  # of a step of training: what a teacher costs whose layers are compared
LOOP, PRODUCT, REFERENCE_CORES = 108e6, 52e9, 2  # turns of an empty loop and multiply-adds of a product, a second
MOST_CORES = 8  # that a step of training makes good use of
TURNS, SIDE = 100_000, 384  # of one measurement

BYTES_PER_LAYER = 14e3  # of a SavedModel's graph
FACTOR, FACTOR_BY_HISTORY = 2.5, 1.5  # by which the estimate may be off, either way


@dataclass(frozen=True)
class Estimate:
    """``seconds`` may be off by ``factor`` either way; ``store_bytes`` are those that stay in the store."""

    stages: int
    """That are to be made."""
    seconds: float
    factor: float
    store_bytes: float
    known: int
    """Stages, exports apart, of which the store has one that is like them."""
    guessed: int
    """The others."""


@dataclass(frozen=True)
class Speed:
    """How many times longer than the reference machine this one takes: in Python, and for products of matrices.

    ``busy``: how many times longer than it would by itself, because of what else runs here.
    """

    loop: float = 1.0
    product: float = 1.0
    busy: float = 1.0


def speed(seconds: float = 0.4) -> Speed:
    """This machine's at this moment, measured for so many seconds."""
    matrix = np.ones((SIDE, SIDE), np.float32)
    taken: dict[str, list[float]] = {"loop": [], "product": []}
    with threadpool_limits(1):
        matrix @ matrix  # the first one loads what computes it
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            for _ in range(TURNS):
                pass
            middle = time.perf_counter()
            matrix @ matrix
            taken["loop"].append(middle - start)
            taken["product"].append(time.perf_counter() - middle)
    loop, product = (float(np.mean(times)) for times in taken.values())
    cores = REFERENCE_CORES / min(MOST_CORES, len(os.sched_getaffinity(0)))
    busy = (loop + product) / sum(float(np.median(times)) for times in taken.values())
    return Speed(loop / (TURNS / LOOP), product / (SIDE**3 / PRODUCT) * cores, busy)


def estimate(plan: Plan, store: Store, cost_of: Callable[[str], NetworkCost], now: Speed) -> Estimate:
    """What is left of a plan; ``cost_of`` gives the cost of a network, by name or path, that no table has."""
    earlier = _Earlier(store)
    seconds = size = 0.0
    missing = [step for step in plan.steps if store.find(step.key) is None]
    known = 0
    networks = [step for step in missing if not step.stage.is_final]
    for step in networks:
        network = _network(step, plan.dataset.shape, cost_of)
        taken = earlier.seconds(step)
        known += taken is not None
        seconds += _seconds(step, network, plan, cost_of, now) if taken is None else taken
        size += _bytes(step, network)
    exports = {export.key: (name, export) for name, export in plan.exports.items()}
    for name, export in exports.values():
        if store.find(export.key) is None:
            step = next(step for step in plan.steps if step.stage.name == name)
            network = _network(step, plan.dataset.shape, cost_of)
            seconds += now.loop * (EXPORT_PER_LAYER * network.layers + EXPORT_PER_PARAMETER * network.parameters)
            size += 2 * network.parameters * (1 if export.inputs and _is_int8(export) else 4)
    seconds += now.loop * RUN
    guessed = len(networks) - known
    return Estimate(len(missing), seconds, FACTOR if guessed else FACTOR_BY_HISTORY, size, known, guessed)


def of_table(name: str) -> NetworkCost | None:
    """The cost of a network of the registry, where the table has it."""
    return table().get(name)


def _seconds(step: Step, network: NetworkCost, plan: Plan, cost_of: Callable[[str], NetworkCost], now: Speed) -> float:
    """Of making a network, without its export."""
    stage, images = step.stage, len(plan.dataset.train)
    seconds = now.loop * (MAKE_PER_LAYER * network.layers + MAKE_PER_PARAMETER * network.parameters)
    if getattr(stage, "by_latency", False):
        seconds += now.loop * (TIMING + TIMING_PER_LAYER * network.layers)
    if not (isinstance(stage, Training) and stage.trains):
        return seconds
    per_step = _step_seconds(network, stage.batch_size, now)
    crops = plan.dataset.crops is not None and stage.use_crops
    always = stage.compares_layers or crops or plan.pipeline.data.augmentation.changes_images
    for teacher in step.teachers:
        once = FORWARD * _step_seconds(_teacher(teacher, plan.dataset.shape, cost_of), stage.batch_size, now)
        seconds += 0.0 if always else once * stage.steps(images, 1)
        per_step += once if always else 0.0
    return seconds + now.loop * TRACE_PER_LAYER * network.layers + per_step * stage.steps(images)


def _step_seconds(network: NetworkCost, batch: int, now: Speed) -> float:
    """Of one step of training."""
    images = batch * (STEP_PER_MAC * network.macs + STEP_PER_VALUE * network.values)
    computed = images + STEP_PER_PARAMETER * network.parameters
    return now.loop * STEP_PER_LAYER * network.layers + now.product * computed


def _bytes(step: Step, network: NetworkCost) -> float:
    return 4 * network.parameters + BYTES_PER_LAYER * network.layers


def _is_int8(export: Step) -> bool:
    source = next(export.inputs)
    return source.stage.precision == "int8"


def _network(step: Step, shape: tuple[int, ...], cost_of: Callable[[str], NetworkCost]) -> NetworkCost:
    """The cost of the network that a step trains or writes: of its first stage, less what is narrowed on the way."""
    share = 1.0
    for each in (step, *step.inputs):
        stage: Any = each.stage
        if stage.removes_channels:
            share *= getattr(stage, stage.target) if stage.target != "latency_ms" else 0.5
        name = stage.network_name or getattr(stage, "saved_model", None)
        if name is not None:
            whole = _cost(name, shape, cost_of)
            return NetworkCost(whole.layers, *(round(share * n) for n in (whole.parameters, whole.macs, whole.values)))
    raise AssertionError(f"{step.stage.name} has no network")  # the plan was checked


def _teacher(teacher: Any, shape: tuple[int, ...], cost_of: Callable[[str], NetworkCost]) -> NetworkCost:
    return _network(teacher, shape, cost_of) if isinstance(teacher, Step) else _cost(str(teacher), shape, cost_of)


def _cost(name: str, shape: tuple[int, ...], cost_of: Callable[[str], NetworkCost]) -> NetworkCost:
    listed = of_table(name)
    return cost_of(name) if listed is None else listed.at(shape)


class _Earlier:
    """The stages that are in the store, by what makes two of them take about as long."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._made: dict[tuple[Any, ...], Artifact] = {}
        for artifact in store:
            provenance = artifact.facts["provenance"]
            self._made[_like(provenance, self._network(provenance))] = artifact

    def seconds(self, step: Step) -> float | None:
        """What the step will take if a stage like it took as long for each epoch; None where there is no such stage."""
        stages: list[Any] = [each.stage for each in (step, *step.inputs)]
        names = (stage.network_name or getattr(stage, "saved_model", None) for stage in stages)
        artifact = self._made.get(_like(step.provenance, next(filter(None, names), None)))
        if artifact is None:
            return None
        seconds = artifact.facts_as(MadeFacts).seconds
        training = seconds.get("training", 0.0)
        epochs = artifact.facts["provenance"]["config"].get("epochs") or 1
        return sum(seconds.values()) - training + training * (getattr(step.stage, "epochs", 0) or 1) / epochs

    def _network(self, provenance: dict[str, Any]) -> Any:
        """The network, by name or path, of the first stage of the chain; None where that was deleted."""
        settings = provenance["config"]
        name = settings.get("model") or settings.get("saved_model")
        if name or provenance["input"] is None or (before := self._store.find(provenance["input"])) is None:
            return name
        return self._network(before.facts["provenance"])


def _like(provenance: dict[str, Any], network: Any) -> tuple[Any, ...]:
    """The kind, the network, the batch and the data: what the seconds of an epoch hang on."""
    settings, data = provenance["config"], provenance["data"]["fingerprint"]
    method = (settings.get("method") or {}).get("name")
    return settings["kind"], network, settings.get("batch_size"), method, settings.get("mode"), data
