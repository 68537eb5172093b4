"""The reference of pipeline files, from the classes that read them."""

import dataclasses
import json
import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import PlainValidator
from pydantic_core import PydanticUndefined

from compress.datasets import DATASETS, Augmentation
from compress.datasets.base import DatasetConfig, PixelScale
from compress.datasets.boxes import BoxesConfig
from compress.datasets.cifar import Cifar
from compress.datasets.cutout import Cutout
from compress.datasets.kernels import Adaptive, Fixed
from compress.datasets.mixup import Mixup
from compress.datasets.points import PointsConfig
from compress.datasets.rand_augment import RandAugment
from compress.datasets.read_pictures import PicturesConfig
from compress.datasets.resized_crop import ResizedCrop
from compress.distill import METHODS
from compress.pipeline.report_settings import Goals, ReportSettings
from compress.stages import STAGES, Stage
from compress.stages.network import NetworkStage
from compress.sweep.load_sweep import Resources
from compress.tasks import TASKS
from compress.tasks.losses import LABEL_LOSSES
from compress.training import Training
from docs.generate import descriptions

TITLES: dict[type, str] = {
    Stage: "Every stage",
    Training: "Stages that train",
    NetworkStage: "Stages that take a network",
    DatasetConfig: "All data",
    PicturesConfig: "Data of images of different sizes",
    PointsConfig: "Data of points",
    BoxesConfig: "Data of boxes",
    Cifar: "CIFAR-10 and CIFAR-100",
    Augmentation: "augmentation",
    ResizedCrop: "resized_crop",
    RandAugment: "rand_augment",
    Cutout: "cutout",
    Mixup: "mixup",
    PixelScale: "pixels",
    Resources: "Resources of a point",
    ReportSettings: "What the report shows",
    Goals: "goals",
}
"""What classes that are not chosen by a name are called."""

GROUPS: dict[str, tuple[type, ...]] = {
    "[data]": (DatasetConfig, PicturesConfig, PointsConfig, BoxesConfig, Cifar, *DATASETS.values()),
    "Tables in [data]": (Augmentation, ResizedCrop, RandAugment, Cutout, Mixup, PixelScale, Fixed, Adaptive),
    "[task]": tuple(TASKS.values()),
    "[[stage]]": (Stage, Training, NetworkStage, *STAGES.values()),
    "method": tuple(METHODS.values()),
    "label_loss": tuple(LABEL_LOSSES.values()),
    "[sweep]": (Resources,),
    "[report]": (ReportSettings, Goals),
}
CLASSES = tuple(dict.fromkeys(cls for group in GROUPS.values() for cls in group))


def page() -> str:
    """The whole reference, as Markdown."""
    parts = []
    for group, classes in GROUPS.items():
        parts.append(f"## {group}")
        parts += [_section(group, cls) for cls in classes]
    return "\n\n".join(parts)


def own_fields(cls: type) -> list[str]:
    """The fields that a class has of itself, the one that names it apart."""
    return [
        name
        for name, field in fields(cls).items()
        if descriptions.owner_of(cls, name) is cls
        and not _names_it(field.annotation)
        and (name, cls) != ("name", Cifar)
    ]


def fields(cls: Any) -> dict[str, Any]:
    """Name -> pydantic's facts of a field."""
    return dict(cls.__pydantic_fields__)


def name_of(cls: type) -> str:
    """The word of the registry by which a class is chosen; "" for one that is not."""
    return next((get_args(field.annotation)[0] for field in fields(cls).values() if _names_it(field.annotation)), "")


def title(group: str, cls: type) -> str:
    """What the class is called in the reference."""
    key = "kind" if issubclass(cls, Stage) else "name"
    return TITLES[cls] if cls in TITLES else f'{key} = "{name_of(cls)}"'


def anchor(group: str, cls: type) -> str:
    """By which other pages link to it."""
    words = f"{group} {TITLES.get(cls) or name_of(cls)}".lower()
    return "-".join("".join(letter if letter.isalnum() or letter == "_" else " " for letter in words).split())


def _section(group: str, cls: type) -> str:
    lines = [f"### {title(group, cls)} {{ #{anchor(group, cls)} }}", descriptions.of_class(cls)]
    inherited = [TITLES[base] for base in cls.__mro__[1:] if base in TITLES]
    own = own_fields(cls)
    if own:
        lines.append(table(cls, own))
    if inherited:
        links = ", ".join(f"[{TITLES[base]}](#{anchor(group, base)})" for base in cls.__mro__[1:] if base in TITLES)
        lines.append(f"{'Also' if own else 'It has'} the fields of: {links}.")
    elif not own:
        lines.append("It has no other field.")
    return "\n\n".join(line for line in lines if line)


def table(cls: type, names: Iterable[str]) -> str:
    """The fields of a class with what they may be, their defaults, and what they are."""
    said = descriptions.of_fields(cls)
    rows = ["| field | value | default | what it is |", "|---|---|---|---|"]
    for name in names:
        field = fields(cls)[name]
        cells = (f"`{name}`", kind(field.annotation, field.metadata), default(field), said.get(name, ""))
        rows.append("| " + " | ".join(descriptions.cell(text) for text in cells) + " |")
    return "\n".join(rows)


def default(field: Any) -> str:
    """As TOML has it; "needed" where there is none."""
    if field.default is PydanticUndefined:
        return "needed"
    return "none" if field.default in (None, ()) else f"`{_toml(field.default)}`"


def kind(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """What a field may be, in words: its type and range.

    >>> from compress.config import Fraction
    >>> kind(Fraction | None), kind(tuple[str, ...]), kind(Literal["adam", "sgd"])
    ('number, at least 0, less than 1', 'list of texts', '`"adam"` or `"sgd"`')
    """
    limits = list(metadata)
    if get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        limits += [limit for each in more for limit in getattr(each, "metadata", [each])]
    if any(isinstance(limit, PlainValidator) for limit in limits):
        return "side or [height, width], whole numbers of pixels, at least 8"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{json.dumps(value)}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(kind(member, limits) for member in arguments if member is not types.NoneType))
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is ...:
            return f"list of {_plural(kind(arguments[0]))}"
        return f"[{', '.join(kind(member).partition(',')[0] for member in arguments)}]{_common(arguments)}"
    if dataclasses.is_dataclass(annotation):
        word = name_of(annotation)  # type: ignore[arg-type]
        return f'`{{ name = "{word}", ... }}`' if word else "table"
    return ", ".join([WORDS.get(annotation, getattr(annotation, "__name__", str(annotation))), *map(_limit, limits)])


WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false"}
LIMITS = {Ge: "at least", Gt: "more than", Le: "at most", Lt: "less than"}


def _limit(limit: Any) -> str:
    field = {Ge: "ge", Gt: "gt", Le: "le", Lt: "lt"}
    if type(limit) in LIMITS:
        return f"{LIMITS[type(limit)]} {getattr(limit, field[type(limit)]):g}"
    return f"at least {limit.min_length} of them"


def _plural(words: str) -> str:
    first, comma, rest = words.partition(",")
    plural = first if first.startswith("[") else {"text": "texts"}.get(first, f"{first}s")
    return f"{plural}{comma}{rest}"


def _common(arguments: tuple[Any, ...]) -> str:
    """The range that all members of a tuple have."""
    ranges = {kind(member).partition(",")[2] for member in arguments}
    return f", each{ranges.pop()}" if len(ranges) == 1 and any(ranges) else ""


def _names_it(annotation: Any) -> bool:
    return get_origin(annotation) is Literal and len(get_args(annotation)) == 1 and get_args(annotation)[0] != "pad"


def _toml(value: Any) -> str:
    if dataclasses.is_dataclass(value):
        changed = {
            field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.name == "name"
        }
        return f"{{ {', '.join(f'{key} = {_toml(inner)}' for key, inner in changed.items())} }}" if changed else "{}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(round(value, 4) if isinstance(value, float) else value)
