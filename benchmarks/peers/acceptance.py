"""Which networks tfmot takes by itself, and which jetslim takes; by jetslim's interpreter, since tfmot is in it.

Accepting is less than working: nothing is trained or converted here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from compress import keras, models
from compress.errors import first_line
from compress.quantize.qat import quantization_aware

CLASSES, SEED, SIZE = 10, 0, 96


def refusal(apply: Callable[[Any], Any], model: Any) -> str | None:
    """The first line of why it refuses the network; None if it does not."""
    try:
        apply(model)
    except Exception as error:  # whatever it raises is its answer
        return f"{type(error).__name__}: {first_line(error)}"
    return None


def verdicts(network: str) -> dict[str, str | None]:
    """Reasons of tfmot's quantization, tfmot's pruning and jetslim's quantization, for one network."""
    keras.backend.clear_session()
    model = models.build(network, SIZE, CLASSES, seed=SEED)
    images = np.random.default_rng(SEED).random((8, SIZE, SIZE, 3), np.float32)
    return {
        "network": network,
        "quantize_model": refusal(keras.tfmot.quantization.keras.quantize_model, model),
        "prune_low_magnitude": refusal(keras.tfmot.sparsity.keras.prune_low_magnitude, model),
        "jetslim": refusal(lambda built: quantization_aware(built, [images]), model),
    }
