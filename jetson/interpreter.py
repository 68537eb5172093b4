"""The TFLite interpreter of this machine, whatever its package is called."""

import importlib
from typing import Any, Dict, NamedTuple, Optional, Tuple

import numpy as np

from jetson.errors import UserError

PACKAGES = (("ai_edge_litert.interpreter", "ai-edge-litert"), ("tflite_runtime.interpreter", "tflite-runtime"))
INSTALL = (
    "no TFLite interpreter here; on JetPack 5: python3.9 -m pip install ai-edge-litert==2.1.0 numpy==2.0.2, "
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
    """One loaded model with one input and one output, batch 1, ready to be invoked."""

    def __init__(self, content: bytes, threads: int, runtime: Optional[Runtime] = None) -> None:
        runtime = runtime or find()
        self.interpreter = runtime.make(model_content=content, num_threads=threads)
        self.interpreter.allocate_tensors()
        self.input, self.output = (
            one[0] for one in (self.interpreter.get_input_details(), self.interpreter.get_output_details())
        )
        self.shape: Tuple[int, ...] = tuple(int(side) for side in self.input["shape"])

    def feed(self, image: np.ndarray) -> None:
        """Sets the input to one image, uint8, which the model sees as value / 255, or to float32 values as they are."""
        self.interpreter.set_tensor(self.input["index"], self.encode(image)[None])

    def encode(self, image: np.ndarray) -> np.ndarray:
        """The example in the input's own type: float32, or the nearest value of its integer grid."""
        values = image.astype(np.float32)
        if image.dtype == np.uint8:
            values /= np.float32(255)
        if self.input["dtype"] == np.float32:
            return values
        scale, zero = self.input["quantization"]
        limits = np.iinfo(self.input["dtype"])
        return np.clip(np.round(values / scale) + zero, limits.min, limits.max).astype(self.input["dtype"])

    def result(self) -> np.ndarray:
        """The output of the last invoke: float32 (classes,)."""
        values = self.interpreter.get_tensor(self.output["index"])[0]
        if self.output["dtype"] == np.float32:
            return np.array(values)
        scale, zero = self.output["quantization"]
        return (values.astype(np.float32) - zero) * np.float32(scale)

    def predict(self, image: np.ndarray) -> np.ndarray:
        """The output for one image, as ``feed`` takes it."""
        self.feed(image)
        self.interpreter.invoke()
        return self.result()
