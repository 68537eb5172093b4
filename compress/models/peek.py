"""What a network's file says of the images that it reads, without TensorFlow: so that data can be read at that size."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SHAPES = ("batch_shape", "batch_input_shape")  # as Keras 3 and legacy Keras call the shape of an input layer
_METADATA = "keras_metadata.pb"


def input_shape(path: str | Path) -> tuple[int | None, ...] | None:
    """The shape that the network's first input reads, without the batch, None for a side that is free.

    ``path`` is a .keras or .h5 file or a SavedModel's folder. None where the file does not say it.
    """
    shape = next(_shapes(config(Path(path))), None)
    return None if shape is None else tuple(None if side is None else int(side) for side in shape[1:])


def config(path: Path) -> dict[str, Any]:
    """What a network's file or folder says of its architecture, as Keras wrote it; {} where it says nothing."""
    try:
        if (path / _METADATA).is_file():
            content = _in_metadata((path / _METADATA).read_bytes())
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                content = json.loads(archive.read("config.json"))
        else:
            import h5py

            with h5py.File(path) as file:
                content = json.loads(file.attrs["model_config"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return {}
    return content if isinstance(content, dict) else {}


def _in_metadata(content: bytes) -> Any:
    """The JSON text of the network itself, which stands first among those of its layers."""
    text = content.decode("utf-8", errors="ignore")
    return json.JSONDecoder().raw_decode(text, text.index('{"name"'))[0]


def _shapes(node: Any) -> Iterator[list[Any]]:
    """The input shapes in a config, in the order of its layers."""
    if isinstance(node, dict):
        for key in _SHAPES:
            if isinstance(node.get(key), list):
                yield node[key]
        for value in node.values():
            yield from _shapes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _shapes(value)
