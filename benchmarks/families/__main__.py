"""Each family of keras.applications, int8 beside float32 on this host: ``python -m benchmarks.families [NETWORK ...]``.

Weights are random, with the batch statistics of real images. A result is one file a network in results/families; what
is there is not measured again. Accuracy is another matter: ``jetslim run NETWORK`` trains, and its run.json is copied
to results/families/NETWORK-digits.json.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from benchmarks.networks import FAMILIES
from benchmarks.peers.measure import measure
from benchmarks.peers.prepare import CLASSES, SEED, digits, settle_statistics
from benchmarks.peers.runtimes import LiteRT
from benchmarks.record import keep
from benchmarks.studies import FamilyLatency, schema_of
from compress import fake_quant, models
from compress.evaluate.predictors import to_float
from compress.export import flatbuffer
from compress.export.convert import Converter
from compress.inspection import difference
from compress.quantize.fold import fold
from compress.quantize.qat import float_layers, quantization_aware

RESULTS = Path(__file__).parents[1] / "results" / "families"
SIZE, IMAGES = 224, 8


def family(network: str) -> dict[str, Any]:
    """Rewritten, calibrated, converted and timed."""
    images = to_float(digits(SIZE)[:IMAGES])
    model = models.build(network, SIZE, CLASSES, seed=SEED)
    settle_statistics(model, images)
    wanted, got = (network(images, training=False).numpy() for network in (model, fold(model)))
    beside = model(np.nextafter(images, np.float32(2)), training=False).numpy()
    int8 = quantization_aware(model, [images[:4], images[4:]])
    fake_quant.freeze_quantized_kernels(int8)
    start = time.perf_counter()
    content = Converter(int8).dense()
    seconds = round(time.perf_counter() - start, 2)
    plain, operators = Converter(model).dense(), flatbuffer.operators(content)
    with tempfile.TemporaryDirectory() as folder, FileLock(Path(tempfile.gettempdir()) / "jetslim-latency.lock"):
        paths = {"jetslim": Path(folder) / "int8.tflite", "float32": Path(folder) / "float32.tflite"}
        for path, file in zip(paths.values(), (content, plain), strict=True):
            path.write_bytes(file)
        runtimes = {name: LiteRT(path) for name, path in paths.items()}
        for runtime in runtimes.values():
            runtime.set_image(images[:1])
        measured = measure(runtimes)
    return {
        "schema": schema_of(FamilyLatency),
        "network": network,
        "size": SIZE,
        "difference": difference([wanted], [got]),
        "rounding": difference([wanted], [beside]),
        "convert_seconds": seconds,
        "bytes": {"jetslim": len(content), "float32": len(plain)},
        "operators": operators.counts,
        "float_operators": sorted(set(operators.floats)),
        "float_layers": float_layers(int8),
        "requantizations": operators.requantizations,
        **measured,
    }


def main() -> None:
    for network in sys.argv[1:] or FAMILIES:
        models.check_name(network)
        path = RESULTS / f"{network}-{SIZE}.json"
        if path.exists():
            print(f"{path.name} is there", flush=True)
            continue
        keep(path, family(network))


if __name__ == "__main__":
    main()
