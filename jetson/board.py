"""What this machine is, and the state that it is in: read from files, never set. What it does not have is None."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

JETPACKS = {  # release of L4T -> JetPack, by NVIDIA's archives of both
    "32.6.1": "4.6", "32.7.1": "4.6.1", "32.7.2": "4.6.2", "32.7.3": "4.6.3", "32.7.4": "4.6.4", "34.1.1": "5.0.1",
    "35.1.0": "5.0.2", "35.2.1": "5.1", "35.3.1": "5.1.1", "35.4.1": "5.1.2", "35.5.0": "5.1.3", "35.6.0": "5.1.4",
    "36.3.0": "6.0", "36.4.0": "6.1", "36.4.3": "6.2", "36.4.4": "6.2.1", "38.2.0": "7.0",
}  # fmt: skip
MAJOR = {"32": "4", "34": "5", "35": "5", "36": "6", "38": "7"}


def read_text(path: Path) -> Optional[str]:
    """A small text file's content without padding, None if it cannot be read."""
    try:
        return path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return None


def facts(root: Path = Path("/")) -> Dict[str, Any]:
    """What does not change while it is on."""
    cpuinfo = read_text(root / "proc/cpuinfo") or ""
    release = l4t(read_text(root / "etc/nv_tegra_release") or "")
    compatible = read_text(root / "proc/device-tree/compatible") or ""
    model = read_text(root / "proc/device-tree/model")
    soc = re.search(r"nvidia,(tegra\w+)", compatible)
    host = read_text(root / "proc/sys/kernel/arch")  # qemu-user changes what uname says, but not this file
    emulated = (bool(host) and host != platform.machine()) or (
        "aarch64" in platform.machine() and "vendor_id" in cpuinfo
    )
    return {
        "model": model,
        "soc": soc.group(1) if soc else None,
        "is_jetson": bool(release) or "tegra" in compatible,
        "emulated": emulated,
        "l4t": release,
        "jetpack": jetpack(release),
        "machine": platform.machine(),
        "cpu": _cpu_name(cpuinfo),
        "cpu_features": _field(cpuinfo, "Features") or _field(cpuinfo, "flags"),
        "cores": os.cpu_count(),
        "memory_mb": _kilobytes(read_text(root / "proc/meminfo") or "", "MemTotal"),
        "kernel": platform.release(),
        "glibc": platform.libc_ver()[1] or None,
        "system": _field(read_text(root / "etc/os-release") or "", "PRETTY_NAME", "="),
        "python": platform.python_version(),
    }


def short_name(facts: Dict[str, Any]) -> str:
    """For files: of the model, or of the processor's family."""
    words = re.findall(r"[a-z0-9]+", str(facts["model"] or facts["machine"]).lower())
    return "-".join(word for word in words if word not in ("nvidia", "jetson", "developer", "kit")) or "board"


def cuda(root: Path = Path("/")) -> Optional[str]:
    """The version of CUDA, such as "12.6.11", from where its installer leaves it."""
    found = re.search(
        r'"cuda" *: *{[^}]*"version" *: *"([\d.]+)"', read_text(root / "usr/local/cuda/version.json") or ""
    )
    return found.group(1) if found else None


def l4t(text: str) -> Optional[str]:
    """``# R35 (release), REVISION: 4.1, ...`` of /etc/nv_tegra_release -> "35.4.1"."""
    match = re.search(r"R(\d+) \(release\), REVISION: ([\d.]+)", text)
    return "{}.{}".format(*match.groups()) if match else None


def jetpack(release: Optional[str]) -> Optional[str]:
    """The JetPack of an L4T release; only its first number, or None, for one that this program does not know."""
    return JETPACKS.get(release, MAJOR.get(release.split(".")[0])) if release else None


def state(root: Path = Path("/"), command: Optional[Callable[[List[str]], Optional[str]]] = None) -> Dict[str, Any]:
    """What changes: clocks, governors, temperatures, throttling, load, swap, power mode."""
    command = command or (_output if root == Path("/") else lambda words: None)
    memory = read_text(root / "proc/meminfo") or ""
    swap, free = _kilobytes(memory, "SwapTotal"), _kilobytes(memory, "SwapFree")
    load = read_text(root / "proc/loadavg")
    policies = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq"), key=lambda p: int(p.parent.name[3:]))
    return {
        "power_mode": power_mode(command(["nvpmodel", "-q"]) or ""),
        "governors": [read_text(policy / "scaling_governor") for policy in policies] or None,
        "clocks_mhz": [_mega(read_text(policy / "scaling_cur_freq")) for policy in policies] or None,
        "lowest_clocks_mhz": [_mega(read_text(policy / "scaling_min_freq")) for policy in policies] or None,
        "highest_clocks_mhz": [_mega(read_text(policy / "scaling_max_freq")) for policy in policies] or None,
        "temperatures_c": temperatures(root),
        "throttled": throttled(root),
        "load_1min": float(load.split()[0]) if load else None,
        "swap_used_mb": round(swap - free, 1) if swap is not None and free is not None else None,
    }


def power_mode(text: str) -> Optional[str]:
    """``nvpmodel -q`` prints "NV Power Mode: MODE_15W" and the mode's number below."""
    match = re.search(r"NV Power Mode: *(\S+)", text)
    return match.group(1) if match else None


def temperatures(root: Path) -> Optional[Dict[str, float]]:
    """Degrees Celsius by sensor, without those that are off or constant."""
    degrees_by_zone = {}
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        name, value = read_text(zone / "type"), read_text(zone / "temp")
        try:
            degrees = int(value or "") / 1000.0
        except ValueError:
            continue
        if name and degrees > -200 and not name.upper().startswith("PMIC"):
            degrees_by_zone[name] = degrees
    return degrees_by_zone or None


def throttled(root: Path) -> Optional[bool]:
    """Whether a cooling device that limits the processor's clock is at work; None where there is none to ask."""
    states = []
    for device in (root / "sys/class/thermal").glob("cooling_device*"):
        kind, now = (read_text(device / "type") or "").lower(), read_text(device / "cur_state")
        if ("cpu" in kind or "throttl" in kind) and now is not None and now.isdigit():
            states.append(int(now))
    return any(states) if states else None


def fixed_clocks(state: Dict[str, Any]) -> Optional[bool]:
    """Whether every core's clock is held: by its governor, or by equal limits (jetson_clocks). None if unknown."""
    governors = state["governors"]
    if not governors:
        return None
    limits = zip(governors, state["lowest_clocks_mhz"], state["highest_clocks_mhz"])
    return all(
        governor in ("performance", "userspace") or (low is not None and low == high) for governor, low, high in limits
    )


def tegrastats_command() -> Optional[str]:
    """The tegrastats of this board."""
    return shutil.which("tegrastats", path=os.environ.get("PATH", "") + ":/usr/bin:/home/nvidia")


def _output(words: List[str]) -> Optional[str]:
    try:
        return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=5).stdout.decode()
    except (OSError, subprocess.SubprocessError):
        return None


def _field(text: str, name: str, sign: str = ":") -> Optional[str]:
    match = re.search(rf"^{re.escape(name)}\s*{sign}\s*(.*)$", text, re.MULTILINE)
    return match.group(1).strip().strip('"') if match else None


def _cpu_name(cpuinfo: str) -> Optional[str]:
    """The name, or what an ARM core says instead of one."""
    part = _field(cpuinfo, "CPU part")
    return _field(cpuinfo, "model name") or (
        "ARM implementer {} part {}".format(_field(cpuinfo, "CPU implementer"), part) if part else None
    )


def _kilobytes(text: str, name: str) -> Optional[float]:
    """A field of /proc/meminfo, in MB (10^6 bytes)."""
    value = _field(text, name)
    return round(int(value.split()[0]) * 1024 / 1e6, 1) if value else None


def _mega(kilohertz: Optional[str]) -> Optional[float]:
    return int(kilohertz) / 1000.0 if kilohertz and kilohertz.isdigit() else None
