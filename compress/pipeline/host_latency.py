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
    path = measurements(store, export.key)
    with alone():
        if path.is_file():
            return validated(Latency, json.loads(path.read_text()), str(path))
        before = machine.clock_mhz()
        measured = {"machine": machine.describe(), **time_inferences(export.path / "model.tflite")}
        measured["clocks_mhz"] = [clock for clock in (before, machine.clock_mhz()) if clock is not None]
        write_json(path, measured)
    return Latency(**measured)


def timings(store: Store) -> Timings:
    """The times of operators that this machine measured."""
    return Timings(measurements(store, "operators"), machine.describe())


def measurements(store: Store, name: str) -> Path:
    """A file of this machine's and this LiteRT's measurements."""
    litert = version("ai-edge-litert")
    return store.root / "measurements" / machine.identity() / f"{name}-litert-{litert}.json"
