"""What the numbers of a network mean. A new task: its file here, one line in TASKS, one test, and what it measures.

Its metrics are in ``compress.metrics``, its targets in ``compress.targets``, its section of the report in
``compress.report.sections``.
"""

from compress.tasks.base import Answers, Arrays, Departure, Head, Output, Task, Tensors
from compress.tasks.classification import Classification
from compress.tasks.counting import Counting
from compress.tasks.detection import Detection
from compress.tasks.multi_label import MultiLabel
from compress.tasks.regression import Regression

TASKS: dict[str, type[Task]] = {
    "classification": Classification,
    "multi_label": MultiLabel,
    "regression": Regression,
    "counting": Counting,
    "detection": Detection,
}

__all__ = [
    "TASKS",
    "Answers",
    "Arrays",
    "Classification",
    "Counting",
    "Departure",
    "Detection",
    "Head",
    "MultiLabel",
    "Output",
    "Regression",
    "Task",
    "Tensors",
]
