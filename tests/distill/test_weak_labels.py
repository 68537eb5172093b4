"""Detection from the classes of images alone: votes, boxes and losses, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from compress import keras, models
from compress.datasets.shapes import Shapes
from compress.distill import likelihood, regions
from compress.distill.slv import MOST, Slv
from compress.distill.weak_labels import (
    BINS,
    WeakLabels,
    attention_loss,
    image_loss,
    overlaps,
    parts_of,
    refinement,
    two_streams,
)
from compress.errors import UserError
from compress.metrics.boxes import iou
from compress.metrics.detection import COUNTS, CROWD, DIFFICULT
from compress.models.detector import DetectionHead, level, local
from compress.targets import Boxes
from compress.tasks import Detection
from compress.training.keras_loop import as_float

tf = keras.tf
RNG = np.random.default_rng(0)
FRAME = (64, 64)
TASK = Detection(frame=FRAME, anchor_size=2.0, anchor_scales=(1.0,))


def voted(boxes, scores, frame=(4, 6), cells=(4, 6)):
    return likelihood.likelihood(np.array(scores)[:, None], likelihood.covers(np.array(boxes, float), frame, cells))[0]


def test_votes_by_hand():
    """A = [0, 4) x [0, 4) with 0.6 and B = [0, 4) x [2, 6) with 0.3, over the largest sum of 0.9."""
    likely = voted([[0, 0, 4, 4], [0, 2, 4, 6]], [0.6, 0.3])
    assert likely[0] == pytest.approx([2 / 3, 2 / 3, 1, 1, 1 / 3, 1 / 3])
    ((score, box),) = likelihood.by_threshold(likely)
    assert box.tolist() == [0, 0, 4, 4] and score == pytest.approx(5 / 6)


def test_a_single_proposal_is_its_own_box():
    ((score, box),) = likelihood.by_threshold(voted([[1, 2, 3, 5]], [0.01]))
    assert (score, box.tolist()) == (1, [1, 2, 3, 5])


def test_two_places_that_do_not_touch_are_two_boxes():
    likely = voted([[0, 0, 2, 2], [2, 4, 4, 6]], [0.5, 0.5])
    for find in likelihood.FINDERS.values():
        assert sorted(box.tolist() for _, box in find(likely)) == [[0, 0, 2, 2], [2, 4, 4, 6]]


def test_the_threshold_decides_between_a_box_and_the_one_around_it():
    """1 inside, 0.5 in the ring: above 0.5 the inner box, above 0.4 the outer one."""
    likely = voted([[1, 1, 3, 5], [0, 0, 4, 6]], [0.5, 0.5])
    assert [box.tolist() for _, box in likelihood.by_threshold(likely, 0.5)] == [[1, 1, 3, 5]]
    assert [box.tolist() for _, box in likelihood.by_threshold(likely, 0.4)] == [[0, 0, 4, 6]]


def test_the_search_takes_the_box_of_most_of_the_likelihood():
    """8 cells of 1 within 24 of which 16 have 0.9: the ring is nearly as likely, and holds most."""
    likely = np.full((4, 6), 0.65)
    likely[1:3, 1:5] = 1
    assert [box.tolist() for _, box in likelihood.by_search(likely)] == [[0, 0, 4, 6]]
    likely[likely < 1] = 0.32
    assert [box.tolist() for _, box in likelihood.by_search(likely)] == [[1, 1, 3, 5]]


def test_only_classes_that_are_there_have_boxes():
    maps = np.stack([voted([[0, 0, 2, 2]], [0.5])] * 2)
    rows = likelihood.pseudo_boxes(maps, np.array([False, True]), (8, 12), likelihood.by_threshold, 3)
    assert rows.tolist() == [[0, 0, 4, 4, 1, 0], [-1] * 6, [-1] * 6]


def test_regions_of_one_colour_are_proposals():
    """Two rectangles on plain ground, in any range of numbers; what is nearly the whole image is none."""
    image = np.zeros((64, 96, 3), np.float32)
    image[8:24, 10:40], image[30:60, 50:90] = [1, 0, 0], [0, 0.5, 1]
    rows = regions.proposals(image)
    wanted = [[8 / 64, 10 / 96, 24 / 64, 40 / 96], [30 / 64, 50 / 96, 60 / 64, 90 / 96]]
    assert rows.shape == (regions.MOST, 4) and rows.dtype == np.float32
    assert iou(np.array(wanted), rows).max(axis=1) == pytest.approx([1, 1])
    assert (regions.proposals(200 * image - 7) == rows).all()
    assert not regions.proposals(np.ones((64, 64, 1), np.float32)).any()


def test_most_things_of_the_drawn_shapes_have_a_proposal():
    """An IoU of 0.7 at least, of the 60 things of 20 pictures."""
    data = Shapes().load()
    images, targets = data.train.read(np.arange(20)), data.train.targets.arrays()
    proposed = regions.of_batch(RNG, images) * 128
    best = [
        iou(boxes[classes >= 0], own).max(axis=1)
        for boxes, classes, own in zip(targets["boxes"], targets["classes"], proposed, strict=False)
    ]
    assert np.mean(np.concatenate(best) >= 0.7) > 0.9


def test_without_scikit_image_the_command_is_told(monkeypatch):
    monkeypatch.setattr(regions, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'jetslim\[slv\]'"):
        Slv().check([], None, 9)


def test_maps_are_in_0_to_1_and_nothing_votes_for_nothing():
    corners = RNG.uniform(0, 40, (90, 2))
    boxes = np.hstack([corners, corners + RNG.uniform(10, 24, (90, 2))])
    maps = likelihood.likelihood(RNG.random((len(boxes), 3)), likelihood.covers(boxes, FRAME, (16, 16)))
    assert maps.shape == (3, 16, 16) and maps.min() >= 0 and (maps.max(axis=(1, 2)) == 1).all()
    assert not likelihood.likelihood(np.zeros((len(boxes), 3)), likelihood.covers(boxes, FRAME, (16, 16))).any()


def test_the_two_streams_and_the_loss_of_images_by_hand():
    """Two proposals, two classes: softmax over classes of (0, log 3) is (1/4, 3/4), over equal proposals 1/2."""
    of_class, of_place = tf.constant([[[0.0, np.log(3)], [0.0, np.log(3)]]]), tf.zeros((1, 2, 2))
    said = two_streams(of_class, of_place)
    assert said.numpy()[0] == pytest.approx(np.array([[1 / 8, 3 / 8]] * 2))
    loss = image_loss(said, tf.constant([[0.0, 1.0]]))
    assert float(loss) == pytest.approx(-(np.log(3 / 4) + np.log(3 / 4)) / 2)


def test_scores_of_an_image_are_between_0_and_1():
    logits = [tf.constant(RNG.normal(0, 4, (3, 50, 5)), tf.float32) for _ in range(2)]
    total = tf.reduce_sum(two_streams(*logits), axis=1).numpy()
    assert (total > 0).all() and (total < 1).all()
    assert tf.reduce_sum(tf.nn.softmax(logits[1], axis=1), axis=1).numpy() == pytest.approx(1)


def test_overlaps_are_those_of_the_boxes():
    corners = RNG.random((2, 7, 2))
    boxes = np.float32(np.concatenate([corners, corners + RNG.random((2, 7, 2))], axis=-1))
    boxes[1, 5:] = 0
    for own, found in zip(boxes, overlaps(tf.constant(boxes)).numpy(), strict=True):
        assert found == pytest.approx(iou(own, own), abs=1e-6)


def test_refinement_by_hand():
    """The best proposal of class 0 is the first; the second overlaps it by 0.6, the third by 0.2, the fourth not at
    all, and the fifth is none: class, class, ground and nothing twice, each with the weight 0.8."""
    boxes = tf.constant([[[0, 0, 10, 10], [0, 0, 6, 10], [0, 8, 10, 10], [30, 30, 40, 40], [0, 0, 0, 0]]], tf.float32)
    scores = tf.constant([[[0.8, 0.9], [0.1, 0.0], [0.1, 0.0], [0.1, 0.0], [0.0, 0.0]]])
    logits = tf.constant(RNG.normal(0, 1, (1, 5, 3)), tf.float32)
    log_p = tf.nn.log_softmax(logits).numpy()[0]
    wanted = -0.8 * (log_p[0, 0] + log_p[1, 0] + log_p[2, 2]) / 4
    found = refinement(scores, logits, tf.constant([[1.0, 0.0]]), boxes / 64)
    assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_a_proposal_is_read_in_the_middles_of_its_parts():
    """A map of 16 x 8 cells that has its own row and column there. Of the first two rows the parts are 2/3 of a cell
    high: their middles are at 1/3, 1 and 5/3 cells, and the middle of row 0 is at 1/2."""
    rows, columns = np.mgrid[:16, :8].astype(np.float32)
    map_ = tf.constant(np.stack([rows, columns], axis=-1)[None])
    boxes = tf.constant([[0, 0, 1 / 8, 1], [7 / 8, 1 / 4, 1, 1 / 2], [1 / 4, 0, 1 / 2, 3 / 8]], tf.float32)
    first, last, inner = parts_of(map_, boxes, tf.zeros(3, tf.int32)).numpy()
    assert first[:, 0, 0] == pytest.approx([0, 1 / 2, 7 / 6], abs=1e-5)  # not less than the outermost row
    assert first[0, :, 1] == pytest.approx([4 / 3 - 1 / 2, 4 - 1 / 2, 20 / 3 - 1 / 2], abs=1e-5)
    assert last[:, 0, 0] == pytest.approx([14 - 1 / 6, 14.5, 15], abs=1e-5)
    assert last[0, :, 1] == pytest.approx([2 + 1 / 3 - 1 / 2, 2.5, 3 + 2 / 3 - 1 / 2], abs=1e-5)
    assert inner[:, 1, 0] == pytest.approx([4 + 2 / 3 - 1 / 2, 5.5, 7 + 1 / 3 - 1 / 2], abs=1e-5)


def test_the_head_is_as_wide_as_the_level_s_own_map():
    """Narrowing leaves it other channels than the pyramid."""
    layers = {local(8): SimpleNamespace(output_shape=(None, 8, 8, 5)), level(8): SimpleNamespace(output_shape=None)}
    weak = WeakLabels(3, 1)
    weak.build_for(SimpleNamespace(get_layer=layers.get))
    assert weak.features.kernel.shape[0] == BINS * BINS * 5


def test_rows_without_a_box_are_no_place():
    """Of one proposal and two rows of 0, the detection stream says all of the first."""
    weak = WeakLabels(2, 1)
    boxes = tf.constant([[[0.1, 0.1, 0.5, 0.5], [0, 0, 0, 0], [0, 0, 0, 0]]])
    of_class, of_place, _ = weak(tf.constant(RNG.normal(0, 1, (1, 8, 8, 4)), tf.float32), boxes)
    assert tf.nn.softmax(of_place, axis=1).numpy()[0] == pytest.approx(np.array([[1, 1], [0, 0], [0, 0]]))
    said = two_streams(of_class, of_place).numpy()[0]
    assert said[0].sum() == pytest.approx(1) and not said[1:].any()


def test_the_attention_loss_by_hand():
    likely = tf.constant([[[[1.0, 0.5]]]])
    assert float(attention_loss(tf.zeros((1, 1, 1, 2)), likely)) == pytest.approx(np.log(2))


@pytest.fixture(scope="module")
def student():
    return models.build("resnet10_1_4", (*FRAME, 3), DetectionHead(3, 3, 8, 1), seed=0)


def test_boxes_are_not_read_and_give_no_gradient(student):
    """The loss is the same wherever the true boxes lie, and however many of a class there are."""
    keras.utils.set_random_seed(0)
    _, phase = Slv(alone=0.5, self_distillation=True).phases([], student, 2, TASK, TASK.loss)
    images = RNG.integers(0, 256, (1, *FRAME, 3), np.uint8)
    proposals = tf.constant(regions.of_batch(RNG, images))
    losses = []
    for rows in ([[0, 0, 20, 20, 1, 0]], [[30, 30, 50, 60, 1, 0], [0, 0, 8, 8, 1, 0]]):
        targets = {name: tf.constant(v) for name, v in Boxes.of([np.float32(rows)], FRAME, 3).arrays().items()}
        losses.append(float(phase.objective(phase.network, as_float(tf.constant(images)), targets, proposals)[0]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_difficult_boxes_and_crowds_are_not_said_to_be_there():
    said = Slv.present(tf.constant([[0, 1, 2, -1]]), tf.constant([[COUNTS, DIFFICULT, CROWD, -1]]), 3)
    assert said.numpy().tolist() == [[1, 0, 0]]


def test_voted_boxes_are_of_classes_that_are_there(student):
    images = RNG.integers(0, 256, (2, 16, 16, 3), np.uint8).repeat(4, 1).repeat(4, 2)
    proposed = tf.constant(regions.of_batch(RNG, images))
    scores = tf.constant(RNG.random((2, regions.MOST, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        boxes, likely = Slv(boxes="search").voted(scores, proposed, tf.constant([[1.0, 0, 0], [0, 0, 0]]), FRAME)
    assert boxes.shape == (2, MOST, 6) and likely.shape == (2, 8, 8, 3)
    assert set(boxes.numpy()[0, :, 4]) <= {0, -1} and (boxes.numpy()[1] == -1).all()
    assert not likely.numpy()[..., 1:].any() and tape.gradient(boxes, scores) is None
