import struct

import numpy as np
import pytest
from PIL import Image, ImageFile
from pydantic import ValidationError

from compress.datasets import Augmentation
from compress.datasets import folder as folder_module
from compress.datasets.folder import Folder
from compress.datasets.images import decode
from compress.datasets.resized_crop import ResizedCrop
from compress.datasets.splits import ArraySplit, FileSplit
from compress.errors import UserError
from compress.targets import Parts


def save(path, colour=(0, 0, 0), size=(12, 12), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)
    return path


@pytest.fixture
def root(tmp_path):
    """Red cats and green dogs: 20 and 10 to train on, 2 and 2 to test on; each image its own shade."""
    for part, cats, dogs in (("train", 20, 10), ("test", 2, 2)):
        for number in range(cats):
            save(tmp_path / part / "cat" / f"{number:02}.png", (100 + number, 0, part == "test"))
        for number in range(dogs):
            save(tmp_path / part / "dog" / f"{number:02}.png", (0, 100 + number, part == "test"))
    return tmp_path


def load(root, skip_bad_images=False, **fields):
    return Folder(path=str(root), size=8, **fields).load(skip_bad_images=skip_bad_images)


def sizes(dataset):
    return [len(split) for split in (dataset.train, dataset.validation, dataset.test)]


def pixels(split):
    return [tuple(image[0, 0].tolist()) for image in split.read(np.arange(len(split)))]


def test_splits_classes_and_labels_follow_the_folders(root):
    dataset = load(root)
    assert dataset.label_names == ("cat", "dog")
    assert sizes(dataset) == [27, 3, 4]
    assert pixels(dataset.test) == [(100, 0, 1), (101, 0, 1), (0, 100, 1), (0, 101, 1)]
    assert dataset.test.targets.labels.tolist() == [0, 0, 1, 1]
    for split in (dataset.train, dataset.validation):
        assert [red == 0 for red, _, _ in pixels(split)] == split.targets.labels.astype(bool).tolist()
    assert any("no validation/ folder: a seeded 10% split of train/ (3 images)" in note for note in dataset.notes)


def test_missing_test_is_a_fifth_of_train(root):
    (root / "test").rename(root / "elsewhere")
    dataset = load(root)
    # 30 images: 6 to test, 2.4 of the 24 left to validation, but no fewer than there are classes.
    assert sizes(dataset) == [22, 2, 6]
    assert np.bincount(dataset.test.targets.labels).tolist() == [4, 2]
    assert "no test/ folder: a seeded 20% split of train/ (6 images)" in dataset.notes
    assert pixels(load(root).test) == pixels(dataset.test)


def test_a_validation_folder_is_used_as_it_is(root):
    save(root / "validation" / "dog" / "a.png", (0, 7, 7))
    dataset = load(root)
    assert sizes(dataset) == [30, 1, 4]
    assert pixels(dataset.validation) == [(0, 7, 7)]
    assert dataset.validation.targets.labels.tolist() == [1]
    assert not any("no validation/" in note for note in dataset.notes)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_class_that_train_has_not(root, part):
    save(root / part / "horse" / "a.png")
    with pytest.raises(UserError, match=f"{part}/horse: train/ has no folder for the class 'horse'"):
        load(root)


def test_suffixes_in_capitals_count_and_other_files_are_noted(root):
    for name in ("a.JPG", "b.jpeg", "c.Bmp", "d.WebP", "e.gif"):
        save(root / "test" / "cat" / name, (200, 0, 0))
    (root / "test" / "cat" / ".DS_Store").write_bytes(b"hidden")
    (root / "test" / "cat" / "labels.TXT").write_text("no image")
    (root / "test" / "cat" / "more").mkdir()
    (root / "train" / "readme").write_text("no image")
    dataset = load(root)
    assert sizes(dataset) == [27, 3, 9]
    assert "passed over, not images: 1 .txt, 1 folder, 1 no suffix" in dataset.notes


def test_a_truncated_jpeg_stops_the_load_and_is_named(root):
    path = root / "train" / "cat" / "cut.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (root / "test" / "dog" / "text.png").write_text("no image")
    with pytest.raises(UserError, match=r"train/cat/cut.jpg \(.*truncated.*\) and 1 more") as error:
        load(root)
    assert "\n" not in str(error.value)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_skip_bad_images_leaves_them_out_and_says_so(root):
    for name in "abcde":
        (root / "train" / "dog" / f"{name}.png").write_text("no image")
    dataset = load(root, skip_bad_images=True)
    assert sizes(dataset) == [27, 3, 4]
    (note,) = [note for note in dataset.notes if note.startswith("left out")]
    assert note.startswith(f"left out 5 unreadable images: {root}/train/dog/a.png (cannot identify")
    assert all(f"train/dog/{name}.png" in note for name in "abcde")
    for name in "abcde":
        (root / "train" / "dog" / f"{name}.png").unlink()
    assert load(root).fingerprint == dataset.fingerprint


def test_a_class_of_only_bad_images(root):
    (root / "train" / "horse").mkdir()
    (root / "train" / "horse" / "a.png").write_text("no image")
    with pytest.raises(UserError, match="train/horse: no readable image"):
        load(root, skip_bad_images=True)


def test_an_image_of_a_size_that_is_an_attack(root, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150)
    save(root / "train" / "cat" / "bomb.png", size=(20, 20))
    with pytest.raises(UserError, match=r"unreadable image .*decompression bomb"):
        load(root)


def test_more_than_memory_holds_is_read_from_the_files(root, monkeypatch):
    in_memory = load(root)
    monkeypatch.setattr(folder_module, "MEMORY_LIMIT", 34 * 8 * 8 * 3 - 1)
    from_files = load(root)
    assert type(from_files.train).__name__ == "FileSplit"
    assert type(in_memory.train).__name__ == "ArraySplit"
    for part in ("train", "validation", "test"):
        one, other = getattr(in_memory, part), getattr(from_files, part)
        assert (one.read(np.arange(len(one))) == other.read(np.arange(len(other)))).all()
        assert one.targets.labels.tolist() == other.targets.labels.tolist()
    before = from_files.fingerprint
    assert load(root).fingerprint == before
    save(root / "train" / "cat" / "00.png", (99, 0, 0))
    assert load(root).fingerprint != before


@pytest.mark.parametrize("made", ["", "train", "train/cat"])
def test_a_folder_without_images_says_what_is_expected(tmp_path, made):
    (tmp_path / made).mkdir(parents=True, exist_ok=True)
    with pytest.raises(UserError, match=r"expected|only one class, cat"):
        load(tmp_path)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"folder not found: .*nowhere or .*data/nowhere"):
        Folder(path="nowhere").load(tmp_path / "data")


def test_a_relative_path_is_looked_for_in_the_data_dir_too(root):
    dataset = Folder(path=root.name, size=8).load(root.parent)
    assert sizes(dataset) == [27, 3, 4]


def test_one_image_of_a_class_is_too_few_to_hold_out(root):
    save(root / "train" / "horse" / "a.png")
    with pytest.raises(UserError, match="class horse has only 1 image left"):
        load(root)


def test_path_is_required():
    with pytest.raises(ValidationError):
        Folder()


# What becomes of an image on its way in.


def test_exif_rotation_is_applied(tmp_path):
    # Stored with black left and white right; orientation 6 says: turn clockwise to see it. Left becomes top.
    stored = np.zeros((8, 8, 3), np.uint8)
    stored[:, 4:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored).save(tmp_path / "turned.png", exif=exif)
    seen = decode(tmp_path / "turned.png", 8)
    assert (seen[:4] == 0).all()
    assert (seen[4:] == 255).all()


def test_grey_becomes_rgb(tmp_path):
    save(tmp_path / "grey.png", 90, mode="L")
    assert decode(tmp_path / "grey.png", 8)[3, 3].tolist() == [90, 90, 90]


@pytest.mark.parametrize("file", ["deep.png", "deep.tif"])
def test_16_bit_grey_is_rounded(tmp_path, file):
    # 65535 / 255 = 257: 128 lies below the middle of two bytes, 129 above
    for value, byte in ((0, 0), (128, 0), (129, 1), (0x4CFF, 77), (65535, 255)):
        Image.fromarray(np.full((8, 8), value, np.uint16)).save(tmp_path / file)
        assert decode(tmp_path / file, 8)[3, 3].tolist() == [byte] * 3
        assert decode(tmp_path / file, 8, channels=1)[3, 3].tolist() == [byte]


def tiff_of_12_bits(path, values):
    """Two grey values in three bytes, as scanners and cameras save them; Pillow reads such files and writes none."""
    rows = [[value for pair in zip(row[::2], row[1::2], strict=True) for value in pair] for row in values]
    packed = b"".join(
        bytes((a >> 4, (a & 15) << 4 | b >> 8, b & 255))
        for row in rows
        for a, b in zip(row[::2], row[1::2], strict=True)
    )
    height, width = len(values), len(values[0])
    tags = {256: width, 257: height, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(packed)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    packed += b"\0" * (len(packed) % 2)
    header = struct.pack("<2sHI", b"II", 42, 8 + len(packed))
    path.write_bytes(header + packed + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0))


def test_12_bits_that_a_tiff_tells_of(tmp_path):
    tiff_of_12_bits(tmp_path / "scan.tiff", [[0, 4095, 2048, 1000, 8, 9, 0, 4095]] * 8)
    # 4095 / 255 = 16.06: 2048 -> 127.53, 1000 -> 62.27, 8 -> 0.498, 9 -> 0.56
    assert decode(tmp_path / "scan.tiff", 8, channels=1)[5, :, 0].tolist() == [0, 255, 128, 62, 0, 1, 0, 255]


def test_32_bits_hold_16(tmp_path):
    Image.fromarray(np.full((8, 8), 257 * 3, np.int32)).save(tmp_path / "deep.tif")
    assert decode(tmp_path / "deep.tif", 8)[3, 3].tolist() == [3, 3, 3]
    for values in (np.full((8, 8), 65536, np.int32), np.full((8, 8), -1, np.int32)):
        Image.fromarray(values).save(tmp_path / "deep.tif")
        with pytest.raises(ValueError, match="its values go from .*, not from 0 to 65535"):
            decode(tmp_path / "deep.tif", 8)


def test_floats_lie_between_0_and_1(tmp_path):
    Image.fromarray(np.full((8, 8), 0.2, np.float32)).save(tmp_path / "float.tif")
    assert decode(tmp_path / "float.tif", 8)[3, 3].tolist() == [51, 51, 51]
    for value in (1.5, np.nan):
        Image.fromarray(np.full((8, 8), value, np.float32)).save(tmp_path / "float.tif")
        with pytest.raises(ValueError, match="not from 0 to 1"):
            decode(tmp_path / "float.tif", 8)


def test_images_that_are_nearly_black_are_told_of(root):
    assert not any("nearly black" in note for note in load(root).notes)
    for path in root.rglob("*.png"):
        Image.fromarray(np.full((8, 8), 4095, np.uint16)).save(path)  # 12 bits without a tag: 4095 / 257 = 15.9
    assert any(note.startswith("no pixel of any image is brighter than 16 of 255") for note in load(root).notes)


@pytest.mark.parametrize("name", ["val", "valid", "dev", "Val"])
def test_validation_by_other_names(root, name):
    save(root / name / "dog" / "a.png", (0, 7, 7))
    dataset = load(root)
    assert sizes(dataset) == [30, 1, 4]
    assert pixels(dataset.validation) == [(0, 7, 7)]


def test_two_validation_folders_are_refused(root):
    save(root / "val" / "dog" / "a.png")
    save(root / "validation" / "dog" / "a.png")
    with pytest.raises(UserError, match="has both val/ and validation/: keep only one as the validation split"):
        load(root)


def test_training_and_testing(root):
    expected = load(root).fingerprint
    (root / "train").rename(root / "Training")
    (root / "test").rename(root / "testing")
    assert load(root).fingerprint == expected


def test_other_folders_beside_train_are_told_of(root):
    save(root / "tset" / "dog" / "a.png")
    (root / ".cache").mkdir()
    assert "passed over beside train/: tset" in load(root).notes


def test_a_folder_of_classes_is_taken_for_train(root):
    split_by_seed = load(root / "train")
    assert sizes(split_by_seed) == [22, 2, 6]
    assert split_by_seed.notes[0] == f"no train/ folder: the 2 folders of {root / 'train'} are the classes"
    (root / "test").rename(root / "elsewhere")
    assert load(root).fingerprint == split_by_seed.fingerprint


def test_layouts_that_are_not_clear(root):
    (root / "train").rename(root / "cats")
    with pytest.raises(UserError, match=r"has test/ but no train/: expected images in .*/train/<class>/"):
        load(root)
    for path in (root / "cats" / "cat").iterdir():
        path.rename(root / "cats" / path.name)
    (root / "cats" / "cat").rmdir()
    (root / "cats" / "dog").rename(root / "dog")
    (root / "cats").rename(root / "train")
    with pytest.raises(UserError, match="train: expected one folder per class, found images"):
        load(root)


def test_a_path_with_spaces(root):
    named = root.parent / "my pictures (2)"
    root.rename(named)
    assert sizes(load(named)) == [27, 3, 4]


@pytest.mark.parametrize(("size", "columns"), [((8, 16), 16), ((16, 8), 8)])
def test_crop_keeps_the_aspect_ratio_that_is_wanted(tmp_path, size, columns):
    # 24 x 8: at 1 : 2 the centre 16 columns are left, at 2 : 1 the centre 4
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 4:20, 0] = 255
    wide[:, 10:14, 1] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    seen = decode(tmp_path / "wide.png", size, "crop")
    assert seen.shape == (*size, 3)
    assert (seen[..., 0] == 255).all()
    assert (seen[..., 1] == 255).all() == (size == (16, 8))
    assert decode(tmp_path / "wide.png", size, "stretch")[:, 0, 0].max() == 0


def test_cmyk_becomes_rgb(tmp_path):
    save(tmp_path / "print.jpg", (255, 0, 0, 0), mode="CMYK", quality=100)  # all cyan
    assert abs(decode(tmp_path / "print.jpg", 8)[3, 3].astype(int) - [0, 255, 255]).max() <= 2


def test_palette_becomes_rgb(tmp_path):
    Image.new("RGB", (8, 8), (10, 20, 30)).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "few.gif")
    assert decode(tmp_path / "few.gif", 8)[3, 3].tolist() == [10, 20, 30]


def test_transparency_becomes_black(tmp_path):
    save(tmp_path / "clear.png", (200, 100, 50, 0), mode="RGBA")
    save(tmp_path / "half.png", (200, 100, 50, 51), mode="RGBA")  # 51 / 255 = 1/5
    save(tmp_path / "grey.png", (200, 0), mode="LA")
    assert decode(tmp_path / "clear.png", 8)[3, 3].tolist() == [0, 0, 0]
    assert decode(tmp_path / "half.png", 8)[3, 3].tolist() == [40, 20, 10]
    assert decode(tmp_path / "grey.png", 8)[3, 3].tolist() == [0, 0, 0]


def test_a_gif_gives_its_first_frame(tmp_path):
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 0, 255)))
    first.save(tmp_path / "moving.gif", save_all=True, append_images=[second])
    assert decode(tmp_path / "moving.gif", 8)[3, 3].tolist() == [255, 0, 0]


def test_fit_stretch_shows_all_and_crop_the_centre(tmp_path):
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16, 0] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert (decode(tmp_path / "wide.png", 8, "crop")[..., 0] == 255).all()
    stretched = decode(tmp_path / "wide.png", 8, "stretch")[0, :, 0]
    assert stretched[0] == stretched[7] == 0
    assert stretched[3] == stretched[4] == 255


def test_padded_images_are_never_cut_nor_enlarged(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / "train" / label).mkdir(parents=True)
        for number in range(12):
            Image.fromarray(np.full((8, 20, 3), 200, np.uint8)).save(tmp_path / "train" / label / f"{number}.png")
    data = Folder(path=str(tmp_path), size=16, fit="pad").load()
    image = data.train.read(np.arange(1))[0]
    assert (image[:6] == 200).all() and (image[6:] == 0).all()  # 8x20 becomes 6x16
    assert any("never enlarged, with their aspect ratio and black around them" in note for note in data.notes)


def test_parts_are_cut_out_of_the_files_pixels_also_where_memory_holds_all(root):
    """The training images of 12 x 12 have a white corner of 6 x 6: a part of it is white all over, at 8 x 8, too."""
    for path in (root / "train").rglob("*.png"):
        with Image.open(path) as image:
            image.paste((255, 255, 255), (0, 0, 6, 6))
            image.save(path)
    dataset = load(root, augmentation=Augmentation(resized_crop=ResizedCrop()))
    assert [type(split) for split in (dataset.train, dataset.test)] == [FileSplit, ArraySplit]
    part = Parts(8, 8, np.array([[0, 0, 5 / 12, 5 / 12]]))
    assert (dataset.train.read(np.array([0]), part) == 255).all()
    assert sizes(dataset) == sizes(load(root))
