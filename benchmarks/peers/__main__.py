"""jetslim beside its peers: ``python -m benchmarks.peers densenet121`` (latency) or ``--tfmot`` (what it takes)."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchmarks.networks import FAMILIES
from benchmarks.record import keep
from benchmarks.studies import Acceptance, PeersLatency, schema_of
from compress.models import check_name

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = HERE / ".venv" / "bin" / "python"
WORK = ROOT / "build" / "peers"
LOG = WORK / "log.txt"
RESULTS = ROOT / "benchmarks" / "results" / "peers"


def step(python: Path | str, name: str, *words: object) -> None:
    """Runs a step in a process of its own: what one runtime leaves behind must not disturb another."""
    with LOG.open("a") as log:
        command = [str(python), "-m", f"benchmarks.peers.{name}", *map(str, words)]
        if subprocess.run(command, cwd=ROOT, stdout=log, stderr=log).returncode:
            sys.exit(f"error: {name} failed for {words[0]}: see {LOG.relative_to(ROOT)}")


def latency(network: str, size: int) -> dict[str, Any]:
    """All three steps for one network."""
    folder = (WORK / f"{network}-{size}").relative_to(ROOT)  # where a peer's reason names a file, it names no home
    shutil.rmtree(ROOT / folder, ignore_errors=True)  # an old file must never be timed as a new one
    step(sys.executable, "prepare", network, size, folder)
    step(PEERS, "convert", folder)
    with FileLock(Path(tempfile.gettempdir()) / "jetslim-latency.lock", mode=0o666):
        step(PEERS, "measure", folder)
    prepared, converted, measured = (
        json.loads((ROOT / folder / f"{name}.json").read_text()) for name in ("prepared", "converted", "measured")
    )
    return {
        "schema": schema_of(PeersLatency),
        "network": network,
        "size": size,
        "seconds": prepared,
        "peers": converted,
        **measured,
    }


def acceptance(networks: list[str]) -> dict[str, Any]:
    """What tfmot says to each network."""
    from benchmarks.peers import acceptance

    verdicts = []
    for network in networks or FAMILIES:
        verdicts.append(acceptance.verdicts(network))
        print(verdicts[-1], flush=True)
    return {"schema": schema_of(Acceptance), "size": acceptance.SIZE, "networks": verdicts}


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("networks", nargs="*", help="names of networks (densenet121)")
    parser.add_argument("--size", type=int, default=224, help="the side of the images (224)")
    parser.add_argument("--tfmot", action="store_true", help="which networks tfmot takes, of every family by default")
    return parser


def main() -> None:
    words = parser().parse_args()
    for network in words.networks:
        check_name(network)
    WORK.mkdir(parents=True, exist_ok=True)
    LOG.write_text("")
    if words.tfmot:
        keep(RESULTS / "tfmot.json", acceptance(words.networks))
        return
    if not PEERS.is_file():
        sys.exit("error: the peers' environment is not there: make peers")
    for network in words.networks or ["densenet121"]:
        result = latency(network, words.size)
        keep(RESULTS / f"{network}-{words.size}.json", result, result.pop("versions", {}))


if __name__ == "__main__":
    main()
