"""Reads the lines of NVIDIA's tegrastats, whose format differs from one JetPack to the next."""

import re
from typing import Any, Dict, List, Optional

OFFLINE_C = -256.0  # what a sensor that is switched off shows
CONSTANT = ("PMIC",)  # shows 50 or 100 degrees, always
TOTAL_RAILS = ("VDD_IN", "POM_5V_IN")  # what the whole module draws, where a board measures it

_TIME = re.compile(r"^(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d) ")
_MEMORY = re.compile(r"(?:^| )(RAM|SWAP) (\d+)/(\d+)MB")
_CPU = re.compile(r"(?:^| )CPU \[([^\]]*)\]")
_CORE = re.compile(r"(\d+)%@(\d+)$")
_TEMPERATURE = re.compile(r"(?<= )([A-Za-z]\S*?)@(-?\d+(?:\.\d+)?)C(?:/-?\d+(?:\.\d+)?C)?(?= |$)")
# now/average, or now/average/peak; a unit is written since JetPack 5
_RAIL = re.compile(r"(?<= )([A-Z][A-Z0-9_]*) (\d+)(?:mW)?/\d+(?:mW)?(?:/\d+(?:mW)?)?(?= |$)")


def parse(line: str) -> Dict[str, Any]:
    """One line -> its numbers.

    ``time`` (text or None), ``ram_mb`` and ``swap_mb`` ([used, total]; swap None if there is none), ``cores`` (a
    list of {"load_percent", "mhz"}, None for a core that is off), ``temperatures_c`` (by sensor, without offline and
    constant ones), ``power_mw`` (rail -> what it draws now). Raises ValueError for a line that lacks its start.
    """
    line = line.strip()
    memory = {name: [int(used), int(total)] for name, used, total in _MEMORY.findall(line)}
    cpu = _CPU.search(line)
    if "RAM" not in memory or cpu is None:
        raise ValueError("no whole line of tegrastats: RAM or CPU is missing")
    time = _TIME.match(line)
    return {
        "time": time.group(1) if time else None,
        "ram_mb": memory["RAM"],
        "swap_mb": memory.get("SWAP"),
        "cores": [_core(text.strip()) for text in cpu.group(1).split(",")],
        "temperatures_c": {
            name: float(degrees)
            for name, degrees in _TEMPERATURE.findall(line)
            if float(degrees) != OFFLINE_C and name not in CONSTANT
        },
        "power_mw": {name: int(now) for name, now in _RAIL.findall(line) if name != "NC"},
    }


def _core(text: str) -> Optional[Dict[str, int]]:
    if text == "off":
        return None
    match = _CORE.match(text)
    if match is None:
        raise ValueError(f"no whole line of tegrastats: a core reads {text!r}")
    return {"load_percent": int(match.group(1)), "mhz": int(match.group(2))}


def total_rail(rails: List[str]) -> str:
    """The name of what the whole module draws: a rail of its own, or the sum of all, named as such."""
    for name in TOTAL_RAILS:
        if name in rails:
            return name
    return "sum of " + " + ".join(rails)


def total_mw(power: Dict[str, int]) -> Optional[float]:
    """Milliwatts of ``total_rail``; None without any rail."""
    if not power:
        return None
    name = total_rail(list(power))
    return float(power[name] if name in power else sum(power.values()))
