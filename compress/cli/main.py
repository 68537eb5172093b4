"""``jetslim``: the group of commands, and how it ends: exit codes, one-line errors, Ctrl-C."""

import errno
import os
import signal
import sys
import threading
import time
from pathlib import Path

import click

from compress import __version__
from compress.errors import Failure, UserError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_SPACE_WORDS = ("No space left on device", "Disk quota exceeded", "File too large")
_SCREEN = os.dup(2)
_STOPPING = threading.Lock()
_ASKED = threading.Event()  # by Ctrl-C
DOCS = Path(__file__).parents[1] / "docs"  # the repository's docs/, also in an installed wheel
PATIENCE_S = 6.0  # how long C++ code (a trace, a conversion) may hold up a Ctrl-C


class InOrder(click.Group):
    """Lists its commands in the order in which one needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
    epilog=f"\b\nDocumentation, in Markdown:\n  {DOCS / 'index.md'}",
)
@click.version_option(__version__, prog_name="jetslim")
@click.pass_context
def cli(context: click.Context) -> None:
    """Makes the smallest, fastest int8 .tflite of a Keras network that keeps its accuracy.

    \b
    Examples:
      See what it does, in 2 or 3 minutes:       jetslim run tiny
      Make a trained network of yours small:     jetslim shrink net.keras --data photos
      Write a pipeline of your own, and run it:  jetslim new my.toml, then jetslim run my.toml
      Know before anything is trained:           jetslim check my.toml, or jetslim inspect net.keras
      Find where accuracy went:                  jetslim compare runs/my/1-loaded runs/my/4-exported
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def commands() -> list[click.Command]:
    """Every command of the group."""
    from compress.cli import (
        bundle,
        compare,
        completion,
        evaluate,
        export,
        inspect,
        new,
        predict,
        run,
        shrink,
        store,
        sweep,
    )

    making = [new.new, run.check, run.run, shrink.shrink, sweep.sweep, inspect.inspect, export.export, bundle.bundle]
    judging = [evaluate.evaluate, compare.compare, predict.predict]
    return [*making, *judging, store.store, completion.completion]


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and exits: 0, or 1 for a fault of ours, 2 for what the user can mend, 130 for Ctrl-C."""
    for command in commands():
        cli.add_command(command)
    _end_soon_after_ctrl_c()
    try:
        try:
            cli.main(arguments, prog_name="jetslim", standalone_mode=False)
        finally:
            if _ASKED.is_set():  # whatever the interrupt became: an import that is broken off can raise any error
                _stopped()
    except click.exceptions.Abort:  # click's word for a "no" at a prompt
        _fail("nothing was done", 1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        _fail(str(error))
    except Failure as error:
        _fail(str(error), 1)
    except BrokenPipeError:  # the reader of a pipe, such as head, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if _is_disk_full(error):
            _fail(
                "the disk is full (or a file size limit was hit): finished stages are kept; free some space "
                "(`jetslim store list` says what the store holds) and run the same command again"
            )
        if isinstance(error, PermissionError | NotADirectoryError | FileExistsError | IsADirectoryError):
            _fail(f"cannot use {error.filename}: {error.strerror}")
        raise


def _fail(message: str, code: int = 2) -> None:
    click.echo(f"Error: {' '.join(message.split())}", err=True)
    sys.exit(code)


def _stopped() -> None:
    if not _STOPPING.acquire(blocking=False):
        time.sleep(PATIENCE_S)  # another thread is saying it and will end the process
    # to a descriptor of our own: standard error may be put aside just now (compress.quiet)
    show_cursor = "\x1b[?25h" if os.isatty(_SCREEN) else ""
    text = "\nStopped. Finished stages are kept: run the same command again to go on where it was.\n"
    os.write(_SCREEN, (show_cursor + text).encode())
    sys.stdout.flush()
    os._exit(130)  # not sys.exit: threads of TensorFlow may be busy for long


def _end_soon_after_ctrl_c() -> None:
    """The first Ctrl-C raises KeyboardInterrupt; if C++ code keeps Python from seeing it, a thread ends the process.

    What is on disk stays whole: a kill at any moment is safe.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)

    def watch() -> None:
        while os.read(read_end, 1) != bytes([signal.SIGINT]):
            pass
        time.sleep(PATIENCE_S)
        _stopped()

    threading.Thread(target=watch, daemon=True, name="ctrl-c").start()
    signal.signal(signal.SIGINT, _interrupt)


def _interrupt(*_: object) -> None:
    _ASKED.set()
    raise KeyboardInterrupt


def _is_disk_full(error: BaseException | None) -> bool:
    """Whether a full disk is behind the error: as an OSError, or in the words of TensorFlow's own writers."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            return True
        if any(words in str(error) for words in NO_SPACE_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
