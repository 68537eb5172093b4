"""An ONNX file as a predictor: ONNX Runtime on the CPU, one example at a time, as written."""

from pathlib import Path

import numpy as np

from compress.pixels import UNIT
from compress.tasks import Arrays


class OnnxPredictor:
    """``predictor(images)`` gives the file's outputs by name, float32 (n, ...); images as ``Split.read`` gives them."""

    def __init__(self, content: bytes | Path, threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # they put int8 kernels with roundings of their own in the place of what the file says, and round float kernels
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        given = content if isinstance(content, bytes) else str(content)
        self._session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        self._names = [output.name for output in self._session.get_outputs()]

    def __call__(self, images: np.ndarray) -> Arrays:
        examples = UNIT.of(images)
        rows = [self._session.run(self._names, {"image": example[None]}) for example in examples]
        return {name: np.concatenate([row[at] for row in rows]) for at, name in enumerate(self._names)}
