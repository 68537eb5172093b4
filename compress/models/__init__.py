"""Name -> network that emits logits. A new network: one file here, one line in MODELS, one test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from compress import keras
from compress.errors import UserError, unknown
from compress.models import applications, densenet_small, plain_cnn, resnet_cifar, shufflenet, wrn

# ((height, width, channels), classes, weights) -> network: float32 NHWC in [0, 1] to float32 logits (batch, classes)
Builder = Callable[[tuple[int, int, int], int, str | None], "keras.Model"]

MODELS: dict[str, Builder] = {
    **{name: partial(applications.build, function) for name, function in applications.FUNCTIONS.items()},
    **{name: partial(densenet_small.build, name) for name in densenet_small.BLOCKS},
    **{f"resnet{depth}": partial(resnet_cifar.build, depth) for depth in (8, 14, 20, 32, 56, 110)},
    **{f"resnet{d}x4": partial(resnet_cifar.build, d, widths=resnet_cifar.WIDTHS_X4) for d in (8, 32)},
    **{f"wrn_{depth}_{factor}": partial(wrn.build, depth, factor) for depth in (16, 40) for factor in (1, 2)},
    **{name: partial(plain_cnn.build, name) for name in plain_cnn.LAYERS},
    shufflenet.NAME: shufflenet.build,
}


def check_name(name: str) -> None:
    """Raises UserError, with the nearest names, for a network that is not in MODELS; TensorFlow is not loaded."""
    if name not in MODELS:
        raise unknown("model", name, MODELS)


def build(
    name: str, shape: int | tuple[int, ...], classes: int, weights: str | None = None, seed: int | None = None
) -> keras.Model:
    """The network ``name`` for images of ``shape``, (height, width, channels), and ``classes`` classes.

    A side, or (height, width), is that of RGB images. Input float32 (batch, height, width, channels), of images in
    [0, 1]; output float32 logits (batch, classes), from a layer called
    "predictions". ``weights`` is None, "imagenet" or a path to weights of the same network. ``seed`` sets the global
    seeds of Python, numpy and TensorFlow first, so the same seed gives the same weights.
    Raises UserError for an unknown name, a shape that the network refuses, and weights that cannot be had or do not
    fit.
    """
    check_name(name)
    image = image_shape(name, shape)
    if weights == "imagenet" and image[2] != 3:
        raise UserError(f'{name}: weights = "imagenet" are for RGB images, channels = 3, not {image[2]}')
    if seed is not None:
        keras.utils.set_random_seed(seed)
    # layers that Keras numbers itself (conv2d_7) get the same names however many networks were built before
    keras.backend.reset_uids()
    return MODELS[name](image, classes, weights)


def image_shape(name: str, shape: int | tuple[int, ...]) -> tuple[int, int, int]:
    """(height, width, channels) of a side, of (height, width), or of all three. Raises UserError for anything else."""
    sides = (shape, shape) if isinstance(shape, int) else shape
    if len(sides) not in (2, 3):
        numbers = "x".join(map(str, sides))
        raise UserError(f"{name} reads images, the data are arrays of {numbers}: bring a network of your own")
    return sides if len(sides) == 3 else (*sides, 3)  # type: ignore[return-value]
