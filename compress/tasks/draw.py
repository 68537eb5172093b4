"""Boxes drawn into an image."""

from colorsys import hsv_to_rgb

import numpy as np

from compress.metrics.boxes import Found

TURN = 0.61803398875  # of the colour circle, from a class to the next: neighbours differ, however many there are


def called(label_names: tuple[str, ...], number: int) -> str:
    """The class's name, or its number where a file that decodes by itself knows more classes than there are names."""
    return label_names[number] if number < len(label_names) else str(number)


def draw(image: np.ndarray, shown: Found, label_names: tuple[str, ...]) -> np.ndarray:
    """uint8 (height, width, 3): the image, uint8 (height, width, 1 or 3), with each box, its class and its score."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(np.repeat(image, 3 // image.shape[2], axis=2))
    canvas = ImageDraw.Draw(picture)
    size = max(10, round(min(image.shape[:2]) / 24))
    font, width = ImageFont.load_default(size), max(1, size // 6)
    for box, number, score in zip(*(each[::-1] for each in shown), strict=True):  # the surest on top
        colour = tuple(round(255 * part) for part in hsv_to_rgb(number * TURN % 1, 0.85, 0.95))
        top, left, bottom, right = (float(side) for side in box)
        canvas.rectangle([left, top, max(left, right - 1), max(top, bottom - 1)], outline=colour, width=width)
        text = f"{called(label_names, number)} {100 * score:.0f} %"
        above = max(0.0, top - size - 2)
        canvas.rectangle(canvas.textbbox((left, above), text, font), fill=colour)
        canvas.text((left, above), text, "black", font)
    return np.asarray(picture)
