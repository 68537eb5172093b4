"""Grey images that are wider than high, through every kind of stage."""

import json

import numpy as np
from PIL import Image

from tests.said import numbers_of, said_by_card

TOML = """
[data]
name = "folder"
path = "{path}"
size = [16, 24]
channels = 1
fit = "crop"

[[stage]]
name = "teacher"
kind = "train"
model = "resnet8"
epochs = 3
batch_size = 6

[[stage]]
name = "student"
kind = "distill"
teachers = ["teacher"]
model = "plain2"
epochs = 3
batch_size = 6
method = {{ name = "logits" }}

[[stage]]
name = "pruned"
kind = "prune"
final_sparsity = 0.5
epochs = 1
batch_size = 6

[[stage]]
name = "quantized"
kind = "quantize"
mode = "static"

[[stage]]
name = "exported"
kind = "export"
"""


def test_wide_grey_images(main, colours, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wide.toml").write_text(TOML.format(path=colours))
    code, output, errors = main("run", "wide.toml")
    assert code == 0, output + errors
    exported = tmp_path / "runs" / "wide" / "5-exported"
    told = json.loads((exported / "model.json").read_text())
    assert told["input"]["shape"] == [1, 16, 24, 1]
    assert told["input"]["colours"] == "grey"
    assert told["preprocessing"] == {"fit": "crop", "resize": [16, 24], "filter": "bilinear", "divide_by": 255}
    stages = json.loads((tmp_path / "runs" / "wide" / "run.json").read_text())["stages"]
    assert stages[-1]["precision"] == "int8"

    # by a loop of our own: a centre crop of 16 x 16 to 2 : 3, resized, in the grey of ITU-R BT.601
    right, predict = [], numbers_of(exported / "model.tflite")
    for label, name in enumerate(("blue", "green", "red")):
        for path in (colours / "test" / name).iterdir():
            grey = Image.open(path).convert("L").crop((0, 2, 16, 13)).resize((24, 16), Image.Resampling.BILINEAR)
            right.append(predict(np.asarray(grey)[None, ..., None]).argmax() == label)
    assert np.mean(right) == stages[-1]["metrics"]["top1"]
    for colour, number in (("blue", 0), ("red", -1)):
        path = list((colours / "test" / colour).iterdir())[number]
        said = said_by_card(exported, np.asarray(Image.open(path)), tmp_path / colour)
        assert (said == f"{colour}\n") == right[number]
    assert stages[-1]["metrics"]["top1"] > 0.5

    code, output, errors = main("evaluate", exported / "model.tflite", "--data", colours)
    assert code == 0, errors
    assert f"{stages[-1]['metrics']['top1']:.2%}" in output
    assert "16x24 pixels, grey" in (tmp_path / "runs" / "wide" / "report.md").read_text()
