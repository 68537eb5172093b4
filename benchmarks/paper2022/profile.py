"""A profile: with which networks, data, epochs, rates and seeds the tables are made. Data, in a TOML file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatch
from itertools import product
from pathlib import Path
from typing import Any

from compress import config
from compress.config import Raw
from compress.datasets import DatasetConfig
from compress.errors import UserError, unknown
from compress.models import MODELS
from compress.pipeline import Pipeline, read_pipeline
from compress.sweep import grid
from compress.sweep.load_sweep import as_toml
from compress.training import Training

HERE = Path(__file__).parent
SHIPPED = HERE / "cpu.toml"
TABLES = ("3", "4", "5", "6", "7", "8", "recipe")
PARTS = (*TABLES, "sizes", "latency", "epochs")
OF_ANY_NETWORK = ("3", "4", "5", "6", "7", "8", "latency")
"""What a profile without ``tables`` gets: "recipe" and "epochs" have networks and data of their own, and "sizes" needs
networks by name."""
LEARNERS = {"teacher": "teacher", "student": "student", "distilled": "student"}
"""Stage -> which of the two networks is put into it."""


@config.config
class Networks:
    """Each the name of a network, or the path of one of the user's own."""

    teacher: str
    student: str

    def __post_init__(self) -> None:
        for name in (self.teacher, self.student):
            if name not in MODELS and not Path(name).exists():
                raise ValueError(unknown("network", name, MODELS))


@config.config
class Profile:
    """What a profile's file says.

    ``seeds`` are those of a table without seeds of its own in ``seeds_of``. ``training``: tables with a list
    ``stages`` of names or patterns, and what is set in those stages; a later one goes before an earlier one.
    ``points``: table -> field -> values, in place of the table's own. ``sides``: of the images for which latency is
    measured; the data's own alone if it is not given. The table "recipe" has its own networks, data and epochs.
    """

    tables: tuple[str, ...] = OF_ANY_NETWORK
    seeds: tuple[int, ...] = (0,)
    seeds_of: dict[str, tuple[int, ...]] = field(default_factory=dict)
    networks: Networks
    data: dict[str, Any] = field(default_factory=dict)
    training: tuple[dict[str, Any], ...] = ()
    points: dict[str, dict[str, tuple[Any, ...]]] = field(default_factory=dict)
    sides: tuple[config.Count, ...] = ()

    def __post_init__(self) -> None:
        for name in self.tables:
            if name not in PARTS:
                raise ValueError(unknown("table", name, PARTS))
        for key, of_tables in (("seeds_of", self.seeds_of), ("points", self.points)):
            for name in of_tables:
                if name not in TABLES:
                    raise ValueError(f"{key}: {unknown('table', name, TABLES)}")
                if name not in self.tables:
                    raise ValueError(
                        f"{key} has values for table {name}, which is not in tables: add it, or remove them"
                    )
        if not all((self.seeds, *self.seeds_of.values())):
            raise ValueError("a list of seeds is empty")
        for table in self.training:
            names = table.get("stages")
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise ValueError("[[training]] needs stages, a list of names or patterns")
            if "final_sparsity" in table:
                raise ValueError("the tables say how many zeros there are: [points] has those of tables 3, 6 and 7")

    def seeds_for(self, table: str) -> tuple[int, ...]:
        """The seeds with which a table is made."""
        return self.seeds_of.get(table, self.seeds)


@dataclass(frozen=True)
class Point:
    """One run: a table's pipeline with one seed, and one combination of what the table sweeps."""

    table: str
    name: str
    """What its result is called, without an ending."""
    seed: int
    settings: tuple[str, ...]

    @property
    def file(self) -> Path:
        """The table's pipeline."""
        return file_of(self.table)

    def pipeline(self) -> Pipeline:
        """Read and checked. Raises UserError for what the profile puts in and cannot be."""
        return read_pipeline(str(self.file), self.settings, self.seed)


def read(path: Path) -> Profile:
    """The profile in a TOML file. Raises UserError, in one line, for a mistake in it."""
    profile = config.parse(Profile, config.read_toml(path), path.name)
    names = {stage["name"] for table in TABLES if table != "recipe" for stage in _raw(table)["stage"]}
    for table in profile.training:
        for pattern in table["stages"]:
            if not any(fnmatch(name, pattern) for name in names):
                raise UserError(f"{path.name}, [[training]]: {unknown('stage', pattern, names)}")
    for name in TABLES:
        points(profile, name, 0)
    return profile


def check_alike(pipeline: Pipeline) -> None:
    """Raises UserError where stages that a table compares as trained for as long at the same rates are not: the student
    by itself and the distilled one, and all later stages, of which some are controls."""
    trained = [stage for stage in pipeline.stages if isinstance(stage, Training) and stage.trains]
    students = [stage for stage in trained if stage.name in ("student", "distilled")]
    later = [stage for stage in trained if stage.name not in LEARNERS]
    for first, *others in filter(None, (students, later)):
        for other, each in product(others, fields(Training)):
            one, another = getattr(first, each.name), getattr(other, each.name)
            if one != another:
                raise UserError(
                    f"{each.name} is {one} for {first.name} and {another} for {other.name}, "
                    "but the table compares them as trained alike: give both the same under [[training]]"
                )


def data_of(profile: Profile) -> DatasetConfig:
    """The data as the profile's networks read them, whatever it says, or does not say, of training."""
    short = replace(profile, training=({"stages": ["*"], "epochs": 1},))
    return read_pipeline(str(file_of("3")), settings(short, _raw("3"))).data


def points(profile: Profile, table: str, seed: int) -> list[Point]:
    """The runs of which the table consists. Raises UserError for points of fields that it does not sweep.

    The name of a point says its values, also where there is only one: another value is another result.
    """
    raw = _raw(table)
    own = [] if table == "recipe" else settings(profile, raw)
    swept = _swept(raw)
    for name, values in profile.points.get(table, {}).items():
        if not swept:
            raise UserError(f"[points.{table}]: table {table} has no field with several values: remove {name}")
        if name not in swept:
            raise UserError(f"[points.{table}]: {unknown('field', name, swept)}")
        if not values:
            raise UserError(f"[points.{table}]: {name} has no values")
        swept[name] = [as_toml(value) for value in values]
    own = [text for text in own if text.partition("=")[0] not in swept]  # what is swept is not the profile's to set
    return [
        Point(table, "-".join(["table", table, *_values(point), f"seed{seed}"]), seed, (*own, *point.settings))
        for point in grid.points(swept)
    ]


def _values(point: grid.Point) -> list[str]:
    """The part of a result's name that says the values of what is swept; none of a table that sweeps nothing."""
    fields = [text.partition("=") for text in point.settings]
    words = [f"{name}={grid.table_value(config.value(value))}" for name, _, value in fields]
    return [",".join(words)] if words else []


def _swept(raw: Raw) -> dict[str, list[str]]:
    """Field -> its values, as the [sweep] table of a pipeline has them."""
    lists: dict[str, list[str]] = {}
    for stage, own in raw.get("sweep", {}).items():
        for name, values in _leaves(own, stage):
            lists[name] = [as_toml(value) for value in values]
    return lists


def settings(profile: Profile, raw: Raw) -> list[str]:
    """What the profile sets in a table's pipeline, as ``--set`` has it."""
    own = _assignments(profile.data, "data")
    for stage in raw["stage"]:
        name = stage["name"]
        if name in LEARNERS:
            network = getattr(profile.networks, LEARNERS[name])
            own.append(f"{name}.{'model' if network in MODELS else 'saved_model'}={as_toml(network)}")
        chosen: dict[str, str] = {}
        for table in profile.training:
            if any(fnmatch(name, pattern) for pattern in table["stages"]):
                values = {key: value for key, value in table.items() if key != "stages"}
                chosen |= {text.partition("=")[0]: text for text in _assignments(values, name)}
        own += chosen.values()
    return own


def _assignments(values: Mapping[str, Any], prefix: str) -> list[str]:
    return [f"{name}={as_toml(value)}" for name, value in _leaves(values, prefix)]


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}.{key}")
        else:
            yield f"{prefix}.{key}", value


def file_of(table: str) -> Path:
    """The pipeline of a table."""
    return HERE / (f"table{table}.toml" if table != "recipe" else "recipe.toml")


def _raw(table: str) -> Raw:
    return config.read_toml(file_of(table))
