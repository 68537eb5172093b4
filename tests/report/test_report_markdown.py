"""report.md, section by section, and the files of a run."""

import json
import re
from pathlib import Path

import pytest

from compress import report
from compress.artifacts.files import replace
from compress.report import markdown_report as markdown
from compress.report import table
from compress.results import parse


def test_the_sentence_on_sizes(two_stages):
    assert markdown.size_sentence(parse(two_stages)) == (
        "From `teacher` to `int8`: dense .tflite 72.57 MB to 3.46 MB (**21.0x**); sparse .tflite 72.57 MB to 1.73 MB "
        "(**42.0x**); gzip 67.60 MB to 0.650 MB (**104x**); "
        "top-1 99.16 % to 98.61 % (-0.55 points on 359 test images); "
        "median latency 24.00 ms to 12.00 ms (2.00x) on this host."
    )


def test_where_the_seconds_went(two_stages):
    assert (
        markdown.seconds_section(parse(two_stages))
        == """## Where the seconds went

| cause | seconds | share |
|---|---:|---:|
| training | 110.0 | 55.0 % |
| convert | 50.0 | 25.0 % |
| build | 20.0 | 10.0 % |
| other | 20.0 | 10.0 % |
| **all but training** | 90.0 | 45.0 % |
| **total** | 200.0 | 100.0 % |

Reused from an earlier run: `teacher`. Their seconds in the table of stages were spent in that run.
"""
    )


def test_other_is_shown_once_and_last(two_stages):
    two_stages["seconds"] |= {"other": 20.0}
    rows = re.findall(r"\| (\S+) \| (\S+) \| \S+ % \|", markdown.seconds_section(parse(two_stages)))
    assert rows == [
        ("training", "110.0"),
        ("convert", "50.0"),
        ("build", "20.0"),
        ("other", "20.0"),
        ("**total**", "200.0"),
    ]


def test_seconds_without_wall_add_up_to_it(two_stages):
    del two_stages["seconds"]["wall"]
    text = markdown.seconds_section(parse(two_stages))
    assert "| **all but training** | 70.0 | 38.9 % |\n| **total** | 180.0 | 100.0 % |" in text
    assert "other" not in text


def test_a_report_says_all_that_the_run_recorded(two_stages):
    text = markdown.report(parse(two_stages), [Path("plots/training.png")])
    assert text.startswith("# densenet121, seed 7\n\nFinished 2026-11-21T02:03:04Z.\n\n| stage |")
    assert table.markdown(parse(two_stages)) in text
    assert "![Loss and metrics of each epoch](plots/training.png)" in text
    assert "`int8` is int8. Operators that compute in float, but for conversions at either end: MEAN (2), TANH." in text
    assert "| CONV_2D | 120 |\n| MEAN | 2 |\n| DEQUANTIZE | 1 |\n| SOFTMAX | 1 |\n| TANH | 1 |" in text
    assert "`digits`, 32x32 pixels; classification of 2: 0, 1." in text
    assert "| train | 1,294 |\n| validation | 144 |\n| test | 359 |\n\n- 10 % held out" in text
    assert "| cpu | Some CPU |" in text
    assert "| memory | 24.0 GB |" in text
    assert "| tensorflow | 2.21.0 |" in text
    assert "\n\n\n" not in text


def test_the_toml_text_is_shown_as_written(two_stages):
    two_stages["config_toml"] = '# make pipeline\n[data]\nname = "digits"  # ```\n'
    assert markdown.report(parse(two_stages), []).endswith(
        '## Config\n\n````toml\n# make pipeline\n[data]\nname = "digits"  # ```\n````\n'
    )


@pytest.mark.parametrize("key", ["finished", "machine", "versions", "config", "data", "seconds", "stages", "seed"])
def test_a_missing_key_leaves_its_section_out(two_stages, key):
    del two_stages[key]
    text = markdown.report(parse(two_stages), [])
    assert text.startswith("# densenet121")
    assert "None" not in text


@pytest.mark.parametrize(
    "key",
    [
        "top1",
        "params",
        "kernel_sparsity",
        "tflite_bytes",
        "sparse_tflite_bytes",
        "gzip_bytes",
        "latency",
        "seconds",
        "cached",
        "history",
        "form",
        "operators",
        "float_operators",
        "requantizations",
        "key",
        "kind",
    ],
)
def test_a_stage_may_lack_anything_but_its_name(two_stages, key):
    for stage in two_stages["stages"]:
        stage.pop(key, None)
    assert "None" not in markdown.report(parse(two_stages), [])


def test_write_puts_every_file_in_place(five_stages, tmp_path):
    paths = report.write(parse(json.loads(json.dumps(five_stages))), tmp_path / "runs" / "densenet121")
    folder = tmp_path / "runs" / "densenet121"
    assert [path.relative_to(folder).as_posix() for path in paths] == [
        "table.csv",
        "table.md",
        "plots/size_and_latency.png",
        "plots/sparsity.png",
        "plots/training.png",
        "report.md",
        "report.html",
        "report.json",
    ]
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(paths)  # no temporary file stays
    assert (folder / "table.csv").read_text() == table.csv_text(parse(five_stages))
    links = re.findall(r"\]\((.*?)\)", (folder / "report.md").read_text())
    assert len(links) == 3
    assert all((folder / link).exists() for link in links)


def test_replace_leaves_the_old_file_whole_when_writing_fails(tmp_path):
    path = replace(tmp_path / "a.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        replace(path, "\ud800")
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"size": 32}, "`made`, 32x32 pixels; classification of 2: a, b."),  # an older run
        ({"shape": [48, 96, 3]}, "`made`, 48x96 pixels; classification of 2: a, b."),
        ({"shape": [8, 8, 1]}, "`made`, 8x8 pixels, grey; classification of 2: a, b."),
        ({"shape": [8, 9, 5]}, "`made`, 8x9 pixels, 5 channels; classification of 2: a, b."),
        ({"shape": [64]}, "`made`, arrays of 64; classification of 2: a, b."),
        ({"shape": [128, 6]}, "`made`, arrays of 128x6; classification of 2: a, b."),
        ({}, "`made`; classification of 2: a, b."),
    ],
)
def test_the_data_are_named_by_their_shape(data, words):
    assert words in markdown._data(parse({"data": {"name": "made", "classes": ["a", "b"], **data}}))
