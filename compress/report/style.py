"""How every plot looks. Figures are made as objects: nothing is left in pyplot's global state."""

from io import BytesIO
from typing import TYPE_CHECKING

from compress.results import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120
# Okabe and Ito's colours, which colour-blind people tell apart; their yellow is too pale for lines on white
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)


def png(figure: "Figure", colours: int = 64) -> bytes:
    """The figure as a PNG of so many colours at most, a third of the bytes of a full one; no date or version inside."""
    from PIL import Image

    full, small = BytesIO(), BytesIO()
    figure.savefig(full, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    # maximum coverage keeps the hues of the few coloured pixels; the default, median cut, turns them grey
    few = Image.open(full).convert("RGB").quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(small, "PNG", optimize=True)
    return small.getvalue()


def figure_of(width: float, height: float, run: Run) -> "Figure":
    """An empty figure of so many inches, titled with the run's pipeline and seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    figure.suptitle(f"{run.pipeline}, seed {'' if run.seed is None else run.seed}", fontsize=11)
    return figure
