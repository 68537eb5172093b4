"""A quantized network whose outputs' sums are not biased: what rounds a little too low at each place adds up.

Nagel, van Baalen, Blankevoort and Welling, "Data-Free Quantization Through Weight Equalization and Bias Correction",
ICCV 2019, section 4.2, correct the bias of every layer by its expected error; here the last layer's is, by the measured
error of the outputs.
"""

from typing import Any

import numpy as np

from compress.evaluate import KerasPredictor, outputs
from compress.quantize.ends import biases_at_the_end
from compress.stages.base import Context
from compress.stages.serving import Serving
from compress.tasks import Arrays

ROUNDS = 3  # a layer behind the last kernel may pass on less than what is added


def correct_bias(network: Any, serving: Serving, wanted: Arrays, context: Context) -> dict[str, float]:
    """Adds to the biases at the end of ``network``, in place, what its outputs lack of the ``wanted`` ones on average.

    ``wanted``: of the network before its quantization, on the validation split. Returns the mean difference of the sums
    of each output before and after.
    """
    biases = biases_at_the_end(network)
    lacks = lacking(serving, wanted, context)
    facts = {"bias_before": _per_image(lacks, wanted)}
    for _ in range(ROUNDS if biases else 0):
        for bias, missing in zip(biases, lacks.values(), strict=True):
            bias.assign_add(np.broadcast_to(np.float32(missing), bias.shape))
        lacks = lacking(serving, wanted, context)
    return {**facts, "bias_after": _per_image(lacks, wanted)}


def lacking(serving: Serving, wanted: Arrays, context: Context) -> dict[str, float]:
    """What each value of an output is too low by, on average."""
    got = outputs(KerasPredictor(serving.function), context.dataset.validation)
    return {name: float(np.mean(wanted[name].astype(np.float64) - got[name])) for name in wanted}


def _per_image(lacks: dict[str, float], wanted: Arrays) -> float:
    """The first output's mean difference of sums: below 0 where too little is counted."""
    name = next(iter(wanted))
    return -lacks[name] * float(np.prod(wanted[name].shape[1:]))
