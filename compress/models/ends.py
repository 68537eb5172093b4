"""What a network says at its end: logits, or a softmax or sigmoids of them, which are cut; other ends are refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from compress import keras
from compress.errors import UserError
from compress.rewrite.graph import clone, is_functional, rebuild
from compress.rewrite.layers import activation_name
from compress.rewrite.operators import operation

# layers and operations that hand on what they read, in another shape at most
PASSING = frozenset(
    ["Activation of linear", "Dropout", "Flatten", "Identity", "Reshape", "cast", "identity", "reshape", "squeeze"]
)
SOFTMAX = frozenset(["Softmax", "Activation of softmax", "nn.softmax", "math.softmax", "keras.activations.softmax"])
# activations whose values are no logits of one class among several
NOT_LOGITS = {
    **dict.fromkeys(
        ["sigmoid", "hard_sigmoid", "math.sigmoid", "nn.sigmoid", "sigmoid_fast"], "a sigmoid for each unit"
    ),
    **dict.fromkeys(["tanh", "math.tanh", "nn.tanh", "softsign", "nn.softsign"], "values in [-1, 1]"),
    **dict.fromkeys(["exponential", "softplus", "math.exp", "nn.softplus", "math.softplus"], "positive values"),
}
SIGMOIDS = frozenset(["sigmoid", "math.sigmoid", "nn.sigmoid", "sigmoid_fast"])
EXACT = 1e-5  # of a probability


def logits(model: Any, name: str) -> Any:
    """The functional network of one output without the softmax at its end; ``model`` itself where there is none.

    Weights are untouched: softmax(logits(model)(x)) is what the network said before, which is checked on noise. A
    softmax inside a nested network, or before layers that only pass it on (a Reshape), is cut, too; the nested networks
    are opened then. Raises UserError for a softmax that is used more than once, for probabilities that come from
    nowhere, and for an end that gives no logits, such as sigmoids.
    """
    nested, last = _last(model)
    if (said := NOT_LOGITS.get(_function(last))) is not None:
        raise UserError(
            f"{name} ends in {said} ({last.name}), which does not give the logits of one class among several: "
            'for several classes per image, the data need class sets (the task "multi_label"); for numbers, '
            'the targets must be numbers ("regression")'
        )
    if not _is_softmax(last):
        _refuse_hidden_softmax(model, last, name)
        return model
    return _without(model, nested, last, keras.tf.nn.softmax, "softmax", name)


def sigmoid_logits(model: Any, name: str) -> Any:
    """The functional network of one output without the sigmoids at its end; ``model`` itself where there are none.

    As ``logits``, for several classes an image. Raises UserError for a softmax, and for sigmoids that cannot be cut.
    """
    nested, last = _last(model)
    if _is_softmax(last):
        raise UserError(
            f"{name} ends in a softmax ({last.name}), which predicts one class among several: multi_label "
            "needs sigmoids or logits"
        )
    if _function(last) in SIGMOIDS:
        return _without(model, nested, last, keras.tf.sigmoid, "sigmoid", name)
    output = model(_noise(model), training=False).numpy()
    if (output >= 0).all() and (output <= 1).all():
        raise UserError(
            f"{name} gives values in [0, 1] from {last.name} ({type(last).__name__}), and jetslim cannot find "
            'the logits before them: let the network end in logits or in one Activation("sigmoid") layer'
        )
    return model


def without_activation(model: Any, name: str) -> Any:
    """The network without a softmax or sigmoids at its end, whatever its task is; any other end stays."""
    last = _last(model)[1]
    if _is_softmax(last):
        return classifier(model, name)
    return as_row(sigmoid_logits(model, name)) if _function(last) in SIGMOIDS else model


def is_softmax(model: Any) -> bool:
    """Whether the network ends in a softmax."""
    return _is_softmax(_last(model)[1])


def probabilities(model: Any) -> str:
    """The last layer of the network's first output, if its values are a softmax or sigmoids; "" if they are not."""
    last = _last(model)[1]
    return str(last.name) if _is_softmax(last) or _function(last) in SIGMOIDS else ""


def _without(model: Any, nested: bool, last: Any, activation: Any, called: str, name: str) -> Any:
    """The network without the ``activation`` at its end, which is checked on noise."""
    if len(last.inbound_nodes) > 1 and not nested:
        raise UserError(
            f"{name}: the {called} {last.name} is used more than once, so it cannot be removed from the end: "
            "let the network end in logits"
        )
    noise = _noise(model)
    wanted = model(noise, training=False).numpy()
    cut = _cut(model, last, nested or last is not model.get_layer(model.output_names[0]))
    got = activation(cut(noise, training=False)).numpy()
    if got.shape != wanted.shape or not np.allclose(got, wanted, atol=EXACT):
        raise UserError(
            f"{name}: the {called} {last.name} is not the last operation, so it cannot be removed from the "
            "end: let the network end in logits"
        )
    return cut


def classifier(model: Any, name: str) -> Any:
    """The network so that it emits rows of logits."""
    return as_row(logits(model, name))


def as_row(model: Any) -> Any:
    """The network with rows of numbers, (batch, n), where it gives a map of one pixel, (batch, 1, 1, n)."""
    shape = model.outputs[0].shape
    if len(shape) < 3 or any(side != 1 for side in shape[1:-1]):
        return model
    return keras.Model(model.inputs[0], keras.layers.Flatten(name="row")(model.outputs[0]), name=model.name)


def _last(model: Any) -> tuple[bool, Any]:
    """(whether it lies in a nested network, the last layer that does more than hand on what it reads)."""
    nested, tensor = False, model.outputs[0]
    while True:
        layer = tensor.node.layer
        if is_functional(layer) and len(layer.outputs) == 1:
            nested, tensor = True, layer.outputs[0]
        elif _kind(layer) in PASSING and len(tensor.node.keras_inputs) == 1:
            tensor = tensor.node.keras_inputs[0]
        else:
            return nested, layer


def _kind(layer: Any) -> str:
    if title := operation(layer):
        return title
    kind = type(layer).__name__
    return f"{kind} of {activation_name(layer)}" if kind == "Activation" else kind


def _function(layer: Any) -> str:
    """The name of the function that a layer ends in: its activation, or the operation that it is."""
    return operation(layer) or activation_name(layer)


def _is_softmax(layer: Any) -> bool:
    return _kind(layer) in SOFTMAX or getattr(layer, "activation", None) is keras.activations.softmax


def _cut(model: Any, last: Any, opened: bool) -> Any:
    if opened:

        def replace(layer: Any, title: str) -> Any:
            if layer is not last:
                return clone(layer, name=title)
            return clone(layer, name=title, activation="linear") if layer.weights else None

        return rebuild(model, replace)
    if last.weights:  # Dense(classes, activation="softmax"), or a convolution; the given network keeps its own
        linear = clone(last, activation="linear")(last.input)
        return keras.Model(model.inputs[0], linear, name=model.name)
    return keras.Model(model.inputs[0], last.input, name=model.name)


def _noise(model: Any) -> Any:
    shape = [2, *(side or 64 for side in model.inputs[0].shape[1:])]
    return keras.tf.random.stateless_uniform(shape, seed=(0, 0))


def _refuse_hidden_softmax(model: Any, last: Any, name: str) -> None:
    """A softmax can hide where no rule finds it: then the outputs tell."""
    output = model(_noise(model), training=False).numpy()
    if output.shape[-1] > 1 and (output >= 0).all() and (abs(output.sum(-1) - 1) < 1e-3).all():
        raise UserError(
            f"{name} gives probabilities from {last.name} ({type(last).__name__}), and jetslim cannot find the "
            "logits before them: let the network end in logits or in one Softmax layer"
        )
