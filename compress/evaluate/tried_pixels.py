"""Which pixels a .tflite file expects: told by its grid or by what lies beside it, else by its own right answers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from compress.datasets import Split
from compress.errors import UserError
from compress.evaluate.expected_pixels import Trial, by_answers, sample
from compress.evaluate.sidecar_files import is_ours
from compress.evaluate.tflite_predictor import TFLitePredictor
from compress.pixels import PIXELS, UNIT, Pixels
from compress.tasks import Task

Say = Callable[[str], None]
ASK = f"give it as --pixels: one of {', '.join(PIXELS)} or SCALE,OFFSET applied to a byte"


def decide(
    predictor: TFLitePredictor,
    path: Path,
    task: Task,
    given: Pixels | None,
    images: Split | None,
    say: Say = lambda line: None,
) -> Pixels:
    """The pixels that the file expects: ``given`` by its user, else as its numbers or its maker's words tell.

    Where none of these tells, ``images`` (a split) are put to it under each of PIXELS, and a clear winner
    is taken and said. Raises UserError, which asks for ``--pixels``, where that decides nothing.
    """
    channels = predictor.shape[-1] if len(predictor.shape) == 3 else 1
    if given is not None:
        if not given.fits(channels):
            raise UserError(
                f"{path} reads {channels} channel{'s' * (channels > 1)}, but pixels {given.name} are for another "
                "number of channels"
            )
        return given
    if images is not None and images.read(np.arange(1)).dtype != np.uint8:
        return UNIT  # numbers, which no pixels stand for
    candidates = predictor.input.candidates
    if is_ours(path) and UNIT in candidates:
        return UNIT
    if len(candidates) == 1:
        return candidates[0]
    unknown = f"{path} reads {predictor.input.span}: the pixel range that it expects cannot be found"
    if not candidates:
        raise UserError(f"{unknown}; {ASK}")
    if images is None:
        raise UserError(f"{unknown} without images whose classes are known; {ASK}")
    trials = [trial for pixels in candidates if (trial := _trial(predictor, pixels, images, task)) is not None]
    if not trials:
        raise UserError(f"{unknown}; {ASK}")
    return by_answers(trials, images, task, str(path), say, f"{unknown} from its numbers, ", ASK)


def _trial(predictor: TFLitePredictor, pixels: Pixels, images: Split, task: Task) -> Trial | None:
    predictor.pixels = pixels
    chosen = sample(images)
    outputs = task.from_file(predictor(images.read(chosen)), predictor.ends_in)
    answers = task.answers(outputs, images.targets.take(chosen).arrays())
    return None if answers is None else Trial(pixels, answers)
