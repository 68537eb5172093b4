"""A batch of examples in, outputs by name out: the same call for a Keras network and a .tflite file."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from compress import keras
from compress.datasets import Split, read_batches
from compress.tasks import Arrays


class Predictor(Protocol):
    """Called with examples as ``Split.read`` gives them, returns its outputs by name, each float32 (n, ...)."""

    def __call__(self, images: np.ndarray) -> Arrays: ...


def to_float(images: np.ndarray) -> np.ndarray:
    """What a network reads, float32: uint8 pixels / 255, on host and board alike; other values as they are."""
    if images.dtype != np.uint8:
        return images.astype(np.float32, copy=False)
    return images.astype(np.float32) / np.float32(255)


class KerasPredictor:
    """Raw outputs by a network's serving function (``compress.artifacts.saved_model.serving_function``)."""

    def __init__(self, serve: Any) -> None:
        self._serve = serve

    def __call__(self, images: np.ndarray) -> Arrays:
        return as_arrays(self._serve(keras.tf.constant(to_float(images))))


def as_arrays(tensors: Mapping[str, Any]) -> Arrays:
    """TensorFlow's tensors as arrays, by the same names."""
    return {name: tensor.numpy() for name, tensor in tensors.items()}


MOST_EXAMPLES, MOST_NUMBERS = 128, 128 * 224 * 224
"""In a batch: as many examples, and as many numbers of these, channels apart."""


def batch_of(shape: tuple[int, ...]) -> int:
    """How many examples of a shape go into a batch whose activations fit into memory."""
    return max(1, min(MOST_EXAMPLES, MOST_NUMBERS // max(1, math.prod(shape[:-1]))))


def outputs(predictor: Callable[[np.ndarray], Arrays], split: Split) -> dict[str, np.ndarray]:
    """The predictor's outputs for every image of the split, in order, by name: float32 (n, ...)."""
    index, batch_size = np.arange(len(split)), batch_of(split.shape)
    batches = (index[start : start + batch_size] for start in range(0, len(index), batch_size))
    parts = [predictor(images) for images in read_batches(split, batches)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
