"""Pictures of several sizes through the chain: trained by crops, measured whole, exported at one size."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.said import numbers_of

TOML = """
[data]
name = "points"
path = "dots"
channels = 1
size = [48, 64]
crop = [32, 32]
what = "dots"
scales = [0.8, 1.2]
kernel = { name = "fixed", spread = 2.0 }
augmentation = { flip = true }

[[stage]]
name = "teacher"
kind = "train"
model = "m_sfanet_1_8"
batch_norm_momentum = 0.9
epochs = 2
batch_size = 8

[[stage]]
name = "student"
kind = "distill"
teachers = ["teacher"]
model = "mcnn"
epochs = 4
batch_size = 4
method = { name = "density" }

[[stage]]
name = "quantized"
kind = "quantize"
mode = "static"

[[stage]]
name = "exported"
kind = "export"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, jetslim):
    """A run on pictures of dots, three quarters of which are of another size than the network's."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    (folder / "dots/images").mkdir(parents=True)
    rows = ["file,x,y"]
    for number in range(40):
        height, width = ((48, 64), (40, 50), (60, 60), (96, 128))[number % 4]
        image = rng.integers(0, 60, (height, width), np.uint8)
        for _ in range(int(rng.integers(0, 12))):
            y, x = int(rng.integers(2, height - 2)), int(rng.integers(2, width - 2))
            image[y - 1 : y + 2, x - 1 : x + 2] = 230
            rows.append(f"{number}.png,{x},{y}")
        Image.fromarray(image).save(folder / f"dots/images/{number}.png")
    (folder / "dots/points.csv").write_text("\n".join(rows))
    (folder / "dots.toml").write_text(TOML)
    done = jetslim("run", "dots.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "can read crops" not in done.stdout and "one size only" not in done.stdout
    return folder


def run_of(folder):
    return json.loads((folder / "runs/dots/run.json").read_text())


def test_networks_are_measured_on_whole_images_too(folder):
    stages = {stage["name"]: stage for stage in run_of(folder)["stages"]}
    for name in ("teacher", "student", "quantized"):
        whole = stages[name]["whole_images"]
        assert list(whole) == ["mae", "rmse", "bias"] and whole["mae"] > 0
        assert whole != stages[name]["network_metrics"]
    assert stages["exported"]["whole_images"] is None
    report = (folder / "runs/dots/report.md").read_text()
    assert "| network | MAE, own sizes | MAE, 48x64 |" in report


def test_the_bias_of_the_sum_vanishes_on_the_validation_images(folder):
    """Told by stage.json, and by the outputs that both stages kept."""
    facts = json.loads((folder / "runs/dots/3-quantized/stage.json").read_text())
    sums = [
        np.load(folder / f"runs/dots/{stage}/validation_outputs.npz")["density"].sum(axis=(1, 2, 3), dtype=np.float64)
        for stage in ("2-student", "3-quantized")
    ]
    assert abs(facts["correction"]["bias_after"]) < 1e-3
    assert sums[1].mean() == pytest.approx(sums[0].mean(), abs=2e-3)
    reasons = facts["float_layers"].values()
    assert list(reasons) == ["the sum of what it gives counts, in which rounding would add up"]


def test_the_large_network_goes_through_the_chain_and_its_plain_layers_are_of_one_size(folder, jetslim):
    """M-SFANet in plain layers has pools of one size: that is said, and no crop is fed to it. In int8 its dilations,
    enlargements and means are exact enough; divisions stay in float, with the reason."""
    (folder / "narrow.toml").write_text(
        TOML.partition('[[stage]]\nname = "student"')[0]
        + '[[stage]]\nname = "narrowed"\nkind = "narrow"\nparameters = 0.8\nepochs = 1\nbatch_size = 8\n'
        + '[[stage]]\nname = "quantized"\nkind = "quantize"\nmode = "static"\n'
        + '[[stage]]\nname = "exported"\nkind = "export"\n'
    )
    done = jetslim("run", "narrow.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "not all networks here can read crops of 32x32, so the training uses whole images" in done.stdout
    assert "not measured on whole images" in done.stdout
    run = json.loads((folder / "runs/narrow/run.json").read_text())
    stages = {stage["name"]: stage for stage in run["stages"]}
    assert sorted(stages["exported"]["float_layers"].values()) == [
        "TFLite divides two tensors in float alone", "the sum of what it gives counts, in which rounding would add up",
    ]  # fmt: skip
    counts = [np.array(stages[name]["details"]["counts"]["predicted"]) for name in ("narrowed", "exported")]
    assert np.abs(counts[1] - counts[0]).mean() < 0.1 * max(1.0, np.abs(counts[0]).mean())


def test_a_model_says_what_it_counts(folder, jetslim):
    done = jetslim("evaluate", "runs/dots/4-exported", "--data", "dots", cwd=folder)
    assert done.returncode == 0, done.stderr
    mae = run_of(folder)["stages"][-1]["metrics"]["mae"]
    assert f"mean absolute error of the count {mae:#.3g}".rstrip(".") in done.stdout


def test_maps_of_images_of_one_name_do_not_overwrite_each_other(folder, jetslim, tmp_path):
    for number, place in enumerate(("a", "b")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "0.png").write_bytes((folder / f"dots/images/{number}.png").read_bytes())
    model = folder / "runs/dots/4-exported/model.tflite"
    done = jetslim("predict", model, "a/0.png", "b/0.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.partition(" (map: ")[2] for line in done.stdout.splitlines()] == [
        "pictures/0-map.png)",
        "pictures/0-1-map.png)",
    ]
    assert all(" dots" in line for line in done.stdout.splitlines())


def test_from_python_a_density_network_gets_no_softmax(folder):
    from compress import api, artifacts

    network = artifacts.load(folder / "runs/dots/2-student/saved_model")
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 1), np.uint8)
    wanted = network(images / np.float32(255)).numpy()
    for model, tolerance in ((network, 1e-4), (api.quantize(network, images, task="counting"), 0.1)):
        given = numbers_of(api.convert(model, task="counting"))(images)
        assert np.abs(given - wanted).max() < tolerance * np.abs(wanted).max()
