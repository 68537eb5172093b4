"""Losses on labels. A new one: one file here, one line in LABEL_LOSSES, one test."""

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from compress.tasks.losses.cross_entropy import CrossEntropy
from compress.tasks.losses.focal_calibration import FocalCalibration
from compress.tasks.losses.loss import Loss
from compress.tasks.losses.sigmoid_cross_entropy import SigmoidCrossEntropy

LABEL_LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "focal_calibration": FocalCalibration,
    "sigmoid_cross_entropy": SigmoidCrossEntropy,
}

if TYPE_CHECKING:
    LabelLoss = Loss
else:  # whatever is registered
    LabelLoss = Annotated[Union[tuple(LABEL_LOSSES.values())], Field(discriminator="name")]  # noqa: UP007

__all__ = ["LABEL_LOSSES", "CrossEntropy", "FocalCalibration", "LabelLoss", "Loss", "SigmoidCrossEntropy"]
