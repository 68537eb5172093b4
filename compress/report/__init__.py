"""One run's raw results (runs/<pipeline>/run.json) as tables, plots and a report. Loads no TensorFlow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compress.artifacts.files import replace
from compress.report import calibration, markdown_report, table
from compress.report.plots import write_plots

__all__ = ["write"]


def write(run: Mapping[str, Any], folder: Path, plotted: bool = True) -> list[Path]:
    """Writes table.csv, table.md, calibration.csv, calibration.md, plots/*.png (where ``plotted``) and report.md below
    ``folder``, each in one step; a run that recorded no calibration has no such tables, and those of an earlier run go.

    Returns the paths, in the order written: the tables are there even if a plot cannot be drawn.
    """
    tables = [replace(folder / "table.csv", table.csv_text(run)), replace(folder / "table.md", table.markdown(run))]
    second = {"calibration.csv": calibration.csv_text(run), "calibration.md": calibration.markdown(run)}
    for name, content in second.items():
        if calibration.rows(run):
            tables.append(replace(folder / name, content))
        else:
            (folder / name).unlink(missing_ok=True)
    plots = write_plots(run, folder / "plots") if plotted else []
    text = markdown_report.report(run, [path.relative_to(folder) for path in plots])
    return [*tables, *plots, replace(folder / "report.md", text)]
