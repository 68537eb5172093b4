"""Plain convolutional networks of 2 to 10 layers, the chain of teacher, assistants and student of two papers.

Mirzadeh et al., "Improved Knowledge Distillation via Teacher Assistant", AAAI 2020; Son et al., "Densely Guided
Knowledge Distillation Using Multiple Teacher Assistants", ICCV 2021.
"""

from __future__ import annotations

from compress import keras
from compress.errors import UserError
from compress.models import cifar
from compress.models.head import Head

# a number: a 3x3 convolution of that width; P: a 2x2 maximum pool; F: a hidden dense layer of that width
LAYERS = {
    "plain2": "16 P 16 P",
    "plain4": "16 16 P 32 32 P",
    "plain6": "16 16 P 32 32 P 64 64 P",
    "plain8": "16 16 P 32 32 P 64 64 P 128 128 P F64",
    "plain10": "32 32 P 64 64 P 128 128 P 256 256 256 256 P F128",
    "plain2_wide": "32 P 32 P",
    "plain4_wide": "32 32 P 64 64 P",
    "plain6_wide": "32 32 P 64 64 P 128 128",
    "plain8_wide": "32 32 P 64 64 P 128 128 P 256 256 P F64",
    "plain10_wide": "32 32 P 64 64 P 128 128 P 256 256 256 256 P F512",
}


def build(name: str, input_shape: tuple[int, int, int], head: Head, weights: str | None = None) -> keras.Model:
    """The network LAYERS[name]: convolutions with bias, batch norm and ReLU; pools; flattened into dense layers.

    The number in the name counts convolutions. The wide ones are published for CIFAR-100, the others for CIFAR-10;
    any number of classes is built. Input float32 (batch, *input_shape) in [0, 1], published at 32x32: the size of the
    first dense layer hangs on it. Output what ``head`` makes of the features. ``weights`` is None or a file of the same
    network, of the same size of images. Raises UserError for images that the pools leave nothing of, and for weights
    that do not fit.

    Of the narrow ones the papers' code is known by its parameters alone (13,082, 37,338, 82,778, 327,962 and 2,487,850
    trainable ones at 10 classes). The widths come from those and from the wide ones' order: at half the wide widths,
    2, 4 and 6 layers come to 13,082, 37,338 and, with a pool at the end, 82,778. The convolutions of 8 layers leave
    33,482 = (512 h + h) + (10 h + 10): h = 64 hidden units, as in the wide one. Of 10 layers the halved convolutions
    leave 1,897,690, for which no h is whole; the wide ones' leave 132,490 = (1024 h + h) + (10 h + 10): h = 128.
    """
    layers = LAYERS[name].split()
    pools = layers.count("P")
    if min(input_shape[:2]) < 2**pools:
        raise UserError(
            f"cannot build {name} for images of {input_shape}: its {pools} pooling layers need at least "
            f"{2**pools} pixels on each side"
        )
    x = image = keras.Input(input_shape)
    stage, number = 1, 0
    for layer in layers:
        if layer == "P":
            x = keras.layers.MaxPooling2D(2, name=f"pool{stage}")(x)
            stage, number = stage + 1, 0
        elif layer.startswith("F"):
            x = keras.layers.Flatten(name="flatten")(x)
            x = keras.layers.Dense(int(layer[1:]), activation="relu", name="hidden")(x)
        else:
            number += 1
            x = cifar.conv(x, int(layer), 3, f"stage{stage}_{number}_conv", bias=True)
            x = cifar.relu(cifar.batch_norm(x, f"stage{stage}_{number}_bn"), f"stage{stage}_{number}_relu")
    if len(x.shape) > 2:
        x = keras.layers.Flatten(name="flatten")(x)
    return cifar.network(image, x, head, name, weights)
