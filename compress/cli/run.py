"""``jetslim run`` and ``jetslim check``."""

from pathlib import Path
from typing import Any

import click

from compress.cli.options import FOLDER, cache_option, data_options, force_option, pipeline_options, store_option
from compress.results import Run


@click.command()
@pipeline_options
@data_options
@store_option
@click.option("--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Folder of tables and reports.")
@cache_option
@force_option
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard (needs jetslim[tensorboard]).")
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
    tensorboard: bool,
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
        from compress.pipeline import machine
        from compress.training import Progress

    clock.seconds["import"] = machine.seconds_since_start()  # the interpreter's own start, too
    plan = load_plan(pipeline, settings, seed, teacher, trained, data_dir, skip_bad_images, clock)
    folder = runs / plan.pipeline.name
    callbacks = _tensorboard(folder / "tensorboard") if tensorboard else lambda stage: ()
    results, written = carry_out(
        plan, Store(store_folder, cache_limit_bytes), runs, Progress(), clock, callbacks, force
    )
    show(results, folder, [path for path in written if path.stem in ("table", "calibration")])


def show(results: Run, folder: Path, tables: list[Path]) -> None:
    """The table on the screen, and where everything is."""
    click.echo("")
    click.echo((folder / "table.md").read_text())
    click.echo(_seconds(results.seconds))
    last = results.stages[-1]
    exported = folder / f"{len(results.stages)}-{last.name}" / "model.tflite"
    click.echo(
        f"exported: {exported} (and model.sparse.tflite)"
        if exported.is_file()
        else "nothing was exported: the pipeline has no export stage at its end"
    )
    click.echo(f"report:   {folder / 'report.md'}")
    click.echo(f"tables:   {', '.join(map(str, tables))}")


@click.command()
@pipeline_options
@data_options
@store_option
@force_option
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
) -> None:
    """Say what `jetslim run PIPELINE` would do; check the file, the data and your own networks, write nothing.

    \b
    Example:
      jetslim check densenet121 --set pruned.final_sparsity=0.95
    """
    from compress.api.carry_out import notes
    from compress.artifacts import Store
    from compress.clock import Clock
    from compress.errors import few
    from compress.pipeline import Networks, look_ahead
    from compress.training import Progress

    plan = load_plan(pipeline, settings, seed, teacher, trained, data_dir, skip_bad_images, clock := Clock())
    store = Store(store_folder)
    progress = Progress()
    look_ahead(plan, store, Networks(plan, store, clock, progress), progress, clock, force)
    data = plan.dataset
    count = f"{len(data.label_names)}: " if len(data.label_names) > 1 else ""
    labels = f"{plan.task.name} of {count}{few(data.label_names)}"
    click.echo(
        f"{plan.pipeline.name}: {data.name}, {len(data.train)} training, {len(data.validation)} validation and "
        f"{len(data.test)} test images; {labels}; seed {plan.pipeline.seed}"
    )
    for note in notes(plan):
        click.echo(f"note: {note}")
    for number, step in enumerate(plan.steps, start=1):
        reads = [step.input.stage.name] if step.input else []
        teachers = [t if isinstance(t, Path) else t.stage.name for t in step.teachers]
        source = ", ".join([*reads, *(f"teacher {teacher}" for teacher in teachers)]) or "no earlier stage"
        artifact = store.find(step.key)
        started = (store.root / "work" / step.key).exists()
        state = f"cached: {artifact.path}" if artifact else ("was interrupted: goes on" if started else "will run")
        click.echo(f"  {number}. {step.stage.name:<12} {step.stage.kind:<9} reads {source:<28} {state}")


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
        raise UserError("--tensorboard needs TensorBoard: pip install tensorboard") from error
    from compress import keras

    return lambda stage: (keras.callbacks.TensorBoard(str(folder / stage), profile_batch=0, write_graph=False),)


def _seconds(seconds: dict[str, float]) -> str:
    outside = {cause: spent for cause, spent in seconds.items() if cause not in ("wall", "training")}
    parts = ", ".join(f"{cause} {spent:.1f}" for cause, spent in sorted(outside.items(), key=lambda item: -item[1]))
    return (
        f"{seconds['wall']:.0f} s in all, {seconds.get('training', 0.0):.0f} s of them training; "
        f"{sum(outside.values()):.0f} s outside: {parts}"
    )
