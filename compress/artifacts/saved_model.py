"""SavedModels: written with one traced function instead of hundreds, checked when written, loaded with one call."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from compress import keras
from compress.errors import UserError, first_line

TOLERANCE = 1e-4  # of the largest output: another order of float sums, no more


def serving_function(model: Any, names: Sequence[str] = ("logits",), batch: int | None = None) -> Any:
    """The network's inference as one concrete function: float32 ``image`` (batch, ...) -> its outputs by ``names``."""
    tf = keras.tf
    spec = tf.TensorSpec([batch, *model.input_shape[1:]], tf.float32, name="image")

    def serve(image: Any) -> dict[str, Any]:
        outputs = model(image, training=False)
        return dict(zip(names, outputs if isinstance(outputs, (list, tuple)) else [outputs], strict=True))

    return tf.function(serve).get_concrete_function(spec)


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
        raise UserError(
            f"{path} is a SavedModel without Keras layers, which cannot be changed or trained: save the Keras "
            "network again with model.save()"
        )
    scope: Any = nullcontext()
    if b"jetslim>" in (path / "keras_metadata.pb").read_bytes():
        import compress.fake_quant  # noqa: F401  (registers what rewritten and quantized networks are made of)

        scope = keras.tfmot.quantization.keras.quantize_scope()
    try:
        with scope:
            return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise UserError(f"cannot load {path}: {first_line(error)}") from error


def check_same_outputs(got: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> None:
    """Raises RuntimeError unless the loaded network's outputs are those that the stage's network gave."""
    for name, values in wanted.items():
        worst = float(np.max(np.abs(got[name] - values)))
        if not worst <= TOLERANCE * max(1.0, float(np.max(np.abs(values)))):
            raise RuntimeError(
                f"the SavedModel does not predict what the network predicted: {name} differ by {worst:g}"
            )
