"""The only door to legacy Keras, TensorFlow and tfmot.

``from compress import keras`` costs nothing; the first attribute loads the libraries:
``keras.tf`` is TensorFlow, ``keras.tfmot`` is tensorflow-model-optimization, and every other
name comes from tf_keras (``keras.layers``, ``keras.Model``, ...). tfmot works on legacy Keras only, and takes tf_keras
by itself where TensorFlow was imported with Keras 3 before: nothing here asks for ``tf.keras``. Hence one door.
"""

import importlib
import os
from functools import cache
from typing import Any

from compress import grouped_convolution
from compress.amx import deny_amx
from compress.memory import keep_freed_memory
from compress.quiet import quiet

_TENSORFLOW = "tensorflow"

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # the C++ start-up chatter is not for our users
# oneDNN's kernels on every processor that can run them: by itself TensorFlow takes them on some alone, and its others
# are slower, and refuse a convolution in groups with a ReLU behind it
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

_DOORS = {"tf": _TENSORFLOW, "tfmot": "tensorflow_model_optimization"}


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    _load()
    if name in _DOORS:
        return importlib.import_module(_DOORS[name])
    return getattr(importlib.import_module("tf_keras"), name)


@cache
def _load() -> None:
    keep_freed_memory()
    deny_amx()
    with quiet():  # it looks for GPUs and reports each library that it does not find
        tensorflow = importlib.import_module(_TENSORFLOW)
        tensorflow.config.list_physical_devices()
    tensorflow.get_logger().setLevel("ERROR")  # its warnings are about what we do on purpose
    grouped_convolution.install(tensorflow, importlib.import_module("tf_keras").layers.Conv2D)
    _register()


def _register() -> None:
    """Makes networks of keras.applications loadable: Keras keeps these layers to itself, and does not register them."""
    from tf_keras.src.applications import convnext, inception_resnet_v2

    known = importlib.import_module("tf_keras").utils.get_custom_objects()
    for layer in (convnext.LayerScale, convnext.StochasticDepth, inception_resnet_v2.CustomScaleLayer):
        known[layer.__name__] = layer
