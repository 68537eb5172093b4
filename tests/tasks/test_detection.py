"""What anchors are of, and the losses of a detector, by hand."""

import numpy as np
import pytest

from compress import keras
from compress.config import parse
from compress.datasets.images import Fitted
from compress.datasets.splits import ArraySplit, Dataset
from compress.errors import UserError
from compress.metrics.boxes import Found, encoded
from compress.metrics.detection import COUNTS, CROWD, DIFFICULT
from compress.targets import Boxes
from compress.tasks import Detection, anchors
from compress.tasks.draw import draw

tf = keras.tf
# three anchors of 10x10 side by side, and one far away: middle y and x, height and width
ANCHORS = np.float32([[5, 5, 10, 10], [5, 15, 10, 10], [5, 25, 10, 10], [80, 80, 10, 10]])


def assigned(*rows):
    """What each anchor is of; rows: corners, class, kind."""
    boxes = np.float32([row[:4] for row in rows])[None]
    classes, kinds = (np.int32([row[column] for row in rows])[None] for column in (4, 5))
    label, box = anchors.assigned(tf.constant(boxes), tf.constant(classes), tf.constant(kinds), ANCHORS)
    return label.numpy()[0].tolist(), box.numpy()[0]


def test_an_anchor_is_of_the_box_that_it_overlaps_by_half():
    """IoU 80 / 120 is enough; 45 / 155 is ground."""
    label, box = assigned((0, 2, 10, 12, 7, COUNTS))
    assert label == [7, -1, -1, -1] and box[0].tolist() == [0, 2, 10, 12]
    assert assigned((0, 0, 10, 14.5, 7, COUNTS))[0][:2] == [7, -1]


def test_between_the_thresholds_an_anchor_is_left_out():
    """Anchors that lie 4 and 5 pixels beside a box: 60 / 140 and 50 / 150."""
    beside = np.float32([[5, 5, 10, 10], [5, 9, 10, 10], [5, 10, 10, 10]])
    box, of_class, kind = tf.constant([[[0.0, 0, 10, 10]]]), tf.constant([[3]]), tf.constant([[COUNTS]])
    assert anchors.assigned(box, of_class, kind, beside)[0].numpy().tolist() == [[3, -2, -1]]


def test_each_box_has_its_best_anchor_however_little_it_overlaps():
    label, box = assigned((4, 4, 6, 6, 2, COUNTS))
    assert label == [2, -1, -1, -1] and box[0].tolist() == [4, 4, 6, 6]
    assert assigned((50, 50, 52, 52, 2, COUNTS))[0] == [-1] * 4  # no anchor overlaps it


def test_rows_that_are_none_change_nothing():
    assert assigned((0, 0, 10, 10, 1, COUNTS), (-1, -1, -1, -1, -1, -1))[0] == [1, -1, -1, -1]


def test_difficult_boxes_and_crowds_are_neither_things_nor_ground():
    """A crowd of 10 x 30 holds three anchors wholly, with an IoU of a third each."""
    assert assigned((0, 0, 10, 10, 1, DIFFICULT))[0] == [-2, -1, -1, -1]
    assert assigned((0, 0, 10, 30, 1, CROWD))[0] == [-2, -2, -2, -1]
    assert assigned((0, 0, 10, 30, 1, CROWD), (0, 10, 10, 20, 4, COUNTS))[0] == [-2, 4, -2, -1]


def test_the_focal_loss_by_hand():
    """A thing at p = 0.5: 0.25 * 0.25 * log 2; ground at p = 0.5: 0.75 * 0.25 * log 2; left out: 0."""
    label = tf.constant([[0, -1, -2]])
    values = anchors.focal(tf.zeros((1, 3, 2)), label).numpy()[0]
    assert values[0] == pytest.approx([0.0625 * np.log(2), 0.1875 * np.log(2)])
    assert values[1] == pytest.approx([0.1875 * np.log(2)] * 2)
    assert values[2].tolist() == [0, 0]


def test_smooth_l1_by_hand():
    assert anchors.smooth_l1(tf.constant([0.0, 0.5, -1.0, 3.0])).numpy().tolist() == [0, 0.125, 0.5, 2.5]


def test_offsets_are_those_of_numpy():
    boxes = np.float32([[0, 2, 10, 12], [0, 10, 12, 20], [1, 20, 9, 33], [70, 70, 90, 95]])
    got = anchors.encoded(tf.constant(boxes[None]), ANCHORS).numpy()[0]
    assert got == pytest.approx(encoded(boxes, ANCHORS), abs=1e-4)


def dataset(boxes, size=(64, 64)):
    split = ArraySplit(np.zeros((len(boxes), *size, 3), np.uint8), Boxes.of(boxes, size), size)
    return Dataset.of("made", ["a", "b"], split, split, split, task="detection")


def test_anchors_are_of_the_size_that_fits_the_boxes():
    for side, wanted in ((8, 1.0), (16, 1.0), (22, 1.0), (24, 1.5), (48, 1.5)):
        boxes = [np.float32([[0, 0, side, side, 0, 0]])]
        chosen = Detection().fitted(dataset(boxes))
        best = max(
            (1.0, 1.5, 2.0, 3.0, 4.0),
            key=lambda size: Detection(anchor_size=size, frame=(64, 64)).covers(boxes[0][:, :4]),
        )
        assert chosen.anchor_size == best
        assert chosen.covers(boxes[0][:, :4]) >= Detection(anchor_size=wanted, frame=(64, 64)).covers(boxes[0][:, :4])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confidence": 0.05}, "confidence = 0.05 must be at least twice least_score .0.05."),
        ({"frame": (32, 32)}, "frame differs from the size of the data's images: 32x32 and 64x64"),
    ],
)
def test_settings_that_contradict_each_other_or_the_data(settings, message):
    with pytest.raises(UserError, match=message):
        Detection(**settings).fitted(dataset([np.float32([[0, 0, 9, 9, 0, 0]])]))


def test_a_data_set_without_a_box_and_no_anchors_at_all_are_refused():
    with pytest.raises(UserError, match="has no box in any training image"):
        Detection().fitted(dataset([np.empty((0, 6))]))
    with pytest.raises(UserError, match="ratios"):
        parse(Detection, {"name": "detection", "ratios": []}, "[task]")


def test_boxes_that_stand_for_whole_images_tell_no_size_of_anchors():
    whole = dataset([np.float32([[0, 0, 64, 64, 0, 0]])] * 3)
    with pytest.raises(UserError, match="as large as the images, .* set .task. anchor_size"):
        Detection().fitted(whole)
    assert Detection(anchor_size=3.0).fitted(whole).anchor_size == 3.0


def test_without_a_box_neither_anchors_nor_knowledge_can_be_told():
    with pytest.raises(UserError, match="no box in any training image, from which the size of the anchors could be"):
        Detection().fitted(dataset([np.empty((0, 6))]), learns=False)
    task = Detection(frame=(64, 64), anchor_size=2.0)
    silent = {"logits": np.full((1, 504, 2), -9, np.float32), "boxes": np.zeros((1, 504, 4), np.float32)}
    with_a_box = Boxes.of([np.float32([[0, 0, 9, 9, 0, COUNTS]])], (64, 64)).arrays()
    assert "[task] anchor_size = 2, which must be those of its training" in task.ignorance(silent, with_a_box)
    assert task.ignorance(silent, Boxes.of([np.empty((0, 6))], (64, 64)).arrays()) == ""


def test_networks_with_other_outputs_are_refused():
    task = Detection(frame=(64, 64), anchor_size=2.0)
    right = {"logits": (None, 504, 2), "boxes": (None, 504, 4)}
    task.check_outputs(right, "net", 2)
    for wrong, message in (
        ({**right, "logits": (None, 503, 2)}, "but detection needs logits .anchors, classes. and boxes"),
        ({"logits": (None, 500, 2), "boxes": (None, 500, 4)}, "boxes at 500 anchors, but .* make 504"),
        ({"logits": (None, 10)}, "but detection needs logits"),
        ({**right, "logits": (None, 504, 3)}, "detects 3 classes, but the data have 2"),
    ):
        with pytest.raises(UserError, match=message):
            task.check_outputs(wrong, "net", 2)


@pytest.mark.parametrize(
    ("fit", "example", "original"),
    [
        # an image of 100x200 as one of 50x50: stretched; its middle 100x100; made 25x50, with black below
        ("stretch", [10, 10, 20, 40], [20, 40, 40, 160]),
        ("crop", [10, 10, 20, 40], [20, 70, 40, 130]),
        ("pad", [10, 10, 20, 40], [40, 40, 80, 160]),
    ],
)
def test_boxes_are_told_in_pixels_of_the_image_as_it_was(fit, example, original):
    image = Fitted(np.zeros((100, 200, 3), np.uint8), np.zeros((50, 50, 3), np.uint8), fit)
    assert image.back(np.array([example], float))[0].tolist() == original


def test_a_box_in_the_black_beside_an_image_is_not_told():
    task = Detection(frame=(64, 64), anchor_size=2.0)
    logits = np.full((1, len(task.anchors), 1), -9.0)
    boxes = np.zeros((1, len(task.anchors), 4))
    logits[0, 0], boxes[0, 0] = 5, encoded(np.array([2.0, 2, 20, 20]), task.anchors[0])
    logits[0, 100], boxes[0, 100] = 4, encoded(np.array([40.0, 2, 60, 20]), task.anchors[100])
    image = Fitted(np.zeros((32, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8), "pad")
    outputs = {"logits": logits, "boxes": boxes}
    assert len(task.as_json(outputs, ("a",))[0]["boxes"]) == 2
    (told,) = task.as_json(outputs, ("a",), [image])
    assert [each["box"] for each in told["boxes"]] == [[2, 2, 20, 20]]
    assert task.describe(outputs, ("a",), 1, [image]) == ["a (99.3%) at 2,2 to 20,20"]


def test_a_box_of_the_whole_image_is_drawn_on_all_sides():
    found = Found(np.array([[0.0, 0, 60, 80]]), np.array([0]), np.array([0.9]))
    changed = (draw(np.full((60, 80, 1), 90, np.uint8), found, ("a",)) != 90).any(axis=-1)
    assert changed[:, 0].all() and changed[:, -1].all() and changed[0].all() and changed[-1].all()


def test_a_network_that_gives_probabilities_is_refused():
    image = keras.Input((64, 64, 3))
    cells = keras.layers.Conv2D(2, 8, 8)(image)
    scores = keras.layers.Reshape((-1, 2))(cells)
    boxes = keras.layers.Reshape((-1, 4))(keras.layers.Conv2D(4, 8, 8)(image))
    task = Detection(frame=(64, 64), anchor_size=2.0)
    task.own_end(keras.Model(image, [scores, boxes]), "net")
    for activation in ("sigmoid", "softmax"):
        likely = keras.layers.Activation(activation, name="likely")(scores)
        with pytest.raises(UserError, match=r"^net: the scores end in probabilities \(likely\), but detection needs"):
            task.own_end(keras.Model(image, [likely, boxes]), "net")


def test_boxes_are_drawn_where_they_are():
    image = np.full((60, 80, 1), 90, np.uint8)
    found = Found(np.array([[20.0, 30, 50, 70]]), np.array([1]), np.array([0.9]))
    picture = draw(image, found, ("a", "b"))
    assert picture.shape == (60, 80, 3)
    changed = (picture != 90).any(axis=-1)
    assert changed[30, 30] and changed[49, 40] and not changed[35, 45] and not changed[58].any()
