"""Which source an artifact's key depends on: what is imported counts, and what cannot matter does not."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from compress.artifacts.source import NOT_COUNTED, PACKAGE, SOURCES, Sources, modules_of, source_hash
from compress.datasets import DATASETS
from compress.distill import METHODS
from compress.pipeline.plan import GIVEN_BY, readers
from compress.stages import STAGES
from compress.tasks import TASKS
from compress.tasks.losses import LABEL_LOSSES

SHOP = {
    "__init__.py": "from shop.greeting import hello\n\ndef front():\n    return hello()\n",
    "greeting.py": "",
    "apple.py": "import os.path\nfrom typing import TYPE_CHECKING\nfrom shop import pear\nif TYPE_CHECKING:\n    from shop import lemon\n",
    "pear.py": "def cut():\n    try:\n        from shop.tools import Knife\n    except ImportError:\n        import shop.tools.spoon\n",
    "lemon.py": "import shop.apple\n",
    "plum.py": "from shop import tools\nfrom shop.kitchen import oven\n",
    "tools/__init__.py": '"""Tools."""\n\nfrom .knife import Knife\nfrom shop.tools.spoon import Spoon as Ladle\n\n__all__ = ["Knife"]\n',
    "tools/knife.py": "from .. import steel\n",
    "tools/spoon.py": "",
    "steel.py": "from shop.apple import core\nimport shopping\n",
    "kitchen/__init__.py": "from shop.tools import Ladle\n\nHEAT = 3\n",
    "kitchen/oven.py": "",
}


def written(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def shop(tmp_path):
    return written(tmp_path / "shop", SHOP)


# worked by hand: an import within a function counts, one for type checkers does not; a name that tools/__init__ only
# passes on counts as the module that it comes from; kitchen/__init__ holds more, and counts with its modules
APPLE = {"shop", "shop.greeting", "shop.apple", "shop.pear", "shop.tools.knife", "shop.tools.spoon", "shop.steel"}


@pytest.mark.parametrize(
    ("module", "closure"),
    [
        ("shop.apple", APPLE),
        ("shop.plum", APPLE | {"shop.plum", "shop.tools", "shop.kitchen", "shop.kitchen.oven"}),
        ("shop.lemon", APPLE | {"shop.lemon"}),
        ("shop.tools.spoon", {"shop", "shop.greeting", "shop.tools.spoon"}),
    ],
)
def test_a_closure_is_what_is_imported(shop, module, closure):
    assert Sources(shop).closure([module]) == closure


def test_what_is_not_counted_is_not_followed(shop):
    assert Sources(shop, ["shop", "shop.steel"]).closure(["shop.tools.knife"]) == {"shop.tools.knife"}
    assert Sources(shop, ["shop", "shop.tools"]).closure(["shop.plum"]) == {
        "shop.plum", "shop.kitchen", "shop.kitchen.oven", "shop.tools.spoon",
    }  # fmt: skip


def test_all_modules_are_named(shop):
    assert Sources(shop).all() == sorted(
        ["shop", *(f"shop.{name}" for name in ("apple", "greeting", "kitchen", "kitchen.oven", "lemon", "pear"))]
        + [f"shop.{name}" for name in ("plum", "steel", "tools", "tools.knife", "tools.spoon")]
    )


def test_a_module_that_is_not_there_is_named(shop):
    with pytest.raises(ValueError, match=r"shop\.melon is no module of .*shop"):
        Sources(shop).closure(["shop.melon"])


def stages(method="logits", loss="cross_entropy"):
    """A stage of each kind."""
    given = {
        "train": {"label_loss": LABEL_LOSSES[loss](), "epochs": 1},
        "distill": {"teachers": ("a",), "method": METHODS[method](), "epochs": 1},
        "narrow": {"latency": 0.5, "epochs": 1},
        "prune": {"final_sparsity": 0.5, "epochs": 1},
    }
    return {kind: stage(name=kind, **given.get(kind, {})) for kind, stage in STAGES.items()}


def hashes(package, made=None, data="digits", task="classification"):
    """Kind -> hash, with the package's copy as the source."""
    sources, given = Sources(package, NOT_COUNTED), [DATASETS[data](), TASKS[task]()]
    return {
        kind: sources.digest(sources.closure([*modules_of(stage), *modules_of(given), GIVEN_BY]))
        for kind, stage in (made or stages()).items()
    }


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    copy = tmp_path_factory.mktemp("source") / "compress"
    shutil.copytree(PACKAGE, copy, ignore=lambda folder, names: [n for n in names if Path(n).suffix not in ("", ".py")])
    return copy


def changed(package, *places, **chosen):
    """The kinds whose hash another line at the end of these files changes."""
    before = hashes(package, **chosen)
    texts = {package / place: (package / place).read_text() for place in places}
    try:
        for file, text in texts.items():
            file.write_text(text + "\nADDED = 1\n")
        after = hashes(package, **chosen)
    finally:
        for file, text in texts.items():
            file.write_text(text)
    return {kind for kind in before if before[kind] != after[kind]}


ALL = set(STAGES)
TRAINED = {"train", "distill", "narrow", "prune", "quantize", "load"}


@pytest.mark.parametrize(
    ("place", "kinds"),
    [
        ("artifacts/saved_model.py", ALL),
        ("datasets/digits.py", ALL),
        ("datasets/images.py", ALL),
        ("evaluate/predictors.py", ALL),
        ("fake_quant/kernels.py", ALL),
        ("grouped_convolution.py", ALL),
        ("keras.py", ALL),
        ("pipeline/context.py", ALL),
        ("pipeline/networks.py", ALL),
        ("stages/base.py", ALL),
        ("tasks/classification.py", ALL),
        ("metrics/classification.py", ALL),
        ("training/keras_loop.py", TRAINED - {"load"}),
        ("distill/logits.py", {"distill", "narrow"}),
        ("distill/combine.py", {"distill", "narrow"}),
        ("narrow/trace.py", {"narrow"}),
        ("narrow/latency.py", {"narrow"}),
        ("stages/narrow_rounds.py", {"narrow"}),
        ("stages/teaching.py", {"distill", "narrow"}),
        ("prune/masks.py", {"prune"}),
        ("quantize/qat.py", {"narrow", "quantize"}),
        ("stages/calibration.py", {"narrow", "quantize", "export"}),
        ("rewrite/plain.py", {"narrow", "prune", "quantize", "export"}),
        ("rewrite/layer_kinds.py", {"narrow", "prune", "quantize", "export"}),
        ("export/convert.py", {"narrow", "export"}),
        ("compare/noise.py", {"export"}),
        *[(f"stages/{kind}.py", {kind}) for kind in sorted(ALL)],
    ],
)
def test_an_edit_makes_the_stages_that_run_it_stale(copied, place, kinds):
    assert changed(copied, place) == kinds


@pytest.mark.parametrize("folder", ["api", "cli", "report", "sweep"])
def test_no_stage_depends_on_what_reads_results(copied, folder):
    files = list((copied / folder).rglob("*.py"))
    assert files
    assert changed(copied, *files) == set()


def test_what_is_not_counted_is_there_and_changes_nothing(copied):
    assert all(NOT_COUNTED.values())
    assert changed(copied, *(file_of(copied, module) for module in NOT_COUNTED)) == set()


def test_what_is_chosen_from_a_table_counts_and_the_rest_does_not(copied):
    boundary, focal = "distill/activation_boundary.py", "tasks/losses/focal_calibration.py"
    assert changed(copied, boundary) == changed(copied, focal) == changed(copied, "datasets/cifar.py") == set()
    assert changed(copied, boundary, made=stages(method="activation_boundary")) == {"distill"}
    assert changed(copied, focal, made=stages(loss="focal_calibration")) == {"train"}
    assert changed(copied, "datasets/cifar.py", data="cifar10") == ALL
    assert changed(copied, "datasets/digits.py", data="cifar10") == set()
    assert changed(copied, "tasks/regression.py") == set()
    assert changed(copied, "tasks/regression.py", data="turned_digits", task="regression") == ALL


def test_data_given_from_python_count_as_what_they_are():
    pipeline = SimpleNamespace(data=DATASETS["digits"]())
    for name, first in (("arrays", "compress.datasets.arrays"), ("digits", "compress.datasets.digits")):
        assert readers(pipeline, SimpleNamespace(name=name))[0] == first


def test_a_file_that_is_renamed_or_new_counts(copied, tmp_path):
    package = tmp_path / "compress"
    shutil.copytree(copied, package)
    before = hashes(package)
    (package / "prune/masks.py").rename(package / "prune/covers.py")
    stage = package / "stages/prune.py"
    stage.write_text(stage.read_text().replace("compress.prune.masks", "compress.prune.covers"))
    after = hashes(package)
    assert {kind for kind in ALL if before[kind] != after[kind]} == {"prune"}
    (package / "stages/new.py").touch()  # nothing imports it
    assert hashes(package) == after


def test_a_hash_is_that_of_the_installed_package():
    stage = stages()["train"]
    assert modules_of(stage) == ("compress.stages.train", "compress.tasks.losses.cross_entropy")
    closure = SOURCES.closure(modules_of(stage))
    assert {"compress.keras", "compress.grouped_convolution", "compress.stages.base"} <= closure
    assert source_hash(*modules_of(stage)) == SOURCES.digest(closure)


def test_no_module_that_counts_imports_others_of_the_package_by_a_string():
    """Which an import graph does not see; the doors to Keras load nothing of this package."""
    doors = {name for name in SOURCES.all() if re.search(r"import_module|__import__", text_of(name))}
    assert doors == {"compress", "compress.api", "compress.keras", "compress.keras3"}
    assert not re.search(r"""import_module\(f?["']compress""", text_of("compress.keras") + text_of("compress.keras3"))


def file_of(package, module):
    base = package.parent.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def text_of(module):
    return file_of(PACKAGE, module).read_text()
