"""``jetslim inspect``."""

import sys
from typing import Any

import click

from compress.cli.columns import aligned
from compress.cli.completion import networks
from compress.cli.screen import Screen, screen_options


@click.command(short_help="Say what pruning and int8 will do to each layer.")
@click.argument("network", shell_complete=networks)
@click.option(
    "--size",
    type=click.IntRange(min=8),
    default=224,
    show_default=True,
    help="Side of the images in pixels, for a network by name or one that accepts any size.",
)
@click.option(
    "--classes",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Number of classes, for a network by name.",
)
@click.option(
    "--skip", multiple=True, metavar="PATTERN", help="Layers that are not pruned (the field skip of a prune stage)."
)
@click.option("--groups", is_flag=True, help="Show which channels a narrow stage can remove only together.")
@click.option(
    "--keep",
    multiple=True,
    metavar="PATTERN",
    help="Layers that keep all their channels (the field keep of a narrow stage); with --groups.",
)
@click.option(
    "--keep-float",
    multiple=True,
    metavar="PATTERN",
    help="Layers that compute in float (the field keep_float of a quantize stage).",
)
@screen_options()
def inspect(
    network: str,
    size: int,
    classes: int,
    skip: tuple[str, ...],
    groups: bool,
    keep: tuple[str, ...],
    keep_float: tuple[str, ...],
    screen: Screen,
) -> None:
    """Say what pruning and quantization will do to each layer of NETWORK; nothing is trained or written.

    With --groups: what narrowing can remove. The channels of a group are made, passed on and read by the same layers;
    each of them can go by itself, everywhere at once.

    NETWORK is any name of keras.applications, or a SavedModel, .keras or .h5 file of your own. Exits with 1 if a layer
    is refused, or if the rewritten network does not compute what NETWORK computes.

    \b
    Examples:
      jetslim inspect mobilenetv3small --size 96
      jetslim inspect my_network/
      jetslim inspect resnet50 --groups
    """
    from dataclasses import asdict
    from pathlib import Path

    from compress import models
    from compress.errors import Failure, unknown
    from compress.evaluate.expected_pixels import told_by
    from compress.inspection import inspect as look
    from compress.models import ends, saved_model
    from compress.models.front import front_of
    from compress.models.head import DensityHead

    told: list[Any] = []
    if network in models.MODELS:
        head = DensityHead(1.0) if network in models.MAP_MODELS else classes
        model = models.build(network, size, head, seed=0)
    elif Path(network).exists():
        model = saved_model.load(network, outputs=None, end=ends.without_activation)
        told = told_by(front_of(model)) if len(model.inputs[0].shape) == 4 else []
        model = saved_model.sized(model, tuple(side or size for side in model.input_shape[1:]))
    else:
        raise unknown("network", network, models.MODELS)
    if groups:
        _show_groups(model, keep, screen)
        return
    gives_map = len(model.outputs[0].shape) == 4
    inspection = look(model, skip, keep_float, ends_in_float=gives_map)
    header = ("layer", "kind", "becomes", "computes in", "pruned", "ONNX", "parameters", "MACs")
    rows = [
        [row.layer, row.kind, row.becomes, row.computes, row.pruned, row.onnx, f"{row.parameters:,}", f"{row.macs:,}"]
        for row in inspection.rows
    ]
    parameters, macs = sum(row.parameters for row in inspection.rows), sum(row.macs for row in inspection.rows)
    screen.json(
        {
            "layers": [{**asdict(row), "refused": row.refused} for row in inspection.rows],
            "parameters": parameters,
            "macs": macs,
            "pixels": [pixels.name for pixels in told],
            "exact": inspection.exact,
        }
    )
    for line in aligned([header, *rows]):
        screen.line(line)
    if inspection.refused:
        raise Failure(
            f"{len(inspection.refused)} of {len(inspection.rows)} layers cannot be used: "
            + "; ".join(f"{row.layer} {row.becomes.removeprefix('refused: it ')}" for row in inspection.refused)
        )
    screen.line()
    if told:
        screen.line(
            f"It expects pixels {' or '.join(pixels.name for pixels in told)}, by the layers that it begins with."
        )
    if inspection.without_onnx:
        listed = ", ".join(f"{row.layer} ({row.onnx.removeprefix('no: ')})" for row in inspection.without_onnx)
        screen.line(f"It cannot become an ONNX file for TensorRT, which has no nodes for {listed}.")
    screen.line(f"{inspection.summary()}; {parameters:,} parameters, {macs / 1e6:,.1f} million MACs")
    if not inspection.exact:
        click.echo(f"Error: the rewritten network departs from {network}: please report it", err=True)
        sys.exit(1)


def _show_groups(model: Any, keep: tuple[str, ...], screen: Screen) -> None:
    from compress.narrow.groups import groups
    from compress.narrow.trace import trace
    from compress.rewrite import as_plain_layers

    parts = groups(trace(as_plain_layers(model), keep))
    free = [part for part in parts if not part.pinned]
    screen.json({"groups": [{"name": part.name, "channels": part.width, "pinned": part.pinned} for part in parts]})
    for heading, shown in (("can be narrowed", free), ("stay", [part for part in parts if part.pinned])):
        screen.line(f"{len(shown)} groups {heading}:")
        for part in shown:
            screen.line(f"  {part.name}: {part}")
        screen.line()
    channels = [sum(part.width for part in which) for which in (free, parts)]
    screen.line(f"{channels[0]:,} of {channels[1]:,} channels can be removed")
