"""What stands in --set and in [sweep], and the points that follow."""

import pytest

from compress import pipeline
from compress.errors import UserError
from compress.sweep.grid import given, points, split
from compress.sweep.load_sweep import as_toml, read_sweep

FILE = """
seed = 7

[sweep]
num_cpus = 2
num_gpus = 0.5
seed = [1, 2]
pruned.final_sparsity = [0.5, 0.75]
"pruned.skip" = [["conv1*", "a,b"], []]

[data]
name = "digits"
size = 8

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
epochs = 1

[[stage]]
name = "pruned"
kind = "prune"
final_sparsity = 0.3
epochs = 1
"""


def test_a_name_is_short_enough_for_a_file_system():
    """255 bytes, of which a letter may take four."""
    names = [one.name for one in points(given(["data.path=" + ",".join("数" * 110 + end for end in "ab")]))]
    assert len(set(names)) == 2
    assert all(len(name.encode()) < 150 for name in names)


@pytest.mark.parametrize(("text", "values"), [
    ("0.5", ["0.5"]),
    ("0,0.3, 0.6 ,0.9", ["0", "0.3", "0.6", "0.9"]),
    ("digits,cifar10", ["digits", "cifar10"]),
    ("[3, 5],[4]", ["[3, 5]", "[4]"]),
    ('["a,b", "c"]', ['["a,b", "c"]']),
    ('["a]", "b,["],[]', ['["a]", "b,["]', "[]"]),
    ('"a,b",\'c,d\',e', ['"a,b"', "'c,d'", "e"]),
    (r'"a\",b",c', [r'"a\",b"', "c"]),
    (r'"a\\",c', [r'"a\\"', "c"]),
    (r"'a\',c", [r"'a\'", "c"]),
    ('{ name = "logits", layers = [[1, 2]] },{ name = "x" }', ['{ name = "logits", layers = [[1, 2]] }', '{ name = "x" }']),
    ("o'clock,b's", ["o'clock", "b's"]),
])  # fmt: skip
def test_commas_part_values_but_not_those_inside_one(text, values):
    assert split(text) == values


@pytest.mark.parametrize(("setting", "words"), [
    ("pruned.final_sparsity=0.5,,0.7", "pruned.final_sparsity: 0.5,,0.7: a value is missing before or after a comma"),
    ("pruned.final_sparsity=0.5,", "a value is missing before or after a comma"),
    ("pruned.final_sparsity=", "pruned.final_sparsity: it has no value"),
    ("pruned.skip=[3, 5", "] is missing"),
    ('data.path="a,b', '" is missing'),
    ("pruned.final_sparsity", "write it as NAME.KEY=VALUE,VALUE"),
    ("epochs=1,2", "write it as NAME.KEY=VALUE,VALUE"),
])  # fmt: skip
def test_what_is_no_setting(setting, words):
    with pytest.raises(UserError) as told:
        given([setting])
    assert words in str(told.value)


def test_every_combination_the_first_field_last():
    found = points(given(["a.x=1,2", "b.y=u", 'a.z="v",w', "seed=3"]))
    assert [point.number for point in found] == [1, 2, 3, 4]
    assert [point.name for point in found] == ["a.x=1,a.z=v", "a.x=1,a.z=w", "a.x=2,a.z=v", "a.x=2,a.z=w"]
    assert found[1].values == {"a.x": 1, "a.z": "w"}
    assert found[1].settings == ("a.x=1", "b.y=u", "a.z=w")
    assert {point.seed for point in found} == {3}


@pytest.mark.parametrize(("setting", "word"), [
    ("a.x=0.5,0.7,0.50", "0.5"), ('a.x=b,"b"', "b"), ("a.x=[1, 2],[1,2]", "[1,2]"), ("a.x=1e-1,0.1", "0.1"),
])  # fmt: skip
def test_a_value_twice_however_it_is_written(setting, word):
    with pytest.raises(UserError, match="is given twice") as told:
        points(given([setting]))
    assert str(told.value) == f"a.x: the value {word} is given twice"


def test_a_field_twice():
    with pytest.raises(UserError, match="a.x is given twice: give all its values in one"):
        given(["a.x=1", "a.x=2"])


def test_names_are_folders_and_differ():
    names = [point.name for point in points(given(['a.path="x/y","x y",x-y,"../..",' + '"' + "z" * 300 + '"']))]
    assert len(set(names)) == 5
    assert "a.path=x-y" in names
    assert all("/" not in name and len(name) < 200 and not name.startswith(".") for name in names)
    again = [point.name for point in points(given(['a.path="x y",q,"x/y"']))]
    assert [again[0], again[2]] == [names[1], names[0]]  # by the values alone: a grid may grow


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    return path


def test_the_files_table(file):
    sweep = read_sweep(str(file))
    assert sweep.pipeline == "mine"
    assert sweep.fields == ("seed", "pruned.final_sparsity", "pruned.skip")
    assert len(sweep.points) == 8
    assert (sweep.resources.num_cpus, sweep.resources.num_gpus, sweep.resources.max_retries) == (2, 0.5, 3)
    point = sweep.points[2]
    assert (point.seed, point.values) == (
        1,
        {"seed": 1, "pruned.final_sparsity": 0.75, "pruned.skip": ["conv1*", "a,b"]},
    )
    read_back = pipeline.read_pipeline(str(file), point.settings, point.seed)
    assert (read_back.seed, read_back.stages[1].final_sparsity) == (1, 0.75)
    assert read_back.stages[1].skip == ("conv1*", "a,b")
    assert read_back.has_sweep


def test_the_command_line_stands_instead_of_the_files_values(file):
    sweep = read_sweep(str(file), ["pruned.final_sparsity=0.9", "pruned.epochs=1,2", "seed=4", "pruned.skip=[]"])
    assert sweep.fields == ("pruned.epochs",)
    assert [point.settings for point in sweep.points] == [
        ("pruned.final_sparsity=0.9", "pruned.skip=[]", f"pruned.epochs={epochs}") for epochs in (1, 2)
    ]
    assert {point.seed for point in sweep.points} == {4}


TAUGHT = """
[sweep]
student.method.temperature = [1.0, 2.0]

[[stage]]
name = "student"
kind = "distill"
teachers = ["teacher"]
model = "resnet8"
epochs = 1
method = { name = "logits" }
"""


def test_a_field_with_two_spellings_is_one_field(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TAUGHT)
    sweep = read_sweep(str(path), ["student.temperature=3,4"])
    assert [point.settings for point in sweep.points] == [
        ("student.method.temperature=3",), ("student.method.temperature=4",),
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"`student.method.temperature` and `student.temperature` name the same field"):
        read_sweep(str(path), ["student.method.temperature=3", "student.temperature=3,4"])
    with pytest.raises(UserError, match=r"student.method and its field student.method.temperature are both swept"):
        read_sweep(str(path), ["student.method={ name = 'logits' }"])


@pytest.mark.parametrize(("old", "new", "words"), [
    ("num_cpus = 2", "num_cpu = 2", r"\[sweep\]: unknown key 'num_cpu'; did you mean num_cpus"),
    ("num_cpus = 2", "num_cpus = -1", r"\[sweep\]: num_cpus = -1 must be greater than or equal to 0"),
    ("num_gpus = 0.5", "num_gpus = 1.5", "num_gpus = 1.5 must be a whole number, or a number less than 1"),
    ("[0.5, 0.75]", "0.5", r"pruned.final_sparsity = 0.5: the values must be a list"),
    ("[0.5, 0.75]", "[]", "pruned.final_sparsity has no values"),
    ("seed = [1, 2]", "seed = 1", "seed = 1: the values must be a list"),
    ("seed = [1, 2]", "epochs = [1, 2]", "epochs: write a field as NAME.KEY"),
    ("[0.5, 0.75]", "[0.5, 0.5]", "0.5 is given twice"),
])  # fmt: skip
def test_mistakes_in_the_table(file, old, new, words):
    file.write_text(FILE.replace(old, new))
    with pytest.raises(UserError, match=words):
        read_sweep(str(file))


def test_nothing_swept_and_a_seed_twice(file):
    with pytest.raises(UserError, match="--seed is given and the seed is swept"):
        read_sweep(str(file), seed=1)
    file.write_text(FILE[: FILE.index("[sweep]")] + FILE[FILE.index("[data]") :])
    for settings in ([], ["pruned.final_sparsity=0.5"]):
        with pytest.raises(UserError, match="nothing to sweep: give a field several values"):
            read_sweep(str(file), settings)
    assert {point.seed for point in read_sweep(str(file), ["pruned.epochs=1,2"], seed=5).points} == {5}


@pytest.mark.parametrize("value", [
    1, 0.25, 1e-05, True, 'a "quoted" \\ word', "grün", [1, ["a"], {"b": False}], {"name": "x", "a b": [2.5]},
])  # fmt: skip
def test_a_value_survives_its_setting(value):
    from compress import config

    assert config.value(as_toml(value)) == value
