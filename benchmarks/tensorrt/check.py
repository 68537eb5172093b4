"""What NVIDIA's compiler makes of a network: ``python -m benchmarks.tensorrt.check densenet121`` or ``... model.onnx``.

A network by name gets weights by chance and grids from noise: which layers read int8 does not depend on them. Beside
our file: ONNX Runtime's own static quantization of the float file, and, with --peers, what tf2onnx makes of a network
that tfmot quantized. Kept as results/tensorrt/compiled-NAME.json.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.prepare import settle_statistics
from benchmarks.record import keep
from benchmarks.studies import CompiledForTensorRT, schema_of
from benchmarks.tensorrt.table import EVERY
from compress import fake_quant, keras, models
from compress.artifacts.saved_model import serving_function
from compress.export import onnx as exported
from compress.quantize.fold import fold
from compress.quantize.qat import quantization_aware
from compress.tasks import Classification

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "benchmarks" / "results" / "tensorrt"
OWN = HERE / ".venv"
CLASSES = 10


def with_chance_weights(name: str, images: np.ndarray) -> Any:
    """The network with biases by chance, whose batch norms have the statistics of the images: they say something else
    of each."""
    network = models.build(name, images.shape[1], CLASSES, seed=0)
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if any(word in weight.name for word in ("beta", "bias")):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    settle_statistics(network, images)
    return network


def compiled(content: bytes) -> dict[str, Any]:
    """What ``compiler.py`` says of the file, and what our lint says."""
    import onnx

    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(content)
        file.flush()
        ran = subprocess.run(
            [OWN / "bin" / "python", HERE / "compiler.py", file.name], capture_output=True, text=True, check=False
        )
    if ran.returncode:
        sys.exit(f"error: the compiler failed: {ran.stderr.strip().splitlines()[-1:]}")
    said = json.loads(ran.stdout.splitlines()[-1])
    return {**said, "faults": exported.faults(onnx.load_from_string(content))[:5], "bytes": len(content)}


def ours(network: Any, images: np.ndarray, fuses: bool) -> tuple[bytes, float]:
    """(the int8 file in one of its two forms, seconds to write it and check it)."""
    aware = quantization_aware(network, [images], symmetric=True)
    fake_quant.freeze_quantized_kernels(aware)
    start = time.perf_counter()
    model = exported.written(aware, Classification.OUTPUTS, fuses=fuses)
    exported.faults(model)
    content = model.SerializeToString()
    exported.OnnxPredictor(content)(images)
    return content, round(time.perf_counter() - start, 2)


def by_onnx_runtime(float_file: bytes, images: np.ndarray) -> bytes:
    """The float file in int8 by ``onnxruntime.quantization``, with the settings that TensorRT asks for."""
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.images: Iterator[np.ndarray] = iter(images)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self.images, None)
            return None if image is None else {"image": image[None]}

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(float_file)
        quantization.quantize_static(
            source,
            target,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            extra_options={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False},
        )
        return target.read_bytes()


def by_tf2onnx(network: Any) -> bytes:
    """A Keras network, float or of tfmot, by tf2onnx."""
    sys.path += map(str, (OWN / "lib").glob("python*/site-packages"))
    import tf2onnx  # type: ignore[import-not-found]

    serve = serving_function(network, ["logits"], batch=1)
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(serve)
    names = [tensor.name for tensor in frozen.inputs], [tensor.name for tensor in frozen.outputs]
    proto, _ = tf2onnx.convert._convert_common(
        frozen.graph.as_graph_def(), input_names=names[0], output_names=names[1], opset=17, name="float"
    )
    return bytes(proto.SerializeToString())


def by_tfmot_and_tf2onnx(network: Any, images: np.ndarray) -> bytes:
    """What a user's notebook does: tfmot's own quantization, then tf2onnx. Raises what either of them raises."""
    aware = keras.tfmot.quantization.keras.quantize_model(network)
    aware(images, training=True)  # it measures the ranges of kernels in training alone
    return by_tf2onnx(aware)


def difference(one: bytes, other: bytes, images: np.ndarray) -> float:
    """The largest difference of two files' outputs."""
    import onnxruntime

    results = []
    for content in (one, other):
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        results.append(np.concatenate([session.run(None, {name: image[None]})[0] for image in images]))
    return float(np.max(np.abs(results[0] - results[1])))


def examined(name: str, size: int, peers: bool) -> dict[str, Any]:
    images = np.random.default_rng(1).random((4, size, size, 3), np.float32)
    network = with_chance_weights(name, images)
    content, seconds = ours(network, images, fuses=True)
    files = {"jetslim": compiled(content), EVERY: compiled(ours(network, images, fuses=False)[0])}
    float_file = exported.written(fold(network), Classification.OUTPUTS, raw=True).SerializeToString()
    files["onnxruntime"] = compiled(by_onnx_runtime(float_file, images))
    departs = None
    if peers:
        departs = difference(float_file, by_tf2onnx(network), images)
        try:
            files["tfmot, tf2onnx"] = compiled(by_tfmot_and_tf2onnx(network, images))
        except (ValueError, RuntimeError, TypeError, AttributeError) as error:
            files["tfmot, tf2onnx"] = {"refused": f"tfmot: {str(error).splitlines()[0][:300]}"}
    return {
        "schema": schema_of(CompiledForTensorRT),
        "network": name,
        "size": size,
        "seconds_to_write": seconds,
        "files": files,
        "difference_from_tf2onnx": departs,
    }


def shown(said: dict[str, Any]) -> list[str]:
    """A few lines on a compiled file."""
    if "refused" in said:
        return [f"refused: {said['refused']}"]
    kernels = said["kernels"]
    floats = [node for layer in kernels if "Int8" not in layer["reads"][:1] for node in layer["onnx"][:1]]
    lines = [f"{len(kernels) - len(floats)} of {len(kernels)} kernels read int8; {said['layers']} layers"]
    lines += [f"kernels in float: {', '.join(floats)}"] * bool(floats)
    others = [layer[-1] if layer else "?" for layer in said["float_layers"]]
    return [*lines, f"other layers in float: {', '.join(others) or 'none'}"]


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tensorrt.check", description=__doc__)
    parser.add_argument("names", nargs="+", help="names of networks, or .onnx files")
    parser.add_argument("--size", type=int, default=224, help="the side of the images of a network by name (224)")
    parser.add_argument("--peers", action="store_true", help="with tf2onnx and tfmot, too")
    return parser


def main() -> None:
    words = parser().parse_args()
    logging.disable(logging.WARNING)  # each tool's advice on the others
    for name in words.names:
        if name.endswith(".onnx"):
            print("\n".join(shown(compiled(Path(name).read_bytes()))))
            continue
        result = examined(name, words.size, words.peers)
        for tool, said in result["files"].items():
            print("\n".join(f"{name}, {tool}: {line}" for line in shown(said)))
        keep(RESULTS / f"compiled-{name}-{words.size}.json", result)


if __name__ == "__main__":
    main()
