"""What a section consists of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compress.results import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Section:
    """Functions of a run.

    ``tables`` gives file names and their contents, none where the run recorded nothing; ``markdown`` what stands in the
    report below the ``title``, "" for nothing; ``plots`` are by name: each gives a figure or None, and has a caption.
    """

    title: str
    markdown: Callable[[Run], str]
    tables: Callable[[Run], Mapping[str, str]] = lambda run: {}
    plots: Mapping[str, Callable[[Run], "Figure | None"]] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    """All that ``tables`` may give: an earlier run's go where there is nothing now."""
