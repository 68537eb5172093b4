"""What a path holds where a network was asked for: told apart by names and first bytes, before anything is loaded."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from compress.errors import UserError

FILES = (".keras", ".h5", ".hdf5")
_H5 = (".h5", ".hdf5")
_WHOLE = 'save the whole network with model.save("net.keras") and use that file'


def check(place: Path) -> None:
    """Raises UserError for whatever is no network that can be trained on, as far as its outside tells."""
    for reason in _reasons(place):
        raise UserError(reason)


def _reasons(place: Path) -> Iterator[str]:
    """The first says what is wrong; none where nothing is known to be."""
    if not place.exists():
        if _is_checkpoint(place):
            yield _weights_only(place, "a checkpoint")
        yield f"there is no network at {place}"
    if place.is_dir():
        yield from _folder(place)
        return
    start = _start(place)
    if not start:
        yield f"{place} is empty: download or copy it again"
    if start.startswith(b"version https://git-lfs"):
        yield f"{place} is only a Git LFS pointer: fetch the file itself (git lfs pull)"
    if start[4:8] == b"TFL3" or place.suffix == ".tflite":
        yield (
            f"{place} is a TFLite file, which can be evaluated and run, but not trained, pruned or quantized: "
            "use the Keras network from which it was made"
        )
    if place.suffix == ".index" or ".data-" in place.name:
        yield _weights_only(place, "a checkpoint")
    if place.suffix not in FILES:
        yield f"{place} is not a network: expected a SavedModel folder or a file that ends in {', '.join(FILES)}"
    if place.suffix == ".keras":
        if start.startswith(b"\x89HDF"):
            yield f"cannot load {place}: it is an .h5 file with another ending; rename it to .h5"
        if not zipfile.is_zipfile(place):
            yield f"cannot load {place}: it is not a complete .keras file (a zip archive); copy it again"
    if place.suffix in _H5:
        if start.startswith(b"PK"):
            yield f"cannot load {place}: it is a .keras file with another ending; rename it to .keras"
        yield from _h5(place)


def _folder(place: Path) -> Iterator[str]:
    graph = place / "saved_model.pb"
    if not graph.is_file():
        if _is_checkpoint(place) or (place / "checkpoint").is_file():
            yield _weights_only(place, "a checkpoint")
        yield f"{place} is not a SavedModel: there is no saved_model.pb in it"
    for file in (graph, *sorted(place.glob("variables/*"))):
        if _start(file).startswith(b"version https://git-lfs"):
            yield f"{place} contains only Git LFS pointers: fetch the files themselves (git lfs pull)"
    if not (place / "keras_metadata.pb").is_file():
        yield (
            f"{place} is not a Keras SavedModel (model.export() writes such folders), so it cannot be trained; {_WHOLE}"
        )
    if not list(place.glob("variables/variables.index")):
        yield f"{place} has no variables, so the SavedModel is incomplete: copy the whole folder"


def _h5(place: Path) -> Iterator[str]:
    import h5py  # comes with TensorFlow

    try:
        with h5py.File(place, "r") as file:
            whole = "model_config" in file.attrs
    except OSError:
        yield f"cannot load {place}: it is not a complete HDF5 file; copy it again"
        return
    if not whole:
        yield _weights_only(place, "a file of weights")


def _weights_only(place: Path, what: str) -> str:
    return (
        f"{place} is {what}, without the network: {_WHOLE}; or give the name of the network and this file "
        f'as its weights (model = "NAME", weights = "{place.name}")'
    )


def _is_checkpoint(place: Path) -> bool:
    return place.with_name(f"{place.name}.index").is_file()


def _start(place: Path) -> bytes:
    with place.open("rb") as file:
        return file.read(64)
