"""A model as a classifier: one example in, one number for each class out, whatever the types of its two ends."""

from typing import Any, Dict, Optional, Sequence

import numpy as np

from jetson.errors import UserError
from jetson.interpreter import Model
from jetson.pixels import Grid, Pixels, told


class Classifier:
    """``pixels``: what the model is fed for bytes, None for what its grid tells, [0, 1] where it has none.

    ``output`` names one of several outputs, ``classes`` tells it by their number. Raises UserError where the model has
    several inputs, and where it cannot be told which output counts or which pixels its integers are."""

    def __init__(
        self, model: Model, pixels: Optional[Pixels] = None, output: Optional[str] = None, classes: Optional[int] = None
    ) -> None:
        self.model = model
        if len(model.inputs) != 1:
            names = ", ".join(str(one["name"]) for one in model.inputs)
            raise UserError(f"the model has {len(model.inputs)} inputs ({names}): only one can be fed from a test set")
        self.input = model.input
        found = pixels or told(np.dtype(self.input["dtype"]), _grid(self.input))
        if found is None:
            raise UserError("which pixels the numbers of the model's input are cannot be told: name them (--pixels)")
        self.pixels = found
        self.output = _chosen(model.interpreter, output, classes)
        self._keeps_state: Optional[bool] = None

    def encode(self, example: np.ndarray) -> np.ndarray:
        """The example as the input's tensor: bytes as the model's pixels, float values as they are."""
        values = self.pixels.of(example)
        shape = self.model.shape
        if values.ndim == 3 and len(shape) == 4 and values.shape != shape[1:] and shape[1] == values.shape[-1]:
            values = np.moveaxis(values, -1, 0)  # a model that reads channels first
        kind, grid = np.dtype(self.input["dtype"]), _grid(self.input)
        if kind.kind != "f":
            scale, zero = grid or (1.0, 0)
            limits = np.iinfo(kind)
            values = np.clip(np.round(values / np.float32(scale)) + zero, limits.min, limits.max)
        return np.broadcast_to(values.astype(kind).reshape(shape[1:]), shape)

    def predict(self, example: np.ndarray) -> np.ndarray:
        """The classes' numbers of one example, float32, whatever was predicted before."""
        if self._keeps_state:
            self.model.load()
        found = self._run(example)
        if self._keeps_state is None:  # does it remember what a reset does not forget?
            self._keeps_state = not np.array_equal(found, self._run(example), equal_nan=True)
        return found

    def _run(self, example: np.ndarray) -> np.ndarray:
        interpreter = self.model.interpreter
        self.model.reset()
        interpreter.set_tensor(self.input["index"], self.encode(example))
        interpreter.invoke()
        values = interpreter.get_tensor(self.output["index"])
        values = values.reshape(-1, values.shape[-1])[0]
        grid = _grid(self.output)
        if values.dtype.kind == "f" or grid is None:
            return values.astype(np.float32)
        return (values.astype(np.float32) - grid[1]) * np.float32(grid[0])


def _grid(tensor: Dict[str, Any]) -> Grid:
    scale, zero = tensor["quantization"]
    return (float(scale), int(zero)) if scale else None


def _chosen(interpreter: Any, wanted: Optional[str], classes: Optional[int]) -> Dict[str, Any]:
    """The details of the output of that name, else of the only one, else of the only one of so many classes."""
    named = {
        _names(interpreter).get(int(one["index"]), str(one["name"])): one for one in interpreter.get_output_details()
    }
    shapes = ", ".join(f"{name} {_sides(one)}" for name, one in sorted(named.items()))
    if wanted is not None:
        if wanted not in named:
            raise UserError(f"the model has no output {wanted!r}: it has {shapes}")
        found = named[wanted]
    else:
        fitting = [one for one in named.values() if len(named) == 1 or int(np.prod(_sides(one)[1:] or [1])) == classes]
        if len(fitting) != 1:
            raise UserError(f"the model has {len(named)} outputs ({shapes}): choose one with --output")
        (found,) = fitting
    sides = _sides(found)
    if not sides or sides[-1] < 2 or any(side != 1 for side in sides[1:-1]):
        raise UserError(f"the model's output has the shape {sides}, not one number for each class")
    return found


def _sides(tensor: Dict[str, Any]) -> Sequence[int]:
    return [int(side) for side in tensor["shape"]]


def _names(interpreter: Any) -> Dict[int, str]:
    """Tensor -> the name that the model's maker gave an output, of a model with one signature."""
    if not hasattr(interpreter, "get_signature_list") or len(interpreter.get_signature_list()) != 1:
        return {}
    (key,) = interpreter.get_signature_list()
    found = interpreter.get_signature_runner(key)
    if not hasattr(found, "get_output_details"):
        return {}
    return {int(one["index"]): name for name, one in found.get_output_details().items()}
