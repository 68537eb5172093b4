"""The networks of keras.applications, with a head of our own."""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path
from typing import Any

from compress import keras
from compress.errors import UserError, first_line
from compress.models import preprocessing
from compress.models import weights as weight_files
from compress.models.head import Head

# A table, so that names are known without TensorFlow; a test compares it with what tf_keras offers.
_REGNET = ("002", "004", "006", "008", "016", "032", "040", "064", "080", "120", "160", "320")
_FAMILIES: dict[str, tuple[str, ...]] = {
    "ConvNeXt": ("Tiny", "Small", "Base", "Large", "XLarge"),
    "DenseNet": ("121", "169", "201"),
    "EfficientNet": ("B0", "B1", "B2", "B3", "B4", "B5", "B6", "B7"),
    "EfficientNetV2": ("B0", "B1", "B2", "B3", "S", "M", "L"),
    "Inception": ("V3", "ResNetV2"),
    "MobileNet": ("", "V2", "V3Small", "V3Large"),
    "NASNet": ("Mobile", "Large"),
    "RegNetX": _REGNET,
    "RegNetY": _REGNET,
    "ResNet": ("50", "101", "152", "50V2", "101V2", "152V2"),
    "ResNetRS": ("50", "101", "152", "200", "270", "350", "420"),
    "VGG": ("16", "19"),
    "Xception": ("",),
}
FUNCTIONS = {(name + variant).lower(): name + variant for name, variants in _FAMILIES.items() for variant in variants}


def build(function: str, input_shape: tuple[int, int, int], head: Head, weights: str | None = None) -> keras.Model:
    """keras.applications.<function> up to its global average pooling, then ``head``.

    Input float32 (batch, *input_shape) in [0, 1] RGB; output what ``head`` makes of the features. ``weights``:

    - None: random; nothing stands in front of the network, which learns on [0, 1] as it is.
    - "imagenet": Keras's own, with a fixed convolution "preprocessing" in front that makes of [0, 1] what they expect.
    - a path: an .h5 or .weights.h5 file, a .keras file or a SavedModel folder of this very network, head included,
      started from ImageNet (then it has that convolution in front, too) or not.

    The head is the same for all weights. It is the classic one of most networks, to the parameter: DenseNet, ResNet,
    Inception, Xception, NASNet, MobileNetV2, EfficientNet (less the dropout). VGG loses its fully connected layers,
    whose size hangs on the input's; MobileNetV3 the 1x1 convolution after its pooling; MobileNet its dropout.
    Raises UserError where Keras refuses the size, weights cannot be downloaded or do not fit.
    """
    if weights == "imagenet":
        whole = _backbone(function, input_shape, "imagenet")
        own = preprocessing.own_preprocessing(whole)
        # the old families have a function for it, the new ones layers (their function does nothing)
        outside = sys.modules[getattr(keras.applications, function).__module__].preprocess_input
        return _with_head(preprocessing.replaced(whole, preprocessing.affine(lambda x: own(outside(255 * x)))), head)
    model = _with_head(preprocessing.replaced(_backbone(function, input_shape, None)), head)
    if weights is None:
        return model
    if weight_files.count(weights) == len(model.weights) + 2:  # it was started from ImageNet
        model = preprocessing.replaced(model, preprocessing.affine(lambda x: x))
    weight_files.load(model, weights)
    return model


def _backbone(function: str, input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    builder = getattr(keras.applications, function)
    options: dict[str, Any] = {"include_top": False, "pooling": "avg", "input_shape": input_shape, "weights": weights}
    if weights is None and "include_preprocessing" in inspect.signature(builder).parameters:
        options["include_preprocessing"] = False  # with ImageNet weights it says what they expect, and is replaced
    try:
        return builder(**options)
    except ValueError as error:
        raise UserError(f"cannot build {function} for images of {input_shape}: {first_line(error)}") from error
    except Exception as error:
        # get_file raises a bare Exception for a failed download, urllib an OSError for a broken one
        if not (isinstance(error, OSError) or "URL fetch failure" in str(error)):
            raise
        place = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"
        raise UserError(
            f"cannot download the ImageNet weights of {function} ({first_line(error)}); without an internet "
            f"connection, put that file into {place}"
        ) from error


def _with_head(backbone: keras.Model, head: Head) -> keras.Model:
    return keras.Model(backbone.inputs[0], head(backbone.outputs[0]), name=backbone.name)
