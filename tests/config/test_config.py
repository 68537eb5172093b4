"""TOML to checked objects: every mistake is one line that says where, what and what else."""

import contextlib
import json
from typing import Annotated, Literal

import pytest
from pydantic import Field

from compress.config import Count, Fraction, Positive, as_dict, config, override, parse, pick, read_toml
from compress.errors import UserError, unknown


@config
class Soft:
    name: Literal["soft"] = "soft"
    temperature: Positive = 4.0


@config
class Hard:
    name: Literal["hard"] = "hard"
    layers: tuple[tuple[str, str], ...] = ()


@config
class Stage:
    epochs: Count
    sparsity: Fraction = 0.5
    kind: Literal["adam", "sgd"] = "adam"
    skip: tuple[str, ...] = ()
    flip: bool = False
    end: Count | None = None
    method: Annotated[Soft | Hard, Field(discriminator="name")] = Soft()
    other: Soft = Soft()


def refused(raw, kind=Stage):
    with pytest.raises(UserError) as error:
        parse(kind, raw, "[[stage]] 'pruned'")
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith("[[stage]] 'pruned': ")
    return message.removeprefix("[[stage]] 'pruned': ")


def test_what_is_right_is_frozen():
    method = {"name": "hard", "layers": [["a", "b"]]}
    stage = parse(Stage, {"epochs": 2, "sparsity": 0, "skip": ["a", "b"], "method": method}, "here")
    assert stage == Stage(epochs=2, sparsity=0.0, skip=("a", "b"), method=Hard(layers=(("a", "b"),)))
    assert isinstance(stage.sparsity, float)
    with pytest.raises(AttributeError):
        stage.epochs = 3
    assert as_dict(stage)["method"] == {"name": "hard", "layers": [["a", "b"]]}
    json.dumps(as_dict(stage))


def test_an_unknown_key_says_the_nearest_and_all():
    message = refused({"epochs": 1, "sparsty": 0.5})
    assert message.startswith("unknown key 'sparsty'; did you mean sparsity?")
    assert message.endswith("(known keys: epochs, sparsity, kind, skip, flip, end, method, other)")


def test_a_key_of_a_nested_table_says_where_it_belongs():
    assert (
        refused({"epochs": 1, "temperature": 2.0})
        == "'temperature' belongs in method: method = { ..., temperature = ... }"
    )


def test_an_unknown_key_comes_before_what_it_causes():
    assert refused({"epoch": 1}).startswith("unknown key 'epoch'; did you mean epochs?")


@pytest.mark.parametrize("table", ["method", "other"])
def test_an_unknown_key_of_a_nested_table_says_the_tables_keys(table):
    message = refused({"epochs": 1, table: {"name": "soft", "temprature": 2.0}})
    assert f"unknown key '{table}.temprature'" in message
    assert "temperature" in message.split(";")[1]
    assert "(known keys: name, temperature)" in message
    hard = refused({"epochs": 1, "method": {"name": "hard", "temperature": 2.0}})
    assert "(known keys: name, layers)" in hard


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"epochs": "3"}, 'epochs = "3" must be a valid integer'),
        ({"epochs": 1.5}, "epochs = 1.5 must be a valid integer"),
        ({"epochs": 2.0}, "epochs = 2.0 must be a valid integer"),
        ({"epochs": True}, "epochs = true must be a valid integer"),
        ({"sparsity": "0.9"}, 'sparsity = "0.9" must be a valid number'),
        ({"sparsity": True}, "sparsity = true must be a valid number"),
        ({"sparsity": None}, "sparsity = null must be a valid number"),
        ({"flip": 1}, "flip = 1 must be a valid boolean"),
        ({"flip": "true"}, 'flip = "true" must be a valid boolean'),
        ({"skip": "conv"}, 'skip = "conv" must be a valid'),
        ({"skip": [1]}, "skip.0 = 1 must be a valid string"),
        ({"kind": "adm"}, "kind = \"adm\" must be 'adam' or 'sgd'"),
        ({"epochs": 0}, "epochs = 0 must be greater than or equal to 1"),
        ({"sparsity": 1}, "sparsity = 1 must be less than 1"),
        ({"sparsity": -0.1}, "sparsity = -0.1 must be greater than or equal to 0"),
        ({"end": 0}, "end = 0 must be greater than or equal to 1"),
        ({"other": {"temperature": 0}}, "other.temperature = 0 must be greater than 0"),
        ({"method": {"name": "soft", "temperature": "4"}}, 'method.temperature = "4" must be a valid number'),
        ({"method": {"name": "soft", "temperature": 0.0}}, "method.temperature = 0.0 must be greater than 0"),
        ({"method": 3}, 'method = 3 must be a table, such as { name = "soft" } or { name = "hard" }'),
        ({"method": "hard"}, 'method = "hard" must be a table, such as { name = "soft" }'),
        ({"method": {"temperature": 2.0}}, "method needs the key 'name'; its value is one of soft, hard"),
        ({"other": 3}, 'other = 3 must be a table, such as { name = "soft" }'),
    ],
)
def test_wrong_values_say_key_value_and_what_should_be(raw, message):
    assert refused({"epochs": 1, **raw}).startswith(message)


def test_a_missing_key():
    assert refused({"sparsity": 0.5}) == "the key 'epochs' is missing"


def test_infinity_and_nan_are_no_numbers():
    for wrong in (float("inf"), float("nan")):
        assert refused({"epochs": 1, "other": {"temperature": wrong}}).startswith("other.temperature")


def test_a_date_is_refused():
    import datetime

    refused({"epochs": datetime.date(2026, 1, 1)})


def test_an_unknown_method_says_the_known_ones_in_a_sentence():
    message = refused({"epochs": 1, "method": {"name": "sofd"}})
    assert "unknown method 'sofd'; did you mean soft?" in message
    assert "must be Input" not in message
    assert "must be Unable" not in refused({"epochs": 1, "method": {}})


def test_read_toml(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('[data]\nname = "digits"\n[[stage]]\nepochs = 3\n', encoding="utf-8")
    assert read_toml(path) == {"data": {"name": "digits"}, "stage": [{"epochs": 3}]}
    path.write_text("[data\n")
    with pytest.raises(UserError, match=r"a.toml is not valid TOML: .*line 1"):
        read_toml(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="it is not UTF-8 text"):
        read_toml(path)
    with pytest.raises(UserError, match=r"cannot read .*none.toml: No such file"):
        read_toml(tmp_path / "none.toml")


RAW = {
    "data": {"name": "digits"},
    "stage": [{"name": "pruned", "sparsity": 0.5, "method": {"name": "soft"}, "epochs": 3}],
}


def find(raw, name):
    for table in (raw["data"], *raw["stage"]):
        if name in ("data", table["name"]):
            return table
    raise UserError(f"no stage {name!r}")


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("pruned.sparsity=0.9", "sparsity", 0.9),
        ("pruned.epochs = 7", "epochs", 7),
        ("pruned.flip=true", "flip", True),
        ('pruned.skip=["a", "b"]', "skip", ["a", "b"]),
        ("pruned.kind=sgd", "kind", "sgd"),
        ('pruned.kind="sgd"', "kind", "sgd"),
        ("pruned.saved_model=/a/b=c", "saved_model", "/a/b=c"),
        ("pruned.method.temperature=2.5", "method", {"name": "soft", "temperature": 2.5}),
        ("pruned.new.key=1", "new", {"key": 1}),
    ],
)
def test_override(setting, key, value):
    changed = override(RAW, [setting], find)
    assert changed["stage"][0][key] == value
    assert type(changed["stage"][0][key]) is type(value)
    assert RAW["stage"][0] == {"name": "pruned", "sparsity": 0.5, "method": {"name": "soft"}, "epochs": 3}
    assert changed["data"] == RAW["data"]


def test_overrides_go_in_order():
    changed = override(RAW, ["data.name=cifar10", "pruned.epochs=1", "pruned.epochs=2"], find)
    assert changed["data"]["name"] == "cifar10"
    assert changed["stage"][0]["epochs"] == 2
    assert override(RAW, [], find) == RAW


@pytest.mark.parametrize(
    "setting", ["pruned.epochs", "epochs=3", "=3", "pruned.=3", "pruned..x=3", "pruned.method.=3", ""]
)
def test_a_bad_setting_says_how(setting):
    with pytest.raises(UserError, match=r"write it as NAME.KEY=VALUE, such as pruned.final_sparsity=0.9"):
        override(RAW, [setting], find)


def test_a_setting_of_an_unknown_stage():
    with pytest.raises(UserError, match="no stage 'prund'"):
        override(RAW, ["prund.epochs=1"], find)


@pytest.mark.parametrize("setting", ["pruned.epochs.x=1", "pruned.epochs.x.y=1", "pruned.name.x=1"])
def test_a_setting_below_a_plain_value_is_refused(setting):
    with pytest.raises(UserError):
        override(RAW, [setting], find)


def test_a_date_in_the_file_is_no_crash_of_override():
    import datetime

    raw = {**RAW, "data": {"name": datetime.date(2026, 1, 1)}}
    with contextlib.suppress(UserError):
        assert override(raw, ["pruned.epochs=1"], find)["stage"][0]["epochs"] == 1


REGISTRY = {"soft": Soft, "hard": Hard}


def test_pick():
    assert pick(REGISTRY, {"name": "hard"}, "name", "method", "here") is Hard
    with pytest.raises(UserError, match=r"^here: unknown method 'haard'; did you mean hard\?$"):
        pick(REGISTRY, {"name": "haard"}, "name", "method", "here")
    with pytest.raises(UserError, match=r"^here: unknown method 'zzz'; known: hard, soft$"):
        pick(REGISTRY, {"name": "zzz"}, "name", "method", "here")
    with pytest.raises(UserError, match=r"^here: the key 'name' is missing; its value is one of hard, soft$"):
        pick(REGISTRY, {}, "name", "method", "here")


@pytest.mark.parametrize("wrong", [3, True, 1.5, None, ["soft"], {"name": "soft"}])
def test_pick_by_what_is_no_name(wrong):
    with pytest.raises(UserError, match=r"^here: unknown method"):
        pick(REGISTRY, {"name": wrong}, "name", "method", "here")


def test_unknown():
    names = ["densenet121", "densenet201", "resnet50"]
    assert str(unknown("model", "densnet121", names)).startswith("unknown model 'densnet121'; did you mean densenet121")
    assert "did you mean densenet121" in str(unknown("model", "DenseNet121", names))
    assert str(unknown("model", "x", names)) == "unknown model 'x'; known: densenet121, densenet201, resnet50"
