"""What mkdocs calls while it builds the site: generated parts, the executed notebook, plots, the list of decisions."""

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from docs.generate import notebook, words  # noqa: E402
from docs.generate.parts import with_parts  # noqa: E402

executes = True


def on_startup(command: str, dirty: bool) -> None:
    """A draft (``mkdocs serve``, ``mkdocs build --dirty``) shows the notebook without running it."""
    global executes
    executes = command == "build" and not dirty


def on_config(config: Any) -> Any:
    """Lists the decisions behind the page about them."""
    for entry in config.nav:
        if list(entry) == ["Decisions"]:
            pages = [{words.title(path): f"decisions/{path.name}"} for path in sorted(words.DECISIONS.glob("*.md"))]
            entry["Decisions"] = ["decisions.md", *pages]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds the tutorial, as it ran, and the plots of the results."""
    text, outputs = notebook.page(ROOT / "docs/shrink.ipynb", executes)
    files.append(File.generated(config, "tutorial.md", content=text))
    for name, content in outputs.items():
        files.append(File.generated(config, name, content=content))
    for plot in sorted((ROOT / "benchmarks/plots").glob("*.*g")):  # png and svg
        files.append(File.generated(config, f"plots/{plot.name}", abs_src_path=str(plot)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Puts generated parts in, and leads links to the notebook and to plots to where the site has them."""
    if page.file.src_uri != "tutorial.md":
        markdown = markdown.replace("shrink.ipynb)", "tutorial.md)")
    return with_parts(markdown).replace("](../benchmarks/plots/", "](plots/")
