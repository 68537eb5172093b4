"""The second table of a real run: its numbers, worked out again from the outputs that the artifacts keep."""

import csv
import json
import math

import numpy as np
import pytest

from compress import pipeline, report
from compress.artifacts import Store
from compress.artifacts.outputs_file import read_outputs
from compress.clock import Clock
from compress.training import Progress

TOML = """
[data]
name = "digits"
size = 16

[[stage]]
name = "trained"
kind = "train"
model = "resnet8"
batch_norm_momentum = 0.9
epochs = 3
label_loss = { name = "focal_calibration", focal_weight = 0.1 }

[[stage]]
name = "dynamic"
kind = "quantize"
mode = "dynamic"

[[stage]]
name = "quantized"
kind = "quantize"
input = "trained"
mode = "static"

[[stage]]
name = "exported"
kind = "export"

[[stage]]
name = "integers"
kind = "export"
input = "quantized"
output_type = "int8"
"""
NUMBERS = ("top1", "top5", "nll", "brier", "ece", "temperature", "nll_scaled", "ece_scaled")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(folder of the run, run.json, rows of calibration.csv by stage, data set)."""
    folder = tmp_path_factory.mktemp("calibration")
    (folder / "digits.toml").write_text(TOML)
    chosen = pipeline.read_pipeline(str(folder / "digits.toml"))
    dataset = chosen.data.load(None, False)
    plan = pipeline.plan(chosen, dataset)
    results = pipeline.run(plan, Store(folder / "store"), folder / "runs", Progress(), Clock())
    report.write(results, folder / "runs/digits")
    with (folder / "runs/digits/calibration.csv").open(newline="") as file:
        rows = {row["stage"]: row for row in csv.DictReader(file)}
    return folder / "runs/digits", results, rows, dataset


def test_every_stage_has_a_row_of_finite_numbers(done):
    folder, results, rows, _ = done
    assert list(rows) == ["trained", "dynamic", "quantized", "exported", "integers"]
    assert [row["measured_on"] for row in rows.values()] == ["network", ".tflite", "network", ".tflite", ".tflite"]
    for stage in results.stages:
        row = rows[stage.name]
        assert all(math.isfinite(float(row[name])) for name in NUMBERS)
        assert {name: float(row[name]) for name in NUMBERS} == {name: stage.network_metrics[name] for name in NUMBERS}
        assert float(row["top1"]) <= float(row["top5"]) <= 1
        assert float(row["nll"]) > 0 and 0 < float(row["brier"]) < 2 and 0 <= float(row["ece"]) < 1
        bins = stage.details["reliability"]
        assert len(bins["images"]) == 15
        assert sum(bins["images"]) == results.data.test
    assert (
        json.loads((folder / "run.json").read_text())["stages"][0]["network_metrics"]
        == results.stages[0].network_metrics
    )


def test_a_row_worked_out_again_from_the_stored_logits(done):
    """By loops over images and bins, with no code of ours."""
    folder, _, rows, dataset = done
    logits = read_outputs(folder / "1-trained/test_outputs.npz")["logits"].astype(float)
    assert logits.shape == (len(dataset.test), 10)
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    losses, squares, bins = [], [], {}
    for row, label in zip(p, dataset.test.targets.labels, strict=True):
        losses.append(-math.log(row[label]))
        squares.append(sum((value - (k == label)) ** 2 for k, value in enumerate(row)))
        bins.setdefault(math.ceil(15 * row.max()), []).append((row.argmax() == label) - row.max())
    assert float(rows["trained"]["nll"]) == pytest.approx(sum(losses) / len(p), rel=1e-9)
    assert float(rows["trained"]["brier"]) == pytest.approx(sum(squares) / len(p), rel=1e-9)
    assert float(rows["trained"]["ece"]) == pytest.approx(
        sum(abs(sum(gaps)) for gaps in bins.values()) / len(p), rel=1e-9
    )


def test_the_temperature_was_fitted_on_validation(done):
    folder, _, rows, dataset = done
    logits = read_outputs(folder / "1-trained/validation_outputs.npz")["logits"].astype(float)
    assert logits.shape == (len(dataset.validation), 10)

    def nll(temperature):
        z = logits / temperature
        z = z - np.log(np.exp(z - z.max(1, keepdims=True)).sum(1, keepdims=True)) - z.max(1, keepdims=True)
        return -z[np.arange(len(z)), dataset.validation.targets.labels].mean()

    found = float(rows["trained"]["temperature"])
    assert nll(found) <= min(nll(found * 0.99), nll(found * 1.01), nll(1.0))


def test_an_export_is_calibrated_as_the_quantized_network_is(done):
    """Three measurements of one int8 network: Keras's emulation, the file's probabilities, and its int8 logits."""
    _, _, rows, _ = done
    for name in ("nll", "brier", "ece", "nll_scaled", "ece_scaled"):
        for stage in ("exported", "integers"):
            assert float(rows[stage][name]) == pytest.approx(float(rows["quantized"][name]), abs=0.02), (stage, name)
    assert float(rows["integers"]["nll"]) == pytest.approx(float(rows["exported"]["nll"]), abs=1e-4)
    assert float(rows["exported"]["temperature"]) == pytest.approx(float(rows["quantized"]["temperature"]), rel=0.05)


def test_the_report_shows_it(done):
    folder, _, _, _ = done
    text = (folder / "report.md").read_text()
    assert "## Calibration of probabilities\n\n| stage | kind | measured_on | top1 | top5 | nll |" in text
    assert (folder / "calibration.md").read_text().strip() in text
    assert "plots/reliability.png" in text
    assert (folder / "plots/reliability.png").read_bytes().startswith(b"\x89PNG")
