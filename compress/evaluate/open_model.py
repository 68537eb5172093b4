"""Opens whatever a user calls a model: a stage's folder, a .tflite file, or a Keras network of the user's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from compress import artifacts
from compress.artifacts.saved_model import serving_function
from compress.datasets import Split
from compress.errors import UserError
from compress.evaluate import expected_pixels, tried_pixels
from compress.evaluate.predictors import KerasPredictor, Predictor
from compress.evaluate.tflite_file import TFLiteFile
from compress.evaluate.tflite_input import Shape
from compress.evaluate.tflite_predictor import TFLitePredictor, input_of, sized
from compress.models import front, saved_model
from compress.pixels import UNIT, Pixels

Say = Callable[[str], None]
KERAS_FILES = (".keras", ".h5", ".hdf5")


@dataclass(frozen=True)
class Wishes:
    """What a user says of a model that does not tell it: the pixels that it expects, and which output counts."""

    pixels: Pixels | None = None
    output: str | None = None


@dataclass(frozen=True)
class Ready:
    """A model that can be asked. ``source`` is what ``compare.look_into`` takes: the Keras network, or the file's
    predictor."""

    predict: Predictor
    source: Any
    classes: int
    ends_in: str = ""
    """The operator at the end of a file, such as "SOFTMAX"; "" for a network, which gives logits."""


class Model(Protocol):
    """A model in hand, not yet put to work."""

    path: Path

    @property
    def shape(self) -> Shape:
        """Of one example, without the batch; None for a side that the model leaves open."""
        ...

    @property
    def classes(self) -> int | None:
        """How many classes it tells apart; None where that depends on which of several outputs counts."""
        ...

    def ready(
        self,
        shape: Sequence[int],
        wishes: Wishes = Wishes(),
        classes: int | None = None,
        images: Split | None = None,
        say: Say = lambda line: None,
    ) -> Ready:
        """The model for examples of ``shape`` and so many classes.

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
    return _Network(path, saved_model.load(inner), is_ours=False)


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
    def classes(self) -> int:
        return int(self._network.output_shape[-1])

    def ready(
        self,
        shape: Sequence[int],
        wishes: Wishes = Wishes(),
        classes: int | None = None,
        images: Split | None = None,
        say: Say = lambda line: None,
    ) -> Ready:
        if wishes.output is not None:
            raise UserError(f"{self.path} has one output: --output is for a .tflite file of several")
        network = saved_model.sized(self._network, sized(self.shape, shape, str(self.path)))
        if wishes.pixels is not None or not self._is_ours:
            network = self._for_images(network, wishes.pixels, images, say)
        return Ready(KerasPredictor(serving_function(network)), network, self.classes)

    def _for_images(self, network: Any, given: Pixels | None, images: Split | None, say: Say) -> Any:
        """The network behind what makes its own pixels of [0, 1]."""
        if images is not None and not expected_pixels.are_asked_for(network, images):
            return network
        return front.fed(network, expected_pixels.decide(network, str(self.path), given, images, say, tried_pixels.ASK))


class _File:
    """A .tflite file, of any maker."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = TFLiteFile(path)
        interpreter = self._file.interpreter()
        self.shape = input_of(self._file, interpreter).shape
        shapes = [[int(side) for side in detail["shape"]] for detail in interpreter.get_output_details()]
        plain = len(shapes) == 1 and len(shapes[0]) > 0 and all(side == 1 for side in shapes[0][1:-1])
        self.classes = shapes[0][-1] if plain and shapes[0][-1] > 1 else None

    def ready(
        self,
        shape: Sequence[int],
        wishes: Wishes = Wishes(),
        classes: int | None = None,
        images: Split | None = None,
        say: Say = lambda line: None,
    ) -> Ready:
        predictor = TFLitePredictor(self._file, 1, wishes.pixels or UNIT, shape, wishes.output, classes)
        predictor.pixels = tried_pixels.decide(predictor, self.path, wishes.pixels, images, say)
        return Ready(predictor, predictor, predictor.classes, predictor.ends_in)
