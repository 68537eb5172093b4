"""Latency on this machine: measured alone, afterwards, and kept by machine, as no part of an artifact."""

import json
from importlib.metadata import version
from pathlib import Path

from compress.artifacts import Artifact, Store
from compress.artifacts.files import write_json
from compress.evaluate.latency import latency as time_inferences
from compress.evaluate.timings import Timings, alone
from compress.pipeline import machine
from compress.results import Latency, validated


def latency(store: Store, export: Artifact) -> Latency:
    """Milliseconds of ``model.tflite``, batch 1, one thread; from the store if this machine measured it before."""
    path = _measurements(store, export.key)
    with alone():
        if path.is_file():
            return validated(Latency, json.loads(path.read_text()), str(path))
        measured = {"machine": machine.describe(), **time_inferences(export.path / "model.tflite")}
        write_json(path, measured)
    return Latency(**measured)


def timings(store: Store) -> Timings:
    """The times of operators that this machine measured."""
    return Timings(_measurements(store, "operators"), machine.describe())


def _measurements(store: Store, name: str) -> Path:
    """A file of this machine's and this LiteRT's measurements."""
    litert = version("ai-edge-litert")
    return store.root / "measurements" / machine.identity() / f"{name}-litert-{litert}.json"
