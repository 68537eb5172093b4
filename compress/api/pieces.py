"""The pieces of a pipeline, one call each, on networks in memory. They are the functions that the stages use."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compress.api.networks import in_legacy_keras
from compress.errors import UserError, unknown


def inspect(model: Any, skip: Sequence[str] = (), keep_float: Sequence[str] = ()) -> Any:
    """Lists what pruning and quantization will do to each layer; nothing is trained or changed.

    Args:
        model: a network of legacy Keras or of Keras 3, functional or Sequential.
        skip: names or patterns of layers that are not pruned.
        keep_float: names or patterns of layers that compute in float.

    Returns:
        An ``Inspection``: ``rows`` (one per layer), ``summary()``, ``exact``, ``refused`` and ``in_float``.

    Raises:
        UserError: for a network whose layers cannot be read, and for a pattern that matches no layer.
    """
    from compress.inspection import inspect as look

    return look(in_legacy_keras(model), tuple(skip), tuple(keep_float))


def prune(model: Any, sparsity: float, skip: Sequence[str] = ()) -> Any:
    """Sets the smallest weights of every convolution to zero in one step. (``shrink`` prunes gradually during
    training.)

    Args:
        model: a network of legacy Keras or of Keras 3. It is not changed.
        sparsity: the fraction of zeros, in [0, 1).
        skip: names or patterns of layers that are not pruned; dense and depthwise layers never are.

    Returns:
        A ``tf_keras.Model`` of plain layers, which differs from ``model`` only by the zeros. Quantize it, or train it
        further in a loop of your own that keeps the zeros.

    Raises:
        UserError: for a sparsity out of range, and for a network without a convolution.

    References:
        Han, Pool, Tran and Dally, "Learning both weights and connections for efficient neural networks", 2015.
    """
    from compress.prune import gradual
    from compress.rewrite import as_plain_layers
    from compress.rewrite.graph import clone, rebuild

    if not 0 <= sparsity < 1:
        raise UserError(f"sparsity = {sparsity} must be at least 0 and less than 1")
    network = as_plain_layers(rebuild(in_legacy_keras(model), lambda layer, name: clone(layer, name=name)))
    if not gradual.prune_at_once(network, sparsity, tuple(skip)):
        raise UserError(f"{network.name} has no convolution, so there is nothing to prune")
    return network


def quantize(model: Any, calibration: Any, keep_float: Sequence[str] = (), task: str = "classification") -> Any:
    """Quantizes a trained network to int8, so that it computes exactly as the exported file will; nothing is trained.

    Args:
        model: a network of legacy Keras or of Keras 3. It is not changed. A softmax at its end, or sigmoids with
            ``task="multi_label"``, are removed, so that the result gives logits; ``convert`` adds them again, in float.
        calibration: (n, *shape) examples, a few hundred, on which ranges of activations are measured: float32, as the
            network reads them; uint8 pixels are taken as value / 255.
        keep_float: names or patterns of layers that compute in float.
        task: what the network is for: "classification" (one class of several), "multi_label" (several classes),
            "regression" (numbers), "counting" or "detection".

    Returns:
        A ``tf_keras.Model`` that emulates int8; ``convert``, with the same task, makes an int8 ``.tflite`` from it.

    Raises:
        UserError: for layers whose computation cannot be read, and for a network that cannot do the task.

    References:
        Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
        2018.
    """
    from compress import fake_quant
    from compress.evaluate.predictors import to_float
    from compress.quantize.qat import quantization_aware

    examples = to_float(np.asarray(calibration))
    parts = np.array_split(examples, max(1, len(examples) // 50))
    network, chosen = _for_task(model, task)
    network = quantization_aware(network, parts, None, tuple(keep_float), ends_in_float=bool(chosen.SUMS))
    fake_quant.freeze_quantized_kernels(network)
    return network


def convert(model: Any, path: str | os.PathLike[str] | None = None, task: str = "classification") -> bytes:
    """Converts a network to a ``.tflite``: in int8 if ``quantize`` returned it, else in float32.

    Args:
        model: a network of legacy Keras or of Keras 3. It is not changed.
        path: the file to write, if any.
        task: what the network is for: "classification" (the file gives probabilities, by a softmax of the network's
            logits or its own), "multi_label" (a sigmoid for each class), "regression" (the numbers of the network),
            "counting" or "detection".

    Returns:
        The file's bytes.

    Raises:
        UserError: for a network that cannot do the task, such as one that ends in sigmoids, as a classification.
        Failure: if TFLite's converter cannot convert the network.
    """
    from compress.artifacts.files import replace
    from compress.export.convert import Converter

    network, chosen = _for_task(model, task)
    content = Converter(network, outputs=chosen.OUTPUTS).dense()
    if path is not None:
        replace(Path(path), content)
    return content


def _for_task(model: Any, name: str) -> tuple[Any, Any]:
    """(the network as one that gives the task's raw outputs, such as logits; the task of that name)."""
    from compress.tasks import TASKS
    from compress.tasks.named import shapes

    if name not in TASKS:
        raise unknown("task", name, TASKS)
    task = TASKS[name]()
    network = task.own_end(in_legacy_keras(model), "the network")
    task.check_outputs(shapes(task, network), "the network", None)
    return network, task


def evaluate(model: Any, x: Any, y: Any, pixels: Any = None) -> dict[str, float]:
    """Measures how good a network or a file is.

    Args:
        model: a network in memory, or the path of a ``.tflite``, ``.keras`` or ``.h5`` file or of a SavedModel.
        x: (n, *shape) examples: uint8 pixels, or float32 numbers, which are not scaled.
        y: whole numbers (n,) from 0, or one-hot (n, classes), for classes; 0 and 1 (n, classes) for several classes per
            example; floats (n,) or (n, numbers) for numbers.
        pixels: the range of pixel values that the network expects (``compress.pixels``), needed if it cannot be found
            from its layers or its predictions: a name such as "0..255", or {"scale": ..., "offset": ...}.

    Returns:
        The metrics of the task, by name: for classes "top1", "nll" in nats, "ece" and more; for
        several "map", "f1", "exact_match"; for numbers "mae", "rmse", "r2"; and "images", the number of examples.

    Raises:
        UserError: if the shapes do not fit, or if the expected range of pixel values cannot be found.
    """
    from compress.datasets.arrays import targets_of
    from compress.tasks import TASKS

    targets, task_name = targets_of(np.asarray(y))
    task, arrays = TASKS[task_name](), targets.arrays()
    outputs = raw_outputs(model, np.asarray(x), task, targets, pixels)
    measured = task.measure(outputs, arrays, outputs, arrays)
    return {**{key: value for key, value in measured.items() if value is not None}, "images": float(len(targets))}


def raw_outputs(model: Any, x: np.ndarray, task: Any, targets: Any = None, pixels: Any = None) -> Any:
    """What a network or a file says of examples, by the names of the task's raw outputs, each (n, ...).

    ``targets`` help to tell the pixels that it expects.
    """
    from compress.datasets.splits import ArraySplit
    from compress.evaluate import Wishes, open_model
    from compress.pixels import parse

    wishes = Wishes(None if pixels is None else parse(pixels))
    images = x if x.dtype == np.uint8 else x.astype(np.float32)
    images = images[..., None] if images.dtype == np.uint8 and images.ndim == 3 else images
    split = None if targets is None else ArraySplit(images, targets)
    if isinstance(model, str | os.PathLike):
        return open_model(Path(model)).ready(images.shape[1:], task, wishes, None, split).raw(images)
    from compress.artifacts.saved_model import serving_function
    from compress.evaluate import KerasPredictor, expected_pixels
    from compress.models import front
    from compress.tasks.named import names

    network = task.own_end(in_legacy_keras(model), "the network")
    if images.dtype == np.uint8:
        chosen = expected_pixels.decide(network, "the network", task, wishes.pixels, split)
        network = front.fed(network, chosen)
    return KerasPredictor(serving_function(network, names(task)))(images)
