"""The table of the networks that come in, from results by hand."""

from benchmarks.keras3.table import section

FAMILY = {"family": "VGG16", "size": 64, "layers": 21, "parameters": 14719818, "difference": 2e-7, "seconds": 0.67}
SEEDS = [
    {"seed": 0, "keras": 2, "came_out": "right"},
    {"seed": 1, "keras": 3, "came_out": "right"},
    {"seed": 3, "keras": 3, "came_out": "refused", "reason": "layer 'a' is a Lambda"},
]


def test_by_hand():
    text = "\n".join(section([FAMILY, {**FAMILY, "family": "MobileNet", "difference": 1.8e-6}], [{"seeds": SEEDS}]))
    assert "The largest difference over the largest output is 1.8e-06." in text
    assert text.index("| MobileNet |") < text.index("| VGG16 | 64 | 21 | 14,719,818 | 2.0e-07 | 0.7 |")
    assert "| Keras 2 | 0 | 1 |" in text
    assert "| Keras 3 | 1 | 1 |" in text
    assert "Seed 3 (Keras 3) is refused: layer 'a' is a Lambda" in text


def test_nothing_is_said_of_nothing():
    assert section([], []) == []
