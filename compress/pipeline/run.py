"""Makes what a plan lacks, in order, then measures it; what is in the store is not made again."""

import gc
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compress import artifacts, keras
from compress.artifacts import Artifact, Store
from compress.clock import Clock
from compress.models import saved_model
from compress.pipeline import machine, measure, view
from compress.pipeline.plan import Plan, Step
from compress.stages import Context
from compress.stages.finish import TEST_LOGITS
from compress.training import Progress, records


def run(
    plan: Plan,
    store: Store,
    runs: Path,
    progress: Progress,
    clock: Clock,
    callbacks: Callable[[str], tuple[Any, ...]] = lambda stage: (),
) -> dict[str, Any]:
    """Runs the plan; returns the raw results, which are also written to ``runs/<pipeline>/run.json``."""
    with clock("import"):
        _ = keras.tf, keras.tfmot.sparsity
        # graphs are millions of long-lived objects: walking them again and again took a tenth of saving and loading
        gc.freeze()
        gc.set_threshold(200_000, 50, 100)
    networks = Networks(plan, store, clock)
    networks.check_folders()
    made: dict[str, tuple[Artifact, bool]] = {}
    for number, step in enumerate(plan.steps, start=1):
        progress.begin(number, len(plan.steps), step.stage.name, step.stage.kind)
        for part in _parts(plan, step):
            if part.key in made:
                progress.say("    was exported right after the stage that it reads")
            else:
                made[part.key] = _ensure(part, plan, store, networks, progress, clock, callbacks)
            view.link(runs / plan.pipeline.name, number, step.stage.name, made[step.key][0].path)
    view.drop_after(runs / plan.pipeline.name, len(plan.steps))
    with clock("latency"):
        progress.say("measuring latency on this host")
        latencies = {
            step.stage.name: measure.latency(store, made[plan.exports[step.stage.name].key][0]) for step in plan.steps
        }
    results = {
        "schema": 1,
        "pipeline": plan.pipeline.name,
        "seed": plan.pipeline.seed,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.describe(),
        "versions": machine.versions(),
        "config_toml": plan.pipeline.text,
        "settings": list(plan.pipeline.settings),
        "data": {
            "name": plan.dataset.name,
            "classes": list(plan.dataset.classes),
            "size": plan.pipeline.data.size,
            **{split: len(getattr(plan.dataset, split)) for split in ("train", "validation", "test")},
            "fingerprint": plan.dataset.fingerprint,
            "notes": list(plan.dataset.notes),
        },
        "seconds": machine.account(clock),
        "stages": [_record(step, plan, made, latencies[step.stage.name]) for step in plan.steps],
    }
    artifacts.store.write_json(runs / plan.pipeline.name / "run.json", results)
    return results


def _parts(plan: Plan, step: Step) -> list[Step]:
    """The step itself and how it is measured, once where that is the same."""
    export = plan.exports[step.stage.name]
    return [step] if export is step else [step, export]


class Networks:
    """Keras networks by stage name, each loaded once and handed out once: whoever trains it owns it."""

    def __init__(self, plan: Plan, store: Store, clock: Clock) -> None:
        self._steps = {step.stage.name: step for step in plan.steps}
        self._plan, self._store, self._clock = plan, store, clock
        self._loaded: dict[str, Any] = {}

    def keep(self, key: str, network: Any) -> None:
        """Remembers a network that was just read back from its SavedModel."""
        self._loaded[key] = network

    def take(self, name: str) -> Any:
        """The network of an earlier stage or of a SavedModel's folder."""
        if name in self._loaded:
            return self._loaded.pop(name)
        if name not in self._steps:
            with self._clock("load"):
                return saved_model.load(name, len(self._plan.dataset.classes), self._plan.pipeline.data.size)
        key = self._steps[name].key
        if key in self._loaded:
            return self._loaded.pop(key)
        artifact = self._store.find(key)
        assert artifact is not None, f"stage {name} is made before it is read"
        with self._clock("load"):
            return artifacts.load(artifact.saved_model)

    def look(self, name: str) -> Any:
        """As ``take``, for one who only infers: the network stays for the next."""
        network = self.take(name)
        self._loaded[self._steps[name].key if name in self._steps else name] = network
        return network

    def logits(self, name: str) -> np.ndarray:
        """The logits on the test split that an earlier stage kept."""
        artifact = self._store.find(self._steps[name].key)
        assert artifact is not None, f"stage {name} is made before it is read"
        return np.load(artifact.path / TEST_LOGITS, allow_pickle=False)

    def check_folders(self) -> None:
        """Raises UserError for a network of the user's that cannot teach or be trained, before anything is written."""
        for step in self._steps.values():
            for teacher in step.teachers:
                if isinstance(teacher, Path) and self._store.find(step.key) is None:
                    self._loaded[str(teacher)] = self.take(str(teacher))
            source = getattr(step.stage, "saved_model", None)
            if source is not None and self._store.find(step.key) is None:
                with self._clock("load"):
                    saved_model.load(source, len(self._plan.dataset.classes), self._plan.pipeline.data.size)


def _ensure(
    step: Step,
    plan: Plan,
    store: Store,
    networks: Networks,
    progress: Progress,
    clock: Clock,
    callbacks: Callable[[str], tuple[Any, ...]],
) -> tuple[Artifact, bool]:
    """The step's artifact, and whether it was there already."""
    is_export = step.stage.kind == "export"
    if found := store.find(step.key):
        progress.say(f"    {'exported' if is_export else 'made'} before: {found.path}")
        return found, True

    def build(out: Path, scratch: Path) -> dict[str, Any]:
        before = dict(clock.seconds)
        earlier = sum(float(row["seconds"]) for row in records.read(scratch / "history.csv"))  # before a restart
        if is_export:
            progress.say("    exporting to .tflite and comparing it with Keras on the test split")
        context = Context(
            dataset=plan.dataset,
            augmentation=plan.pipeline.data.augmentation,
            seed=plan.pipeline.seed,
            size=plan.pipeline.data.size,
            fit=getattr(plan.pipeline.data, "fit", "stretch"),
            clock=clock,
            progress=progress,
            load=networks.look if is_export else networks.take,
            logits=networks.logits,
            finished=partial(networks.keep, step.key),
            callbacks=callbacks(step.stage.name),
        )
        facts = step.stage.make(context, out, scratch)
        seconds = clock.since(before)
        if earlier:
            seconds["training"] = round(seconds.get("training", 0.0) + earlier, 3)
        return {
            "schema": 1,
            "kind": step.stage.kind,
            "name": step.stage.name,
            "pipeline": plan.pipeline.name,
            "made_of": step.made_of,
            **facts,
            "seconds": seconds,
        }

    waiting = lambda: progress.say("    another run is making this stage in the same store: waiting for it")  # noqa: E731
    return store.make(step.key, build, waiting), False


def _record(step: Step, plan: Plan, made: dict[str, tuple[Artifact, bool]], latency: dict[str, Any]) -> dict[str, Any]:
    artifact, cached = made[step.key]
    export = made[plan.exports[step.stage.name].key][0].facts
    facts = {**export, **artifact.facts}
    # the seconds of an export stand once: with the export stage, where the pipeline has one of this network
    own_row = plan.exports[step.stage.name].key in {other.key for other in plan.steps}
    causes = [artifact.facts["seconds"]] + ([] if own_row else [export["seconds"]])
    seconds = {
        cause: round(sum(part.get(cause, 0.0) for part in causes), 3)
        for cause in sorted({c for p in causes for c in p})
    }
    kept = (
        "top1",
        "params",
        "kernel_sparsity",
        "form",
        "sparsity_steps",
        "sparsity_schedule",
        "agreement",
        "keras_top1",
    )
    measured = ("tflite_bytes", "sparse_tflite_bytes", "gzip_bytes", "operators", "float_operators", "requantizations")
    return {
        "name": step.stage.name,
        "kind": step.stage.kind,
        "key": step.key,
        "cached": cached,
        **{name: facts[name] for name in kept if name in facts},
        **{name: export[name] for name in measured},
        "latency": latency,
        "seconds": seconds,
        "history": view.history(artifact),
    }
