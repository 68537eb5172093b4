"""A stand-in for NVIDIA's trtexec: takes the options that a version takes, fails on others as the real one does, and
answers with times and outputs that are no measurement. VERSION in its name: trtexec-8502, trtexec-100300, ...

What it prints and writes has the form that NVIDIA/TensorRT's samples of those versions print and write.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

import numpy as np

COMMON = [
    "help",
    "onnx",
    "saveEngine",
    "loadEngine",
    "noTF32",
    "iterations",
    "warmUp",
    "duration",
    "avgRuns",
    "useSpinWait",
    "exportTimes",
    "loadInputs",
    "exportOutput",
]
ONLY = {"8502": ["int8", "fp16", "best", "buildOnly"], "100300": ["int8", "fp16", "best", "skipInference"]}
TYPED = ["includeDataTransfers", "skipInference"]


def main():
    version = re.search(r"(\d+)$", Path(sys.argv[0]).name).group(1)
    print(f"&&&& RUNNING TensorRT.trtexec [TensorRT v{version}] # {' '.join(sys.argv)}", flush=True)
    options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
    unknown = [name for name in options if name not in COMMON + ONLY.get(version, TYPED)]
    for name in unknown:
        print(f"[11/29/2026-10:00:00] [E] Unknown option: --{name} {options[name]}")
    if unknown:
        print(f"&&&& FAILED TensorRT.trtexec [TensorRT v{version}]")
        return 1
    if "help" in options:
        return 0
    ill = os.environ.get("REPLAY_ILL", "")
    if "onnx" in options:
        content = Path(options["onnx"]).read_bytes()
        if ill == "hangs" and "float" in options["onnx"]:
            time.sleep(600)
        if ill == "refuses" and "float" in options["onnx"]:
            print("[11/29/2026-10:00:00] [E] [TRT] ModelImporter.cpp:771: While parsing node number 3")
            return 1
        Path(options["saveEngine"]).write_text(f"{options['onnx']}\n{len(content)}\n{version}\n")
        return 0
    onnx, _, built = Path(options["loadEngine"]).read_text().split()
    if built != version:
        print("[11/29/2026-10:00:00] [E] [TRT] 6: The engine plan file is not compatible with this version of TensorRT")
        return 1
    if "exportTimes" in options:
        copies = 0.1 if version in ONLY or "includeDataTransfers" in options else 0.0
        count = max(int(options.get("iterations", 10)), int(options.get("duration", 0)) * 100) + 5  # with a warm-up
        rows = [
            {"startEnqMs": 2.0 * k, "startComputeMs": 2.0 * k, "h2dMs": copies / 2, "computeMs": 1.0 + 0.01 * (k % 3),
             "d2hMs": copies / 2, "latencyMs": 1.0 + 0.01 * (k % 3) + copies}
            for k in range(count)
        ]  # fmt: skip
        Path(options["exportTimes"]).write_text(json.dumps(rows))
        if int(options.get("duration", 0)):
            time.sleep(int(options["duration"]))
    if "exportOutput" in options:
        name, _, file = options["loadInputs"].partition(":")
        assert name == "image"
        row = answer(Path(onnx), np.fromfile(file, np.float32))
        said = [{"name": key, "dimensions": "x".join(map(str, values.shape)), "values": values.ravel().tolist()}
                for key, values in row.items()]  # fmt: skip
        Path(options["exportOutput"]).write_text(json.dumps(said))
    print(f"&&&& PASSED TensorRT.trtexec [TensorRT v{version}]")
    return 0


def answer(onnx, image):
    """The outputs of the file by ONNX Runtime: the answers are real, the times are not."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": image.reshape(shape)}), strict=True))


if __name__ == "__main__":
    sys.exit(main())
