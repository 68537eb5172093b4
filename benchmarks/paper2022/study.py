"""What a call is for: which runs and which latency results, of which data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks import run_study
from benchmarks.paper2022 import latency
from benchmarks.paper2022.profile import TABLES, Point, Profile, data_of, points
from benchmarks.paper2022.today import is_of
from compress.datasets import Dataset
from compress.errors import UserError


@dataclass(frozen=True)
class Study:
    """Parts of a profile; ``seeds`` go before the profile's own, None for those."""

    profile: Profile
    parts: Sequence[str]
    seeds: Sequence[int] | None = None
    data_dir: Path | None = None

    def seeds_for(self, table: str) -> Sequence[int]:
        """Those with which a table is made."""
        return self.profile.seeds_for(table) if self.seeds is None else self.seeds

    @cached_property
    def points(self) -> list[Point]:
        """All runs of the tables among the parts."""
        tables = [part for part in self.parts if part in TABLES]
        return [
            point for table in tables for seed in self.seeds_for(table) for point in points(self.profile, table, seed)
        ]

    @cached_property
    def dataset(self) -> Dataset:
        """The profile's data."""
        return run_study.dataset(data_of(self.profile), self.data_dir)

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Table -> the fingerprint of its data, where this call trains on them; all but the recipe have the same."""
        read: dict[str, str] = {}
        for point in self.points:
            alike = ("recipe",) if point.table == "recipe" else TABLES[: TABLES.index("recipe")]
            if point.table not in read:
                data = run_study.dataset(point.pipeline().data, self.data_dir)
                read |= dict.fromkeys(alike, data.fingerprint)
        return read

    def is_there(self, point: Point, kept: Mapping[str, Any]) -> bool:
        """Whether the point's result is among those that are kept, and of today's profile and data."""
        return is_of(kept.get(point.name), point, self.fingerprints.get(point.table))

    def turns(self, kept: Mapping[str, Any]) -> list[latency.Turns]:
        """The latency results: of the runs that this call makes, or that are there. Raises UserError for none."""
        if "latency" not in self.parts:
            return []
        seeds = {
            table: [
                seed
                for seed in self.seeds_for(table)
                if table in self.parts or self.is_there(points(self.profile, table, seed)[0], kept)
            ]
            for table in latency.TIMED
        }
        if not any(seeds.values()):
            raise UserError(
                "latency is of the networks that table 8 and the recipe leave, and none is there: name one of the two "
                "in tables, too, or leave latency out"
            )
        sides = (self.profile.sides or latency.own_side(self.dataset.shape)) if seeds["8"] else ()
        return latency.wanted(seeds, sides)
