"""The folder that was copied to the board: a manifest, and files that must be what it says."""

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from jetson.errors import UserError

MANIFEST, SCHEMA = "manifest.json", "jetslim-bundle/3"


class Target(NamedTuple):
    """One model to be measured; ``sha256`` and ``size`` are what a manifest promised, or what was found at first."""

    file: str
    path: Path
    sha256: str
    size: int
    role: Optional[str] = None
    precision: Optional[str] = None
    expected: Optional[Dict[str, List[Any]]] = None
    """Outputs by name of the first images of the test set."""
    tolerance: Dict[str, Any] = {}  # noqa: RUF012 (a NamedTuple has no default_factory)
    host_score: Optional[float] = None
    sides: Optional[List[int]] = None
    """Of an example, for a model that leaves them open: height and width of the images of the bundle."""

    def promised(self) -> Dict[str, Any]:
        """What a worker needs to load this model and no other."""
        return {"path": str(self.path), "sha256": self.sha256, "size": self.size}


class Bundle(NamedTuple):
    """What is measured; of a bare .tflite only ``targets``."""

    targets: List[Target]
    manifest: Optional[Dict[str, Any]] = None
    manifest_sha256: Optional[str] = None
    testset: Optional[Path] = None
    testset_sha256: Optional[str] = None


def sha256_of(path: Path) -> str:
    """Hexadecimal, of the file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def open_target(path: Path) -> Bundle:
    """A .tflite, alone or of the bundle that it lies in, or a bundle's folder.

    Raises UserError for anything else, and for a damaged bundle."""
    if path.is_dir():
        return read_bundle(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist")
    if (path.parent / MANIFEST).is_file():
        whole = read_bundle(path.parent)
        known = [target for target in whole.targets if target.file == path.name]
        if known:
            return whole._replace(targets=known)
    return Bundle([Target(path.name, path, sha256_of(path), path.stat().st_size)])


def read_bundle(folder: Path) -> Bundle:
    """The bundle in ``folder``; every file's size and hash is compared with the manifest."""
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"{folder} is not a bundle: it has no {MANIFEST}")
    content = path.read_bytes()
    try:
        manifest = json.loads(content.decode())
        if manifest.get("schema") != SCHEMA:
            raise UserError(
                "{}: the schema {!r} is unknown to this runner, which reads {}".format(
                    path, manifest.get("schema"), SCHEMA
                )
            )
        for name, facts in manifest["files"].items():
            _verify(folder, name, facts)
        files = manifest["files"]
        targets = [
            Target(
                model["file"],
                folder / model["file"],
                files[model["file"]]["sha256"],
                files[model["file"]]["bytes"],
                model["role"],
                model["precision"],
                model["expected"],
                dict(model["tolerance"]),
                model.get("score"),
                manifest.get("preprocessing", {}).get("resize"),
            )
            for model in manifest["models"]
        ]
        testset = manifest["testset"]["file"]
        return Bundle(
            targets, manifest, hashlib.sha256(content).hexdigest(), folder / testset, files[testset]["sha256"]
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error!r}): copy the bundle again") from error


def _verify(folder: Path, name: str, facts: Dict[str, Any]) -> None:
    if Path(name).name != name:
        raise UserError(f"the manifest names {name!r}, which is not a plain file name")
    path = folder / name
    if not path.is_file():
        raise UserError(f"{path} is missing: copy the bundle again")
    if path.stat().st_size != facts["bytes"]:
        raise UserError(
            "{} has {} bytes, but the manifest says {}: copy it again".format(path, path.stat().st_size, facts["bytes"])
        )
    if sha256_of(path) != facts["sha256"]:
        raise UserError(f"{path} is not the file of the manifest (its sha256 differs): copy it again")
