"""Any predictor on any split, and how long one inference takes."""

from compress.evaluate.answers import probabilities
from compress.evaluate.beside import class_names, image_fit, labels
from compress.evaluate.open_model import Wishes, open_model
from compress.evaluate.predictors import KerasPredictor, outputs
from compress.evaluate.tflite_predictor import TFLitePredictor

__all__ = [
    "KerasPredictor",
    "TFLitePredictor",
    "Wishes",
    "class_names",
    "image_fit",
    "labels",
    "open_model",
    "outputs",
    "probabilities",
]
