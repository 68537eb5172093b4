"""`jetslim inspect --groups`, and the option NARROW of the default pipelines."""

import re
import subprocess

import pytest

from compress.errors import UserError
from compress.pipeline import read_pipeline


def test_groups_of_a_network(main):
    code, output, errors = main("inspect", "resnet8", "--size", "32", "--groups")
    assert code == 0, errors
    assert re.search(r"^\d+ groups can be narrowed:$", output, re.MULTILINE)
    assert "stage1_block1_1_conv: 16 channels; made by stage1_block1_1_conv; through " in output
    assert "2 groups stay:" in output
    assert "stays: the network's input" in output
    assert re.search(r"^[\d,]+ of [\d,]+ channels can be removed$", output, re.MULTILINE)


def test_layers_to_keep(main):
    code, output, _ = main("inspect", "resnet8", "--size", "32", "--groups", "--keep", "stage1*")
    assert code == 0
    assert "stays: keep names it" in output
    code, _, errors = main("inspect", "resnet8", "--size", "32", "--groups", "--keep", "steam*")
    assert code == 2
    assert "keep: unknown layer 'steam*'" in errors


def kinds(*settings, **options):
    return [stage.kind for stage in read_pipeline("mobilenetv2", settings, **options).stages]


@pytest.mark.parametrize("options", [{}, {"teacher": "resnet50"}])
def test_the_default_narrows_only_if_it_is_asked_to(options):
    assert "narrow" not in kinds(**options)
    asked = kinds("narrowed.latency=0.5", **options)
    assert asked[asked.index("narrow") + 1] == "prune"


def test_an_optional_stage_of_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[stage]]\nname = "a"\nkind = "train"\nmodel = "resnet8"\nepochs = 1\n'
        '[[stage]]\nname = "b"\nkind = "prune"\nfinal_sparsity = 0.5\nepochs = 1\noptional = true\n'
    )
    assert [stage.name for stage in read_pipeline(str(path)).stages] == ["a"]
    assert [stage.name for stage in read_pipeline(str(path), ["b.final_sparsity=0.6"]).stages] == ["a", "b"]


def test_optional_is_true_or_false(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[[stage]]\nname = "a"\nkind = "train"\nmodel = "resnet8"\nepochs = 1\noptional = "yes"\n')
    with pytest.raises(UserError, match="optional = 'yes' must be true or false"):
        read_pipeline(str(path))


def test_make_passes_it_on():
    command = ["make", "-n", "pipeline", "MODEL=resnet50", "NARROW=0.5", "READY="]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(r"jetslim run 'resnet50' +--set narrowed\.latency='0\.5'", told)
