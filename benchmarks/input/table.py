"""How fast the images of a training come, and what they take in memory, as a table."""

import statistics
from collections.abc import Sequence

from benchmarks.studies import InputMemory, InputSpeed, InputWork

TF_DATA, TF_ANTIALIASED = "tf.data", "tf.data, antialias=True"
PLAIN = "as they are"
DECODING, RESIZING = "decoding alone", "resizing alone"
LABELS = {
    TF_DATA: "tf.data's own loop",
    TF_ANTIALIASED: "tf.data's own loop, with `resize(antialias=True)`",
    PLAIN: "jetslim, as they are",
    DECODING: "of that, decoding",
    RESIZING: "of that, resizing",
}
BAR = 0.9
MUCH = 0.5
"""Of other processes that want a core: no quiet machine."""


def section(speeds: Sequence[InputSpeed], works: Sequence[InputWork], memories: Sequence[InputMemory]) -> list[str]:
    """Lines of Markdown; none where nothing was measured."""
    lines: list[str] = []
    for speed in speeds:
        lines += [
            f"{speed.images:,} JPEG files of {speed.side}x{speed.side}, batches of {speed.batch}, {speed.cores} cores "
            f"of {speed.machine.cpu}; medians of {len(speed.rounds)} rounds, in turns, each until its last batch "
            "(`python -m benchmarks.input`). "
            "tf.data's own loop is list_files, decode_jpeg, resize, batch and prefetch, with nothing augmented; at "
            f"least {BAR} of it is wanted for images as they are.",
            *busy(speed),
            *("", "| | images a second | tf.data's own loop = 1 | least and most |", "|---|--:|--:|--:|"),
        ]
        for name in speed.rounds[0]:
            rates, ratios = zip(*((each[name], each[name] / each[TF_DATA]) for each in speed.rounds), strict=True)
            label = LABELS.get(name, f"jetslim, {name}")
            middle, spread = statistics.median(ratios), f"{min(ratios):.2f} to {max(ratios):.2f}"
            lines.append(f"| {label} | {statistics.median(rates):,.0f} | {middle:.2f} | {spread} |")
    lines += processor_times(works)
    for memory in memories:
        start, loaded, read = (memory.megabytes[name] for name in ("TensorFlow", "loaded", "read"))
        lines += [
            "",
            f"A folder of {memory.images:,} files of {memory.side}x{memory.side} takes {loaded - start:,.0f} MB beside "
            f"the {start:,.0f} MB of TensorFlow once it is loaded, and {read - start:,.0f} MB when {memory.read:,} of "
            f"them have been read: {memory.batches_in_memory} batches of {memory.batch} at most are in memory. Loading "
            f"decodes every image once, in {memory.seconds_to_load:.0f} s.",
        ]
    return [*("", "## The input of a training", ""), *lines, ""] if lines else []


def processor_times(works: Sequence[InputWork]) -> list[str]:
    """A column of times and one of ratios for each size of the files."""
    if not works:
        return []
    works = sorted(works, key=lambda work: work.height * work.width)
    middles = [{name: statistics.median(each[name] for each in work.rounds) for name in LABELS} for work in works]
    first, sizes = works[0], [f"{work.height}x{work.width}" for work in works]
    lines = [
        "",
        f"Milliseconds of processor time an image, all threads together, for files of {' and of '.join(sizes)} that "
        f"become {first.side}x{first.side} ({first.images} files, medians of {len(first.rounds)} rounds, in turns, on "
        f"{first.machine.cpu}). Other processes hardly change it, and once all cores are busy, images a second are in "
        f"inverse proportion to it: so the ratios are tf.data's time by the row's, and {BAR} is wanted here, too.",
        "",
        "| | " + " | ".join(f"{size} | tf.data's own loop = 1" for size in sizes) + " |",
        "|---|" + "--:|--:|" * len(sizes),
    ]
    for name, label in LABELS.items():
        cells = [f"{middle[name]:.2f} | {ratio_of(name, middle)}" for middle in middles]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    for size, middle in zip(sizes, middles, strict=True):
        if middle[TF_DATA] / middle[PLAIN] < BAR:
            lines += ["", below_the_bar(size, middle)]
    return lines


def ratio_of(name: str, middle: dict[str, float]) -> str:
    """As a cell; a part of the work has none."""
    return "" if name in (DECODING, RESIZING) else f"{middle[TF_DATA] / middle[name]:.2f}"


def below_the_bar(size: str, middle: dict[str, float]) -> str:
    return (
        f"For files of {size} jetslim reaches {middle[TF_DATA] / middle[PLAIN]:.2f} of tf.data's own loop, below "
        f"{BAR}, because it makes other pixels: it resizes as Pillow does, with a filter over all pixels of the file "
        f"(antialiasing), which alone takes {middle[RESIZING]:.2f} ms of {middle[PLAIN]:.2f}. tf.data's own loop "
        "interpolates between four pixels and skips those in between. With `antialias=True`, which filters as well, "
        f"it takes {middle[TF_ANTIALIASED]:.2f} ms: {middle[TF_ANTIALIASED] / middle[PLAIN]:.2f} times jetslim's. "
        "docs/decisions/0034 lists what was tried to make the same pixels in less time."
    )


def busy(speed: InputSpeed) -> list[str]:
    """A line on a machine that had other things to do: rounds are far apart then, and rates too low."""
    if speed.load is None or speed.load < MUCH:
        return []
    return ["", f"The machine was busy: {speed.load:.0f} processes wanted its {speed.machine.cores} cores meanwhile."]
