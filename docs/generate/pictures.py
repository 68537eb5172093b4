"""Draws the pictures of the concepts: ``python -m docs.generate.pictures`` writes docs/pictures/*.svg."""

from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "pictures"
INK, QUIET, TEAL, PALE, WARM = "#263238", "#78909c", "#00796b", "#e0f2f1", "#ffe0b2"
WIDTH = 720


def svg(height: int, *parts: str) -> str:
    """A picture of WIDTH x ``height`` on white, legible on a dark page, too."""
    arrow = f'<path d="M0 0 L8 4 L0 8 z" fill="{QUIET}"/>'
    marker = f'<marker id="a" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">{arrow}</marker>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
            f'<defs>{marker}</defs><rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, words: str, color: str = INK, anchor: str = "middle", size: int = 14) -> str:
    return f'<text x="{x:g}" y="{y:g}" fill="{color}" text-anchor="{anchor}" font-size="{size}">{words}</text>'


def box(x: float, y: float, width: float, words: str, below: str = "", fill: str = PALE, height: float = 44) -> str:
    middle = x + width / 2
    lines = text(middle, y + height / 2 + 5, words) + (
        text(middle, y + height + 18, below, QUIET, size=12) if below else ""
    )
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" fill="{fill}" stroke="{TEAL}"/>{lines}'
    )


def line(
    x1: float, y1: float, x2: float, y2: float, color: str = QUIET, arrow: bool = False, dashed: bool = False
) -> str:
    end = ' marker-end="url(#a)"' if arrow else ""
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{color}" stroke-width="1.5"{end}{dash}/>'


def arrow(x1: float, y1: float, x2: float, y2: float, dashed: bool = False) -> str:
    return line(x1, y1, x2, y2, arrow=True, dashed=dashed)


def pipeline() -> str:
    """The stages of the chain densenet121 in a row."""
    names = ["teacher", "distilled", "narrowed", "pruned", "quantized", "exported"]
    notes = ["learns labels", "learns from it", "fewer channels", "zeros", "int8 grids", "model.tflite"]
    parts = []
    for number, (name, note) in enumerate(zip(names, notes, strict=True)):
        x = 12 + 118 * number
        parts.append(box(x, 56, 100, name, note, WARM if number == 5 else PALE))
        if number:
            parts.append(arrow(x - 18, 78, x - 2, 78))
    return svg(160, text(WIDTH / 2, 30, "each stage reads a SavedModel and writes a SavedModel", QUIET), *parts)


def distill() -> str:
    """A student between its labels and a teacher."""
    return svg(
        200,
        box(20, 78, 110, "images"),
        box(230, 24, 150, "teacher", "trained, frozen"),
        box(230, 118, 150, "student", "trains"),
        arrow(130, 92, 228, 48),
        arrow(130, 108, 228, 138),
        box(490, 24, 210, "what the teacher says", fill=WARM),
        box(490, 118, 210, "labels", fill=WARM),
        arrow(380, 46, 488, 46),
        arrow(380, 130, 488, 64, dashed=True),
        arrow(380, 142, 488, 142, dashed=True),
        text(595, 186, "dashed: the distances in the loss", QUIET, size=12),
    )


def narrow() -> str:
    """Channels by importance; those that matter least for their time go."""
    scores = [88, 71, 66, 52, 47, 41, 22, 18, 15, 12, 9, 6]
    parts = [text(24, 28, "importance of each channel for the time that it costs", QUIET, "start")]
    for number, score in enumerate(scores):
        stays = number < 6
        fill, edge = (TEAL, TEAL) if stays else ("#ffffff", QUIET)
        x = 30 + 30 * number
        parts.append(f'<rect x="{x}" y="{150 - score}" width="20" height="{score}" fill="{fill}" stroke="{edge}"/>')
    parts += [line(24, 150, 392, 150), text(115, 174, "stay"), text(300, 174, "go, everywhere at once", QUIET)]
    parts += [
        box(450, 40, 240, "convolution, 12 channels", fill="#ffffff"),
        arrow(570, 86, 570, 122),
        box(450, 124, 240, "convolution, 6 channels", "and 6 inputs fewer in what reads it"),
    ]
    return svg(204, *parts)


def sparsity(step: float, initial: float, final: float, begin: float, end: float) -> float:
    """The fraction of zeros that the schedule asks for at a step (Zhu and Gupta, 2017, equation 1)."""
    done = min(max((step - begin) / (end - begin), 0.0), 1.0)
    return final + (initial - final) * (1 - done) ** 3


def prune() -> str:
    """The cubic schedule, and a kernel before and after."""
    left, bottom, wide, high = 60, 170, 330, 130
    points = [(step, sparsity(step, 0.0, 0.85, 10, 80)) for step in range(101)]
    path = " ".join(f"{left + wide * step / 100:.1f},{bottom - high * value:.1f}" for step, value in points)
    top = bottom - high * 0.85
    kernel = [0.1, -0.9, 0.2, 0.8, 0.0, -0.3, 0.7, 0.1, -0.1, 0.4, -0.8, 0.2, 0.1, 0.0, 0.6, -0.2]
    cells = []
    for number, weight in enumerate(kernel):
        x, y = 470 + 56 * (number % 4), 40 + 34 * (number // 4)
        is_zero = abs(weight) < 0.6
        fill = "#ffffff" if is_zero else PALE
        cells.append(f'<rect x="{x}" y="{y}" width="52" height="30" fill="{fill}" stroke="{QUIET}"/>')
        cells.append(text(x + 26, y + 20, "0" if is_zero else f"{weight:g}", QUIET if is_zero else INK))
    return svg(
        216,
        line(left, bottom, left + wide, bottom),
        line(left, bottom, left, bottom - high - 10),
        f'<polyline points="{path}" fill="none" stroke="{TEAL}" stroke-width="2.5"/>',
        line(left, top, left + wide, top, dashed=True),
        text(left - 6, top + 5, "0.85", QUIET, "end", 12),
        text(left - 6, bottom + 5, "0", QUIET, "end", 12),
        text(left + wide * 0.1, bottom + 18, "begin_step", QUIET, size=12),
        text(left + wide * 0.8, bottom + 18, "end_step", QUIET, size=12),
        text(left + wide / 2, bottom + 38, "zeros in each kernel, while the network trains on", QUIET),
        *cells,
        text(582, 208, "the smallest weights become 0", QUIET),
    )


def quantize() -> str:
    """Real numbers on a grid of codes."""
    left, right, y, codes = 60, 660, 90, 24
    step = (right - left) / codes
    ticks = [line(left + step * code, y - 6, left + step * code, y + 6) for code in range(codes + 1)]
    value, nearest = left + step * 15.36, left + step * 15
    return svg(
        190,
        text(WIDTH / 2, 28, "x = scale * (code - zero point); a rounded number is at most scale / 2 away", QUIET),
        line(left, y, right, y),
        *ticks,
        f'<circle cx="{value:g}" cy="{y}" r="5" fill="{TEAL}"/>',
        text(value + 4, y - 16, "x", TEAL),
        line(nearest, y + 8, nearest, y + 34, TEAL),
        text(nearest, y + 50, "its code", TEAL),
        text(left, y + 26, "-128", QUIET, size=12),
        text(right, y + 26, "127", QUIET, size=12),
        text(left, y + 44, "least of the range", QUIET, "start", 12),
        text(right, y + 44, "most of the range", QUIET, "end", 12),
        text(left + step * 6, y - 16, "0 is a code: the zero point", QUIET),
        f'<circle cx="{left + step * 6:g}" cy="{y}" r="4" fill="{INK}"/>',
        text(WIDTH / 2, 176, "256 codes; here every tick stands for some of them", QUIET, size=12),
    )


def export() -> str:
    """The file beside its network, on all test images, before anybody gets it."""
    return svg(
        200,
        box(20, 78, 130, "test images"),
        box(230, 24, 170, "Keras network"),
        box(230, 122, 170, "model.tflite", "in LiteRT", WARM),
        arrow(150, 92, 228, 48),
        arrow(150, 108, 228, 142),
        box(500, 74, 200, "outputs compared", "value by value, not only classes"),
        arrow(400, 46, 498, 86),
        arrow(400, 144, 498, 108),
    )


def densenet() -> str:
    """A batch norm that follows no convolution becomes a threshold; its factors go into the convolution behind it."""
    return svg(
        280,
        text(20, 30, "as DenseNet is built", QUIET, "start"),
        box(20, 46, 120, "concatenation"),
        box(190, 46, 120, "batch norm", "refused by tfmot", WARM),
        box(360, 46, 90, "ReLU"),
        box(500, 46, 90, "1x1 conv"),
        box(638, 46, 66, "norm"),
        *(arrow(x, 68, x + 48, 68) for x in (140, 310, 450, 590)),
        text(20, 172, "rewritten, exactly", QUIET, "start"),
        box(20, 188, 120, "concatenation", "one grid for all"),
        box(190, 188, 260, "max(x, t) for each channel", "on the grid of x: nothing is rounded"),
        box(500, 188, 204, "1x1 conv, bias", "both norms are in its kernel"),
        arrow(140, 210, 188, 210),
        arrow(450, 210, 498, 210),
    )


def accuracy() -> str:
    """What to ask of ``jetslim compare`` where quantization loses accuracy, and what to do."""
    asked = [
        ("is a layer bad by itself?", "keep_float"),
        ("is a layer bad, but good by itself?", "go on with the layers before it"),
        ("do many layers lose a little?", 'calibration = "percentile"'),
        ("does accuracy fall all the same?", 'mode = "qat"'),
    ]
    parts = []
    for number, (question, answer) in enumerate(asked):
        y = 16 + 74 * number
        parts += [box(30, y, 300, question), arrow(330, y + 22, 418, y + 22), text(372, y + 15, "yes", QUIET, size=12)]
        parts.append(box(420, y, 270, answer, fill=WARM))
        if number:
            parts += [arrow(180, y - 30, 180, y - 2), text(198, y - 12, "no", QUIET, size=12)]
    return svg(300, *parts)


PICTURES: dict[str, Callable[[], str]] = {
    "pipeline": pipeline,
    "distill": distill,
    "narrow": narrow,
    "prune": prune,
    "quantize": quantize,
    "export": export,
    "densenet": densenet,
    "accuracy": accuracy,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw())
