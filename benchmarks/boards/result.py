"""A board's result, as ``make jetson`` brings it home, in frozen classes; of every schema that was ever written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from compress.errors import UserError
from compress.results import OLD_METRICS, Metric, validated

SCHEMAS = ("jetslim-board/1", "jetslim-board/2", "jetslim-board/3")


@dataclass(frozen=True)
class Board:
    """The machine; a field is None where the machine does not report it."""

    model: str | None
    """What the board calls itself."""
    cpu: str | None
    """The processor."""
    machine: str
    """The processor's family, such as "aarch64"."""
    is_jetson: bool
    """Whether it is a Jetson."""
    emulated: bool
    """Whether the processor is emulated, so that times mean nothing."""
    jetpack: str | None
    """The release of NVIDIA's software."""
    system: str | None
    """The operating system."""

    @property
    def title(self) -> str:
        """The board's name; a machine that is no Jetson, or an emulated one, says so."""
        name = self.model or self.cpu or self.machine
        if self.emulated:
            return f"{name} (EMULATED: its times mean nothing)"
        return name if self.is_jetson else f"{name} (not a Jetson)"

    @property
    def software(self) -> str:
        """Its JetPack, or else its system."""
        return f"JetPack {self.jetpack}" if self.jetpack else self.system or "-"


@dataclass(frozen=True)
class Interpreter:
    """The interpreter's package."""

    name: str
    """Name of the package, such as "ai-edge-litert"."""
    version: str
    """Version of the package."""


@dataclass(frozen=True)
class Times:
    """Statistics of all timed inferences, in milliseconds."""

    mean: float
    """Arithmetic mean."""
    p50: float
    """Median."""
    p90: float
    """90th percentile."""
    std: float
    """Standard deviation."""


@dataclass(frozen=True)
class Repetition:
    """One process that loaded the model and ran it."""

    load_ms: float
    """Milliseconds to load the model."""
    peak_memory_mb: float | None = None
    """The most memory of the process, in 10^6 bytes."""
    samples_ms: list[float] = field(default_factory=list)
    """Each timed inference."""


@dataclass(frozen=True)
class Energy:
    """Energy of an inference, measured at a power rail."""

    energy_mj: float
    """Millijoules an inference: all that the rail drew, not only what is beyond the idle board."""
    rail: str
    """The sensor at which it was measured."""


@dataclass(frozen=True)
class ThreadLatency:
    """Latency with one number of threads; ``ms`` is None where every repetition failed, and ``errors`` says why."""

    threads: int
    """Number of threads that the interpreter used."""
    ms: Times | None
    """Times over all repetitions, in milliseconds."""
    errors: list[str] = field(default_factory=list)
    """Why a repetition failed, a line each."""
    repetitions: list[Repetition] = field(default_factory=list)
    """One entry for each process."""
    energy: Energy | None = None
    """Energy per inference; null where the board has no power sensors."""


@dataclass(frozen=True)
class Accuracy:
    """What the task measures on the bundle's images, and 95 % intervals of shares; both empty where that failed."""

    images: int | None = None
    """Number of the images."""
    metrics: dict[str, float | None] = field(default_factory=dict)
    """Value of each metric, by its key."""
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """95 % intervals of those that are shares, by the metric's key."""
    postprocess_ms: float | None = None
    """Time of what is computed from the outputs of an inference, in numpy, such as decoding and suppressing boxes, in
    milliseconds (median); null where nothing is. The latency is that without it."""


@dataclass(frozen=True)
class Model:
    """A .tflite that was measured."""

    file: str
    """Name of the file in the bundle."""
    bytes: int
    """Size of the file in bytes."""
    latency: list[ThreadLatency]
    """An entry for each number of threads."""
    sha256: str = ""
    """SHA-256 hash of the file."""
    role: str | None = None
    """Why the bundle has it, such as "teacher"."""
    accuracy: Accuracy | None = None
    """Metrics on the bundle's test images; null where there are none."""
    host_score: float | None = None
    """Value of the first metric on the host."""

    @property
    def postprocess_ms(self) -> float | None:
        """Milliseconds of what is computed behind its outputs; None where nothing is."""
        return self.accuracy.postprocess_ms if self.accuracy else None

    def on_threads(self, threads: int) -> Times | None:
        """Its times with so many threads; None where they were not measured."""
        return next((entry.ms for entry in self.latency if entry.threads == threads), None)


@dataclass(frozen=True)
class Agreement:
    """Agreement of an engine with the ONNX file on the host, on some of the bundle's test images; None where that
    failed."""

    images: int = 0
    """How many were compared."""
    same_answers: float | None = None
    """The share of them with the same answer."""
    error: str = ""
    """Why it failed; empty if it did not."""


@dataclass(frozen=True)
class Engine:
    """An ONNX file in TensorRT; ``ms`` holds the copies to the GPU and back, and is None where it failed."""

    file: str
    """The ONNX file."""
    precision: str
    """What TensorRT was allowed to compute in."""
    ms: Times | None
    """Times of all timed inferences, in milliseconds."""
    errors: list[str] = field(default_factory=list)
    """Why it failed, a line each."""
    engine_bytes: int | None = None
    """The size of the built engine."""
    flags: list[str] | None = None
    """What trtexec was called with."""
    expected: Agreement | None = None
    """How its answers compare with the host's."""
    energy: Energy | None = None
    """Energy per inference; null where the board has no power sensors."""


@dataclass(frozen=True)
class TensorRT:
    """Measurements of TensorRT; ``missing`` says why there are none."""

    engine: Interpreter | None = None
    """TensorRT's release."""
    engines: list[Engine] = field(default_factory=list)
    """One for each ONNX file and precision."""
    missing: str = ""
    """Why nothing was measured; empty if something was."""


@dataclass(frozen=True)
class State:
    """State of the board before or after the measurement; a field is None or empty where the board does not report
    it."""

    power_mode: Any = None
    """Power mode, by nvpmodel's name."""
    governors: Any = None
    """Clock governor of each group of cores."""
    clocks_mhz: Any = None
    """The clock of each group of cores."""
    temperatures_c: Any = None
    """Temperature of each sensor, in degrees Celsius."""
    throttled: Any = None
    """Whether the board slowed itself down."""
    load_1min: float | None = None
    """The system's load over a minute."""


@dataclass(frozen=True)
class Bundle:
    """What was copied to the board."""

    pipeline: str | None
    """Name of the pipeline that made the networks."""
    sha256: str | None = None
    """SHA-256 hash of its manifest, which holds the hashes of all files."""
    made: str = ""
    """Time at which it was made, in UTC; empty in older results."""
    testset: dict[str, Any] = field(default_factory=dict)
    """Its test images: "file"; "images", their number; "of", the size of the test split; "data", the data set."""


@dataclass(frozen=True)
class BoardResult:
    """All values of a board's result that the tables show."""

    started: str
    """Time at which the measurement began, in UTC."""
    board: Board
    """The machine."""
    runtime: Interpreter
    """The TFLite interpreter."""
    models: list[Model]
    """An entry for each .tflite."""
    bundle: Bundle | None = None
    """None for a bare .tflite."""
    finished: str = ""
    """Time at which it ended, in UTC."""
    runner: str = ""
    """Version of jetslim's runner."""
    numpy: str = ""
    """Version of NumPy on the board."""
    settings: dict[str, Any] = field(default_factory=dict)
    """How it was measured: timed runs, repetitions, threads, seconds of the power loop and the like."""
    compared_with: Interpreter | None = None
    """The host's interpreter, whose outputs are expected; null without a bundle."""
    metrics: list[Metric] = field(default_factory=list)
    """Metrics of the task; the first decides."""
    warnings: list[str] = field(default_factory=list)
    """Why numbers should not be trusted, a line each."""
    tensorrt: TensorRT | None = None
    """None for a bundle without ONNX files."""
    before: State = State()
    """The board before the measurement."""
    after: State = State()
    """The board after the measurement."""

    @property
    def pipeline(self) -> str:
        """The pipeline whose bundle was measured; "-" for a bare .tflite."""
        return str(self.bundle.pipeline) if self.bundle else "-"

    @property
    def teacher(self) -> Model:
        """The first stage's model, where a bundle has one; else the only model."""
        return next((model for model in self.models if model.file == "teacher.tflite"), self.models[0])


def parse(content: Mapping[str, Any], where: str) -> BoardResult:
    """What a result's JSON says. Raises UserError, which names ``where``, for what is none."""
    reason = f"{where} is no result of a board"
    try:
        fields = _of_schema_1(content) if content["schema"] == SCHEMAS[0] else content
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{reason}: {type(error).__name__}: {error}") from error
    return validated(BoardResult, fields, reason)


def _of_schema_1(content: Mapping[str, Any]) -> dict[str, Any]:
    """The first schema knew classification alone."""
    models = []
    for model in content["models"]:
        accuracy = dict(model["accuracy"] or {})
        if "top1" in accuracy:
            accuracy["metrics"] = {"top1": accuracy.pop("top1")}
            accuracy["intervals"] = {"top1": accuracy.pop("top1_interval")}
        models.append({**model, "accuracy": accuracy or None, "host_score": model.get("host_top1")})
    return {**content, "models": models, "metrics": [OLD_METRICS[0].as_json()]}
