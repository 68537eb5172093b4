"""What the operators of each stage's file are, and their times on this machine; beside run.json as layers.json."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from compress.artifacts import Artifact, Store
from compress.artifacts.files import write_json
from compress.compare import compare, look_into
from compress.compare.file_operators import file_operators
from compress.errors import UserError
from compress.evaluate import TFLitePredictor
from compress.evaluate.profile import profile
from compress.evaluate.timings import alone
from compress.pipeline import host_latency
from compress.pipeline.make import Made
from compress.pipeline.networks import Networks
from compress.pipeline.plan import Plan, Step
from compress.results import LAYERS, OperatorFacts, validated


def write(plan: Plan, made: Made, store: Store, networks: Networks, folder: Path) -> None:
    """Writes ``folder``/layers.json: stage -> the operators of its file, with the noise of the last one's layers."""
    exports = {name: made[step.key][0] for name, step in plan.exports.items()}
    stages = with_times(list(exports.values()), store)
    rows = {name: stages[export.key] for name, export in exports.items()}
    last = plan.steps[-1].stage.name
    rows[last] = _with_noise(rows[last], plan, exports[last], networks)
    write_json(folder / LAYERS, {name: [dataclasses.asdict(row) for row in own] for name, own in rows.items()})


def with_times(exports: Sequence[Artifact], store: Store) -> dict[str, list[OperatorFacts]]:
    """Key of an export -> the operators of its file with their times; measured once on each kind of machine."""
    paths = {export.key: host_latency.measurements(store, f"{export.key}-operators") for export in exports}
    with alone():
        known = {key: _known(path) for key, path in paths.items()}
        missing = {export.key: export.path / "model.tflite" for export in exports if known[export.key] is None}
        for (key, file), times in zip(missing.items(), profile(list(missing.values())), strict=True):
            rows = file_operators(file)
            if not isinstance(times, str):
                rows = [replace(row, us=us) for row, us in zip(rows, times, strict=True)]
            known[key] = rows
            write_json(paths[key], [dataclasses.asdict(row) for row in rows])
    return {key: rows or [] for key, rows in known.items()}


def _known(path: Path) -> list[OperatorFacts] | None:
    try:
        return [validated(OperatorFacts, row, str(path)) for row in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError, UserError):  # none yet, or damaged: it is measured again
        return None


def _with_noise(rows: list[OperatorFacts], plan: Plan, export: Artifact, networks: Networks) -> list[OperatorFacts]:
    """The rows with the noise of each layer beside the network before its quantization, where that is asked for."""
    before, count = before_quantization(plan), plan.pipeline.report.noise_images
    if before is None or not count:
        return rows
    images = plan.dataset.validation
    some = np.sort(np.random.default_rng(0).permutation(len(images))[:count])
    try:
        signal, noisy = look_into(networks.borrow(before.stage.name), TFLitePredictor(export.path / "model.tflite"))
        compared = compare(signal, noisy, [images.read(some)])
    except UserError:  # it cannot be folded, or has no layer in common
        return rows
    noise = {layer: row for row in compared.rows for layer in row.layers}
    last = {layer: number for number, row in enumerate(rows) for layer in row.layers}  # of several, it holds the value

    def noted(number: int, row: OperatorFacts) -> OperatorFacts:
        own = next((noise[name] for name in row.layers if name in noise and last[name] == number), None)
        finite = own is not None and np.isfinite(own.noise) and np.isfinite(own.own)
        return replace(row, noise=own.noise, own_noise=own.own) if own is not None and finite else row

    return [noted(number, row) for number, row in enumerate(rows)]


def before_quantization(plan: Plan) -> Step | None:
    """The step whose network was quantized for the last stage's file; None where none was."""
    last = plan.steps[-1]
    quantized = next((step for step in (last, *last.inputs) if step.stage.quantizes), None)
    return None if quantized is None else quantized.input
