"""The study's RESULTS.md, from its raw results."""

from benchmarks.paper2022 import bars, findings
from benchmarks.paper2022.plot import pictures
from benchmarks.paper2022.results import Measured
from benchmarks.paper2022.table import TABLES

NOTE = (
    'Made by `make study` (or `make tables`) from raw results. The paper is Shin and Oh, "Neural Network Model '
    'Compression Algorithms for Image Classification in Embedded Systems", 2022: CIFAR-10 at 224x224, 50 epochs a '
    "stage, milliseconds of a Jetson Xavier's CPU. Its accuracies and times are not to be compared with ours, which "
    "are of fewer and smaller images and of this host; what can be compared are differences from row to row, and sizes "
    "at 224x224, which do not depend on training. Top-1 is that of the .tflite file on the test split in %, mean and "
    "deviation over seeds; differences are in points, seed by seed. MB are 10^6 bytes, MiB 2^20; the paper's MB are "
    "both. A file is the smaller of the plain one and of the one that stores zeros compactly. Zeros are of the "
    "convolutions' kernels. Host times are of one thread, batch 1, all files in turns."
)


def document(measured: Measured, plots: str) -> str:
    """Markdown; ``plots`` is the path of the pictures' folder as links have it."""
    parts = ["# The tables of Shin and Oh (2022), with controls", "", bars.so_far(measured), "", NOTE, ""]
    if measured.runs:
        machine = measured.runs[0].machine
        parts += [f"Host: {machine.get('cpu')}; each training had {machine.get('cores')} of its cores.", ""]
    parts += bars.section(measured)
    parts += findings.section(measured)
    parts += ["## Tables", ""]
    for table in TABLES:
        parts += table(measured)
    for name in pictures(measured):
        parts += [f"![{name.removesuffix('.png')}]({plots}/{name})", ""]
    return "\n".join(parts).rstrip() + "\n"
