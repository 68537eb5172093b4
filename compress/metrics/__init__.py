"""How good outputs are, by numpy alone: what host and board compute alike.

These modules are copied into the runner that measures on a board: they are clean for Python 3.8 and numpy 1.24, and
import one another relatively. Each has ``measure(outputs, targets, task)``, the metrics by name, and ``same(outputs,
others, task)``, of each example whether two models say the same; outputs and targets are arrays by name, and ``task``
holds the settings of the fitted task.
"""

from . import classification, counting, detection, multi_label, regression

METRICS = {
    "classification": classification,
    "multi_label": multi_label,
    "regression": regression,
    "counting": counting,
    "detection": detection,
}
"""By the name of the task."""
