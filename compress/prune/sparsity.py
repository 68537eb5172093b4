"""How many zeros a network's kernels have."""

from typing import Any

import numpy as np

from compress import keras


def prunable_kernels(model: Any) -> dict[str, np.ndarray]:
    """Layer name -> kernel (h, w, in, out) of every convolution that is not depthwise, int8-emulating ones too."""
    kernels = {}
    for layer in model.layers:
        inner = getattr(layer, "layer", layer)  # a quantizing wrapper holds the layer and its variables
        if type(inner) is keras.layers.Conv2D:
            kernels[inner.name] = next(w for w in layer.weights if w.name.endswith("kernel:0")).numpy()
    return kernels


def kernel_sparsity(kernels: dict[str, np.ndarray]) -> float:
    """Fraction in [0, 1] of exact zeros over all kernels together; 0 for none."""
    size = sum(kernel.size for kernel in kernels.values())
    return sum(int((kernel == 0).sum()) for kernel in kernels.values()) / size if size else 0.0
