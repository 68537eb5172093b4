"""What a run gave: the table, the file, the report, and the file's predictions."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compress.results import Run

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Result:
    """The result of ``compress.shrink`` or ``compress.distill``.

    Attributes:
        folder: the folder of tables, report and plots, with one subfolder per stage.
        path: the exported ``.tflite``.
        label_names: the names of the classes or of the numbers, in the order of the outputs.
        run: the results, as in run.json.
    """

    folder: Path
    path: Path
    label_names: tuple[str, ...]
    run: Run = field(repr=False)

    @property
    def report(self) -> Path:
        """The report with its plots, in Markdown."""
        return self.folder / "report.md"

    @property
    def page(self) -> Path:
        """The report as one HTML file, which opens offline and prints."""
        return self.folder / "report.html"

    @cached_property
    def table(self) -> "pandas.DataFrame":
        """One row per stage: the metrics of the task, sizes in bytes, and the latency on this machine in
        milliseconds."""
        import pandas

        return pandas.read_csv(self.folder / "table.csv")

    def predict(self, images: Any) -> Any:
        """Runs the exported file in LiteRT: probabilities of classes, numbers in their units, density maps, or boxes.

        Args:
            images: (n, *shape) examples of the kind that the network was trained on: uint8 pixels, or float32 numbers,
                which are not scaled.

        Returns:
            float32 (n, classes), (n, numbers) or (n, height, width, 1). For a detector, for each image
            {"boxes": [{"class", "score", "box"}, ...]}, with x and y of two corners in pixels of the image.
        """
        from compress.evaluate import TFLitePredictor, file_outputs, labels, task_of

        given = np.asarray(images)
        examples = given if given.dtype == np.uint8 else given.astype(np.float32)
        task = task_of(self.path)
        if task is None or len(task.OUTPUTS) == 1:
            (values,) = TFLitePredictor(self.path)(examples).values()
            return values
        predictor = TFLitePredictor(self.path, expected=file_outputs(task))
        return task.as_json(task.from_file(predictor(examples), predictor.ends_in), tuple(labels(self.path)))

    def evaluate(self, x: Any, y: Any) -> dict[str, float]:
        """Measures the exported file, as ``compress.evaluate(result.path, x, y)`` does."""
        from compress.api.pieces import evaluate

        return evaluate(self.path, x, y)

    def __str__(self) -> str:
        return (self.folder / "table.md").read_text()

    def _repr_html_(self) -> str:
        return f"{self.table.to_html(index=False)}<p>{self.path}</p>"
