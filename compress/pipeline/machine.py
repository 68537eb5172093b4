"""The machine, the versions and where this process's seconds went: what a number needs beside it."""

import hashlib
import os
import platform
import shlex
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from compress.amx import deny_amx
from compress.clock import Clock

PACKAGES = ("jetslim", "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy")


def describe() -> dict[str, Any]:
    """CPU, cores that this process may use, memory in GB (10^9 bytes) and system; no name of the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "label": "host",
        "cpu": f"{_cpu()} without AMX" if deny_amx() else _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def identity() -> str:
    """A short name for this kind of machine: results of different ones are never mixed."""
    return hashlib.sha256(repr(sorted(describe().items())).encode()).hexdigest()[:12]


def versions() -> dict[str, str]:
    """Python's and the packages' versions."""
    by_package = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            by_package[package] = version(package)
        except PackageNotFoundError:
            continue
    return by_package


def account(clock: Clock, wall: float | None = None) -> dict[str, float]:
    """Wall seconds (of this process if they are not given), and by cause; ``other`` is what no cause claims."""
    wall = seconds_since_start() if wall is None else wall
    causes = dict(clock.seconds)
    return {
        "wall": round(wall, 2),
        **{cause: round(spent, 2) for cause, spent in causes.items()},
        "other": round(wall - sum(causes.values()), 2),
    }


def seconds_since_start() -> float:
    """Wall seconds since the system started this process."""
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def clock_mhz() -> float | None:
    """The fastest clock of any core now, as the system tells it; None where it does not. A virtual machine's system may
    tell a constant."""
    found = [line.partition(":")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if line[:7] == "cpu MHz"]
    return max(map(float, found), default=None)


def command() -> str:
    """The command that was typed, if it was one of jetslim's own; "" from Python."""
    program, *arguments = sys.argv or [""]
    path = Path(program)
    own = path.name == "jetslim" or path.parts[-2:] == ("compress", "__main__.py")  # and no __main__ of a study
    return shlex.join(["jetslim", *arguments]) if own and arguments else ""


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
