"""What cannot be rebuilt: named, with what its owner can do."""

from __future__ import annotations

from typing import Any


class CannotRebuild(Exception):
    """Why one layer or operation has no like in legacy Keras, worded to stand behind its name: "is a ..."."""


def title(operation: Any) -> str:
    """A layer or operation of Keras 3 by its name and its class."""
    what = "layer" if hasattr(operation, "trainable") else "operation"
    return f"{what} {operation.name!r} ({type(operation).__name__})"


def is_keras_own(thing: Any) -> bool:
    """Whether a class or function of Keras 3 is Keras's own, and not a user's."""
    return str(getattr(thing, "__module__", "")).startswith("keras.src.")
