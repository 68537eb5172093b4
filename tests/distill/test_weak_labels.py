"""Detection from the classes of images alone: votes, boxes and losses, by hand."""

import numpy as np
import pytest

from compress import keras, models
from compress.distill import likelihood
from compress.distill.slv import MOST, Slv
from compress.distill.weak_labels import WeakLabels, attention_loss, image_loss, two_streams
from compress.models.detector import DetectionHead
from compress.targets import Boxes
from compress.tasks import Detection

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


def test_maps_are_in_0_to_1_and_nothing_votes_for_nothing():
    boxes = likelihood.proposals(FRAME)
    assert boxes.min() >= 0 and boxes.max() <= 64.001 and 50 < len(boxes) < 500
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


def test_refinement_by_hand():
    """The best proposal of class 0 is the first; the second overlaps it by 0.6, the third by 0.2, the fourth not at
    all: class, class, ground and nothing, each with the weight 0.8."""
    boxes = np.float32([[0, 0, 10, 10], [0, 0, 6, 10], [0, 8, 10, 10], [30, 30, 40, 40]])
    weak = WeakLabels(boxes, FRAME, 2, 1)
    scores = tf.constant([[[0.8, 0.9], [0.1, 0.0], [0.1, 0.0], [0.1, 0.0]]])
    logits = tf.constant(RNG.normal(0, 1, (1, 4, 3)), tf.float32)
    log_p = tf.nn.log_softmax(logits).numpy()[0]
    wanted = -0.8 * (log_p[0, 0] + log_p[1, 0] + log_p[2, 2]) / 4
    assert float(weak.refinement(scores, logits, tf.constant([[1.0, 0.0]]))) == pytest.approx(wanted, rel=1e-5)


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
    images = tf.constant(RNG.random((1, *FRAME, 3)), tf.float32)
    losses = []
    for rows in ([[0, 0, 20, 20, 1, 0]], [[30, 30, 50, 60, 1, 0], [0, 0, 8, 8, 1, 0]]):
        targets = {name: tf.constant(v) for name, v in Boxes.of([np.float32(rows)], FRAME, 3).arrays().items()}
        losses.append(float(phase.objective(phase.network, images, targets)[0]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_voted_boxes_are_of_classes_that_are_there(student):
    scores = tf.constant(RNG.random((2, len(likelihood.proposals(FRAME)), 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        boxes, likely = Slv(boxes="search").voted(scores, tf.constant([[1.0, 0, 0], [0, 0, 0]]), FRAME)
    assert boxes.shape == (2, MOST, 6) and likely.shape == (2, 8, 8, 3)
    assert set(boxes.numpy()[0, :, 4]) <= {0, -1} and (boxes.numpy()[1] == -1).all()
    assert not likely.numpy()[..., 1:].any() and tape.gradient(boxes, scores) is None
