"""The stage that writes the .tflite files and proves that they compute what the network computes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np

from compress.config import as_dict, config
from compress.datasets import Dataset
from compress.errors import UserError
from compress.export import convert, flatbuffer
from compress.export.postprocess import POSTPROCESSES
from compress.metrics.boxes import DETECTIONS
from compress.prune import kernel_sparsity, prunable_kernels
from compress.results import FileFacts
from compress.stages import onnx_file
from compress.stages.base import Context, Stage
from compress.stages.calibration import calibration
from compress.stages.faithful import Unfaithful, check_zeros, compare_behind, compare_outputs, unexpected_floats
from compress.stages.model_json import write_model_json
from compress.stages.save_and_evaluate import parameters
from compress.tasks import Task


@config
class Export(Stage):
    """Writes ``model.tflite`` (dense), ``model.sparse.tflite`` (a copy of the dense file if that is not larger),
    ``labels.txt`` and ``model.json``.

    The precision is that of the stage before: float32, int8, or what the converter makes of a float network. The stage
    fails if LiteRT and Keras disagree; where the converter itself quantizes, the difference is reported instead.
    """

    kind: Literal["export"] = "export"
    input_type: Literal["float32", "uint8"] = "float32"
    """Type of the file's input: float32 expects pixel values / 255, uint8 expects the bytes of an image."""
    postprocess: Literal["none", "tflite"] = "none"
    """For detectors: tflite also writes ``model.detections.tflite``, in which TFLite's own operator decodes the boxes
    and suppresses overlapping ones (four outputs; corners as parts of the network's input)."""
    onnx: bool = False
    """Whether to write ``model.onnx`` for TensorRT, too; needs a float32 network, or one quantized with grid =
    "symmetric"."""
    output_type: Literal["float32", "int8"] = "float32"
    """Type of the file's outputs: float32 gives the task's values, such as probabilities; int8 gives the raw outputs,
    such as logits, as int8, so that no float operator is left in the file."""

    @property
    def is_final(self) -> bool:
        return True

    def check(self) -> None:
        super().check()
        if self.onnx:
            onnx_file.check_packages()

    @property
    def looks_at_network(self) -> bool:
        return self.onnx

    def check_network(self, network: Any, context: Context) -> None:
        from compress.quantize.fold import fold

        onnx_file.check_layers(fold(network), context.task.OUTPUTS)

    def check_input(self, source: Stage) -> None:
        if self.input_type == "uint8" and source.has_zero_points_of_0:
            raise UserError(
                f'input_type = "uint8" is not possible with {source.name!r}, whose zero points are 0 (grid = '
                '"symmetric"): use input_type = "float32"'
            )
        if self.onnx and not (source.precision == "float32" or source.has_zero_points_of_0):
            wanted = 'quantize with mode = "qat" or "static" and grid = "symmetric"'
            if source.precision == "float16":
                wanted = "TensorRT itself makes float16 of a float32 file: export the network that it reads"
            raise UserError(
                f"onnx = true: {source.name!r} is quantized in a way that TensorRT does not support; {wanted}"
            )
        for name, chosen in (("input_type", self.input_type), ("output_type", self.output_type)):
            if chosen != "float32" and source.precision != "int8":
                raise UserError(f'{name} = "{chosen}" needs an int8 network, but {source.name!r} is {source.precision}')

    def check_task(self, task: Task) -> None:
        if self.output_type == "int8" and task.SUMS:
            raise UserError(
                f'output_type = "int8" is not possible for {task.name}, whose outputs are summed in float: use '
                'output_type = "float32"'
            )

        if self.postprocess != "none":
            wanted = POSTPROCESSES[self.postprocess].task
            if task.name != wanted:
                raise UserError(f'postprocess = "{self.postprocess}" is for {wanted}, not for {task.name}')
            if self.output_type != "float32":
                raise UserError(f'postprocess = "{self.postprocess}" reads float outputs: output_type = "float32"')

    def check_data(self, data: Dataset) -> None:
        if self.input_type == "uint8" and data.dtype != np.uint8:
            raise UserError(
                f'input_type = "uint8" needs uint8 images, but the examples of {data.name} are {data.dtype}'
            )

    def make(self, context: Context, out: Path, scratch: Path) -> FileFacts:
        model, task = context.load(self.input or ""), context.task
        kernels = prunable_kernels(model)
        source = context.facts(self.input or "")
        precision, quantized = source.precision, convert.is_quantized(model)
        post_training = None if quantized or precision == "float32" else precision
        images = calibration(context, source.calibration_images) if post_training in convert.CALIBRATED else []
        zeros = max((float(np.mean(kernel == 0)) for kernel in kernels.values()), default=0.0)
        with ThreadPoolExecutor(1) as executor:
            with context.clock("convert"):
                converter = convert.Converter(
                    model, self.input_type, self.output_type, post_training, images, task.OUTPUTS
                )
                dense = converter.dense()
                # takes seconds: on another core, while this one converts and compares
                gzipped = executor.submit(convert.gzip_bytes, dense)
                has_zeros = zeros >= convert.MIN_SPARSITY and precision not in convert.NEVER_SPARSE
                sparse = min(dense, converter.sparse(), key=len) if has_zeros else dense
                (out / "model.tflite").write_bytes(dense)
                (out / "model.sparse.tflite").write_bytes(sparse)
                operators = flatbuffer.operators(dense)
                stored = flatbuffer.convolution_kernels(dense)
            if quantized:
                if surplus := unexpected_floats(operators, source.float_layers):
                    raise Unfaithful(f"some operators do not compute in int8: {', '.join(surplus)}")
                check_zeros(kernels, stored)
            with context.clock("evaluate"):
                wanted = context.outputs(self.input or "")
                strict = post_training in (None, "float16")
                faithfulness = compare_outputs(model, wanted, out, context, precision, strict)
            departure = faithfulness.departure
            if self.postprocess != "none":
                behind = POSTPROCESSES[self.postprocess]
                (out / DETECTIONS).write_bytes(behind.add(dense, as_dict(task), len(context.dataset.label_names)))
                with context.clock("evaluate"):
                    same, boxes = compare_behind(behind, out / DETECTIONS, faithfulness.ends_in, context)
                context.progress.say(f"    {DETECTIONS}: {same:.2%} of {boxes} boxes are those of model.tflite")
                departure = {**departure, "same_boxes_behind": same}
            onnx = None
            if self.onnx:
                onnx = onnx_file.write_onnx(model, wanted, faithfulness.ends_in, out, context, precision)
            with context.clock("convert"):
                compressed = gzipped.result()
        facts = FileFacts(
            **{**asdict(faithfulness), "departure": departure},
            task=as_dict(task),
            precision=precision,
            input_type=self.input_type,
            output_type=self.output_type,
            params=parameters(model),
            kernel_sparsity=kernel_sparsity(stored),
            tflite_bytes=len(dense),
            sparse_tflite_bytes=len(sparse),
            gzip_bytes=compressed,
            operators=operators.counts,
            float_operators=sorted(set(operators.floats)),
            float_layers=source.float_layers,
            requantizations=operators.requantizations,
            onnx=onnx,
        )
        write_model_json(context, out, model.input_shape[1:], flatbuffer.ends(dense), facts)
        return facts
