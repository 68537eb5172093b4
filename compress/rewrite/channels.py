"""How the channels of a layer's output, its last axis, follow from those that it reads: what removing channels needs.

Each kind of layer has one of these in ``layer_kinds``. A layer without one keeps all channels that it reads and gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SMALL_GROUP = 16  # channels that a group of a convolution reads, and gives, so that it can only go as a whole

Axis = Literal["in", "out", ""]
"""Which channels an axis of a weight has: those that the layer reads, those that it gives, or none."""


@dataclass(frozen=True)
class Channels:
    """What a layer does with channels."""

    how: Literal["new", "same", "reduced", "repeated", "tied", "joined", "cut", "rearranged"]
    """- new: each output channel is made of all input channels, as in a convolution.
    - same: output channel i is made of input channel i alone.
    - reduced: the same, where the call's ``axis`` leaves the channels out.
    - repeated: output channels i * n to i * n + n - 1 are made of input channel i (a depthwise convolution).
    - tied: output channel i is made of channel i of every input, as in a sum.
    - joined: the channels of the inputs in a row.
    - cut: each output is a part of the input's channels in a row.
    - rearranged: the output holds values of the input in other places."""
    weights: Mapping[str, tuple[Axis, ...]] = field(default_factory=dict)
    """Attribute of the layer -> what each of the last axes of that weight has."""
    settings: Mapping[str, Axis] = field(default_factory=dict)
    """Entry of the layer's config -> which channels it counts, or holds a number for, each."""


_KERNEL_AND_BIAS: dict[str, tuple[Axis, ...]] = {"kernel": ("", "", "in", "out"), "bias": ("out",)}
SAME = Channels("same")
REDUCED = Channels("reduced")
TIED = Channels("tied")
JOINED = Channels("joined")
CUT = Channels("cut")
REARRANGED = Channels("rearranged")
CONVOLUTION = Channels("new", _KERNEL_AND_BIAS, {"filters": "out"})
TRANSPOSED_CONVOLUTION = Channels("new", {**_KERNEL_AND_BIAS, "kernel": ("", "", "out", "in")}, {"filters": "out"})
DENSE = Channels("new", {"kernel": ("in", "out"), "bias": ("out",)}, {"units": "out"})
DEPTHWISE = Channels("repeated", {"depthwise_kernel": ("", "", "in", ""), "bias": ("out",)})
NORMALIZATION = Channels("same", dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), ("in",)))
# of each place; with channels gone its mean and variance are those of the channels that are left
LAYER_NORMALIZATION = Channels("same", dict.fromkeys(("gamma", "beta"), ("in",)))
SCALE = Channels("same", {"gamma": ("in",)}, {"projection_dim": "in"})
SCALE_IN_CONFIG = Channels("same", {}, {"scale": "in", "offset": "in"})
SLOPES = Channels("same", {"alpha": ("in",)})


def small_groups(groups: int, channels_in: int, channels_out: int) -> bool:
    """Whether the groups of a convolution are so small that one can only be removed as a whole."""
    return groups > 1 and max(channels_in, channels_out) // groups <= SMALL_GROUP
