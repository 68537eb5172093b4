"""DenseNets with fewer layers a block (Huang et al., 2017), for tests and for CPUs."""

from __future__ import annotations

from compress import keras
from compress.errors import UserError, first_line
from compress.models import weights as weight_files
from compress.models.head import Head

BLOCKS = {"densenet_tiny": (2, 2, 2, 2), "densenet_small": (3, 6, 8, 6)}


def build(name: str, input_shape: tuple[int, int, int], head: Head, weights: str | None = None) -> keras.Model:
    """A DenseNet of BLOCKS[name] layers from Keras's own builder: layers are named as in DenseNet121 and 201.

    Growth rate 32 and reduction 0.5, as in the large ones. Input float32 (batch, *input_shape) in [0, 1], at least
    32x32; output what ``head`` makes of the features. ``weights`` is None or a file of the same network.
    Raises UserError for a smaller input and for weights that do not fit.
    """
    weight_files.refuse_imagenet(name, weights)
    try:
        built = keras.src.applications.densenet.DenseNet(
            list(BLOCKS[name]), include_top=False, pooling="avg", weights=None, input_shape=input_shape
        )
    except ValueError as error:
        raise UserError(f"cannot build {name} for images of {input_shape}: {first_line(error)}") from error
    model = keras.Model(built.inputs[0], head(built.outputs[0]), name=name)
    if weights is not None:
        weight_files.load(model, weights)
    return model
