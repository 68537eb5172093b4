"""A study of one's own: mistakes are said before anything is trained, and results are those of today's profile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import run_study
from benchmarks.paper2022 import __main__ as command
from benchmarks.paper2022 import epochs, latency, sizes
from benchmarks.paper2022.latency import Turns
from benchmarks.paper2022.profile import HERE, OF_ANY_NETWORK, data_of, points, read
from benchmarks.paper2022.study import Study
from benchmarks.paper2022.today import is_of, read_kept, today
from benchmarks.studies import NetworksInTurns, TaughtEpochs, UntrainedSizes
from compress.artifacts import files
from compress.errors import Failure
from compress.results import DataFacts, Run, StageResult, as_json

ROOT = Path(__file__).parents[2]
PROFILE = """
tables = ["3"]

[networks]
teacher = "resnet8"
student = "resnet8"

[data]
name = "digits"
size = 16

[[training]]
stages = ["teacher", "further", "pruned"]
epochs = 1
batch_size = 64

[points.3]
"pruned.final_sparsity" = [0.5]
"""
WHOLE = """
[networks]
teacher = "net.h5"
student = "resnet8"

[data]
name = "digits"

[[training]]
stages = ["*"]
epochs = 6

[[training]]
stages = ["distilled"]
method = { init_epochs = 1, layers = [["conv", "stage1_block1_add"]] }
"""
RESULT = "table-3-pruned.final_sparsity=0.5-seed0"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where a user works; what profiles share is there, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "WORK", tmp_path / "work")
    return tmp_path


def profile(text=PROFILE, changes=()):
    """The profile mine.toml, with changes."""
    for old, new in dict(changes).items():
        assert old in text
        text = text.replace(old, new)
    Path("mine.toml").write_text(text)
    return read(Path("mine.toml"))


def study(*arguments):
    command.main(["--profile", "mine.toml", *arguments])


def own_network(height=16, width=16):
    """Whose weights depend on the size of its images."""
    from compress import keras

    layers = keras.layers
    image = keras.Input((height, width, 3))
    x = layers.Conv2D(16, 3, padding="same", name="conv")(image)
    outputs = layers.Dense(10)(layers.Flatten()(layers.MaxPooling2D(4)(layers.ReLU()(x))))
    keras.Model(image, outputs).save("net.h5")


def test_a_tiny_study_is_made_once_and_shows_today_s_profile_alone(folder, capsys):
    profile()
    study()
    own = folder / "runs" / "paper2022-mine"
    (kept,) = (own / "results").glob("*.json")
    run = json.loads(kept.read_text())
    assert [stage["name"] for stage in run["stages"]] == ["teacher", "further", "pruned"]
    assert run["stages"][2]["kernel_sparsity"] == pytest.approx(0.5, abs=0.01)
    shown = "1,294 training and 359 test images of digits at 16x16, never augmented; seed 0."
    assert shown in (own / "RESULTS.md").read_text()
    assert (own / "paper2022-sparsity.png").is_file()
    assert not {"## Goals", "### A credible accuracy"} & {*(own / "RESULTS.md").read_text().splitlines()}
    capsys.readouterr()
    study()
    assert f"{RESULT}.json is there" in capsys.readouterr().out

    profile(changes={"epochs = 1": "epochs = 3"})
    study("--tables")
    assert f"left out, not of today's profile or data: {RESULT} (in " in capsys.readouterr().out
    assert shown not in (own / "RESULTS.md").read_text()
    profile()
    study("--tables")
    assert "left out" not in capsys.readouterr().out
    assert shown in (own / "RESULTS.md").read_text()

    kept.write_text(kept.read_text()[:500])
    with pytest.raises(SystemExit, match=r"0\.json is no JSON: .*; remove the file, and it is made again"):
        study()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({'"resnet8"': '"resnet9"'}, "unknown network 'resnet9'"),
        ({'"further", "pruned"': '"farther"'}, "unknown stage 'farther'"),
        ({'tables = ["3"]': 'tables = ["2"]'}, "unknown table '2'"),
        ({"pruned.final": "pruned.initial"}, "unknown field 'pruned.initial_sparsity'"),
        ({'"digits"': '"turned_digits"'}, "the paper's tables are of a classification"),
        ({'["3"]': '["3", "8"]', "points.3": "points.8"}, "table 8 has no field with several values"),
        ({"points.3": "points.6"}, "points has values for table 6, which is not in tables"),
        ({"points.3": "points.sizes"}, "points: unknown table 'sizes'"),
        ({"[0.5]": "[]"}, "pruned.final_sparsity has no values"),
        ({'["3"]': '["3"]\nseeds = []'}, "a list of seeds is empty"),
        ({'["3"]': '["3"]\nsides = [0]'}, "greater than or equal to 1"),
        ({'"further", "pruned"]': "3]"}, "needs stages, a list of names or patterns"),
        ({"epochs = 1": "epochs = 1\nfinal_sparsity = 0.9"}, "the tables say how many zeros there are"),
        (
            {"[points.3]": '[[training]]\nstages = ["pruned"]\nepochs = 2\n\n[points.3]'},
            "epochs is 1 for further and 2 for pruned, but the table compares them as trained alike",
        ),
        (
            {
                "epochs = 1": "epochs = 2",
                "[points.3]": '[[training]]\nstages = ["pruned"]\nwarmup_epochs = 1\n\n[points.3]',
            },
            "warmup_epochs is 0 for further and 1 for pruned, but the table compares them as trained alike",
        ),
        (
            {
                '["3"]': '["5"]',
                '["teacher", "further", "pruned"]': '["teacher", "student"]',
                "points.3": "points.5",
                '"pruned.final_sparsity" = [0.5]': '"distilled.method.init_epochs" = [1]',
                "batch_size = 64": 'batch_size = 64\n\n[[training]]\nstages = ["distilled"]\nepochs = 3\n'
                'batch_size = 64\nmethod = { layers = [["stage1_block1_add", "stage1_block1_add"]] }',
            },
            "epochs is 1 for student and 3 for distilled, but the table compares them as trained alike",
        ),
        (
            {'["3"]': '["3", "latency"]'},
            "latency is of the networks that table 8 and the recipe leave, and none is there",
        ),
    ],
)
def test_mistakes_are_refused_before_anything_is_trained(folder, changes, words):
    Path("mine.toml").write_text(changed(PROFILE, changes))
    with pytest.raises(SystemExit, match=words):
        study()
    assert not (folder / "work").exists()
    assert not (folder / "runs").exists()


def changed(text, changes):
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    ("head", "size", "words"),
    [
        ('tables = ["3", "sizes"]', (16, 16), "sizes at 224x224 are of networks by name, not of net.h5"),
        (
            "sides = [16, 32]",
            (16, 16),
            r"table-8-seed0: latency: net.h5 cannot read images of 32x32 \(.*\): leave 32 out",
        ),
        ("", (16, 24), "latency is measured for square images, and the data are 16x24x3: give sides"),
    ],
)
def test_networks_of_one_s_own_that_a_late_part_cannot_take_are_refused_first(folder, head, size, words):
    own_network(*size)
    Path("mine.toml").write_text(f"{head}\n{WHOLE}")
    with pytest.raises(SystemExit, match=words):
        study(*([] if "tables" in head else ["--tables", "8", "latency"]))
    assert not (folder / "runs").exists()


def test_a_side_that_a_trained_network_cannot_read_is_told_before_another_table_is_trained(folder):
    from compress import keras

    own_network()
    os.utime("net.h5", (0, 0))
    mine = profile(f"sides = [16, 32]\n{WHOLE}")
    own = folder / "runs" / "paper2022-mine"
    run = results(mine)["table-8-seed0"]
    data = replace(run.data, fingerprint=Study(mine, ["3"]).fingerprints["8"])
    run = replace(run, finished="2026-01-01T00:00:00Z", data=data)
    files.write_json(own / "results" / "table-8-seed0.json", files.seal(as_json(run)))
    network = keras.models.load_model("net.h5")
    for number, name in enumerate(latency.TIMED["8"], 1):
        network.save(own / "runs" / "table-8-seed0" / "table8" / f"{number}-{name}" / "saved_model")
    with pytest.raises(SystemExit, match=r"latency: teacher cannot read images of 32x32 \(.*\): leave 32 out"):
        study("--tables", "3", "latency")
    assert not (folder / "work").exists()


def test_layers_that_have_to_be_named_are_asked_for(folder):
    own_network()
    Path("mine.toml").write_text(changed(WHOLE, {', layers = [["conv", "stage1_block1_add"]]': ""}))
    with pytest.raises(
        SystemExit, match=r"table-5-.*distilled compares layers of net.h5 and resnet8, .* set method = \{ layers"
    ):
        study("--tables", "3", "5")


def test_layers_that_are_not_there_are_found_before_another_table_is_trained(folder):
    own_network()
    Path("mine.toml").write_text(changed(WHOLE, {'"conv"': '"convolution"'}))
    with pytest.raises(SystemExit, match="table-5-distilled.method.init_epochs=1-seed0: .*convolution"):
        study("--tables", "3", "5")
    assert not (folder / "runs").exists()


def test_the_data_are_known_without_trainings(folder):
    assert (
        data_of(profile(changes={'["3"]': '["3", "sizes"]', '["teacher", "further", "pruned"]': '["teacher"]'})).size
        == 16
    )


def test_without_tables_there_is_only_what_works_for_any_networks(folder):
    assert profile(changes={'tables = ["3"]': ""}).tables == OF_ANY_NETWORK
    assert not {"recipe", "epochs", "sizes"} & {*OF_ANY_NETWORK}


def test_networks_of_the_user_s_own_go_by_their_paths(folder):
    (folder / "net.keras").touch()
    (point,) = points(profile(changes={'teacher = "resnet8"': f'teacher = "{folder}/net.keras"'}), "3", 0)
    assert f'teacher.saved_model="{folder}/net.keras"' in point.settings
    assert "teacher.batch_size=64" in point.settings


def test_a_profile_elsewhere_shares_no_runs_with_the_shipped_one(folder):
    shutil.copy(HERE / "cpu.toml", "cpu.toml")
    own, shipped = command.Folders.of(Path("cpu.toml")), command.Folders.of(HERE / "cpu.toml")
    assert own.runs == own.results.parent / "runs"
    assert shipped.runs == folder / "work" / "runs" / "cpu"
    assert own.store == shipped.store


def results(mine):
    """A result for each point of the tables 3 and 8, as if it were measured."""
    return {
        point.name: Run(
            pipeline=point.file.stem,
            seed=0,
            config_toml=point.file.read_text(),
            settings=list(point.settings),
            data=DataFacts(shape=[16, 16, 3], fingerprint="abc", label_names=["0", "1"]),
            stages=[
                StageResult(name=name, key=f"key of {name}") for name in ("teacher", "distilled", "narrowed_pruned")
            ],
        )
        for number in ("3", "8")
        for point in points(mine, number, 0)
    }


def test_a_result_is_of_its_seed_settings_and_data(folder):
    mine = profile()
    (point,) = points(mine, "3", 0)
    assert point.name == RESULT
    run = results(mine)[RESULT]
    assert is_of(run, point)
    assert is_of(run, point, "abc")
    assert not is_of(run, point, "another")
    assert not is_of(replace(run, seed=1), point)
    assert not is_of(replace(run, settings=run.settings[1:]), point)
    assert not is_of(None, point)


def test_a_network_in_a_file_that_was_written_since_makes_a_result_anew(folder):
    own_network()
    mine = profile(WHOLE)
    (point,) = points(mine, "8", 0)
    run = replace(results(mine)["table-8-seed0"], finished="2026-01-01T00:00:00Z")
    assert not is_of(run, point)
    os.utime("net.h5", (0, 0))
    assert is_of(run, point)


def test_a_seed_or_value_that_the_profile_lost_is_not_shown(folder):
    before = results(profile(changes={"[0.5]": "[0.5, 0.75]"}))
    kept = before | {RESULT.replace("seed0", "seed1"): replace(before[RESULT], seed=1)}
    mine = profile()
    shown = today(mine, (), {}, kept)
    assert shown.runs == [kept[RESULT], kept["table-8-seed0"]]
    assert shown.others == [RESULT.replace("0.5", "0.75"), RESULT.replace("seed0", "seed1")]
    assert len(today(mine, [1], {}, kept).runs) == 3  # --seeds 1
    assert today(mine, (), {"3": "another", "8": "another"}, kept).runs == []


def test_latency_and_sizes_are_of_today_s_networks(folder):
    mine, kept = profile(), results(profile())
    turns, run = Turns("8", 0, 16), kept["table-8-seed0"]
    timed = NetworksInTurns(16, 0, [], {}, turns.networks(run))
    trained_again = replace(run, stages=[replace(stage, key="new") for stage in run.stages])
    assert turns.is_there(run, {"latency-16-seed0": timed})
    assert not turns.is_there(trained_again, {"latency-16-seed0": timed})
    assert turns.is_there(trained_again, {"latency-16-seed0": replace(timed, networks={})})  # of before they were kept
    size = UntrainedSizes("resnet8", 224, "float32", 0.0, 1, 1, 1, classes=2)
    studies = {
        "latency-16-seed0": timed,
        "latency-32-seed0": replace(timed, side=32),
        "latency-16-seed1": replace(timed, networks={"teacher": "another"}),
        "size-resnet8-float32-0": size,
        "size-resnet20-float32-0": replace(size, network="resnet20"),
    }
    shown = today(mine, (), {}, kept | studies)
    assert shown.studies == [timed, size]
    assert shown.others == ["latency-32-seed0", "latency-16-seed1", "size-resnet20-float32-0"]
    assert [sizes.is_of(size, 2), sizes.is_of(size, 10), sizes.is_of(replace(size, classes=None), 10)] == [
        True,
        False,
        True,
    ]


def test_latency_is_measured_again_when_table_8_is(folder, monkeypatch, capsys):
    def measure(kept, pipeline, *_):
        run = results(mine)[kept.stem]
        trained = [replace(stage, key=f"{stage.name} {pipeline.stages[0].epochs}") for stage in run.stages]
        files.write_json(kept, files.seal(as_json(replace(run, stages=trained))))

    monkeypatch.setattr(run_study, "measure_in", measure)
    monkeypatch.setattr(latency, "files_of", lambda *_: {"teacher float32": b"abc"})
    monkeypatch.setattr(latency, "in_turns", lambda files, rounds, _: [np.ones(rounds)] * len(files))
    every = {'"resnet8"': '"densenet_tiny"', '["teacher", "further", "pruned"]': '["*"]', "epochs = 1": "epochs = 6"}
    for count, is_new in ((6, True), (6, False), (7, True)):
        mine = replace(
            profile(changes=every), tables=("8", "latency"), points={}, training=({"stages": ["*"], "epochs": count},)
        )
        asked = Study(mine, mine.tables)
        monkeypatch.setattr(Study, "fingerprints", {})
        command.make(asked, folders := command.Folders.of(Path("mine.toml")))
        assert ("latency-16-seed0.json is there" in capsys.readouterr().out) != is_new
        kept = read_kept(folders.results)
        assert kept["latency-16-seed0"].networks["teacher"] == f"teacher {count}"


def test_epochs_are_of_the_recipe_s_networks():
    result = TaughtEpochs("resnet56", "resnet20", epochs.IMAGES, [], batch_size=64)
    assert epochs.is_of_today(result)
    assert epochs.is_of_today(replace(result, batch_size=None))
    assert not epochs.is_of_today(replace(result, batch_size=128))
    assert not epochs.is_of_today(replace(result, student="resnet8"))


def test_every_committed_result_is_of_the_shipped_profile():
    kept = read_kept(ROOT / "benchmarks" / "results" / "paper2022")
    assert kept
    assert today(read(command.SHIPPED), (), {}, kept).others == []


def test_the_document_is_written_and_a_failure_is_one_line(folder, monkeypatch):
    def fail(*_):
        raise Failure("the network rewritten for int8 differs")

    monkeypatch.setattr(run_study, "measure_in", fail)
    profile()
    with pytest.raises(SystemExit, match="error: the network rewritten for int8 differs"):
        study()
    assert (folder / "runs" / "paper2022-mine" / "RESULTS.md").is_file()


def test_a_result_is_kept_whole_or_not_at_all(folder, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    def run(plan, store, runs, *_):
        (runs / plan.pipeline.name).mkdir(parents=True)
        (runs / plan.pipeline.name / "run.json").write_text("{}")

    monkeypatch.setattr(run_study, "run_plan", run)
    monkeypatch.setattr(files.os, "fsync", full)
    (point,) = points(profile(), "3", 0)
    with pytest.raises(OSError, match="no space"):
        run_study.measure_in(folder / "kept.json", point.pipeline(), folder / "runs", folder / "store")
    assert not (folder / "kept.json").exists()


def test_ctrl_c_ends_with_one_line_and_the_document(folder):
    profile(changes={"epochs = 1": "epochs = 1000"})
    code = "import sys; from pathlib import Path; from benchmarks.paper2022 import __main__ as command; "
    code += "command.WORK = Path('work'); command.main(['--profile', 'mine.toml'])"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        ends = time.monotonic() + 120
        while not [*folder.glob("work/store/**/*backup*")] and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == "Stopped. The same command goes on where it was."
    assert "Traceback" not in errors
    assert (folder / "runs" / "paper2022-mine" / "RESULTS.md").is_file()
