"""What a terminal shows: commands under a pseudo-terminal, and the few control sequences that they write, carried out."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from pathlib import Path
from typing import Any

from tests.conftest import command, environment

HEIGHT, WIDTH = 24, 80
PARTS = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(\n)|(\r)|([^\x1b\n\r]+)")


def written(*arguments: Any, cwd: Path) -> str:
    """What ``jetslim`` writes to a terminal of HEIGHT lines and WIDTH columns; it must end well."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    size = {"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": str(HEIGHT)}
    process = subprocess.Popen(
        command(arguments), cwd=cwd, env=environment(**size), stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    content = b""
    try:
        while part := os.read(ours, 65536):
            content += part
    except OSError:  # how the end of a terminal is told on Linux
        pass
    finally:
        os.close(ours)
    text = content.decode()
    assert process.wait(60) == 0, text
    return text


def shown(text: str, width: int = WIDTH) -> list[str]:
    """The lines that stay on the screen, those apart that are empty. Raises ValueError for what it cannot carry out."""
    rows, row, column = [""], 0, 0
    position = 0
    for part in PARTS.finditer(text):
        if part.start() != position:
            break
        position = part.end()
        numbers, letter, new_line, carriage_return, words = part.groups()
        if new_line:
            row, column = row + 1, 0
        elif carriage_return:
            column = 0
        elif letter == "A":
            row -= int(numbers)
        elif letter == "K" and numbers == "2":
            rows[row] = ""
        elif letter is not None and letter != "m" and numbers != "?25":  # colours; the cursor, shown or not
            raise ValueError(f"what is {part[0]!r}?")
        for character in words or "":
            if column == width:
                row, column = row + 1, 0
            rows += [""] * (row + 1 - len(rows))
            rows[row] = rows[row][:column].ljust(column) + character + rows[row][column + 1 :]
            column += 1
        rows += [""] * (row + 1 - len(rows))
    if position != len(text):
        raise ValueError(f"what is {text[position : position + 20]!r}?")
    return [line.rstrip() for line in rows if line.strip()]
