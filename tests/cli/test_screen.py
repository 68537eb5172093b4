"""--json, --quiet, the first screen and the completion of a shell."""

import json

import click
import pytest

from docs.generate.commands import every


def test_jetslim_alone_shows_five_examples_and_the_commands(main):
    code, output, errors = main()
    assert (code, errors) == (0, "")
    examples = output.partition("Examples:")[2].partition("Options:")[0].strip().splitlines()
    assert len(examples) == 5 and all("jetslim " in line for line in examples)
    assert output.index("\n  new ") < output.index("\n  check ") < output.index("\n  run ") < output.index("\n  store ")


@pytest.fixture(scope="module")
def options():
    from compress.cli.main import commands

    every = [command for listed in commands() for command in (listed, *getattr(listed, "commands", {}).values())]
    return [option for command in every for option in command.params if isinstance(option, click.Option)]


def test_every_option_says_what_it_is_for(options):
    assert len(options) > 80
    assert [option.opts for option in options if not option.help] == []


def test_no_option_takes_nan_as_a_number(options):
    floats = [option for option in options if isinstance(option.type, click.types.FloatParamType)]
    assert len(floats) > 2
    for option in floats:
        with pytest.raises(click.BadParameter):
            option.type.convert("nan", option, None)


EXPORTED = "runs/small/6-exported/model.tflite"
PICTURE = "test/red/0.png"
NAMES = ("new", "check", "run", "shrink", "inspect", "groups", "export", "bundle", "evaluate", "compare", "predict",
         "store list", "store prune")  # fmt: skip


@pytest.fixture
def commands(small, colours, monkeypatch, tmp_path):
    """Each command with a result, on what the small pipeline left: (its arguments, what a JSON object must have)."""
    monkeypatch.chdir(small.folder)
    return {
        "new": (
            ["new", tmp_path / "new.toml", "--data", colours, "--network", "resnet8"],
            {"file", "found"},
        ),
        "shrink": (
            [
                "shrink",
                "runs/small/4-pruned/saved_model",
                "--data",
                colours,
                "--recipe",
                "ptq",
                "--set",
                "data.size=16",
                "--set",
                "data.pixels=0..1",
                "--store",
                tmp_path / "store",
                "--runs",
                tmp_path / "runs",
            ],
            {"stages", "data", "exported", "folder", "seconds"},
        ),
        "export": (
            ["export", "runs/small/4-pruned", "--tflite", "--out", tmp_path / "files"],
            {"files"},
        ),
        "bundle": (["bundle", "small.toml", "--runs", tmp_path], {"folder", "files"}),
        "store list": (["store", "list"], {"store", "bytes", "stages", "interrupted", "teachers_outputs"}),
        "store prune": (["store", "prune", "--days", "1e6", "--yes"], {"stages", "teachers_outputs", "bytes"}),
        "run": (["run", "small.toml"], {"stages", "data", "exported", "folder", "seconds"}),
        "check": (["check", "small.toml"], {"stages", "data", "estimate", "notes"}),
        "inspect": (["inspect", "resnet8", "--size", "16"], {"layers", "parameters", "macs"}),
        "groups": (["inspect", "resnet8", "--size", "16", "--groups"], {"groups"}),
        "evaluate": (["evaluate", EXPORTED, "--data", colours], {"metrics", "examples", "split"}),
        "compare": (
            ["compare", "runs/small/4-pruned", EXPORTED, "--data", colours],
            {"models", "layers", "keep_float"},
        ),
        "predict": (["predict", EXPORTED, colours / PICTURE], {"image"}),
    }


def test_every_command_has_both_options_but_the_one_that_prints_a_script():
    without = {name for name, command in every() if not {"as_json", "quiet"} <= {each.name for each in command.params}}
    assert without == {"completion"}
    assert {name for name, _ in every()} == {*NAMES, "sweep"} - {"groups"} | without  # sweep: tests/sweep


@pytest.mark.parametrize("command", NAMES)
def test_json_is_one_object_on_standard_output(main, commands, command, tmp_path):
    arguments, keys = commands[command]
    code, output, errors = main(*arguments, "--json")
    assert code == 0, errors
    assert keys <= json.loads(output).keys() and output.count("\n") == 1
    (tmp_path / "new.toml").unlink(missing_ok=True)  # is never written over
    code, output, errors = main(*arguments, "--json", "--quiet")
    assert (code, errors) == (0, "")
    assert keys <= json.loads(output).keys()


def test_a_quiet_run_prints_the_path_of_the_file_alone(main, commands):
    code, output, errors = main(*commands["run"][0], "--quiet")
    assert (code, output, errors) == (0, f"{EXPORTED}\n", "")


def test_json_says_what_the_words_say(main, commands):
    words = main(*commands["evaluate"][0])[1]
    told = json.loads(main(*commands["evaluate"][0], "--json")[1])
    assert words.startswith(f"top-1 {told['metrics']['top1']:.2%} ")
    stages = json.loads(main(*commands["check"][0], "--json")[1])["stages"]
    assert [stage["state"] for stage in stages] == ["finished"] * 6


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(main, shell):
    code, output, _ = main("completion", shell)
    assert code == 0
    assert f"_JETSLIM_COMPLETE={shell}_complete" in output


def test_pipelines_and_networks_are_completed(main, monkeypatch):
    monkeypatch.setenv("_JETSLIM_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "jetslim run densenet12")
    monkeypatch.setenv("COMP_CWORD", "2")
    code, output, _ = main()
    assert code == 0
    assert output.splitlines() == ["plain,densenet121", "plain,densenet121-paper", "file,densenet12"]
