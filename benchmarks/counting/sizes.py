"""Bytes and latency of the networks that count, in turns: weights and images do not matter for either."""

from pathlib import Path

import numpy as np

from benchmarks.record import keep
from benchmarks.studies import CountersInTurns, schema_of
from compress import fake_quant, models
from compress.evaluate.latency import in_turns
from compress.evaluate.timings import alone
from compress.export import convert
from compress.models.head import DensityHead
from compress.quantize.qat import quantization_aware
from compress.rewrite import as_plain_layers
from compress.tasks import Counting

SIZE, ROUNDS = (96, 128), 10
FLOAT32 = ("m_sfanet", "m_sfanet_1_2", "m_sfanet_1_4", "m_sfanet_1_8", "mcnn")
INT8 = ("mcnn",)


def keep_sizes(results: Path) -> None:
    """Writes sizes.json, if it is not there."""
    path = results / "sizes.json"
    if path.exists():
        print(f"{path.name} is there", flush=True)
        return
    networks = {name: models.build(name, SIZE, DensityHead(0.003), seed=0) for name in FLOAT32}
    files = {
        f"{name} float32": convert.Converter(network, outputs=Counting.OUTPUTS).dense()
        for name, network in networks.items()
    }
    files |= {f"{name} int8": _int8(networks[name]) for name in INT8}
    with alone():
        samples = in_turns(list(files.values()), ROUNDS, 0.2)
    keep(
        path,
        {
            "schema": schema_of(CountersInTurns),
            "size": list(SIZE),
            "parameters": {
                name: sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
                for name, network in networks.items()
            },
            "bytes": {name: len(content) for name, content in files.items()},
            "rounds": [
                {
                    name: np.array_split(times, ROUNDS)[number].tolist()
                    for name, times in zip(files, samples, strict=True)
                }
                for number in range(ROUNDS)
            ],
        },
    )


def _int8(network: object) -> bytes:
    """As the stages quantize and export it, by ranges of noise."""
    noise = np.random.default_rng(0).random((2, *SIZE, 3), dtype=np.float32)
    quantized = quantization_aware(as_plain_layers(network), [noise], ends_in_float=bool(Counting.SUMS))
    fake_quant.freeze_quantized_kernels(quantized)
    return convert.Converter(quantized, outputs=Counting.OUTPUTS).dense()
