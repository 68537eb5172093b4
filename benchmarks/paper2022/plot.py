"""The study's pictures: figure 5, and accuracy and size over sparsity."""

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.paper2022 import paper
from benchmarks.paper2022.results import INIT, SPARSITY, Measured, by_value, network_of, one_a_seed, top1
from benchmarks.paper2022.table import similarities
from compress.report.html.interval import wilson
from compress.report.style import BLUE, DPI, PALETTE, VERMILION
from compress.results import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def pictures(measured: Measured) -> "dict[str, Callable[[], Figure]]":
    """File name -> what draws the picture; of those whose tables are there."""
    drawn: dict[str, Callable[[], Figure]] = {}
    if measured.table("5"):
        drawn["paper2022-figure5.png"] = partial(figure_5, measured.table("5"))
    if measured.table("3") or measured.table("6"):
        drawn["paper2022-sparsity.png"] = partial(over_sparsity, measured)
    return drawn


def figure_5(runs: Sequence[Run]) -> "Figure":
    """Top-1 over the initialization epochs, and how many neurons are alike, by layer."""
    figure = _figure()
    left, right = figure.subplots(1, 2)
    points = by_value(runs, INIT)
    values = {0: [top1(run.stage("student")) for run in one_a_seed(runs)]}
    values |= {epochs: [top1(run.stage("distilled")) for run in own] for epochs, own in points.items()}
    for epochs, own in values.items():
        left.plot([epochs] * len(own), own, "o", color=BLUE, markerfacecolor="white", markersize=6)
    means, images = [statistics.mean(own) for own in values.values()], runs[0].data.test or 1
    ends = [wilson(mean / 100, images) for mean in means]  # all seeds see the same images
    apart = [[abs(100 * end[side] - mean) for end, mean in zip(ends, means, strict=True)] for side in (0, 1)]
    left.errorbar(list(values), means, apart, fmt="-", color=BLUE, elinewidth=0.8, capsize=3)
    left.set(xlabel="initialization epochs (0: by itself)", ylabel="student's test top-1 (%), 95 % intervals")
    for layer, colour in zip(similarities(points[min(points)][0]), PALETTE, strict=False):
        alike = [100 * statistics.mean(similarities(run)[layer] for run in own) for own in points.values()]
        right.plot(list(points), alike, "o-", color=colour, label=layer.removeprefix("similarity_"))
    right.set(xlabel="initialization epochs", ylabel="neurons alike (%)")
    right.legend(frameon=False)
    for each in (left, right):
        each.set_xticks(list(values))
    _grid(left, right)
    return figure


def over_sparsity(measured: Measured) -> "Figure":
    """Top-1 and size over the zeros, of both networks: ours, the control, and the paper's."""
    figure = _figure()
    left, right = figure.subplots(1, 2)
    for table, dense, rows, role, colour in (
        ("3", "teacher", paper.TABLE_3, "teacher", BLUE),
        ("6", "distilled", paper.TABLE_6, "student", VERMILION),
    ):
        runs = measured.table(table)
        zeros = [100 * sparsity for sparsity in rows]
        left.plot(zeros, [row.top1 for row in rows.values()], ":", color=colour, label=f"{role}, paper")
        right.plot(zeros, [row.mb for row in rows.values()], ":", color=colour, label=f"{role}, paper")
        if runs:
            ours = {0.0: statistics.mean(top1(run.stage(dense)) for run in one_a_seed(runs))}
            for sparsity, own in by_value(runs, SPARSITY).items():
                ours[sparsity] = statistics.mean(top1(run.stage("pruned")) for run in own)
            left.plot([100 * sparsity for sparsity in ours], list(ours.values()), "o-", color=colour, label=role)
            control = statistics.mean(top1(run.stage("further")) for run in one_a_seed(runs))
            left.axhline(control, color=colour, linewidth=0.8, linestyle="--", label=f"{role}, trained on, no zeros")
        network = network_of(measured.runs, role) or ""
        found = {sparsity: measured.size(network, "float32", sparsity) for sparsity in rows}
        sizes = {100 * sparsity: each.sparse_bytes / 1e6 for sparsity, each in found.items() if each is not None}
        right.plot(list(sizes), list(sizes.values()), "o-", color=colour, label=f"{role} at 224x224")
    left.set(xlabel="zeros (%)", ylabel="test top-1 (%)")
    right.set(xlabel="zeros (%)", ylabel="sparse .tflite (MB)", yscale="log")
    left.legend(frameon=False, fontsize=8)
    right.legend(frameon=False, fontsize=8)
    _grid(left, right)
    return figure


def _figure() -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(9.6, 3.8), dpi=DPI, facecolor="white", layout="constrained")


def _grid(*axes: "Axes") -> None:
    for each in axes:
        each.grid(color="0.92")
        each.set_axisbelow(True)
