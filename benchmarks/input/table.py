"""How fast the images of a training come, and what they take in memory, as a table."""

import statistics
from collections.abc import Sequence

from benchmarks.studies import InputMemory, InputSpeed

TF_DATA = "tf.data"
BAR = 0.9
MUCH = 0.5
"""Of other processes that want a core: no quiet machine."""


def section(speeds: Sequence[InputSpeed], memories: Sequence[InputMemory]) -> list[str]:
    """Lines of Markdown; none where nothing was measured."""
    lines: list[str] = []
    for speed in speeds:
        lines += [
            f"{speed.images:,} JPEG files of {speed.side}x{speed.side}, batches of {speed.batch}, {speed.cores} cores "
            f"of {speed.machine.cpu}; medians of {len(speed.rounds)} rounds, in turns (`python -m benchmarks.input`). "
            "tf.data's own loop is list_files, decode_jpeg, resize, batch and prefetch, with nothing augmented; at "
            f"least {BAR} of it is wanted for images as they are.",
            *busy(speed),
            *("", "| | images a second | tf.data's own loop = 1 | least and most |", "|---|--:|--:|--:|"),
        ]
        for name in speed.rounds[0]:
            rates, ratios = zip(*((each[name], each[name] / each[TF_DATA]) for each in speed.rounds), strict=True)
            label = "tf.data's own loop" if name == TF_DATA else f"jetslim, {name}"
            middle, spread = statistics.median(ratios), f"{min(ratios):.2f} to {max(ratios):.2f}"
            lines.append(f"| {label} | {statistics.median(rates):,.0f} | {middle:.2f} | {spread} |")
    for memory in memories:
        start, loaded, read = (memory.megabytes[name] for name in ("TensorFlow", "loaded", "read"))
        lines += [
            "",
            f"A folder of {memory.images:,} such files takes {loaded - start:,.0f} MB beside the {start:,.0f} MB of "
            f"TensorFlow once it is loaded, and {read - start:,.0f} MB when {memory.read:,} of them have been read: "
            f"{memory.batches_in_memory} batches of {memory.batch} at most are in memory. Loading decodes every image "
            f"once, in {memory.seconds_to_load:.0f} s.",
        ]
    return [*("", "## The input of a training", ""), *lines, ""] if lines else []


def busy(speed: InputSpeed) -> list[str]:
    """A line on a machine that had other things to do: rounds are far apart then, and rates too low."""
    if speed.load is None or speed.load < MUCH:
        return []
    return ["", f"The machine was busy: {speed.load:.0f} processes wanted its {speed.machine.cores} cores meanwhile."]
