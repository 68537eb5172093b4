"""How good outputs are, by numpy alone: what host and board compute alike.

These modules are copied into the runner that measures on a board: they are clean for Python 3.8 and numpy 1.24, and
import one another relatively. Each has ``measure(outputs, targets)``, the metrics by name, and ``same(outputs,
others)``, of each example whether two models say the same; outputs and targets are arrays by name.
"""

from . import classification, counting, multi_label, regression

METRICS = {
    "classification": classification,
    "multi_label": multi_label,
    "regression": regression,
    "counting": counting,
}
"""By the name of the task."""
