"""What the pages show works: pipelines are planned, Python is executed, commands are read or run."""

import contextlib
import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import pytest

from docs.generate.parts import MARK, NOTE, with_parts
from tests.docs.project import write_project

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [path for path in sorted(DOCS.rglob("*.md")) if path.parent.name != "decisions"]  # records, without examples
FENCE = re.compile(
    r"^(?P<run> *<!-- run -->\n)?(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S
)
PLAIN = ("cd", "export", "pip", "ray", "scp", "ssh", "sudo")  # commands of others
TRAINED = '\n[[stage]]\nname = "{name}"\nkind = "train"\nmodel = "{model}"\nepochs = 9\n\n'
MODELS = {"counting": "mcnn", "detection": "resnet10_1_4"}

MY_PIPELINE = """
[data]
name = "digits"

[[stage]]
name = "teacher"
kind = "train"
model = "resnet20"
epochs = 30

[[stage]]
name = "student"
kind = "distill"
teachers = ["teacher"]
model = "resnet8"
epochs = 30
method = { name = "logits" }

[[stage]]
name = "narrowed"
kind = "narrow"
latency = 0.5
epochs = 10

[[stage]]
name = "pruned"
kind = "prune"
final_sparsity = 0.9
epochs = 20

[[stage]]
name = "quantized"
kind = "quantize"
epochs = 5

[[stage]]
name = "exported"
kind = "export"

[sweep]
pruned.final_sparsity = [0.8, 0.9]
"""


@dataclass(frozen=True)
class Example:
    """A block of code of a page; ``marked`` says that a ``<!-- run -->`` stands above it."""

    language: str
    text: str
    marked: bool = False

    @property
    def runs(self) -> bool:
        """Whether a test runs it, and does not only read or plan it."""
        return self.language == "python" or self.marked


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


@cache
def examples(page: Path) -> list[Example]:
    text = with_parts(page.read_text())
    return [Example(m["language"], textwrap.dedent(m["text"]), bool(m["run"])) for m in FENCE.finditer(text)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reader's folder, with what ``shrink`` made of its network."""
    import compress

    folder = write_project(tmp_path_factory.mktemp("project"))
    for name in ("my.toml", "my-pipeline.toml"):
        (folder / name).write_text(MY_PIPELINE)
    with contextlib.chdir(folder):
        compress.shrink("net.keras", data="digits", recipe="ptq")
    return folder


@pytest.fixture
def in_project(project: Path) -> Iterator[None]:
    with contextlib.chdir(project):
        yield


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_has_an_example_that_runs(page):
    """Of every page but the decisions, which are records of what was measured once."""
    assert any(example.runs for example in examples(page)), f"{name_of(page)}: give it Python, or a quick command"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_says_where_its_generated_parts_are(page):
    """To whoever reads its source; the built page does not."""
    text = page.read_text()
    assert text.count(f"\n\n{NOTE}\n\n") == bool(MARK.search(text))
    assert NOTE not in text.partition("<!-- generated:")[2]
    assert NOTE not in with_parts(text)


@pytest.mark.parametrize("page", [*PAGES, *sorted((DOCS / "decisions").glob("*.md"))], ids=name_of)
def test_its_links_lead_somewhere_in_the_source_too(page):
    for target in re.findall(r"\]\(((?!https?://)[^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [p for p in PAGES if any(e.language == "toml" for e in examples(p))], ids=name_of)
def test_its_toml_is_planned(page, in_project, tmp_path):
    for example in examples(page):
        if example.language == "toml":
            check = check_study if "[networks]" in example.text else check_pipeline
            check(example.text, tmp_path / "page.toml")


@pytest.mark.parametrize("page", [p for p in PAGES if any(e.language == "python" for e in examples(p))], ids=name_of)
def test_its_python_runs(page, in_project):
    space = {"__name__": name_of(page)}
    for example in examples(page):
        if example.language == "python":
            exec(compile(example.text, name_of(page), "exec"), space)


@pytest.mark.parametrize("page", [p for p in PAGES if any(e.language == "sh" for e in examples(p))], ids=name_of)
def test_its_commands_are_read(page, in_project, monkeypatch):
    monkeypatch.setattr(click.Path, "convert", lambda self, value, *_: Path(value))  # whether it is there or not
    for example in examples(page):
        for words in commands(example):
            check_command(words)


@pytest.mark.parametrize("page", [p for p in PAGES if any(e.marked for e in examples(p))], ids=name_of)
def test_its_quick_commands_run(page, in_project, main):
    for example in examples(page):
        for words in commands(example) if example.marked else []:
            assert words[0] == "jetslim"
            code, output, errors = main(*words[1:])
            assert code == 0, output + errors
            assert output


def test_a_wrong_example_is_found(in_project, tmp_path):
    from compress.errors import UserError

    with pytest.raises(UserError, match="final_sparsty"):
        check_pipeline('[[stage]]\nname = "p"\nkind = "prune"\nfinal_sparsty = 0.5\nepochs = 2\n', tmp_path / "a.toml")
    with pytest.raises(click.NoSuchOption, match="--setting"):
        check_command(["jetslim", "run", "tiny", "--setting", "x=1"])
    with pytest.raises(UserError, match="unknown stage"):
        check_command(["jetslim", "run", "tiny", "--set", "prune.final_sparsity=0.5"])
    with pytest.raises(AssertionError, match="no target"):
        check_command(["make", "pipelines"])


def check_pipeline(text: str, path: Path) -> None:
    """Plans a pipeline, or a part of one with what it needs before and behind it. Raises UserError for a mistake."""
    from compress.pipeline import links, plan, read_pipeline
    from compress.sweep.load_sweep import read_sweep

    model = MODELS.get(task_of(text), "resnet8")
    head, stage, tail = text.partition("[[stage]]")
    first = tail.partition("[[stage]]")[0]
    if not stage:
        text += TRAINED.format(name="trained", model=model)
    elif not re.search("^(model|saved_model) = ", first, re.M) or '["teacher"]' in first:
        text = f"{head}{TRAINED.format(name='teacher', model=model)}{stage}{tail}"
    path.write_text(text)
    pipeline = read_pipeline(str(path))
    links(pipeline)
    plan(pipeline, loaded(pipeline.data))
    if pipeline.has_sweep:
        read_sweep(str(path))


def check_study(text: str, path: Path) -> None:
    """Checks a profile of ``make study`` as that does before it trains. Raises UserError for a mistake."""
    from benchmarks.paper2022.check import check
    from benchmarks.paper2022.profile import read
    from benchmarks.paper2022.study import Study

    path.write_text(text)
    profile = read(path)
    check(Study(profile, profile.tables), path.parent / "results", path.parent / "runs", path.parent / "store")


def task_of(text: str) -> str:
    """The task of the data that a pipeline names."""
    names = {"crowd": "counting", "points": "counting", "shapes": "detection", "voc": "detection"}
    named = re.search(r'^name = "(\w+)"', text.partition("[data]")[2], re.M)
    return names.get(named[1], "") if named else ""


@cache
def loaded(data):
    return data.load()


def commands(example: Example) -> list[list[str]]:
    """The words of each command of a block of shell."""
    if example.language != "sh":
        return []
    lines = example.text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line.partition(" > ")[0], comments=True))]


def is_ours(words: list[str]) -> bool:
    return words[0] in ("jetslim", "make") or words[:2] == ["python3", "jetson.pyz"]


def check_command(words: list[str]) -> None:
    """Reads a command as it would be read, up to the pipeline that it names. Raises where it is wrong."""
    if words[0] == "jetslim":
        check_jetslim(words[1:])
    elif words[0] == "make":
        check_make(words[1], dict(word.split("=", 1) for word in words[2:]))
    elif words[:2] == ["python3", "jetson.pyz"]:
        from jetson.cli import _parser

        _parser().parse_args(words[2:])
    else:
        assert words[0] in PLAIN, f"{words[0]}: whose command is this?"


def check_jetslim(words: list[str]) -> None:
    from compress.cli.main import cli
    from compress.cli.main import commands as every
    from compress.pipeline import links, read_pipeline
    from compress.sweep.load_sweep import read_sweep

    for each in every():
        cli.add_command(each)
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        name, *words = words
        assert name in command.commands, f"jetslim has no command {name}"
        command = command.commands[name]
    given = command.make_context(name, words, parent=context).params
    if "pipeline" in given:
        read = read_sweep if name == "sweep" else read_pipeline
        wanted = read(given["pipeline"], given["settings"], given["seed"], given["teacher"], given["trained"])
        if name != "sweep":
            links(wanted)


def check_make(target: str, variables: dict[str, str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{target}:", makefile, re.M), f"make has no target {target}"
    for name in variables:
        assert f"$({name})" in makefile or f",$({name})" in makefile, f"make knows no {name}"
    if target in ("pipeline", "check", "bundle"):
        options = ["--teacher", variables["TEACHER"]] if "TEACHER" in variables else []
        options += ["--trained"] if "TRAINED" in variables else []
        options += ["--set", f"narrowed.latency={variables['NARROW']}"] if "NARROW" in variables else []
        command = "run" if target == "pipeline" else target
        check_jetslim(
            [command, variables.get("MODEL", "densenet121"), *options, *shlex.split(variables.get("ARGS", ""))]
        )
