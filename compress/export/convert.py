"""A Keras network -> .tflite bytes, without the detour over a second SavedModel that the converter takes by itself."""

import gzip
import warnings
from functools import cache
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


def to_tflite(model: Any, sparse: bool = False) -> tuple[bytes, bytes]:
    """The network as a dense and a sparse .tflite, each with a float softmax at its end.

    float32 for a float network; int8 between a float32 input and output for a quantized one. The sparse one stores
    kernels of many zeros in the sparse encoding; it is the dense one again if ``sparse`` is false.
    """
    lite = keras.tf.lite
    converter = lite.TFLiteConverter.from_concrete_functions([inference_function(model)], model)
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # one scale, as trained
    converter.experimental_lower_to_saved_model = False  # it writes and reads a SavedModel inside: half of the time
    # both files are made of one frozen graph; freezing is half of what is left
    converter._freeze_concrete_function = cache(converter._freeze_concrete_function)
    plain = [lite.Optimize.DEFAULT] if is_quantized(model) else []
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses statistics for inputs that it then finds
        converter.optimizations = plain
        dense = flatbuffer.with_softmax(converter.convert())
        if not sparse:
            return dense, dense
        converter.optimizations = [*plain, lite.Optimize.EXPERIMENTAL_SPARSITY]
        return dense, flatbuffer.with_softmax(converter.convert())


def gzip_bytes(content: bytes) -> int:
    """Size of the content after gzip (zlib) at level 9, in bytes, without a time stamp."""
    return len(gzip.compress(content, compresslevel=9, mtime=0))
