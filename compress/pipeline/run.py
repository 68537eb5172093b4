"""Runs a plan: makes what is missing, measures latency and writes run.json."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from compress import artifacts
from compress.artifacts import Store
from compress.clock import Clock
from compress.pipeline import host_latency, machine, operator_facts, preflight, run_folder
from compress.pipeline.context import context
from compress.pipeline.gather_results import results
from compress.pipeline.make import Made, load_libraries, make
from compress.pipeline.networks import Networks
from compress.pipeline.page import write_page, write_worst
from compress.pipeline.plan import Plan
from compress.pipeline.take_part import meet
from compress.results import Latency, Run, as_json
from compress.training import ONE_DEVICE, Progress, Strategy


def run(
    plan: Plan,
    store: Store,
    runs: Path,
    progress: Progress,
    clock: Clock,
    callbacks: Callable[[str], tuple[Any, ...]] = lambda stage: (),
    force: bool = False,
    strategy: Strategy = ONE_DEVICE,
) -> Run:
    """Runs the plan; returns the results, which are also written to ``runs/<pipeline>/run.json``.

    Where the ``strategy`` has several workers, this is the chief's part; the others' is ``take_part``.
    """
    folder = runs / plan.pipeline.name
    with clock("import"):
        progress.doing("loading TensorFlow")
        load_libraries()
    networks = Networks(plan, store, clock, progress, strategy)
    meet(plan, store, strategy)
    strategy.from_chief(lambda: look_ahead(plan, store, networks, progress, clock, force, strategy))
    link = partial(run_folder.link, folder)
    artifacts_by_key = make(plan, store, networks, progress, clock, callbacks, link, strategy)
    run_folder.drop_after(folder, len(plan.steps))
    write_page(plan, artifacts_by_key, folder)
    write_worst(plan, artifacts_by_key, folder)
    with clock("latency"):
        progress.doing("measuring latency on this host", logged=True)
        timed = latencies(plan, store, artifacts_by_key)
    with clock("profile"):
        operator_facts.write(plan, artifacts_by_key, store, networks, folder)
    results_of_run = results(plan, artifacts_by_key, timed, machine.account(clock))
    artifacts.files.write_json(folder / "run.json", artifacts.files.seal(as_json(results_of_run)))
    return results_of_run


def look_ahead(
    plan: Plan,
    store: Store,
    networks: Networks,
    progress: Progress,
    clock: Clock,
    force: bool = False,
    strategy: Strategy = ONE_DEVICE,
) -> None:
    """Raises UserError for networks of the user's own that a stage which will run could not work with, and for stages
    that could not train under the ``strategy``.

    ``force`` lets trained networks pass that know no more of the data than chance.
    """
    preflight.check(
        [step for step in plan.steps if store.find(step.key) is None],
        networks,
        lambda step: context(step, plan, networks, progress, clock, strategy=strategy),
        force,
    )


def latencies(plan: Plan, store: Store, artifacts_by_key: Made) -> dict[str, Latency]:
    """Stage -> latency of its file on this machine; call it while nothing else runs."""
    return {name: host_latency.latency(store, artifacts_by_key[export.key][0]) for name, export in plan.exports.items()}
