"""A Keras network -> .tflite bytes, without the detour over a second SavedModel that the converter takes by itself."""

import gzip
import warnings
from typing import Any

from compress import keras
from compress.artifacts.saved_model import serving_function
from compress.export import flatbuffer
from compress.quiet import quiet

MIN_SPARSITY = 0.3  # TensorFlow's converter leaves tensors with fewer zeros dense


def is_quantized(model: Any) -> bool:
    """Whether the network emulates int8, by tfmot's wrappers."""
    return any(type(layer).__name__ == "QuantizeWrapperV2" for layer in model.layers)


def inference_function(model: Any) -> Any:
    """The network for one image, ready to be converted; settled int8 kernels go in as plain constants."""
    if not is_quantized(model):
        return serving_function(model, batch=1)
    from compress import fake_quant

    with fake_quant.kernels_on_grid():
        return serving_function(model, batch=1)


def to_tflite(model: Any, function: Any, sparse: bool = False) -> bytes:
    """The .tflite of ``function``, made by ``inference_function(model)``, with a float softmax at its end.

    float32 for a float network; int8 between a float32 input and output for a quantized one. ``sparse`` stores kernels
    of many zeros in the sparse encoding.
    """
    lite = keras.tf.lite
    converter = lite.TFLiteConverter.from_concrete_functions([function], model)
    converter.experimental_lower_to_saved_model = False  # it writes and reads a SavedModel inside: half of the time
    converter.optimizations = [lite.Optimize.DEFAULT] if is_quantized(model) else []
    if sparse:
        converter.optimizations.append(lite.Optimize.EXPERIMENTAL_SPARSITY)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses statistics for inputs that it then finds
        return flatbuffer.with_softmax(converter.convert())


def gzip_bytes(content: bytes) -> int:
    """Size of ``gzip -9`` of the content, in bytes, without a time stamp."""
    return len(gzip.compress(content, compresslevel=9, mtime=0))
