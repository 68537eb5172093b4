"""Step 2, by the peers' interpreter: the float SavedModel -> int8, by each peer's own post-training quantization.

``... convert FOLDER`` reads what step 1 wrote there. A peer that refuses is a line in the result.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.peers.runtimes import RUNTIMES


def openvino(folder: Path, images: np.ndarray) -> None:
    """OpenVINO's IR, quantized by NNCF as its basic flow says."""
    import nncf
    import openvino

    model = openvino.convert_model(folder / "float")
    data = nncf.Dataset(images[:, None])
    openvino.save_model(nncf.quantize(model, data, subset_size=len(images)), folder / "openvino.xml")


def onnxruntime(folder: Path, images: np.ndarray) -> None:
    """ONNX by tf2onnx; QDQ, a scale per channel, uint8 activations: what is fastest on x86 with VNNI."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = iter(images)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self._left, None)
            return None if image is None else {"image": image[None]}

    plain, prepared = folder / "float.onnx", folder / "prepared.onnx"
    command: list[str | Path] = [
        "-m",
        "tf2onnx.convert",
        "--saved-model",
        folder / "float",
        "--output",
        plain,
        "--opset",
        "17",
    ]
    done = subprocess.run([sys.executable, *command], stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    quant_pre_process(plain, prepared, skip_symbolic_shape=True)  # every shape is known
    quantize_static(
        prepared,
        folder / "onnxruntime.onnx",
        Images(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def attempt(convert: Callable[[Path, np.ndarray], None], folder: Path, images: np.ndarray) -> dict[str, object]:
    """Seconds that it took, and why it was refused, or None; what the runtime cannot load is refused, too."""
    file, load = RUNTIMES[convert.__name__]
    start, refused = time.perf_counter(), None
    try:
        convert(folder, images)
        load(folder / file)
    except Exception as error:  # whatever a peer raises is its answer
        (folder / file).unlink(missing_ok=True)
        refused = f"{type(error).__name__}: {error}".splitlines()[0]
    return {"seconds": round(time.perf_counter() - start, 2), "refused": refused}


def main() -> None:
    folder = Path(sys.argv[1])
    images = np.load(folder / "calibration.npy").astype(np.float32) / np.float32(255)
    outcomes = {convert.__name__: attempt(convert, folder, images) for convert in (openvino, onnxruntime)}
    (folder / "converted.json").write_text(json.dumps(outcomes))


if __name__ == "__main__":
    main()
