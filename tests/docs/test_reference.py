"""The reference leaves nothing out: fields, options, public functions, messages; and says what the source says."""

import ast
import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any, get_args

import click
import pytest

import compress
from compress.datasets import DATASETS
from compress.distill import METHODS
from compress.pipeline.load_pipeline import KEYS
from compress.stages import STAGES
from compress.tasks import TASKS
from compress.tasks.losses import LABEL_LOSSES
from docs.generate import commands, descriptions, messages, parts, pictures, results, settings, words
from docs.generate.causes import FAMILIES

ROOT = Path(__file__).parents[2]
COMMANDS = dict(commands.every())
REGISTERED = [cls for registry in (DATASETS, TASKS, STAGES, METHODS, LABEL_LOSSES) for cls in registry.values()]
RESULTS = list(dict.fromkeys([*results.RUN, *results.BOARD]))


def names_a_class(cls: type) -> str:
    return f"{cls.__module__}.{cls.__name__}"


@pytest.mark.parametrize("cls", settings.CLASSES, ids=names_a_class)
def test_every_field_of_toml_is_described(cls):
    said = descriptions.of_fields(cls)
    assert [name for name in settings.own_fields(cls) if not says_what_it_is(said.get(name))] == []


def says_what_it_is(description: str | None) -> bool:
    """Whether a description is a phrase of its own: "Of the loss." and the like leave out what the value is."""
    return description is not None and not re.match(r"(Of|See|As|By|From|To|That of|On|With) ", description)


def test_the_reference_of_toml_has_every_class():
    assert set(REGISTERED) <= set(settings.CLASSES)
    found = {
        inner for cls in REGISTERED for field in settings.fields(cls).values() for inner in classes_in(field.annotation)
    }
    assert found <= set(settings.CLASSES)
    every = {(descriptions.owner_of(cls, name), name) for cls in REGISTERED for name in settings.fields(cls)}
    shown = {(cls, name) for cls in settings.CLASSES for name in settings.own_fields(cls)}
    assert {name for _, name in every - shown} == {"kind", "name"}  # by which a class is chosen


def test_the_reference_of_toml_has_every_table():
    decorated = {
        node.name
        for path in (ROOT / "compress").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and any(getattr(each, "id", getattr(each, "attr", "")) == "config" for each in node.decorator_list)
    }
    assert decorated - {cls.__name__ for cls in settings.CLASSES} == set()
    assert {f"[{key}]" for key in KEYS if key not in ("seed", "stage")} <= settings.GROUPS.keys()


def classes_in(annotation: Any) -> set[Any]:
    inner = {each for argument in get_args(annotation) for each in classes_in(argument)}
    return inner | ({annotation} if dataclasses.is_dataclass(annotation) else set())


@pytest.mark.parametrize(
    ("cls", "row"),
    [
        (STAGES["prune"], "| `final_sparsity` | number, at least 0, less than 1 | needed | The fraction of zeros"),
        (STAGES["quantize"], "| `percentile` | number, more than 50, at most 100 | `99.9` | Percentile of"),
        (STAGES["quantize"], '| `grid` | `"asymmetric"` or `"symmetric"` | `"asymmetric"` |'),
        (STAGES["narrow"], "| `latency_ms` | number, more than 0 | none | Instead of a fraction"),
        (STAGES["narrow"], "| `keep` | list of texts | none | Layers that keep"),
        (METHODS["blur_robust"], "| `lengths` | [number, number], each at least 0, at most 0.5 | `[0.0, 0.15]` |"),
        (DATASETS["crowd"], '| `kernel` | `{ name = "fixed", ... }` or `{ name = "adaptive", ... }` |'),
    ],
)
def test_a_row_says_what_a_field_may_be(cls, row):
    assert row in settings.table(cls, settings.own_fields(cls))


def test_a_field_comes_with_the_class_that_says_it():
    page = settings.page()
    assert page.count("| `learning_rate` |") == 1  # of all stages that train
    assert page.count("| `epochs` |") == 2  # quantize has its own: 0 by default
    assert "It has the fields of" in page


@pytest.mark.parametrize("cls", RESULTS, ids=names_a_class)
def test_every_key_of_a_result_is_described(cls):
    said = descriptions.of_fields(cls)
    assert [field.name for field in dataclasses.fields(cls) if not says_what_it_is(said.get(field.name))] == []


def test_the_reference_of_results_has_every_class():
    for classes in (results.RUN, results.BOARD):
        inner = {each for cls in classes for field in dataclasses.fields(cls) for each in classes_in(field.type)}
        assert inner <= set(classes)


def test_the_page_of_a_boards_result_has_every_key_at_the_top():
    tree = ast.parse((ROOT / "jetson/benchmark.py").read_text())
    assignments = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    (written,) = (
        node.value for node in assignments if [getattr(each, "id", "") for each in node.targets] == ["result"] and isinstance(node.value, ast.Dict)
    )  # fmt: skip
    page = (ROOT / "docs/reference/board-result.md").read_text() + results.of_board()
    missing = [key.value for key in written.keys if f"`{key.value}`" not in page]
    assert missing == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_described(name):
    command = COMMANDS[name]
    assert [option.name for option in commands.options(command) if not says_what_it_is(option.help)] == []
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    assert [
        argument.name for argument in arguments if not re.search(rf"\b{argument.name.upper()}\b", command.help)
    ] == []
    assert commands.examples(command)


def test_every_argument_of_a_program_of_the_repository_has_help():
    """The studies, and what measures over ssh: by their source, as some of them load what is not installed here."""
    parts = [
        path
        for folder in ("benchmarks", "jetson")
        for path in (ROOT / folder).rglob("*.py")
        if ".venv" not in path.parts
    ]
    arguments = [
        (path.relative_to(ROOT), call)
        for path in parts
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "add_argument"
    ]
    assert len(arguments) > 60
    assert [
        (str(path), call.lineno) for path, call in arguments if "help" not in {each.arg for each in call.keywords}
    ] == []


def test_the_reference_has_the_options_that_make_passes_on():
    assert "| `--profile` `PROFILE` | a TOML file" in commands.of_make()
    assert "`--ssh` `OPTION`" in commands.of_make()


def test_every_argument_of_the_runner_is_described():
    from jetson.cli import _parser

    parsers = commands.subparsers(_parser())
    assert {"doctor", "benchmark", "operators", "overhead"} == parsers.keys()
    helps = {action.dest: action.help for parser in parsers.values() for action in commands.shown(parser)}
    assert [name for name, text in helps.items() if not says_what_it_is(text and text.capitalize())] == []


@pytest.mark.parametrize("name", compress.__all__)
def test_everything_public_is_described(name):
    public = getattr(compress, name)
    assert inspect.getdoc(public)
    path = f"{public.__module__}.{public.__qualname__}"
    assert f"::: {path}\n" in (ROOT / "docs/reference/python.md").read_text() + "\n"
    if inspect.isfunction(public):
        text = inspect.getdoc(public)
        text += inspect.getdoc(compress.shrink) if "is as for ``shrink``" in text else ""
        missing = [
            each for each in inspect.signature(public).parameters if not re.search(rf"^    {each}: ", text, re.M)
        ]
        assert missing == []
    else:
        members = [member for key, member in vars(public).items() if not key.startswith("_")]
        assert all(inspect.getdoc(member) for member in members if callable(member) or isinstance(member, property))


def test_every_message_has_a_cause():
    used = {id(messages.cause_of(message.module)) for message in messages.every()}  # raises for a module without one
    assert len(messages.every()) > 500
    assert {id(cause) for causes in FAMILIES.values() for cause in causes} == used
    assert all(cause.cause.endswith(".") and cause.remedy for causes in FAMILIES.values() for cause in causes)
    page = (ROOT / "docs/troubleshooting.md").read_text()
    assert set(re.findall(r"generated: messages (\w+)", page)) == FAMILIES.keys()
    board = messages.section("board")
    assert "`... is damaged (...): copy the bundle again`" in board and "**What to do.** Copy the whole bundle" in board


def test_paths_of_causes_are_those_of_modules():
    paths = [path for causes in FAMILIES.values() for cause in causes for path in cause.modules]
    assert len(set(paths)) == len(paths)
    assert [path for path in paths if not ((ROOT / path).is_dir() or (ROOT / f"{path}.py").is_file())] == []


def test_a_module_without_a_cause_is_found():
    with pytest.raises(KeyError, match="no cause"):
        messages.cause_of("compress/newfloor/thing")


def test_the_words_that_are_met_most_often_are_words_of_the_source():
    page = (ROOT / "docs/troubleshooting.md").read_text()
    met = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    assert len(met) >= 10
    said = "\n".join(every_text())
    missing = [words for words in met if not all(part in said for part in words.split("..."))]
    assert missing == []


def every_text() -> list[str]:
    trees = [ast.parse(path.read_text()) for folder in ("compress", "jetson") for path in (ROOT / folder).rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr)]
    return [messages.written(node) for node in nodes]


def test_a_source_is_read_for_what_it_may_say():
    source = """
ADVICE = "give one"

def why(x):
    if x < 0:
        yield "it is negative"
    yield f"{x} is odd" if x % 2 else "it is too large"

def unknown(name, known):
    return UserError(f"unknown {name!r}; " + ("did you mean it?" if known else "nothing is known"))

def f(x):
    raise UserError(f"cannot take {x}: " + ("give another" if x else ADVICE))

def g(x):
    for reason in why(x):
        raise Failure(reason) or RemoteError("{} lacks {}; run it".format(x, x))

def h(x):
    problem = "no worker answers" * bool(x)
    agree(problem) or CannotRebuild(f"keep: {unknown(x, 1)}") or _fail("; ".join(f"layer {each} is odd" for each in x))

def i(error):
    raise UserError(str(error)) from error
"""
    said = ["cannot take ...: give another", "cannot take ...: give one", "it is negative", "... lacks ...; run it"]
    said += ["no worker answers", "keep: unknown ...; did you mean it?", "keep: unknown ...; nothing is known"]
    said += ["layer ... is odd", "...", "... is odd", "it is too large"]
    # of the functions themselves, too: the error that is returned
    said += ["unknown ...; did you mean it?", "unknown ...; nothing is known"]
    assert sorted(messages._of_source(ast.parse(source))) == sorted(said)


def test_the_pictures_are_what_the_script_draws():
    drawn = {f"{name}.svg": draw() for name, draw in pictures.PICTURES.items()}
    assert {path.name: path.read_text() for path in pictures.FOLDER.glob("*")} == drawn
    assert pictures.sparsity(10, 0.0, 0.8, 10, 20) == 0 and pictures.sparsity(20, 0.0, 0.8, 10, 20) == 0.8
    assert pictures.sparsity(15, 0.0, 0.8, 10, 20) == pytest.approx(0.7)  # 0.8 - 0.8 / 8


def test_a_docstring_becomes_markdown():
    said = descriptions.markdown("``path``/train/<class>/*, 2 * ``a * b``")
    assert said == r"`path`/train/&lt;class>/\*, 2 \* `a * b`"


def test_a_part_that_is_not_known_is_an_error():
    with pytest.raises(KeyError, match="nothing"):
        parts.with_parts("# Title\n\n<!-- generated: nothing -->\n")
    assert parts.with_parts("as it is <!-- generated: nothing -->\n") == "as it is <!-- generated: nothing -->\n"


def test_a_table_is_that_of_the_results():
    assert words.table("The pipeline densenet121, on the host").startswith("| stage | top-1 |")
    table = words.table("The pipeline densenet121, on the host", columns="gzip; stage").splitlines()
    assert table[0] == "| gzip | stage |" and table[2].endswith(" MB | teacher (float32) |")
    table = words.table("The pipeline densenet121, on the host", columns="stage", rows="pruned; exported").splitlines()
    assert table == ["| stage |", "| --- |", "| pruned (float32) |", "| exported (int8) |"]
    for wrong in ({"columns": "stage; size"}, {"first": "| what | nothing"}, {"rows": "compressed"}):
        with pytest.raises(KeyError, match="no (table|row)"):
            words.table("The pipeline densenet121, on the host", **wrong)
