"""The networks that come in, as tables: families of Keras 3 rebuilt, and generated networks put through all steps."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.studies import GeneratedNetworks, Keras3Family


def section(families: Sequence[Keras3Family], generated: Sequence[GeneratedNetworks]) -> list[str]:
    """Lines of Markdown; none where nothing was measured."""
    lines: list[str] = []
    if families:
        worst = max(result.difference for result in families)
        lines += [
            *("", "## Networks of Keras 3, rebuilt in legacy Keras", ""),
            f"{len(families)} families of Keras 3's keras.applications (`python -m benchmarks.keras3`), random weights "
            "and batch statistics, read from a .keras file. The largest difference over the largest output is "
            f"{worst:.1e}.",
            *("", "| network | side | layers | parameters | difference | seconds |", "|---|--:|--:|--:|--:|--:|"),
        ]
        for result in sorted(families, key=lambda result: result.family):
            lines.append(
                f"| {result.family} | {result.size} | {result.layers} | {result.parameters:,} "
                f"| {result.difference:.1e} | {result.seconds:.1f} |"
            )
    if generated:
        seeds = [seed for result in generated for seed in result.seeds]
        counts = Counter((seed.keras, seed.came_out) for seed in seeds)
        kinds = sorted({seed.came_out for seed in seeds})
        lines += [
            *("", "## Generated networks", ""),
            f"{len(seeds)} random networks of either Keras (`python -m benchmarks.fuzz`) through inspection, rewrite, "
            "int8 and both kinds of files; right: every step gives the values of the one before.",
            *("", f"| | {' | '.join(kinds)} |", f"|---|{'--:|' * len(kinds)}"),
            *(
                f"| Keras {keras} | {' | '.join(str(counts[keras, kind]) for kind in kinds)} |"
                for keras in sorted({seed.keras for seed in seeds})
            ),
        ]
        lines += [
            f"\nSeed {seed.seed} (Keras {seed.keras}) is {seed.came_out}: {seed.reason}"
            for seed in seeds
            if seed.came_out != "right"
        ]
    return [*lines, ""] if lines else []
