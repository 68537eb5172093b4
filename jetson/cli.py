"""The commands of ``jetson.pyz``."""

import argparse
import fcntl
import re
import sys
import time
from pathlib import Path
from typing import Callable, List, Optional

from jetson.errors import UserError

EXAMPLES = """examples:
  python3 jetson.pyz doctor
  python3 jetson.pyz benchmark model.tflite
  python3 jetson.pyz benchmark .              the bundle in this folder
  python3 jetson.pyz operators                single operators, for narrowing to this board
"""


def main(words: Optional[List[str]] = None) -> None:
    """Runs a command; exit code 2 for a mistake of the user's, 1 for a measurement that failed."""
    arguments = _parser().parse_args(_joined(sys.argv[1:] if words is None else words))
    try:
        sys.exit(arguments.command(arguments))
    except UserError as error:
        sys.exit(_fail(str(error), 2))
    except KeyboardInterrupt:
        sys.exit(_fail("stopped; nothing was written", 130))
    except ImportError as error:  # numpy: everything else is in this file or in the standard library
        sys.exit(_fail(f"{error}: install it with pip (see the README beside this file)", 2))
    except OSError as error:
        sys.exit(_fail("{}: {}".format(error.filename or "the system", error.strerror), 2))


def _joined(words: List[str]) -> List[str]:
    """ "--pixels", "-1..1" as one word: argparse takes the second for an option."""
    joined: List[str] = []
    for word in words:
        if joined and joined[-1] == "--pixels":
            joined[-1] = f"--pixels={word}"
        else:
            joined.append(word)
    return joined


def _fail(reason: str, code: int) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "jetson.pyz",
        description="Measures .tflite models on this board.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    doctor = commands.add_parser("doctor", help="check whether this board is ready to measure, and say what to fix")
    doctor.add_argument(
        "folder", nargs="?", type=Path, default=Path("."), help="folder of the bundle to verify (the current folder)"
    )
    doctor.add_argument("--sysroot", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    doctor.set_defaults(command=_doctor)

    bench = commands.add_parser("benchmark", help="measure a .tflite file, or every model of a bundle")
    bench.add_argument("target", type=Path, help="a .tflite file, or the folder of a bundle")
    bench.add_argument(
        "--runs", type=_at_least(50), default=50, help="number of timed inferences per repetition, at least 50 (50)"
    )
    bench.add_argument(
        "--repetitions", type=_at_least(1), default=3, help="number of repetitions, each in a process of its own (3)"
    )
    bench.add_argument(
        "--threads", type=_threads, help="numbers of threads to measure with, such as 1,4 (one, and all cores)"
    )
    bench.add_argument(
        "--timeout",
        type=_positive,
        default=120.0,
        help="seconds after which a model that does not answer is given up (120)",
    )
    bench.add_argument(
        "--power-seconds",
        type=_not_negative,
        default=20.0,
        help="seconds of inference during which power is measured, 0 for none (20)",
    )
    bench.add_argument(
        "--idle-seconds", type=_not_negative, default=10.0, help="seconds of rest before the power is measured (10)"
    )
    _add_size(bench)
    bench.add_argument(
        "--pixels",
        help="range of the pixel values that the model expects: 0..1, 0..255, -1..1, imagenet or SCALE,OFFSET "
        "(found from the model)",
    )
    bench.add_argument("--output", help="name of the output that gives the classes, for a model with several outputs")
    bench.add_argument(
        "--accelerator", choices=["gpu"], help="also measure LiteRT's GPU accelerator (WebGPU on Vulkan)"
    )
    bench.add_argument("--trtexec", help=argparse.SUPPRESS)
    bench.add_argument("--out", type=Path, help="file in which the result is written (in results/ beside the models)")
    bench.add_argument("--tegrastats", help=argparse.SUPPRESS)
    bench.add_argument("--sysroot", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    bench.set_defaults(command=_benchmark)

    single = commands.add_parser(
        "operators", help="time the single operators that a bundle lists, for narrowing to this board"
    )
    single.add_argument(
        "folder", nargs="?", type=Path, default=Path("."), help="folder of the bundle (the current folder)"
    )
    single.add_argument("--timeout", type=_positive, default=120.0, help="seconds allowed for 100 operators (120)")
    single.add_argument("--out", type=Path, help="file in which the table is written (in the bundle's results/)")
    single.add_argument("--sysroot", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    single.set_defaults(command=_operators)

    overhead = commands.add_parser(
        "overhead", help="measure how much time the benchmark's own timing adds to a bare loop"
    )
    overhead.add_argument("model", type=Path, help="path of a .tflite file")
    _add_size(overhead)
    overhead.set_defaults(command=_overhead)

    worker = commands.add_parser("worker")  # what benchmark starts
    worker.set_defaults(command=_worker)
    return parser


def _overhead(arguments: argparse.Namespace) -> int:
    from statistics import median

    from jetson import child
    from jetson.bundle import open_target

    target = open_target(arguments.model).targets[0]
    result = child.run("overhead", 600.0, **target.promised(), sides=arguments.size or target.sides)
    if "error" in result:
        return _fail(result["error"], 1)
    ratios = [ours / bare for ours, bare in zip(result["runner_ms"], result["bare_ms"])]
    print(
        f"timed {median(result['runner_ms']):.4f} ms, bare loop {median(result['bare_ms']):.4f} ms a run: "
        f"{100 * (median(ratios) - 1):+.2f} % (median of {len(ratios)} pairs)"
    )
    return 0


def _add_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--size",
        type=_sides,
        metavar="SIZE",
        help="size of the examples, for a model that accepts any size: 224, or 48x96",
    )


def _sides(text: str) -> List[int]:
    if not re.match(r"^[1-9]\d*(x[1-9]\d*)*$", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 224 or 48x96")
    return [int(side) for side in text.split("x")]


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        return value

    return number


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a length of time in seconds")
    return value


def _not_negative(text: str) -> float:
    return 0.0 if float(text) == 0 else _positive(text)


def _threads(text: str) -> List[int]:
    if not re.match(r"^[1-9]\d*(,[1-9]\d*)*$", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 1,4")
    return sorted({int(entry) for entry in text.split(",")})


def _doctor(arguments: argparse.Namespace) -> int:
    from jetson.doctor import examine

    lines, able = examine(arguments.folder, arguments.sysroot)
    print("\n".join(lines))
    return 0 if able else 1


def _benchmark(arguments: argparse.Namespace) -> int:
    from jetson import board
    from jetson import result as results
    from jetson.benchmark import Settings, benchmark
    from jetson.bundle import open_target
    from jetson.pixels import parse

    if arguments.pixels:
        parse(arguments.pixels)
    bundle = open_target(arguments.target)
    settings = Settings(
        arguments.runs,
        arguments.repetitions,
        arguments.threads,
        arguments.timeout,
        arguments.power_seconds,
        arguments.idle_seconds,
        arguments.tegrastats,
        arguments.size,
        arguments.pixels,
        arguments.output,
        arguments.trtexec,
        arguments.accelerator,
    )
    folder = arguments.out.parent if arguments.out else _folder(arguments.target) / "results"
    folder.mkdir(parents=True, exist_ok=True)
    alone = (folder / ".lock").open("w")  # until this process ends, however it does
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(
            f"another benchmark is running in {folder}: wait until it has ended, because two at once disturb each other"
        ) from error
    measured = benchmark(bundle, settings, lambda line: print(line, file=sys.stderr, flush=True), arguments.sysroot)
    name = "{}-{}.json".format(board.short_name(measured["board"]), time.strftime("%Y%m%d-%H%M%S", time.gmtime()))
    path = arguments.out or folder / name
    results.write(measured, path)
    print(results.table(measured))
    for warning in measured["warnings"]:
        print(f"warning: {warning}")
    print(f"result: {path}")
    failed = [model for model in measured["models"] if not any(entry["ms"] for entry in model["latency"])]
    if failed:
        reasons = ["{} ({})".format(model["file"], model["latency"][0]["errors"][0]) for model in failed]
        return _fail("could not be measured: {}".format(", ".join(reasons)), 1)
    return 0


def _operators(arguments: argparse.Namespace) -> int:
    from jetson import board
    from jetson import result as results
    from jetson.operators import measure

    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
    measured = measure(arguments.folder, arguments.timeout, say, arguments.sysroot)
    path = arguments.out or arguments.folder / "results" / "operators-{}.json".format(
        board.short_name(measured["machine"])
    )
    results.write(measured, path)
    count = sum(len(widths) for widths in measured["operators"].values())
    print(f"timed {count} operators; table: {path}")
    for error in measured["errors"]:
        print(f"warning: {error}")
    return 0 if count else _fail("no operator could be timed", 1)


def _folder(target: Path) -> Path:
    return target if target.is_dir() else target.parent


def _worker(arguments: argparse.Namespace) -> int:
    from jetson.worker import main as work

    work()
    return 0
