"""Each family of Keras 3's keras.applications, rebuilt in legacy Keras: ``python -m benchmarks.keras3 [FAMILY ...]``.

Weights and batch statistics are random; the network is saved as a .keras file and read back by jetslim. A result is one
file a family in results/keras3: the largest difference of the outputs over the largest output, and seconds. What is
there is not measured again.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import keep
from benchmarks.studies import Keras3Family, schema_of
from compress import keras3
from compress.models import network_file
from compress.pipeline.make import load_libraries

RESULTS = Path(__file__).parents[1] / "results" / "keras3"
SEED, IMAGES, CLASSES = 0, 4, 10

# one network of each family that Keras 3 has, and the side of its images
FAMILIES = {
    "ConvNeXtTiny": 64,
    "DenseNet121": 64,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
    "InceptionResNetV2": 96,
    "InceptionV3": 96,
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Large": 64,
    "MobileNetV3Small": 64,
    "NASNetMobile": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "VGG16": 64,
    "Xception": 96,
}


def family(name: str) -> dict[str, Any]:
    """Built by Keras 3, given random weights and statistics, saved, rebuilt and compared."""
    size = FAMILIES[name]
    model = getattr(keras3.applications, name)(
        weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3)
    )
    model = keras3.Model(model.inputs, keras3.layers.Dense(CLASSES)(model.outputs[0]), name=model.name)
    rng = np.random.default_rng(SEED)
    for weight in model.weights:
        kind, shape = weight.path.rpartition("/")[2], weight.shape
        if "variance" in kind:
            weight.assign(rng.uniform(0.5, 1.5, shape))
        elif any(word in kind for word in ("mean", "beta", "bias")):
            weight.assign(rng.normal(0, 0.3, shape))
        elif "gamma" in kind:
            weight.assign(rng.uniform(0.5, 1.2, shape))
    images = rng.random((IMAGES, size, size, 3)).astype("float32")
    wanted = np.asarray(model(images, training=False))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        model.save(path)
        start = time.perf_counter()
        rebuilt = network_file.read_network(path)
        seconds = time.perf_counter() - start
    got = rebuilt(images, training=False).numpy()
    return {
        "schema": schema_of(Keras3Family),
        "family": name,
        "size": size,
        "parameters": int(model.count_params()),
        "layers": len(model.layers),
        "largest_output": float(np.abs(wanted).max()),
        "difference": float(np.abs(got - wanted).max() / np.abs(wanted).max()),
        "seconds": round(seconds, 2),
    }


def main() -> None:
    load_libraries()
    _ = keras3.layers
    for name in sys.argv[1:] or FAMILIES:
        path = RESULTS / f"{name.lower()}.json"
        if not path.exists():
            keras3.backend.clear_session()
            keep(path, family(name))


if __name__ == "__main__":
    main()
