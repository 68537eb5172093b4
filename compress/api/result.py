"""What a run gave: the table, the file, the report, and the file's predictions."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Result:
    """What ``compress.shrink`` made.

    Attributes:
        folder: of tables, report and plots, with an entry a stage.
        path: the exported ``.tflite``.
        classes: the names of the classes, in the order of the probabilities.
        facts: what run.json says.
    """

    folder: Path
    path: Path
    classes: tuple[str, ...]
    facts: dict[str, Any] = field(repr=False)

    @property
    def report(self) -> Path:
        """The report with its plots, in Markdown."""
        return self.folder / "report.md"

    @cached_property
    def table(self) -> "pandas.DataFrame":
        """A row a stage: top-1 as a fraction, sizes in bytes, latency of this machine in milliseconds."""
        import pandas

        return pandas.read_csv(self.folder / "table.csv")

    def predict(self, images: Any) -> np.ndarray:
        """Probabilities by the exported file in LiteRT.

        Args:
            images: (n, *shape) as the network was trained on: uint8 pixels, or float32 numbers as they are.

        Returns:
            float32 (n, classes); each row sums to 1.
        """
        from compress.api.pieces import probabilities_of

        return probabilities_of(self.path, np.asarray(images))

    def evaluate(self, x: Any, y: Any) -> dict[str, float]:
        """Top-1 and the like of the exported file, as ``compress.evaluate(result.path, x, y)``."""
        from compress.api.pieces import evaluate

        return evaluate(self.path, x, y)

    def __str__(self) -> str:
        return (self.folder / "table.md").read_text()

    def _repr_html_(self) -> str:
        return f"{self.table.to_html(index=False)}<p>{self.path}</p>"
