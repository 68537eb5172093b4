"""Makes jetson.pyz, and lays beside it what else goes to a board: ``python jetson/host/pack.py FOLDER``."""

import shutil
import sys
import tempfile
import zipapp
from pathlib import Path

JETSON = Path(__file__).parents[1]


def pack(folder: Path) -> Path:
    """Fills ``folder`` and returns the zipapp in it; equal sources give equal bytes but for their times."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        package = Path(name) / "jetson"
        package.mkdir()
        for source in JETSON.glob("*.py"):
            shutil.copy(source, package)
        # the metrics are those of the library: one source for host and board
        shutil.copytree(JETSON / "metrics", package / "metrics", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.move(str(package / "__main__.py"), name)
        zipapp.create_archive(name, folder / "jetson.pyz", "/usr/bin/env python3", compressed=True)
    for source in (JETSON / "board").iterdir():
        shutil.copy(source, folder)
    return folder / "jetson.pyz"


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
