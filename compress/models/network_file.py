"""A user's own network, from a file or a folder, as it was saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from compress import keras
from compress.errors import UserError, first_line
from compress.models import file_kinds, keras3, peek
from compress.rewrite.graph import clone, rebuild

Say = Callable[[str], None]


def read_network(path: str | Path, say: Say | None = None) -> keras.Model:
    """The network as it was saved, as one of legacy Keras, not compiled.

    A file of Keras 3 is rebuilt in legacy Keras (``compress.models.keras3``). tfmot's pruning wrappers are stripped, a
    fixed batch size is freed; ``say`` is told of both. Raises UserError, in one line that says what to do, where there
    is no network that can be trained on.
    """
    place = Path(path)
    file_kinds.check(place)
    if keras3.is_keras3(place):
        return keras3.read_keras3(place)
    content = _description(place)
    if b"jetslim>" in content:
        import compress.fake_quant  # noqa: F401  (registers what rewritten networks are made of)
    if b"jetslim>Int8Config" in content:
        raise UserError(
            f"{path} is a quantized network, which can neither be a teacher nor be trained: use the network "
            "from before quantization"
        )
    if b"QuantizeWrapper" in content or b"QuantizeLayer" in content:
        raise UserError(
            f"{path} was made by tfmot's quantize_model: use the network from before quantize_model, because "
            "jetslim quantizes it itself"
        )
    pruned = b"PruneLowMagnitude" in content
    model = _load(place, pruned)
    if pruned:
        stripped = keras.tfmot.sparsity.keras.strip_pruning(model)
        model = rebuild(stripped, lambda layer, name: clone(layer, name=name))
        _tell(say, f"{path}: tfmot's pruning wrappers were stripped (strip_pruning); the zeros are kept")
    _check_precision(model, place)
    return _free_batch(model, place, say)


def _load(place: Path, pruned: bool) -> keras.Model:
    scope = keras.tfmot.sparsity.keras.prune_scope() if pruned else keras.utils.custom_object_scope({})
    try:
        with scope:
            model = keras.models.load_model(str(place), compile=False)
    except Exception as error:  # a foreign file can raise anything: unknown layers, half a download
        if foreign := _foreign_layers(place):
            raise UserError(
                f"cannot load {place}: {foreign}, which is not a layer of Keras: use Keras's own layers (a "
                "function may group several of them), or import the module that registers the class "
                "(keras.utils.register_keras_serializable)"
            ) from error
        raise UserError(f"cannot load {place}: {first_line(error)}") from error
    if not isinstance(model, keras.Model):
        raise UserError(
            f"{place} is not a Keras SavedModel (it contains a {type(model).__name__}), so it cannot be trained"
        )
    return model


def _tell(say: Say | None, line: str) -> None:
    if say is not None:
        say(line)


def _check_precision(model: keras.Model, place: Path) -> None:
    """Raises UserError for mixed precision."""
    half = [layer for layer in model._flatten_layers() if layer.compute_dtype in ("float16", "bfloat16")]
    if half:
        raise UserError(
            f"{place} computes in {half[0].compute_dtype} ({len(half)} layers, the first is {half[0].name!r}): "
            'build the network again under keras.mixed_precision.set_global_policy("float32"), and copy the '
            "weights with set_weights"
        )


def _free_batch(model: keras.Model, place: Path, say: Say | None) -> keras.Model:
    """The same network for any batch; ``model`` itself where it is so already, or no functional one."""
    if not model._is_graph_network or all(tensor.shape[0] is None for tensor in model.inputs):
        return model
    size = next(tensor.shape[0] for tensor in model.inputs if tensor.shape[0])
    reason = "its layers depend on it"
    try:
        free = type(model).from_config(
            _without_batch(model.get_config()),
            custom_objects={type(each).__name__: type(each) for each in model.layers},
        )
        free.set_weights(model.get_weights())
        rng = np.random.default_rng(0)
        inputs = [
            rng.random((size, *(side or 64 for side in each.shape[1:]))).astype(each.dtype.name)
            for each in model.inputs
        ]
        wanted, got, single = (
            [tensor.numpy() for tensor in keras.tf.nest.flatten(network(arrays if len(arrays) > 1 else arrays[0]))]
            for network, arrays in ((model, inputs), (free, inputs), (free, [array[:1] for array in inputs]))
        )
        same = all(np.allclose(each, other, rtol=1e-4, atol=1e-5) for each, other in zip(wanted, got, strict=True))
        if same and all(len(each) == 1 for each in single):
            _tell(say, f"{place}: its fixed batch size of {size} was removed")
            return free
    except Exception as error:  # whatever a layer makes of another batch
        reason = first_line(error)
    raise UserError(
        f"{place} has a fixed batch size of {size} ({reason}): build it with keras.Input(shape) without "
        "batch_size, and copy the weights with set_weights"
    )


def _without_batch(config: Any) -> Any:
    """A copy of a nested config whose inputs take any batch."""
    if isinstance(config, dict):
        return {
            name: [None, *value[1:]]
            if name in ("batch_input_shape", "batch_shape") and value
            else _without_batch(value)
            for name, value in config.items()
            if name not in ("build_config", "build_input_shape")
        }
    if isinstance(config, (list, tuple)):
        return type(config)(_without_batch(value) for value in config)
    return config


def _description(place: Path) -> bytes:
    """What a file or folder says of its network, to be searched for names of classes."""
    if place.is_dir():
        return (place / "keras_metadata.pb").read_bytes()
    return json.dumps(peek.config(place)).encode()


def _foreign_layers(path: Path) -> str:
    """The layers of a .keras or .h5 file whose classes are neither Keras's nor registered, in words; "" for none."""
    config = peek.config(path)
    unknown = []
    for layer in config.get("config", {}).get("layers", []) if isinstance(config.get("config"), dict) else []:
        name, kind = layer.get("name") or layer.get("config", {}).get("name"), str(layer.get("class_name"))
        known = hasattr(keras.layers, kind.rpartition(">")[2]) or kind in ("Functional", "Sequential", "TFOpLambda")
        if not known and keras.utils.get_registered_object(layer.get("registered_name") or kind) is None:
            unknown.append(f"layer {name!r} is of a custom class ({kind.rpartition('>')[2]})")
    return "; ".join(unknown)
