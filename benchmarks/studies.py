"""What the studies' raw JSON says, in frozen classes: one for each schema. Tables and plots read nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Round = dict[str, list[float]]
"""Runtime -> milliseconds of each inference of its turn."""


@dataclass(frozen=True)
class Machine:
    """Where it was measured."""

    cpu: str
    cores: int


@dataclass(frozen=True)
class Splits:
    """Numbers of images."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Peer:
    """A peer's conversion; ``refused`` says why there is none."""

    refused: str | None = None


@dataclass(frozen=True)
class ConversionSeconds:
    """Of the quantization-aware network; words where ``from_keras_model`` refused it."""

    jetslim: float
    from_keras_model: float | str


@dataclass(frozen=True)
class PeersLatency:
    """A network in all runtimes, in turns; sizes in bytes, ``cores``: processor time over wall time."""

    network: str
    size: int
    finished: str
    machine: Machine
    rounds: list[Round]
    seconds: ConversionSeconds
    peers: dict[str, Peer]
    agreement: dict[str, float]
    bytes: dict[str, int]
    cores: dict[str, float]


@dataclass(frozen=True)
class Verdicts:
    """Why each tool refuses a network; None where it takes it."""

    network: str
    quantize_model: str | None
    prune_low_magnitude: str | None
    jetslim: str | None = None


@dataclass(frozen=True)
class Acceptance:
    """What tfmot takes by itself."""

    size: int
    versions: dict[str, str]
    networks: list[Verdicts]


@dataclass(frozen=True)
class FamilyLatency:
    """A network of keras.applications in int8 and in float32, in turns; differences are over the largest output."""

    network: str
    difference: float
    convert_seconds: float
    float_operators: list[str]
    float_layers: dict[str, str]
    rounds: list[Round]
    rounding: float | None = None


@dataclass(frozen=True)
class Exported:
    """A point's exported file."""

    top1: float
    sha256: str


@dataclass(frozen=True)
class SweptPoint:
    """A point in a sweep and, where it was run so, alone."""

    in_sweep: Exported
    seconds_alone: float | None = None
    alone: Exported | None = None


@dataclass(frozen=True)
class SweepSavings:
    """A sweep beside as many runs with empty stores."""

    pipeline: str
    field: str
    jobs: int
    seconds_sweep: float
    points: list[SweptPoint]


@dataclass(frozen=True)
class SweepOverhead:
    """Seconds of a sweep, of its stages and of its latency measurements."""

    points: int
    seconds_sweep: float
    seconds_stages: float
    seconds_latency: float


@dataclass(frozen=True)
class Keras3Family:
    """A network of Keras 3 rebuilt; ``difference``: of the outputs, over the largest one."""

    family: str
    size: int
    layers: int
    parameters: int
    difference: float
    seconds: float


@dataclass(frozen=True)
class GeneratedNetwork:
    """A random network put through all steps."""

    seed: int
    keras: int
    came_out: str
    """"right", "wrong", "refused" or "traceback"."""
    reason: str = ""


@dataclass(frozen=True)
class GeneratedNetworks:
    """Random networks of consecutive seeds."""

    seeds: list[GeneratedNetwork]


@dataclass(frozen=True)
class Learner:
    """A network of a chain; fractions of the test images and calibration errors."""

    name: str
    top1: float
    ece: float | None = None
    ece_scaled: float | None = None


@dataclass(frozen=True)
class Chain:
    """An arm of the study of assistants with one seed; its networks in the order of the chain."""

    arm: str
    seed: int
    images: Splits
    epochs: int
    stages: list[Learner]
    wrong_in_common: list[float]

    @property
    def student(self) -> Learner:
        """The last network of the chain."""
        return self.stage("student")

    def stage(self, name: str) -> Learner:
        """The network of that name. Raises KeyError where there is none."""
        return {stage.name: stage for stage in self.stages}[name]


@dataclass(frozen=True)
class EpochPair:
    """Seconds of an epoch with cached teachers and with none."""

    cached: float
    none: float


@dataclass(frozen=True)
class CachedEpochs:
    """What learning from cached teachers costs."""

    teachers: int
    rounds: list[EpochPair]


@dataclass(frozen=True)
class Confidence:
    """What a classification measures of a network; None where no temperature could be fitted."""

    top1: float
    nll: float | None = None
    brier: float | None = None
    ece: float | None = None
    ece_scaled: float | None = None
    temperature: float | None = None


@dataclass(frozen=True)
class FocalPoint(Confidence):
    """A network that learned with these weights."""

    seed: int = 0
    teacher: float = 0.0
    focal: float = 0.0


@dataclass(frozen=True)
class FocalBefore:
    """The networks of a seed from which its points go on."""

    seed: int
    teacher: Confidence | None = None
    common: Confidence | None = None


@dataclass(frozen=True)
class FocalStudy:
    """A grid of teacher weights and focal weights."""

    grid: str
    images: Splits
    points: list[FocalPoint]
    before: list[FocalBefore] = field(default_factory=list)


@dataclass(frozen=True)
class CountersInTurns:
    """Networks that count, in the precisions named, in turns; ``size`` is [height, width]."""

    size: list[int]
    parameters: dict[str, int]
    bytes: dict[str, int]
    rounds: list[Round]


@dataclass(frozen=True)
class BlurredDetectors:
    """Detectors of a run, by stage, on test images that are blurred by ``blur`` of their width."""

    data: str
    seed: int
    blur: float
    metrics: dict[str, dict[str, float]]


@dataclass(frozen=True)
class At224:
    """A chain's narrowed network in int8 at 224x224 ("jetslim") beside its teacher and its student in float32, in
    turns; sizes in bytes."""

    pipeline: str
    seed: int
    rounds: list[Round]
    bytes: dict[str, int]


@dataclass(frozen=True)
class UntrainedSizes:
    """Bytes of an untrained network's files for images of ``side``: plain, zeros stored compactly, plain in gzip.
    ``classes`` is None in results that do not say."""

    network: str
    side: int
    precision: str
    sparsity: float
    dense_bytes: int
    sparse_bytes: int
    gzip_bytes: int
    classes: int | None = None


@dataclass(frozen=True)
class NetworksInTurns:
    """Files of the networks that a seed of a study left, in turns, for images of ``side``; sizes in bytes.
    ``networks``: stage -> key of its artifact."""

    side: int
    seed: int
    rounds: list[Round]
    bytes: dict[str, int]
    networks: dict[str, str]
    machine: Machine | None = None


@dataclass(frozen=True)
class TaughtEpochs:
    """Seconds of an epoch of ``student``, by how it learns: "plain" from labels and "cached" from a teacher's outputs
    that are kept; "plain_augmented" and "augmented", whose teacher runs on every batch."""

    teacher: str
    student: str
    images: int
    rounds: list[dict[str, float]]
    batch_size: int | None = None


@dataclass(frozen=True)
class Kernel:
    """A layer of a compiled file that multiplies by a kernel: data types of its inputs, and the ONNX nodes in it."""

    type: str
    reads: list[str]
    gives: list[str]
    onnx: list[str]


@dataclass(frozen=True)
class CompiledFile:
    """What NVIDIA's compiler makes of an ONNX file; ``refused`` says why it makes nothing. ``faults``: by our rules."""

    refused: str | None = None
    compiler: str = ""
    seconds: float = 0.0
    layers: int = 0
    kernels: list[Kernel] = field(default_factory=list)
    float_layers: list[list[str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    bytes: int = 0

    @property
    def in_float(self) -> list[str]:
        """The first ONNX node of each kernel that does not read int8."""
        return [kernel.onnx[0] if kernel.onnx else "?" for kernel in self.kernels if kernel.reads[:1] != ["Int8"]]


@dataclass(frozen=True)
class CompiledForTensorRT:
    """A network's ONNX files, by the tool that wrote them; ``difference_from_tf2onnx``: the largest of the float
    file's outputs, which are logits."""

    network: str
    size: int
    seconds_to_write: float
    files: dict[str, CompiledFile]
    difference_from_tf2onnx: float | None = None


@dataclass(frozen=True)
class StepsApart:
    """Logits of a network's ONNX file and of the quantized network, by the form of the file: their differences in steps
    of the output's grid, the largest and the one that 99 % stay under."""

    network: str
    largest: dict[str, float]
    percentile_99: dict[str, float]


@dataclass(frozen=True)
class InputSpeed:
    """Images a second of ways to read a folder of JPEG files of ``side`` pixels a side, in turns; ``load``: how many
    processes wanted a core before, on the average of a minute."""

    images: int
    side: int
    batch: int
    cores: int
    machine: Machine
    rounds: list[dict[str, float]]
    load: float | None = None


@dataclass(frozen=True)
class InputWork:
    """Milliseconds of processor time an image, of all threads together, in turns: of ways to read a folder of JPEG
    files of ``height`` x ``width`` at ``side`` x ``side``, and of parts of one of these ways."""

    images: int
    height: int
    width: int
    side: int
    batch: int
    cores: int
    machine: Machine
    rounds: list[dict[str, float]]


@dataclass(frozen=True)
class InputMemory:
    """What a process has had in memory at most with a folder of ``images``: ``megabytes`` with TensorFlow alone, when
    the folder is loaded, and when ``read`` of them have been read in batches."""

    images: int
    read: int
    side: int
    batch: int
    batches_in_memory: int
    megabytes: dict[str, float]
    seconds_to_load: float


STUDIES: dict[str, type] = {
    "jetslim-peers/1": PeersLatency,
    "jetslim-tfmot/1": Acceptance,
    "jetslim-family/1": FamilyLatency,
    "jetslim-sweep/1": SweepSavings,
    "jetslim-sweep-overhead/1": SweepOverhead,
    "jetslim-keras3/1": Keras3Family,
    "jetslim-fuzz/1": GeneratedNetworks,
    "jetslim-assistants/1": Chain,
    "jetslim-assistants-epoch/1": CachedEpochs,
    "jetslim-focal/1": FocalStudy,
    "jetslim-at224/1": At224,
    "jetslim-counters/1": CountersInTurns,
    "jetslim-blurred-detectors/1": BlurredDetectors,
    "jetslim-sizes/1": UntrainedSizes,
    "jetslim-networks-in-turns/1": NetworksInTurns,
    "jetslim-taught-epochs/1": TaughtEpochs,
    "jetslim-tensorrt/1": CompiledForTensorRT,
    "jetslim-steps/1": StepsApart,
    "jetslim-input/1": InputSpeed,
    "jetslim-input-work/1": InputWork,
    "jetslim-input-memory/1": InputMemory,
}

Study = TypeVar("Study")


def schema_of(kind: type) -> str:
    """The schema under which results of that class are kept."""
    return next(schema for schema, known in STUDIES.items() if known is kind)


def of_kind(studies: Iterable[Any], kind: type[Study]) -> list[Study]:
    """Those of a class, in their order."""
    return [study for study in studies if isinstance(study, kind)]
