"""Reads pickles of plain data, dicts, lists, bytes and integer arrays, without running any code that they name.

A pickle is a program: it may call whatever it names. Here it can name only the stand-ins below, which build arrays from
bytes; not even numpy's own unpickling functions see what a stranger wrote.
"""

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from compress.errors import UserError


def load_plain(content: bytes, name: str) -> Any:
    """Unpickle ``content``; Python 2's strings come as bytes, numpy arrays as numpy arrays (uint8, int32, int64).

    Raises UserError that names ``name`` when the pickle asks for anything else to be run, or is damaged.
    """
    try:
        return _arrays(_PlainUnpickler(io.BytesIO(content), encoding="bytes", name=name).load())
    except UserError:
        raise
    # Unpickling bytes at random raises nearly anything.
    except Exception as error:
        raise UserError(f"{name}: the pickle file is damaged ({error})") from error


_DTYPES = {"u1": "u1", "i4": "<i4", "i8": "<i8"}


class _PickledDtype:
    def __init__(self, name: str | bytes, *_: object) -> None:
        text = name.decode() if isinstance(name, bytes) else name
        if text not in _DTYPES:
            raise ValueError(f"an array of type {text}")
        self.dtype = np.dtype(_DTYPES[text])

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in (">", b">"):
            raise ValueError("a big-endian array")


class _PickledArray:
    values: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _version, shape, dtype, is_fortran, raw = state
        self.values = _from_bytes(raw, dtype, shape, "F" if is_fortran else "C").values


def _reconstruct(*_: object) -> _PickledArray:
    return _PickledArray()


def _from_bytes(raw: bytes, dtype: _PickledDtype, shape: tuple[int, ...], order: Any) -> _PickledArray:
    array = _PickledArray()
    array.values = np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)
    return array


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"encoding {encoding}")
    return text.encode("latin1")


# Under the names that numpy 1, numpy 2 and the pickle protocols 2 to 5 write.
_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _PickledDtype,
    ("numpy", "ndarray"): _PickledArray,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _from_bytes,
    ("numpy._core.numeric", "_frombuffer"): _from_bytes,
    ("_codecs", "encode"): _encode,
}


class _PlainUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, *, encoding: str, name: str) -> None:
        super().__init__(file, encoding=encoding)
        self._name = name

    def find_class(self, module: str, global_name: str) -> Callable[..., Any]:
        if (module, global_name) not in _ALLOWED:
            raise UserError(
                f"{self._name}: refused to load {module}.{global_name}, which a pickle of plain data never contains"
            )
        return _ALLOWED[module, global_name]


def _arrays(value: Any) -> Any:
    if isinstance(value, _PickledArray):
        return value.values
    if isinstance(value, dict):
        return {key: _arrays(item) for key, item in value.items()}
    return value
