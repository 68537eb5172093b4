"""One run's results (runs/<pipeline>/run.json) as tables, plots and a report. Loads no TensorFlow."""

from pathlib import Path

from compress.artifacts.files import replace
from compress.report import html, markdown_report, model_card, model_explorer, table
from compress.report.plots import write_plots
from compress.report.sections import SECTIONS
from compress.results import LAYERS, PICTURES, WORST, Run

__all__ = ["write"]


def write(run: Run, folder: Path, plotted: bool = True) -> list[Path]:
    """Writes table.csv, table.md, the tables of the task's section, plots/*.png (where ``plotted``), report.md,
    report.html, report.json, model_explorer/*.json and a model card beside each exported file below ``folder``, each in
    one step; what an earlier run left of a section that has nothing now goes.

    Returns the paths, in the order written: the tables are there even if a plot cannot be drawn.
    """
    tables = [replace(folder / "table.csv", table.csv_text(run)), replace(folder / "table.md", table.markdown(run))]
    section = SECTIONS.get(run.task["name"])
    contents = {} if section is None else section.tables(run)
    for name in {file for each in SECTIONS.values() for file in each.files} - contents.keys():
        (folder / name).unlink(missing_ok=True)
    tables += [replace(folder / name, content) for name, content in contents.items()]
    plots = write_plots(run, folder / "plots") if plotted else []
    pictures = [path for name in (PICTURES, WORST) if (path := folder / name).is_file()]
    text = markdown_report.report(run, [path.relative_to(folder) for path in (*pictures, *plots)])
    explorer = model_explorer.write(html.read_operators(folder / LAYERS), folder)
    pages = html.write(run, folder, [*pictures, *plots])
    return [*tables, *plots, *explorer, replace(folder / "report.md", text), *pages, *model_card.write(run, folder)]
