"""A batch of uint8 images in, raw outputs out: the same call for a Keras network and a .tflite file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from compress import keras
from compress.datasets import Split
from compress.errors import UserError
from compress.quiet import quiet


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


def on_grid(values: np.ndarray, tensor: Mapping[str, Any]) -> np.ndarray:
    """Float values in the type of an interpreter's tensor: the nearest codes, where that is an integer."""
    if tensor["dtype"] == np.float32:
        return values
    (scale, zero), limits = tensor["quantization"], np.iinfo(tensor["dtype"])
    return np.clip(np.round(values / np.float32(scale)) + zero, limits.min, limits.max).astype(tensor["dtype"])


def off_grid(codes: np.ndarray, tensor: Mapping[str, Any]) -> np.ndarray:
    """What the values of an interpreter's tensor stand for, float32: scale * (code - zero point)."""
    if tensor["dtype"] == np.float32:
        return codes
    scale, zero = tensor["quantization"]
    return (codes.astype(np.float32) - zero) * np.float32(scale)


class TFLitePredictor:
    """Probabilities, or int8 logits, by LiteRT with its default delegate, one image at a time, as on a board."""

    def __init__(self, model: Path | bytes, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        source = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
        self._name = model if isinstance(model, Path) else "the model"
        try:
            with quiet():  # it reports the delegate that it made
                self.interpreter = Interpreter(num_threads=threads, **source)
                self.interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise UserError(f"LiteRT cannot run {self._name}: {error}") from error
        self._input = self.interpreter.get_input_details()[0]
        self._output = self.interpreter.get_output_details()[0]

    @property
    def input_shape(self) -> list[int]:
        """(1, height, width, channels) for a model of images."""
        return [int(side) for side in self._input["shape"]]

    @property
    def size(self) -> int:
        """Height and width in pixels of the images that the model takes."""
        return int(self._input["shape"][1])

    @property
    def classes(self) -> int:
        """How many probabilities or logits the model gives."""
        return int(self._output["shape"][-1])

    @property
    def output_step(self) -> float:
        """The distance of two neighbouring outputs; 0 for a float output."""
        return 0.0 if self._output["dtype"] == np.float32 else float(self._output["quantization"][0])

    def set_image(self, image: np.ndarray) -> None:
        """Puts one example at the input, which the model sees as ``to_float`` has it, whatever the input's type."""
        self.interpreter.set_tensor(self._input["index"], on_grid(to_float(image), self._input)[None])

    def __call__(self, images: np.ndarray) -> np.ndarray:
        rows = []
        for image in images:
            self.set_image(image)
            try:
                self.interpreter.invoke()
            except RuntimeError as error:  # a kernel that looks at its values
                raise UserError(f"LiteRT cannot run {self._name}: {error}") from error
            rows.append(off_grid(self.interpreter.get_tensor(self._output["index"])[0], self._output))
        return np.stack(rows)


def outputs(predictor: Predictor, split: Split, batch_size: int = 128) -> np.ndarray:
    """The predictor's raw outputs for every image of the split, in order: float32 (n, classes)."""
    index = np.arange(len(split))
    parts = [index[start : start + batch_size] for start in range(0, len(index), batch_size)]
    return np.concatenate([predictor(split.read(part)) for part in parts])
