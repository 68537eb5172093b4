"""Outputs of a network or of a file for a whole split, by name, in one .npz."""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np


def write_outputs(file: Path | BinaryIO, outputs: Mapping[str, np.ndarray]) -> None:
    """Arrays by name, each with a row an example of the split, in order."""
    np.savez(file, **dict(outputs))  # type: ignore[arg-type]


def read_outputs(path: Path) -> dict[str, np.ndarray]:
    """What ``write_outputs`` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
