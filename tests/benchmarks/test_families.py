"""The table of families: a row from a run and a pairwise latency, by hand-worked numbers."""

from benchmarks import tables
from benchmarks.families import table
from benchmarks.studies import Acceptance, FamilyLatency, Verdicts, schema_of
from compress.artifacts.files import seal, write_json
from compress.results import parse, validated

ROUNDS = [
    # medians 2 and 4, 3 and 5, 3 and 4: ratios 0.5, 0.6, 0.75
    {"jetslim": [2.0, 2.0, 9.0], "float32": [4.0, 4.0, 4.0]},
    {"jetslim": [3.0, 3.0, 1.0], "float32": [5.0, 5.0, 5.0]},
    {"jetslim": [3.0, 3.0, 3.0], "float32": [4.0, 4.0, 5.0]},
]


def run():
    history = [{"epoch": "1"}]
    stages = [
        {"name": "trained", "top1": 0.95, "history": history * 6},
        {"name": "pruned", "top1": 0.9, "history": history * 4},
        {"name": "quantized", "top1": 0.9, "history": history},
        {"name": "exported", "top1": 0.91, "history": [], "agreement": 0.975, "kernel_sparsity": 0.5},
    ]
    return {"schema": 1, "pipeline": "vgg16", "seed": 0, "settings": ['trained.model="vgg16"', "data.size=32"],
            "data": {"size": 32}, "stages": stages}  # fmt: skip


def latency(**changes):
    return validated(FamilyLatency, {"schema": schema_of(FamilyLatency), "network": "vgg16", "size": 224, "difference": 3.2e-7, "convert_seconds": 4.26,
            "float_operators": [], "float_layers": {}, "rounds": ROUNDS, **changes}, "here")  # fmt: skip


def test_a_row():
    accepted = [Acceptance(96, {}, [Verdicts("vgg16", None, "ValueError")])]
    lines = table.section([parse(run())], [latency()], accepted)
    assert (
        "| vgg16 | takes, refuses | 32, 6+4+1 | 95.00% | 91.00% | 97.50% | 0.50 | 3.2e-07 | none | 0.60 (0.50 to 0.75) | "
        "3.00 | 4.3 |"
    ) in lines
    assert {line.count("|") for line in lines if line.startswith("| vgg16") or "side, epochs" in line} == {13}
    assert "| families that are int8 in every operator between the edges | at least 16 | 1 |" in lines
    assert "| rewritten networks that depart by 1e-4 or less | 18 | 1 |" in lines
    assert "| of the int8 ones faster in int8 than in float32 | all | 1 |" in lines


def test_what_else_was_set():
    other = {**run(), "settings": ['trained.model="resnet50"', "a.b=1", "trained.epochs=3"]}
    lines = table.section([parse({**run(), "settings": [*run()["settings"], "a.b=1", "c.d=2"]}), parse(other)], [], [])
    assert "Set besides: all: `a.b=1`; vgg16: `c.d=2`." in lines
    assert not any("Set besides" in line for line in table.section([parse(run())], [], []))


def test_what_computes_in_float_says_why():
    floats = {"norm1": "no operator", "norm2": "no operator"}
    lines = table.section([], [latency(float_operators=["MEAN"], float_layers=floats)], [])
    assert "- vgg16: 2 layers compute in float: no operator" in lines
    assert any(line.startswith("| vgg16 | - | - |") and "| MEAN |" in line for line in lines)


def test_runs_of_families_stand_apart(tmp_path):
    write_json(tmp_path / "families" / "vgg16-digits.json", seal(run()))
    found = tables.load(tmp_path)
    assert (len(found.runs), len(found.family_runs)) == (0, 1)
    assert "vgg16" in tables.document(found)
    assert table.section([], [], []) == []
