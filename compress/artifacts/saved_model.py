"""SavedModels: written with one traced function instead of hundreds, checked when written, loaded with one call."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from compress import keras
from compress.errors import UserError, first_line

TOLERANCE = 1e-4  # of the largest logit: another order of float sums, no more


def serving_function(model: Any, batch: int | None = None) -> Any:
    """The network's inference as one concrete function: float32 ``image`` (batch, ...) -> float32 ``logits``."""
    tf = keras.tf
    spec = tf.TensorSpec([batch, *model.input_shape[1:]], tf.float32, name="image")
    return tf.function(lambda image: {"logits": model(image, training=False)}).get_concrete_function(spec)


def save(model: Any, path: Path, serve: Any = None) -> None:
    """Writes the network without optimizer state; ``serve`` is its serving function, if it was traced already.

    ``save_traces=False`` leaves out a traced function per layer, which takes most of the time and which
    ``load`` does not need.
    """
    serve = serve or serving_function(model)
    model.save(path, save_traces=False, include_optimizer=False, signatures={"serving_default": serve})


def load(path: Path | str) -> Any:
    """The Keras network of a stage's SavedModel, ready to train on (with a fresh optimizer).

    Raises UserError for a folder that is not a Keras SavedModel.
    """
    path = Path(path)
    if not (path / "saved_model.pb").is_file():
        raise UserError(f"{path} is not a SavedModel: it has no saved_model.pb")
    if not (path / "keras_metadata.pb").is_file():
        raise UserError(f"{path} is a SavedModel without Keras layers: it can be served but not trained on")
    scope: Any = nullcontext()
    if b"jetslim>" in (path / "keras_metadata.pb").read_bytes():
        import compress.fake_quant  # noqa: F401  (registers what rewritten and quantized networks are made of)

        scope = keras.tfmot.quantization.keras.quantize_scope()
    try:
        with scope:
            return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise UserError(f"cannot load {path}: {first_line(error)}") from error


def same_logits(got: np.ndarray, wanted: np.ndarray) -> None:
    """Raises RuntimeError unless the loaded network's logits are those that the stage's network gave."""
    worst = float(np.max(np.abs(got - wanted)))
    if not worst <= TOLERANCE * max(1.0, float(np.max(np.abs(wanted)))):
        raise RuntimeError(f"the SavedModel does not predict what the network predicted: logits differ by {worst:g}")
