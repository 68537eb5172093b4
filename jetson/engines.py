"""The ONNX files of a bundle in TensorRT, beside the .tflite files: engines are built, timed and asked."""

from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from jetson import energy, sensors, stats, trtexec
from jetson.bundle import Bundle
from jetson.metrics import METRICS

Say = Callable[[str], None]
Entry = Dict[str, Any]
FOLDER = "engines"  # in the bundle's; engines are kept there
ASKED = 8  # images, one process each
BUILD_FACTOR = 10  # times the timeout of a model: an engine's tactics are timed while it is built


def measure(
    bundle: Bundle, program: Optional[str], runs: int, repetitions: int, timeout_s: float, board: str, say: Say
) -> Optional[Dict[str, Any]]:
    """{"engine", "engines": [...]}; {"missing": why} without trtexec; None for a bundle without ONNX files.

    ``program``: a trtexec instead of the board's own; ``board``: its short name, to which an engine belongs.
    """
    if bundle.testset is None or not (bundle.manifest or {}).get("onnx"):
        return None
    trt, missing = trtexec.find(program)
    if trt is None:
        say(f"{missing}: TensorRT is not measured")
        return {"missing": f"{missing}: TensorRT is not measured"}
    engines = [_built(trt, bundle, name, precision, timeout_s, board, say) for name, precision in _wanted(bundle)]
    for repetition in range(repetitions):  # in turns, so that a drift of the board hits all alike
        for entry in engines:
            if "plan" in entry:
                _time(trt, bundle, entry, runs, timeout_s, say, repetition)
    for entry in engines:
        for key, kept in (("samples_ms", "ms"), ("compute_ms", "compute_ms")):
            samples = [sample for answer in entry["repetitions"] for sample in answer[key]]
            entry[kept] = stats.summary(samples) if samples else None
        if entry["ms"]:
            entry["expected"] = _agreement(trt, bundle, entry, timeout_s)
    return {"engine": trt.facts(), "transfers": "timed", "engines": engines}


def _wanted(bundle: Bundle) -> List[Tuple[str, str]]:
    assert bundle.manifest is not None
    files = bundle.manifest["onnx"]
    return [(name, precision) for name in sorted(files) for precision in files[name]["precisions"]]


def _plan(bundle: Bundle, entry: Entry) -> Path:
    assert bundle.testset is not None
    return bundle.testset.parent / FOLDER / str(entry["plan"])


def _built(
    trt: trtexec.TensorRT, bundle: Bundle, name: str, precision: str, timeout_s: float, board: str, say: Say
) -> Entry:
    """An engine's entry; it has a "plan" if there is one."""
    assert bundle.manifest is not None
    assert bundle.testset is not None
    version, sha256 = trt.facts()["version"], bundle.manifest["files"][name]["sha256"]
    entry: Entry = {"file": name, "precision": precision, "repetitions": [], "errors": []}
    plan = f"{board}-tensorrt-{version}-{precision}-{sha256[:12]}.plan"
    folder = bundle.testset.parent
    say(f"TensorRT {version}: {name} in {precision}: building an engine, which can take minutes, unless it is there")
    made = trtexec.build(trt, folder / name, precision, folder / FOLDER / plan, BUILD_FACTOR * timeout_s)
    if "error" in made:
        entry["errors"].append(made["error"])
        say(f"TensorRT {version}: {name} in {precision}: {made['error']}")
        return entry
    return {**entry, **made, "plan": plan, "engine_bytes": (folder / FOLDER / plan).stat().st_size}


def _time(
    trt: trtexec.TensorRT, bundle: Bundle, entry: Entry, runs: int, timeout_s: float, say: Say, repetition: int
) -> None:
    answer = trtexec.latency(trt, _plan(bundle, entry), runs, timeout_s * max(1.0, runs / 50))
    if "error" in answer:
        entry["errors"].append(answer["error"])
        if entry["build_s"] is None and _plan(bundle, entry).is_file():  # it was kept, and does not load: the next run
            _plan(bundle, entry).unlink()  # builds it anew
        outcome = answer["error"]
    else:
        entry["repetitions"].append(answer)
        outcome = "{:.2f} ms".format(stats.summary(answer["samples_ms"])["p50"])
    say(f"TensorRT: {entry['file']} in {entry['precision']}, repetition {repetition + 1}: {outcome}")


def power(
    measured: Optional[Dict[str, Any]],
    bundle: Bundle,
    program: Optional[str],
    rest: Tuple[float, float],
    samples: sensors.Sampler,
    seconds: float,
    timeout_s: float,
) -> None:
    """Adds the energy of an inference to each engine that was timed; ``rest``: when the board was idle."""
    timed = [entry for entry in (measured or {}).get("engines", []) if entry["ms"]]
    trt = trtexec.find(program)[0] if timed else None
    for entry in timed if trt else []:
        assert trt is not None
        answer = trtexec.sustained(trt, _plan(bundle, entry), seconds, timeout_s)
        if "error" in answer:
            entry["errors"].append("power: " + answer["error"])
            continue
        busy = (answer["begin"], answer["end"])
        entry["energy"] = energy.per_inference(list(samples), rest, busy, answer["inferences"])


def _agreement(trt: trtexec.TensorRT, bundle: Bundle, entry: Entry, timeout_s: float) -> Dict[str, Any]:
    """Of the first carried images: the share of answers that are those of the ONNX file on the host, and the largest
    difference of outputs."""
    assert bundle.manifest is not None
    assert bundle.testset is not None
    facts, task = bundle.manifest["onnx"][entry["file"]], bundle.manifest["task"]
    wanted = {name: np.array(values, np.float32)[:ASKED] for name, values in facts["expected"].items()}
    count = len(next(iter(wanted.values())))
    with np.load(bundle.testset, allow_pickle=False) as arrays:
        examples = arrays["images"][:count].astype(np.float32) / np.float32(facts["divide_by"])
    said, error = trtexec.outputs(trt, _plan(bundle, entry), examples, timeout_s)
    if error is not None:
        return {"error": error}
    if set(said) != set(wanted):
        return {"error": "its outputs are {}, not {}".format(", ".join(sorted(said)), ", ".join(sorted(wanted)))}
    got = {name: said[name].reshape(wanted[name].shape) for name in wanted}
    return {
        "images": count,
        "same_answers": float(np.mean(METRICS[task["name"]].same(got, wanted, task))),
        "largest_difference": max(float(np.abs(got[name] - wanted[name]).max()) for name in wanted),
    }
