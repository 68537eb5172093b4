"""Measures a bundle on a board over the system's OpenSSH: ``python -m jetson.host.remote user@xavier BUNDLE``.

Copies what the board does not have yet, installs an interpreter into a venv there, verifies, runs, fetches the result.
Every step can be interrupted and done again. Nothing is written on the board outside the bundle's folder.
"""

import argparse
import hashlib
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from jetson.result import seal, write

HOST_KEY_CHANGED = "REMOTE HOST IDENTIFICATION HAS CHANGED"
# JetPack's release of L4T -> (Python, requirements) that load there, the fastest first
INSTALLS = {
    "32": [("python3.8", "requirements-jetpack4.txt")],
    "34": [("python3.9", "requirements-jetpack5.txt"), ("python3.8", "requirements-jetpack5-python3.8.txt")],
    "35": [("python3.9", "requirements-jetpack5.txt"), ("python3.8", "requirements-jetpack5-python3.8.txt")],
    "36": [("python3.10", "requirements-jetpack6.txt")],
    "38": [("python3.12", "requirements-jetpack7.txt")],
}
# the pip of older systems' venvs knows no wheels of today; nothing may be left outside the folder
PIP = "venv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir"
OTHER = [(f"python3.{minor}", "requirements-jetpack7.txt") for minor in (12, 11, 10)]


class RemoteError(Exception):
    """What went wrong, in one line."""


class Board:
    """A folder on a machine that ssh reaches; one connection serves all commands."""

    def __init__(self, host: str, folder: str, options: list[str], sockets: str) -> None:
        if host.startswith("-"):
            raise RemoteError(f"{host!r} is not the name of a host")
        shared = ["-o", "ControlMaster=auto", "-o", f"ControlPath={sockets}/%C", "-o", "ControlPersist=30"]
        self._ssh = [
            "ssh",
            *_strict(host, options),
            *options,
            *shared,
            "-o",
            "ServerAliveInterval=10",
            "-o",
            "ServerAliveCountMax=3",
            host,
        ]
        self.host, self.folder = host, folder

    def run(self, script: str, stdin: bytes | None = None, show: bool = False, check: bool = True) -> tuple[int, str]:
        """(exit status, output) of a shell script in the folder; with ``show`` its errors appear as they come."""
        script = f"mkdir -p -- {shlex.quote(self.folder)} && cd -- {shlex.quote(self.folder)} || exit 1\n{script}"
        process = subprocess.run(
            [*self._ssh, "sh -c " + shlex.quote(script)],
            input=stdin if stdin is not None else b"",
            stdout=subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            check=False,
        )
        said, output = (process.stderr or b"").decode(errors="replace"), process.stdout.decode(errors="replace")
        if HOST_KEY_CHANGED in said:
            raise RemoteError(
                f"the host key of {self.host} is not the one that ssh has stored. Nothing was sent. If the board "
                f"was installed anew, remove the old key with ssh-keygen -R {self.host.rpartition('@')[2]}; "
                "otherwise somebody may be intercepting the connection"
            )
        if process.returncode == 255:
            last = (said.strip().splitlines() or ["the connection was lost"])[-1]
            raise RemoteError(f"ssh to {self.host}: {last}; run the same command again to continue")
        if check and process.returncode:
            # venv explains on its standard output what it lacks
            lines = [line for line in f"{output}\n{said}".splitlines() if line.strip()]
            raise RemoteError(
                f"the command on {self.host} failed: {' '.join(lines[-3:]) or f'exit status {process.returncode}'}"
            )
        return process.returncode, output

    def close(self) -> None:
        """Ends the shared connection."""
        subprocess.run([*self._ssh[:-1], "-O", "exit", self.host], stderr=subprocess.DEVNULL, check=False)


def _strict(host: str, options: list[str]) -> list[str]:
    """What makes ssh stop at a changed host key where the user's settings only warn; the first value counts."""
    settings = subprocess.run(["ssh", "-G", *options, host], stdout=subprocess.PIPE, text=True, check=False).stdout
    only_warns = re.search(r"^stricthostkeychecking (no|off|false)$", settings, re.MULTILINE)
    return ["-o", "StrictHostKeyChecking=ask"] if only_warns else []


def copy(board: Board, bundle: Path) -> int:
    """Sends what is not there yet, each file under a temporary name until its hash is right; returns how many."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    wanted = {name: facts["sha256"] for name, facts in manifest["files"].items()}
    wanted["manifest.json"] = hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()
    names = " ".join(shlex.quote(name) for name in wanted)
    _, output = board.run(f"sha256sum -- {names} 2>/dev/null; true")
    there = {line[66:]: line[:64] for line in output.splitlines()}
    missing = [name for name in wanted if there.get(name) != wanted[name]]
    for number, name in enumerate(missing, start=1):
        content = (bundle / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != wanted[name]:
            raise RemoteError(f"{bundle / name} is not the file of the manifest: make the bundle again")
        print(f"copying {name} ({number}/{len(missing)}, {len(content) / 1e6:.2f} MB)", flush=True)
        part = shlex.quote(f".{name}.part")
        check = f"echo {wanted[name]}'  '{part} | sha256sum -c --status -"
        board.run(f"cat > {part} && {check} && mv -f -- {part} {shlex.quote(name)}", content)
    return len(missing)


def install(board: Board, python: str | None) -> str:
    """The Python on the board that has an interpreter: ``python`` if given, else a venv in the bundle's folder."""
    if python:
        return python
    _, output = board.run(
        "sed -n 's/^# R\\([0-9]*\\).*/\\1/p' /etc/nv_tegra_release 2>/dev/null; echo; "
        "for v in 8 9 10 11 12; do python3.$v -c '' 2>/dev/null && echo python3.$v; done; true"
    )
    release, *pythons = output.split("\n")
    choices = INSTALLS.get(release.strip(), OTHER)
    usable = [choice for choice in choices if choice[0] in pythons]
    if not usable:
        first = choices[0][0]
        raise RemoteError(
            f"{board.host} lacks {first}; there: sudo apt install {first} {first}-venv, "
            "or name a Python that has an interpreter with --python"
        )
    name, requirements = usable[0]
    done = f"venv/.installed-{requirements}"
    status, _ = board.run(f"test -e {done} && cmp -s {done} {requirements}", check=False)
    if status:
        print(f"installing {requirements} into a venv of {name} on the board", flush=True)
        board.run(
            f"mkdir -p .tmp && export TMPDIR=$PWD/.tmp && {name} -m venv --clear venv && {PIP} 'pip>=20.3' && "
            f"{PIP} -r {requirements} && cp {requirements} {done}; status=$?; rm -rf .tmp; exit $status"
        )
    return "venv/bin/python"


def measure(board: Board, python: str, options: list[str]) -> tuple[str, int]:
    """Verifies the bundle there and runs the benchmark, showing its progress; (the result's text, exit status)."""
    python = shlex.quote(python)
    status, output = board.run(f"{python} jetson.pyz doctor .", check=False)
    print(output, end="", flush=True)
    if status:
        raise RemoteError(f"{board.host} is not ready")
    words = " ".join(shlex.quote(word) for word in options)
    status, output = board.run(
        f"rm -f results/last.json; {python} jetson.pyz benchmark . --out results/last.json {words}",
        show=True,
        check=False,
    )
    print(output, end="", flush=True)
    # a model that crashed is a result, too
    missing, text = board.run("cat results/last.json 2>/dev/null", check=False)
    if missing:
        raise RemoteError(f"the benchmark on {board.host} gave no result (exit status {status})")
    return text, status


def operators(board: Board, python: str, bundle: Path, results: Path) -> Path | None:
    """Times the single operators that the bundle lists and brings the table home; None for a bundle without them."""
    if not (bundle / "operators.zip").is_file():
        return None
    status, output = board.run(
        f"{shlex.quote(python)} jetson.pyz operators . --out results/operators.json", show=True, check=False
    )
    print(output, end="", flush=True)
    if status:
        raise RemoteError(f"the operators could not be timed on {board.host} (exit status {status})")
    text = board.run("cat results/operators.json")[1]
    try:
        content = json.loads(text)
        if seal(content) != content["digest"]:
            raise RemoteError("the table of operators that came back is not the one that was measured")
        name = Path(json.loads((bundle / "manifest.json").read_text())["pipeline"]).name
        path = results / _board_name(content["machine"]) / "operators" / f"{name}.json"
    except (ValueError, KeyError, TypeError) as error:
        raise RemoteError(f"the table of operators that came back cannot be read: {error!r}") from error
    write(content, path)
    return path


def _board_name(facts: dict[str, str]) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", (facts["model"] or facts["machine"]).lower())) or "board"


def keep(text: str, bundle: Path, results: Path) -> Path:
    """Checks a result, which must be of this bundle, and writes it to ``results/<board>/<pipeline>-<time>.json``."""
    try:
        content = json.loads(text)
        if seal(content) != content["digest"]:
            raise RemoteError("the result that came back is not the one that was measured")
        manifest = (bundle / "manifest.json").read_bytes()
        if content["bundle"]["sha256"] != hashlib.sha256(manifest).hexdigest():
            raise RemoteError("the result that came back is of another bundle")
        name = _board_name(content["board"])
        started = re.sub(r"[^0-9TZ]", "", content["started"])
        path = results / name / f"{Path(json.loads(manifest)['pipeline']).name}-{started}.json"
    except (ValueError, KeyError, TypeError) as error:
        raise RemoteError(f"the result that came back cannot be read: {error!r}") from error
    write(content, path)
    return path


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measures a bundle on a board over ssh.")
    parser.add_argument("host", help="as for ssh: user@xavier, or a name of ~/.ssh/config")
    parser.add_argument("bundle", type=Path, help="the folder that `jetslim bundle` made")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"), help="where results are kept")
    parser.add_argument("--folder", help="where the bundle lies on the board (jetslim-<pipeline> in the home folder)")
    parser.add_argument("--python", help="a Python on the board that has an interpreter; then nothing is installed")
    parser.add_argument("--ssh", action="append", default=[], metavar="OPTION", help="an option of ssh, such as -p2222")
    parser.add_argument(
        "--benchmark", default="", metavar="OPTIONS", help='options of the runner\'s benchmark, such as "--threads 1,4"'
    )
    return parser


def main() -> None:
    arguments = parser().parse_args()
    try:
        manifest = json.loads((arguments.bundle / "manifest.json").read_text())
        folder = arguments.folder or f"jetslim-{manifest['pipeline']}"
        with tempfile.TemporaryDirectory(prefix="jetslim") as sockets:
            board = Board(arguments.host, folder, arguments.ssh, sockets)
            copied = copy(board, arguments.bundle)
            print(f"{arguments.host}:{folder} is whole, {copied} files were copied", flush=True)
            python = install(board, arguments.python)
            text, status = measure(board, python, shlex.split(arguments.benchmark))
            path = keep(text, arguments.bundle, arguments.results)
            print(f"kept: {path} (make tables)", flush=True)
            table = operators(board, python, arguments.bundle, arguments.results)
            board.close()
        if table is not None:
            print(f'kept: {table} (device = "{table}" of a narrow stage)')
        sys.exit(status)
    except (RemoteError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; run the same command again to go on")


if __name__ == "__main__":
    main()
