"""The TFLite interpreter of this machine, whatever its package is called."""

import importlib
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from jetson.errors import UserError

PACKAGES = (("ai_edge_litert.interpreter", "ai-edge-litert"), ("tflite_runtime.interpreter", "tflite-runtime"))
INSTALL = (
    "no TFLite interpreter is installed; on JetPack 5: python3.9 -m pip install ai-edge-litert==2.1.0 numpy==2.0.2, "
    "or with its own Python 3.8: pip install tflite-runtime==2.13.0 numpy==1.24.4"
)


class Runtime(NamedTuple):
    """An interpreter's class, and the package and version that it comes from."""

    make: Any
    name: str
    version: str

    def facts(self) -> Dict[str, str]:
        return {"name": self.name, "version": self.version}


def find() -> Runtime:
    """The first package that loads. Raises UserError, with what each said, if none does."""
    reasons = []
    for module, package in PACKAGES:
        try:
            make = importlib.import_module(module).Interpreter
        except ImportError as error:
            if error.name != module.split(".")[0]:  # it is there, and lacks something itself
                reasons.append(f"{package}: {str(error).splitlines()[0]}")
            continue
        return Runtime(make, package, _version(package))
    raise UserError("; ".join([INSTALL, *reasons]))


def _version(package: str) -> str:
    from importlib import metadata  # Python 3.8 has it

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


class Model:
    """One loaded model, ready to be invoked for one example at a time.

    ``size`` fills the sides that its inputs leave open, in order: one number for all, or one for each. Raises UserError
    where there are such sides and no size."""

    def __init__(
        self, content: bytes, threads: int, runtime: Optional[Runtime] = None, size: Optional[Sequence[int]] = None
    ) -> None:
        self._content, self._threads, self._runtime = content, threads, runtime or find()
        self._size = list(size or [])
        self.load()

    def load(self) -> None:
        """A fresh interpreter: what the one before remembers is forgotten."""
        self.interpreter = self._runtime.make(model_content=self._content, num_threads=self._threads)
        for tensor in self.interpreter.get_input_details():
            shape = filled(tensor.get("shape_signature", tensor["shape"]), tensor["shape"], self._size)
            if shape != [int(side) for side in tensor["shape"]]:
                self.interpreter.resize_tensor_input(tensor["index"], shape)
        self.interpreter.allocate_tensors()
        self.inputs = self.interpreter.get_input_details()
        self.input = self.inputs[0]
        self.shape: Tuple[int, ...] = tuple(int(side) for side in self.input["shape"])

    def fill(self) -> None:
        """Seeded noise at every input."""
        noise = np.random.RandomState(0)
        for tensor in self.inputs:
            shape, kind = tuple(int(side) for side in tensor["shape"]), np.dtype(tensor["dtype"])
            if kind.kind == "f":
                values = noise.uniform(size=shape)
            elif kind.itemsize <= 2 and kind.kind in "iu":
                values = noise.randint(np.iinfo(kind).min, np.iinfo(kind).max + 1, shape)
            else:  # indices, lengths: there is always a first
                values = np.zeros(shape)
            self.interpreter.set_tensor(tensor["index"], values.astype(kind))

    def reset(self) -> None:
        """Forgets the state that an LSTM keeps in variable tensors."""
        if hasattr(self.interpreter, "reset_all_variables"):
            self.interpreter.reset_all_variables()


def filled(signature: Sequence[int], shape: Sequence[int], size: Sequence[int]) -> List[int]:
    """The shape of a tensor whose open sides, -1 in its signature, are the batch, which is 1, and those of ``size``."""
    signature = [int(side) for side in signature] or [int(side) for side in shape]
    free = [number for number, side in enumerate(signature) if side < 0 and number > 0]
    if free and len(size) not in (1, len(free)):
        words = "x".join("?" if side < 0 else str(side) for side in signature[1:])
        raise UserError(f"the model accepts examples of any size ({words}): give one, such as --size 224")
    sides = dict(zip(free, list(size) * len(free) if len(size) == 1 else size))
    return [sides.get(number, 1 if side < 0 else side) for number, side in enumerate(signature)]
