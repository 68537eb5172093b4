"""jetslim compare on what a finished pipeline left."""

import csv
import json
import re
import tomllib
from types import SimpleNamespace

import pytest

from compress import artifacts, keras, models
from compress.quantize.fold import fold


@pytest.fixture(scope="module")
def runs(small):
    return small.folder / "runs" / "small"


@pytest.fixture
def compared(main, colours):
    """Runs the command on the colours; the lines of its table, and all of its output."""

    def call(*arguments):
        code, output, errors = main("compare", *arguments, "--data", colours)
        assert code == 0, errors
        table = output[output.index("layer ") :].split("\n\n")[0].splitlines()
        return SimpleNamespace(header=table[0], rows=[line.split() for line in table[1:]], output=output)

    return call


def snr(row):
    return float(row[-2].replace("exact", "inf"))


@pytest.mark.parametrize("stage", ["5-quantized", "6-exported", "6-exported/model.sparse.tflite"])
def test_every_layer_worst_first_and_top1_of_both(compared, runs, tmp_path, stage):
    found = compared(runs / "4-pruned", runs / stage, "--worst", "100", "--csv", tmp_path / "all.csv", "--images", "20")
    assert found.header.split() == ["layer", "kind", "computes", "in", "SNR,", "dB", "by", "itself"]
    assert [snr(row) for row in found.rows] == sorted(snr(row) for row in found.rows)
    assert len(found.rows) == 14  # nine convolutions, two of them beside; three sums, the mean and the head
    assert {row[2] for row in found.rows} == {"int8"}
    assert "more layers of" not in found.output
    with (tmp_path / "all.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["layer"] for row in written] == [row[0] for row in found.rows]
    assert float(written[0]["snr_db"]) == pytest.approx(snr(found.rows[0]), abs=0.06)
    for name, of in (("A", "4-pruned"), ("B", stage.partition("/")[0])):
        right = round(json.loads((runs / of / "stage.json").read_text())["score"] * 60)
        assert f"{name}: top-1 {right / 60:.2%} ({right} of 60), {runs}" in found.output
    assert re.search(r"^agreement \d+\.\d\d% on the test images of folder$", found.output, re.MULTILINE)


def test_the_last_line_is_for_the_quantize_stage(compared, runs):
    last = compared(runs / "4-pruned", runs / "6-exported").output.splitlines()[-1]
    keep = tomllib.loads(last[last.index("keep_float") :])["keep_float"]
    assert 1 <= len(keep) <= 6  # three, each perhaps with its ReLU
    assert set(keep) <= {layer.name for layer in fold(artifacts.load(runs / "4-pruned" / "saved_model")).layers}


def test_a_few_of_the_worst(compared, runs):
    found = compared(runs / "4-pruned", runs / "6-exported", "--worst", "2")
    assert "... and 12 better ones (--worst, --csv)" in found.output
    assert len(found.rows) == 2 + 1


def test_the_quantized_one_first(compared, runs):
    there, back = (compared(runs / a, runs / b) for a, b in (("4-pruned", "6-exported"), ("6-exported", "4-pruned")))
    assert back.rows == there.rows
    assert back.output.startswith("note: A is quantized and B is not, so the noise is that of A\n")
    assert "note" not in there.output


def test_two_quantized_ones(compared, runs):
    """The file against the network that it was made of: only rounding is between them."""
    found = compared(runs / "5-quantized", runs / "6-exported")
    assert len(found.rows) == 14
    assert snr(found.rows[0]) > 20


def test_two_files_of_one_network(compared, runs):
    found = compared(runs / "6-exported", runs / "6-exported/model.sparse.tflite")
    assert {tuple(row[-2:]) for row in found.rows[:14]} == {("exact", "exact")}
    assert "note: the layers of a file cannot be run alone" in found.output
    assert "agreement 100.00%" in found.output
    assert "keep_float" not in found.output


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Models that do not go with those of the pipeline."""
    folder = tmp_path_factory.mktemp("others")
    (folder / "text.tflite").write_text("this is no model")
    (folder / "empty").mkdir()
    artifacts.save(models.build("resnet8", 16, 4, seed=0), folder / "four")
    artifacts.save(models.build("resnet8", 24, 3, seed=0), folder / "large")
    image = keras.Input((16, 16, 3), name="other_image")
    other = keras.layers.Dense(3, name="other_head")(keras.layers.Flatten(name="other_flat")(image))
    artifacts.save(keras.Model(image, other, name="other"), folder / "strange")
    return folder


@pytest.mark.parametrize(("name", "words"), [
    ("text.tflite", ["text.tflite is not a .tflite file"]),
    ("empty", ["empty is not a SavedModel"]),
    ("gone", ["gone", "does not exist"]),
    ("four", ["four has 4 classes, but the data have 3"]),
    ("large", ["16x16x3", "large reads 24x24x3"]),
    ("strange", ["no layer with the same name"]),
])  # fmt: skip
def test_what_cannot_be_compared(main, runs, others, colours, name, words):
    for arguments in ((runs / "6-exported", others / name), (others / name, runs / "4-pruned")):
        code, _, errors = main("compare", *arguments, "--data", colours)
        assert code == 2, errors
        assert "Traceback" not in errors
        last = errors.splitlines()[-1]
        assert last.startswith("Error: ")
        for word in words if arguments[1] == others / name else words[:1]:
            assert word in last, last


def test_data_of_other_classes(main, runs):
    code, _, errors = main("compare", runs / "4-pruned", runs / "6-exported", "--data", "digits")
    assert code == 2
    assert "has 3 classes, but the data have 10" in errors
