"""Opens whatever a user calls a model: a stage's folder, a .tflite file, or a Keras network of the user's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from compress import artifacts
from compress.artifacts.saved_model import serving_function
from compress.datasets import Split
from compress.errors import UserError
from compress.evaluate import expected_pixels, tried_pixels
from compress.evaluate.predictors import KerasPredictor
from compress.evaluate.tflite_file import TFLiteFile
from compress.evaluate.tflite_input import Shape
from compress.evaluate.tflite_predictor import TFLitePredictor, input_of, signature, sized
from compress.models import front, saved_model
from compress.pixels import UNIT, Pixels
from compress.tasks import Arrays, Task
from compress.tasks.named import names, shapes

Say = Callable[[str], None]
KERAS_FILES = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True)
class Wishes:
    """What a user says of a model that does not tell it: the pixels that it expects, and which output counts."""

    pixels: Pixels | None = None
    output: str | None = None


@dataclass(frozen=True)
class Ready:
    """A model that can be asked. ``raw`` gives the task's raw outputs of examples as ``Split.read`` gives them;
    ``source`` is what ``compare.look_into`` takes: the Keras network, or the file's predictor."""

    raw: Callable[[np.ndarray], Arrays]
    source: Any
    width: int
    """How many numbers an example has in the first output."""


class Model(Protocol):
    """A model in hand, not yet put to work."""

    path: Path

    @property
    def shape(self) -> Shape:
        """Of one example, without the batch; None for a side that the model leaves open."""
        ...

    @property
    def ends_in(self) -> str:
        """The operator at the end of a file of one output, such as "SOFTMAX"; "" for a network."""
        ...

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names that a file gives its outputs; () for a network."""
        ...

    def ready(
        self,
        shape: Sequence[int],
        task: Task,
        wishes: Wishes = Wishes(),
        width: int | None = None,
        images: Split | None = None,
        say: Say = lambda line: None,
    ) -> Ready:
        """The model for examples of ``shape`` and outputs of the task, so many numbers an example where that is known.

        ``images``, of the validation split, tell which pixels it expects where nothing else does; ``say`` is told.
        Raises UserError where model, data and wishes do not go together.
        """
        ...


def open_model(path: Path) -> Model:
    """Reads the model. Raises UserError, in one line, for what is none."""
    if path.is_dir() and not (path / "saved_model").is_dir() and (path / "model.tflite").is_file():
        path = path / "model.tflite"
    if path.is_file() and path.suffix not in KERAS_FILES:
        return _File(path)
    inner = path / "saved_model" if (path / "saved_model").is_dir() else path
    if (inner.parent / "stage.json").is_file() or _is_quantized(inner):
        return _Network(path, artifacts.load(inner), is_ours=True)
    return _Network(path, saved_model.load(inner, outputs=None, end=lambda network, name: network), is_ours=False)


def _is_quantized(folder: Path) -> bool:
    told = folder / "keras_metadata.pb"
    return told.is_file() and b"jetslim>Int8Config" in told.read_bytes()


class _Network:
    """A Keras network: a stage's, which reads [0, 1], or a user's."""

    def __init__(self, path: Path, network: Any, is_ours: bool) -> None:
        self.path, self._network, self._is_ours = path, network, is_ours

    @property
    def shape(self) -> Shape:
        return tuple(self._network.input_shape[1:])

    @property
    def ends_in(self) -> str:
        return ""

    @property
    def outputs(self) -> tuple[str, ...]:
        return ()

    def ready(
        self,
        shape: Sequence[int],
        task: Task,
        wishes: Wishes = Wishes(),
        width: int | None = None,
        images: Split | None = None,
        say: Say = lambda line: None,
    ) -> Ready:
        if wishes.output is not None:
            raise UserError(f"--output needs a .tflite file with several outputs, but {self.path} has only one")
        network = saved_model.checked(self._network, self.path, None, len(task.OUTPUTS))
        network = saved_model.sized(network, sized(self.shape, shape, str(self.path)))
        if not self._is_ours:
            network = task.own_end(network, str(self.path))
        task.check_outputs(shapes(task, network), str(self.path), width)
        if wishes.pixels is not None or not self._is_ours:
            network = self._for_images(network, task, wishes.pixels, images, say)
        serve = KerasPredictor(serving_function(network, names(task)))
        return Ready(serve, network, int(network.outputs[0].shape[-1]))

    def _for_images(self, network: Any, task: Task, given: Pixels | None, images: Split | None, say: Say) -> Any:
        """The network behind what makes its own pixels of [0, 1]."""
        if images is not None and not expected_pixels.are_asked_for(network, images):
            return network
        name, ask = str(self.path), tried_pixels.ASK
        return front.fed(network, expected_pixels.decide(network, name, task, given, images, say, ask))


class _File:
    """A .tflite file, of any maker."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = TFLiteFile(path)
        interpreter = self._file.interpreter()
        self.shape = input_of(self._file, interpreter).shape
        outputs = interpreter.get_output_details()
        self.outputs = tuple(signature(interpreter, "output"))
        self.ends_in = self._file.last_operator(int(outputs[0]["index"])) if len(outputs) == 1 else ""

    def ready(
        self,
        shape: Sequence[int],
        task: Task,
        wishes: Wishes = Wishes(),
        width: int | None = None,
        images: Split | None = None,
        say: Say = lambda line: None,
    ) -> Ready:
        expected = file_outputs(task)
        predictor = TFLitePredictor(self._file, 1, wishes.pixels or UNIT, shape, wishes.output, width, expected)
        task.check_outputs(predictor.shapes, str(self.path), width)
        predictor.pixels = tried_pixels.decide(predictor, self.path, task, wishes.pixels, images, say)

        def raw(images: np.ndarray) -> Arrays:
            return task.from_file(predictor(images), predictor.ends_in)

        return Ready(raw, predictor, width or predictor.outputs[0].shape[-1])


def file_outputs(task: Task) -> list[list[str]]:
    """The names that the outputs of a file may have: with float outputs, as the network has them, and others."""
    return [[output.in_file for output in task.OUTPUTS], names(task), *map(list, task.ALSO_IN_FILES)]
