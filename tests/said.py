"""What networks and files of one output say, as plain arrays; and what the lines of a model card print."""

import re
import subprocess
import sys
from functools import partial

import numpy as np
from PIL import Image

from compress.artifacts.saved_model import serving_function
from compress.evaluate import KerasPredictor, TFLitePredictor
from compress.tasks import Classification
from compress.tasks.objective import on_targets

TASK = Classification()
labels_only = partial(on_targets, TASK, TASK.loss, None)
"""What a training of a classifier without a teacher minimises."""


def logits_of(network):
    """The predictor of a network: images -> its logits, float32 (n, classes)."""
    predict = KerasPredictor(serving_function(network))
    return lambda images: predict(images)["logits"]


def numbers_of(content, *args, **options):
    """The predictor of a .tflite: images -> what its one output gives, float32 (n, numbers)."""
    predict = TFLitePredictor(content, *args, **options)

    def only(images):
        (numbers,) = predict(images).values()
        return numbers

    return only


def outputs_of(path, images):
    """What a .tflite gives of uint8 images by its signature, all outputs by their names, (n, ...) each."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(path)).get_signature_runner()
    rows = [runner(image=image[None] / np.float32(255)) for image in images]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def said_by_card(exported, image, folder):
    """What the Python lines of the card in ``exported`` print of an image, or of another example where it is no uint8.

    They are run in ``folder``, which gets the files.
    """
    folder.mkdir(exist_ok=True)
    for file in exported.iterdir():
        (folder / file.name).symlink_to(file.resolve())
    if image.dtype == np.uint8:
        Image.fromarray(image.squeeze()).save(folder / "photo.png")
    else:
        np.save(folder / "example.npy", image)
    (lines,) = re.findall(r"```python\n(.*?)```", (exported / "README.md").read_text(), re.DOTALL)
    return subprocess.run([sys.executable, "-c", lines], cwd=folder, text=True, capture_output=True, check=True).stdout


def probabilities(logits):
    """Their softmax."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
