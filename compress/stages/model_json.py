"""model.json and labels.txt: what a program on the board must know of a .tflite file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compress.artifacts.files import fingerprint, write_json
from compress.results import FileFacts
from compress.stages.base import Context
from compress.tasks import Output

COLOURS = {1: "grey", 3: "RGB"}  # channels -> what a program on the board must know of them


def write_model_json(
    context: Context, out: Path, shape: Any, ends: tuple[dict[str, Any], list[dict[str, Any]]], facts: FileFacts
) -> None:
    """Writes labels.txt and model.json: what a program on the board must know.

    ``ends``: the types of the file's input and outputs, as ``flatbuffer.ends`` gives them.
    """
    takes_bytes, task = facts.input_type == "uint8", context.task
    images, of_bytes = len(context.shape) == 3, context.dataset.dtype == np.uint8
    resizing = {"fit": context.fit, "resize": list(shape[:2]), "filter": "bilinear"}
    (out / "labels.txt").write_text("".join(f"{label}\n" for label in context.dataset.label_names))
    written = sorted(path.name for pattern in ("*.tflite", "*.onnx") for path in out.glob(pattern))
    files = {name: fingerprint(out / name) for name in (*written, "labels.txt")}
    write_json(
        out / "model.json",
        {
            "schema": 3,
            "task": facts.task,
            "input": {
                **ends[0],
                **({"layout": "NHWC", "colours": COLOURS.get(shape[-1], "channels")} if images else {}),
                **({"range": [0, 255] if takes_bytes else [0.0, 1.0]} if of_bytes else {}),
            },
            "preprocessing": {
                **(resizing if images and of_bytes else {}),
                "divide_by": 1 if takes_bytes or not of_bytes else 255,
            },
            "outputs": [
                {**_named(output, facts.output_type), **kind}
                for output, kind in zip(sorted(task.OUTPUTS, key=lambda output: output.name), ends[1], strict=True)
            ],
            **({} if facts.onnx is None else {"onnx": _of_onnx(shape, of_bytes, task.OUTPUTS)}),
            "precision": facts.precision,
            "score": {"metric": task.METRICS[0].as_json(), "value": facts.score},
            "departure": facts.departure,
            "files": files,
        },
    )


def _of_onnx(shape: Any, of_bytes: bool, outputs: Sequence[Output]) -> dict[str, Any]:
    """The two ends of model.onnx, which are float32 whatever the .tflite takes and gives."""
    return {
        "input": {"name": "image", "shape": [1, *shape], "dtype": "float32"},
        "divide_by": 255 if of_bytes else 1,
        "outputs": [{"name": output.in_file, "meaning": output.meaning} for output in outputs],
    }


def _named(output: Output, output_type: str) -> dict[str, str]:
    """The name of an output in the file, and what it means."""
    if output_type == "float32":
        return {"name": output.in_file, "meaning": output.meaning}
    return {"name": output.name, "meaning": output.name}
