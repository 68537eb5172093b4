"""A file whose boxes TFLite's own operator decodes and suppresses: it says what our own decoding says."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from compress import models
from compress.artifacts.outputs_file import write_outputs
from compress.artifacts.saved_model import serving_function
from compress.config import as_dict
from compress.datasets import DATASETS
from compress.evaluate import KerasPredictor, TFLitePredictor, file_outputs, outputs
from compress.export import convert
from compress.export.postprocess import POSTPROCESSES, agreement, with_detections
from compress.metrics import boxes
from compress.models.detector import DetectionHead
from compress.report.model_card.usage import python
from compress.stages.faithful import Unfaithful, compare_behind
from compress.stages.save_and_evaluate import TEST_OUTPUTS
from compress.tasks import Detection
from compress.tasks.named import names
from jetson import worker
from jetson.interpreter import Model


@pytest.fixture(scope="module")
def made():
    """(the data, the task, the raw outputs of its network, the file without and with the operator)."""
    data = DATASETS["shapes"](size=(64, 96)).load()
    task = Detection(channels=16, depth=1).fitted(data)
    network = models.build("resnet10_1_4", data.shape, task.head(data), seed=0)
    for layer in network.layers:  # so that an untrained network is sure of something
        if layer.name in ("classes", "boxes"):
            rng = np.random.default_rng(0)
            kernel, bias = layer.get_weights()
            layer.set_weights([rng.normal(0, 0.3, kernel.shape), bias])
    raw = outputs(KerasPredictor(serving_function(network, names(task))), data.test)
    plain = convert.Converter(network, outputs=task.OUTPUTS).dense()
    return data, task, raw, plain, with_detections(plain, as_dict(task), 3)


def test_it_says_what_our_own_decoding_says(made):
    data, task, raw, _, content = made
    predictor = TFLitePredictor(content, expected=file_outputs(task))
    assert [output.name for output in predictor.outputs] == list(boxes.SOFTWARE)
    alike, count = agreement(task.from_file(outputs(predictor, data.test)), raw, as_dict(task))
    assert alike >= 0.99 and count > 1000


def test_it_finds_what_ours_finds_among_very_many_candidates(made):
    """Boxes that the operator alone finds count, too: it looks at all candidates, however many an image has."""
    data, task, raw, plain, _ = made
    unsure = replace(task, least_score=0.001, suppression=0.1)  # so that unlikely ones are among those that stay
    assert np.median((boxes.sigmoid(raw["logits"]) >= unsure.least_score).sum(axis=(1, 2))) > 1500
    predictor = TFLitePredictor(with_detections(plain, as_dict(unsure), 3), expected=file_outputs(task))
    alike, count = agreement(task.from_file(outputs(predictor, data.test)), raw, as_dict(unsure))
    assert alike >= 0.99 and count > 1000


def test_fewer_than_99_percent_that_are_the_same_are_refused(made, tmp_path):
    data, task, raw, _, content = made
    (tmp_path / "model.detections.tflite").write_bytes(content)
    write_outputs(tmp_path / TEST_OUTPUTS, raw)
    behind, context = POSTPROCESSES["tflite"], SimpleNamespace(task=task, dataset=data)
    alike, _ = compare_behind(behind, tmp_path / "model.detections.tflite", "", context)
    assert alike >= 0.99
    worse = replace(behind, agreement=lambda *_: (0.989, 1000))
    with pytest.raises(Unfaithful, match="only 98.9% are the same"):
        compare_behind(worse, tmp_path / "model.detections.tflite", "", context)


def test_programs_for_such_models_find_four_outputs_in_their_order(made):
    data, task, _, _, content = made
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    details = interpreter.get_output_details()
    assert [detail["name"] for detail in details] == [
        "TFLite_Detection_PostProcess",
        *(f"TFLite_Detection_PostProcess:{n}" for n in (1, 2, 3)),
    ]
    assert [detail["shape"].tolist() for detail in details[:3]] == [[1, task.most, 4], [1, task.most], [1, task.most]]
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], data.test.read(np.arange(1)) / np.float32(255))
    interpreter.invoke()
    places, classes, scores, count = (interpreter.get_tensor(detail["index"])[0] for detail in details)
    kept = int(count)
    assert (np.diff(scores[:kept]) <= 0).all() and set(classes[:kept].astype(int)) <= {0, 1, 2}
    assert places[:kept].min() > -1 and places[:kept].max() < 2  # in parts of the image


@pytest.mark.parametrize("with_operator", [True, False])
def test_the_lines_of_a_model_card_print_what_it_finds(made, with_operator, tmp_path, monkeypatch, capsys):
    """The boxes of which the operator is sure; without it the class that is surest at any anchor."""
    data, task, raw, plain, content = made
    (tmp_path / "model.tflite").write_bytes(plain)
    (tmp_path / "model.detections.tflite").write_bytes(content)
    (tmp_path / "labels.txt").write_text("".join(f"{name}\n" for name in data.label_names))
    Image.fromarray(data.test.read(np.arange(1))[0]).save(tmp_path / "photo.png")
    found = boxes.found(raw, as_dict(task))[0]
    told = {
        "task": {**as_dict(task), "confidence": float(found.scores[2:4].mean())},
        "input": {"dtype": "float32", "colours": "RGB"},
        "preprocessing": {"fit": "stretch", "resize": [64, 96], "divide_by": 255},
        "outputs": [{"name": "boxes"}, {"name": "scores"}],
        "files": ["model.tflite", *["model.detections.tflite"] * with_operator],
    }
    monkeypatch.chdir(tmp_path)
    exec(python(told), {})
    said = capsys.readouterr().out
    if with_operator:
        assert re.findall(r"\('(\w+)'", said) == [data.label_names[kind] for kind in found.classes[:3]]
    else:
        assert said.strip() == data.label_names[raw["logits"][0].max(axis=0).argmax()]


def test_the_lines_of_a_card_give_corners_as_parts_of_a_padded_photo(made, tmp_path, monkeypatch, capsys):
    """The photo fills the left of the input: what the operator gives is a part of that, black and all."""
    data, task, raw, _, content = made
    (tmp_path / "model.detections.tflite").write_bytes(content)
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    left = data.test.read(np.arange(1))[0][:, :48]
    Image.fromarray(left).save(tmp_path / "photo.png")
    padded = np.zeros((64, 96, 3), np.uint8)
    padded[:, :48] = left
    predictor = TFLitePredictor(content, expected=file_outputs(task))
    (found,) = boxes.found(predictor(padded[None]), as_dict(task))
    told = {
        "task": {**as_dict(task), "confidence": float(found.scores[:2].mean())},
        "input": {"dtype": "float32", "colours": "RGB"},
        "preprocessing": {"fit": "pad", "resize": [64, 96], "divide_by": 255},
        "outputs": [{"name": "boxes"}, {"name": "scores"}],
        "files": ["model.tflite", "model.detections.tflite"],
    }
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(python(told).rpartition("\n")[0], names)
    corners = np.array([box for _, _, box in names["found"]])
    (raw,) = predictor(padded[None])["detection_boxes"]
    np.testing.assert_allclose(corners, raw * [1, 2, 1, 2], rtol=1e-6)
    exec(python(told), {})
    assert "array(" in capsys.readouterr().out


@pytest.mark.parametrize("words", [(), ("--draw",), ("--json",)])
def test_a_file_of_boxes_alone_is_known_for_what_it_is(made, main, words, tmp_path):
    """What they lie to stands in its model.json, which was left behind."""
    data, _, _, plain, content = made
    Image.fromarray(data.test.read(np.arange(1))[0]).save(tmp_path / "photo.png")
    for name, file in {"model": plain, "model.detections": content}.items():
        (tmp_path / f"{name}.tflite").write_bytes(file)
        code, output, errors = main("predict", tmp_path / f"{name}.tflite", tmp_path / "photo.png", *words)
        assert (code, output) == (2, "")
        assert "gives what a detector gives (" in errors and "no model.json beside it" in errors


@pytest.mark.parametrize("words", [(), ("--draw",), ("--json",)])
def test_without_labels_beside_it_classes_are_numbers(made, main, words, tmp_path, monkeypatch):
    """Five classes, more than the four numbers of a box."""
    data, task, _, _, _ = made
    network = models.build("resnet10_1_4", data.shape, DetectionHead(5, 6, 16, 1), seed=0)
    for layer in network.layers:
        if layer.name == "classes":  # whatever it sees, it is of the fifth class
            kernel, bias = layer.get_weights()
            layer.set_weights([0 * kernel, np.where(np.arange(len(bias)) % 5 == 4, 3.0, -9.0)])
    plain = convert.Converter(network, outputs=task.OUTPUTS).dense()
    (tmp_path / "model.detections.tflite").write_bytes(with_detections(plain, as_dict(task), 5))
    told = {"schema": "jetslim-model/1", "task": as_dict(task), "files": {"model.detections.tflite": {}}}
    (tmp_path / "model.json").write_text(json.dumps(told))
    Image.fromarray(data.test.read(np.arange(1))[0]).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    code, output, errors = main("predict", "model.detections.tflite", "photo.png", *words)
    assert (code, errors) == (0, "")
    assert words == ("--draw",) or '"class": "4"' in output or "4 (95." in output


@pytest.mark.parametrize(("file", "sees"), [("content", "the image"), ("plain", "noise")])
def test_on_a_board_a_file_that_drops_boxes_is_timed_on_an_image(made, file, sees, tmp_path):
    data, _, _, plain, content = made
    images = data.test.read(np.arange(3))
    np.savez_compressed(tmp_path / "testset.npz", images=images, boxes=np.zeros((3, 1, 4)))
    model = Model({"content": content, "plain": plain}[file], 1)
    worker.feed(model, str(tmp_path / "testset.npz"), None)
    is_image = np.allclose(model.interpreter.get_tensor(model.input["index"])[0], images[0] / 255, atol=1e-6)
    assert is_image == (sees == "the image")


def test_the_file_with_it_is_hardly_larger(made):
    _, task, _, plain, content = made
    assert len(content) - len(plain) < 16 * len(task.anchors) + 4096


@pytest.mark.slow
def test_an_export_writes_it_beside_the_plain_file(tmp_path, jetslim):
    (tmp_path / "chain.toml").write_text(
        """
[data]
name = "shapes"
size = [64, 64]
[task]
name = "detection"
anchor_size = 1.5
[[stage]]
name = "teacher"
kind = "train"
model = "resnet10_1_4"
epochs = 1
[[stage]]
name = "exported"
kind = "export"
postprocess = "tflite"
"""
    )
    done = jetslim("run", "chain.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs/chain/2-exported"
    assert (folder / "model.detections.tflite").is_file()
    told = json.loads((folder / "model.json").read_text())
    assert "model.detections.tflite" in told["files"] and told["departure"]["same_boxes_behind"] >= 0.99
    words = [
        jetslim("evaluate", f"runs/chain/2-exported/{name}.tflite", "--data", "shapes", cwd=tmp_path).stdout
        for name in ("model", "model.detections")
    ]
    assert words[0].split("%")[0] == words[1].split("%")[0]
    measured = json.loads((tmp_path / "runs/chain/run.json").read_text())["stages"][-1]["metrics"]["ap50"]
    assert f"{Detection.METRICS[0].title} {Detection.METRICS[0].compact(measured)}" in words[0]
    blurred = jetslim("evaluate", "runs/chain/2-exported", "--data", "shapes", "--blur", "0.2", cwd=tmp_path)
    assert "blurred by 20.0% of their width" in blurred.stdout
    refused = jetslim("run", "tiny", "--set", "exported.postprocess=tflite", cwd=tmp_path)
    assert (
        refused.returncode == 2 and 'postprocess = "tflite" is for detection, not for classification' in refused.stderr
    )
