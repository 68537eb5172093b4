"""The board's runner as one file, jetson.pyz, from the sources that are installed with the library."""

import shutil
import tempfile
import zipapp
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "runner"


def pack(folder: Path) -> Path:
    """Lays into ``folder`` all that goes to a board beside the models, and returns the zipapp in it.

    Equal sources give equal bytes but for their times.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        package = Path(name) / "jetson"
        package.mkdir()
        for source in SOURCES.glob("*.py"):
            shutil.copy(source, package)
        # the metrics are those of the library: one source for host and board
        shutil.copytree(SOURCES / "metrics", package / "metrics", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.move(str(package / "__main__.py"), name)
        zipapp.create_archive(name, folder / "jetson.pyz", "/usr/bin/env python3", compressed=True)
    for source in (SOURCES / "board").iterdir():
        shutil.copy(source, folder)
    return folder / "jetson.pyz"
