"""Bytes of files at the paper's 224x224: of untrained networks, as they do not depend on what was learned.

But for batch norms: new ones are all equal, and the converter drops or shares what is equal (0.27 of DenseNet121's
27.92 MB). So they get random values.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.paper2022.paper import SPARSITIES, SPARSITIES_INT8
from benchmarks.paper2022.profile import Profile
from benchmarks.record import keep
from benchmarks.studies import UntrainedSizes, schema_of
from compress import fake_quant, models
from compress.errors import UserError
from compress.export.convert import Converter, gzip_bytes
from compress.models import MODELS
from compress.prune.gradual import prune_at_once
from compress.quantize.qat import quantization_aware
from compress.rewrite import as_plain_layers

SIDE = 224


def keep_sizes(profile: Profile, classes: int, results: Path, kept: Mapping[str, Any]) -> None:
    """A result for each network, precision and sparsity of the paper's tables, if it is not among those ``kept``."""
    for role, precision, sparsity in wanted():
        network = getattr(profile.networks, role)
        path = results / f"size-{network}-{precision}-{sparsity:g}.json"
        if path.stem in kept and is_of(kept[path.stem], classes):
            print(f"{path.name} is there", flush=True)
            continue
        about = {"network": network, "side": SIDE, "precision": precision, "sparsity": sparsity, "classes": classes}
        sizes = sizes_of(with_random_vectors(models.build(network, SIDE, classes, seed=0)), precision, sparsity)
        keep(path, {"schema": schema_of(UntrainedSizes), **about, **sizes})


def check(profile: Profile) -> None:
    """Raises UserError for a network that has no name: its input cannot be of another size."""
    for network in (profile.networks.teacher, profile.networks.student):
        if network not in MODELS:
            raise UserError(
                f"sizes at {SIDE}x{SIDE} are of networks by name, not of {network}: leave sizes out of tables"
            )


def is_of(result: UntrainedSizes, classes: int) -> bool:
    """Whether the network had so many classes; older results do not say it, and count."""
    return result.classes in (None, classes)


def wanted() -> Iterator[tuple[str, str, float]]:
    """(teacher or student, precision, sparsity) of all rows in the paper's tables 3 to 7."""
    for sparsity in SPARSITIES:
        yield "teacher", "float32", sparsity
        yield "student", "float32", sparsity
    yield "teacher", "int8", 0.0
    for sparsity in (0.0, *SPARSITIES_INT8):
        yield "student", "int8", sparsity


def with_random_vectors(network: Any) -> Any:
    """The network, whose biases, and scales, shifts, means and variances of batch norms are now random, in place."""
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return network


def sizes_of(network: Any, precision: str, sparsity: float) -> dict[str, int]:
    """Bytes of the network's plain file, of the one that stores zeros compactly, and of the plain one after gzip."""
    if sparsity:
        network = as_plain_layers(network)
        prune_at_once(network, sparsity)
    converter = Converter(network) if precision == "float32" else int8_converter(network)
    dense = converter.dense()
    sparse = converter.sparse() if sparsity else dense
    return {"dense_bytes": len(dense), "sparse_bytes": len(sparse), "gzip_bytes": gzip_bytes(dense)}


def int8_converter(network: Any) -> Converter:
    """Of what the stages quantize and export make of the network; ranges come from two images of noise."""
    examples = np.random.default_rng(0).random((2, *network.input_shape[1:]), dtype=np.float32)
    quantized = quantization_aware(as_plain_layers(network), [examples])
    fake_quant.freeze_quantized_kernels(quantized)
    return Converter(quantized)
