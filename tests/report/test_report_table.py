"""The table against numbers worked by hand: 72,566,284 / 3,455,537 = 21.0, and so on."""

import pytest

from compress.report import table
from compress.results import parse

HEADER = (
    "stage,kind,top1,params,kernel_sparsity,tflite_bytes,sparse_tflite_bytes,gzip_bytes,"
    "latency_ms_mean,latency_ms_p50,latency_ms_p90,seconds_training,seconds_total"
)


def test_csv_has_the_raw_numbers(two_stages):
    assert (
        table.csv_text(parse(two_stages))
        == f"""{HEADER}
teacher,train,0.9916,18341194,0.0,72566284,72566284,67600000,25.0,24.0,30.0,110.0,117.75
int8,export,0.9861,4585298,0.9008,3455537,1727769,650000,10.0,12.0,10.0,0.0,4.5
teacher / int8,ratio,1.0056,4.0,,21.0,42.0,104.0,2.5,2.0,3.0,,
"""
    )


def test_markdown_is_for_people(two_stages):
    lines = table.markdown(parse(two_stages)).splitlines()
    assert lines[0] == "| " + HEADER.replace(",", " | ") + " |"
    assert lines[1] == "|---|---" + "|---:" * 11 + "|"
    assert lines[2] == (
        "| teacher | train | 99.16 % | 18,341,194 | 0.000 | 72.57 MB | 72.57 MB | 67.60 MB "
        "| 25.00 | 24.00 | 30.00 | 110.0 | 117.8 |"
    )
    assert lines[3] == (
        "| int8 | export | 98.61 % | 4,585,298 | 0.901 | 3.46 MB | 1.73 MB | 0.650 MB "
        "| 10.00 | 12.00 | 10.00 | 0.0 | 4.5 |"
    )
    assert lines[4] == (
        "| teacher / int8 | ratio | 1.01x | 4.00x |  | 21.0x | 42.0x | 104x | 2.50x | 2.00x | 3.00x |  |  |"
    )
    assert lines[5:] == [
        "",
        "Latency was measured on this host (Some CPU) with batch 1 and one thread: 5 warm-up runs, then 50 timed ones. It "
        "says nothing about the latency on a board.",
    ]


def test_seconds_total_is_the_sum_over_causes(two_stages):
    teacher, exported, _ = table.rows(parse(two_stages))
    assert (teacher["seconds_training"], teacher["seconds_total"]) == (110.0, 110.0 + 5.25 + 2.5)
    assert (exported["seconds_training"], exported["seconds_total"]) == (0.0, 4.5)


def test_the_ratio_is_of_the_first_and_the_last_stage(five_stages):
    rows = table.rows(parse(five_stages))
    assert [row["kind"] for row in rows] == ["train", "distill", "prune", "quantize", "export", "ratio"]
    assert rows[-1]["stage"] == "teacher / int8"
    assert rows[-1]["tflite_bytes"] == 21.0


def test_no_quotient_by_zero_or_of_what_was_not_measured(two_stages):
    two_stages["stages"][1]["top1"] = 0.0
    two_stages["stages"][1]["latency"] = None
    del two_stages["stages"][0]["gzip_bytes"]
    ratio = table.rows(parse(two_stages))[-1]
    assert [ratio[name] for name in ("top1", "latency_ms_p50", "gzip_bytes", "params")] == [None, None, None, 4.0]


def test_what_was_not_measured_is_empty_and_integers_stay_integers():
    run = {"stages": [{"name": "a", "kind": "train", "params": 5}, {"name": "b", "kind": "export", "tflite_bytes": 2}]}
    assert (
        table.csv_text(parse(run)) == f"{HEADER}\na,train,,5,,,,,,,,,\nb,export,,,,2,,,,,,,\na / b,ratio,,,,,,,,,,,\n"
    )
    assert table.markdown(parse(run)).splitlines()[2] == "| a | train |  | 5 |" + "  |" * 9


def test_a_run_that_quantizes_says_how_it_agrees_with_float(two_stages):
    two_stages["stages"][1]["agreement_with_float"] = 0.9916
    header, teacher, exported, ratio = table.csv_text(parse(two_stages)).splitlines()
    assert header == HEADER.replace("top1,", "top1,agreement_with_float,")
    assert [line.split(",")[3] for line in (teacher, exported, ratio)] == ["", "0.9916", ""]
    assert "| int8 | export | 98.61 % | 99.16 % | 4,585,298 |" in table.markdown(parse(two_stages))


@pytest.mark.parametrize("stages", [[], [{"name": "only", "kind": "train"}]])
def test_fewer_than_two_stages_have_no_ratio(stages):
    assert [row["kind"] for row in table.rows(parse({"stages": stages}))] == ["train"] * len(stages)
    assert table.csv_text(parse({"stages": stages})).startswith(HEADER + "\n")
