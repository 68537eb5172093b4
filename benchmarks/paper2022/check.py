"""What can go wrong is looked for before anything is trained."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks import run_study
from benchmarks.paper2022 import latency, sizes
from benchmarks.paper2022.profile import Networks, Point, check_alike, points
from benchmarks.paper2022.study import Study
from benchmarks.paper2022.today import read_kept
from compress.artifacts import Store
from compress.clock import Clock
from compress.distill.activation_boundary import ActivationBoundary
from compress.errors import UserError
from compress.models import MODELS
from compress.pipeline import Networks as Loaded
from compress.pipeline import Pipeline, links, load_libraries, look_ahead, plan
from compress.pipeline.context import context
from compress.stages.distill import Distill
from compress.stages.network import NetworkStage
from compress.training import Progress


def check(study: Study, results: Path, runs: Path, store: Path) -> None:
    """Raises UserError for what cannot work, and for a result that cannot be read."""
    kept = read_kept(results)
    if "sizes" in study.parts:
        sizes.check(study.profile)
    for point in study.points:
        check_point(point, study)
    all_turns = study.turns(kept)
    missing = {point.table: point for point in reversed(study.points) if not study.is_there(point, kept)}
    for turns in all_turns:
        (point,) = points(study.profile, turns.table, turns.seed)
        if study.is_there(point, kept) and not turns.is_there(kept[point.name], kept):
            turns.check_folder(runs)
            if missing and turns.side != kept[point.name].data.shape[0]:  # or it would be found after their training
                turns.check_side(runs)
    for table, point in missing.items():
        sides = [turns.side for turns in all_turns if turns.table == table == "8"]
        check_networks(point, study, sides, Store(store))


def check_point(point: Point, study: Study) -> None:
    """Raises UserError, with the point, for a pipeline or data that cannot be."""
    try:
        pipeline = point.pipeline()
        if point.table != "recipe":
            check_alike(pipeline)
        check_layers(pipeline, study.profile.networks)
        links(pipeline)
        task = plan(pipeline, run_study.dataset(pipeline.data, study.data_dir)).task
        if task.name != "classification":
            raise UserError(f"the paper's tables are of a classification, the data are for {task.name}")
    except UserError as error:
        raise UserError(f"{point.name}: {error}") from error


def check_layers(pipeline: Pipeline, networks: Networks) -> None:
    """Raises UserError for networks whose layers have to be named, and are not."""
    if all(name in MODELS and name.startswith("densenet") for name in (networks.teacher, networks.student)):
        return
    for stage in pipeline.stages:
        method = stage.method if isinstance(stage, Distill) else None
        if isinstance(method, ActivationBoundary) and method.layers is None:
            raise UserError(
                f"{stage.name} compares layers of {networks.teacher} and {networks.student}, and only DenseNets have a "
                f'default: under [[training]] with stages = ["{stage.name}"], set method = {{ layers = '
                '[["teacher\'s layer", "student\'s layer"]] }'
            )


def check_networks(point: Point, study: Study, sides: Sequence[int], store: Store) -> None:
    """Raises UserError, with the point, for networks of the user's own that a stage cannot work with, and for those
    whose latency cannot be measured at the ``sides``."""
    load_libraries()
    pipeline, clock, progress = point.pipeline(), Clock(), Progress()
    planned = plan(pipeline, run_study.dataset(pipeline.data, study.data_dir))
    loaded = Loaded(planned, store, clock, progress)
    try:
        look_ahead(planned, store, loaded, progress, clock)
        for step in planned.steps if sides else ():
            stage = step.stage
            if isinstance(stage, NetworkStage) and stage.name in ("teacher", "distilled"):
                network = stage.network(context(step, planned, loaded, progress, clock))
                for side in sides:
                    latency.resized(network, stage.model or f"{stage.saved_model}", side)
    except UserError as error:
        raise UserError(f"{point.name}: {error}") from error
    finally:
        progress.stop()
