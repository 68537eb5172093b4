"""The curve, the limits, and what the figures show; the looks are checked by eye."""

import itertools
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from compress.report import plots
from compress.results import parse


def test_the_schedule_at_its_ends_and_half_way():
    curve = plots.scheduled_sparsity(np.array([0, 10, 60, 110, 500]), 0.1, 0.9, begin_step=10, end_step=110)
    assert curve == pytest.approx([0.1, 0.1, 0.1 + 0.875 * 0.8, 0.9, 0.9])  # half-way in time is 87.5 % of the way


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        ([90, 90], (89, 91)),
        ([90, 91], (89.5, 91.5)),
        ([80, 90], (78.2, 91.8)),
        ([100, 100], (98.16, 100.16)),
        ([0, 50], (-2, 59)),
    ],
)
def test_percent_limits_are_two_points_wide_at_least(values, limits):
    assert plots.percent_limits(values) == pytest.approx(limits)


def test_size_and_latency_show_every_stage(five_stages):
    left, right = plots.size_and_latency(parse(five_stages)).axes
    names = ["teacher", "student", "pruned", "quantized", "int8"]
    for axes in (left, right):
        assert [text.get_text() for text in axes.texts if text.get_text()] == names
    assert [line.get_xdata()[0] for line in left.lines] == [72.566284, 27.9, 7.02, 5.5, 1.727769]
    assert [line.get_xdata()[0] for line in right.lines] == [24.0, 24.0, 24.0, 24.0, 12.0]
    assert right.lines[0].get_ydata()[0] == pytest.approx(99.16)
    assert left.get_xscale() == "log"
    assert "(MB)" in left.get_xlabel()
    assert "(%)" in left.get_ylabel()
    assert "(ms)" in right.get_xlabel()


def test_arrows_come_from_what_a_stage_read(five_stages):
    def arrows(axes):
        return sorted((text.xyann[0], text.xy[0]) for text in axes.texts if not text.get_text())

    sizes = [72.566284, 27.9, 7.02, 5.5, 1.727769]
    left, _ = plots.size_and_latency(parse(five_stages)).axes
    assert arrows(left) == sorted(itertools.pairwise(sizes))  # an older result: each from the one before
    for stage, reads in zip(
        five_stages["stages"], [[], ["teacher"], ["teacher"], ["teacher", "student"], []], strict=True
    ):
        stage["reads"] = reads
    left, _ = plots.size_and_latency(parse(five_stages)).axes
    assert arrows(left) == sorted([(72.566284, 27.9), (72.566284, 7.02), (72.566284, 5.5), (27.9, 5.5)])


def test_latencies_far_apart_stand_on_a_log_axis(five_stages):
    assert plots.size_and_latency(parse(five_stages)).axes[1].get_xscale() == "linear"
    five_stages["stages"][0]["latency"]["latency_ms_p50"] = 240.0
    assert plots.size_and_latency(parse(five_stages)).axes[1].get_xscale() == "log"


def test_the_dense_file_counts_where_it_is_the_smaller(two_stages):
    two_stages["stages"][1]["sparse_tflite_bytes"] = 9_000_000
    assert plots.size_and_latency(parse(two_stages)).axes[0].lines[1].get_xdata()[0] == 3.455537


def test_no_latency_is_said_so(two_stages):
    for stage in two_stages["stages"]:
        del stage["latency"]
    assert [text.get_text() for text in plots.size_and_latency(parse(two_stages)).axes[1].texts] == ["not measured"]


def test_sparsity_has_the_formula_and_the_measured_points(five_stages):
    (axes,) = plots.sparsity(parse(five_stages)).axes
    curve, points = axes.lines
    assert points.get_xdata() == pytest.approx([10, 20, 30, 40])
    assert np.interp(points.get_xdata(), *curve.get_data()) == pytest.approx(points.get_ydata(), abs=1e-3)
    assert points.get_ydata()[1] == pytest.approx(0.875 * 0.8)


def test_training_has_a_panel_a_stage_and_one_for_similarity(five_stages):
    figure = plots.training(parse(five_stages))
    left = [axes for axes in figure.axes if axes.get_ylabel().startswith("loss")]
    top1 = [axes for axes in figure.axes if axes.get_ylabel() == "validation top-1 (%)"]
    similar = [axes for axes in figure.axes if "as in the teacher" in axes.get_ylabel()]
    assert [axes.get_title().split(" ")[0] for axes in left] == ["teacher", "student", "pruned", "quantized"]
    assert len(top1) == 3  # the quantized stage was not validated
    assert top1[0].lines[0].get_ydata() == pytest.approx([93, 95])
    assert [line.get_label() for line in similar[0].lines] == ["a_bn", "b_bn"]
    assert similar[0].lines[0].get_ydata() == pytest.approx([0.6, 0.8, np.nan], nan_ok=True)
    assert len(figure.axes) == 4 + 3 + 1
    assert left[1].get_yscale() == "log"
    assert left[0].get_yscale() == "linear"


def test_nothing_to_show_is_no_plot():
    run = {"stages": [{"name": "a", "kind": "export"}]}
    assert (plots.size_and_latency(parse(run)), plots.sparsity(parse(run)), plots.training(parse(run))) == (
        None,
        None,
        None,
    )


def test_write_plots_makes_small_pngs_in_full_colour(five_stages, tmp_path):
    paths = plots.write_plots(parse(five_stages), tmp_path)
    assert [path.name for path in paths] == ["size_and_latency.png", "sparsity.png", "training.png"]
    assert sorted(tmp_path.iterdir()) == paths
    for path in paths:
        assert path.stat().st_size < 80_000
        with Image.open(path) as image:
            assert image.format == "PNG"
            pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
        assert (pixels[0] == 255).all()
        for colour in (plots.BLUE, plots.VERMILION):
            rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
            assert np.abs(pixels - rgb).max(axis=1).min() <= 12, (path.name, colour)


def test_a_plot_of_an_earlier_run_goes_when_there_is_nothing_to_show(two_stages, tmp_path):
    (tmp_path / "sparsity.png").write_bytes(b"old")
    assert [path.name for path in plots.write_plots(parse(two_stages), tmp_path)] == [
        "size_and_latency.png",
        "training.png",
    ]
    assert not (tmp_path / "sparsity.png").exists()


def test_the_same_run_gives_the_same_bytes(two_stages):
    assert plots.png(plots.training(parse(two_stages))) == plots.png(plots.training(parse(two_stages)))
    assert Image.open(BytesIO(plots.png(plots.training(parse(two_stages))))).info.keys() <= {"dpi", "transparency"}


def test_nothing_global_is_left_in_matplotlib(two_stages, tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    plots.write_plots(parse(two_stages), tmp_path)
    assert dict(matplotlib.rcParams) == before


def test_importing_the_report_loads_neither_matplotlib_nor_pandas_nor_tensorflow():
    heavy = "{'matplotlib', 'matplotlib.pyplot', 'pandas', 'tensorflow', 'PIL'}"
    program = f"import sys, compress.report; print({heavy} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "set()\n"
    )


def test_drawing_does_not_load_pyplot(tmp_path):
    program = (
        "import sys; from pathlib import Path; from compress.report import plots; "
        "from compress.results import parse; "
        "run = parse({'stages': [{'name': 'a', 'kind': 'train', 'top1': 0.9, 'tflite_bytes': 10}]}); "
        f"assert len(plots.write_plots(run, Path({str(tmp_path)!r}))) == 1; print('matplotlib.pyplot' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
    )
