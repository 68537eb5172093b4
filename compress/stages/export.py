"""Writes the .tflite files and proves that they compute what the network computed."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np

from compress.artifacts.files import fingerprint, write_json
from compress.artifacts.outputs_file import write_outputs
from compress.config import as_dict, config
from compress.datasets import Dataset
from compress.errors import UserError
from compress.evaluate import TFLitePredictor, file_outputs, outputs
from compress.export import convert, flatbuffer
from compress.export.titles import all_layers_of
from compress.prune import kernel_sparsity, prunable_kernels
from compress.stages import faithful
from compress.stages.base import Context, Stage
from compress.stages.calibration import calibration
from compress.stages.faithful import Unfaithful
from compress.stages.save_and_evaluate import TEST_OUTPUTS, VALIDATION_OUTPUTS, parameters
from compress.tasks import Arrays, Output

COLOURS = {1: "grey", 3: "RGB"}  # channels -> what a program on the board must know of them


@config
class Export(Stage):
    """Writes ``model.tflite`` (dense), ``model.sparse.tflite`` (the same where that is no smaller), ``labels.txt`` and
    ``model.json``.

    In the form of the stage that it reads: float32, int8, or what the converter makes of a float network. Fails loudly
    if LiteRT and Keras disagree; where the converter itself quantizes that is a result, and reported.
    """

    kind: Literal["export"] = "export"
    input_type: Literal["float32", "uint8"] = "float32"
    """float32 takes pixels / 255, uint8 the bytes of an image as they are."""
    output_type: Literal["float32", "int8"] = "float32"
    """float32 gives what the task's outputs mean, such as probabilities; int8 the raw outputs, such as logits, on
    their grid: no float is left in the file."""

    @property
    def is_final(self) -> bool:
        return True

    def check_input(self, source: Stage) -> None:
        for name, chosen in (("input_type", self.input_type), ("output_type", self.output_type)):
            if chosen != "float32" and source.precision != "int8":
                raise UserError(f'{name} = "{chosen}" needs an int8 network: {source.name!r} is {source.precision}')

    def check_data(self, data: Dataset) -> None:
        if self.input_type == "uint8" and data.dtype != np.uint8:
            raise UserError(f'input_type = "uint8" takes bytes: the examples of {data.name} are {data.dtype}')

    def make(self, context: Context, out: Path, scratch: Path) -> dict[str, Any]:
        model, task = context.load(self.input or ""), context.task
        kernels = prunable_kernels(model)
        source = context.facts(self.input or "")
        precision, quantized = source["precision"], convert.is_quantized(model)
        post_training = None if quantized or precision == "float32" else precision
        images = calibration(context, source["calibration_images"]) if post_training in convert.CALIBRATED else []
        zeros = max((float(np.mean(kernel == 0)) for kernel in kernels.values()), default=0.0)
        with ThreadPoolExecutor(1) as beside:
            with context.clock("convert"):
                converter = convert.Converter(
                    model, self.input_type, self.output_type, post_training, images, task.OUTPUTS
                )
                dense = converter.dense()
                # takes seconds: on another core, while this one converts and compares
                gzipped = beside.submit(convert.gzip_bytes, dense)
                has_zeros = zeros >= convert.MIN_SPARSITY and precision not in convert.NEVER_SPARSE
                sparse = min(dense, converter.sparse(), key=len) if has_zeros else dense
                (out / "model.tflite").write_bytes(dense)
                (out / "model.sparse.tflite").write_bytes(sparse)
                found = flatbuffer.operators(dense)
                stored = flatbuffer.convolution_kernels(dense)
            if precision != "float32":
                context.progress.say(f"    {summary(found)}")
            if quantized:
                if surplus := floats_beside(found, source.get("float_layers", {})):
                    raise Unfaithful(f"operators that do not compute in int8: {', '.join(surplus)}")
                at_least_as_sparse(kernels, stored)
            with context.clock("evaluate"):
                wanted = context.outputs(self.input or "")
                compared = compare(model, wanted, out, context, precision, post_training in (None, "float16"))
            with context.clock("convert"):
                compressed = gzipped.result()
        facts = {
            "task": as_dict(task),
            "precision": precision,
            "input_type": self.input_type,
            "output_type": self.output_type,
            "params": parameters(model),
            **compared,
            "kernel_sparsity": kernel_sparsity(stored),
            "tflite_bytes": len(dense),
            "sparse_tflite_bytes": len(sparse),
            "gzip_bytes": compressed,
            "operators": found.counts,
            "float_operators": sorted(set(found.floats)),
            "float_layers": source.get("float_layers", {}),
            "requantizations": found.requantizations,
        }
        describe(context, out, model.input_shape[1:], flatbuffer.ends(dense), facts)
        return facts


def compare(
    network: Any, wanted: Arrays, out: Path, context: Context, precision: str = "float32", strict: bool = True
) -> dict[str, Any]:
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
        raise Unfaithful("model.tflite gives outputs that are no finite numbers")
    few = test.read(np.arange(min(16, len(test))))
    if not all(np.allclose(values, given[name][: len(few)], atol=1e-5) for name, values in sparse(few).items()):
        raise Unfaithful("model.sparse.tflite and model.tflite give different outputs")
    write_outputs(out / TEST_OUTPUTS, given)
    got = task.from_file(given, dense.ends_in)
    departure = task.departure(wanted, got, targets, precision)
    if departure.reason and strict:
        begins = faithful.where_it_begins(network, out / "model.tflite", test, precision)
        if begins is not None or precision == "float32":
            raise Unfaithful(departure.reason + (begins or ""))
        context.progress.say(
            f"    note: {departure.reason}; every layer by itself computes the same: int8 rounding adds up"
        )
    if is_constant(given) and not is_constant(wanted):
        context.progress.say("    note: model.tflite says the same of every test image: nothing is left of the network")
    elif departure.note:
        context.progress.say(f"    note: {departure.note}")
    write_outputs(out / VALIDATION_OUTPUTS, outputs(dense, context.dataset.validation))
    return {
        "score": task.score(got, targets),
        "network_score": task.score(wanted, targets),
        "closeness_to_network": task.close(got, wanted),
        "departure": dict(departure.facts),
        "ends_in": dense.ends_in,
    }


def is_constant(values: Arrays) -> bool:
    """Whether all outputs are the same for every example."""
    return all(np.ptp(rows, axis=0).max() == 0 for rows in values.values())


def summary(found: flatbuffer.Operators) -> str:
    """One line: how many operators of each name, which compute in float, how many requantize."""
    counts = ", ".join(f"{name} {count}" for name, count in sorted(found.counts.items(), key=lambda item: -item[1]))
    floats = ", ".join(sorted(set(found.floats))) or "none"
    return f"operators: {counts}; in float besides the edges: {floats}; int8 requantizations: {found.requantizations}"


def floats_beside(found: flatbuffer.Operators, float_layers: Iterable[str]) -> list[str]:
    """The operators in float that are of none of these layers; a change of type at their edges is theirs."""
    layers = set(float_layers)
    return [
        f"{name} ({title})"
        for name, title in zip(found.floats, found.float_titles, strict=True)
        if not (layers and ("/" not in title or name in ("DEQUANTIZE", "QUANTIZE")))  # the output's title is no layer's
        and layers.isdisjoint(all_layers_of(title))
    ]


def at_least_as_sparse(kernels: dict[str, np.ndarray], stored: dict[str, np.ndarray]) -> None:
    """Raises Unfaithful for a kernel of the network of which the file has none that is zero wherever it is.

    ``kernels``: layer name -> (h, w, in, out); ``stored``: any name -> (out, h, w, in). By what they hold: titles in a
    file may be another layer's, where two are equal.
    """
    for name, kernel in kernels.items():
        zero = np.transpose(kernel, (3, 0, 1, 2)) == 0
        same = (tensor for tensor in stored.values() if tensor.shape == zero.shape)
        if not any(not np.any(tensor[zero]) for tensor in same):
            raise Unfaithful(f"the kernel of {name} in model.tflite lost zeros or cannot be found")


def describe(
    context: Context, out: Path, shape: Any, ends: tuple[dict[str, Any], list[dict[str, Any]]], facts: dict[str, Any]
) -> None:
    """Writes labels.txt and model.json: what a program on the board must know.

    ``ends``: the types of the file's input and outputs, as ``flatbuffer.ends`` gives them.
    """
    takes_bytes, task = facts["input_type"] == "uint8", context.task
    images, of_bytes = len(context.shape) == 3, context.dataset.dtype == np.uint8
    resizing = {"fit": context.fit, "resize": list(shape[:2]), "filter": "bilinear"}
    (out / "labels.txt").write_text("".join(f"{label}\n" for label in context.dataset.label_names))
    files = {name: fingerprint(out / name) for name in ("model.tflite", "model.sparse.tflite", "labels.txt")}
    write_json(
        out / "model.json",
        {
            "schema": 3,
            "task": facts["task"],
            "input": {
                **ends[0],
                **({"layout": "NHWC", "colours": COLOURS.get(shape[-1], "channels")} if images else {}),
                **({"range": [0, 255] if takes_bytes else [0.0, 1.0]} if of_bytes else {}),
            },
            "preprocessing": {
                **(resizing if images and of_bytes else {}),
                "divide_by": 1 if takes_bytes or not of_bytes else 255,
            },
            "outputs": [
                {**described(output, facts["output_type"]), **kind}
                for output, kind in zip(sorted(task.OUTPUTS, key=lambda one: one.name), ends[1], strict=True)
            ],
            "precision": facts["precision"],
            "score": {"metric": task.METRICS[0].as_json(), "value": facts["score"]},
            "departure": facts["departure"],
            "files": files,
        },
    )


def described(output: Output, output_type: str) -> dict[str, str]:
    """The name of an output in the file, and what it means."""
    if output_type == "float32":
        return {"name": output.in_file, "meaning": output.meaning}
    return {"name": output.name, "meaning": output.name}
