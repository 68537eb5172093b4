"""Where a command's words go: ``--json`` and ``--quiet``, which mean the same for every command that has them."""

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import wraps
from typing import Any, TextIO

import click


@dataclass(frozen=True)
class Screen:
    """Standard output has the result, in words or as one JSON object; what is said beside it can be silenced."""

    as_json: bool = False
    quiet: bool = False
    out: TextIO | None = None
    """Standard output as it was, where it is kept for the result alone."""

    def line(self, text: str = "") -> None:
        """A line of the result in words."""
        if not self.as_json:
            click.echo(text, file=self.out)

    def remark(self, text: str) -> None:
        """What is good to know beside the result; on standard error where the result is JSON."""
        if not self.quiet:
            click.echo(text, err=self.as_json)

    def aside(self, text: str) -> None:
        """The same, always on standard error."""
        if not self.quiet:
            click.echo(text, err=True)

    def json(self, result: Any) -> None:
        """The result as a JSON object in one line."""
        if self.as_json:
            click.echo(json.dumps(result), file=self.out)

    def progress(self) -> Any:
        """What shows the progress of a long run."""
        from rich.console import Console

        from compress.progress import Progress

        return Progress(Console(highlight=False, soft_wrap=True, stderr=self.as_json, quiet=self.quiet))


def screen_options(
    json_help: str = "Print the result as one JSON object; all else goes to standard error.",
    quiet_help: str = "Print only the result and errors: no progress, no notes.",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--json`` and ``--quiet``; the command gets them as a ``Screen``, its argument ``screen``."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--json", "as_json", is_flag=True, help=json_help)
        @click.option("--quiet", "-q", is_flag=True, help=quiet_help)
        @wraps(command)
        def with_screen(*args: Any, as_json: bool, quiet: bool, **kwargs: Any) -> Any:
            out = sys.stdout
            # libraries print, too: that a file is being downloaded, say
            with redirect_stdout(sys.stderr) if as_json or quiet else nullcontext():
                return command(*args, screen=Screen(as_json, quiet, out), **kwargs)

        return with_screen

    return decorate
