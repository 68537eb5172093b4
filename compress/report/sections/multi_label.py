"""Each class by itself: how well its images are told from the others."""

from compress.report.format import markdown_table, percent
from compress.report.sections.section import Section
from compress.results import Run

MOST_CLASSES = 100


def markdown(run: Run) -> str:
    """A row a class, of the last stage; "" where it recorded none."""
    classes = run.stages[-1].details.get("classes") if run.stages else None
    if not classes:
        return ""
    names = (run.data.label_names or list(map(str, range(len(classes["images"])))))[:MOST_CLASSES]
    columns = (classes[key] for key in ("images", "average_precision", "precision", "recall"))
    lines = [
        [name, f"{images:,}", *("" if value is None else percent(value) for value in values)]
        for name, images, *values in zip(names, *columns, strict=False)
    ]
    table = markdown_table(("class", "images", "average precision", "precision at 0.5", "recall at 0.5"), lines)
    return f"{table}\nMeasured for `{run.stages[-1].name}` on the test images.\n"


SECTION = Section("Classes", markdown)
