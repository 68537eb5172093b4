"""The stage that removes channels: what it leaves, what it says, what it refuses; the same when killed."""

import json
import re
import shutil
import signal
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest

from compress import artifacts, models
from compress.distill import Logits, Outputs, Sigmoids
from compress.errors import UserError
from compress.pipeline import links, read_pipeline
from compress.results import Change, NetworkFacts, read_run
from compress.rewrite import as_plain_layers
from compress.stages.narrow import Narrow
from compress.stages.narrow_rounds import Decision, Rounds, doubts
from compress.tasks import TASKS

Classification, MultiLabel, Regression = (TASKS[name] for name in ("classification", "multi_label", "regression"))
TOML = """
[data]
name = "folder"
path = "{path}"
size = 16

[[stage]]
name = "trained"
kind = "train"
model = "resnet8"
epochs = 2
batch_size = 6

[[stage]]
name = "narrowed"
kind = "narrow"
epochs = 2
batch_size = 6
{fields}
"""


@pytest.fixture
def written(colours, tmp_path):
    def write(fields):
        path = tmp_path / "narrow.toml"
        path.write_text(TOML.format(path=colours, fields=fields))
        return path

    return write


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("", "narrow needs exactly one of latency, latency_ms, parameters, flops$"),
        ("latency = 0.5\nflops = 0.5", "narrow needs exactly one of .*, not latency and flops"),
        ("latency = 0.0", "latency = 0 leaves nothing"),
        ("latency = 1.5", "latency"),
        ("latency_ms = 0.0", "latency_ms"),
        ('flops = 0.5\ndevice = "board.json"', "device works only with latency or latency_ms, not with flops"),
        ('latency = 0.5\ndevice = "board.json"', "device board.json cannot be read"),
        ("flops = 0.5\nrounds = 3", "rounds = 3 is more than the number of epochs .2."),
        ('flops = 0.5\nteachers = ["trained", "trained"]', "teacher 'trained' is listed twice"),
        ('flops = 0.5\nteachers = ["trainer"]', "teacher 'trainer' is neither an earlier stage"),
        (
            'flops = 0.5\nmethod = { name = "activation_boundary" }',
            "compares layers, but narrowing removes their channels",
        ),
        ('flops = 0.5\nimportance = "l3"', "importance"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(written, fields, words):
    with pytest.raises(UserError, match=words):
        links(read_pipeline(str(written(fields))))


def test_a_table_of_something_else_is_no_device(written, tmp_path):
    (tmp_path / "board.json").write_text('{"schema": "jetslim-board/3"}')
    with pytest.raises(UserError, match="is not a table made by"):
        links(read_pipeline(str(written(f'latency = 0.5\ndevice = "{tmp_path}/board.json"'))))


def test_a_damaged_table_is_one_line(written, tmp_path):
    (tmp_path / "board.json").write_text('{"schema": "jetslim-operators/1", "operators": {"a": 3}, "machine": {}}')
    with pytest.raises(UserError, match=r"device .*board\.json: the field operators\.a is not valid"):
        links(read_pipeline(str(written(f'latency = 0.5\ndevice = "{tmp_path}/board.json"'))))


def test_narrow_after_prune_is_refused(written):
    path = written("flops = 0.5")
    prune = '[[stage]]\nname = "pruned"\nkind = "prune"\nfinal_sparsity = 0.5\nepochs = 1\n\n'
    path.write_text(path.read_text().replace('[[stage]]\nname = "narrowed"', f'{prune}[[stage]]\nname = "narrowed"'))
    with pytest.raises(UserError, match="narrow after prune .* narrow first, then prune"):
        links(read_pipeline(str(path)))


@pytest.mark.parametrize(("task", "method"), [(Classification, Logits), (MultiLabel, Sigmoids), (Regression, Outputs)])
def test_the_method_is_that_of_the_task(task, method):
    assert isinstance(Narrow(name="narrowed", flops=0.5, epochs=1).method_for(task()), method)


@pytest.fixture(scope="session")
def facts(small):
    path = small.folder / "runs/small/3-narrowed/stage.json"
    return artifacts.Artifact("", path.parent.resolve()).facts_as(NetworkFacts)


def test_the_facts_say_what_is_left(facts, small):
    narrowing = facts.narrowing
    assert (narrowing.target, narrowing.asked) == ("parameters", 0.6)
    assert narrowing.parameters.after <= 0.6 * narrowing.parameters.before
    assert narrowing.macs.after < narrowing.macs.before
    assert (narrowing.predicted_ms, narrowing.measured_ms) == (None, None)
    network = artifacts.load(small.folder / "runs/small/3-narrowed/saved_model")
    assert network.count_params() == narrowing.parameters.after == facts.params
    for name, (before, after) in narrowing.channels.items():
        layer = network.get_layer(name)
        assert layer.get_weights()[0].shape[-1] == after <= before
        assert after % 8 == 0 or after == before
    assert narrowing.pinned == {"the network's input": 3, "the network's output": 3}


def test_the_next_stages_read_the_narrower_network(small):
    run = read_run(small.folder / "runs/small/run.json")
    assert run.stage("narrowed").narrowing is not None
    assert run.stage("pruned").params == run.stage("narrowed").params < run.stage("distilled").params
    assert run.stage("exported").tflite_bytes < 0.4 * run.stage("narrowed").tflite_bytes


def test_the_report_shows_the_channels(small):
    report = (small.folder / "runs/small/report.md").read_text()
    assert "## Channels removed" in report
    assert "`narrowed` was to leave at most 60% of the parameters" in report
    assert re.search(r"\| parameters \| [\d,]+ \| [\d,]+ \| [\d.]+% \|", report)
    assert "Channels that cannot be removed: 3 (the network's input); 3 (the network's output)." in report
    assert (small.folder / "runs/small/plots/channels.png").is_file()


def test_the_screen_says_what_each_round_left(small):
    assert (
        len(re.findall(r"round [12] of 2: [\d,]+ of [\d,]+ channels, [\d,]+ of [\d,]+ parameters", small.output)) == 2
    )


@pytest.fixture
def run(written, jetslim, tmp_path):
    def call(fields, *words):
        return jetslim("run", written(fields).name, *words, cwd=tmp_path)

    return call


def narrowing(folder):
    return read_run(folder / "runs/narrow/run.json").stage("narrowed").narrowing


def test_half_of_the_latency_is_measured(run, tmp_path):
    done = run("latency = 0.5")
    assert done.returncode == 0, done.stderr
    result = narrowing(tmp_path)
    assert result.measured_ms.after / result.measured_ms.before <= 0.55
    assert result.predicted_ms.after / result.predicted_ms.before < 0.75
    assert result.device["cpu"]
    (table,) = (tmp_path / "store/measurements").glob("*/operators-litert-*.json")
    known = json.loads(table.read_text())
    assert known["schema"] == "jetslim-timings/1"
    assert len(known["operators"]) > 5
    # another target times nothing anew
    done = run("latency = 0.6")
    assert done.returncode == 0, done.stderr
    assert "timing" not in done.stdout
    report = (tmp_path / "runs/narrow/report.md").read_text()
    assert "latency of the int8 file (ms), whole file, measured in turns" in report


def test_a_setting_takes_the_place_of_the_target_in_the_file():
    (narrowed,) = (stage for stage in read_pipeline("densenet121").stages if stage.kind == "narrow")
    assert (narrowed.flops, narrowed.latency) == (None, 0.35)
    (narrowed,) = (
        stage for stage in read_pipeline("densenet121", ["narrowed.flops=0.5"]).stages if stage.kind == "narrow"
    )
    assert (narrowed.flops, narrowed.latency) == (0.5, None)
    both = read_pipeline("densenet121", ["narrowed.flops=0.5", "narrowed.parameters=0.5"])
    with pytest.raises(UserError, match="exactly one of .*, not parameters and flops"):
        links(both)


@pytest.mark.parametrize(("latency_left", "macs_left", "lines"), [(0.31, 0.05, 1), (0.35, 0.25, 0), (0.5, 0.26, 0)])
def test_a_processor_that_is_hardly_faster_with_fewer_channels_is_said(latency_left, macs_left, lines):
    said = doubts(latency_left, macs_left)
    assert len(said) == lines
    assert all("only 0.05 of the multiplications are left for 0.31 of the latency" in line for line in said)


def test_a_worker_takes_the_choice_of_the_chief_and_times_nothing(tmp_path):
    """Its context has no data and no timings, which choosing would need."""
    decision, said = asdict(Decision([], 0.7, (2.0, 1.0), 1.4, 0.5)), []
    context = SimpleNamespace(
        strategy=SimpleNamespace(from_chief=lambda decide: decision),
        progress=SimpleNamespace(say=said.append),
        timings=SimpleNamespace(machine={}),
    )
    network = as_plain_layers(models.build("resnet8", 32, 3))
    rounds = Rounds(Narrow(name="narrowed", latency=0.5, epochs=1), network, context, tmp_path)
    rounds.remove(1)
    (line,) = said
    assert line.endswith("1 of 2 ms in int8 (0.50, predicted 0.50)")
    facts = rounds.facts()
    assert (facts.asked, facts.predicted_ms, facts.measured_ms) == (0.5, Change(1.4, 0.7), Change(2.0, 1.0))
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_reached_is_said_before_it_trains(run, tmp_path):
    done = run("parameters = 0.02")
    assert done.returncode == 2
    assert re.search(
        r"'narrowed': parameters = 0\.02 cannot be reached: with the fewest channels .*, 0\.\d+ of it is left\n",
        done.stderr,
    )
    assert "trained  epoch" not in done.stdout


def test_uniform_takes_the_same_share_everywhere(run, tmp_path):
    assert run('flops = 0.3\nchoice = "uniform"').returncode == 0
    shares = {after / before for before, after in narrowing(tmp_path).channels.values() if before >= 16}
    assert max(shares) <= min(shares) + 0.26  # by eights of 16, 32 and 64


@pytest.mark.slow
def test_killed_and_resumed_the_choice_by_latency_is_the_same(written, running, tmp_path):
    """Times are kept with the store, so what follows from them is the same: an uninterrupted run has them, too."""
    path = written("latency = 0.5\nrounds = 2")
    first = running(["run", path.name], tmp_path)
    first.until("round 2 of 2")
    first.send(signal.SIGKILL)
    first.end()
    second = running(["run", path.name], tmp_path)
    assert second.end() == 0, second.output
    assert "narrowed  epoch 1/" not in second.output
    killed = artifacts.load(tmp_path / "runs/narrow/2-narrowed/saved_model")

    (tmp_path / "again").mkdir()
    shutil.copy(path, tmp_path / "again")
    shutil.copytree(tmp_path / "store/measurements", tmp_path / "again/store/measurements")
    whole = running(["run", path.name], tmp_path / "again")
    assert whole.end() == 0, whole.output
    uninterrupted = artifacts.load(tmp_path / "again/runs/narrow/2-narrowed/saved_model")
    for one, other in zip(killed.get_weights(), uninterrupted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_layer_to_keep_that_is_not_there_is_said_before_anything_is_trained(run, tmp_path):
    done = run('flops = 0.5\nkeep = ["steam*"]')
    assert done.returncode == 2
    assert "keep: unknown layer 'steam*'" in done.stderr
    assert "trained  epoch" not in done.stdout


def test_a_latency_that_cannot_be_reached_is_timed_before_it_is_refused(run, tmp_path):
    done = run("latency = 0.05\nrounds = 2")
    assert done.returncode == 2
    assert re.search(
        r"latency = 0\.05 cannot be reached: with the fewest .*, 0\.\d+ of it is left; channels that cannot be removed: 3",
        done.stderr,
    )
    assert "narrowed  epoch" not in done.stdout
