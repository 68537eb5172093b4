"""Any predictor on any split, and how long one inference takes."""

from compress.evaluate.open_model import (
    class_names,
    find_model,
    image_fit,
    open_model,
    predictor_of,
    probabilities,
)
from compress.evaluate.predictors import KerasPredictor, Predictor, TFLitePredictor, outputs

__all__ = [
    "KerasPredictor",
    "Predictor",
    "TFLitePredictor",
    "class_names",
    "find_model",
    "image_fit",
    "open_model",
    "outputs",
    "predictor_of",
    "probabilities",
]
