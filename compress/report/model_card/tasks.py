"""What a model card says of each task alone: its names on the Hub, and the line of Python that reads an answer.

A new task: a function, and one line in ON_CARDS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compress.metrics.boxes import DETECTIONS

LABELS = 'open("labels.txt").read().splitlines()'


@dataclass(frozen=True)
class OnCard:
    """``says`` is what a network of the task does, before the names of what it knows; ``reads`` gives the lines of
    Python, for what model.json says, that print what ``outputs``, arrays by name, mean.

    ``pipeline_tag`` is the Hub's name of the task for images ("" where it has none), ``metrics`` ours -> the Hub's.
    """

    says: str
    reads: Callable[[Mapping[str, Any]], list[str]]
    pipeline_tag: str = ""
    metrics: Mapping[str, str] = field(default_factory=dict)


def value(output: Mapping[str, Any]) -> str:
    """The expression for one example's numbers of an output, which model.json describes."""
    array = f'outputs["{output["name"]}"][0]'
    if "quantization" not in output:
        return array
    grid = output["quantization"]
    return f'{grid["scale"]:.9g} * ({array}.astype("float32") - {grid["zero_point"]})'


def any_output(told: Mapping[str, Any]) -> list[str]:
    """The outputs as they are, for a task that has no line here."""
    return ["print(outputs)"]


def one_class(told: Mapping[str, Any]) -> list[str]:
    """The likeliest class, whether the file gives probabilities or logits."""
    return [f'print({LABELS}[outputs["{told["outputs"][0]["name"]}"][0].argmax()])']


def several_classes(told: Mapping[str, Any]) -> list[str]:
    """The classes with a probability of 0.5 or more, which is a logit of 0 or more."""
    output = told["outputs"][0]
    least = "0" if output["name"] == "logits" else "0.5"
    return [f"print([label for label, number in zip({LABELS}, {value(output)}) if number >= {least}])"]


def numbers(told: Mapping[str, Any]) -> list[str]:
    """Each number by its name."""
    return [f"print(dict(zip({LABELS}, ({value(told['outputs'][0])}).tolist())))"]


def count(told: Mapping[str, Any]) -> list[str]:
    """The sum of the density map."""
    return [f"print(({value(told['outputs'][0])}).sum())"]


def boxes(told: Mapping[str, Any]) -> list[str]:
    """The boxes, as parts of the image, of the file that decodes them itself; without it the class that is surest at
    any anchor."""
    if DETECTIONS not in told["files"]:
        scores = next(output for output in told["outputs"] if output["name"] in ("scores", "logits"))
        return [
            "# the surest class; boxes have to be decoded, as jetslim predict does, or a file that was exported with",
            '# postprocess = "tflite"',
            f"print({LABELS}[({value(scores)}).max(axis=0).argmax()])",
        ]
    kinds, scores, corners = (f'outputs["detection_{name}"][0]' for name in ("classes", "scores", "boxes"))
    how, padded = told["preprocessing"], []
    if how["fit"] == "pad":  # the photo is a part of the input
        padded = ["w, h = photo.size"]
        corners += f" * np.divide({[*how['resize'], *how['resize']]}, (h, w, h, w))"
    return [
        *padded,
        f"found = zip({kinds}, {scores}, {corners})",
        f"print([({LABELS}[int(kind)], score, box) for kind, score, box in found "
        f"if score >= {told['task']['confidence']:g}])",
    ]


CLASSES = "image-classification"
ON_CARDS: dict[str, OnCard] = {
    "classification": OnCard("says which one of these it is:", one_class, CLASSES, {"top1": "accuracy"}),
    "multi_label": OnCard("says which of these are there:", several_classes, CLASSES, {"f1": "f1"}),
    "regression": OnCard("measures", numbers, metrics={"mae": "mae", "r2": "r_squared"}),
    "counting": OnCard("counts", count, metrics={"mae": "mae"}),
    "detection": OnCard("finds, with a box around each:", boxes, "object-detection"),
}
"""By the name of the task."""


def on_card(task: str) -> OnCard:
    """What a card says of the task of that name."""
    return ON_CARDS.get(task, OnCard("knows of", any_output))
