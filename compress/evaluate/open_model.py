"""Opens whatever a user calls a model: a .tflite file, a SavedModel, or a stage's folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compress import artifacts
from compress.artifacts.saved_model import serving_function
from compress.errors import UserError
from compress.evaluate.predictors import KerasPredictor, Predictor, TFLitePredictor


def find_model(path: Path) -> Any:
    """What a user's path means: the .tflite file, or the Keras network. Raises UserError for what is no model."""
    if path.is_file():
        if path.read_bytes()[4:8] != b"TFL3":
            raise UserError(f"{path} is not a .tflite file")
        return path
    inner = path / "saved_model"
    if not inner.is_dir() and (path / "model.tflite").is_file():
        return find_model(path / "model.tflite")
    return artifacts.load(inner if inner.is_dir() else path)


def predictor_of(model: Any, path: Path) -> tuple[Predictor, int, int]:
    """(predictor, image size in pixels, number of classes) of what ``find_model(path)`` found."""
    if isinstance(model, Path):
        predictor = TFLitePredictor(model)
        return predictor, _size(predictor.input_shape, path), predictor.classes
    size = _size(model.input_shape, path)
    return KerasPredictor(serving_function(model)), size, int(model.output_shape[-1])


def open_model(path: Path) -> tuple[Predictor, int, int]:
    """(predictor, image size in pixels, number of classes). Raises UserError for what is no model."""
    return predictor_of(find_model(path), path)


def _size(shape: Sequence[int | None], path: Path) -> int:
    """The side of the square RGB images that a network of this input shape takes."""
    if len(shape) != 4 or shape[3] != 3 or not shape[1] or shape[1] != shape[2]:
        raise UserError(f"{path} takes inputs of shape {list(shape)}, not square RGB images")
    return int(shape[1])


def class_names(path: Path, classes: int) -> list[str]:
    """The labels that lie beside the model (labels.txt, or stage.json of a stage); else numbers."""
    folder = path if path.is_dir() else path.parent
    if (folder / "labels.txt").is_file():
        names = (folder / "labels.txt").read_text().splitlines()
    elif (folder / "stage.json").is_file():
        names = json.loads((folder / "stage.json").read_text()).get("classes", [])
    else:
        names = []
    return names if len(names) == classes else [str(number) for number in range(classes)]


def image_fit(path: Path) -> Any:
    """How images were made square for the model, by the model.json or stage.json beside it: "stretch" or "crop"."""
    folder = path if path.is_dir() else path.parent
    if (folder / "model.json").is_file():
        return json.loads((folder / "model.json").read_text())["preprocessing"].get("fit", "stretch")
    if (folder / "stage.json").is_file():
        return json.loads((folder / "stage.json").read_text()).get("fit", "stretch")
    return "stretch"


def probabilities(outputs: np.ndarray) -> np.ndarray:
    """Rows that sum to 1 as they are, logits through a softmax; float (n, classes)."""
    if np.all(outputs >= 0) and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3):
        return outputs
    powers = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
