"""Writes the .tflite files and proves that they compute what the network computed."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np

from compress.artifacts.files import fingerprint, write_json
from compress.config import config
from compress.datasets import Dataset
from compress.errors import UserError
from compress.evaluate import TFLitePredictor, outputs
from compress.export import convert, flatbuffer
from compress.export.titles import all_layers_of
from compress.prune import kernel_sparsity, prunable_kernels
from compress.stages import faithful
from compress.stages.base import Context, Stage
from compress.stages.calibration import calibration
from compress.stages.faithful import Unfaithful
from compress.stages.finish import parameters
from compress.tasks import classification

MOST_TOP1_LOST, LEAST_AGREEMENT = 0.005, 0.97
FAR = 0.1  # of a probability: what the converter quantized is told to the user then
TEST_OUTPUTS = "test_outputs.npy"  # of model.tflite, float32 (images of the test split, classes), in order
COLOURS = {1: "grey", 3: "RGB"}  # channels -> what a program on the board must know of them
VALIDATION_OUTPUTS = "validation_outputs.npy"  # the same of the validation split


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
    """float32 gives probabilities, int8 the logits on their grid: no float is left in the file."""

    def check_input(self, source: Stage) -> None:
        for name, chosen in (("input_type", self.input_type), ("output_type", self.output_type)):
            if chosen != "float32" and source.form != "int8":
                raise UserError(f'{name} = "{chosen}" needs an int8 network: {source.name!r} is {source.form}')

    def check_data(self, data: Dataset) -> None:
        if self.input_type == "uint8" and data.dtype != np.uint8:
            raise UserError(f'input_type = "uint8" takes bytes: the examples of {data.name} are {data.dtype}')

    def make(self, context: Context, out: Path, scratch: Path) -> dict[str, Any]:
        model = context.load(self.input or "")
        kernels = prunable_kernels(model)
        source = context.facts(self.input or "")
        form, quantized = source["form"], convert.is_quantized(model)
        post_training = None if quantized or form == "float32" else form
        images = calibration(context, source["calibration_images"]) if post_training in convert.CALIBRATED else []
        zeros = max((float(np.mean(kernel == 0)) for kernel in kernels.values()), default=0.0)
        with ThreadPoolExecutor(1) as beside:
            with context.clock("convert"):
                converter = convert.Converter(model, self.input_type, self.output_type, post_training, images)
                dense = converter.dense()
                # takes seconds: on another core, while this one converts and compares
                gzipped = beside.submit(convert.gzip_bytes, dense)
                has_zeros = zeros >= convert.MIN_SPARSITY and form not in convert.NEVER_SPARSE
                sparse = min(dense, converter.sparse(), key=len) if has_zeros else dense
                (out / "model.tflite").write_bytes(dense)
                (out / "model.sparse.tflite").write_bytes(sparse)
                found = flatbuffer.operators(dense)
                stored = flatbuffer.convolution_kernels(dense)
            if form != "float32":
                context.progress.say(f"    {summary(found)}")
            if quantized:
                if surplus := floats_beside(found, source.get("float_layers", {})):
                    raise Unfaithful(f"operators that do not compute in int8: {', '.join(surplus)}")
                at_least_as_sparse(kernels, stored)
            with context.clock("evaluate"):
                logits = context.logits(self.input or "")
                compared = compare(model, logits, out, context, form, post_training in (None, "float16"))
            with context.clock("convert"):
                compressed = gzipped.result()
        facts = {
            "form": form,
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
    network: Any, wanted: np.ndarray, out: Path, context: Context, form: str = "float32", strict: bool = True
) -> dict[str, Any]:
    """Runs both files in LiteRT over the test split and keeps the outputs, and those on the validation split.

    ``wanted``: the Keras network's logits on the test split, float32 (n, classes). Raises Unfaithful where the two
    files differ, and where they depart from the network in classes or in probabilities, with the layer in which that
    begins. Where every layer of an int8 file by itself computes what the network's does, the departure is rounding that
    adds up, and is said. A file that is not ``strict`` is what the converter quantized: where it is far, that is said.
    """
    test = context.dataset.test
    dense = TFLitePredictor(out / "model.tflite")
    got = outputs(dense, test)
    if not np.isfinite(got).all():
        raise Unfaithful("model.tflite gives outputs that are no finite numbers")
    few = test.read(np.arange(min(16, len(test))))
    if not np.allclose(TFLitePredictor(out / "model.sparse.tflite")(few), got[: len(few)], atol=1e-5):
        raise Unfaithful("model.sparse.tflite and model.tflite give different outputs")
    top1, keras_top1 = classification.top1(got, test.labels), classification.top1(wanted, test.labels)
    same = classification.agreement(got, wanted)
    lost, differing = abs(top1 - keras_top1) * len(test), (1 - same) * len(test)
    np.save(out / TEST_OUTPUTS, got)
    found = faithful.difference(wanted, got, are_logits=dense.ends_in != "SOFTMAX")
    reason = faithful.departure(found, wanted, form)
    if lost > tolerated(MOST_TOP1_LOST, len(test)) or differing > tolerated(1 - LEAST_AGREEMENT, len(test)):
        reason = (
            f"model.tflite has {top1:.2%} top-1 on the test split and the Keras network {keras_top1:.2%}; "
            f"they agree on {same:.2%} of the images (at least {LEAST_AGREEMENT:.0%} wanted)"
        )
    if reason and strict:
        begins = faithful.where_it_begins(network, out / "model.tflite", test, form)
        if begins is not None or form == "float32":
            raise Unfaithful(reason + (begins or ""))
        context.progress.say(f"    note: {reason}; every layer by itself computes the same: int8 rounding adds up")
    if np.ptp(got, axis=0).max() == 0 < np.ptp(wanted, axis=0).max():
        context.progress.say("    note: model.tflite says the same of every test image: nothing is left of the network")
    elif found.typical > FAR:
        context.progress.say(
            f"    note: probabilities of model.tflite are {found.typical:.2f} from the network's on the average image"
        )
    np.save(out / VALIDATION_OUTPUTS, outputs(dense, context.dataset.validation))
    return {"top1": top1, "keras_top1": keras_top1, "agreement": same, **found.facts()}


def tolerated(fraction: float, images: int) -> float:
    """How many of so many images may come out differently; two always may.

    An int8 kernel rounds ties its own way: of a few hundred images one or two lie so near a boundary that this
    decides, and of 359 images 0.5 points are less than two (docs/decisions/0006).
    """
    return max(2.0, fraction * images) + 1e-6  # for the rounding of the fractions


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
    context: Context, out: Path, shape: Any, ends: tuple[dict[str, Any], dict[str, Any]], facts: dict[str, Any]
) -> None:
    """Writes labels.txt and model.json: what a program on the board must know.

    ``ends``: the types of the file's input and output, as ``flatbuffer.ends`` gives them.
    """
    takes_bytes = facts["input_type"] == "uint8"
    images, of_bytes = len(context.shape) == 3, context.dataset.dtype == np.uint8
    resizing = {"fit": context.fit, "resize": list(shape[:2]), "filter": "bilinear"}
    (out / "labels.txt").write_text("".join(f"{label}\n" for label in context.dataset.classes))
    files = {name: fingerprint(out / name) for name in ("model.tflite", "model.sparse.tflite", "labels.txt")}
    write_json(
        out / "model.json",
        {
            "schema": 1,
            "input": {
                "shape": [1, *shape],
                **ends[0],
                **({"layout": "NHWC", "colours": COLOURS.get(shape[-1], "channels")} if images else {}),
                **({"range": [0, 255] if takes_bytes else [0.0, 1.0]} if of_bytes else {}),
            },
            "preprocessing": {
                **(resizing if images and of_bytes else {}),
                "divide_by": 1 if takes_bytes or not of_bytes else 255,
            },
            "output": {
                "shape": [1, len(context.dataset.classes)],
                **ends[1],
                "meaning": "softmax probabilities" if facts["output_type"] == "float32" else "logits",
            },
            "form": facts["form"],
            "top1": facts["top1"],
            "difference": {name: facts[f"{name}_difference"] for name in ("mean", "largest")},
            "files": files,
        },
    )
