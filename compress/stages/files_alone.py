"""Files of a network outside a pipeline, where there are no data: compared with it on noise."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compress import keras
from compress.artifacts.files import replace
from compress.errors import UserError
from compress.evaluate import TFLitePredictor
from compress.stages.faithful import Unfaithful
from compress.stages.onnx_file import ONNX
from compress.tasks import Output

IMAGES = 8
# root mean squares, of the difference over the outputs; noise is what an int8 network has not learned to stand
MOST_APART = {"float32": 1e-4, "int8": 0.5}


@dataclass(frozen=True)
class WrittenFile:
    """A file, and how far its outputs on noise are from the network's: root mean squares, over the outputs'."""

    path: Path
    bytes: int
    precision: str
    apart: float

    def __str__(self) -> str:
        size = f"{self.bytes / 1e6:.2f} MB"
        return f"{self.path}: {size}, {self.precision}, {self.apart:.1e} of the outputs away on noise"


def write_files(network: Any, tflite: bool, as_onnx: bool, out: Path) -> Iterator[WrittenFile]:
    """Writes ``model.tflite`` and ``model.onnx`` of a functional network into ``out``.

    Raises UserError for a network of open sides and for layers without ONNX nodes, and Unfaithful for a file that
    departs from the network; nothing is left of one.
    """
    from compress.export import convert, onnx
    from compress.quantize.fold import fold
    from compress.rewrite import as_plain_layers

    if None in network.input_shape[1:]:
        raise UserError(f"the network accepts {network.input_shape[1:]}: give the size of the images as --size")
    quantized = convert.is_quantized(network)
    plain = network if quantized else as_plain_layers(network)
    precision = "int8" if quantized else "float32"
    names = [name.rpartition("/")[2] for name in network.output_names]
    outputs = [Output(name, name, name) for name in names]
    noise = np.random.default_rng(0).random((IMAGES, *network.input_shape[1:]), np.float32)
    said = keras.tf.nest.flatten(network(keras.tf.constant(noise), training=False))
    wanted = {name: tensor.numpy() for name, tensor in zip(names, said, strict=True)}
    contents: dict[str, tuple[bytes, Any]] = {}
    if tflite:
        content = convert.Converter(plain, outputs=outputs).dense()
        contents["model.tflite"] = content, TFLitePredictor(content, expected=[names])(noise)
    if as_onnx:
        content = onnx.written(plain if quantized else fold(plain), outputs).SerializeToString()
        contents[ONNX] = content, onnx.OnnxPredictor(content)(noise)
    for file, (content, got) in contents.items():
        apart = max(_apart(wanted[name], got[name]) for name in names)
        if not apart <= MOST_APART[precision]:
            raise Unfaithful(f"{file} differs from the network by {apart:.1e} of its outputs, on random inputs")
        yield WrittenFile(replace(out / file, content), len(content), precision, apart)


def _apart(wanted: np.ndarray, got: np.ndarray) -> float:
    """The root mean square of the difference, over that of the outputs."""
    difference = wanted - got.reshape(wanted.shape)
    return float(np.sqrt(np.mean(difference**2) / max(float(np.mean(wanted**2)), 1e-18)))
