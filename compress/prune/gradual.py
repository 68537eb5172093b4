"""Gradual magnitude pruning: Zhu and Gupta, "To prune, or not to prune", 2017. The plain numbers of it."""

from fnmatch import filter, fnmatch
from typing import Any

import numpy as np

from compress.errors import UserError, unknown
from compress.rewrite.layer_kinds import known_of


def scheduled_sparsity(step: Any, initial: float, final: float, begin_step: int, end_step: int) -> Any:
    """Equation 1: final + (initial - final) * (1 - (step - begin) / (end - begin))^3, held outside the ramp.

    ``step`` is a number or an array; so is the sparsity, a fraction.
    """
    progress = np.clip((step - begin_step) / (end_step - begin_step), 0.0, 1.0)
    return final + (initial - final) * (1 - progress) ** 3


def magnitude_mask(weights: np.ndarray, sparsity: float) -> np.ndarray:
    """True for the largest magnitudes: round(size * (1 - sparsity)) of them, at least one, ties kept (float32)."""
    count = max(int(np.round(np.float32(weights.size) * (np.float32(1) - np.float32(sparsity)))), 1)
    return np.abs(weights) >= np.sort(np.abs(weights), axis=None)[-count]


def ramp(total_steps: int, begin_step: int, end_step: int | None, frequency: int | None) -> tuple[int, int, int]:
    """(begin_step, end_step, frequency) for tfmot; a None is filled in for a training of ``total_steps`` steps.

    The ramp takes 80 % of the steps, the rest fine-tunes. tfmot skips the last update if the ramp is no multiple of
    the frequency, so ``end_step`` is rounded down to one. Raises UserError for a ramp that cannot be.
    """
    end = round(0.8 * total_steps) if end_step is None else end_step
    if end > total_steps:
        raise UserError(
            f"end_step = {end} is after the last of {total_steps} training steps, so the final sparsity is "
            "never reached: lower end_step or train for more epochs"
        )
    every = min(100, max(1, total_steps // 50)) if frequency is None else frequency
    end = begin_step + (end - begin_step) // every * every
    if end <= begin_step:
        raise UserError(
            f"no pruning step falls between begin_step = {begin_step} and end_step = {end} with frequency = "
            f"{every}: lower frequency"
        )
    return begin_step, end, every


def prunable_layers(model: Any, skip: tuple[str, ...] = ()) -> list[Any]:
    """The convolutions whose kernels are pruned: no depthwise ones, no dense head, none that ``skip`` names.

    LiteRT's XNNPACK refuses a sparse fully-connected layer in int8, so the head stays dense.
    """
    dense = unpruned(model, skip)
    return [layer for layer in model.layers if dense.get(layer.name) == ""]


def prune_at_once(model: Any, sparsity: float, skip: tuple[str, ...] = ()) -> list[Any]:
    """Sets the smallest weights of each prunable convolution to zero, in place; returns these layers."""
    layers = prunable_layers(model, skip)
    for layer in layers:
        kernel = layer.kernel.numpy()
        layer.kernel.assign(kernel * magnitude_mask(kernel, sparsity))
    return layers


def unpruned(model: Any, skip: tuple[str, ...] = ()) -> dict[str, str]:
    """Name of each layer with a kernel -> why it is left dense; "" for one that is pruned.

    Raises UserError for a pattern of ``skip`` that is no layer's.
    """
    names = [layer.name for layer in model.layers]
    for pattern in skip:
        if not filter(names, pattern):
            raise UserError(f"skip: {unknown('layer', pattern, names)}")
    reasons = {}
    for layer in model.layers:
        known = known_of(layer)
        if known.left_dense:
            reasons[layer.name] = known.left_dense
        elif known.has_kernel and not layer.trainable:
            reasons[layer.name] = "it is frozen (trainable = False)"
        elif known.has_kernel:
            reasons[layer.name] = "skip names it" if any(fnmatch(layer.name, pattern) for pattern in skip) else ""
    return reasons
