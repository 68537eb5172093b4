"""README.md in the folder of an exported file: a model card as the Hugging Face Hub reads it, of measurements alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compress.artifacts.files import replace
from compress.report.model_card import sections
from compress.report.model_card.metadata import metadata
from compress.results import CARD, Run, StageResult

__all__ = ["card", "stages_before", "write"]


def write(run: Run, folder: Path) -> list[Path]:
    """Writes a card beside each file that a stage of the run exported, in ``folder``/<number>-<stage>; the paths."""
    written = []
    for number, stage in enumerate(run.stages, start=1):
        entry = folder / f"{number}-{stage.name}"
        if (entry / "model.json").is_file() and not entry.is_symlink():  # a link leads into the store
            written.append(replace(entry / CARD, card(run, stage, json.loads((entry / "model.json").read_text()))))
    return written


def card(run: Run, stage: StageResult, told: Mapping[str, Any]) -> str:
    """The whole card in Markdown, with its metadata in front, of the file that ``stage`` exported.

    ``told`` is what the model.json beside the file says.
    """
    import yaml

    before = stages_before(run, stage)
    front = yaml.safe_dump(metadata(run, stage, before, told), sort_keys=False, allow_unicode=True)
    parts = (
        sections.opening(run, stage, told),
        sections.usage(told),
        sections.ends(told),
        sections.measured(run, stage, before),
        sections.made(run, stage, before),
        sections.not_measured(run, stage),
        sections.provenance(run, stage, told),
    )
    return f"---\n{front}---\n\n" + "\n\n".join(part.strip() for part in parts) + "\n"


def stages_before(run: Run, stage: StageResult) -> list[StageResult]:
    """The stages that ``stage`` was made of, in order, teachers among them; all that ran earlier where results of
    another time do not say what a stage read."""
    earlier = run.stages[: run.stages.index(stage)]
    wanted = set(stage.reads if stage.reads is not None else (other.name for other in earlier))
    before = []
    for other in reversed(earlier):
        if other.name in wanted:
            before.append(other)
            wanted |= set(other.reads or ())
    return before[::-1]
