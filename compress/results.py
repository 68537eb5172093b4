"""What results consist of, as frozen classes: what is written into run.json and read from it. Loads no TensorFlow.

Older schemas are still read: 2, which called the precision "form", and 1, of before there were tasks, which is of a
classification.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from compress.errors import UserError

SCHEMA = 3
PICTURES = "pictures.png"
"""A page of test images beside run.json, of a task that draws."""
CARD = "README.md"
"""A model card beside an exported file."""
WORST = "worst.png"
"""The test images on which the last file is worst, where [report] worst_images asks for them."""
LAYERS = "layers.json"
"""The operators of each stage's file, beside run.json: stage -> a list of OperatorFacts."""
FACTS_SCHEMA = 3  # of stage.json; part of every artifact's key


@dataclass(frozen=True)
class Metric:
    """How a number of a result is called and shown: ``factor`` * value, with so many ``decimals`` (None: three
    digits) and the ``unit``.

    ``better`` is "higher", "lower", or "" for neither. ``is_share``: the value is a share of the test examples, so that
    it has a binomial interval. ``in_table``: it has a column in the table of a run.
    """

    key: str
    """Its name in metrics."""
    title: str
    """Its name for people."""
    unit: str = ""
    """Unit, such as "%"; empty for a bare number."""
    factor: float = 1.0
    """Factor by which a value is multiplied before it is shown with its unit."""
    decimals: int | None = 4
    """Number of decimals shown; null: three digits in all."""
    better: Literal["higher", "lower", ""] = "higher"
    """Which direction is better; empty for neither."""
    is_share: bool = False
    """Whether it is a share of the test examples."""
    in_table: bool = True
    """Whether the table of a run has a column of it."""

    def text(self, value: float) -> str:
        """The value as people read it.

        >>> Metric("top1", "top-1", "%", 100.0, 2).text(0.98611)
        '98.61 %'
        """
        return f"{self.number(value)}{f' {self.unit}' if self.unit else ''}"

    def number(self, value: float) -> str:
        """The same without the unit."""
        shown = self.factor * value
        return (f"{shown:#.3g}" if self.decimals is None else f"{shown:.{self.decimals}f}").rstrip(".")

    def compact(self, value: float) -> str:
        """``text`` with the per cent sign at the number, for a line of words or a narrow column.

        >>> Metric("top1", "top-1", "%", 100.0, 2).compact(0.98611)
        '98.61%'
        """
        return self.text(value).replace(" %", "%")

    def counted(self, value: float, examples: int) -> str:
        """Of how many test examples the value is; of a share, how many of them it is, too: "354 of 359"."""
        return f"{round(value * examples)} of {examples}" if self.is_share else str(examples)

    @property
    def axis(self) -> str:
        """What an axis of it is called."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def as_json(self) -> dict[str, Any]:
        """The fields, by name."""
        return asdict(self)


@dataclass(frozen=True)
class Latency:
    """Latency of a file on the host, batch 1, one thread, in milliseconds."""

    latency_ms_mean: float
    """The mean of samples_ms."""
    latency_ms_p50: float
    """Their median."""
    latency_ms_p90: float
    """Their 90th percentile."""
    samples_ms: list[float] = field(default_factory=list)
    """Each timed inference."""
    machine: dict[str, Any] = field(default_factory=dict)
    """Where it was measured: processor, cores, system."""
    clocks_mhz: list[float] = field(default_factory=list)
    """The processor's clock before and after, as the system tells it; none where it does not, or in older results."""


@dataclass(frozen=True)
class OperatorFacts:
    """An operator of a stage's .tflite file."""

    layers: list[str]
    """The layers that it computes; none where the file does not say."""
    kind: str
    """As the schema of .tflite files calls it, such as "CONV_2D"."""
    tensor: str
    """The name of what it gives, by which Model Explorer finds it."""
    precision: str
    """The type of what it gives: "float32", "int8", ..."""
    bytes: int = 0
    """Of the constants that it reads: kernel, bias, shapes."""
    zeros: float | None = None
    """Fraction of zeros in its kernel; None where it has none."""
    channels: int | None = None
    """Of what it gives: the size of the last axis."""
    us: float | None = None
    """Mean microseconds of one inference, by LiteRT's profiler; None where it told no time of it."""
    noise: float | None = None
    """Noise over signal, as powers, beside the network before its quantization; None where that was not compared."""
    own_noise: float | None = None
    """As much of it as comes in here."""


@dataclass(frozen=True)
class Changed:
    """A setting that differs from its default."""

    table: str
    """Table of the pipeline file, or the stage's name."""
    key: str
    """The field."""
    value: Any
    """What the run had."""
    default: Any
    """What it would have been."""


@dataclass(frozen=True)
class Schedule:
    """The schedule of gradual pruning; sparsities are fractions of zeros, steps are optimizer steps."""

    initial_sparsity: float
    """The fraction of zeros at begin_step."""
    final_sparsity: float
    """The fraction of zeros from end_step on."""
    begin_step: int
    """The optimizer step at which it starts to rise."""
    end_step: int
    """The optimizer step at which it ends to rise."""


@dataclass(frozen=True)
class SparsityStep:
    """The fraction of zeros after a step."""

    step: int
    """The optimizer step."""
    sparsity: float
    """The fraction of zeros after it."""


@dataclass(frozen=True)
class Change:
    """A number before and after a stage."""

    before: float
    """Value for the stage's input."""
    after: float
    """Value for the stage's result."""


@dataclass(frozen=True)
class Narrowing:
    """What a narrow stage removed."""

    target: str
    """"latency", "parameters" or "flops"."""
    asked: float
    """Fraction of the target that was to be left."""
    channels: dict[str, list[int]]
    """Name of each layer that makes channels -> how many before and after."""
    parameters: Change
    """Number of parameters of the network, before and after."""
    macs: Change
    """Multiplications and additions for one example."""
    predicted_ms: Change | None = None
    """Sum over the int8 file's operators, each measured alone; None where the target is another."""
    measured_ms: Change | None = None
    """Median of the whole int8 files, in turns; None with a board's table."""
    device: dict[str, Any] = field(default_factory=dict)
    """Where they were measured."""
    pinned: dict[str, int] = field(default_factory=dict)
    """Why channels cannot go -> how many."""


@dataclass(frozen=True)
class MadeFacts:
    """What every stage.json says: which stage made the artifact, and in how many seconds by cause."""

    kind: str = ""
    """The stage's kind."""
    name: str = ""
    """The stage's name."""
    pipeline: str = ""
    """The pipeline that made it first."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds by cause."""


@dataclass(frozen=True)
class NetworkFacts:
    """What a stage says in stage.json of the network that it made."""

    precision: str
    """What its file computes in, once it is exported: "float32", "float16", "int8", "int16x8" or "dynamic"."""
    task: dict[str, Any]
    score: float
    """The task's first metric on the test split."""
    params: int
    kernel_sparsity: float
    """Fraction of zeros in the kernels of convolutions."""
    fit: str = "stretch"
    """How images of other shapes were fitted: "stretch", "crop" or "pad"."""
    label_names: list[str] = field(default_factory=list)
    sparsity_schedule: Schedule | None = None
    sparsity_steps: list[SparsityStep] = field(default_factory=list)
    narrowing: Narrowing | None = None
    whole_images: dict[str, float | None] | None = None
    """The task's metrics on the test images at their own sizes; None where these are the network's."""
    correction: dict[str, float] = field(default_factory=dict)
    """Of an output whose sum counts: its mean error before and after the last bias was corrected; against the targets
    of training images, of a quantized network against the float one on validation images."""
    mode: str | None = None
    """Of a quantization, as are the following."""
    rewrite: bool | None = None
    calibration_images: int = 0
    float_layers: dict[str, str] = field(default_factory=dict)
    """Name of each layer that computes in float -> why."""


@dataclass(frozen=True)
class Faithfulness:
    """How the outputs of a file compare with those of its network, on the test split."""

    score: float
    """The task's first metric, of the file."""
    network_score: float
    closeness_to_network: float
    departure: dict[str, Any]
    """The differences of the outputs, as the task states them."""
    ends_in: str
    """The operator that computes the file's output."""


@dataclass(frozen=True)
class OnnxFacts:
    """What an export says of its ONNX file, on the test split."""

    bytes: int
    """The size of model.onnx."""
    score: float
    """The task's first metric."""
    closeness_to_network: float
    """How close its outputs are to the Keras network's."""
    closeness_to_tflite: float
    """The same to those of model.tflite."""
    departure: dict[str, Any]
    """The differences of the outputs from the network's, as the task states them."""
    fuses: bool
    """Whether what elementwise nodes read of a kernel is left unrounded, so that TensorRT computes both at once."""
    kernels: int
    """How many nodes multiply by a kernel."""
    kernels_in_float: list[str]
    """Those of a quantized network that do not read int8."""
    note: str = ""
    """What a user should know of how far it departs, though it is as faithful as model.tflite; empty for nothing."""


@dataclass(frozen=True)
class FileFacts(Faithfulness):
    """What an export says in stage.json of its .tflite files."""

    task: dict[str, Any]
    precision: str
    input_type: str
    output_type: str
    params: int
    kernel_sparsity: float
    tflite_bytes: int
    sparse_tflite_bytes: int
    gzip_bytes: int
    operators: dict[str, int]
    """Name of an operator -> how many of them the file has."""
    float_operators: list[str]
    float_layers: dict[str, str]
    requantizations: int
    onnx: OnnxFacts | None = None


@dataclass(frozen=True)
class StageResult:
    """A stage of a run. None is what it has not, or what was not measured."""

    name: str
    """The stage's name in the pipeline."""
    kind: str = ""
    """Kind of the stage, such as "distill"."""
    reads: list[str] | None = None
    """The earlier stages that it read; None in results that do not say."""
    key: str = ""
    """Key of the stage's artifact in the store."""
    cached: bool = False
    """Whether it was taken from the store."""
    metrics: dict[str, float | None] = field(default_factory=dict)
    """Metrics of the stage's file on the test split."""
    network_metrics: dict[str, float | None] = field(default_factory=dict)
    """Metrics of the stage's Keras network on the test split, or of the file again where ``measured_on`` says so."""
    measured_on: Literal["network", ".tflite", ""] = ""
    """Whether ``network_metrics`` are those of the network or of the file."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the task's section of the report shows, of what ``measured_on`` says."""
    whole_images: dict[str, float | None] | None = None
    """The metrics of its Keras network on the test images at their own sizes; None where these are the network's."""
    closeness_to_network: float | None = None
    """How close the file's outputs are to the Keras network's."""
    closeness_to_float: float | None = None
    """For a quantized network: how close the file's outputs are to those of the network before quantization."""
    precision: str = ""
    """Precision in which the file computes: "float32", "float16", "int8", "int16x8" or "dynamic"."""
    params: int | None = None
    """Parameters of its network."""
    kernel_sparsity: float | None = None
    """Fraction of zeros in the kernels of convolutions."""
    sparsity_schedule: Schedule | None = None
    """Schedule of gradual pruning."""
    sparsity_steps: list[SparsityStep] = field(default_factory=list)
    """Sparsity in the course of gradual pruning."""
    narrowing: Narrowing | None = None
    """What a narrow stage removed."""
    tflite_bytes: int | None = None
    """Size of its dense .tflite."""
    sparse_tflite_bytes: int | None = None
    """Size of the file that stores zeros compactly."""
    gzip_bytes: int | None = None
    """Size of the dense file by gzip."""
    sha256: str = ""
    """The sha256 of the dense .tflite."""
    operators: dict[str, int] = field(default_factory=dict)
    """Name of an operator -> how many of them its file has."""
    float_operators: list[str] | None = None
    """Names of the operators that compute in float, edges apart."""
    float_layers: dict[str, str] = field(default_factory=dict)
    """Name of each layer that computes in float -> why."""
    requantizations: int | None = None
    """Operators that only change the scale of an int8 tensor."""
    onnx: OnnxFacts | None = None
    """Facts about the ONNX file; None where none was written."""
    latency: Latency | None = None
    """Latency of the stage's file on the host."""
    seconds: dict[str, float] | None = None
    """Wall seconds by cause."""
    history: list[dict[str, str]] = field(default_factory=list)
    """The rows of history.csv."""

    @property
    def seconds_total(self) -> float | None:
        """Of all causes."""
        return None if self.seconds is None else round(sum(self.seconds.values()), 3)


@dataclass(frozen=True)
class DataFacts:
    """What was trained on; ``shape`` is that of one example, and the splits are numbers of examples."""

    name: str = ""
    """Name of the data set."""
    label_names: list[str] = field(default_factory=list)
    """Names of the classes or numbers, in the order of the outputs."""
    shape: list[int] = field(default_factory=list)
    """Shape of one example, such as [32, 32, 3]."""
    train: int | None = None
    """Number of training examples."""
    validation: int | None = None
    """Number of validation examples."""
    test: int | None = None
    """Number of test examples."""
    fingerprint: str = ""
    """A hash of all examples and targets."""
    notes: list[str] = field(default_factory=list)
    """What was found in the data, a line each."""
    config: dict[str, Any] = field(default_factory=dict)
    """The [data] table with its defaults; empty for data that were given from Python, and in older results."""


@dataclass(frozen=True)
class Run:
    """A run of a pipeline: what run.json says, its digest apart."""

    pipeline: str = "run"
    """Name of the run."""
    seed: int | None = None
    """Seed of the initial weights, of the order of examples and of augmentation."""
    task: dict[str, Any] = field(default_factory=lambda: {"name": "classification"})
    """Name and settings of the task."""
    metrics: list[Metric] = field(default_factory=list)
    """Metrics of the task; the first decides."""
    closeness: Metric = field(default_factory=lambda: Metric("closeness", "closeness"))
    """Metric that says how close two networks' outputs are."""
    finished: str = ""
    """Time at which the run ended, in UTC."""
    machine: dict[str, Any] = field(default_factory=dict)
    """Processor, cores, memory, system."""
    versions: dict[str, str] = field(default_factory=dict)
    """Versions of Python, jetslim and the libraries that decide what is computed."""
    config_toml: str = ""
    """The pipeline's file, as it was."""
    settings: list[str] = field(default_factory=list)
    """Settings that --set changed."""
    changed: list[Changed] = field(default_factory=list)
    """Settings that differ from the defaults."""
    goals: dict[str, float] = field(default_factory=dict)
    """What [report] goals ask of the last stage's file: "score", "score_lost", "megabytes", "latency_ms"."""
    command: str = ""
    """The command line; empty for a run that was started from Python."""
    data: DataFacts = field(default_factory=DataFacts)
    """The data set of training and measurement."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds by cause."""
    stages: list[StageResult] = field(default_factory=list)
    """A result for each stage, in order."""

    @property
    def first_metric(self) -> Metric:
        """The one that decides."""
        return self.metrics[0]

    @property
    def table_metrics(self) -> list[Metric]:
        """Those with a column in the run's table."""
        return [metric for metric in self.metrics if metric.in_table]

    @property
    def float_closeness(self) -> Metric:
        """How close a quantized network is to the one before its quantization."""
        key, title = f"{self.closeness.key}_with_float", f"{self.closeness.title} with the float network"
        return replace(self.closeness, key=key, title=title)

    def stage(self, name: str) -> StageResult:
        """The stage of that name. Raises KeyError where there is none."""
        return {stage.name: stage for stage in self.stages}[name]


def as_json(run: Run) -> dict[str, Any]:
    """What run.json holds, before it is sealed."""
    return {"schema": SCHEMA, **asdict(run)}


def read_run(path: Path) -> Run:
    """The run.json at ``path``. Raises UserError, in one line, for what is none."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a result: {error}") from error
    return parse(content, str(path))


def parse(content: Any, where: str = "run.json") -> Run:
    """A run of what run.json holds, of schema 1 to 3. Raises UserError, which names ``where``, for anything else."""
    if not isinstance(content, Mapping):
        raise UserError(f"{where} is not the result of a run")
    known: dict[Any, Callable[[Mapping[str, Any]], dict[str, Any]]] = {SCHEMA: dict, 2: _of_schema_2, 1: _of_schema_1}
    schema = content.get("schema", 1)
    if not isinstance(schema, int) or schema not in known:
        raise UserError(
            f"{where} has the schema {schema!r}, but this version of jetslim reads only "
            f"{' and '.join(map(str, sorted(known)))}"
        )
    return validated(Run, known[schema](content), where)


T = TypeVar("T")


def validated(kind: type[T], content: Mapping[str, Any], where: str) -> T:
    """An object of the frozen class ``kind``, from what JSON holds; keys that it does not know are left out.

    Raises UserError, which names ``where`` and the first wrong field.
    """
    from pydantic import ValidationError

    try:
        checked: T = _adapter(kind).validate_python(content)  # type: ignore[arg-type]  # a class is hashable
        return checked
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(
            f"{where}: the field {'.'.join(map(str, first['loc']))} is not valid: {first['msg']}"
        ) from error


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


# what a classification measured before runs said so themselves: it stays when today's Classification.METRICS change
OLD_METRICS = (
    Metric("top1", "top-1", "%", 100.0, 2, is_share=True),
    Metric("top5", "top-5", "%", 100.0, 2, is_share=True, in_table=False),
    Metric("nll", "negative log-likelihood", "nats", 1.0, 4, "lower", in_table=False),
    Metric("brier", "Brier score", "", 1.0, 4, "lower", in_table=False),
    Metric("ece", "expected calibration error", "%", 100.0, 2, "lower", in_table=False),
    Metric("temperature", "temperature that fits the validation split", "", 1.0, None, "", in_table=False),
    Metric("nll_scaled", "negative log-likelihood, temperature fitted", "nats", 1.0, 4, "lower", in_table=False),
    Metric("ece_scaled", "expected calibration error, temperature fitted", "%", 100.0, 2, "lower", in_table=False),
)
_OLD_CLOSENESS = Metric("agreement", "agreement", "%", 100.0, 2, is_share=True)


def _of_schema_2(content: Mapping[str, Any]) -> dict[str, Any]:
    return {**content, "stages": _each_stage(content, _with_precision)}


def _each_stage(content: Mapping[str, Any], change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
    """The stages changed; what is no list of mappings is left for the validation, which says so."""
    stages = content.get("stages") or []
    if not isinstance(stages, list) or not all(isinstance(stage, Mapping) for stage in stages):
        return stages
    return [change(stage) for stage in stages]


def _with_precision(stage: Mapping[str, Any]) -> dict[str, Any]:
    return {"precision" if key == "form" else key: value for key, value in stage.items()}


def _of_schema_1(content: Mapping[str, Any]) -> dict[str, Any]:
    data = dict(content.get("data") or {})
    if "shape" not in data and data.get("size"):
        data["shape"] = [data["size"], data["size"], 3]
    if "classes" in data:
        data["label_names"] = [str(name) for name in data.pop("classes")]
    data.pop("size", None)
    known = {*Run.__dataclass_fields__} - {"metrics", "closeness", "task", "data", "stages"}
    return {
        **{key: value for key, value in content.items() if key in known and value is not None},
        "metrics": list(OLD_METRICS),
        "closeness": _OLD_CLOSENESS,
        "data": {key: value for key, value in data.items() if key in DataFacts.__dataclass_fields__},
        "stages": _each_stage(content, _stage_of_schema_1),
    }


def _stage_of_schema_1(stage: Mapping[str, Any]) -> dict[str, Any]:
    stage = _with_precision(stage)
    measured = dict(stage.get("calibration") or {})
    details = {"reliability": measured.pop("reliability")} if "reliability" in measured else {}
    known = {*StageResult.__dataclass_fields__} - {"metrics", "latency"}
    return {
        **{key: value for key, value in stage.items() if key in known and value is not None},
        "metrics": {"top1": stage["top1"]} if stage.get("top1") is not None else {},
        "measured_on": measured.pop("measured_on", ""),
        "network_metrics": measured,
        "details": details,
        "closeness_to_network": stage.get("agreement"),
        "closeness_to_float": stage.get("agreement_with_float"),
        "latency": stage.get("latency") or None,
    }
