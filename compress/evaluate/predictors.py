"""A batch of examples in, raw outputs out: the same call for a Keras network and a .tflite file."""

from typing import Any, Protocol

import numpy as np

from compress import keras
from compress.datasets import Split


class Predictor(Protocol):
    """Called with examples as ``Split.read`` gives them, returns float32 (n, classes)."""

    def __call__(self, images: np.ndarray) -> np.ndarray: ...


def to_float(images: np.ndarray) -> np.ndarray:
    """What a network reads, float32: uint8 pixels / 255, on host and board alike; other values as they are."""
    if images.dtype != np.uint8:
        return images.astype(np.float32, copy=False)
    return images.astype(np.float32) / np.float32(255)


class KerasPredictor:
    """Logits by a network's serving function (``compress.artifacts.saved_model.serving_function``)."""

    def __init__(self, serve: Any) -> None:
        self._serve = serve

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return self._serve(keras.tf.constant(to_float(images)))["logits"].numpy()


def outputs(predictor: Predictor, split: Split, batch_size: int = 128) -> np.ndarray:
    """The predictor's raw outputs for every image of the split, in order: float32 (n, classes)."""
    index = np.arange(len(split))
    parts = [index[start : start + batch_size] for start in range(0, len(index), batch_size)]
    return np.concatenate([predictor(split.read(part)) for part in parts])
