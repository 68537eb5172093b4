"""Latency on this machine: measured alone, afterwards, and kept by machine, as no part of an artifact."""

import json
import tempfile
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from compress.artifacts import Artifact, Store
from compress.artifacts.files import write_json
from compress.evaluate.latency import latency as time_inferences
from compress.pipeline import machine
from compress.results import Latency, validated


def latency(store: Store, export: Artifact) -> Latency:
    """Milliseconds of ``model.tflite``, batch 1, one thread; from the store if this machine measured it before."""
    name = f"{export.key}-litert-{version('ai-edge-litert')}.json"
    path = store.root / "measurements" / machine.identity() / name
    with FileLock(Path(tempfile.gettempdir()) / "jetslim-latency.lock", mode=0o666):
        if path.is_file():
            return validated(Latency, json.loads(path.read_text()), str(path))
        measured = {"machine": machine.describe(), **time_inferences(export.path / "model.tflite")}
        write_json(path, measured)
    return Latency(**measured)
