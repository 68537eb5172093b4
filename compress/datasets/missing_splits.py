"""The splits that a data set of a user's lacks: held out of its training examples, in every run the same ones."""

from collections.abc import Mapping, Sequence

import numpy as np

from compress.datasets.base import TEST_FRACTION, TEST_SEED, VALIDATION_FRACTION, VALIDATION_SEED
from compress.datasets.splits import hold_out
from compress.targets import Targets

HELD_OUT = {"test": (TEST_FRACTION, TEST_SEED), "validation": (VALIDATION_FRACTION, VALIDATION_SEED)}


def held_out_rows(given: Mapping[str, Targets], label_names: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Split -> rows of the given training examples, int64 and sorted: of "train" those that stay, then of each of
    "test" and "validation" that is not given those that are held out for it; empty where all are given.

    Raises UserError as ``hold_out`` does.
    """
    train, held_out = np.arange(len(given["train"])), {}
    for split, (fraction, seed) in HELD_OUT.items():
        if split not in given:
            stay, held = hold_out(given["train"].take(train), fraction, seed, label_names)
            train, held_out[split] = train[stay], train[held]
    return {"train": train, **held_out} if held_out else {}


def split_notes(held_out: Mapping[str, np.ndarray], there_is_no: str, source: str, examples: str) -> list[str]:
    """A line for each split of ``held_out_rows``, such as "no test/ folder: a seeded 20% split of train/ (6 images)".

    ``there_is_no``: what the data lack, with "{}" for the split's name, such as "{}/ folder".
    """
    return [
        f"no {there_is_no.format(split)}: a seeded {fraction:.0%} split of {source} ({len(held_out[split])} {examples})"
        for split, (fraction, _) in HELD_OUT.items()
        if split in held_out
    ]
