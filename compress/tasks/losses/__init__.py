"""Losses on labels. A new one: one file here, one line in LABEL_LOSSES, one test.

Each is a frozen config whose ``loss(logits, labels, weight=1.0)`` is the scalar loss of a batch, float32, at least 0:
logits float32 (n, classes), labels int64 (n,) in [0, classes), ``weight`` that of the cross-entropy.
"""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from compress.tasks.losses.cross_entropy import CrossEntropy
from compress.tasks.losses.focal_calibration import FocalCalibration

LABEL_LOSSES: dict[str, Any] = {"cross_entropy": CrossEntropy, "focal_calibration": FocalCalibration}

if TYPE_CHECKING:
    LabelLoss = Any
else:  # whatever is registered
    LabelLoss = Annotated[Union[tuple(LABEL_LOSSES.values())], Field(discriminator="name")]  # noqa: UP007

__all__ = ["LABEL_LOSSES", "CrossEntropy", "FocalCalibration", "LabelLoss"]
