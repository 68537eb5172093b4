"""The whole measurement of one model or one bundle."""

import os
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import numpy as np

from jetson import __version__, board, child, energy, engines, sensors, stats
from jetson import result as results
from jetson.bundle import Bundle, Target
from jetson.interpreter import find

Say = Callable[[str], None]


class Settings(NamedTuple):
    """``runs`` a repetition; ``power_s`` of a sustained loop, after ``idle_s`` of rest; 0 leaves power out."""

    runs: int = 50
    repetitions: int = 3
    threads: Optional[List[int]] = None  # None: one, and all
    timeout_s: float = 120.0
    power_s: float = 20.0
    idle_s: float = 10.0
    tegrastats: Optional[str] = None  # a program instead of the board's own: the result is labelled a replay
    sides: Optional[List[int]] = None  # of examples, for a model that leaves them open
    pixels: Optional[str] = None  # what a model is fed for bytes; None for what it tells
    output: Optional[str] = None  # which of several has the classes
    trtexec: Optional[str] = None  # a program instead of the board's own: the result is labelled a replay
    accelerator: Optional[str] = None  # LiteRT's own way to the GPU is tried, too


def benchmark(bundle: Bundle, settings: Settings, say: Say, root: Path = Path("/")) -> Dict[str, Any]:
    """Measures every model of the bundle; a model that fails is reported, the others go on."""
    runtime = find().facts()
    counts = settings.threads or sorted({1, os.cpu_count() or 1})
    before = board.state(root)
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    models = [_described(target) for target in bundle.targets]
    _latencies(bundle, models, counts, settings, say)
    for target, model in zip(bundle.targets, models):
        model["accuracy"] = _accuracy(target, model, bundle, settings, say)
    if settings.accelerator:
        for target, model in zip(bundle.targets, models):
            model["accelerated"] = _accelerated(target, bundle, settings, say)
    facts = board.facts(root)
    try:
        tensorrt = engines.measure(
            bundle,
            settings.trtexec,
            settings.runs,
            settings.repetitions,
            settings.timeout_s,
            board.short_name(facts),
            say,
        )
    except KeyboardInterrupt:  # the rest is whole
        tensorrt = {"missing": "TensorRT was not measured: stopped"}
    except OSError as error:
        tensorrt = {"missing": f"TensorRT was not measured: {error}"}
    source, power_error = _power_source(settings, root), None
    if source is not None and settings.power_s > 0:
        try:
            _power(bundle, models, tensorrt, settings, say, root)
        except OSError as error:
            power_error = f"power could not be measured: {error}"
        except KeyboardInterrupt:  # the rest is whole
            power_error = "power was not measured: stopped"
    manifest = bundle.manifest or {}
    result = {
        "schema": results.SCHEMA,
        "runner": __version__,
        "started": started,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "settings": {**settings._asdict(), "threads": counts, "sysroot": str(root)},
        # not of this machine: no measurement
        "replay": bool(settings.tegrastats or settings.trtexec) or root != Path("/"),
        "task": manifest.get("task"),
        "metrics": manifest.get("metrics", []),
        "bundle": _bundle(manifest, bundle.manifest_sha256) if manifest else None,
        "board": facts,
        "numpy": np.__version__,
        "runtime": runtime,
        "compared_with": manifest.get("runtime"),
        "power_source": source,
        "power_error": power_error,
        "before": before,
        "after": board.state(root),
        "models": models,
        "tensorrt": tensorrt,
    }
    return {**result, "warnings": results.warnings(result)}


def _bundle(manifest: Dict[str, Any], sha256: Optional[str]) -> Dict[str, Any]:
    """What a result says of its bundle."""
    told = {key: value for key, value in manifest.items() if key in ("pipeline", "made", "testset")}
    return {**told, "sha256": sha256}


def _described(target: Target) -> Dict[str, Any]:
    return {
        "file": target.file,
        "sha256": target.sha256,
        "bytes": target.size,
        "role": target.role,
        "precision": target.precision,
        "host_score": target.host_score,
        "latency": [],
        "accuracy": None,
    }


def _image(bundle: Bundle, settings: Settings) -> Dict[str, Optional[str]]:
    """From where a worker takes the image that it times a model on, and how it is fed."""
    return {"testset": str(bundle.testset) if bundle.testset else None, "pixels": settings.pixels}


def _latencies(bundle: Bundle, models: List[Dict[str, Any]], counts: List[int], settings: Settings, say: Say) -> None:
    """Repetition by repetition over all models, so that a drift of the board hits all alike."""
    total = settings.repetitions * len(counts) * len(bundle.targets)
    done, start = 0, time.monotonic()
    for count in counts:
        for model in models:
            model["latency"].append({"threads": count, "repetitions": [], "errors": []})
    for repetition in range(settings.repetitions):
        for position, count in enumerate(counts):
            for target, model in zip(bundle.targets, models):
                entry = model["latency"][position]
                answer = child.run(
                    "latency",
                    settings.timeout_s * max(1.0, settings.runs / 50),
                    **target.promised(),
                    threads=count,
                    runs=settings.runs,
                    sides=settings.sides or target.sides,
                    **_image(bundle, settings),
                )
                done += 1
                left = (time.monotonic() - start) / done * (total - done)
                if "error" in answer:
                    entry["errors"].append(answer["error"])
                    outcome = answer["error"]
                else:
                    entry["repetitions"].append(answer)
                    outcome = "{:.2f} ms".format(stats.summary(answer["samples_ms"])["p50"])
                name = f"{target.file}, {results.threads(count)}, repetition {repetition + 1}"
                say(f"[{done}/{total}] {name}: {outcome}, {left:.0f} s left")
    for model in models:
        for entry in model["latency"]:
            samples = [sample for answer in entry["repetitions"] for sample in answer["samples_ms"]]
            entry["ms"] = stats.summary(samples) if samples else None


def _accuracy(
    target: Target, model: Dict[str, Any], bundle: Bundle, settings: Settings, say: Say
) -> Optional[Dict[str, Any]]:
    if bundle.testset is None or bundle.manifest is None:
        return None
    slowest = max((entry["ms"]["max"] for entry in model["latency"] if entry["ms"]), default=None)
    if slowest is None:
        return {"error": "not tried: the model cannot be measured"}
    images = int(bundle.manifest["testset"]["images"])
    descriptors = bundle.manifest["metrics"]
    say("{}: {} of {} images".format(target.file, descriptors[0]["title"], images))
    result = child.run(
        "accuracy",
        settings.timeout_s + 3 * images * slowest / 1e3,
        **target.promised(),
        testset=str(bundle.testset),
        testset_sha256=bundle.testset_sha256,
        task=bundle.manifest["task"],
        expected=target.expected,
        tolerance=target.tolerance,
        sides=settings.sides or target.sides,
        pixels=settings.pixels,
        output=settings.output,
        width=len(bundle.manifest.get("labels", [])) or None,
    )
    if "error" not in result:
        shares = [
            descriptor["key"]
            for descriptor in descriptors
            if descriptor["is_share"] and result["metrics"].get(descriptor["key"]) is not None
        ]
        result["intervals"] = {
            key: list(stats.wilson(round(result["metrics"][key] * result["images"]), result["images"]))
            for key in shares
        }
    return result


def _power_source(settings: Settings, root: Path) -> Optional[str]:
    """Where the watts come from: "replay", "ina3221", "tegrastats", or None on a machine without either."""
    if settings.tegrastats:
        return "replay"
    if sensors.ina3221(root):
        return "ina3221"
    return "tegrastats" if root == Path("/") and board.tegrastats_command() else None


def _accelerated(target: Target, bundle: Bundle, settings: Settings, say: Say) -> Dict[str, Any]:
    """By LiteRT's accelerator, in a process of its own: {"samples_ms", "ms", ...}, or {"error"}."""
    answer = child.run(
        "accelerated",
        settings.timeout_s,
        **target.promised(),
        accelerator=settings.accelerator,
        runs=settings.runs,
        testset=str(bundle.testset) if bundle.testset else None,
        task=(bundle.manifest or {}).get("task"),
        expected=target.expected,
        divide_by=(bundle.manifest or {}).get("preprocessing", {}).get("divide_by", 1),
    )
    if "error" not in answer:
        answer["ms"] = stats.summary(answer["samples_ms"])
    outcome = answer.get("error") or "{:.2f} ms".format(answer["ms"]["p50"])
    say(f"{target.file}, LiteRT's {settings.accelerator} accelerator: {outcome}")
    return answer


def _power(
    bundle: Bundle,
    models: List[Dict[str, Any]],
    tensorrt: Optional[Dict[str, Any]],
    settings: Settings,
    say: Say,
    root: Path,
) -> None:
    command = settings.tegrastats or (None if sensors.ina3221(root) else board.tegrastats_command())
    with sensors.Sampler(command, root) as samples:
        say(f"power: {settings.idle_s:g} s at rest, then {settings.power_s:g} s for each model and thread count")
        idle = time.monotonic()
        time.sleep(settings.idle_s)
        rest = (idle, time.monotonic())
        for target, model in zip(bundle.targets, models):
            for entry in model["latency"]:
                answer = child.run(
                    "sustained",
                    settings.timeout_s + settings.power_s,
                    **target.promised(),
                    threads=entry["threads"],
                    seconds=settings.power_s,
                    sides=settings.sides or target.sides,
                    **_image(bundle, settings),
                )
                if "error" in answer:
                    entry["errors"].append("power: " + answer["error"])
                    continue
                busy = (answer["begin"], answer["end"])
                entry["energy"] = energy.per_inference(list(samples), rest, busy, answer["inferences"])
        engines.power(tensorrt, bundle, settings.trtexec, rest, samples, settings.power_s, settings.timeout_s)
