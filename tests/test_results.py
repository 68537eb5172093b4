"""run.json of every schema is read, and what is none is refused in a line."""

import pytest

from compress.errors import UserError
from compress.results import NetworkFacts, Run, StageResult, as_json, parse, validated

STAGE = {"name": "quantized", "kind": "quantize"}


@pytest.mark.parametrize(
    ("schema", "key"), [(1, "form"), (2, "form"), (3, "precision")]
)  # what the precision was called
def test_each_schema_says_what_a_file_computes_in(schema, key):
    run = parse({"schema": schema, "pipeline": "tiny", "stages": [{**STAGE, key: "int8"}]})
    assert (run.pipeline, run.stages[0].precision) == ("tiny", "int8")


def test_what_is_written_is_read_back():
    run = Run(pipeline="tiny", stages=[StageResult(name="trained", precision="float32")])
    assert as_json(run)["schema"] == 3
    assert parse(as_json(run)) == run


@pytest.mark.parametrize("schema", [1, 2, 3])
@pytest.mark.parametrize("stages", [["x"], 5, [{"kind": "train"}], [{"name": "a", "params": "many"}]])
def test_what_is_damaged_is_one_line(schema, stages):
    with pytest.raises(UserError, match=r"^here: the field stages[^\n]* is not valid: [^\n]+$"):
        parse({"schema": schema, "stages": stages}, "here")


@pytest.mark.parametrize("schema", [[2], "3", None])
def test_a_schema_that_is_no_number_is_refused(schema):
    with pytest.raises(UserError, match="here has the schema"):
        parse({"schema": schema}, "here")


def test_facts_that_lack_a_field_name_their_file():
    with pytest.raises(UserError, match=r"^out/stage\.json: the field task is not valid: Field required$"):
        validated(
            NetworkFacts, {"precision": "int8", "score": 1.0, "params": 1, "kernel_sparsity": 0.0}, "out/stage.json"
        )


def test_a_schema_of_tomorrow_is_refused():
    with pytest.raises(
        UserError, match=r"run.json has the schema 4, but this version of jetslim reads only 1 and 2 and 3"
    ):
        parse({"schema": 4})
