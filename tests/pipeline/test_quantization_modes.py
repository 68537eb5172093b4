"""Several quantizations of one trained network in one run: a table of them all."""

import csv
import json

import pytest

TEXT = """
[data]
name = "folder"
path = "{path}"
size = 16

[[stage]]
name = "trained"
kind = "train"
model = "resnet8"
epochs = 3
batch_size = 6

[[stage]]
name = "dynamic"
kind = "quantize"
mode = "dynamic"

[[stage]]
name = "original"
kind = "quantize"
mode = "static"
rewrite = false
calibration_images = 50
input = "trained"

[[stage]]
name = "static"
kind = "quantize"
mode = "static"
calibration_images = 50
input = "trained"

[[stage]]
name = "exported"
kind = "export"
input_type = "uint8"
output_type = "int8"
"""

pytestmark = pytest.mark.slow


def test_one_table_of_several_quantizations(colours, jetslim, tmp_path):
    (tmp_path / "modes.toml").write_text(TEXT.format(path=colours))
    done = jetslim("run", "modes.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "runs" / "modes"
    with (folder / "table.csv").open(newline="") as file:
        trained, dynamic, original, static, exported, _ = csv.DictReader(file)
    assert trained["agreement_with_float"] == ""
    for row in (dynamic, original, static, exported):
        assert float(row["agreement_with_float"]) >= 0.9
        assert float(row["top1"]) >= float(trained["top1"]) - 0.1
        assert int(row["tflite_bytes"]) < int(trained["tflite_bytes"]) / 2
    assert float(dynamic["seconds_training"]) == 0
    stages = json.loads((folder / "run.json").read_text())["stages"]
    assert [stage["precision"] for stage in stages] == ["float32", "dynamic", "int8", "int8", "int8"]
    # the measured file of the static stage has float ends, the exported one none
    assert stages[3]["operators"] == {**stages[4]["operators"], "DEQUANTIZE": 1, "SOFTMAX": 1}
    told = json.loads((folder / "5-exported" / "model.json").read_text())
    assert (told["input"]["dtype"], told["outputs"][0]["dtype"]) == ("uint8", "int8")
