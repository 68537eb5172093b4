"""What the stages behind a network will do to it, tried on a copy before anything is trained."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from compress.errors import Failure, UserError, first_line
from compress.evaluate import TFLitePredictor
from compress.evaluate.predictors import to_float
from compress.export import convert
from compress.prune import gradual
from compress.rewrite import as_plain_layers
from compress.rewrite.graph import clone, rebuild
from compress.stages.base import Context, Stage
from compress.stages.narrow import Narrow
from compress.stages.prune import Prune
from compress.stages.quantize import Quantize
from compress.tasks import Output

MOST_LAYERS, MOST_PARAMETERS = 250, 10_000_000
IMAGES = 8


def is_quick(network: Any) -> bool:
    """Whether the trial of a network takes seconds."""
    return len(network.layers) <= MOST_LAYERS and network.count_params() <= MOST_PARAMETERS


def trial(network: Any, stages: Sequence[Stage], context: Context) -> None:
    """Narrows, prunes, quantizes and converts a copy of ``network`` as the ``stages`` would, and runs the file.

    Nothing is trained; ranges come from a few training images. Raises UserError for what a stage will refuse.
    """
    from compress import fake_quant
    from compress.quantize.fold import fold
    from compress.quantize.qat import quantization_aware

    few = context.dataset.train.read(np.arange(min(IMAGES, len(context.dataset.train))))
    copy = rebuild(network, lambda layer, name: clone(layer, name=name))
    precision = "float32"
    for stage in stages:
        try:
            if isinstance(stage, Narrow):
                copy = stage.at_once(as_plain_layers(copy))
            elif isinstance(stage, Prune):
                copy = as_plain_layers(copy)
                gradual.prune_at_once(copy, stage.final_sparsity, stage.skip)
            elif isinstance(stage, Quantize):
                precision = stage.precision
                copy = as_plain_layers(copy) if stage.rewrite else copy
                if not stage.by_converter:
                    copy = quantization_aware(copy, [to_float(few)], None, stage.keep_float, bool(context.task.SUMS))
                    fake_quant.freeze_quantized_kernels(copy)
                elif stage.rewrite:
                    copy = fold(copy)
        except (UserError, Failure) as error:
            raise UserError(f"stage {stage.name!r} cannot use the network: {error}") from error
    _run(copy, precision, few, context.task.OUTPUTS)


def _run(network: Any, precision: str, images: np.ndarray, names: Sequence[Output]) -> None:
    """Converts the network and runs the file on the images."""
    post_training = None if convert.is_quantized(network) or precision == "float32" else precision
    try:
        calibration = [to_float(images)]
        converter = convert.Converter(network, post_training=post_training, calibration=calibration, outputs=names)
        expected = [[name.in_file for name in names]]
        outputs = TFLitePredictor(converter.dense(), expected=expected)(images[:2])
    except (UserError, Failure) as error:
        raise UserError(f"the network cannot be exported: {first_line(error)}") from error
    if not all(np.isfinite(values).all() for values in outputs.values()):
        raise UserError("its .tflite gives outputs that are NaN or infinite")
