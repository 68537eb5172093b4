"""What will happen to each layer of a network when it is pruned and quantized, known before anything is trained."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from compress import keras
from compress.errors import UserError
from compress.export.onnx.write import without_nodes
from compress.prune import unpruned
from compress.quantize.fold import fold
from compress.quantize.foldings import fates
from compress.quantize.int8_support import SupportByLayer, layers_in_int8
from compress.rewrite import as_plain_layers
from compress.rewrite.graph import named, original_name
from compress.rewrite.layer_kinds import known_of
from compress.rewrite.refuse import refusals

EXACT = 1e-4  # of the largest output


@dataclass(frozen=True)
class InspectedLayer:
    """One layer of the network that was given."""

    layer: str
    """Name of the layer."""
    kind: str
    """Class of the layer."""
    becomes: str
    """The plainer layers that replace it; "" for a layer that stays, "refused: ..." with the reason for one that
    cannot be used."""
    computes: str
    """Precision in the exported file: "int8", "float: ..." with the reason, or "-" if it is not computed."""
    pruned: str
    """Whether its kernel is pruned: "yes", "no: ..." with the reason, or "-" for a layer without a kernel."""
    parameters: int
    """Number of parameters."""
    macs: int
    """Multiplications and additions for one image."""
    onnx: str = "yes"
    """Whether it can be exported to ONNX for TensorRT: "yes", or "no: ..." with the reason."""

    @property
    def refused(self) -> bool:
        """Whether the layer cannot be used, because its computation cannot be read."""
        return self.becomes.startswith("refused")


@dataclass(frozen=True)
class Inspection:
    """What pruning and quantization will do to a network, and how closely the rewritten network computes the same.

    Both differences are measured on noise. A deep network can enlarge the last bit of an input that it has never seen,
    and no rewrite can be closer than that; ``rounding`` says how much.
    """

    rows: list[InspectedLayer]
    """One row for each layer, in order."""
    difference: float
    """Largest difference between the outputs of the network and of the rewritten one, divided by the largest output."""
    rounding: float = 0.0
    """The same difference between the network's own outputs for an image and for its nearest neighbour in float32."""

    @property
    def exact(self) -> bool:
        """Whether the rewritten network computes what the network computes, to rounding."""
        return self.difference <= max(EXACT, 10 * self.rounding)

    @property
    def refused(self) -> list[InspectedLayer]:
        """The layers that cannot be used."""
        return [row for row in self.rows if row.refused]

    @property
    def in_float(self) -> list[InspectedLayer]:
        """The layers that compute in float."""
        return [row for row in self.rows if row.computes.startswith("float")]

    @property
    def without_onnx(self) -> list[InspectedLayer]:
        """The layers that cannot be exported to ONNX."""
        return [row for row in self.rows if row.onnx != "yes"]

    def summary(self) -> str:
        """One line: how many layers are rewritten, pruned, and compute in float."""
        rewritten, pruned = sum(bool(row.becomes) for row in self.rows), sum(row.pruned == "yes" for row in self.rows)
        dense = next((row.pruned.removeprefix("no: ") for row in self.rows if row.pruned.startswith("no: ")), None)
        why = "" if pruned else f" ({dense or 'it has no convolution'})"
        floats = ", ".join(f"{row.layer} ({row.computes.removeprefix('float: ')})" for row in self.in_float[:3])
        more = f" and {len(self.in_float) - 3} more" if len(self.in_float) > 3 else ""
        return (
            f"{len(self.rows)} layers: {rewritten} rewritten (largest difference {self.difference:.1e}), {pruned} "
            f"pruned{why}, in float: {floats + more if floats else 'none'}"
        )


def inspect(
    model: Any, skip: tuple[str, ...] = (), keep_float: tuple[str, ...] = (), ends_in_float: bool = False
) -> Inspection:
    """A row a layer, nested networks opened; ``skip`` and ``keep_float`` as in the stages prune and quantize.

    ``ends_in_float``: the sum of its output counts, so that its end stays in float. A layer that is refused says why;
    nothing more is known of the others then. Raises UserError for several inputs.
    """
    if len(model.inputs) != 1:
        raise UserError(f"{model.name} has {len(model.inputs)} inputs, but only networks with one input are supported")
    originals = {name: layer for name, layer in named(model) if not isinstance(layer, keras.layers.InputLayer)}
    refused = refusals(model)
    if refused:
        rows = [
            InspectedLayer(name, type(layer).__name__, becomes, "", "", 0, 0)
            for name, layer in originals.items()
            for becomes in [f"refused: it {refused[name]}" if name in refused else ""]
        ]
        return Inspection(rows, float("nan"))
    plainer = as_plain_layers(model)
    folded = fold(plainer)
    support_by_layer = layers_in_int8(folded, keep_float, ends_in_float)
    without = without_nodes(folded)
    becomes, dense = fates(plainer), unpruned(plainer, skip)
    kinds = {layer.name: type(layer).__name__ for layer in folded.layers}
    missing = {original_name(layer): without[layer.name] for layer in folded.layers if layer.name in without}
    parts: dict[str, list[Any]] = {name: [] for name in originals}
    for layer in plainer.layers:
        if (owner := original_name(layer)) in parts:
            parts[owner].append(layer)
    rows = [
        InspectedLayer(
            name,
            type(layer).__name__,
            _becomes(layer, parts[name], becomes, kinds),
            _computes(parts[name], support_by_layer, becomes),
            _pruned(parts[name], dense),
            layer.count_params(),
            macs(layer),
            _in_onnx(name, missing),
        )
        for name, layer in originals.items()
    ]
    shape = [2, *(side or 64 for side in model.input_shape[1:])]
    noise = keras.tf.random.stateless_uniform(shape, seed=(0, 0)).numpy()
    outputs = _outputs(model, noise)
    departs, rounding = difference(outputs, _outputs(folded, noise)), 0.0
    if not departs <= EXACT:
        rounding = difference(outputs, _outputs(model, np.nextafter(noise, np.float32(2))))
    return Inspection(rows, departs, rounding)


def _in_onnx(name: str, missing: dict[str, str]) -> str:
    """Whether ONNX nodes are known of what the layer becomes: "yes", or "no: " and the kind that has none."""
    return f"no: {missing[name]}" if name in missing else "yes"


def difference(wanted: list[np.ndarray], got: list[np.ndarray]) -> float:
    """Largest difference of two networks' outputs, over the largest output; of several outputs the largest of these."""
    return max(
        float(np.max(np.abs(one - other)) / max(float(np.max(np.abs(one))), 1e-9))
        for one, other in zip(wanted, got, strict=True)
    )


def _outputs(network: Any, images: np.ndarray) -> list[np.ndarray]:
    return [tensor.numpy() for tensor in keras.tf.nest.flatten(network(images, training=False))]


def macs(layer: Any) -> int:
    """Multiplications and additions of a layer's kernel for one image, over all its calls; 0 for one without."""
    kind = type(layer).__name__
    if kind not in ("Conv2D", "Conv2DTranspose", "Dense", "DepthwiseConv2D", "SeparableConv2D"):
        return 0
    total = 0
    for number in range(len(layer.inbound_nodes)):
        source, result = layer.get_input_shape_at(number)[1:], layer.get_output_shape_at(number)[1:]
        pixels = int(np.prod([side or 0 for side in (source if kind == "Conv2DTranspose" else result)[:-1]]))
        if kind == "SeparableConv2D":
            total += pixels * sum(int(np.prod(weight.shape)) for weight in layer.weights if len(weight.shape) == 4)
        else:
            kernel = layer.depthwise_kernel if kind == "DepthwiseConv2D" else layer.kernel
            total += pixels * int(np.prod(kernel.shape))
    return total


def _becomes(layer: Any, parts: list[Any], becomes: dict[str, str], kinds: dict[str, str]) -> str:
    if not parts:
        return "nothing: it passes its input on"
    texts = [becomes.get(part.name) or (kinds.get(part.name, "") if part.name in kinds else "") for part in parts]
    if len(parts) == 1 and texts[0] == type(layer).__name__:
        return ""
    return " + ".join(text for text in texts if text)


def _computes(parts: list[Any], support_by_layer: SupportByLayer, becomes: dict[str, str]) -> str:
    how = [
        support_by_layer[part.name]
        for part in parts
        if part.name in support_by_layer
        and not becomes.get(part.name, "").startswith("into ")
        and not (known_of(part).idle and isinstance(support_by_layer[part.name], str))  # it computes nothing
    ]
    reasons = [reason for reason in how if isinstance(reason, str)]
    if reasons:
        return f"float: {reasons[0]}"
    return "int8" if how else "-"


def _pruned(parts: list[Any], dense: dict[str, str]) -> str:
    reasons = [dense[part.name] for part in parts if part.name in dense]
    if any(not reason for reason in reasons):
        return "yes"
    return f"no: {reasons[0]}" if reasons else "-"
