"""The study's RESULTS.md, from its raw results."""

from collections.abc import Collection, Sequence

from benchmarks.format import listed
from benchmarks.paper2022 import bars, findings
from benchmarks.paper2022.latency import TEACHER, of_recipe
from benchmarks.paper2022.plot import pictures
from benchmarks.paper2022.profile import LEARNERS, PARTS
from benchmarks.paper2022.profile import TABLES as PIPELINES
from benchmarks.paper2022.results import Measured, cpu_of
from benchmarks.paper2022.table import TABLES
from benchmarks.processors import of_tables
from compress.results import Run

FILES = (TEACHER, of_recipe("teacher"))  # which each result has one of
NAMES = {"recipe": "the recipe", **{f"table{name}": f"table {name}" for name in PIPELINES if name != "recipe"}}

NOTE = (
    "This page is made by `make study` (or `make tables`) from raw results. The paper is Shin and Oh, "
    '"Neural Network Model Compression Algorithms for Image Classification in Embedded Systems", 2022: CIFAR-10 at '
    "224x224, 50 epochs a stage, milliseconds of a Jetson Xavier's CPU. Its accuracies and times cannot be compared "
    "with ours, which come from other training, images and processors. What can be compared are differences from row "
    "to row, and the sizes at 224x224, which are of untrained networks, because they do not depend on training.\n\n"
    "Top-1 is that of the .tflite file on the test images, in %, as mean and standard deviation over seeds. "
    "Differences are in points, each taken within a seed. MB are 10^6 bytes; a size is that of the plain file or of "
    "the one that stores zeros compactly, whichever is smaller; gzip is of the plain file. Zeros are counted in the "
    "kernels of convolutions. QAT is quantization-aware training. Above each table it is said how its stages were "
    "trained, by the names that they have in the table's file (table3.toml, ...)."
)
TIMES = (
    "Host times are median milliseconds with one thread and batch 1, all files in turns. Those of tables 4, 5, 7 and 8 "
    "are of files that are made from the networks that the runs of table 8 produced, for images of each size; the "
    'column "timed file" names them. The '
    "student's file in float32 is of the distilled student; in its int8 files with zeros the smallest weights are set "
    "to zero at once; the narrowed file is of the narrowed student with 80 % zeros. A row shows "
    "the time of the file that has the same operators, shapes, types and zeros as its own; a row without such a file "
    "was not timed."
)


def document(measured: Measured, plots: str, of: Collection[str] = PARTS, goals: bool = True) -> str:
    """Markdown; ``plots`` is the path of the pictures' folder as links have it, ``of`` names the parts that are
    measured or to be measured, and ``goals`` is for the networks that these are of."""
    parts = ["# The tables of Shin and Oh (2022), with controls", "", so_far(measured, of, goals), "", NOTE, ""]
    if measured.sides:
        timed = [each for side in measured.sides for name in FILES for each in measured.timed(name, side)]
        hosts = sorted({cpu_of(each) for each in timed})
        left = sorted({cpu_of(each) for each in measured.latencies} - set(hosts))
        also = f" Those of {listed(left, 'and')} are not shown." if left else ""
        parts += [f"{TIMES} They were measured on {listed(hosts, 'and')}; {measured.timed_seeds(*FILES)}.{also}", ""]
    if measured.runs:
        cores = {str(run.machine.get("cores")) for run in measured.runs}
        on = of_tables(sorted(measured.runs, key=lambda run: (run.pipeline, run.seed or 0)), NAMES)
        parts += [f"Trained on {on}; number of cores for a training: {listed(sorted(cores), 'or')}.", ""]
        parts += trained_anew(measured.runs)
    parts += bars.section(measured) if goals else []
    parts += findings.section(measured)
    parts += ["## Tables", ""]
    for name, table in TABLES.items():
        parts += table(measured) if name in of else []
    for name in pictures(measured):
        parts += [f"![{name.removesuffix('.png')}]({plots}/{name})", ""]
    return "\n".join(parts).rstrip() + "\n"


def so_far(measured: Measured, of: Collection[str], goals: bool) -> str:
    """A paragraph: how many of the goals are measured, and which tables have no training yet."""
    missing = [name for name in PIPELINES if name in of and not measured.table(name)]
    left = (
        f"Of these tables no training is measured yet: {', '.join(missing)}." if missing else "Every table is measured."
    )
    return f"{bars.so_far(measured)} {left}" if goals else left


def trained_anew(runs: Sequence[Run]) -> list[str]:
    """A paragraph for each network that tables share, where its file is not the same in all of them."""
    files: dict[tuple[int, str, tuple[str, ...]], set[str]] = {}
    for run in runs:
        for name in LEARNERS if run.pipeline != "recipe" else ():
            own = next((stage for stage in run.stages if stage.name == name), None)
            how = tuple(setting for setting in run.settings if setting.startswith(f"{name}."))
            if own is not None:
                files.setdefault((run.seed or 0, name, how), set()).add(own.sha256)
    lines: list[str] = []
    for (seed, name, _), found in sorted(files.items()):
        if len(found) > 1:
            lines += [f"With seed {seed}, {name} is not the same network in all tables: some trained it anew.", ""]
    return lines
