"""What a user can cause: one clear line, exit code 2."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend; its message is one line, shown without a traceback."""


def unknown(what: str, name: object, known: Iterable[str]) -> UserError:
    """The error for a name that is not in a registry: says the nearest names, or all of a short list.

    >>> print(unknown("model", "densnet121", ["densenet121", "resnet50"]))
    unknown model 'densnet121'; did you mean densenet121?
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name).lower(), names, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    return UserError(f"unknown {what} {name!r}; {hint}")
