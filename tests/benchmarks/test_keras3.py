"""The table of the networks that come in, from results by hand."""

from dataclasses import replace

from benchmarks.keras3.table import section
from benchmarks.studies import GeneratedNetwork, GeneratedNetworks, Keras3Family

FAMILY = Keras3Family("VGG16", 64, 21, 14719818, 2e-7, 0.67)
GENERATED = GeneratedNetworks([
    GeneratedNetwork(0, 2, "right"), GeneratedNetwork(1, 3, "right"),
    GeneratedNetwork(3, 3, "refused", "layer 'a' is a Lambda"),
])  # fmt: skip


def test_by_hand():
    text = "\n".join(section([FAMILY, replace(FAMILY, family="MobileNet", difference=1.8e-6)], [GENERATED]))
    assert "The largest difference over the largest output is 1.8e-06." in text
    assert text.index("| MobileNet |") < text.index("| VGG16 | 64 | 21 | 14,719,818 | 2.0e-07 | 0.7 |")
    assert "| Keras 2 | 0 | 1 |" in text
    assert "| Keras 3 | 1 | 1 |" in text
    assert "Seed 3 (Keras 3) is refused: layer 'a' is a Lambda" in text


def test_nothing_is_said_of_nothing():
    assert section([], []) == []
