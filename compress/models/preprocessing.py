"""A network's own preprocessing, turned into one fixed 1x1 convolution on [0, 1] RGB, or taken away.

Every network here reads float32 RGB in [0, 1]. ImageNet weights were trained on something else: mean and variance
taken off ("torch"), [-1, 1] ("tf"), BGR with means of 0..255 ("caffe"), or 0..255 with layers inside that do the
rest. All of these are affine in each pixel, hence one 1x1 convolution with bias. Unlike Rescaling and Normalization
layers, the converter makes it int8 like any other. It stands by itself in front: folded into the first real
convolution it would be wrong at the borders, where zeros are padded after preprocessing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compress import keras

NAME = "preprocessing"


def affine(transform: Callable[[NDArray[np.float32]], Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The 1x1 convolution that does what an affine map of single pixels does.

    ``transform`` maps float32 (4, 1, 1, 3) to the same shape. It is asked where it sends black and the three pure
    colours, so no constants are copied from anywhere.
    Returns the kernel, float32 (1, 1, 3 in, 3 out), and the bias, float32 (3,).

    >>> kernel, bias = affine(lambda rgb: rgb[..., ::-1] * 2 - 1)
    >>> kernel[0, 0].tolist(), bias.tolist()
    ([[0.0, 0.0, 2.0], [0.0, 2.0, 0.0], [2.0, 0.0, 0.0]], [-1.0, -1.0, -1.0])
    """
    black_and_colours = np.concatenate([np.zeros((1, 3)), np.eye(3)]).astype("float32").reshape(4, 1, 1, 3)
    # float64: a difference of two numbers near 128 must not cost digits twice
    images = np.asarray(transform(black_and_colours), dtype="float64").reshape(4, 3)
    bias = images[0]
    return (images[1:] - bias).reshape(1, 1, 3, 3).astype("float32"), bias.astype("float32")


def own_layers(model: keras.Model) -> list[str]:
    """The names of the layers right behind the input that only rescale or shift pixels, in order."""
    kinds = (keras.layers.Rescaling, keras.layers.Normalization)
    names: list[str] = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        # EfficientNet with ImageNet weights multiplies with a bare TensorFlow operation after its Normalization
        if not (isinstance(layer, kinds) or (names and type(layer).__name__ == "TFOpLambda")):
            break
        names.append(layer.name)
    return names


def own_preprocessing(model: keras.Model) -> Callable[[Any], Any]:
    """What those layers do to single pixels (batch, 1, 1, 3), as a function; the identity where there are none."""
    names = own_layers(model)
    if not names:
        return lambda pixels: pixels
    front = keras.Model(model.inputs[0], model.get_layer(names[-1]).output)
    sides = [side or 1 for side in model.inputs[0].shape[1:3]]  # the layers take whole images of the network's size
    return lambda pixels: front(np.tile(pixels, (1, *sides, 1)), training=False)[:, :1, :1]


def replaced(
    model: keras.Model, convolution: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
) -> keras.Model:
    """The functional network without its own preprocessing layers, after a fixed convolution where one is given.

    The network is rebuilt from its config, so that no layer has two inputs and all keep their names; the weights are
    copied. The layer in front is called "preprocessing" and is not trained. ``model`` itself is returned where there
    is nothing to do.
    """
    dropped = own_layers(model)
    if not dropped and convolution is None:
        return model
    source = model.input_names[0]
    fed_by = dropped[-1] if dropped else source
    # a layer that is built from its build_config, not by being called, has weights without the layer's name in theirs
    config = _without(model.get_config(), "build_config")
    layer_configs = [layer for layer in config["layers"] if layer["name"] not in dropped]
    target = source if convolution is None else NAME
    for layer in layer_configs:
        layer["inbound_nodes"] = _renamed(layer["inbound_nodes"], fed_by, target)
    if convolution is not None:
        in_front = keras.layers.Conv2D(3, 1, name=NAME, trainable=False)
        layer_configs.insert(
            1, {**keras.layers.serialize(in_front), "name": NAME, "inbound_nodes": [[[source, 0, 0, {}]]]}
        )
    config["layers"] = layer_configs
    known = {type(layer).__name__: type(layer) for layer in model.layers}
    rebuilt = keras.Model.from_config(config, custom_objects=known)
    for layer in model.layers:
        if layer.name not in dropped:
            rebuilt.get_layer(layer.name).set_weights(layer.get_weights())
    if convolution is not None:
        rebuilt.get_layer(NAME).set_weights(convolution)
    return rebuilt


def _without(config: Any, key: str) -> Any:
    """A copy of a nested config without that key in any of its dicts."""
    if isinstance(config, dict):
        return {name: _without(value, key) for name, value in config.items() if name != key}
    if isinstance(config, (list, tuple)):
        return type(config)(_without(value, key) for value in config)
    return config


def _renamed(nodes: Any, old: str, new: str) -> Any:
    """The same nested config with references to the first output of layer ``old`` pointed at layer ``new``."""
    if isinstance(nodes, (list, tuple)):
        if len(nodes) >= 3 and nodes[0] == old and nodes[1:3] == [0, 0]:
            return [new, *nodes[1:]]
        return [_renamed(node, old, new) for node in nodes]
    if isinstance(nodes, dict):
        return {key: _renamed(value, old, new) for key, value in nodes.items()}
    return nodes
