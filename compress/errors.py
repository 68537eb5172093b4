"""Errors that are shown in one clear line: a mistake that the user can correct (exit code 2), and a failure (1)."""

import difflib
from collections.abc import Iterable, Sequence

MOST = 40  # names in a hint


class UserError(Exception):
    """A mistake that the user can correct; the message is one line and says how."""


class Failure(Exception):
    """Something failed although the command or call was correct; the message is one line."""


def first_line(error: BaseException) -> str:
    """An exception in one short line, for a message to a user."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 240 else text[:237] + "..."


def unknown(what: str, name: object, known: Iterable[str]) -> UserError:
    """The error for a name that is not in a registry: says the nearest names, or all of a short list.

    >>> print(unknown("model", "densnet121", ["densenet121", "resnet50"]))
    unknown model 'densnet121'; did you mean densenet121?
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name).lower(), names, n=3, cutoff=0.6)
    hint = (
        f"did you mean {' or '.join(near)}?"
        if near
        else f"known: {', '.join(names[:MOST])}{', ...' if len(names) > MOST else ''}"
    )
    return UserError(f"unknown {what} {name!r}; {hint}")


def few(names: Sequence[str]) -> str:
    """The first names of a list that may be long.

    >>> few(["cat", "dog"]), few("abcde")
    ('cat, dog', 'a, b, c, d, ...')
    """
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
