"""Any predictor on any split, and how long one inference takes."""

from compress.evaluate.open_model import Wishes, file_outputs, open_model
from compress.evaluate.predictors import KerasPredictor, outputs
from compress.evaluate.sidecar_files import check_labels, guessed, image_fit, label_names, labels, task_of
from compress.evaluate.tflite_predictor import TFLitePredictor

__all__ = [
    "KerasPredictor",
    "TFLitePredictor",
    "Wishes",
    "check_labels",
    "file_outputs",
    "guessed",
    "image_fit",
    "label_names",
    "labels",
    "open_model",
    "outputs",
    "task_of",
]
