"""A model's answers: one example in, its outputs by name out, whatever the types of its two ends."""

from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from jetson.errors import UserError
from jetson.interpreter import Model
from jetson.pixels import Grid, Pixels, told


class Predictor:
    """``pixels``: what the model is fed for bytes, None for what its grid tells, [0, 1] where it has none.

    ``names``: the outputs that a bundle expects; without them ``output`` names one of several, and ``width`` tells one
    by how many numbers an example has. Raises UserError where the model has several inputs, and where it cannot be told
    which outputs count or which pixels its integers are."""

    def __init__(
        self,
        model: Model,
        pixels: Optional[Pixels] = None,
        output: Optional[str] = None,
        width: Optional[int] = None,
        names: Sequence[str] = (),
    ) -> None:
        self.model = model
        if len(model.inputs) != 1:
            listed = ", ".join(str(each["name"]) for each in model.inputs)
            raise UserError(f"the model has {len(model.inputs)} inputs ({listed}), but a test set can feed only one")
        self.input = model.input
        decided = pixels or told(np.dtype(self.input["dtype"]), _grid(self.input))
        if decided is None:
            raise UserError("which pixel range the model expects is unknown: give it as --pixels")
        self.pixels = decided
        self.outputs = _chosen(model.interpreter, output, width, names)
        self._names = names if len(names) > 1 else ()
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

    def predict(self, example: np.ndarray) -> Dict[str, np.ndarray]:
        """The outputs of one example by name, float32, whatever was predicted before."""
        if self._keeps_state:
            self.model.load()
        values = self._run(example)
        if self._keeps_state is None:  # does it remember what a reset does not forget?
            again = self._run(example)
            self._keeps_state = not all(np.array_equal(values[name], again[name], equal_nan=True) for name in values)
        return values

    def _run(self, example: np.ndarray) -> Dict[str, np.ndarray]:
        interpreter = self.model.interpreter
        self.model.reset()
        interpreter.set_tensor(self.input["index"], self.encode(example))
        interpreter.invoke()
        return {
            name: _decoded(interpreter.get_tensor(each["index"]), each, name in self._names)
            for name, each in self.outputs.items()
        }


def stacked(rows: List[Dict[str, np.ndarray]]) -> Dict[str, np.ndarray]:
    """Outputs of several examples, by name: (n, ...)."""
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _decoded(tensor: np.ndarray, details: Dict[str, Any], as_it_is: bool) -> np.ndarray:
    """The first example's values, float32; a row loses its axes of length 1, unless it is to stay as it is."""
    values = tensor[0] if tensor.ndim > 1 else tensor
    if not as_it_is and all(side == 1 for side in values.shape[:-1]):
        values = values.reshape(-1)
    grid = _grid(details)
    if values.dtype.kind == "f" or grid is None:
        return values.astype(np.float32)
    return (values.astype(np.float32) - grid[1]) * np.float32(grid[0])


def _grid(tensor: Dict[str, Any]) -> Grid:
    scale, zero = tensor["quantization"]
    return (float(scale), int(zero)) if scale else None


def _chosen(
    interpreter: Any, wanted: Optional[str], width: Optional[int], names: Sequence[str]
) -> Dict[str, Dict[str, Any]]:
    """The details of the outputs that are expected by ``names``; else of the one that is wanted, else of the only one,
    else of the only one of so many numbers."""
    named = {
        names_of(interpreter).get(int(each["index"]), str(each["name"])): each
        for each in interpreter.get_output_details()
    }
    shapes = ", ".join(f"{name} {_sides(each)}" for name, each in sorted(named.items()))
    if wanted is None and names and all(name in named for name in names):
        return {name: named[name] for name in names}
    if wanted is not None:
        if wanted not in named:
            raise UserError(f"the model has no output {wanted!r}: it has {shapes}")
        name, only = wanted, named[wanted]
    elif len(names) == len(named) == 1:  # an interpreter that knows no signatures calls it by its tensor
        return {names[0]: next(iter(named.values()))}
    else:
        fitting = [
            each for each in named.items() if len(named) == 1 or int(np.prod(_sides(each[1])[1:] or [1])) == width
        ]
        if len(fitting) != 1:
            raise UserError(f"the model has {len(named)} outputs ({shapes}): choose one with --output")
        ((name, only),) = fitting
    sides = _sides(only)
    if not sides or any(side != 1 for side in sides[1:-1]):
        raise UserError(f"the model's output has the shape {sides}, not a row of numbers for each example")
    return {name: only}


def _sides(tensor: Dict[str, Any]) -> Sequence[int]:
    return [int(side) for side in tensor["shape"]]


def names_of(interpreter: Any) -> Dict[int, str]:
    """Tensor -> the name that the model's maker gave an output, of a model with one signature."""
    if not hasattr(interpreter, "get_signature_list") or len(interpreter.get_signature_list()) != 1:
        return {}
    (key,) = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner(key)
    if not hasattr(runner, "get_output_details"):
        return {}
    return {int(each["index"]): name for name, each in runner.get_output_details().items()}
