"""The only door to Keras 3, which lies beside legacy Keras in one process: ``keras3.layers``, ``keras3.saving``, ...

``from compress import keras3`` costs nothing; the first attribute loads Keras 3, on TensorFlow where nobody has loaded
it before. Everything here is built, trained and converted in legacy Keras (``compress.keras``); Keras 3 is only asked
for what a user's network holds.
"""

import importlib
import os
import sys
from functools import cache
from typing import Any

from compress import keras
from compress.quiet import quiet

_KERAS3 = "keras"


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(_load(), name)


def is_loaded() -> bool:
    """Whether anybody has imported Keras 3 in this process: without it there is no network of it in memory."""
    return _KERAS3 in sys.modules


@cache
def _load() -> Any:
    _ = keras.tf  # legacy Keras first: it decides what tf.keras is
    if not is_loaded():
        os.environ["KERAS_BACKEND"] = "tensorflow"
    with quiet():
        return importlib.import_module(_KERAS3)
