"""TensorRT, the engine of a Jetson's GPU, by the program ``trtexec`` that NVIDIA ships with it.

An engine belongs to one board and one version: it is built here, from an ONNX file, and kept in the bundle's folder.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

PLACES = "/usr/src/tensorrt/bin"
WARM_UP_MS = 500
TYPED = (11, 0, 0)  # since then the types of an engine are those of the file, and copies have to be asked for
PRECISIONS = {"int8": ["--int8", "--fp16"], "fp16": ["--fp16"], "float32": ["--noTF32"]}


class TensorRT(NamedTuple):
    """The program, and the version of TensorRT that it says it is."""

    program: str
    version: Tuple[int, ...]

    def facts(self) -> Dict[str, str]:
        return {"name": "TensorRT", "version": ".".join(map(str, self.version))}

    @property
    def transfers(self) -> List[str]:
        """Copies of input and outputs belong to an inference; before version 11 they are always timed."""
        return ["--includeDataTransfers"] if self.version >= TYPED else []

    def flags(self, precision: str) -> List[str]:
        """How an engine of that precision is asked for."""
        return [] if self.version >= TYPED else PRECISIONS[precision]

    def makes(self, precision: str) -> Optional[str]:
        """Why no such engine can be built; None where it can."""
        if self.version >= TYPED and precision == "fp16":
            return "TensorRT 11 takes its types from the file, which is float32"
        return None


def find(program: Optional[str] = None) -> Tuple[Optional[TensorRT], str]:
    """(the trtexec of this machine, or the one that is named, why there is none, in one line)."""
    found = program or shutil.which("trtexec", path=os.pathsep.join([PLACES, os.environ.get("PATH", "")]))
    if not found:
        return None, f"there is no trtexec here ({PLACES}, or PATH)"
    said, error = call([found, "--help"], 20.0)
    version = parse_version(said)
    if version is None:
        return None, f"{found} does not say its version: {error or (said.strip().splitlines() or ['nothing'])[0][:200]}"
    return TensorRT(found, version), ""


def parse_version(said: str) -> Optional[Tuple[int, int, int]]:
    """ "[TensorRT v8502]" -> (8, 5, 2), and "[TensorRT v100300]" -> (10, 3, 0)."""
    match = re.search(r"\[TensorRT v(\d+)\]", said)
    if match is None:
        return None
    number = int(match.group(1))
    base = 1000 if number < 10000 else 10000
    return number // base, number % base // 100, number % 100


def call(words: List[str], timeout_s: float) -> Tuple[str, Optional[str]]:
    """(all that it said, why it failed in one line, None where it did not)."""
    try:
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", start_new_session=True
        )
    except OSError as error:
        return "", f"{words[0]}: {error.strerror}"
    try:
        said, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        return "", f"did not finish within {timeout_s:g} s"
    except BaseException:
        _kill(process)
        raise
    if process.returncode == 0:
        return said, None
    errors = [line.split("[E]", 1)[1].strip() for line in said.splitlines() if "[E]" in line]
    last = errors[0] if errors else (said.strip().splitlines() or ["it said nothing"])[-1]
    ending = f"signal {-process.returncode}" if process.returncode < 0 else f"code {process.returncode}"
    return said, f"ended with {ending}: {last[:300]}"


def _kill(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def build(trt: TensorRT, onnx: Path, precision: str, engine: Path, timeout_s: float) -> Dict[str, Any]:
    """Builds ``engine``, unless it is there; {"build_s", "flags"} or {"error"}."""
    flags = trt.flags(precision)
    if engine.is_file():
        return {"build_s": None, "flags": flags}
    reason = trt.makes(precision)
    if reason:
        return {"error": reason}
    try:
        engine.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return {"error": f"no engine: {engine.parent}: {error.strerror}"}
    part = engine.with_name(f".{engine.name}.{os.getpid()}.part")
    start = time.monotonic()
    try:
        # one inference only: it is timed later, in turns with the others
        once = ["--iterations=1", "--warmUp=0", "--duration=0"]
        _, error = call([trt.program, f"--onnx={onnx}", f"--saveEngine={part}", *flags, *once], timeout_s)
        if error is None and not part.is_file():
            error = "it wrote no engine"
        if error is not None:
            return {"error": f"no engine: {error}"}
        part.replace(engine)
    finally:
        if part.exists():
            part.unlink()
    return {"build_s": round(time.monotonic() - start, 1), "flags": flags}


def latency(trt: TensorRT, engine: Path, runs: int, timeout_s: float) -> Dict[str, Any]:
    """Milliseconds of each of ``runs`` inferences, with the copies and without; {"error"} where it failed."""
    flags = [f"--iterations={runs}", f"--warmUp={WARM_UP_MS}", "--duration=0", "--avgRuns=1", "--useSpinWait"]
    traces, error = _timed(trt, engine, [*flags, *trt.transfers], timeout_s)
    if error is not None:
        return {"error": error}
    last = traces[-runs:]  # some versions list the warm-up, too
    return {
        "samples_ms": [float(trace["latencyMs"]) for trace in last],
        "compute_ms": [float(trace["computeMs"]) for trace in last],
        "flags": [*flags, *trt.transfers],
    }


def sustained(trt: TensorRT, engine: Path, seconds: float, timeout_s: float) -> Dict[str, Any]:
    """Inferences without a pause, and when they began and ended by the monotonic clock: back from the end of the
    program, which says no clock times, so that its own end is counted with them."""
    flags = [f"--duration={max(1, round(seconds))}", "--warmUp=0", "--useSpinWait", *trt.transfers]
    traces, error = _timed(trt, engine, flags, timeout_s + seconds)
    if error is not None:
        return {"error": error}
    end = float(traces[-1]["ended"])
    took = (float(traces[-1]["startComputeMs"]) - float(traces[0]["startComputeMs"]) + traces[-1]["computeMs"]) / 1e3
    return {"begin": end - took, "end": end, "inferences": len(traces)}


def _timed(
    trt: TensorRT, engine: Path, flags: List[str], timeout_s: float
) -> Tuple[List[Dict[str, Any]], Optional[str]]:
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times.json"
        _, error = call([trt.program, f"--loadEngine={engine}", f"--exportTimes={times}", *flags], timeout_s)
        ended = time.monotonic()
        if error is not None:
            return [], error
        try:
            traces: List[Dict[str, Any]] = json.loads(times.read_text())
        except (OSError, ValueError):
            return [], "it wrote no times"
        if not traces:
            return [], "it wrote no times"
        traces[-1]["ended"] = ended
        return traces, None


def outputs(
    trt: TensorRT, engine: Path, examples: np.ndarray, timeout_s: float
) -> Tuple[Dict[str, np.ndarray], Optional[str]]:
    """(outputs by name of float32 examples, (n, ...), why there are none)."""
    rows: List[Dict[str, np.ndarray]] = []
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "image.bin", Path(folder) / "outputs.json"
        for example in examples:
            given.write_bytes(np.ascontiguousarray(example, np.float32).tobytes())
            words = [f"--loadEngine={engine}", f"--loadInputs=image:{given}", f"--exportOutput={got}"]
            once = ["--iterations=1", "--warmUp=0", "--duration=0"]
            _, error = call([trt.program, *words, *once, *trt.transfers], timeout_s)
            if error is not None:
                return {}, error
            try:
                said = json.loads(got.read_text())
                rows.append({each["name"]: _shaped(each) for each in said})
            except (OSError, ValueError, KeyError, TypeError):
                return {}, "it wrote no outputs"
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}, None


def _shaped(said: Dict[str, Any]) -> np.ndarray:
    """The values of one output of a batch of 1."""
    sides = [int(side) for side in str(said["dimensions"]).split("x")]
    return np.array(said["values"], np.float32).reshape(sides)[0]
