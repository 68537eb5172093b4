"""A Keras network -> .tflite bytes, without the detour over a second SavedModel that the converter takes by itself."""

import gzip
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from compress import keras
from compress.artifacts.saved_model import serving_function
from compress.errors import Failure, first_line
from compress.export import flatbuffer, titles
from compress.quiet import quiet
from compress.tasks import Classification, Output

MIN_SPARSITY = 0.3  # TensorFlow's converter leaves tensors with fewer zeros dense
NEVER_SPARSE = ("dynamic", "int16x8")  # such files are written, and LiteRT refuses them
# precisions for which the converter measures ranges -> its name for their operators
CALIBRATED = {"int8": "TFLITE_BUILTINS_INT8", "int16x8": "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"}


def is_quantized(model: Any) -> bool:
    """Whether the network emulates int8, by tfmot's wrappers."""
    return any(type(layer).__name__ == "QuantizeWrapperV2" for layer in model.layers)


def inference_function(model: Any, names: Sequence[str]) -> Any:
    """The network for one image, ready to be converted; frozen int8 kernels go in as plain constants."""
    if not is_quantized(model):
        return serving_function(model, names, batch=1)
    from compress import fake_quant

    with fake_quant.kernels_as_constants():
        return serving_function(model, names, batch=1)


def frozen(function: Any) -> tuple[Any, list[Any], list[Any], Any]:
    """(graph with constants for variables, inputs, outputs, the function), as TFLite's converter wants them.

    Its own way builds a second function of the frozen graph, operator by operator, and uses no more of it than the
    names of its inputs and outputs: a third of a conversion, for the same bytes.
    """
    from tensorflow.python.framework import convert_to_constants

    data = convert_to_constants._FunctionConverterDataInEager(
        function, lower_control_flow=False, aggressive_inlining=False
    )
    graph, _ = convert_to_constants._replace_variables_by_constants(data)
    inputs = function.inputs[: len(function.inputs) - len(function.captured_inputs)]  # variables and constants follow
    return graph, inputs, function.outputs, function


class Converter:
    """Converts a network to .tflite files: float32 for a float network, int8 for one that emulates int8.

    Of a float network the converter itself makes what ``post_training`` names ("int8", "dynamic", "float16" or
    "int16x8"), with ranges from ``calibration``, float32 NHWC batches in [0, 1]. Of an int8 file ``input_type`` may be
    "uint8", the bytes of an image, and ``output_type`` "int8", the raw outputs on their grid. ``outputs`` names those
    of the network, and says which operator stands behind a float32 output in the file: by default a softmax.
    """

    def __init__(
        self,
        model: Any,
        input_type: str = "float32",
        output_type: str = "float32",
        post_training: str | None = None,
        calibration: Iterable[np.ndarray] = (),
        outputs: Sequence[Output] = Classification.OUTPUTS,
    ) -> None:
        lite = keras.tf.lite
        if len(outputs) != len(model.outputs):  # of a network that no stage made
            outputs = [Output(name, name, "") for name in model.output_names]
        with titles.marked(model) as names:
            function = inference_function(model, [output.name for output in outputs])
        self._converter = lite.TFLiteConverter.from_concrete_functions([function], model)
        # one scale for a dense kernel, as it was trained
        self._converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        # lowering writes and reads a SavedModel inside: half of the time
        self._converter.experimental_lower_to_saved_model = False
        # both files are made of one frozen graph
        self._converter._freeze_concrete_function = cache(lambda: frozen(function))
        self._plain = [lite.Optimize.DEFAULT] if is_quantized(model) or post_training else []
        if post_training == "float16":
            self._converter.target_spec.supported_types = [keras.tf.float16]
        if post_training in CALIBRATED:
            self._converter.target_spec.supported_ops = [lite.OpsSet[CALIBRATED[post_training]]]
            self._converter.representative_dataset = lambda: ([image[None]] for batch in calibration for image in batch)
        self._converter.inference_input_type = keras.tf.as_dtype(input_type)
        self._converter.inference_output_type = keras.tf.as_dtype(output_type)
        self._edits: list[Callable[[bytes], bytes]] = [
            partial(flatbuffer.with_titles, titles=names),
            flatbuffer.without_reversals,
        ]
        if input_type == "uint8":
            self._edits.append(flatbuffer.with_image_bytes)
        # TensorFlow puts outputs by name into the order of their names
        ordered = sorted(outputs, key=lambda output: output.name)
        named = [output.in_file if output_type == "float32" else output.name for output in ordered]
        for number, output in enumerate(ordered):
            if output_type == "float32" and output.operator:
                self._edits.append(
                    partial(flatbuffer.with_operator, number=number, operator=output.operator, title=output.in_file)
                )
        self._edits.append(partial(flatbuffer.with_signature, inputs=["image"], outputs=named))

    def dense(self) -> bytes:
        """The plain file."""
        return self._convert(self._plain)

    def sparse(self) -> bytes:
        """The file that stores kernels of many zeros in the sparse encoding."""
        return self._convert([*self._plain, keras.tf.lite.Optimize.EXPERIMENTAL_SPARSITY])

    def _convert(self, optimizations: list[Any]) -> bytes:
        from tensorflow.lite.python import convert_phase

        self._converter.optimizations = optimizations
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it misses statistics for inputs that it then finds
            try:
                content = self._converter.convert()
            except (ValueError, RuntimeError, convert_phase.ConverterError) as error:
                reason = re.sub(
                    r"/\S*\.py:[\d:]+ *", " ", first_line(error)
                )  # where in TensorFlow's source it found it
                raise Failure(f"TFLite's converter cannot convert the network: {reason}") from error
        for edit in self._edits:
            content = edit(content)
        return content


def gzip_bytes(content: bytes) -> int:
    """Size of the content after gzip (zlib) at level 9, in bytes, without a time stamp."""
    return len(gzip.compress(content, compresslevel=9, mtime=0))
