"""Names beside points: in the frame, off each other, off points and lines."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from compress.report import point_labels as labels

FRAME = (0.0, 0.0, 400.0, 300.0)


def test_a_lonely_name_goes_above_its_point():
    offset, gap = labels.best_offset(np.array([200.0, 150.0]), (40.0, 10.0), FRAME, [], np.array([[200.0, 150.0]]))
    assert offset == pytest.approx((0, 10 / 2 + labels.GAPS[0]))
    assert gap == labels.GAPS[0]


def test_a_name_at_the_top_goes_below_and_one_at_the_right_edge_to_the_left():
    top, right = np.array([200.0, 295.0]), np.array([395.0, 150.0])
    assert labels.best_offset(top, (40.0, 10.0), FRAME, [], top[None])[0] == pytest.approx((0, -14))
    assert labels.best_offset(right, (40.0, 10.0), FRAME, [], right[None])[0] == pytest.approx((-29, 0))


def test_a_name_keeps_off_the_line():
    point = np.array([200.0, 100.0])
    offset, _ = labels.best_offset(point, (40.0, 10.0), FRAME, [], np.array([point, [200.0, 250.0]]))
    assert offset == pytest.approx((0, -14))


@pytest.mark.parametrize("spread", [0.0, 0.02, 1.0])
def test_names_neither_overlap_nor_leave_the_frame(spread):
    rng = np.random.default_rng(0)
    xs, ys = 0.5 + spread * (rng.random((2, 8)) - 0.5)
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    labels.place(axes, [f"stage-{i}" for i in range(7)] + ["a name that is far too long to be shown in full"], xs, ys)
    renderer = FigureCanvasAgg(figure).get_renderer()
    frame = axes.get_window_extent(renderer)
    # a Text's own box: an annotation's takes in its leader line
    boxes = [_text_box(text, renderer) for text in axes.texts]
    assert len(boxes) == 8
    for i, box in enumerate(boxes):
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def _text_box(annotation, renderer):
    annotation.update_positions(renderer)
    return Text.get_window_extent(annotation, renderer)
