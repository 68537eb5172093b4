"""Whether a .tflite file computes what the network computes that it was made of; Unfaithful where it does not."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from compress.artifacts.outputs_file import read_outputs, write_outputs
from compress.compare import compare, look_into
from compress.config import as_dict
from compress.datasets import Split
from compress.errors import Failure, UserError
from compress.evaluate import TFLitePredictor, file_outputs, outputs
from compress.export import flatbuffer
from compress.export.postprocess import Postprocess
from compress.export.titles import all_layers_of
from compress.results import Faithfulness
from compress.stages.base import Context
from compress.stages.save_and_evaluate import TEST_OUTPUTS, VALIDATION_OUTPUTS
from compress.tasks import Arrays

IMAGES = 16  # on which the layers are compared where the outputs are not equal
# of a layer that computes what its network's does; measured: 125 and more, 61 and more, 58 and more (symmetric: 32)
FEWEST_DECIBELS = {"float32": 90.0, "float16": 40.0, "int8": 26.0}
LEAST = 20.0
LEAST_ALIKE = 0.99  # rounding alone can decide whether two boxes overlap by more than a threshold


class Unfaithful(Failure):
    """The .tflite does not compute what the Keras network computes."""


def compare_outputs(
    network: Any, wanted: Arrays, out: Path, context: Context, precision: str = "float32", strict: bool = True
) -> Faithfulness:
    """Runs both files in LiteRT over the test split and keeps the outputs, and those on the validation split.

    ``wanted``: the Keras network's raw outputs on the test split. Raises Unfaithful where the two files differ, and
    where they depart from the network further than the task allows, with the layer in which that begins. Where every
    layer of an int8 file by itself computes what the network's does, the departure is rounding that adds up, and is
    said. A file that is not ``strict`` is what the converter quantized: where it is far, that is said.
    """
    test, task = context.dataset.test, context.task
    targets = test.targets.arrays()
    dense, sparse = (
        TFLitePredictor(out / name, expected=file_outputs(task)) for name in ("model.tflite", "model.sparse.tflite")
    )
    given = outputs(dense, test)
    if not all(np.isfinite(values).all() for values in given.values()):
        raise Unfaithful("model.tflite gives outputs that are NaN or infinite")
    few = test.read(np.arange(min(16, len(test))))
    if not all(np.allclose(values, given[name][: len(few)], atol=1e-5) for name, values in sparse(few).items()):
        raise Unfaithful("model.sparse.tflite and model.tflite give different outputs")
    write_outputs(out / TEST_OUTPUTS, given)
    got = task.from_file(given, dense.ends_in)
    departure = task.departure(wanted, got, targets, precision)
    if departure.reason and strict:
        begins = where_it_begins(network, dense, test, precision)
        if begins is not None:
            raise Unfaithful(
                f"model.tflite does not compute what its network computes: {departure.reason}{begins or ''}"
            )
        context.progress.say(
            f"    note: model.tflite: {departure.reason}; each layer alone computes the same as the network, "
            f"so the difference is accumulated {precision} rounding"
        )
    if is_constant(given) and not is_constant(wanted):
        context.progress.say(
            "    note: model.tflite gives the same outputs for every test image: it has learned or kept nothing"
        )
    elif departure.note:
        context.progress.say(f"    note: model.tflite: {departure.note}")
    write_outputs(out / VALIDATION_OUTPUTS, outputs(dense, context.dataset.validation))
    return Faithfulness(
        score=task.score(got, targets),
        network_score=task.score(wanted, targets),
        closeness_to_network=task.close(got, wanted),
        departure=dict(departure.facts),
        ends_in=dense.ends_in,
    )


def compare_behind(behind: Postprocess, file: Path, ends_in: str, context: Context) -> tuple[float, int]:
    """(how alike, in [0, 1], the answers are of a file that does more behind its outputs, and our own; how many).

    ``ends_in``: what the plain file beside it ends in, whose outputs on the test split were kept there.

    Raises Unfaithful where that is less than LEAST_ALIKE.
    """
    task, test = context.task, context.dataset.test
    predictor = TFLitePredictor(file, expected=file_outputs(task))
    own = task.from_file(read_outputs(file.parent / TEST_OUTPUTS), ends_in)
    theirs = task.from_file(outputs(predictor, test), predictor.ends_in)
    alike, count = behind.agreement(theirs, own, as_dict(task))
    if alike < LEAST_ALIKE:
        raise Unfaithful(f"{file.name} gives other predictions than model.tflite: only {alike:.1%} are the same")
    return round(alike, 6), count


def is_constant(values: Arrays) -> bool:
    """Whether all outputs are the same for every example."""
    return all(np.ptp(rows, axis=0).max() == 0 for rows in values.values())


def where_it_begins(network: Any, file: TFLitePredictor, images: Split, precision: str) -> str | None:
    """The first layer, in order of computation, of which the file by itself computes something else, in words.

    None where every layer computes what the network's does: then rounding alone, which a network may enlarge from layer
    to layer, is between the two. "" where no layer can be named.
    """
    few = images.read(np.arange(min(IMAGES, len(images))))
    try:
        comparison = compare(*look_into(network, file), [few])
    except UserError:  # no layer in common, or none that can be looked at
        return ""
    first = comparison.begins(FEWEST_DECIBELS.get(precision, LEAST))
    if first is not None:
        return f"; it begins in {first.name}, whose own signal-to-noise ratio is {first.own_snr:.0f} dB"
    return "" if comparison.alone or comparison.guessed else None


def unexpected_floats(found: flatbuffer.Operators, float_layers: Iterable[str]) -> list[str]:
    """The operators in float that are of none of these layers; a change of type at their edges is theirs."""
    layers = set(float_layers)
    return [
        f"{name} ({title})"
        for name, title in zip(found.floats, found.float_titles, strict=True)
        if not (layers and ("/" not in title or name in ("DEQUANTIZE", "QUANTIZE")))  # the output's title is no layer's
        and layers.isdisjoint(all_layers_of(title))
    ]


def check_zeros(kernels: dict[str, np.ndarray], stored: dict[str, np.ndarray]) -> None:
    """Raises Unfaithful for a kernel of the network of which the file has none that is zero wherever it is.

    ``kernels``: layer name -> (h, w, in, out); ``stored``: any name -> (out, h, w, in). By what they hold: titles in a
    file may be another layer's, where two are equal.
    """
    for name, kernel in kernels.items():
        zero = np.transpose(kernel, (3, 0, 1, 2)) == 0
        same = (tensor for tensor in stored.values() if tensor.shape == zero.shape)
        if not any(not np.any(tensor[zero]) for tensor in same):
            raise Unfaithful(
                f"the kernel of {name} has lost its zeros in model.tflite, or cannot be found there: this is a bug "
                "in jetslim, please report it"
            )
