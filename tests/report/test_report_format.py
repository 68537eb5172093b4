import pytest

from compress.report import format as words


@pytest.mark.parametrize(
    ("value", "text"),
    [(21.0, "21.0"), (2.8, "2.80"), (104.2, "104"), (0.0471, "0.0471"), (1, "1.00"), (1234.6, "1235"), (0, "0")],
)
def test_three_digits(value, text):
    assert words.three_digits(value) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(72566284, "72.57 MB"), (1_000_000, "1.00 MB"), (650_000, "0.650 MB"), (1_234, "0.00123 MB"), (0, "0 MB")],
)
def test_megabytes_are_ten_to_the_sixth_bytes(size, text):
    assert words.megabytes(size) == text


def test_a_pipe_in_a_cell_does_not_end_it():
    assert words.markdown_table(("a", "b"), [("x|y", "1")]) == "| a | b |\n|---|---:|\n| x\\|y | 1 |\n"
