"""How far table 7's int8 files are from the paper's, and what of that is in weights that are not zero."""

import statistics

from benchmarks.format import listed
from benchmarks.paper2022 import paper
from benchmarks.paper2022.results import Measured


def size_difference(measured: Measured) -> list[str]:
    """A paragraph; nothing where the sizes of the paper's student are not there.

    The size of a file is linear in the share of weights that are not zero: the slope is what these and their positions
    take, the intercept is everything else.
    """
    found = {sparsity: measured.size("densenet121", "int8", sparsity) for sparsity in paper.TABLE_7}
    ours = [size.sparse_bytes / 1e6 for size in found.values() if size is not None]
    if len(ours) < len(found):
        return []
    shares, theirs = [1 - sparsity for sparsity in found], [row.mb for row in paper.TABLE_7.values()]
    lines = {"our": statistics.linear_regression(shares, ours)}
    lines["the paper's"] = statistics.linear_regression(shares, theirs)
    distances = [
        abs(line.intercept + line.slope * share - value)
        for line, values in zip(lines.values(), (ours, theirs), strict=True)
        for share, value in zip(shares, values, strict=True)
    ]
    zeros = listed((f"{100 * sparsity:.0f}" for sparsity in found), "and")
    apart = listed((f"{100 * (own / other - 1):+.0f}" for own, other in zip(ours, theirs, strict=True)), "and")
    taken = [
        f"{listed((f'{line.slope * share:.2f}' for share in shares), 'and')} MB in {whose} files"
        for whose, line in lines.items()
    ]
    rest = [f"{line.intercept:.2f} MB in {whose} files" for whose, line in lines.items()]
    return [
        f"At {zeros} % zeros our files of DenseNet121 at 224 differ by {apart} % from the paper's. Both sizes grow "
        f"linearly with the share of weights that are not zero (within {max(0.01, *distances):.2f} MB). The slope "
        f"gives what these weights and their positions take: {', '.join(taken)}. Everything else takes "
        f"{listed(rest, 'and')}. The paper does not say what else is in its files; its figures are rounded to 0.1 MB.",
        "",
    ]
