"""What an export with onnx = true refuses, and when; a symmetric grid in the .tflite."""

import json

import numpy as np
import pytest

from compress import keras
from compress.stages.onnx_file import judged
from compress.tasks.base import Departure

TOML = """
[data]
name = "folder"
path = "{path}"
size = 16

[[stage]]
name = "first"
kind = "train"
{model}
epochs = 3
batch_size = 16

[[stage]]
name = "quantized"
kind = "quantize"
mode = "static"
{quantize}

[[stage]]
name = "exported"
kind = "export"
onnx = true
{export}
"""


@pytest.fixture
def write(colours, tmp_path):
    def toml(model='model = "plain2"', quantize='grid = "symmetric"', export=""):
        (tmp_path / "own.toml").write_text(TOML.format(path=colours, model=model, quantize=quantize, export=export))
        return ["run", "own.toml"]

    return toml


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"quantize": ""}, 'grid = "symmetric"'),
        ({"quantize": "rewrite = false"}, 'grid = "symmetric"'),
        (
            {"quantize": 'rewrite = false\ngrid = "symmetric"'},
            "grid works only with qat and static on the rewritten graph",
        ),
        ({"export": 'input_type = "uint8"'}, "is not possible with"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_trained(write, jetslim, tmp_path, settings, words):
    done = jetslim(*write(**settings), cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "store").exists() or not list((tmp_path / "store/artifacts").iterdir())


def test_a_layer_without_nodes_is_named_before_anything_is_trained(write, jetslim, tmp_path):
    image = keras.Input((16, 16, 3))
    x = keras.layers.GroupNormalization(4, name="of_groups")(keras.layers.Conv2D(8, 3)(image))
    x = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    keras.Model(image, x).save(tmp_path / "own.keras")
    done = jetslim(*write(model='saved_model = "own.keras"'), cwd=tmp_path)
    assert done.returncode == 2
    assert "'of_groups' (GroupNormalization)" in done.stderr
    assert "epoch" not in done.stdout + done.stderr


def test_both_files_of_a_symmetric_network(write, jetslim, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    done = jetslim(*write(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs/own/3-exported"
    tensors = Interpreter(str(folder / "model.tflite")).get_tensor_details()
    zeros = [np.array(tensor["quantization_parameters"]["zero_points"]) for tensor in tensors]
    assert sum(point.size > 0 for point in zeros) > 4
    assert all((point == 0).all() for point in zeros)
    facts = json.loads((folder / "stage.json").read_text())["onnx"]
    assert facts["closeness_to_tflite"] >= 0.97
    assert facts["kernels_in_float"] == []
    assert facts["bytes"] == (folder / "model.onnx").stat().st_size


def test_a_file_may_depart_as_far_as_a_tflite_whose_layers_were_compared():
    def departure(mean, reason=""):
        return Departure({"mean_difference": mean}, reason)

    near, far = departure(0.004), departure(0.02, "the file and the Keras network differ by 0.02")
    assert judged(near, near, near) == ("", "")
    assert judged(far, near, near)[0] == far.reason
    assert judged(near, near, far)[0] == "the file and model.tflite differ by 0.02"
    reason, note = judged(far, departure(0.016, "far"), far)  # 1.25 times as far
    assert reason == "" and note.startswith(far.reason)
    assert judged(far, departure(0.0159, "far"), near) == (far.reason, "")
    assert judged(near, departure(0.016, "far"), far) == ("", "")
