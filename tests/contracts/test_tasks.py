"""Every task: what it asks of targets, learns from outputs, measures, and says of a file that departs.

A new one adds its line to CASES.
"""

import dataclasses
import inspect
import json

import numpy as np
import pytest

from compress import keras, metrics
from compress.config import as_dict, parse
from compress.datasets.images import Fitted
from compress.datasets.splits import ArraySplit, Dataset
from compress.errors import UserError
from compress.metrics.boxes import corners, encoded, iou
from compress.report.sections import SECTIONS
from compress.targets import Boxes, ClassIndices, ClassSets, Points, Quantities, Targets
from compress.tasks import TASKS, Detection, Output, Task
from compress.tasks.density import map_of

RNG = np.random.default_rng(0)
COUNT, WIDTH = 60, 4
SIDES = (64, 64)  # of the images that have boxes in them
IMAGES = RNG.integers(0, 256, (COUNT, 8, 8, 3), dtype="uint8")


def of_classes():
    labels = RNG.integers(0, WIDTH, COUNT)
    return ClassIndices(labels), {"logits": np.float32(8 * np.eye(WIDTH)[labels])}


def of_sets():
    present = RNG.random((COUNT, WIDTH)) < 0.4
    return ClassSets(present), {"logits": np.float32(np.where(present, 6, -6))}


def of_numbers():
    values = RNG.normal([0, 10, 1000, -3], [1, 2, 50, 0.1], (COUNT, WIDTH))
    return Quantities(values), {"numbers": values.astype("float32")}


def of_points():
    points = Points.of([RNG.uniform(1, 7, (count, 3)) for count in RNG.integers(1, 30, COUNT)], (8, 8))
    arrays = points.arrays()
    return points, {"density": map_of(arrays["points"], arrays["frame"], (8, 8)).numpy()[..., None]}


def of_boxes():
    """A box an image and a second one in every other, each with the anchor of an 8x8 image that it overlaps most."""
    rows = []
    for number in range(COUNT):
        top, left = RNG.uniform(0, 20, 2)
        first = [top, left, top + RNG.uniform(8, 12), left + RNG.uniform(8, 12), number % WIDTH, 0]
        second = [[40.0, 40.0, 40 + RNG.uniform(16, 24), 60.0, (number // 2) % WIDTH, 0]]
        rows.append(np.array([first, *(second if number % 2 else [])]))
    targets = Boxes.of(rows, SIDES)
    places = Detection(frame=SIDES, anchor_size=1.5).anchors
    logits = np.full((COUNT, len(places), WIDTH), -9, np.float32)
    offsets = np.zeros((COUNT, len(places), 4), np.float32)
    for image, boxes in enumerate(rows):
        for box in boxes:
            best = iou(box[None, :4], corners(places))[0].argmax()
            logits[image, best, int(box[4])] = 9
            offsets[image, best] = encoded(box[:4], places[best])
    return targets, {"logits": logits, "boxes": offsets}


# targets, and raw outputs that are right
CASES = {
    "classification": of_classes,
    "multi_label": of_sets,
    "regression": of_numbers,
    "counting": of_points,
    "detection": of_boxes,
}
KINDS = {"counting": 1}  # how many names the data have, where it is not WIDTH
SETTINGS = {"detection": {"anchor_size": 1.5}}
tasks = pytest.mark.parametrize("name", TASKS)


def dataset(targets, task):
    split = ArraySplit(IMAGES, targets, 8)
    names = [f"label {number}" for number in range(KINDS.get(task, WIDTH))]
    return Dataset.of("made", names, split, split, split, task=task)


def case(name):
    targets, right = CASES[name]()
    return TASKS[name](**SETTINGS.get(name, {})).fitted(dataset(targets, name)), targets, right


def wrong(outputs):
    """The same, of other images."""
    return {name: np.roll(values, 7, axis=0) for name, values in outputs.items()}


def test_every_task_has_a_case_here_and_metrics_for_the_board():
    assert CASES.keys() == TASKS.keys() == metrics.METRICS.keys()
    assert SECTIONS.keys() <= TASKS.keys()


@tasks
def test_it_has_what_a_task_has(name):
    task, targets, _ = case(name)
    assert isinstance(task, Task) and isinstance(targets, Targets)
    assert task.name == name and TASKS[name].__doc__
    assert all(isinstance(output, Output) for output in task.OUTPUTS)
    for function in (attribute for attribute in vars(Task) if not attribute.startswith("_") and attribute.islower()):
        if inspect.isfunction(getattr(Task, function)):
            wanted, own = (inspect.signature(getattr(kind, function)) for kind in (Task, TASKS[name]))
            assert list(own.parameters) == list(wanted.parameters), function


@tasks
def test_a_file_tells_it_again(name):
    """As model.json and stage.json have it: the fitted task is read back as it was."""
    task, _, _ = case(name)
    assert parse(TASKS[name], json.loads(json.dumps(as_dict(task))), "model.json") == task


@tasks
def test_targets_of_another_kind_are_refused(name):
    for other in CASES.keys() - {name}:
        with pytest.raises(UserError, match=f"^made (has no|does not have) .*, which {name} needs$"):
            TASKS[name]().fitted(dataset(CASES[other]()[0], other))


@tasks
def test_it_measures_what_it_describes_and_right_answers_are_best(name):
    task, targets, right = case(name)
    best, other = (
        task.measure(outputs, targets.arrays(), outputs, targets.arrays()) for outputs in (right, wrong(right))
    )
    assert list(best) == [metric.key for metric in task.METRICS]
    assert best[task.METRICS[0].key] == pytest.approx(task.score(right, targets.arrays()))
    for metric in task.METRICS:
        if metric.better and None not in (best[metric.key], other[metric.key]):
            better = best[metric.key] - other[metric.key]
            assert (better if metric.better == "higher" else -better) >= 0, metric.key
    json.dumps([best, task.details(right, targets.arrays())], allow_nan=False)


@tasks
def test_the_board_measures_the_same(name):
    task, targets, right = case(name)
    some = {key: values + RNG.normal(0, 3, values.shape) for key, values in right.items()}
    host = task.measure(some, targets.arrays(), some, targets.arrays())
    board = metrics.METRICS[name].measure(some, targets.arrays(), json.loads(json.dumps(as_dict(task))))
    assert board == {key: pytest.approx(host[key]) if host[key] is not None else None for key in board}
    assert metrics.METRICS[name].same(some, some, as_dict(task)).all()


@tasks
def test_the_loss_is_a_scalar_of_at_least_0_that_falls_with_its_gradient(name):
    tf = keras.tf
    task, targets, right = case(name)
    arrays = {key: tf.constant(values) for key, values in targets.arrays().items()}
    variables = {key: tf.Variable(values) for key, values in wrong(right).items()}
    with tf.GradientTape() as tape:
        value = task.loss(variables, arrays)
    gradients = tape.gradient(value, list(variables.values()))
    assert value.shape == () and value.dtype == tf.float32 and float(value) > 0
    step = {key: v - 0.05 * g for (key, v), g in zip(variables.items(), gradients, strict=True)}
    assert float(task.loss(step, arrays)) < float(value)
    assert 0 <= float(task.loss(right, arrays)) < float(value)
    assert float(task.loss(variables, arrays, 2.0)) == pytest.approx(2 * float(value), rel=1e-5)
    assert all(scalar.shape == () for scalar in task.logs(variables, arrays).values())


@tasks
def test_a_file_that_gives_what_the_network_gives_is_faithful_and_another_is_not(name):
    task, targets, right = case(name)
    for precision in ("float32", "float16", "int8"):
        assert task.departure(right, right, targets.arrays(), precision).reason == ""
        reason = task.departure(right, wrong(right), targets.arrays(), precision).reason
        assert reason.startswith("the file") and "\n" not in reason
    assert task.close(right, right) == (1 if task.CLOSENESS.better == "higher" else 0)
    assert task.tolerance("int8")


@tasks
def test_what_a_file_gives_comes_back_as_raw_outputs(name):
    """By the operator that export puts behind them, and as they are."""
    task, targets, right = case(name)
    operators = {"SOFTMAX": keras.tf.nn.softmax, "LOGISTIC": keras.tf.sigmoid, "": lambda values: values}
    given = {
        output.in_file: np.asarray(operators[output.operator](right[output.name]), np.float32)
        for output in task.OUTPUTS
    }
    for outputs in (given, right):
        raw = task.from_file(outputs, task.OUTPUTS[0].operator if outputs is given else "")
        assert raw.keys() == right.keys()
        assert task.score(raw, targets.arrays()) == task.score(right, targets.arrays())
        assert task.close(raw, right) == pytest.approx(task.close(right, right), abs=1e-6)


@tasks
def test_ignorance_and_collapse_are_told(name):
    task, targets, right = case(name)
    assert task.ignorance(right, targets.arrays()) == task.collapse(right, targets.arrays()) == ""
    flat = {key: np.repeat(values.mean(axis=0, keepdims=True), COUNT, axis=0) for key, values in right.items()}
    assert task.ignorance(flat, targets.arrays()) != ""
    assert task.collapse(flat, targets.arrays()) != ""


@tasks
def test_who_is_right_about_examples_that_are_all_alike_is_not_called_ignorant(name):
    task, targets, right = case(name)
    alike = np.zeros(COUNT, np.int64)
    assert task.ignorance({key: values[alike] for key, values in right.items()}, targets.take(alike).arrays()) == ""


@tasks
def test_targets_that_metrics_are_about_lack_nothing(name):
    task, targets, _ = case(name)
    assert task.lacks(targets.arrays()) == ""


@tasks
def test_a_model_is_measured_on_data_from_whose_training_split_nothing_can_be_learned(name):
    """It keeps what it was made with; only who trains needs something to learn."""
    task, targets, _ = case(name)
    split = ArraySplit(IMAGES, targets, 8)
    nothing = {
        "multi_label": ClassSets(np.zeros((COUNT, WIDTH), bool)),
        "regression": Quantities(np.ones((COUNT, WIDTH))),
        "counting": Points.of([np.empty((0, 3))] * COUNT, (8, 8)),
        "detection": Boxes.of([np.empty((0, 6))] * COUNT, SIDES),
    }.get(name, targets)
    data = Dataset.of("made", ["a", "b", "c", "d"], ArraySplit(IMAGES, nothing, 8), split, split, task=name)
    assert task.fitted(data, learns=False) == task
    if name in ("regression", "counting", "detection"):
        with pytest.raises(UserError, match="so there is nothing to learn"):
            TASKS[name](**SETTINGS.get(name, {})).fitted(data)
    if name in ("multi_label", "detection"):
        assert task.lacks(nothing.arrays())
    if name == "regression":
        assert TASKS[name]().fitted(data, learns=False).scale == (1.0,) * WIDTH


@tasks
def test_rows_for_calibration_are_rows(name):
    task, targets, _ = case(name)
    rows = task.calibration_rows(targets.arrays())
    assert rows.dtype == np.int64 and len(set(rows.tolist())) == len(rows) <= COUNT
    assert set(rows.tolist()) <= set(range(COUNT))


@tasks
def test_every_example_is_described(name):
    task, _, right = case(name)
    lines = task.describe(right, ("a", "b", "c", "d"), 2)
    assert len(lines) == COUNT
    assert all(line and "\n" not in line for line in lines)
    told = task.as_json(right, ("a", "b", "c", "d")[: KINDS.get(name, WIDTH)])
    assert len(told) == COUNT and len({tuple(each) for each in told}) == 1
    json.dumps(told, allow_nan=False)


@tasks
def test_a_picture_is_drawn_where_answers_are_places(name):
    task, _, right = case(name)
    image = np.full((64, 96, 3), 90, np.uint8)
    one = {key: values[:1] for key, values in right.items()}
    picture = task.picture(one, Fitted(image, image[:, :64], "crop"), ("a", "b", "c", "d"))
    assert (picture is None) == (not task.PICTURE)
    if picture is not None:
        assert picture.dtype == np.uint8 and picture.shape[2] == 3 and np.ptp(picture) > 0
    assert task.PICTURE or not task.DRAWN_UNASKED


@tasks
def test_its_head_gives_its_outputs(name):
    task, targets, right = case(name)
    head, width = task.head(dataset(targets, name)), KINDS.get(name, WIDTH)
    maps = [keras.Input((64 // stride, 64 // stride, 5)) for stride in head.STRIDES]
    features = maps if len(maps) > 1 else keras.Input((8, 8, 5) if maps else (5,))
    network = keras.Model(features, head(features))
    shapes = {output.name: tuple(t.shape) for output, t in zip(task.OUTPUTS, network.outputs, strict=True)}
    assert shapes == {key: (None, *values.shape[1:]) for key, values in right.items()}
    task.check_outputs(shapes, "net", width)
    with pytest.raises(UserError, match=f"^net (gives|has|counts|detects) .*, but the data have {width + 1}\\b"):
        task.check_outputs(shapes, "net", width + 1)


@tasks
def test_its_settings_are_checked(name):
    with pytest.raises(UserError, match="unknown key 'colour'"):
        parse(TASKS[name], {"name": name, "colour": 1}, "[task]")
    assert all(field.name in as_dict(TASKS[name]()) for field in dataclasses.fields(TASKS[name]))
