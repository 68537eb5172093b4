"""A network in, a smaller one out: a shipped pipeline, run from Python with the commands' own store and stages."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.api.carry_out import carry_out
from compress.api.networks import as_path
from compress.api.result import Result
from compress.artifacts import Store
from compress.clock import Clock
from compress.config import as_toml
from compress.datasets import Dataset, meant_by
from compress.errors import UserError
from compress.models import MODELS
from compress.pipeline import Pipeline, links, plan, read_pipeline
from compress.pipeline.load_pipeline import find
from compress.stages import STAGES, Stage
from compress.stages.network import NetworkStage
from compress.training import Progress, strategy_called


def shrink(
    model: Any,
    train: Any = None,
    test: Any = None,
    validation: Any = None,
    *,
    data: str | None = None,
    recipe: str = "default",
    teacher: Any = None,
    classes: Sequence[str] | None = None,
    settings: Mapping[str, Any] | Sequence[str] = (),
    pixels: Any = None,
    seed: int | None = None,
    store: str | Path = "store",
    runs: str | Path = "runs",
    force: bool = False,
    progress: Progress | None = None,
    strategy: str | None = None,
) -> Result:
    """Makes a network small and fast, and measures what that costs in accuracy.

    A trained network is used as it is: it is pruned, trained in int8 and exported; ``recipe="ptq"`` exports it in int8
    without any training. Finished stages are taken from the store, so that the same call again trains nothing.

    Args:
        model: a functional or Sequential network of legacy Keras or of Keras 3 in memory; the path of a ``.keras`` or
            ``.h5`` file or of a SavedModel; or the name of a network of keras.applications, which is then trained.
        train: examples and labels: a pair (x, y) of arrays, or a ``tf.data.Dataset`` of such pairs, batched or not.
            uint8 x are pixels or other bytes; any other type becomes float32 and is not scaled. y is whole numbers
            from 0, one-hot, or strings.
        test: the same, for the final measurements, never for training. Default: a fifth of ``train``, the
            same examples whatever the seed.
        validation: the same, for decisions during training. Default: a tenth of the rest of ``train``, the
            same examples whatever the seed.
        data: instead of these, a folder of images (``photos/train/<class>/*``), an .npz file, or the name of a data
            set.
        recipe: "default", "ptq", the name of any shipped pipeline, or the path of a TOML file.
        teacher: a larger network to learn from, given in the same ways as ``model``; needs ``recipe="default"``.
        classes: the names of the classes, in the order of the labels.
        settings: fields of the pipeline to change: {"pruned.final_sparsity": 0.8}, or ["pruned.final_sparsity=0.8"] as
            ``--set`` has them.
        pixels: the range of pixel values that the network expects, needed if it cannot be found from its layers or its
            predictions: a name such as "0..255", or {"scale": ..., "offset": ...} applied to a byte.
        seed: the random seed, instead of the pipeline's own.
        store: the folder in which finished stages are stored.
        runs: the folder in which the run's folder with its files, tables and report is written.
        force: continue even if the trained network is no better than chance.
        progress: the object that shows the progress. Default: a live display on a terminal, lines elsewhere.
        strategy: "mirrored" trains on all GPUs of this machine; the result is the same within rounding.

    Returns:
        A ``Result``: the table, the path of the ``.tflite``, the report, and ``predict``.

    Raises:
        UserError: for arguments, data or a network that cannot work, before anything is trained.
    """
    store, runs = Path(store), Path(runs)
    name = as_path(model, store)
    fields = _fields(settings)
    if pixels is not None:
        fields.append(f"data.pixels={as_toml(pixels)}")
    if data is not None:
        fields = [*_data_settings(data), *fields]
    pipeline = _pipeline(name, recipe, None if teacher is None else as_path(teacher, store), fields, seed)
    return _run(
        pipeline, _dataset(pipeline, train, test, validation, data, classes), store, runs, force, progress, strategy
    )


def distill(
    teacher: Any,
    student: Any,
    train: Any = None,
    test: Any = None,
    validation: Any = None,
    *,
    data: str | None = None,
    classes: Sequence[str] | None = None,
    settings: Mapping[str, Any] | Sequence[str] = (),
    seed: int | None = None,
    store: str | Path = "store",
    runs: str | Path = "runs",
    force: bool = False,
    progress: Progress | None = None,
    strategy: str | None = None,
) -> Result:
    """Trains ``student`` on the labels and on the outputs of the trained ``teacher``, and exports it in float32.

    What is not listed here is as for ``shrink``.

    Args:
        teacher: a trained network, given in the same ways as ``model`` of ``shrink``.
        student: the network that learns: in memory, a path, or the name of a network.
        settings: fields of the pipeline, such as {"student.epochs": 30, "student.temperature": 2.0}.

    Returns:
        A ``Result`` with the student's float32 ``.tflite``.

    Raises:
        UserError: for arguments, data or a network that cannot work, before anything is trained.

    References:
        Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015.
    """
    store, runs = Path(store), Path(runs)
    fields = [f"teacher.saved_model={as_toml(as_path(teacher, store))}", f"student.{_network(as_path(student, store))}"]
    fields += _fields(settings)
    if data is not None:
        fields = [*_data_settings(data), *fields]
    pipeline = read_pipeline("distill", fields, seed)
    return _run(
        pipeline, _dataset(pipeline, train, test, validation, data, classes), store, runs, force, progress, strategy
    )


def _pipeline(name: str, recipe: str, teacher: str | None, settings: list[str], seed: int | None) -> Pipeline:
    if recipe == "default":
        return read_pipeline(name, settings, seed, teacher, trained=teacher is None and name not in MODELS)
    if teacher is not None:
        raise UserError(
            'teacher= works only with recipe="default": for another recipe, set the stage\'s field teachers in settings'
        )
    path, _, _ = find(recipe)
    stages = tomllib.loads(path.read_text()).get("stage", [])
    takers = [stage for stage in stages if issubclass(STAGES.get(str(stage.get("kind")), Stage), NetworkStage)]
    if not takers:
        raise UserError(f"the pipeline {recipe} has no stage that starts from a network, so it cannot use yours")
    chosen = next((stage for stage in takers if "model" not in stage and "input" not in stage), takers[0])
    return read_pipeline(recipe, [f"{chosen['name']}.{_network(name)}", *settings], seed)


def _network(name: str) -> str:
    return f"{'model' if name in MODELS else 'saved_model'}={as_toml(name)}"


def _data_settings(data: str) -> list[str]:
    """The fields for what `--data` means."""
    name, path = meant_by(data)
    return [f"data.name={as_toml(name)}", *([] if path is None else [f"data.path={as_toml(path)}"])]


def _dataset(
    pipeline: Pipeline, train: Any, test: Any, validation: Any, data: str | None, classes: Sequence[str] | None
) -> Dataset:
    if train is None:
        if data is None:
            raise UserError(
                "no data given: give train=(x, y), or data= with a folder of images, an .npz file or the name of a "
                "data set"
            )
        return pipeline.data.load()
    if data is not None:
        raise UserError("train=(x, y) and data= were both given: give only one")
    from compress.api.data import dataset_of

    return dataset_of(train, test, validation, classes)


def _run(
    pipeline: Pipeline,
    dataset: Dataset,
    store: Path,
    runs: Path,
    force: bool,
    progress: Progress | None,
    strategy: str | None,
) -> Result:
    if strategy not in (None, "mirrored"):
        raise UserError(
            f'strategy = "{strategy}" is not available from Python: use "mirrored", or `jetslim run` for '
            "several workers"
        )
    links(pipeline)
    planned = plan(pipeline, dataset)
    last = planned.steps[-1].stage
    if not last.is_final:
        raise UserError(f"the pipeline {pipeline.name} does not end with an export stage")
    run, _ = carry_out(
        planned,
        Store(store),
        runs,
        progress or Progress(),
        Clock(),
        force=force,
        strategy=strategy_called(strategy),
    )
    folder = runs / pipeline.name
    path = folder / f"{len(planned.steps)}-{last.name}" / "model.tflite"
    return Result(folder, path, dataset.label_names, run)


def _fields(settings: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Settings as ``--set`` has them."""
    if not isinstance(settings, Mapping):
        return list(settings)
    return [f"{key}={as_toml(value)}" for key, value in settings.items()]
