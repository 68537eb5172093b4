"""Whether this machine can measure, and what to mend; a few lines, in less than two seconds."""

import platform
from pathlib import Path
from typing import List, Tuple

import numpy as np

from jetson import board, trtexec
from jetson.bundle import MANIFEST, read_bundle
from jetson.errors import UserError
from jetson.interpreter import find

BEST = {  # JetPack -> Python and interpreter that load there and are fastest
    "4": "python3.8 with tflite-runtime 2.13.0 and numpy 1.24.4",
    "5": "python3.9 with ai-edge-litert 2.1.0 and numpy 2.0.2",
    "6": "python3.10 with ai-edge-litert 2.3.0 and numpy 2.2.6",
    "7": "python3.12 with ai-edge-litert 2.3.0",
}


def examine(folder: Path, root: Path = Path("/")) -> Tuple[List[str], bool]:
    """(lines, whether a benchmark can run). ``folder`` may be a bundle; then it is verified."""
    facts, state = board.facts(root), board.state(root)
    able = True
    name = facts["model"] or facts["cpu"] or facts["machine"]
    kind = "a Jetson" if facts["is_jetson"] else "no Jetson: its numbers are labelled so"
    lines = [
        "board        {} ({}, {})".format(name, facts["machine"], kind),
        f"software     {_software(facts)}",
        "python       {}, numpy {}".format(facts["python"], np.__version__),
    ]
    try:
        runtime = find()
        lines.append(f"interpreter  {runtime.name} {runtime.version}")
        wanted = BEST.get((facts["jetpack"] or "").split(".")[0])
        if wanted and runtime.name != "ai-edge-litert" and "ai-edge-litert" in wanted:
            lines.append(f"             much faster in int8 on this JetPack: {wanted}")
    except UserError as error:
        able = False
        lines.append(f"interpreter  MISSING: {error}")
    trt, missing = trtexec.find() if root == Path("/") else (None, "not asked")
    gpu = "{name} {version}".format(**trt.facts()) if trt else f"{missing}: engines on the GPU are not measured"
    cuda = board.cuda(root)
    lines.append(f"TensorRT     {gpu}" + (f", CUDA {cuda}" if cuda else ""))
    lines.append("power mode   {}".format(state["power_mode"] or "unknown"))
    fixed = board.fixed_clocks(state)
    lines.append(
        "clocks       "
        + {True: "fixed", False: "not fixed: run sudo jetson_clocks before a benchmark", None: "unknown"}[fixed]
    )
    if state["temperatures_c"]:
        hottest = max(state["temperatures_c"].items(), key=lambda item: item[1])
        lines.append(f"temperature  {hottest[1]:.0f} C at most ({hottest[0]})")
    if state["throttled"]:
        lines.append("throttled    yes: let it cool down")
    if (folder / MANIFEST).is_file():
        try:
            bundle = read_bundle(folder)
            lines.append("bundle       whole: {}".format(", ".join(target.file for target in bundle.targets)))
        except UserError as error:
            able = False
            lines.append(f"bundle       DAMAGED: {error}")
    lines.append("ready" if able else "not ready")
    return lines, able


def _software(facts: "dict[str, object]") -> str:
    parts = [str(facts["system"] or platform.system()), "kernel {}".format(facts["kernel"])]
    if facts["l4t"]:
        parts.insert(0, "JetPack {}, L4T {}".format(facts["jetpack"] or "unknown", facts["l4t"]))
    if facts["glibc"]:
        parts.append("glibc {}".format(facts["glibc"]))
    return ", ".join(parts)
