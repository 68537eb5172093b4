"""Any predictor on any split, and how long one inference takes."""

from compress.evaluate.open_model import class_names, image_fit, open_model, probabilities
from compress.evaluate.predictors import KerasPredictor, Predictor, TFLitePredictor, outputs

__all__ = [
    "KerasPredictor",
    "Predictor",
    "TFLitePredictor",
    "class_names",
    "image_fit",
    "open_model",
    "outputs",
    "probabilities",
]
