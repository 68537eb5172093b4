"""Runs a job of the worker in a process of its own: a crash or a hang there is a result here."""

import json
import os
import shlex
import signal
import subprocess
import sys
from typing import Any, Dict, List

NO_ADAPTER = "No adapters found"
XNNPACK = "Created TensorFlow Lite XNNPACK delegate"


def command() -> List[str]:
    """This program again, as a worker: from its zipapp, or from its folder.

    JETSLIM_PYTHON names what starts Python where ``sys.executable`` alone does not, such as under an emulator.
    """
    program = os.path.abspath(sys.argv[0])
    start = [program] if program.endswith(".pyz") else ["-m", "jetson"]
    return [*(shlex.split(os.environ.get("JETSLIM_PYTHON", "")) or [sys.executable]), *start, "worker"]


def run(job: str, timeout_s: float, **arguments: Any) -> Dict[str, Any]:
    """The worker's answer, or {"error": one line}: what it refused, the signal that killed it, or the timeout.

    ``delegate`` is added: XNNPACK if the interpreter says that it made one, else None.
    """
    process = subprocess.Popen(
        command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True
    )
    try:
        answer, said = process.communicate(json.dumps({"job": job, **arguments}), timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"error": f"did not finish within {timeout_s:g} s"}
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode < 0:
        return {"error": f"crashed ({_signal(-process.returncode)})"}
    try:
        answered: Dict[str, Any] = json.loads(answer)
    except ValueError:
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        return {"error": f"ended with code {process.returncode}: {last[:300]}"}
    if "error" in answered and NO_ADAPTER in said:
        answered["error"] = "no adapter: WebGPU finds no GPU with a Vulkan driver that it can use"
    if "error" not in answered:
        answered["delegate"] = "XNNPACK" if XNNPACK in said else None
    return answered


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
