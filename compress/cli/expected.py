"""What `jetslim check` says of the time and the disk that a run will take."""

import shutil
from pathlib import Path
from typing import Any

BUSY = 1.5  # times as long as the machine takes by itself
WORK = 2  # what a stage needs while it is made, its optimizer's state among it, over what stays


def free_bytes(folder: Path) -> int:
    """On the disk where a folder is, or would be."""
    absolute = folder.absolute()
    return shutil.disk_usage(next(path for path in (absolute, *absolute.parents) if path.exists())).free


def in_words(expected: Any, busy: float, free: int) -> list[str]:
    """What a run will take, in one or two sentences."""
    from compress.progress import duration

    if not expected.stages:
        return ["Every stage is there already: a run measures latency anew where it must, and writes the tables."]
    low, high = (duration(expected.seconds * factor) for factor in (1 / expected.factor, expected.factor))
    basis = "how fast this machine is now" + (", beside the other programs that it runs" if busy > BUSY else "")
    if expected.known:
        basis = f"what {expected.known} such stages in the store took" + (f", and {basis}" if expected.guessed else "")
    gpu = " on its processor; its GPU is likely to be faster" if has_gpu() and not expected.known else ""
    size = expected.store_bytes
    lines = [
        f"A run makes {expected.stages} stages in about {duration(expected.seconds)} (from {low} to {high}, by {basis}"
        f"{gpu}), and keeps {disk_size(size)} in the store."
    ]
    if WORK * size > free:
        lines.append(
            f"note: this needs up to {disk_size(WORK * size)} of disk space, of which {disk_size(free)} are free"
        )
    return lines


def has_gpu() -> bool:
    """Whether NVIDIA's driver lists one; TensorFlow would have to be loaded to know whether it can use it."""
    return any(Path("/proc/driver/nvidia/gpus").glob("*"))


def disk_size(size: float) -> str:
    """Bytes of a disk in whole MB, or in GB (10^6 and 10^9)."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
