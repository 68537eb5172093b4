"""How much each channel matters: the sum, over all weights that go with it, of what their loss would cost.

- taylor: |gradient * weight|, the change of the loss to first order when the weight becomes 0 (Molchanov, Mallya,
  Tyree, Frosio and Kautz, "Importance Estimation for Neural Network Pruning", CVPR 2019, equation 8 without its
  square), summed over batches.
- l2: the square of the weight (Li, Kadav, Durdanovic, Samet and Graf, "Pruning Filters for Efficient ConvNets", ICLR
  2017, take magnitudes), over the mean of the group: layers have weights of other sizes.
- gamma: |gamma| of the batch normalizations (Liu, Li, Shen, Huang, Yan and Zhang, "Learning Efficient Convolutional
  Networks through Network Slimming", ICCV 2017), over the mean of the group; a group without any goes by l2.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from compress import keras
from compress.narrow.groups import Group
from compress.narrow.trace import Trace
from compress.rewrite.layer_kinds import weights_with_channels

Scores = np.ndarray
"""Of each channel by its number, float64 (count,), not negative."""
Loss = Callable[[Any, Any], Any]
"""(examples, targets) -> the scalar loss of a batch."""


def taylor(model: Any, trace: Trace, parts: Sequence[Group], loss: Loss, batches: Iterable[tuple[Any, Any]]) -> Scores:
    """See above; the network infers as a board does, with its moving statistics."""
    weights = [weight for layer in model.layers if layer.name in trace.given for weight in _learned(layer)]
    sums: dict[int, np.ndarray] = {}
    for examples, targets in batches:
        with keras.tf.GradientTape() as tape:
            tape.watch(weights)  # those of frozen layers, too
            value = loss(examples, targets)
        for weight, gradient in zip(weights, tape.gradient(value, weights), strict=True):
            if gradient is not None:
                product = np.abs(gradient.numpy() * weight.numpy())
                sums[id(weight)] = sums.get(id(weight), 0.0) + product
    return _of_channels(model, trace, lambda weight: sums.get(id(weight)))


def l2(model: Any, trace: Trace, parts: Sequence[Group], *_: Any) -> Scores:
    """See above; neither loss nor examples matter."""
    kernels = {id(kernel) for layer in model.layers if layer.name in trace.makers for kernel in [layer.kernel]}
    squares = _of_channels(model, trace, lambda weight: weight.numpy() ** 2 if id(weight) in kernels else None)
    return _over_mean(squares, parts)


def gamma(model: Any, trace: Trace, parts: Sequence[Group], *_: Any) -> Scores:
    """See above; neither loss nor examples matter."""
    gammas = {
        id(layer.gamma)
        for layer in model.layers
        if layer.name in trace.given and getattr(layer, "gamma", None) is not None
    }
    factors = _of_channels(model, trace, lambda weight: np.abs(weight.numpy()) if id(weight) in gammas else None)
    without = [part for part in parts if not factors[part.numbers].any()]
    factors = _over_mean(factors, parts)
    squares = l2(model, trace, parts)
    for part in without:
        factors[part.numbers] = squares[part.numbers]
    return factors


def _learned(layer: Any) -> list[Any]:
    """The weights of a layer that go with channels, statistics apart."""
    names = (name for name in weights_with_channels(layer) if not name.startswith("moving_"))
    weights = (getattr(layer, name, None) for name in names)
    return [weight for weight in weights if weight is not None]


IMPORTANCE: dict[str, Callable[..., Scores]] = {"taylor": taylor, "l2": l2, "gamma": gamma}


def _of_channels(model: Any, trace: Trace, values: Callable[[Any], np.ndarray | None]) -> Scores:
    """The sum of the values of all weights that go with each channel; None for a weight that does not count."""
    scores = np.zeros(trace.count)
    for layer in model.layers:
        if layer.name not in trace.given:
            continue
        for name, axes in weights_with_channels(layer).items():
            weight = getattr(layer, name, None)
            value = None if weight is None else values(weight)
            if value is not None:
                for channels, sums in _by_axis(layer, value, axes, trace):
                    np.add.at(scores, channels, sums)
    return scores


def _by_axis(
    layer: Any, value: np.ndarray, axes: tuple[str, ...], trace: Trace
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(channels, the sums over all other axes) for each axis of a weight that has channels."""
    first = value.ndim - len(axes)
    for axis, role in enumerate(axes, start=first):
        if not role:
            continue
        channels = (trace.given if role == "in" else trace.made)[layer.name]
        others = tuple(other for other in range(value.ndim) if other != axis)
        if value.shape[axis] == len(channels):
            yield channels, value.sum(axis=others)
        elif role == "in" and getattr(layer, "groups", 1) > 1:  # (height, width, channels of a group, outputs of all)
            by_group = value.reshape(*value.shape[:-1], layer.groups, -1)
            yield channels, by_group.sum(axis=(0, 1, 4)).T.ravel()


def _over_mean(scores: Scores, parts: Sequence[Group]) -> Scores:
    result = scores.copy()
    for part in parts:
        result[part.numbers] /= max(float(scores[part.numbers].mean()), 1e-30)
    return result
