"""Power of a Jetson's rails: from its INA3221 sensors in sysfs, or from tegrastats."""

import subprocess
import threading
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from jetson import tegrastats
from jetson.board import read_text

Rails = Dict[str, float]  # rail -> mW


class Sample(NamedTuple):
    """One reading: seconds of the monotonic clock, and milliwatts by rail."""

    at: float
    power_mw: Rails


def ina3221(root: Path = Path("/")) -> Optional[Rails]:
    """What every labelled rail draws now, in mW; None where there is no readable sensor.

    JetPack 5 and later: hwmon, mV times mA. JetPack 4: iio, mW.
    """
    rails: Rails = {}
    for label in sorted((root / "sys/bus/i2c/drivers/ina3221").glob("*/hwmon/hwmon*/in*_label")):
        name, number = read_text(label), label.name[2:-6]
        millivolts = read_text(label.with_name(f"in{number}_input"))
        milliamperes = read_text(label.with_name(f"curr{number}_input"))
        if name and name != "NC" and "sum" not in name.lower() and millivolts and milliamperes:
            rails[name] = int(millivolts) * int(milliamperes) / 1000.0
    for label in sorted((root / "sys/bus/i2c/drivers/ina3221x").glob("*/iio:device*/rail_name_*")):
        name, milliwatts = read_text(label), read_text(label.with_name(f"in_power{label.name[-1]}_input"))
        if name and name != "NC" and milliwatts:
            rails[name] = float(milliwatts)
    return rails or None


class Sampler:
    """Collects samples until it is closed: ``with Sampler(command) as samples: ...``.

    ``command`` is a tegrastats; None polls the INA3221 sensors."""

    def __init__(self, command: Optional[str], root: Path = Path("/"), interval_s: float = 0.1) -> None:
        self._command, self._root, self._interval = command, root, interval_s
        self._stop = threading.Event()
        self._process: Optional[subprocess.Popen[str]] = None
        self.samples: List[Sample] = []

    def __enter__(self) -> List[Sample]:
        if self._command:
            words = [self._command, "--interval", str(int(self._interval * 1000))]
            self._process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True
            )
        self._thread = threading.Thread(target=self._listen if self._process else self._poll, daemon=True)
        self._thread.start()
        return self.samples

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._thread.join(5)

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if self._stop.is_set():
                return
            try:
                power = tegrastats.parse(line)["power_mw"]
            except ValueError:
                continue  # it was started in the middle of a line
            if power:
                self.samples.append(Sample(time.monotonic(), power))

    def _poll(self) -> None:
        while not self._stop.wait(self._interval):
            power = ina3221(self._root)
            if power:
                self.samples.append(Sample(time.monotonic(), power))
