"""JPEG files are read by two libraries: the pixels are the same."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from compress.datasets.images import decoded, resize

RNG = np.random.default_rng(0)
PHOTOGRAPH = resize(RNG.integers(0, 256, (1, 9, 13, 3), np.uint8), (67, 93))[0]


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("options", [
    {"quality": 90}, {"quality": 30, "subsampling": 0}, {"quality": 75, "subsampling": 1}, {"progressive": True},
    {"quality": 100, "subsampling": 2, "optimize": True}, {"restart_marker_rows": 1},
], ids=str)  # fmt: skip
def test_a_jpeg_has_the_pixels_that_pillow_reads(mode, options, tmp_path):
    Image.fromarray(PHOTOGRAPH).convert(mode).save(tmp_path / "a.jpg", **options)
    with Image.open(tmp_path / "a.jpg") as image:
        wanted = {1: np.asarray(image.convert("L"))[..., None], 3: np.asarray(image.convert("RGB"))}
    for channels in (1, 3):
        np.testing.assert_array_equal(decoded(tmp_path / "a.jpg", channels), wanted[channels])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_by_its_flag(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PHOTOGRAPH).save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as image:
        wanted = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(decoded(tmp_path / "a.jpg", 3), wanted)


def test_a_jpeg_with_more_behind_its_end_is_read_and_a_cut_one_is_not(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(PHOTOGRAPH).save(path)
    content, pixels = path.read_bytes(), decoded(path, 3)
    path.write_bytes(content + b"\0" * 100)
    np.testing.assert_array_equal(decoded(path, 3), pixels)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(OSError, match="truncated"):
        decoded(path, 3)
