"""A pipeline file with comments, written for a user's own data and network."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from compress import config
from compress.datasets import DATASETS, DatasetConfig, meant_by
from compress.datasets.folder import image_files
from compress.errors import UserError, unknown
from compress.models import MODELS, peek
from compress.pipeline.load_pipeline import PRESETS

SIDES = (32, 48, 64, 96, 128, 160, 192, 224)  # pixels; what networks of images are usually made for
LOOKED_AT = 200  # image files whose size is read
COLUMN = 34  # where comments begin
DEFAULT_SHARE = 0.5  # of the latency, where channels are to be removed

COMMENTS = {
    "saved_model": "a .keras or .h5 file, or the folder of a SavedModel",
    "model": "any network of keras.applications, or resnet20, mobilenetv2, ...",
    "epochs": "passes over the training images; more for larger data",
    "learning_rate": "of the first step; it falls to 0 along a cosine",
    "batch_norm_momentum": "0.9 suits short trainings",
    "final_sparsity": "the share of the convolutions' weights that become zero",
    "latency": "the share of the latency that is to be left; measured on this machine",
    "teachers": "what the network learns from",
    "method": "the teacher's answers count for 0.9 of the loss, the labels for the rest",
}
SIZE = "the side of the images in pixels, or [height, width]"
PURPOSES = {
    "load": "The network as it is: its accuracy is the first row of the table.",
    "train": "The network is trained on the labels.",
    "distill": "The network learns from its teacher, and from the labels.",
    "narrow": "Channels that matter least for the time that they cost are removed: this makes it faster.",
    "prune": "The smallest weights become zeros while the network trains on: this makes the file smaller.",
    "quantize": "The network learns to compute in int8: a quarter of the size, and faster.",
    "export": "The .tflite is written, run on the test images and compared with the network.",
}


@dataclass(frozen=True)
class Wanted:
    """What a pipeline is to be made for; None and "" are what the user does not say."""

    data: str
    """A folder, a file or a data set's name."""
    network: str
    """A name of the registry, or the path of a network of the user's own."""
    trained: bool = False
    """Whether the network is taken as it is."""
    teacher: str = ""
    narrow: float | None = None
    """The share of the latency that is to be left."""
    size: int | None = None
    pixels: str = ""


def draft(wanted: Wanted, file: str, found: tuple[str, ...] = ()) -> str:
    """The text of the file, called ``file``; ``found`` is what is known of the network, a line each.

    Raises UserError for a name that nothing is called by, and for wishes that exclude one another.
    """
    name, path = meant_by(wanted.data)
    if name not in DATASETS:
        raise unknown("data set, and no file or folder", wanted.data, DATASETS)
    for called in filter(None, (wanted.network, wanted.teacher)):
        if called not in MODELS and not Path(called).exists():
            raise unknown("network", called, MODELS)
    if wanted.trained and (wanted.network in MODELS or wanted.teacher):
        raise UserError("a network that is used as it is (trained) needs a path, and cannot have a teacher")
    recipe = "default-trained" if wanted.trained else "default-distilled" if wanted.teacher else "default"
    shipped = config.read_toml(PRESETS / f"{recipe}.toml")
    head = [
        f"# jetslim check {file}      what it would do, how long it takes, and whether anything is wrong",
        f"# jetslim run {file}",
    ]
    head += [f"# {line}" for line in found]
    parts = ["\n".join(head), _data(wanted, name, path, DATASETS[name], shipped["data"].get("size"))]
    networks = {"loaded": wanted.network, "trained": wanted.network, "teacher": wanted.teacher}
    explained: set[str] = set()
    for stage in shipped["stage"]:
        network = networks.get(stage["name"])
        put_in = {} if network is None else {"model" if network in MODELS else "saved_model": network}
        asked = {"latency": wanted.narrow or DEFAULT_SHARE} if stage.pop("optional", False) else {}
        first = {key: stage.pop(key) for key in ("name", "kind")}
        text = _stage({**first, **put_in, **asked, **stage}, explained)
        parts.append(_hidden(text) if asked and wanted.narrow is None else text)
    return "\n\n".join(parts) + "\n"


def _data(wanted: Wanted, name: str, path: str | None, kind: type[DatasetConfig], usual: int | None) -> str:
    given: dict[str, tuple[Any, str]] = {"name": (name, "")}
    if path is not None:
        given["path"] = (path, "")
    own_shape = peek.input_shape(wanted.network) if wanted.network not in MODELS else None
    if wanted.size is not None:
        given["size"] = (wanted.size, SIZE)
    elif own_shape is None and kind.size == DatasetConfig.size and not kind.HAS_OWN_SHAPE:
        given["size"] = (usual or kind.size, SIZE) if path is None else _side(Path(path))
    if wanted.pixels:
        given["pixels"] = (wanted.pixels, "which numbers the network expects for the pixels")
    lines = [_line(key, value, comment) for key, (value, comment) in given.items()]
    if "augmentation" in {field.name for field in fields(kind)} and path is not None:  # type: ignore[arg-type]
        lines.append("# augmentation = { crop_padding = 4, flip = true }   # where a mirrored image means the same")
    return "\n".join(["[data]", *lines])


def _side(path: Path) -> tuple[int, str]:
    """(the side that suits the images below a folder, why)."""
    from PIL import Image

    files = image_files(path)
    sizes = []
    for file in files[:: max(1, len(files) // LOOKED_AT)]:
        try:
            with Image.open(file) as image:
                sizes.append(image.size)
        except Exception:  # whatever a damaged file raises: reading the data names it
            continue
    if not sizes:
        return SIDES[3], SIZE
    width, height = (round(statistics.median(side)) for side in zip(*sizes, strict=True))
    side = max((side for side in SIDES if side <= min(width, height)), default=SIDES[0])
    return side, f"pixels a side; the files have {width}x{height} (the median); a smaller size trains faster"


def _stage(fields: Mapping[str, Any], explained: set[str]) -> str:
    """The table of a stage; what was ``explained`` in one before is not explained again."""
    lines = [_line(key, value, "" if key in explained else COMMENTS.get(key, "")) for key, value in fields.items()]
    explained |= fields.keys()
    return "\n".join([f"# {PURPOSES[fields['kind']]}", "[[stage]]", *lines])


def _hidden(text: str) -> str:
    """The lines of a stage as comments."""
    purpose, *lines = text.splitlines()
    return "\n".join([f"{purpose} Not done, until you take the # away.", *(f"# {line}" for line in lines)])


def _line(key: str, value: Any, comment: str) -> str:
    text = f"{key} = {config.as_toml(value)}"
    if comment and len(text) > COLUMN:
        return f"# {comment}\n{text}"
    return f"{text:<{COLUMN}} # {comment}" if comment else text
