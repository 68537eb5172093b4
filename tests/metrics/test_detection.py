"""Average precision by hand, and against faster-coco-eval on random cases; which boxes stay."""

import contextlib
import io

import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster

from compress.metrics import detection
from compress.metrics.boxes import Found, anchors, corners, decoded, encoded, found, iou, kept

TASK = {
    "frame": (64, 96),
    "anchor_size": 4.0,
    "ratios": (0.5, 1.0, 2.0),
    "anchor_scales": (1.0,),
    "least_score": 0.05,
    "suppression": 0.5,
    "most": 100,
    "confidence": 0.5,
}
BOX = np.array([[0, 0, 10, 10]], float)


def targets(images):
    """Of (box, class, kind) rows an image."""
    most = max(1, *map(len, images))
    boxes, classes, kinds = (np.full((len(images), most, *tail), -1.0) for tail in ((4,), (), ()))
    for row, image in enumerate(images):
        for column, (box, number, kind) in enumerate(image):
            boxes[row, column], classes[row, column], kinds[row, column] = box, number, kind
    return {"boxes": boxes, "classes": classes.astype(int), "kinds": kinds.astype(int)}


def of(images):
    """What was found: (box, class, score) rows an image, the surest first."""
    return [
        Found(
            np.array([row[0] for row in rows], float).reshape(-1, 4),
            np.array([row[1] for row in rows], int),
            np.array([row[2] for row in rows], float),
        )
        for rows in images
    ]


def measured(found_there, true):
    rows = [each for each in detection.ranked(found_there, true) if each.total]
    curves = [detection.curve(each, 0) for each in rows]
    return {
        "ap50": np.mean([detection.area(*each) for each in curves]),
        "ap50_11": np.mean([detection.at_recalls(*each, detection.ELEVEN) for each in curves]),
        "ap": np.mean(
            [
                detection.at_recalls(*detection.curve(each, row), detection.RECALLS)
                for each in rows
                for row in range(len(detection.THRESHOLDS))
            ]
        ),
    }


def test_average_precision_by_hand():
    """Right, wrong, right, of three true boxes: precision 1, 1/2, 2/3 at recall 1/3, 1/3, 2/3."""
    true = targets([[((0, 0, 10, 10), 0, 0), ((20, 20, 30, 30), 0, 0), ((40, 40, 50, 50), 0, 0)]])
    said = of([[((0, 0, 10, 10), 0, 0.9), ((60, 60, 64, 64), 0, 0.8), ((20, 20, 30, 30), 0, 0.7)]])
    (each,) = detection.ranked(said, true)
    recall, precision = detection.curve(each, 0)
    assert recall == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    assert precision == pytest.approx([1, 1 / 2, 2 / 3])
    assert detection.area(recall, precision) == pytest.approx(1 / 3 + 2 / 3 / 3)
    assert detection.at_recalls(recall, precision, detection.ELEVEN) == pytest.approx((4 * 1 + 3 * 2 / 3) / 11)
    assert detection.at_confidence([each], 0.75) == (1 / 2, 1 / 3, 2 / 5)


def test_who_finds_nothing_has_an_f1_of_0():
    """What cannot be had is the precision alone; without true boxes there is no F1 and no recall, either."""
    box = ((0, 0, 10, 10), 0, 0)
    assert detection.at_confidence(detection.ranked(of([[]]), targets([[box]])), 0.5) == (None, 0, 0)
    assert detection.at_confidence(detection.ranked(of([[(*box[:2], 0.9)]]), targets([[]])), 0.5) == (0, None, None)


def test_what_is_found_of_a_class_that_is_not_there_is_wrong():
    """One of three boxes is right, and it is the only true one: AP 1, and precision 1/3."""
    to = anchors(TASK)
    box = np.array([[10, 20, 40, 50]], float)
    boxes, logits = np.zeros((1, len(to), 4)), np.full((1, len(to), 2), -9.0)
    boxes[0, 100] = encoded(box, to[100])
    logits[0, 100, 0] = logits[0, 3, 1] = logits[0, 250, 1] = 3
    got = detection.measure({"boxes": boxes, "logits": logits}, targets([[(box[0], 0, 0)]]), TASK)
    assert (got["ap50"], got["precision"], got["recall"]) == (1, pytest.approx(1 / 3), 1)
    assert got["f1"] == pytest.approx(0.5)


def test_of_equally_likely_boxes_those_of_the_first_class_stay():
    """As TFLite's operator has it, class by class; in int8 many scores are equal."""
    to = anchors(TASK)
    logits = np.full((1, len(to), 3), -9.0)
    logits[0, 3, 2] = logits[0, 250, 1] = logits[0, 100, 1] = 3
    (each,) = found({"boxes": np.zeros((1, len(to), 4)), "logits": logits}, {**TASK, "most": 2})
    assert each.classes.tolist() == [1, 1]
    np.testing.assert_allclose(each.boxes[0], np.clip(corners(to[100]), 0, [*TASK["frame"]] * 2))


def test_a_second_detection_of_a_thing_is_wrong():
    true = targets([[((0, 0, 10, 10), 0, 0)]])
    (each,) = detection.ranked(of([[((0, 0, 10, 10), 0, 0.9), ((0, 0, 10, 9), 0, 0.8)]]), true)
    assert each.right[0].tolist() == [True, False] and not each.ignored.any()


def test_difficult_boxes_are_neither_missed_nor_found_however_often():
    true = targets([[((0, 0, 10, 10), 0, 1), ((20, 20, 30, 30), 0, 0)]])
    said = of([[((0, 0, 10, 10), 0, 0.9), ((0, 0, 10, 9), 0, 0.8), ((20, 20, 30, 30), 0, 0.7)]])
    (each,) = detection.ranked(said, true)
    assert each.total == 1
    assert each.ignored[0].tolist() == [True, True, False] and each.right[0].tolist() == [False, False, True]
    assert measured(said, true)["ap50"] == 1


def test_a_crowd_takes_whatever_lies_in_it():
    """A box with a tenth of the crowd's area lies in it wholly: an IoU of 0.1, and yet it is passed over."""
    true = targets([[((0, 0, 10, 100), 0, 2), ((20, 20, 30, 30), 0, 0)]])
    (each,) = detection.ranked(of([[((0, 0, 10, 10), 0, 0.9), ((0, 50, 10, 60), 0, 0.8)]]), true)
    assert each.ignored[0].all() and each.total == 1


def test_what_lies_in_a_crowd_by_exactly_half_is_passed_over():
    """Half of a box of float32 corners, whose area float32 rounds upwards."""
    rng, missed = np.random.default_rng(0), 0
    for top, left, height, width in rng.uniform(1, 300, (200, 4)).astype(np.float32):
        box = np.float32([[top, left, top + height, left + width]])
        wide = box.astype(np.float64)
        crowd = np.float32([[0, 0, 2000, (wide[0, 1] + wide[0, 3]) / 2]])
        inside = (crowd[0, 3].astype(np.float64) - wide[0, 1]) / (wide[0, 3] - wide[0, 1])
        _, ignored = detection.matched(box, crowd, np.array([detection.CROWD]), np.array([0.5]))
        missed += bool(ignored[0, 0]) != (inside >= 0.5)
    assert missed == 0


def random_case(rng):
    """True boxes, some of them crowds, and detections near them and elsewhere; scores may tie."""
    images, classes = int(rng.integers(1, 7)), int(rng.integers(1, 5))
    true, said = [], []
    for _ in range(images):
        corner, size = rng.uniform(0, 60, (rng.integers(0, 8), 2)), rng.uniform(4, 40, (0, 2))
        size = rng.uniform(4, 40, corner.shape)
        boxes = np.hstack([corner, corner + size])
        kinds = np.where(rng.random(len(boxes)) < 0.15, detection.CROWD, detection.COUNTS)
        true.append([(box, int(rng.integers(classes)), kind) for box, kind in zip(boxes, kinds, strict=True)])
        rows = []
        for box, number, _ in true[-1]:
            for _ in range(int(rng.integers(0, 3))):
                moved = box + rng.normal(0, 3, 4)
                moved[2:] = np.maximum(moved[2:], moved[:2] + 1)
                rows.append((moved, number if rng.random() < 0.8 else int(rng.integers(classes)), 0.0))
        for _ in range(int(rng.integers(0, 4))):
            corner = rng.uniform(0, 80, 2)
            rows.append((np.hstack([corner, corner + rng.uniform(4, 40, 2)]), int(rng.integers(classes)), 0.0))
        scores = np.sort(rng.integers(1, 30, len(rows)) / 30)[::-1]
        said.append([(box, number, score) for (box, number, _), score in zip(rows, scores, strict=True)])
    return said, true, classes


def xywh(box):
    return [float(box[1]), float(box[0]), float(box[3] - box[1]), float(box[2] - box[0])]


def by_faster_coco_eval(said, true, classes, recalls, thresholds):
    gt = {
        "images": [{"id": number + 1, "height": 200, "width": 200} for number in range(len(true))],
        "categories": [{"id": number + 1, "name": str(number)} for number in range(classes)],
        "annotations": [],
    }
    for image, rows in enumerate(true, start=1):
        for box, number, kind in rows:
            x, y, w, h = xywh(box)
            gt["annotations"].append(
                {"id": len(gt["annotations"]) + 1, "image_id": image, "category_id": number + 1, "bbox": [x, y, w, h],
                 "area": w * h, "iscrowd": int(kind == detection.CROWD)}
            )  # fmt: skip
    dt = [
        {"image_id": image, "category_id": number + 1, "bbox": xywh(box), "score": float(score)}
        for image, rows in enumerate(said, start=1)
        for box, number, score in rows
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(gt)
        evaluation = COCOeval_faster(truth, truth.loadRes(dt), "bbox", extra_calc=False)
        evaluation.params.recThrs, evaluation.params.iouThrs = np.asarray(recalls), np.asarray(thresholds)
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # thresholds, recalls, classes
    return [precision[:, :, number] for number in range(classes)]


def test_it_is_what_faster_coco_eval_says_on_random_cases():
    rng, compared = np.random.default_rng(0), 0
    while compared < 200:
        said, true, classes = random_case(rng)
        totals = [
            sum(number == each and kind == 0 for rows in true for _, each, kind in rows) for number in range(classes)
        ]
        if not sum(map(len, said)) or not sum(totals):
            continue
        compared += 1
        ours = measured(of(said), targets(true))
        of_coco = by_faster_coco_eval(said, true, classes, detection.RECALLS, detection.THRESHOLDS)
        there = [number for number in range(classes) if totals[number]]
        assert ours["ap"] == pytest.approx(np.mean([of_coco[number] for number in there]), abs=1e-6)
        eleven = by_faster_coco_eval(said, true, classes, detection.ELEVEN, [0.5])
        assert ours["ap50_11"] == pytest.approx(np.mean([eleven[number] for number in there]), abs=1e-6)
        # the area under the envelope is its mean at the recalls that can be reached
        areas = [
            by_faster_coco_eval(said, true, classes, np.arange(1, totals[n] + 1) / totals[n] - 1e-9, [0.5])[n].mean()
            for n in there
        ]
        assert ours["ap50"] == pytest.approx(np.mean(areas), abs=1e-6)


def test_anchors_lie_in_the_middle_of_their_cells():
    """Of the first cell of stride 8: sides of 4 x 8, and twice as high as wide for a ratio of 2."""
    every = anchors(TASK)
    assert len(every) == 3 * (8 * 12 + 4 * 6 + 2 * 3)
    assert every[1].tolist() == [4, 4, 32, 32]
    assert every[2] == pytest.approx([4, 4, 32 * 2**0.5, 32 / 2**0.5])
    assert every[4].tolist() == [4, 12, 32, 32]
    assert every[-1][:2].tolist() == [48, 80]


def test_offsets_by_hand_and_back():
    """A box of twice the height, moved by a quarter of the anchor's: 10 * 0.25, 0, 5 * log 2, 0."""
    to = np.array([[20, 20, 8, 16]], float)
    box = np.array([[14, 12, 30, 28]], float)
    assert encoded(box, to)[0] == pytest.approx([2.5, 0, 5 * np.log(2), 0])
    boxes = np.random.default_rng(0).uniform([0, 0, 40, 40], [30, 30, 90, 90], (50, 4))
    assert decoded(encoded(boxes, np.repeat(to, 50, axis=0)), to) == pytest.approx(boxes)
    assert np.isfinite(decoded(np.full((1, 4), 1e6), to)).all()


def test_overlaps_by_hand():
    others = np.array([[0, 5, 10, 15], [20, 20, 30, 30], [0, 0, 0, 0]], float)
    assert iou(BOX, others)[0] == pytest.approx([50 / 150, 0, 0])


def test_overlaps_of_float32_are_as_exact_as_those_of_float64():
    """Boxes of 20 rows, of which one has so many that the IoU is a threshold of COCO's, exactly."""
    for threshold in detection.THRESHOLDS:
        rows = round(20 * threshold)
        found, thing = (np.float32([[3.3, 4.7, 3.3 + side, 14.7]]) for side in (rows, 20))
        whole = np.float32([[0, 0, rows, 10]]), np.float32([[0, 0, 20, 10]])
        assert iou(*whole)[0, 0] >= threshold
        assert iou(found, thing).dtype == np.float64


def test_boxes_are_decoded_in_float32_on_every_numpy():
    assert decoded(np.zeros((1, 4), np.float32), np.float32([[5, 5, 4, 4]])).dtype == np.float32


def test_the_surest_box_of_a_thing_stays():
    boxes = np.array([[0, 0, 10, 10], [0, 1, 10, 10], [0, 2, 10, 10], [0, 0, 10, 10], [50, 50, 60, 60]], float)
    assert kept(boxes, np.array([0, 0, 0, 1, 0]), 0.5, 100).tolist() == [0, 3, 4]
    assert kept(boxes, np.array([0, 0, 0, 1, 0]), 0.5, 2).tolist() == [0, 3]
    assert kept(boxes[[0, 4]], np.array([0, 0]), 0.5, 100).tolist() == [0, 1]


def test_what_outputs_say_is_found_and_what_is_unlikely_is_not():
    to = anchors(TASK)
    boxes = np.zeros((2, len(to), 4), np.float32)
    logits = np.full((2, len(to), 2), -9.0, np.float32)
    boxes[0, 100] = encoded(np.array([[10, 20, 40, 50]]), to[100])
    logits[0, 100] = [-9, 2]
    logits[1, 7] = [-3.5, -9]  # 0.03
    one, other = found({"boxes": boxes, "logits": logits}, TASK)
    assert one.boxes == pytest.approx(np.array([[10, 20, 40, 50]]), abs=1e-3)
    assert one.classes.tolist() == [1] and one.scores == pytest.approx([1 / (1 + np.exp(-2))])
    assert len(other.boxes) == 0
    again = found({"boxes": boxes, "scores": 1 / (1 + np.exp(-logits))}, TASK)
    assert again[0].scores == pytest.approx(one.scores)


def test_a_box_never_leaves_the_image():
    to = anchors(TASK)
    logits = np.full((1, len(to), 1), 3.0, np.float32)
    (each,) = found({"boxes": np.full((1, len(to), 4), 4.0, np.float32), "logits": logits}, TASK)
    assert each.boxes.min() >= 0 and (each.boxes <= [64, 96, 64, 96]).all()


def test_same_is_told_of_what_is_sure():
    to = anchors(TASK)
    boxes = np.zeros((1, len(to), 4), np.float32)
    logits = np.full((1, len(to), 2), -9.0, np.float32)
    logits[0, 40, 0] = 3
    unsure, other_class, moved = (logits.copy() for _ in range(3))
    unsure[0, 90, 1] = -0.5
    other_class[0, 40] = [-9, 3]
    moved[0, 40, 0], moved[0, 70, 0] = -9, 3
    raw = {"boxes": boxes, "logits": logits}
    for others, alike in ((logits, True), (unsure, True), (other_class, False), (moved, False)):
        assert detection.same(raw, {"boxes": boxes, "logits": others}, TASK).tolist() == [alike]
