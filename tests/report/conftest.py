"""Runs to report on: two stages with round numbers, and all kinds of stages."""

import math
from typing import Any

import pytest

SCHEDULE = {"initial_sparsity": 0.0, "final_sparsity": 0.8, "begin_step": 0, "end_step": 40, "frequency": 10}


@pytest.fixture
def two_stages() -> dict[str, Any]:
    """A teacher and an export whose quotients are easy: params 4, sizes 21, 42 and 104, latencies 2.5, 2 and 3."""
    teacher = {
        "name": "teacher",
        "kind": "train",
        "key": "aa",
        "top1": 0.9916,
        "params": 18341194,
        "kernel_sparsity": 0.0,
        "tflite_bytes": 72566284,
        "sparse_tflite_bytes": 72566284,
        "gzip_bytes": 67600000,
        "latency": {"samples_ms": [25.0], "latency_ms_mean": 25.0, "latency_ms_p50": 24.0, "latency_ms_p90": 30.0},
        "seconds": {"training": 110.0, "build": 5.25, "save": 2.5},
        "cached": True,
        "form": "float32",
        "operators": {"CONV_2D": 120},
        "float_operators": ["CONV_2D"],
        "requantizations": 0,
        "history": [_row(1, 0.5, 0.93), _row(2, 0.25, 0.95)],
    }
    exported = {
        "name": "int8",
        "kind": "export",
        "key": "bb",
        "top1": 0.9861,
        "params": 4585298,
        "kernel_sparsity": 0.9008,
        "tflite_bytes": 3455537,
        "sparse_tflite_bytes": 1727769,
        "gzip_bytes": 650000,
        "latency": {"samples_ms": [10.0], "latency_ms_mean": 10.0, "latency_ms_p50": 12.0, "latency_ms_p90": 10.0},
        "seconds": {"convert": 3.4, "evaluate": 1.1},
        "cached": False,
        "form": "int8",
        "operators": {"SOFTMAX": 1, "CONV_2D": 120, "DEQUANTIZE": 1, "MEAN": 2, "TANH": 1},
        "float_operators": ["TANH", "MEAN", "MEAN"],
        "requantizations": 0,
    }
    return {
        "schema": 1,
        "pipeline": "densenet121",
        "seed": 7,
        "finished": "2026-11-21T02:03:04Z",
        "machine": {"label": "host", "cpu": "Some CPU", "cores": 2, "memory_gb": 24.0, "system": "Linux 6.1 x86_64"},
        "versions": {"python": "3.11.7", "tensorflow": "2.21.0"},
        "config": {"data": {"name": "digits"}},
        "data": {
            "name": "digits",
            "classes": ["0", "1"],
            "train": 1294,
            "validation": 144,
            "test": 359,
            "size": 32,
            "notes": ["10 % held out"],
        },
        "seconds": {"wall": 200.0, "training": 110.0, "build": 20.0, "convert": 50.0},
        "stages": [teacher, exported],
    }


@pytest.fixture
def five_stages(two_stages: dict[str, Any]) -> dict[str, Any]:
    """One stage of each kind; the distilled one recorded similarities, the pruned one its steps."""
    run = two_stages
    teacher, exported = run["stages"]
    student = teacher | {
        "name": "student",
        "kind": "distill",
        "tflite_bytes": 27900000,
        "sparse_tflite_bytes": 27900000,
        "history": [
            _row(1, 40.0, 0.1, {"a_bn": "0.6", "b_bn": "0.5"}),
            _row(2, 20.0, 0.1, {"a_bn": "0.8", "b_bn": "0.7"}),
            _row(3, 0.2, 0.97, {"a_bn": "", "b_bn": ""}),
        ],
    }
    pruned = student | {
        "name": "pruned",
        "kind": "prune",
        "sparse_tflite_bytes": 7020000,
        "history": [_row(1, 0.1, 0.97)],
        "sparsity_schedule": SCHEDULE,
        "sparsity_steps": [{"step": step, "sparsity": 0.8 * (1 - (1 - step / 40) ** 3)} for step in (10, 20, 30, 40)],
    }
    quantized = pruned | {
        "name": "quantized",
        "kind": "quantize",
        "tflite_bytes": 8100000,
        "sparse_tflite_bytes": 5500000,
        "history": [_row(1, 0.1, math.nan)],
    }
    for key in ("sparsity_steps", "sparsity_schedule"):
        del quantized[key]
    return run | {"stages": [teacher, student, pruned, quantized, exported]}


def _row(epoch: int, loss: float, top1: float, similarities: dict[str, str] | None = None) -> dict[str, str]:
    """A row as history.csv gives it: text, empty for what an epoch lacks."""
    return {
        "epoch": str(epoch),
        "loss": str(loss),
        "accuracy": "",
        "val_top1": "" if math.isnan(top1) else str(top1),
        **{f"similarity_{name}": value for name, value in (similarities or {}).items()},
        "seconds": "12.1",
    }
