"""The tutorial: a notebook that is executed when the site is built, so that its outputs are those of this version."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

PATIENCE_S = 600
WRITTEN = re.compile(r'href=\\"(runs/[^"\\]+)\\"')  # in the notebook's JSON
PLAIN_TABLE = re.compile(r"<style scoped>.*?</style>\s*<table[^>]*>|<table[^>]*>", re.DOTALL)  # in the site's own style


def page(path: Path, executes: bool = True) -> tuple[str, dict[str, Any]]:
    """(the notebook as Markdown, its pictures and the files that it wrote and links to, by their names).

    Raises CellExecutionError for a cell that fails.
    """
    content = nbformat.read(path, as_version=4)
    linked: dict[str, bytes] = {}
    if executes:
        with tempfile.TemporaryDirectory() as folder:  # for what it writes
            client = NotebookClient(content, timeout=PATIENCE_S, resources={"metadata": {"path": folder}})
            client.execute(stderr=subprocess.DEVNULL)  # TensorFlow's own; what a cell says comes another way
            _as_read(content)
            linked = {name: (Path(folder) / name).read_bytes() for name in WRITTEN.findall(nbformat.writes(content))}
    text, resources = MarkdownExporter().from_notebook_node(
        content, resources={"unique_key": "tutorial", "output_files_dir": "pictures"}
    )
    return text, {**resources["outputs"], **linked}


def _as_read(notebook: Any) -> None:
    """Leaves out what TensorFlow says of itself, and tables' own style; joins lines of the progress, an output each."""
    for cell in notebook.cells:
        outputs: list[Any] = []
        for output in cell.get("outputs", []):
            if output.output_type == "display_data" and output.data.keys() <= {"text/plain", "text/html"}:
                output = nbformat.v4.new_output("stream", name="stdout", text=f"{output.data['text/plain'].rstrip()}\n")
            elif "text/html" in output.get("data", {}):
                output.data["text/html"] = PLAIN_TABLE.sub("<table>", output.data["text/html"])
            is_stream = output.output_type == "stream"
            if is_stream and output.name == "stderr":
                continue
            if is_stream and outputs and outputs[-1].output_type == "stream":
                outputs[-1].text += output.text
            else:
                outputs.append(output)
        if "outputs" in cell:
            cell.outputs = outputs
