"""A grid: fields with several values each -> points, one for every combination. Knows no pipeline."""

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compress.config import value
from compress.errors import UserError

SEED = "seed"  # the one field that is in no table
LONGEST = 120  # bytes of a point's name, which is a folder's: file systems take 255
CLOSES = {"[": "]", "{": "}"}

Fields = Mapping[str, Sequence[str]]
"""Field ("stage.key") -> its values as settings have them: TOML, or bare words."""


@dataclass(frozen=True)
class Point:
    """One combination: what to change in the pipeline, and how it differs from the other points."""

    number: int
    name: str
    values: dict[str, Any]
    """The fields that are swept, each with its value here."""
    settings: tuple[str, ...]
    seed: int | None
    """None for the file's own."""


def split(text: str) -> list[str]:
    """The values in a setting's text: parted by commas, but not by those inside quotes, [] or {}.

    >>> split('0.5, 0.7'), split('[3, 5], [4]'), split('"a,b"')
    (['0.5', '0.7'], ['[3, 5]', '[4]'], ['"a,b"'])
    """
    parts: list[str] = []
    open_brackets: list[str] = []
    quote, start = "", 0
    for at, sign in enumerate(text):
        if quote:
            if sign == quote and not (quote == '"' and _escaped(text, at)):
                quote = ""
        elif sign in "\"'" and (
            open_brackets or not text[start:at].strip()
        ):  # not the one of a bare word, as in o'clock
            quote = sign
        elif sign in CLOSES:
            open_brackets.append(CLOSES[sign])
        elif open_brackets and sign == open_brackets[-1]:
            open_brackets.pop()
        elif sign == "," and not open_brackets:
            parts.append(text[start:at].strip())
            start = at + 1
    if quote or open_brackets:
        raise UserError(f"{text}: the closing {quote or open_brackets[-1]} is missing")
    parts.append(text[start:].strip())
    if not all(parts):
        raise UserError(f"{text}: a value is missing before or after a comma" if len(parts) > 1 else "it has no value")
    return parts


def given(settings: Sequence[str]) -> dict[str, list[str]]:
    """Fields of "stage.key=value,value" and "seed=0,1". Raises UserError for what is no such thing."""
    fields: dict[str, list[str]] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip()
        if not equals or not (name == SEED or "." in name):
            raise UserError(
                f"--set {setting!r}: write it as NAME.KEY=VALUE,VALUE, such as pruned.final_sparsity=0.5,0.9"
            )
        if name in fields:
            raise UserError(f"--set {name} is given twice: give all its values in one --set, separated by commas")
        try:
            fields[name] = split(text)
        except UserError as error:
            raise UserError(f"--set {name}: {error}") from error
    return fields


def points(fields: Fields) -> list[Point]:
    """Every combination of the values, the first field's changing last. Raises UserError for a value given twice."""
    for name, texts in fields.items():
        words = [_word(text) for text in texts]
        for word in words:
            if words.count(word) > 1:
                raise UserError(f"{name}: the value {word} is given twice")
    swept = [name for name, texts in fields.items() if len(texts) > 1]
    combinations = itertools.product(*fields.values())
    return [
        _point(number, dict(zip(fields, texts, strict=True)), swept) for number, texts in enumerate(combinations, 1)
    ]


def _point(number: int, chosen: dict[str, str], swept: Sequence[str]) -> Point:
    seed = chosen.get(SEED)
    return Point(
        number,
        _name([f"{name}={_word(chosen[name])}" for name in swept]),
        {name: value(chosen[name]) for name in swept},
        tuple(f"{name}={text}" for name, text in chosen.items() if name != SEED),
        None if seed is None else value(seed),
    )


def _name(parts: Sequence[str]) -> str:
    """The parts as a folder's name; what had to be changed or cut is told apart by a hash."""
    text = ",".join(parts)
    name = re.sub(r"[^\w.+=,-]+", "-", text)
    if name == text and len(text.encode()) <= LONGEST:
        return text
    cut = name.encode()[:LONGEST].decode(errors="ignore")
    return f"{cut}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def table_value(value: Any) -> Any:
    """A value as a table has it: numbers and words as they are, all else as JSON."""
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return json.dumps(value, default=str, separators=(",", ":"))


def _word(text: str) -> str:
    """A value in its shortest form: equal for values that are the same, however they were written."""
    return str(table_value(value(text)))


def _escaped(text: str, at: int) -> bool:
    before = text[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1
