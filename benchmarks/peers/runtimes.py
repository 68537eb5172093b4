"""The runtimes, each with one thread for one image at a time; run by the peers' interpreter.

``set_image`` puts an image where the runtime reads it, ``infer`` is what is timed, ``output`` is what came out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np


class Runtime(Protocol):
    """Images are float32 (1, height, width, 3) in [0, 1]; outputs (classes,), logits or probabilities."""

    def set_image(self, image: np.ndarray) -> None: ...

    def infer(self) -> None: ...

    def output(self) -> np.ndarray: ...


class LiteRT:
    """A .tflite, with the delegate that LiteRT takes by itself (XNNPACK)."""

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self.infer = self._interpreter.invoke

    def set_image(self, image: np.ndarray) -> None:
        self._interpreter.set_tensor(self._input, image)

    def output(self) -> np.ndarray:
        return self._interpreter.get_tensor(self._output)[0]


class OpenVINO:
    """An OpenVINO IR, for the least latency on one thread."""

    def __init__(self, path: Path) -> None:
        import openvino

        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
        compiled = openvino.Core().compile_model(path, "CPU", settings)
        self._request = compiled.create_infer_request()
        self._image = np.zeros(tuple(compiled.input(0).shape), np.float32)
        self._request.set_input_tensor(openvino.Tensor(self._image, shared_memory=True))

    def set_image(self, image: np.ndarray) -> None:
        self._image[:] = image

    def infer(self) -> None:
        self._request.infer(share_outputs=True)

    def output(self) -> np.ndarray:
        return self._request.get_output_tensor(0).data[0].copy()


class OnnxRuntime:
    """An ONNX file; input and output are bound, so that a run copies nothing."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._binding = self._session.io_binding()
        self._binding.bind_output(self._session.get_outputs()[0].name)

    def set_image(self, image: np.ndarray) -> None:
        self._binding.bind_cpu_input(self._session.get_inputs()[0].name, image)

    def infer(self) -> None:
        self._session.run_with_iobinding(self._binding)

    def output(self) -> np.ndarray:
        return self._binding.copy_outputs_to_cpu()[0][0]


# name -> (its file in a network's folder, what runs it); in this order they take turns, jetslim beside OpenVINO
RUNTIMES: dict[str, tuple[str, Callable[[Path], Runtime]]] = {
    "float32": ("float32.tflite", LiteRT),
    "jetslim": ("jetslim.tflite", LiteRT),
    "openvino": ("openvino.xml", OpenVINO),
    "onnxruntime": ("onnxruntime.onnx", OnnxRuntime),
}
