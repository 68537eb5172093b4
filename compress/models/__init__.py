"""Name -> network. A new network: one file here, one line in MODELS, one test."""

from __future__ import annotations

from functools import partial

from compress import keras
from compress.errors import UserError, unknown
from compress.models import (
    applications,
    densenet_small,
    m_sfanet,
    maps,
    mcnn,
    plain_cnn,
    resnet_cifar,
    resnet_image,
    shufflenet,
    wrn,
)
from compress.models.builder import Builder
from compress.models.head import Head, dense

MODELS: dict[str, Builder] = {
    **{name: partial(applications.build, function) for name, function in applications.FUNCTIONS.items()},
    **{name: partial(densenet_small.build, name) for name in densenet_small.BLOCKS},
    **{f"resnet{depth}": partial(resnet_cifar.build, depth) for depth in (8, 14, 20, 32, 56, 110)},
    **{f"resnet{d}x4": partial(resnet_cifar.build, d, widths=resnet_cifar.WIDTHS_X4) for d in (8, 32)},
    **{
        f"resnet{depth}{part}": partial(resnet_image.build, depth, part)
        for depth in resnet_image.BLOCKS
        for part in resnet_image.PARTS
    },
    **{f"wrn_{depth}_{factor}": partial(wrn.build, depth, factor) for depth in (16, 40) for factor in (1, 2)},
    **{name: partial(plain_cnn.build, name) for name in plain_cnn.LAYERS},
    shufflenet.NAME: shufflenet.build,
    mcnn.NAME: mcnn.build,
    **{name: partial(m_sfanet.build, name) for name in m_sfanet.WIDTHS},
}
MAP_MODELS = {mcnn.NAME: mcnn.STRIDE, **dict.fromkeys(m_sfanet.WIDTHS, m_sfanet.MULTIPLE)}
"""Those that give a map of the image, and have no features of all of it -> of what its sides are multiples."""


def check_name(name: str) -> None:
    """Raises UserError, with the nearest names, for a network that is not in MODELS; TensorFlow is not loaded."""
    if name not in MODELS:
        raise unknown("model", name, MODELS)


def build(
    name: str, shape: int | tuple[int, ...], head: int | Head, weights: str | None = None, seed: int | None = None
) -> keras.Model:
    """The network ``name`` for images of ``shape``, (height, width, channels), that ends in ``head``.

    A side, or (height, width), is that of RGB images. Input float32 (batch, height, width, channels), of images in
    [0, 1]. A number of classes as ``head`` is that of the logits of a dense layer "predictions". ``weights`` is None,
    "imagenet" or a path to weights of the same network. ``seed`` sets the global seeds of Python, numpy and TensorFlow
    first, so the same seed gives the same weights.
    Raises UserError for an unknown name, a shape that the network refuses, and weights that cannot be had or do not
    fit.
    """
    check_name(name)
    image = (shape, shape, 3) if isinstance(shape, int) else (*shape, 3) if len(shape) == 2 else shape
    own_head = dense(head) if isinstance(head, int) else head
    check_shape(name, image, weights)
    check_head(name, image, own_head)
    if seed is not None:
        keras.utils.set_random_seed(seed)
    # layers that Keras numbers itself (conv2d_7) get the same names however many networks were built before
    keras.backend.reset_uids()
    height, width, channels = image
    if own_head.STRIDES and name not in MAP_MODELS:
        return maps.with_head(MODELS[name]((height, width, channels), dense(1), weights), own_head)
    return MODELS[name]((height, width, channels), own_head, weights)


def check_maps(name: str, shape: tuple[int, ...], head: Head) -> None:
    """Raises UserError for a network without the maps that a head of several reads: only a built one shows them."""
    if len(head.STRIDES) > 1:
        build(name, shape, head)


def check_shape(name: str, shape: tuple[int, ...], weights: str | None = None) -> None:
    """Raises UserError for data whose examples, of that shape, are no images that the network could read."""
    if len(shape) != 3:
        numbers = "x".join(map(str, shape))
        raise UserError(
            f"{name} reads images, but the data are arrays of {numbers}: use your own network (saved_model)"
        )
    if weights == "imagenet" and shape[2] != 3:
        raise UserError(
            f'{name}: weights = "imagenet" needs RGB images (channels = 3), but the data have channels = {shape[2]}'
        )


def check_head(name: str, shape: tuple[int, ...], head: Head) -> None:
    """Raises UserError for a head that the network cannot end in, and for sides of which it can give no map."""
    if not head.STRIDES or len(head.STRIDES) > 1:
        if name in MAP_MODELS:
            other = "no classes" if not head.STRIDES else "no boxes"
            raise UserError(f"{name} gives a density map, for counting, and {other}: use another network")
        if not head.STRIDES:
            return
    if name in maps.WITHOUT_MAPS:
        raise UserError(
            f"{name} has no feature map whose cells are a whole number of pixels wide, so it can neither count "
            "nor detect: use another network"
        )
    multiple = MAP_MODELS.get(name, max(head.STRIDES))
    if any(side % multiple for side in shape[:2]):
        sides = "x".join(map(str, shape[:2]))
        raise UserError(f"{name} needs images whose sides are multiples of {multiple}, but the data's are {sides}")
