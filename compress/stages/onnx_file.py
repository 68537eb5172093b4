"""model.onnx beside the .tflite: written, checked by ONNX and by TensorRT's rules, and compared with both networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from compress import keras
from compress.artifacts.outputs_file import read_outputs
from compress.errors import Failure, UserError
from compress.evaluate import outputs
from compress.results import OnnxFacts
from compress.stages.base import Context
from compress.stages.faithful import Unfaithful
from compress.stages.save_and_evaluate import TEST_OUTPUTS
from compress.tasks import Arrays, Output
from compress.tasks.base import Departure

ONNX = "model.onnx"
FLOATS = 1e-3  # of the largest output
AS_FAR = 1.25  # times model.tflite's own mean difference, where that is large: both add up other roundings


def check_packages() -> None:
    """Raises UserError where the packages of the extra are missing."""
    if missing := [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]:
        raise UserError(f"onnx = true needs {' and '.join(missing)}: pip install 'jetslim[onnx]'")


def check_layers(folded: Any, outputs: Sequence[Output]) -> None:
    """Writes the file of a folded float network, and runs it on noise.

    Raises UserError that names what there are no ONNX nodes for, and Failure where it says something else.
    """
    from compress.export import onnx

    content = onnx.written(folded, outputs, raw=True).SerializeToString()
    noise = np.random.default_rng(0).random((1, *folded.input_shape[1:]), np.float32)
    wanted = keras.tf.nest.flatten(folded(keras.tf.constant(noise), training=False))
    said = onnx.OnnxPredictor(content)(noise)
    for output, tensor in zip(outputs, wanted, strict=True):
        values = tensor.numpy()
        if not np.allclose(said[output.name], values, atol=FLOATS * max(1.0, float(np.abs(values).max()))):
            raise Failure(
                f"{ONNX} does not compute what the network computes: this is a bug in jetslim, please report it"
            )


def write_onnx(network: Any, wanted: Arrays, ends_in: str, out: Path, context: Context, precision: str) -> OnnxFacts:
    """Writes ``model.onnx`` of a float network, or of one that emulates int8 on symmetric grids.

    In the form that TensorRT computes fastest, which rounds less than the .tflite does; where that departs too far, in
    the form that rounds wherever the .tflite rounds. ``wanted``: the Keras network's raw outputs on the test split;
    those of model.tflite, which ends in the operator ``ends_in``, lie in ``out``. Raises Unfaithful where the file
    breaks a rule of TensorRT's, or departs from either further than the task allows of a file of this precision.
    """
    from compress.export.convert import is_quantized
    from compress.quantize.fold import fold

    task, say = context.task, context.progress.say
    tflite = task.from_file(read_outputs(out / TEST_OUTPUTS), ends_in)
    beside = _Beside(wanted, tflite, task.departure(wanted, tflite, context.dataset.test.targets.arrays(), precision))
    quantized = is_quantized(network)
    plain = network if quantized else fold(network)
    facts, reason = _written(plain, True, beside, out, context, precision)
    if reason and quantized:
        say(f"    note: {reason}; {ONNX} is therefore written with every rounding that model.tflite has")
        facts, reason = _written(plain, False, beside, out, context, precision)
    if reason:
        raise Unfaithful(reason)
    reads = f"; {facts.kernels - len(facts.kernels_in_float)} of {facts.kernels} kernels read int8" * quantized
    say(f"    {ONNX}: {facts.bytes / 1e6:.1f} MB, {task.METRICS[0].title} {task.METRICS[0].text(facts.score)}{reads}")
    return facts


@dataclass(frozen=True)
class _Beside:
    """What a file is compared with: the raw outputs of the network and of model.tflite, and how far these depart."""

    network: Arrays
    tflite: Arrays
    departure: Departure


def _written(
    network: Any, fuses: bool, beside: _Beside, out: Path, context: Context, precision: str
) -> tuple[OnnxFacts, str]:
    """(facts of the file in one of the two forms, why it is not faithful, "" where it is)."""
    from compress.export import onnx

    task, test = context.task, context.dataset.test
    with context.clock("convert"):
        model = onnx.written(network, task.OUTPUTS, fuses=fuses)
        content = model.SerializeToString()
        (out / ONNX).write_bytes(content)
    with context.clock("evaluate"):
        given = outputs(onnx.OnnxPredictor(content), test)
        if not all(np.isfinite(values).all() for values in given.values()):
            raise Unfaithful(f"{ONNX} gives outputs that are NaN or infinite")
        targets = test.targets.arrays()
        got = task.from_file(given, task.OUTPUTS[0].operator)
        departure = task.departure(beside.network, got, targets, precision)
        from_tflite = task.departure(beside.tflite, got, targets, precision)
        reason, note = judged(departure, beside.departure, from_tflite)
    if note:
        context.progress.say(f"    note: {ONNX}: {note}")
    kernels, in_float = onnx.kernels(model)
    facts = OnnxFacts(
        bytes=len(content),
        score=task.score(got, targets),
        closeness_to_network=task.close(got, beside.network),
        closeness_to_tflite=task.close(got, beside.tflite),
        departure=dict(departure.facts),
        fuses=fuses,
        kernels=kernels,
        kernels_in_float=in_float if precision == "int8" else [],
        note=note,
    )
    return facts, f"{ONNX}: {reason}" if reason else ""


def judged(departure: Departure, of_tflite: Departure, from_tflite: Departure) -> tuple[str, str]:
    """(why a file is not faithful, "" where it is; what a user should know of it, "" for nothing).

    Of how far the file and model.tflite depart from the network, and the file from model.tflite. Where model.tflite
    departs too far itself, though each of its layers computes what the network's does, rounding is what this network
    enlarges: the file may depart as far.
    """
    if not of_tflite.reason:
        return departure.reason or from_tflite.reason.replace("the Keras network", "model.tflite"), ""
    own, of_file = (each.facts["mean_difference"] for each in (of_tflite, departure))
    if departure.reason and of_file <= AS_FAR * own:
        return "", f"{departure.reason}; model.tflite differs by as much, so this is accumulated rounding"
    return departure.reason, ""
