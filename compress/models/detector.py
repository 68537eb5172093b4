"""The head of a single-stage detector: a pyramid of features, and what it says of each anchor.

Lin, Goyal, Girshick, He and Dollar, "Focal Loss for Dense Object Detection" (RetinaNet), ICCV 2017; the pyramid is that
of Lin, Dollar, Girshick, He, Hariharan and Belongie, "Feature Pyramid Networks for Object Detection", CVPR 2017, with
three levels and fewer channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from compress import keras
from compress.metrics.boxes import STRIDES

PRIOR = 0.01
"""How likely a thing is at an anchor before anything is learned (section 4.1 of RetinaNet)."""


def level(stride: int) -> str:
    """The layer that gives the pyramid's features at that stride: (batch, height / stride, width / stride, channels).

    >>> level(8)
    'pyramid8'
    """
    return f"pyramid{stride}"


def local(stride: int) -> str:
    """The layer that gives a level's own features, before what coarser levels know is added: of the same shape."""
    return f"lateral{stride}_bn"


@dataclass(frozen=True)
class DetectionHead:
    """From a backbone's maps at STRIDES, in that order, to the logits of classes, (batch, anchors, classes), and the
    offsets of boxes, (batch, anchors, 4): two outputs, each with a range of its own in int8.

    ``per_cell`` anchors a cell; ``depth`` convolutions of ``channels`` before each output, shared by the levels, with a
    ReLU of its own, and so a range, for each. ``depthwise``: they are depthwise separable.
    """

    classes: int
    per_cell: int
    channels: int = 64
    depth: int = 2
    depthwise: bool = False
    STRIDES: ClassVar[tuple[int, ...]] = STRIDES

    def __call__(self, features: Any, stride: int = 1) -> Any:
        levels = dict(zip(STRIDES, self._pyramid(features), strict=True))
        prior = keras.initializers.Constant(-math.log((1 - PRIOR) / PRIOR))
        return [
            self._branch(levels, "classes", self.classes, prior),
            self._branch(levels, "boxes", 4, "zeros"),
        ]

    def _pyramid(self, features: Any) -> list[Any]:
        """Each level's own map, and what the coarser ones know enlarged to its size."""
        layers, levels, coarser = keras.layers, [], None
        for stride, own in reversed(list(zip(STRIDES, features, strict=True))):
            x = layers.Conv2D(self.channels, 1, use_bias=False, name=f"lateral{stride}")(own)
            x = _norm(local(stride))(x)
            if coarser is not None:
                enlarged = layers.UpSampling2D(2, name=f"enlarged{stride}")(coarser)
                x = layers.Add(name=f"merged{stride}")([x, enlarged])
            coarser = x
            for convolution in self._convolutions(f"smooth{stride}", use_bias=False):
                x = convolution(x)
            x = _norm(f"smooth{stride}_bn")(x)
            levels.append(layers.ReLU(name=level(stride))(x))
        return levels[::-1]

    def _branch(self, levels: dict[int, Any], name: str, numbers: int, bias: Any) -> Any:
        """(batch, anchors, numbers) of all levels by shared layers."""
        layers, current = keras.layers, dict(levels)
        for step in range(1, self.depth + 1):
            for convolution in self._convolutions(f"{name}{step}"):
                current = {
                    stride: layers.ReLU(name=f"{convolution.name}_relu{stride}")(convolution(x))
                    for stride, x in current.items()
                }
        last = layers.Conv2D(
            self.per_cell * numbers,
            1 if self.depthwise else 3,
            padding="same",
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            bias_initializer=bias,
            name=name,
        )
        rows = [layers.Reshape((-1, numbers), name=f"{name}_rows{s}")(last(x)) for s, x in current.items()]
        return layers.Concatenate(axis=1, name=f"{name}_of_all")(rows)

    def _convolutions(self, name: str, use_bias: bool = True) -> list[Any]:
        """A 3x3 convolution; if ``depthwise`` that of each channel by itself, and a 1x1 one."""
        layers, he, channels = keras.layers, "he_normal", self.channels
        if not self.depthwise:
            return [layers.Conv2D(channels, 3, padding="same", use_bias=use_bias, kernel_initializer=he, name=name)]
        return [
            layers.DepthwiseConv2D(
                3, padding="same", use_bias=use_bias, depthwise_initializer=he, name=f"{name}_depthwise"
            ),
            layers.Conv2D(channels, 1, use_bias=use_bias, kernel_initializer=he, name=name),
        ]


def _norm(name: str) -> Any:
    return keras.layers.BatchNormalization(name=name)
