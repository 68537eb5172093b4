import numpy as np
import pytest
from PIL import Image

from compress.datasets.splits import ArraySplit, Dataset, FileSplit, hold_out, stratified_subset
from compress.errors import UserError
from compress.pipeline import plan, read_pipeline
from compress.targets import ClassIndices


def flat(*values, side=2):
    """Images of one grey value each."""
    return np.stack([np.full((side, side, 3), value, np.uint8) for value in values])


def test_read_keeps_the_order_and_the_repetitions_of_the_indices():
    split = ArraySplit(flat(10, 20, 30), np.array([0, 1, 2]), size=2)
    assert split.read(np.array([2, 0, 2]))[:, 0, 0, 0].tolist() == [30, 10, 30]
    assert len(split) == 3
    assert split.targets.labels.dtype == np.int64


def test_read_never_hands_out_the_stored_pixels():
    split = ArraySplit(flat(10, 20), np.array([0, 1]), size=2)
    split.read(np.array([0, 1]))[:] = 99
    assert split.images[:, 0, 0, 0].tolist() == [10, 20]


def test_read_resizes_bilinearly():
    # Centres of 4 pixels lie at 1/4, 3/4, 5/4, 7/4 of two: 0, then 1/4 and 3/4 of the way to 100, then 100.
    image = np.zeros((1, 2, 2, 3), np.uint8)
    image[0, :, 1] = 100
    read = ArraySplit(image, np.array([0]), size=4).read(np.array([0]))
    assert read.shape == (1, 4, 4, 3)
    assert read.dtype == np.uint8
    assert read[0, 0, :, 0].tolist() == [0, 25, 75, 100]


@pytest.mark.parametrize(
    "images", [np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2), np.uint8), np.zeros((1, 2, 2, 3), np.float32)]
)
def test_images_of_another_type_or_shape_are_refused(images):
    with pytest.raises(ValueError, match="uint8"):
        ArraySplit(images, np.array([0]), size=2)


def test_as_many_labels_as_images():
    with pytest.raises(ValueError, match="2 images but 1 targets"):
        ArraySplit(flat(1, 2), np.array([0]), size=2)


def test_file_split_decodes_when_read(tmp_path):
    paths = [tmp_path / f"{value}.png" for value in (10, 20, 30)]
    for path in paths:
        Image.new("RGB", (3, 3), (int(path.stem), 0, 0)).save(path)
    split = FileSplit(paths, np.array([0, 1, 0]), size=8)
    read = split.read(np.array([2, 0]))
    assert read.shape == (2, 8, 8, 3)
    assert read[:, 0, 0].tolist() == [[30, 0, 0], [10, 0, 0]]
    before = split.digest()
    assert split.digest() == before
    assert FileSplit(paths, np.array([0, 1, 0]), size=8, fit="crop").digest() != before
    paths[1].write_bytes(b"no image")
    assert split.digest() != before
    with pytest.raises(UserError, match=r"20\.png"):
        split.read(np.array([1]))


def test_hold_out_is_stratified_seeded_and_disjoint():
    labels = np.array([0] * 40 + [1] * 20)
    kept, held = hold_out(ClassIndices(labels), 0.2, seed=3)
    assert np.bincount(labels[held]).tolist() == [8, 4]
    assert np.bincount(labels[kept]).tolist() == [32, 16]
    assert sorted([*kept, *held]) == list(range(60))
    assert (np.diff(held) > 0).all()
    assert hold_out(ClassIndices(labels), 0.2, seed=3)[1].tolist() == held.tolist()
    assert hold_out(ClassIndices(labels), 0.2, seed=4)[1].tolist() != held.tolist()


def test_hold_out_takes_one_of_every_class_where_the_fraction_is_less():
    labels = np.repeat(np.arange(5), 2)
    kept, held = hold_out(ClassIndices(labels), 0.1, seed=0)
    assert labels[held].tolist() == [0, 1, 2, 3, 4]
    assert labels[kept].tolist() == [0, 1, 2, 3, 4]


def test_hold_out_of_a_single_image_is_one_clear_line():
    with pytest.raises(UserError, match="class dog has only 1 image left") as error:
        hold_out(ClassIndices(np.array([0, 0, 0, 1])), 0.2, seed=0, label_names=["cat", "dog"])
    assert "\n" not in str(error.value)


def test_stratified_subset_is_in_proportion_and_nested():
    labels = np.array([0] * 40 + [1] * 20)
    small, large = (stratified_subset(ClassIndices(labels), count, seed=1) for count in (6, 30))
    assert np.bincount(labels[small]).tolist() == [4, 2]
    assert np.bincount(labels[large]).tolist() == [20, 10]
    assert set(small) < set(large)
    assert stratified_subset(ClassIndices(labels), 60, seed=1).tolist() == list(range(60))
    assert stratified_subset(ClassIndices(labels), 6, seed=2).tolist() != small.tolist()


def fingerprint(images=(10, 20, 30), labels=(0, 1, 0), classes=("a", "b"), size=8):
    splits = [ArraySplit(flat(value), np.array([label]), size) for value, label in zip(images, labels, strict=True)]
    return Dataset.of("made", classes, *splits).fingerprint


def test_fingerprint_changes_with_everything_that_changes_training():
    variants = [
        fingerprint(),
        fingerprint(images=(11, 20, 30)),
        fingerprint(images=(20, 10, 30), labels=(1, 0, 0)),  # another split of the same images
        fingerprint(labels=(1, 1, 0)),
        fingerprint(classes=("a", "c")),
        fingerprint(size=9),
    ]
    assert len(set(variants)) == len(variants)
    assert fingerprint() == variants[0]
    assert len(variants[0]) == 64


def test_the_shape_is_in_the_fingerprint_where_it_is_no_square_of_colours():
    images = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    made = {
        kind: Dataset.of("made", "ab", *[ArraySplit(values, np.array([0, 1]), size)] * 3).fingerprint
        for kind, values, size in (
            ("square", images, 8),
            ("wide", images, (8, 16)),
            ("high", images, (16, 8)),
            ("grey", images[..., :1], 8),
            ("float", images.astype(np.float32), None),
        )
    }
    assert len(set(made.values())) == len(made)
    assert made["square"] == Dataset.of("made", "ab", *[ArraySplit(images, np.array([0, 1]), (8, 8))] * 3).fingerprint


def test_grey_files_are_other_data(tmp_path):
    Image.new("RGB", (4, 4), (200, 0, 0)).save(tmp_path / "red.png")
    colours, grey = (
        FileSplit([tmp_path / "red.png"] * 2, np.array([0, 1]), (8, 12), channels=channels) for channels in (3, 1)
    )
    assert colours.digest() != grey.digest()
    assert (colours.shape, grey.shape) == ((8, 12, 3), (8, 12, 1))
    assert grey.read(np.array([1]))[0, 3, 3].tolist() == [60]  # 0.299 * 200 = 59.8


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 2, 3, 1)])
def test_networks_by_name_are_for_images(shape):
    """A pair of sides would be a size in code; as the shape of data it is no image."""
    split = ArraySplit(np.zeros((2, *shape), np.float32), np.array([0, 1]))
    data = Dataset.of("made", "ab", split, split, split)
    with pytest.raises(UserError, match="'teacher': densenet_small reads images, but the data are arrays of 4"):
        plan(read_pipeline("tiny", ["data.name=arrays", "data.path=there.npz"]), data)


def test_imagenets_weights_are_refused_before_anything_is_built():
    split = ArraySplit(np.zeros((2, 96, 96, 1), np.uint8), np.array([0, 1]))
    data = Dataset.of("made", "ab", split, split, split)
    with pytest.raises(UserError, match="needs RGB images .channels = 3., but the data have channels = 1"):
        plan(read_pipeline("mobilenetv2", ["trained.weights=imagenet"]), data)


@pytest.mark.parametrize("shape", [(4,), (4, 2), (4, 2, 3, 1)])
def test_crops_and_flips_are_for_images(shape):
    split = ArraySplit(np.zeros((2, *shape), np.float32), np.array([0, 1]))
    data = Dataset.of("made", "ab", split, split, split)
    settings = ["data.name=arrays", "data.path=there.npz", "data.augmentation.flip=true"]
    with pytest.raises(UserError, match="augmentation: crops and flips need images, but the data are arrays of 4"):
        plan(read_pipeline("tiny", settings), data)
