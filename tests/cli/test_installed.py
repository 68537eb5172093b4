"""What pip installs: the library, its pipelines and the board's runner; and what an sdist holds."""

import ast
import configparser
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

import compress

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", "store", "runs", "build", "dist", "*.egg-info", "__pycache__"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The unpacked sdist, and the wheel that was built of it."""
    if not importlib.util.find_spec("setuptools"):
        pytest.skip("setuptools is not installed here")
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=LEFT_OUT)  # building leaves things in the source
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--skip-dependency-check", "--outdir", folder, folder / "source"],
        check=True, capture_output=True,
    )  # fmt: skip
    shutil.unpack_archive(next(folder.glob("*.tar.gz")), folder)
    shutil.unpack_archive(next(folder.glob("*.whl")), folder / "wheel", "zip")
    return next(folder.glob("jetslim-*/")), folder / "wheel"


@pytest.fixture
def wheel(built):
    return built[1]


@pytest.fixture
def installed(wheel):
    """Runs Python where nothing but the wheel is found of this repository."""

    def call(*words, cwd):
        environment = {**os.environ, "PYTHONPATH": str(wheel)}
        return subprocess.run([sys.executable, *words], cwd=cwd, env=environment, text=True, capture_output=True)

    return call


def test_the_wheel_holds_every_pipeline(wheel):
    shipped = {path.name: path.read_text() for path in (wheel / "compress/presets").glob("*.toml")}
    assert shipped == {path.name: path.read_text() for path in (ROOT / "pipelines").glob("*.toml")}
    assert "densenet121.toml" in shipped


def test_the_wheel_holds_the_library_alone(wheel):
    assert {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")} == {"compress"}
    missing = {path.relative_to(ROOT) for path in (ROOT / "compress").rglob("*.py")} - {
        path.relative_to(wheel) for path in wheel.rglob("*.py")
    }
    assert not missing
    entry = next(wheel.glob("*.dist-info/entry_points.txt")).read_text()
    assert "jetslim = compress.cli:main" in entry


def test_a_pipeline_is_found_by_name_from_anywhere(wheel, installed, tmp_path):
    code = "from compress.pipeline import read_pipeline; import compress; print(compress.__file__, read_pipeline('densenet121').name)"
    assert installed("-c", code, cwd=tmp_path).stdout.split() == [str(wheel / "compress/__init__.py"), "densenet121"]


def test_the_runner_is_packed_from_anywhere(installed, tmp_path):
    """What a bundle gets of it, and that it starts."""
    code = "from pathlib import Path; from compress.pipeline.runner import pack; pack(Path('out'))"
    assert installed("-c", code, cwd=tmp_path).returncode == 0
    board = {path.name for path in (ROOT / "jetson/board").iterdir()}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"jetson.pyz", *board}
    done = subprocess.run(
        [sys.executable, "-I", "out/jetson.pyz", "--help"], cwd=tmp_path, text=True, capture_output=True
    )
    assert done.returncode == 0 and "benchmark" in done.stdout


PLOTS = "../benchmarks/plots/"  # of the results: they are in the repository and on the site


def test_the_documentation_is_in_the_wheel_and_its_links_lead_somewhere(wheel):
    shipped, written = (
        {path.relative_to(of): path.read_text() for path in of.rglob("*.md")}
        for of in (wheel / "compress/docs", ROOT / "docs")
    )
    assert shipped == written and len(shipped) > 60
    dead = [
        (str(page), link)
        for page, text in shipped.items()
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
        if not (wheel / "compress/docs" / page.parent / link).exists() and not link.startswith(PLOTS)
    ]
    assert dead == []


def test_help_ends_with_where_the_documentation_is(wheel, installed, tmp_path):
    told = installed("-m", "compress", "--help", cwd=tmp_path).stdout.split()[-1]
    assert Path(told) == wheel / "compress/docs/index.md"
    assert Path(told).is_file()


def test_what_a_user_reads_names_pages_that_are_shipped_and_no_target_of_make():
    """The help of every option and command, the comments of shipped pipelines, and all strings of the library."""
    from docs.generate.commands import every

    helps = [
        word or ""
        for _, command in every()
        for word in (command.help, *(getattr(each, "help", "") for each in command.params))
    ]
    library = [
        path
        for path in (ROOT / "compress").rglob("*.py")
        if not {"runner", "docs"} & set(path.relative_to(ROOT / "compress").parts)
    ]
    strings = [
        node.value
        for path in library
        for node in ast.walk(without_docstrings(ast.parse(path.read_text())))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    texts = [*helps, *strings, *(path.read_text() for path in (ROOT / "pipelines").glob("*.toml"))]
    targets = re.findall(r"^([a-z][\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [text for text in texts if re.search(rf"\bmake ({'|'.join(targets)})\b", text)] == []
    pages = {page for text in texts for page in re.findall(r"\b[\w-]+/[\w/-]+\.md\b", text)}
    assert "how-to/several-gpus.md" in pages
    assert {page for page in pages if not (ROOT / "docs" / page).is_file()} == set()


def without_docstrings(tree):
    """The tree without what is said in it to those who read the source."""
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [
                each for each in body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
            ] or [ast.Pass()]
    return tree


def test_the_metadata_are_valid_and_name_no_address_that_is_not_known(wheel):
    found = Metadata.from_email(next(wheel.glob("*.dist-info/METADATA")).read_bytes(), validate=False)
    assert (found.name, str(found.version)) == ("jetslim", compress.__version__)
    assert found.requires_python.contains("3.13.0") and not found.requires_python.contains("3.10.9")
    assert found.description_content_type == "text/markdown" and found.description.startswith("# jetslim")
    assert not found.project_urls and not found.home_page
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)} <= set(found.classifiers)


def test_the_sdist_holds_all_that_is_committed_but_what_belongs_to_the_repository_itself(built):
    source, _ = built
    if not (ROOT / ".git").exists():
        pytest.skip("no repository here")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, text=True, capture_output=True, check=True).stdout
    committed = {name for name in listed.split("\0") if name and not (ROOT / name).is_symlink()}
    assert {name for name in committed if not (source / name).is_file()} <= {".gitignore"}


def test_the_tests_run_in_the_sdist(built):
    """Those that look at the files of the repository: results, pipelines, the pages at its top."""
    source, _ = built
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow"]
    words += ["tests/test_repository.py", "tests/test_readme.py"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source)},
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout


def test_every_package_that_is_imported_is_declared():
    """So that a clean environment has it: by setup.cfg, or by TensorFlow, of which one release is required."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    extras = "\n".join(config["options.extras_require"][name] for name in ("onnx", "tensorboard", "ray", "slv"))
    lines = f"{config['options']['install_requires']}\n{extras}".splitlines() + (requires("tensorflow") or [])
    declared = {key(Requirement(line).name) for line in lines if line.strip() and not line.startswith("#")}
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "compress").rglob("*.py")
        if "runner" not in path.relative_to(ROOT / "compress").parts
        for node in ast.walk(ast.parse(path.read_text()))
        for name in names(node)
    } - {"compress", *sys.stdlib_module_names}
    of = packages_distributions()
    assert not {name for name in imported if not {key(each) for each in of.get(name, [name])} & declared}


def names(node):
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def key(name):
    """A distribution's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
