"""jetslim: makes the smallest, fastest int8 .tflite of a Keras network that keeps its accuracy.

From Python: ``compress.shrink(model, train=(x, y))`` does what ``jetslim shrink`` does; ``inspect``, ``prune``,
``quantize``, ``distill``, ``evaluate`` and ``convert`` are its pieces. Nothing heavy is loaded before one is used.
"""

import importlib
from typing import Any

from compress.errors import Failure, UserError

__version__ = "0.1.0"
__all__ = [
    "Failure",
    "Result",
    "UserError",
    "convert",
    "distill",
    "evaluate",
    "inspect",
    "prune",
    "quantize",
    "shrink",
]

# some of these are names of packages, too, which hold what the functions are made of
_API = frozenset(__all__) - {"Failure", "UserError"}


def __getattr__(name: str) -> Any:
    if name in _API:
        return getattr(importlib.import_module("compress.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
