"""What is copied to a board: the .tflite files of a finished pipeline, test images, and a manifest of it all."""

import io
import json
import math
import shutil
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from compress import config
from compress.artifacts import Artifact, Store
from compress.artifacts.files import fingerprint, write_json
from compress.errors import Failure, UserError
from compress.evaluate import TFLitePredictor, file_outputs
from compress.evaluate.predictors import to_float
from compress.metrics.boxes import DETECTIONS
from compress.pipeline import run_folder, runner
from compress.pipeline.load_pipeline import Pipeline
from compress.pipeline.plan import Plan, Step
from compress.results import FileFacts
from compress.stages.narrow import Narrow
from compress.stages.onnx_file import ONNX, check_layers, check_packages
from compress.targets import Targets

SCHEMA = "jetslim-bundle/3"
FLOAT_ONNX = "float.onnx"
BUNDLED_CARD = "MODEL_CARD.md"  # README.md is the runner's
MOST_IMAGES = 1000
EXPECTED_IMAGES, EXPECTED_NUMBERS = 16, 100_000  # whose outputs the manifest holds, one image at least
HELD_NUMBERS = 50_000_000  # of raw outputs of all test images, that a board holds in memory at once
EXAMPLES = 8  # that the ranges of the int8 file for timing come from
MOST_STEPS = 1.01  # of a value on a grid; a hundredth for the rounding of floats


def bundle(plan: Plan, store: Store, folder: Path) -> dict[str, Any]:
    """Makes ``folder`` anew, in one step, and returns its manifest.

    The model card that a run left beside ``folder`` goes along, if it is of the same file.

    Raises UserError if the pipeline does not end in an export, or has not been run.
    """
    chosen = _chosen(plan, store)
    operators = _operators(plan, store)
    card = run_folder.card_of(folder.parent, len(plan.steps), plan.steps[-1].stage.name, chosen["model.tflite"][1].path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        work.chmod(0o755)
        manifest = _fill(work, plan, store, chosen, operators, card)
        old = folder.with_name(f"{work.name}.old")
        if folder.exists():
            if (folder / "results").is_dir():  # measured on this machine: not ours to delete
                shutil.copytree(folder / "results", work / "results")
            folder.replace(old)
        work.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return manifest


def _chosen(plan: Plan, store: Store) -> dict[str, tuple[str, Artifact]]:
    """File name -> (role, exported artifact): the last export, with and without what it does behind the outputs, and
    the first stage's network if it is another."""
    last = plan.steps[-1]
    if not last.stage.is_final:
        raise UserError(
            f"the pipeline {plan.pipeline.name} does not end with an export stage, so there is nothing to bundle"
        )
    steps = {"model.tflite": ("exported", last)}
    first = plan.exports[plan.steps[0].stage.name]
    if first.key != last.key:
        steps["teacher.tflite"] = (plan.steps[0].stage.name, first)
    chosen = {name: (role, _made(step, store, plan.pipeline)) for name, (role, step) in steps.items()}
    if (chosen["model.tflite"][1].path / DETECTIONS).is_file():
        chosen[DETECTIONS] = chosen["model.tflite"]
    return chosen


def _made(step: Step, store: Store, pipeline: Pipeline) -> Artifact:
    artifact = store.find(step.key)
    if artifact is None:
        raise UserError(
            f"{pipeline.name} was not run to its end with these settings (store {store.root}): first run "
            f"`jetslim run {pipeline.name}`"
        )
    return artifact


def _operators(plan: Plan, store: Store) -> bytes | None:
    """The single operators of the networks that narrow stages read; without any, of what one could read, the network
    before the first prune or quantize stage. None where there is none of these either, or a layer is refused.
    """
    from compress import artifacts
    from compress.narrow.int8_file import file_and_operators
    from compress.narrow.operator_list import archive
    from compress.narrow.operators import Operator
    from compress.narrow.trace import trace
    from compress.rewrite import as_plain_layers

    read = [(step.stage, step.input) for step in plan.steps if step.stage.rewrites and step.input is not None]
    chosen = [(stage, source) for stage, source in read if isinstance(stage, Narrow)] or read[:1]
    examples = to_float(plan.dataset.train.read(np.arange(min(EXAMPLES, len(plan.dataset.train)))))
    operators: list[Operator] = []
    for stage, source in chosen:
        saved_model = _made(source, store, plan.pipeline).saved_model
        keep = stage.keep if isinstance(stage, Narrow) else ()
        try:
            network = as_plain_layers(artifacts.load(saved_model))
            operators += file_and_operators(
                network, trace(network, keep), [examples], plan.task.OUTPUTS, bool(plan.task.SUMS)
            )[1]
        except (UserError, Failure):  # a layer that is refused: nothing of the kind runs on a board either
            continue
    return archive(operators) if operators else None


def _fill(
    folder: Path,
    plan: Plan,
    store: Store,
    chosen: dict[str, tuple[str, Artifact]],
    operators: bytes | None,
    card: Path | None,
) -> dict[str, Any]:
    runner.pack(folder)
    test = plan.dataset.test
    numbers = max(1, sum(_numbers_of(plan, artifact) for _, artifact in chosen.values()) // len(chosen))
    index = stratified(test.targets, max(1, min(MOST_IMAGES, HELD_NUMBERS // numbers)), plan.pipeline.seed)
    shown = max(1, min(EXPECTED_IMAGES, EXPECTED_NUMBERS // numbers))
    images = test.read(index)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=images, **test.targets.take(index).arrays())
    (folder / "testset.npz").write_bytes(buffer.getvalue())
    models = []
    for name, (role, artifact) in chosen.items():
        shutil.copy(artifact.path / (name if name == DETECTIONS else "model.tflite"), folder / name)
        predictor = TFLitePredictor(folder / name, expected=file_outputs(plan.task))
        facts = artifact.facts_as(FileFacts)
        models.append(
            {
                "file": name,
                "role": role,
                "precision": facts.precision,
                "score": facts.score,
                "expected": {name: values.round(6).tolist() for name, values in predictor(images[:shown]).items()},
                "input_type": facts.input_type,
                "output_type": facts.output_type,
                "tolerance": {
                    output.name: MOST_STEPS * output.step or plan.task.tolerance(facts.precision)
                    for output in predictor.outputs
                    if name != DETECTIONS  # boxes that may come in another order are compared by the task alone
                },
            }
        )
    if card is not None:
        shutil.copy(card, folder / BUNDLED_CARD)
    if operators is not None:
        (folder / "operators.zip").write_bytes(operators)
    exported = chosen["model.tflite"][1]
    shutil.copy(exported.path / "labels.txt", folder / "labels.txt")
    shutil.copy(exported.path / "model.json", folder / "model.json")
    onnx = _onnx_files(folder, plan, store, exported, images[:shown]) if (exported.path / ONNX).is_file() else {}
    manifest = {
        "schema": SCHEMA,
        "pipeline": plan.pipeline.name,
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "runtime": {"name": "ai-edge-litert", "version": version("ai-edge-litert")},
        "task": config.as_dict(plan.task),
        "metrics": [metric.as_json() for metric in plan.task.METRICS],
        "labels": list(plan.dataset.label_names),
        "preprocessing": json.loads((folder / "model.json").read_text())["preprocessing"],
        "models": models,
        **({"onnx": onnx} if onnx else {}),
        "testset": {"file": "testset.npz", "images": len(index), "of": len(test), "data": plan.dataset.name},
        "files": {path.name: fingerprint(path) for path in sorted(folder.iterdir()) if path.is_file()},
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def _onnx_files(folder: Path, plan: Plan, store: Store, exported: Artifact, images: np.ndarray) -> dict[str, Any]:
    """Copies model.onnx and, beside one in int8, writes the network before its quantization, of which TensorRT makes
    float16; name -> precisions of the engines, what the file says of the first images, and how these are fed."""
    from compress import artifacts
    from compress.export import onnx
    from compress.quantize.fold import fold

    check_packages()
    shutil.copy(exported.path / ONNX, folder / ONNX)
    precisions = {ONNX: ["fp16", "float32"]}
    source = plan.steps[-1].input
    if source is not None and source.stage.quantizes and isinstance(source.input, Step):
        network = fold(artifacts.load(_made(source.input, store, plan.pipeline).saved_model))
        check_layers(network, plan.task.OUTPUTS)
        (folder / FLOAT_ONNX).write_bytes(onnx.written(network, plan.task.OUTPUTS).SerializeToString())
        precisions = {ONNX: ["int8"], FLOAT_ONNX: ["fp16", "float32"]}
    return {
        name: {
            "precisions": chosen,
            "divide_by": 255 if plan.dataset.dtype == np.uint8 else 1,
            "expected": {
                output: values.round(6).tolist() for output, values in onnx.OnnxPredictor(folder / name)(images).items()
            },
        }
        for name, chosen in precisions.items()
    }


def _numbers_of(plan: Plan, artifact: Artifact) -> int:
    """How many numbers the file's outputs have for an example."""
    predictor = TFLitePredictor(artifact.path / "model.tflite", expected=file_outputs(plan.task))
    return sum(math.prod(output.shape) for output in predictor.outputs)


def stratified(targets: Targets, most: int, seed: int) -> np.ndarray:
    """At most so many indices, each stratum with its share (to one image), in a seeded order.

    The largest remainders get the images that rounding down leaves over.
    """
    rng = np.random.default_rng(seed)
    labels = targets.strata()
    if labels is None:  # as they come: where two boxes are equally likely, the first image's ranks first
        return np.sort(rng.permutation(len(targets))[:most])
    if len(targets) <= most:
        return rng.permutation(len(targets))[:most]
    classes, counts = np.unique(labels, return_counts=True)
    shares = counts * most / len(labels)
    taken = np.floor(shares).astype(int)
    taken[np.argsort(taken - shares, kind="stable")[: most - taken.sum()]] += 1
    parts = [
        rng.permutation(np.flatnonzero(labels == label))[:count] for label, count in zip(classes, taken, strict=True)
    ]
    return rng.permutation(np.concatenate(parts))
