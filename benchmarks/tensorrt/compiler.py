"""NVIDIA's parser and compiler on an ONNX file, for compute capability 8.6: ``python compiler.py FILE`` prints JSON.

Runs in benchmarks/tensorrt/.venv and needs no GPU. It shows what TensorRT takes and what it computes in int8, and no
Jetson's speed.
"""

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import tensorrt_rtx_bindings as trt  # type: ignore[import-not-found]
import tensorrt_rtx_libs  # type: ignore[import-not-found]  # noqa: F401  (loads the libraries)

KERNELS = ("correlation", "convolution", "deconvolution", "gemm")


class Log(trt.ILogger):  # type: ignore[misc]
    """What the compiler says."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def log(self, severity: object, text: str) -> None:
        self.lines += text.splitlines()


def compiled(content: bytes) -> dict[str, Any]:
    """{"refused": why}, or what became of the file: {"seconds", "layers", "kernels": [...], "float_layers": [...]}."""
    log = Log()
    builder = trt.Builder(log)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, log)
    if not parser.parse(content):
        return {"refused": parser.get_error(0).desc()}
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM86, 0)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    start = time.perf_counter()
    if builder.build_serialized_network(network, config) is None:
        return {"refused": next((line for line in reversed(log.lines) if "Error" in line), "it says no reason")}
    seconds = time.perf_counter() - start
    layers = [layer for line in log.lines if (layer := described(line))]
    return {
        "seconds": round(seconds, 2),
        "layers": len(layers),
        "kernels": [layer for layer in layers if layer["type"] in KERNELS],
        "float_layers": [
            layer["onnx"]
            for layer in layers
            if layer["type"] not in KERNELS and "Int8" not in layer["reads"] and "Int8" not in layer["gives"]
        ],
    }


def described(line: str) -> dict[str, Any] | None:
    """The compiler's line on a layer of the engine: its type, what it reads and gives, and the ONNX nodes in it."""
    match = re.match(r"Name: .*?, LayerType: (\w+), Inputs: (.*), Outputs: (.*), TacticName: ", line)
    if match is None:
        return None
    kind, reads, gives = match.groups()
    nodes = re.findall(r"ONNX Layer: ([^\]]+)\]", line)
    return {
        "type": kind,
        "reads": re.findall(r"Datatype: (\w+)", reads.split("Constants: [")[0]),
        "gives": re.findall(r"Datatype: (\w+)", gives),
        "onnx": nodes,
    }


if __name__ == "__main__":
    print(json.dumps({**compiled(Path(sys.argv[1]).read_bytes()), "compiler": trt.__version__}))
