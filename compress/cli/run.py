"""``jetslim run`` and ``jetslim check``."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from compress.cli.columns import aligned
from compress.cli.expected import free_bytes, in_words
from compress.cli.options import (
    cache_option,
    data_options,
    force_option,
    pipeline_options,
    runs_option,
    store_option,
    strategy_option,
)
from compress.cli.screen import Screen, screen_options
from compress.results import Run, as_json


@click.command(short_help="Run a pipeline: make what is missing, measure and report.")
@pipeline_options
@data_options
@store_option
@runs_option()
@cache_option
@force_option
@strategy_option(
    ("mirrored", "multi_worker"),
    "Train on all GPUs of this machine, or on the workers of TF_CONFIG (how-to/several-gpus.md of the documentation).",
)
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard (needs jetslim[tensorboard]).")
@screen_options(quiet_help="Print nothing but the path of the exported file, and errors.")
def run(
    pipeline: str,
    settings: tuple[str, ...],
    seed: int | None,
    teacher: str | None,
    trained: bool,
    data_dir: Path | None,
    skip_bad_images: bool,
    store_folder: Path,
    runs: Path,
    cache_limit_bytes: float,
    force: bool,
    strategy: str | None,
    tensorboard: bool,
    screen: Screen,
) -> None:
    """Run PIPELINE: the name of a shipped one, a TOML file, or a network (any of keras.applications, or a path).

    Finished stages are taken from the store; an interrupted one goes on at its last finished epoch.

    \b
    Examples:
      jetslim run densenet121
      jetslim run mobilenetv2 --teacher resnet50
      jetslim run net.keras --trained --set data.name=folder --set data.path=photos
      jetslim run ptq --set loaded.saved_model=net.keras
      jetslim run my-pipeline.toml --set pruned.final_sparsity=0.95 --set data.name=cifar10 --data-dir ~/data
    """
    from compress.clock import Clock

    clock = Clock()
    with clock("import"):
        from compress.api import carry_out
        from compress.artifacts import Store
        from compress.pipeline import machine, take_part
        from compress.training import strategy_called

    clock.seconds["import"] = machine.seconds_since_start()  # the interpreter's own start, too
    chosen = strategy_called(strategy)
    if strategy is not None:
        screen.remark(chosen.said())
    plan = load_plan(pipeline, settings, seed, teacher, trained, data_dir, skip_bad_images, clock)
    if not chosen.is_chief:
        progress = screen.progress()
        try:
            take_part(plan, Store(store_folder), progress, clock, chosen)
        finally:
            progress.stop()
        screen.remark("done: the chief (worker 0) writes the results")
        return
    folder = runs / plan.pipeline.name
    callbacks = _tensorboard(folder / "tensorboard") if tensorboard else lambda stage: ()
    store = Store(store_folder, cache_limit_bytes)
    results, written = carry_out(plan, store, runs, screen.progress(), clock, callbacks, force, chosen)
    show(results, folder, [path for path in written if path.stem in ("table", "calibration")], screen)


def show(results: Run, folder: Path, tables: list[Path], screen: Screen) -> None:
    """The table on the screen, and where everything is; quietly the path of the exported file alone."""
    from compress.report import table

    last = results.stages[-1]
    exported = folder / f"{len(results.stages)}-{last.name}" / "model.tflite"
    file = str(exported) if exported.is_file() else None
    screen.json({**as_json(results), "folder": str(folder), "exported": file})
    if screen.quiet:
        screen.line(file or str(folder / "report.md"))
        return
    screen.line()
    rows = table.on_screen(results)
    for line in aligned(rows, numbers=len(rows[0]) - 1):
        screen.line(line)
    screen.line()
    screen.line(table.latency_note(results))
    screen.line(_seconds(results.seconds))
    screen.line(
        f"exported: {file} (and model.sparse.tflite)"
        if file
        else "Nothing was exported: the pipeline has no export stage at its end."
    )
    screen.line(f"report:   {folder / 'report.html'} (and report.md)")
    screen.line(f"tables:   {', '.join(map(str, tables))}")


@click.command(short_help="Say what a run would do and how long it takes; write nothing.")
@pipeline_options
@data_options
@store_option
@force_option
@screen_options()
def check(
    pipeline: str,
    settings: tuple[str, ...],
    seed: int | None,
    teacher: str | None,
    trained: bool,
    data_dir: Path | None,
    skip_bad_images: bool,
    store_folder: Path,
    force: bool,
    screen: Screen,
) -> None:
    """Say what `jetslim run PIPELINE` would do; check the file, the data and your own networks, write nothing.

    \b
    Example:
      jetslim check densenet121 --set pruned.final_sparsity=0.95
    """
    from compress.api.carry_out import notes
    from compress.artifacts import Store
    from compress.clock import Clock
    from compress.pipeline import Networks, look_ahead
    from compress.pipeline.estimate import estimate, speed

    plan = load_plan(pipeline, settings, seed, teacher, trained, data_dir, skip_bad_images, clock := Clock())
    store = Store(store_folder)
    progress = screen.progress()
    networks = Networks(plan, store, clock, progress)
    try:
        look_ahead(plan, store, networks, progress, clock, force)
        now = speed()
        expected = estimate(plan, store, networks.cost, now)
    finally:
        progress.stop()
    data = plan.dataset
    screen.line(f"{plan.pipeline.name}: {headline(plan)}; seed {plan.pipeline.seed}")
    for note in notes(plan):
        screen.remark(f"note: {note}")
    stages = [_stage(step, store) for step in plan.steps]
    for number, stage in enumerate(stages, start=1):
        reads = [*stage["reads"], *(f"teacher {teacher}" for teacher in stage["teachers"])]
        state = f"made before: {stage['path']}" if stage["path"] else STATES[stage["state"]]
        source = ", ".join(reads) or "no earlier stage"
        screen.line(f"  {number}. {stage['name']:<12} {stage['kind']:<9} reads {source:<28} {state}")
    screen.json(
        {
            "pipeline": plan.pipeline.name,
            "seed": plan.pipeline.seed,
            "task": plan.task.name,
            "data": {
                "name": data.name,
                "label_names": list(data.label_names),
                "shape": list(data.shape),
                **{split: len(getattr(data, split)) for split in ("train", "validation", "test")},
            },
            "notes": notes(plan),
            "stages": stages,
            "estimate": {**asdict(expected), "free_bytes": free_bytes(store_folder)},
        }
    )
    for line in in_words(expected, now.busy, free_bytes(store_folder)):
        screen.line(line)


def headline(plan: Any) -> str:
    """What is learned from how many images, in a line."""
    from compress.errors import few

    data = plan.dataset
    count = f"{len(data.label_names)}: " if len(data.label_names) > 1 else ""
    return (
        f"{data.name}, {len(data.train)} training, {len(data.validation)} validation and {len(data.test)} test images; "
        f"{plan.task.name} of {count}{few(data.label_names)}"
    )


STATES = {"missing": "will run", "interrupted": "was interrupted, and goes on"}


def _stage(step: Any, store: Any) -> dict[str, Any]:
    """What is known of a step before it runs."""
    artifact = store.find(step.key)
    started = (store.root / "work" / step.key).exists()
    return {
        "name": step.stage.name,
        "kind": step.stage.kind,
        "reads": [step.input.stage.name] if step.input else [],
        "teachers": [str(t) if isinstance(t, Path) else t.stage.name for t in step.teachers],
        "state": "finished" if artifact else "interrupted" if started else "missing",
        "path": str(artifact.path) if artifact else None,
    }


def load_plan(
    name: str,
    settings: tuple[str, ...],
    seed: int | None,
    teacher: str | None,
    trained: bool,
    data_dir: Path | None,
    skip_bad_images: bool,
    clock: Any,
) -> Any:
    from compress.pipeline import links, plan, read_pipeline

    pipeline = read_pipeline(name, settings, seed, teacher, trained)
    links(pipeline)  # a mistake in the file shows before data are read, or downloaded
    with clock("data"):
        dataset = pipeline.data.load(data_dir, skip_bad_images)
    return plan(pipeline, dataset)


def _tensorboard(folder: Path) -> Any:
    from compress.errors import UserError

    try:
        import tensorboard  # noqa: F401
    except ImportError as error:
        raise UserError("--tensorboard needs the package tensorboard: pip install 'jetslim[tensorboard]'") from error
    from compress import keras

    return lambda stage: (keras.callbacks.TensorBoard(str(folder / stage), profile_batch=0, write_graph=False),)


def _seconds(seconds: dict[str, float]) -> str:
    from compress.progress import duration

    outside = {cause: spent for cause, spent in seconds.items() if cause not in ("wall", "training")}
    longest = sorted(outside.items(), key=lambda item: -item[1])[:3]
    parts = ", ".join(f"{cause} {duration(spent)}" for cause, spent in longest)
    training = duration(seconds.get("training", 0.0))
    return f"It took {duration(seconds['wall'])} in all: training {training}, and of the rest most for {parts}."
