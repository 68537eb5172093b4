"""Step 1, by jetslim's interpreter: a network -> jetslim's int8 .tflite, and what the peers start from.

``python -m benchmarks.peers.prepare NETWORK SIZE FOLDER`` writes float/ (SavedModel, batch 1), float32.tflite,
jetslim.tflite, calibration.npy (uint8 images) and prepared.json (seconds). Weights are random, with the batch
statistics of real images: latency does not hang on the weights, and nothing must be downloaded or trained.
"""

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from compress import fake_quant, keras, models
from compress.artifacts import saved_model
from compress.artifacts.files import write_json
from compress.datasets import Digits
from compress.errors import first_line
from compress.evaluate.predictors import to_float
from compress.export.convert import Converter
from compress.quantize.qat import quantization_aware
from compress.quiet import quiet

CLASSES, SEED, IMAGES, BATCH = 10, 0, 100, 20


def digits(size: int) -> np.ndarray:
    """The calibration images: uint8 (100, size, size, 3)."""
    return Digits(size=size).load().train.read(np.arange(IMAGES))


def settle_statistics(model: Any, images: np.ndarray) -> None:
    """Gives every batch norm the statistics that its input has on these images, as training would."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(images, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


def naive(model: Any) -> bytes:
    """What TensorFlow's documentation says to do after quantization-aware training, with kernels as our way has them.

    Without that the converter refuses: it cannot fold the fake quantization of large kernels.
    """
    converter = keras.tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [keras.tf.lite.Optimize.DEFAULT]
    with fake_quant.kernels_as_constants(), quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return converter.convert()


def timed(convert: Callable[[], bytes]) -> tuple[bytes, float]:
    """(the file, seconds)."""
    start = time.perf_counter()
    content = convert()
    return content, round(time.perf_counter() - start, 2)


def prepare(network: str, size: int, folder: Path) -> None:
    """See above; ours is converted first, so that it pays for whatever TensorFlow does only once."""
    folder.mkdir(parents=True)
    images = digits(size)
    np.save(folder / "calibration.npy", images)
    batches = [to_float(images[start : start + BATCH]) for start in range(0, IMAGES, BATCH)]

    model = models.build(network, size, CLASSES, seed=SEED)
    settle_statistics(model, batches[0])
    int8 = quantization_aware(model, batches)
    fake_quant.freeze_quantized_kernels(int8)
    content, ours = timed(lambda: Converter(int8).dense())
    (folder / "jetslim.tflite").write_bytes(content)
    theirs: float | str
    try:
        theirs = timed(lambda: naive(int8))[1]
    except Exception as error:  # whatever it raises is its answer
        theirs = f"{type(error).__name__}: {first_line(error)}"
    (folder / "float32.tflite").write_bytes(Converter(model).dense())
    saved_model.save(model, folder / "float", serve=saved_model.serving_function(model, batch=1))
    write_json(folder / "prepared.json", {"jetslim": ours, "from_keras_model": theirs})


if __name__ == "__main__":
    prepare(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
