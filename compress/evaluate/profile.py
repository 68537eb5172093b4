"""Microseconds of each operator of a .tflite file, by LiteRT's own profiler.

XNNPACK computes most operators and names its kernels its own way ("Convolution (NHWC, QC8) IGEMM"), in the order of the
file's operators, several to an operator at times. ``align`` gives each kernel's time to its operator, or refuses.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from compress.evaluate.tflite_file import TFLiteFile

RUNS = 50
TIMEOUT_S = 60
CHILD = Path(__file__).with_name("profiled_run.py")
OF_INTERPRETER = 2  # ProfiledEventData.event_type: an operator that no delegate took, with its number in the file

BINARY = {"ADD": "Add", "SUB": "Subtract", "MUL": "Multiply", "DIV": "Divide", "MAXIMUM": "Maximum"}
BEGINS = {
    "CONV_2D": {"Convolution", "Fully Connected"},
    "DEPTHWISE_CONV_2D": {"Convolution"},
    "TRANSPOSE_CONV": {"Deconvolution"},
    "FULLY_CONNECTED": {"Fully Connected"},
    "BATCH_MATMUL": {"Batch Matrix Multiply"},
    **{kind: {kernel} for kind, kernel in BINARY.items()},
    "MINIMUM": {"Minimum"},
    "SQUARED_DIFFERENCE": {"Squared Difference"},
    "QUANTIZE": {"Convert"},
    "DEQUANTIZE": {"Convert"},
    "CONCATENATION": {"Copy"},
    "PAD": {"Constant Pad"},
    "PADV2": {"Constant Pad"},
    "MEAN": {"Mean", "Global Average Pooling"},
    "SUM": {"Sum"},
    "REDUCE_MAX": {"Reduce Max"},
    "AVERAGE_POOL_2D": {"Average Pooling", "Global Average Pooling", "Convolution"},
    "MAX_POOL_2D": {"Max Pooling"},
    "RELU": {"Clamp"},
    "RELU6": {"Clamp"},
    "LEAKY_RELU": {"LeakyReLU"},
    "HARD_SWISH": {"HardSwish"},
    "LOGISTIC": {"Sigmoid"},
    "TANH": {"Tanh"},
    "GELU": {"GELU"},
    "SOFTMAX": {"Softmax"},
    "RESHAPE": {"Static Reshape", "Copy"},
    "SQUEEZE": {"Static Reshape", "Copy"},
    "EXPAND_DIMS": {"Static Reshape", "Copy"},
    "TRANSPOSE": {"Transpose"},
    "SLICE": {"Slice"},
    "STRIDED_SLICE": {"Slice"},
    "RESIZE_BILINEAR": {"Resize Bilinear"},
    "DEPTH_TO_SPACE": {"Depth To Space"},
    "RSQRT": {"Reciprocal Square Root"},
    "LOG": {"Log"},
}
"""An operator -> the names, up to the bracket, of the kernels that its work begins with."""
GOES_ON = {"Clamp", "Copy", "Static Reshape", "Convert", "Transpose", "Constant Pad"}
"""Kernels that may follow in the same operator: its fused activation, the next part of a concatenation."""
MAY_VANISH = {"DENSIFY", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "PAD", "DEQUANTIZE"}
"""Operators that may cost nothing at run time: done when the file is loaded, or within the next one."""


@dataclass(frozen=True)
class Event:
    """A kernel's run: what the profiler calls it, its type and number there, and microseconds."""

    name: str
    type: int
    number: int
    us: float

    @property
    def kernel(self) -> str:
        return self.name.partition(" (")[0]


def profile(models: Sequence[Path]) -> list[list[float] | str]:
    """Of each file: microseconds of every operator in one inference (batch 1, one thread), or why they are not told."""
    answers: list[list[float] | str] = []
    while len(answers) < len(models):  # a file that ends the child is left out, the others go on
        left = models[len(answers) :]
        lines = _run(left)
        answers += [_told(line, model) for line, model in zip(lines, left, strict=False)]
        if len(lines) < len(left):
            answers.append("LiteRT's profiler ended on it")
    return answers


def _run(models: Sequence[Path]) -> list[str]:
    spec = find_spec("ai_edge_litert")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    library = Path(folders[0] if folders else "") / "libLiteRt.so"
    command = [sys.executable, "-I", CHILD, library, str(RUNS), *models]
    try:
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, check=False, timeout=TIMEOUT_S * len(models)
        )
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode(errors="replace").splitlines()  # bytes, whatever was asked for
    return done.stdout.splitlines()


def _told(line: str, model: Path) -> list[float] | str:
    try:
        answer = json.loads(line)
        if isinstance(answer, dict):
            return f"LiteRT's profiler cannot run it: {answer['error']}"
        times = align(TFLiteFile(model).operators, [Event(*event) for event in answer])
    except (ValueError, TypeError, KeyError):
        return "LiteRT's profiler said nothing that could be read"
    return times if times is not None else "its kernels cannot be told apart by the file's operators"


def align(operators: Sequence[str], events: Sequence[Event]) -> list[float] | None:
    """Microseconds of each operator, from the kernels' in order; None where one of them cannot be placed.

    >>> align(["CONV_2D", "ADD"], [Event("Convolution (NHWC)", 8, 0, 3.0), Event("Add (ND)", 8, 1, 1.0),
    ...                            Event("Clamp (NC)", 8, 2, 0.5)])
    [3.0, 1.5]
    """
    times, current, seen = [0.0] * len(operators), -1, set()
    waiting = 0.0  # of what comes before the first operator: it is a part of that
    for event in events:
        begun = _begun(operators, current, event)
        if begun is None and event.kernel not in GOES_ON:
            return None
        current = current if begun is None else begun
        if current < 0:
            waiting += event.us
            continue
        seen.add(current)
        times[current] += waiting + event.us
        waiting = 0.0
    silent = {kind for number, kind in enumerate(operators) if number not in seen}
    return times if events and silent <= MAY_VANISH else None


def _begun(operators: Sequence[str], current: int, event: Event) -> int | None:
    """The operator behind the current one that the kernel begins: the next one, those apart that may vanish."""
    for number in range(current + 1, len(operators)):
        if event.type == OF_INTERPRETER:
            if number == event.number and operators[number] == event.name:
                return number
        elif event.kernel in BEGINS.get(operators[number], ()):
            return number
        if operators[number] not in MAY_VANISH:
            return None
    return None
