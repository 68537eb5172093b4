"""The result of a benchmark: sealed JSON, its warnings, and a short table of it."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Dict, List, Optional

from jetson.board import fixed_clocks

SCHEMA = "jetslim-board/3"
MOST_VARIATION, MOST_WARMING_C, FEWEST_SAMPLES, SHORTEST_LOOP_S = 0.05, 5.0, 10, 20.0


def seal(result: Dict[str, Any]) -> str:
    """The digest that a result carries: sha256 of everything else in it, as compact sorted JSON."""
    rest = {key: value for key, value in result.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write(result: Dict[str, Any], path: Path) -> None:
    """Seals the result and writes it in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w") as file:
            json.dump({**result, "digest": seal(result)}, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        if part.exists():
            part.unlink()


def warnings(result: Dict[str, Any]) -> List[str]:
    """Why its numbers should not be trusted, one line each."""
    lines = []
    before, after = result["before"], result["after"]
    if result["board"]["emulated"]:
        lines.append("this processor is emulated: its times mean nothing")
    if fixed_clocks(before) is False:
        lines.append(
            "the clocks are not fixed (governor {}): sudo jetson_clocks".format(_distinct(before["governors"]))
        )
    warmer = _warming(before["temperatures_c"], after["temperatures_c"])
    if warmer is not None and warmer > MOST_WARMING_C:
        lines.append(f"it became {warmer:.1f} degrees warmer")
    if result["power_error"]:
        lines.append(result["power_error"])
    elif result["power_source"] and 0 < result["settings"]["power_s"] < SHORTEST_LOOP_S:
        lines.append(f"the power loop was shorter than {SHORTEST_LOOP_S:g} s")
    if result["replay"]:
        lines.append("board or power are replayed from files: this is no measurement")
    if before["throttled"] or after["throttled"]:
        lines.append("the processor was throttled")
    wanted = result["compared_with"]
    if wanted is not None and wanted != result["runtime"]:
        lines.append(
            "the expected outputs are of {name} {version}".format(**wanted)
            + ", this is {name} {version}: compare no latencies across the two".format(**result["runtime"])
        )
    for model in result["models"]:
        for entry in model["latency"]:
            name = "{}, {}".format(model["file"], threads(entry["threads"]))
            lines.extend(_of_measurements(name, entry, result))
            lines.extend(f"{name}: {error}" for error in entry["errors"])
        accuracy = model["accuracy"]
        if accuracy and "error" in accuracy:
            lines.append("{}: accuracy: {}".format(model["file"], accuracy["error"]))
        elif accuracy and accuracy.get("expected", {}).get("same_answers", 1.0) < 1.0:
            lines.append("{}: gives other answers than expected".format(model["file"]))
        elif accuracy and accuracy.get("expected", {}).get("within_tolerance", 1.0) < 1.0:
            lines.append("{}: its outputs depart from the expected ones beyond the tolerance".format(model["file"]))
        accelerated = model.get("accelerated") or {}
        if "error" in accelerated:
            lines.append("{}: LiteRT's accelerator: {}".format(model["file"], accelerated["error"]))
        elif accelerated:
            name = "{}, LiteRT's {} accelerator".format(model["file"], accelerated["accelerator"])
            if not accelerated["all_of_it"]:
                lines.append(f"{name}: a part of the model ran on the processor")
            lines.extend(_of_answers(name, accelerated.get("expected") or {}))
    if "missing" in (result.get("tensorrt") or {}):
        lines.append(result["tensorrt"]["missing"])
    for engine in (result.get("tensorrt") or {}).get("engines", []):
        name = "{}, TensorRT in {}".format(engine["file"], engine["precision"])
        lines.extend(f"{name}: {error}" for error in engine["errors"])
        lines.extend(_of_measurements(name, engine, result))
        lines.extend(_of_answers(name, engine.get("expected") or {}))
    return list(dict.fromkeys(lines))


def _of_measurements(name: str, entry: Dict[str, Any], result: Dict[str, Any]) -> List[str]:
    """Of the times and the energy of a model with a number of threads, or of an engine."""
    ms, energy, lines = entry["ms"], entry.get("energy"), []
    if ms is not None and ms["cv"] > MOST_VARIATION:
        lines.append("{}: times vary by {:.0%}".format(name, ms["cv"]))
    if result["power_source"] and result["settings"]["power_s"] > 0 and ms:
        samples = min(energy["samples"], energy["idle_samples"]) if energy else 0
        if samples < FEWEST_SAMPLES:
            lines.append(f"{name}: only {samples} power samples")
    return lines


def _of_answers(name: str, expected: Dict[str, Any]) -> List[str]:
    if "error" in expected:
        return [f"{name}: its outputs: {expected['error']}"]
    if expected.get("same_answers", 1.0) < 1.0:
        return ["{}: {:.0%} of its answers are the expected ones".format(name, expected["same_answers"])]
    return []


def threads(count: int) -> str:
    """ "1 thread", "4 threads"."""
    return "1 thread" if count == 1 else f"{count} threads"


def table(result: Dict[str, Any]) -> str:
    """What a user wants to see at once."""
    shown = [metric for metric in result["metrics"] if metric["in_table"]]
    titles = [metric["title"] for metric in shown]
    blank = ["-"] * len(titles)
    rows = [("model", "MB", "threads", "mean ms", "std", "p50", "p90", *titles, "mJ")]
    for model in result["models"]:
        accuracy = model["accuracy"] or {}
        values = [text(metric, accuracy.get("metrics", {}).get(metric["key"])) for metric in shown]
        for entry in model["latency"]:
            ms, energy = entry["ms"], entry.get("energy")
            times = _times(ms)
            rows.append(
                (
                    model["file"],
                    "{:.2f}".format(model["bytes"] / 1e6),
                    str(entry["threads"]),
                    *times,
                    *values,
                    "{:.1f}".format(energy["energy_mj"]) if energy else "-",
                )
            )
        accelerated = model.get("accelerated") or {}
        if "ms" in accelerated:
            title = "{}, {}".format(model["file"], _kind(accelerated))
            rows.append((title, "{:.2f}".format(model["bytes"] / 1e6), "-", *_times(accelerated["ms"]), *blank, "-"))
    tensorrt = result.get("tensorrt") or {}
    for engine in tensorrt.get("engines", []):
        title = "{}, TensorRT in {}".format(engine["file"], engine["precision"])
        size = "{:.2f}".format(engine["engine_bytes"] / 1e6) if "engine_bytes" in engine else "-"
        energy = engine.get("energy")
        mj = "{:.1f}".format(energy["energy_mj"]) if energy else "-"
        rows.append((title, size, "-", *_times(engine["ms"]), *blank, mj))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(text.ljust(width) if column == 0 else text.rjust(width)
                  for column, (text, width) in enumerate(zip(row, widths)))
        for row in rows
    ]  # fmt: skip
    for model in result["models"]:
        behind = (model["accuracy"] or {}).get("postprocess_ms")
        if behind is not None:
            lines.append(f"{model['file']}: {behind:.2f} ms more an image behind its outputs, in numpy")
    verdict = winner(result)
    return "\n".join([*lines, *([verdict] if verdict else [])])


def _times(ms: Optional[Dict[str, float]]) -> List[str]:
    return [f"{ms[name]:.2f}" for name in ("mean", "std", "p50", "p90")] if ms else ["failed"] + ["-"] * 3


def winner(result: Dict[str, Any]) -> Optional[str]:
    """Which engine is the fastest with the network of the bundle, beside the others; None where one alone ran."""
    medians = {}
    for model in result["models"]:
        if model["file"] == "model.tflite":
            for entry in model["latency"]:
                if entry["ms"]:
                    medians["LiteRT, {}".format(threads(entry["threads"]))] = entry["ms"]["p50"]
            accelerated = model.get("accelerated") or {}
            if "ms" in accelerated:
                name = f"LiteRT on {_kind(accelerated)}" + _doubt(accelerated)
                medians[name] = accelerated["ms"]["p50"]
    tensorrt = result.get("tensorrt") or {}
    for engine in tensorrt.get("engines", []):
        if engine["ms"]:
            name = "TensorRT {} in {}".format(tensorrt["engine"]["version"], engine["precision"]) + _doubt(engine)
            medians[name] = engine["ms"]["p50"]
    kinds = {name.split(",")[0].split(" in ")[0] for name in medians}
    if len(kinds) < 2:
        return None
    ranked = sorted(medians.items(), key=lambda item: item[1])
    others = "; ".join(f"{name} {median:.2f} ms" for name, median in ranked[1:])
    return (
        f"fastest: {ranked[0][0]}, {ranked[0][1]:.2f} ms; {others} (medians; on a GPU with the copies there and back)"
    )


def _kind(accelerated: Dict[str, Any]) -> str:
    return accelerated["accelerator"] + ("" if accelerated["all_of_it"] else " in part")


def _doubt(entry: Dict[str, Any]) -> str:
    """What is to be said of a time whose answers are not those that are expected."""
    expected = entry.get("expected") or {}
    same = expected.get("same_answers", 0.0 if "error" in expected else 1.0)
    return "" if same == 1.0 else f" ({same:.0%} of its answers are right)"


def text(metric: Dict[str, Any], value: Optional[float]) -> str:
    """A value as its descriptor shows it: factor * value, the decimals (null: three digits), the unit."""
    if value is None:
        return "-"
    number, decimals = metric["factor"] * value, metric["decimals"]
    digits = f"{number:.3g}" if decimals is None else f"{number:.{decimals}f}"
    return digits + ({"": "", "%": "%"}.get(metric["unit"], " " + metric["unit"]))


def _warming(before: Optional[Dict[str, float]], after: Optional[Dict[str, float]]) -> Optional[float]:
    both = [name for name in before or {} if name in (after or {})]
    return max((after[name] - before[name] for name in both), default=None) if before and after else None


def _distinct(values: List[Any]) -> str:
    return ", ".join(sorted({str(value) for value in values}))
