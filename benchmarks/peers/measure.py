"""Step 3, by the peers' interpreter: every runtime in one process, taking turns; ``... measure FOLDER``."""

import json
import platform
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.pairs import Round, order
from benchmarks.peers.runtimes import RUNTIMES, Runtime

ROUNDS, WARM_UP, RUNS = 10, 5, 20
PACKAGES = ("numpy", "openvino", "nncf", "onnx", "onnxruntime", "tf2onnx", "tensorflow-cpu", "ai-edge-litert")


def turn(runtime: Runtime) -> tuple[list[float], float]:
    """(milliseconds of each timed inference, seconds of processor time in all of them)."""
    for _ in range(WARM_UP):
        runtime.infer()
    samples = []
    busy = time.process_time()
    for _ in range(RUNS):
        start = time.perf_counter()
        runtime.infer()
        samples.append(round((time.perf_counter() - start) * 1e3, 4))
    return samples, time.process_time() - busy


def measure(runtimes: Mapping[str, Runtime]) -> dict[str, Any]:
    """``rounds``: every sample; ``cores``: processor time / wall time, which is 1 for one thread left in peace."""
    rounds: list[Round] = []
    busy = dict.fromkeys(runtimes, 0.0)
    for number in range(ROUNDS):
        rounds.append({})
        for name in order(list(runtimes), number):
            rounds[-1][name], spent = turn(runtimes[name])
            busy[name] += spent
    wall = {name: sum(sum(each[name]) for each in rounds) / 1e3 for name in runtimes}
    return {
        "warm_up": WARM_UP,
        "rounds": rounds,
        "cores": {name: round(busy[name] / wall[name], 3) for name in runtimes},
    }


def classes(runtime: Runtime, images: np.ndarray) -> np.ndarray:
    """The class of the largest output, an image each."""
    chosen = []
    for image in images:
        runtime.set_image(image[None])
        runtime.infer()
        chosen.append(int(np.argmax(runtime.output())))
    return np.array(chosen)


def agreement(runtimes: Mapping[str, Runtime], images: np.ndarray) -> dict[str, float]:
    """The share of images in the class that the float32 .tflite gives them: what is timed is the same network."""
    wanted = classes(runtimes["float32"], images)
    return {name: float(np.mean(classes(runtime, images) == wanted)) for name, runtime in runtimes.items()}


def main() -> None:
    folder = Path(sys.argv[1])
    images = np.load(folder / "calibration.npy").astype(np.float32) / np.float32(255)
    files = {name: folder / file for name, (file, _) in RUNTIMES.items()}
    runtimes = {name: RUNTIMES[name][1](path) for name, path in files.items() if path.is_file()}
    result = {
        "agreement": agreement(runtimes, images),
        **measure(runtimes),
        "bytes": {name: size(files[name]) for name in runtimes},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }
    (folder / "measured.json").write_text(json.dumps(result))


def size(path: Path) -> int:
    """Bytes of a model; OpenVINO's weights lie beside its graph."""
    return sum(part.stat().st_size for part in (path, path.with_suffix(".bin")) if part.is_file())


if __name__ == "__main__":
    main()
