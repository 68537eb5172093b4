"""run.json of every schema is read, and what is none is refused in a line."""

import pytest

from compress.errors import UserError
from compress.results import Run, StageResult, as_json, parse

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


def test_a_schema_of_tomorrow_is_refused():
    with pytest.raises(UserError, match=r"run.json has the schema 4; 1 and 2 and 3 are known here"):
        parse({"schema": 4})
