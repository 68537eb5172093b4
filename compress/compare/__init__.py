"""Where accuracy went: the layers of one network against those of another, usually float against int8."""

from typing import Any

from compress.compare.noise import ComparedLayer, Comparison, compare
from compress.compare.values import Value, Values

__all__ = ["ComparedLayer", "Comparison", "Value", "Values", "compare", "look_into"]


def look_into(a: Any, b: Any) -> tuple[Values, Values]:
    """The layers of two models, each a Keras network that reads [0, 1] or a TFLitePredictor (``Ready.source``)."""
    from compress.compare.keras_layers import as_in
    from compress.compare.tflite_tensors import TFLiteTensors
    from compress.evaluate import TFLitePredictor

    file_a, file_b = (TFLiteTensors(model) if isinstance(model, TFLitePredictor) else None for model in (a, b))
    return file_a or as_in(file_b, a), file_b or as_in(file_a, b)
