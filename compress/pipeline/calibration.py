"""The metrics of calibration of a stage, from the outputs that its artifact keeps."""

from typing import Any

import numpy as np

from compress.artifacts import Artifact
from compress.datasets import Dataset
from compress.stages import Export, Stage
from compress.stages.export import TEST_OUTPUTS, VALIDATION_OUTPUTS
from compress.stages.finish import TEST_LOGITS, VALIDATION_LOGITS
from compress.stages.quantize import Quantize
from compress.tasks import calibration


def of_stage(stage: Stage, artifact: Artifact, export: Artifact, dataset: Dataset) -> dict[str, Any]:
    """What ``compress.tasks.calibration.measure`` finds, and of what: ``measured_on`` is "network" or ".tflite".

    A stage's own Keras network by its logits; the file's own outputs for an export and where the converter quantizes,
    since there the network is still the float one.
    """
    in_file = isinstance(stage, Export) or (isinstance(stage, Quantize) and stage.by_converter)
    folder = (export if in_file else artifact).path
    names = (VALIDATION_OUTPUTS, TEST_OUTPUTS) if in_file else (VALIDATION_LOGITS, TEST_LOGITS)
    validation, test = (np.load(folder / name, allow_pickle=False) for name in names)
    probabilities = in_file and export.facts["output_type"] == "float32"
    found = calibration.measure(validation, dataset.validation.labels, test, dataset.test.labels, probabilities)
    return {"measured_on": ".tflite" if in_file else "network", **found}
