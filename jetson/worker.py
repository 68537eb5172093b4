"""The child process: loads one model whose hash is known, and does one job with it. Its result is one line of JSON.

It runs in a child process, so that a malformed model that crashes the interpreter cannot kill the benchmark.
"""

import hashlib
import io
import json
import os
import sys
import time
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import numpy as np

from jetson.board import read_text
from jetson.errors import UserError
from jetson.interpreter import Model, find
from jetson.metrics import METRICS
from jetson.metrics.boxes import SOFTWARE
from jetson.pixels import parse
from jetson.predictor import Predictor, names_of, stacked

POSTPROCESSED = 50  # examples, to time what comes behind the outputs

WARM_UP_RUNS, WARM_UP_S, RUNS = 5, 0.5, 50
clock = time.perf_counter


def main() -> None:
    """Reads a request from stdin: the job's name and its arguments."""
    # an interpreter that prints must not write into the result
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    request = json.load(sys.stdin)
    try:
        answer = JOBS[request.pop("job")](**request)
    except UserError as error:
        answer = {"error": str(error)}
    except (ValueError, RuntimeError, TypeError, MemoryError, IndexError, OverflowError) as error:
        answer = {"error": "the interpreter refuses the model: " + (str(error).splitlines() or [repr(error)])[0][:300]}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    os._exit(0)  # a damaged model may crash while it is freed


def content_of(path: str, sha256: Optional[str], size: Optional[int]) -> bytes:
    """The file's bytes, read once; raises UserError unless they are those that were promised (None: anything)."""
    content = Path(path).read_bytes()
    if not content or content.startswith(b"version https://git-lfs"):
        raise UserError(f"{path} is a Git LFS pointer, not the model itself" if content else f"{path} is empty")
    if size is not None and len(content) != size:
        raise UserError(f"{path} has {len(content)} bytes, but the manifest says {size}: copy it again")
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(f"{path} is not the file of the manifest (its sha256 differs): copy it again")
    return content


def time_invokes(invoke: Callable[[], Any], runs: int) -> List[float]:
    """Milliseconds of each of ``runs`` calls."""
    samples = [0.0] * runs
    for number in range(runs):
        start = clock()
        invoke()
        samples[number] = (clock() - start) * 1e3
    return samples


def feed(model: Model, testset: Optional[str], pixels: Optional[str]) -> None:
    """Sets what the model is timed on: noise, because the time of a network does not depend on what it sees; the test
    set's first image where the file drops overlapping boxes itself, which takes the longer, the more it finds."""
    if testset and set(SOFTWARE) <= set(names_of(model.interpreter).values()):
        predictor = Predictor(model, parse(pixels) if pixels else None, names=SOFTWARE)
        model.interpreter.set_tensor(model.input["index"], predictor.encode(first_image(testset)))
    else:
        model.fill()


def first_image(testset: str) -> np.ndarray:
    """Read alone, so that the memory of the others does not count."""
    with zipfile.ZipFile(testset) as archive, archive.open("images.npy") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        values = file.read(int(np.prod(shape[1:])) * dtype.itemsize)
    return np.frombuffer(values, dtype).reshape(shape[1:])


def latency(
    path: str,
    sha256: Optional[str],
    size: Optional[int],
    threads: int,
    runs: int = RUNS,
    sides: Optional[List[int]] = None,
    testset: Optional[str] = None,
    pixels: Optional[str] = None,
) -> Dict[str, Any]:
    """Load time, first inference, then ``runs`` timed invokes after a warm-up of at least 5 runs and 0.5 s."""
    runtime, content = find(), content_of(path, sha256, size)
    start = clock()
    model = Model(content, threads, runtime, sides)
    loaded = clock()
    feed(model, testset, pixels)
    begin = clock()
    model.interpreter.invoke()
    first = clock() - begin
    warm, warm_up_runs = clock(), 0
    while warm_up_runs < WARM_UP_RUNS or clock() - warm < WARM_UP_S:
        model.interpreter.invoke()
        warm_up_runs += 1
    samples = time_invokes(model.interpreter.invoke, runs)
    return {
        "threads": threads,
        "load_ms": (loaded - start) * 1e3,
        "first_ms": first * 1e3,
        "warm_up_runs": warm_up_runs,
        "samples_ms": samples,
        "peak_memory_mb": peak_memory_mb(),
        "runtime": runtime.facts(),
        "input": {"shape": list(model.shape), "dtype": np.dtype(model.input["dtype"]).name},
    }


def peak_memory_mb() -> Optional[float]:
    """The most memory that this process held, in MB (10^6 bytes): VmHWM, as ru_maxrss inherits the parent's."""
    for line in (read_text(Path("/proc/self/status")) or "").splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 2)
    return None


def accuracy(
    path: str,
    sha256: Optional[str],
    size: Optional[int],
    testset: str,
    testset_sha256: Optional[str],
    task: Dict[str, Any],
    expected: Optional[Dict[str, List[Any]]],
    tolerance: Dict[str, Any],
    sides: Optional[List[int]] = None,
    pixels: Optional[str] = None,
    output: Optional[str] = None,
    width: Optional[int] = None,
) -> Dict[str, Any]:
    """The task's metrics on the test set; agreement with the outputs that were expected for its first images."""
    content_of(testset, testset_sha256, None)
    if task["name"] not in METRICS:
        raise UserError("this runner knows no task {!r}: {}".format(task["name"], ", ".join(sorted(METRICS))))
    metrics = METRICS[task["name"]]
    with np.load(testset, allow_pickle=False) as arrays:
        images = arrays["images"]
        targets = {name: arrays[name] for name in arrays.files if name != "images"}
    model = Model(content_of(path, sha256, size), 1, size=sides)
    predictor = Predictor(model, parse(pixels) if pixels else None, output, width, list(expected or {}))
    outputs = stacked([predictor.predict(image) for image in images])
    result: Dict[str, Any] = {"images": len(images), "metrics": metrics.measure(outputs, targets, task)}
    behind = getattr(metrics, "POSTPROCESS", None)
    if behind is not None:
        result["postprocess_ms"] = _median_ms(behind, outputs, task)
    if expected and set(expected) == set(outputs):
        wanted = {name: np.array(values, np.float32) for name, values in expected.items()}
        count = len(next(iter(wanted.values())))
        got = {name: values[:count] for name, values in outputs.items()}
        away = {name: np.abs(got[name] - wanted[name]).reshape(count, -1) for name in wanted}
        result["expected"] = {"images": count, "same_answers": float(np.mean(metrics.same(got, wanted, task)))}
        if tolerance:  # without one, values are not compared
            within = [(away[name] <= np.array(tolerance[name], np.float32)).all(axis=1) for name in wanted]
            result["expected"].update(
                within_tolerance=float(np.mean(np.all(within, axis=0))),
                tolerance=tolerance,
                largest_difference=max(float(values.max()) for values in away.values()),
            )
    return result


def accelerated(
    path: str,
    sha256: Optional[str],
    size: Optional[int],
    accelerator: str,
    runs: int,
    testset: Optional[str] = None,
    task: Optional[Dict[str, Any]] = None,
    expected: Optional[Dict[str, List[Any]]] = None,
    divide_by: float = 1,
) -> Dict[str, Any]:
    """LiteRT's CompiledModel on an accelerator, "gpu" or "cpu": times of an inference with the copies of input and
    outputs, whether all of it runs there, and how many answers are the expected ones."""
    try:
        from ai_edge_litert import compiled_model, hardware_accelerator
    except ImportError as error:
        raise UserError(f"accelerators need ai-edge-litert 2.1 or newer: {str(error).splitlines()[0]}") from error
    kind = getattr(hardware_accelerator.HardwareAccelerator, accelerator.upper())
    model = compiled_model.CompiledModel.from_buffer(content_of(path, sha256, size), hardware_accel=kind)
    (signature,) = model.get_signature_list()
    details = model.get_input_tensor_details(signature)
    (given,) = details.values()
    outputs = model.get_output_tensor_details(signature)
    into, out_of = model.create_input_buffers(0), model.create_output_buffers(0)
    names = model.get_signature_list()[signature]["outputs"]
    shape, dtype = tuple(given["shape"]), np.dtype(given["dtype"])

    def run(example: np.ndarray) -> Dict[str, np.ndarray]:
        into[0].write(example)
        model.run_by_index(0, into, out_of)
        rows = {}
        for name, buffer in zip(names, out_of):
            sides = [int(side) for side in outputs[name]["shape"]]
            rows[name] = np.array(buffer.read(int(np.prod(sides)), np.dtype(outputs[name]["dtype"]))).reshape(sides)[0]
        return rows

    noise = np.random.RandomState(0).uniform(size=shape)
    example = (255 * noise).astype(dtype) if dtype.kind == "u" else noise.astype(dtype)
    for _ in range(WARM_UP_RUNS):
        run(example)
    answer: Dict[str, Any] = {
        "accelerator": accelerator,
        "samples_ms": time_invokes(lambda: run(example), runs),
        "all_of_it": bool(model.is_fully_accelerated()),
    }
    if testset and expected and task and set(expected) == set(names):
        wanted = {name: np.array(values, np.float32) for name, values in expected.items()}
        count = len(next(iter(wanted.values())))
        with np.load(testset, allow_pickle=False) as arrays:
            images = arrays["images"][:count]
        fed = [image if dtype.kind == "u" else image.astype(dtype) / dtype.type(divide_by) for image in images]
        got = stacked([run(image.reshape(shape)) for image in fed])
        same = METRICS[task["name"]].same({k: v.reshape(wanted[k].shape) for k, v in got.items()}, wanted, task)
        answer["expected"] = {"images": count, "same_answers": float(np.mean(same))}
    return answer


def _median_ms(behind: Callable[..., Any], outputs: Dict[str, np.ndarray], task: Dict[str, Any]) -> float:
    """Of what is computed behind the outputs of one example, over the first of them."""
    samples = []
    for number in range(min(POSTPROCESSED, len(next(iter(outputs.values()))))):
        one = {name: values[number : number + 1] for name, values in outputs.items()}
        start = time.perf_counter()
        behind(one, task)
        samples.append(1e3 * (time.perf_counter() - start))
    return round(float(np.median(samples)), 4)


def sustained(
    path: str,
    sha256: Optional[str],
    size: Optional[int],
    threads: int,
    seconds: float,
    sides: Optional[List[int]] = None,
    testset: Optional[str] = None,
    pixels: Optional[str] = None,
) -> Dict[str, Any]:
    """Invokes without a pause for so many seconds; says when it began and ended by the monotonic clock."""
    model = Model(content_of(path, sha256, size), threads, size=sides)
    feed(model, testset, pixels)
    model.interpreter.invoke()
    begin, count = time.monotonic(), 0
    while time.monotonic() - begin < seconds:
        model.interpreter.invoke()
        count += 1
    return {"begin": begin, "end": time.monotonic(), "inferences": count, "threads": threads}


def overhead(
    path: str,
    sha256: Optional[str],
    size: Optional[int],
    pairs: int = 60,
    runs: int = 10,
    sides: Optional[List[int]] = None,
) -> Dict[str, Any]:
    """The runner's timing against a bare loop on one model in one process: mean ms of each, in turns."""
    model = Model(content_of(path, sha256, size), 1, size=sides)
    model.fill()
    invoke = model.interpreter.invoke
    time_invokes(invoke, 20)
    ours: List[float] = []
    bare: List[float] = []

    def loop() -> float:
        start = clock()
        for _ in range(runs):
            invoke()
        return (clock() - start) * 1e3 / runs

    for pair in range(pairs):
        if pair % 2:  # each goes first as often
            bare.append(loop())
        ours.append(float(np.mean(time_invokes(invoke, runs))))
        if not pair % 2:
            bare.append(loop())
    return {"runner_ms": ours, "bare_ms": bare}


def operators(path: str, sha256: Optional[str], size: Optional[int], files: List[str]) -> Dict[str, Any]:
    """Median milliseconds of each of these files of an archive: at least 5 invokes, up to 100 within about 10 ms."""
    archive = zipfile.ZipFile(io.BytesIO(content_of(path, sha256, size)))
    runtime, medians = find(), []
    for name in files:
        model = Model(archive.read(name), 1, runtime)
        model.fill()
        invoke = model.interpreter.invoke
        once = max(time_invokes(invoke, 3)[1:])
        medians.append(float(np.median(time_invokes(invoke, max(5, min(100, int(10 / max(once, 1e-3))))))))
    return {"ms": medians}


JOBS: Dict[str, Callable[..., Dict[str, Any]]] = {
    "latency": latency,
    "accuracy": accuracy,
    "sustained": sustained,
    "overhead": overhead,
    "accelerated": accelerated,
    "operators": operators,
}
