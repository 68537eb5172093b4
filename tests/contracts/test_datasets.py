"""What every registered data set keeps. A new one adds its line to SOURCES."""

import io
import itertools
import json
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from scipy.io import savemat

from compress.cli.data import open_data
from compress.config import config, required
from compress.datasets import DATASETS, Augmentation, Dataset, DatasetConfig
from compress.datasets.pictures import FittedSplit
from compress.errors import UserError
from compress.tasks import TASKS


def cifar_archive(path: Path, parts: dict[str, int], meta: str, label_key: bytes, names_key: bytes, classes: int):
    """A small archive in the official layout: ``parts`` are its batches and how many images each has."""
    contents = {meta: {names_key: [b"class %d" % label for label in range(classes)]}}
    rng = np.random.default_rng(0)
    for part, count in parts.items():
        data = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
        contents[part] = {b"data": data, label_key: [number % classes for number in range(count)]}
    with tarfile.open(path, "w") as archive:
        for name, content in contents.items():
            pickled = pickle.dumps(content, protocol=2)
            entry = tarfile.TarInfo(f"{path.stem}/{name}")
            entry.size = len(pickled)
            archive.addfile(entry, io.BytesIO(pickled))


def digits(folder: Path):
    return {}


def cifar10(folder: Path):
    parts = {**{f"data_batch_{number}": 20 for number in range(1, 6)}, "test_batch": 20}
    cifar_archive(folder / "cifar-10-batches-py.tar", parts, "batches.meta", b"labels", b"label_names", 10)
    return {}


def cifar100(folder: Path):
    parts = {"train": 300, "test": 100}
    cifar_archive(folder / "cifar-100-python.tar", parts, "meta", b"fine_labels", b"fine_label_names", 100)
    return {}


def image_folder(folder: Path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 20), ("test", 3)):
        for label in ("cat", "dog"):
            (folder / part / label).mkdir(parents=True)
            for number in range(count):
                image = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
                image.save(folder / part / label / f"{number}.png")
    return {"path": str(folder)}


def arrays(folder: Path):
    rng = np.random.default_rng(0)
    parts = {
        f"{letter}_{part}": rng.integers(0, 256, (count, 8, 8, 3), np.uint8) if letter == "x" else np.arange(count) % 3
        for part, count in (("train", 40), ("test", 6))
        for letter in "xy"
    }
    np.savez(folder / "data.npz", **parts)
    return {"path": str(folder / "data.npz")}


def csv(folder: Path):
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    rows = ["file,cat,dog"]
    for number in range(40):
        image = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        image.save(folder / "images" / f"{number}.png")
        rows.append(f"{number}.png,{number % 2},{number % 3 % 2}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return {"path": str(folder)}


def points(folder: Path):
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    rows = ["file,x,y"]
    for number in range(40):
        image = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        image.save(folder / "images" / f"{number}.png")
        rows += [f"{number}.png,{x:.2f},{y:.2f}" for x, y in rng.uniform(0, 7, (number % 5, 2))]
    (folder / "points.csv").write_text("\n".join(rows))
    return {"path": str(folder)}


def shanghaitech(folder: Path):
    """In the layout of the real one, with the nesting that its .mat files have."""
    rng = np.random.default_rng(0)
    for part, count in (("train_data", 40), ("test_data", 6)):
        inside = folder / "ShanghaiTech" / "part_A" / part
        (inside / "images").mkdir(parents=True)
        (inside / "ground-truth").mkdir()
        for number in range(1, count + 1):
            image = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            image.save(inside / "images" / f"IMG_{number}.jpg")
            heads = np.zeros((1, 1), [("location", "O"), ("number", "O")])
            heads[0, 0] = (rng.uniform(0, 8, (number % 5 + 1, 2)), np.array([[number % 5 + 1]]))
            info = np.empty((1, 1), object)
            info[0, 0] = heads
            savemat(inside / "ground-truth" / f"GT_IMG_{number}.mat", {"image_info": info})
    return {}


def noise(path: Path, count: int) -> list[str]:
    """Images of noise, and their names without the ending."""
    rng = np.random.default_rng(0)
    path.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(path / f"{number}.png")
    return [str(number) for number in range(count)]


def voc(folder: Path):
    (folder / "Annotations").mkdir()
    for name in noise(folder / "JPEGImages", 40):
        box = "<bndbox><xmin>2</xmin><ymin>1</ymin><xmax>6</xmax><ymax>7</ymax></bndbox>"
        thing = f"<object><name>{'cat' if int(name) % 2 else 'dog'}</name>{box}</object>"
        (folder / "Annotations" / f"{name}.xml").write_text(f"<annotation>{thing}</annotation>")
    return {"path": str(folder)}


def coco(folder: Path):
    names = noise(folder / "images", 40)
    table = {
        "images": [{"id": int(name), "file_name": f"{name}.png"} for name in names],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [{"image_id": int(n), "category_id": 1 + int(n) % 2, "bbox": [1, 1, 4, 5]} for n in names],
    }
    (folder / "instances.json").write_text(json.dumps(table))
    return {"path": str(folder)}


def yolo(folder: Path):
    (folder / "labels").mkdir()
    (folder / "classes.txt").write_text("cat\ndog\n")
    for name in noise(folder / "images", 40):
        (folder / "labels" / f"{name}.txt").write_text(f"{int(name) % 2} 0.5 0.5 0.5 0.5")
    return {"path": str(folder)}


# Each makes a small source in a folder and gives the fields that its config then needs.
SOURCES = {
    "digits": digits,
    "digit_pairs": digits,
    "turned_digits": digits,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "folder": image_folder,
    "arrays": arrays,
    "csv": csv,
    "crowd": digits,
    "points": points,
    "shanghaitech": shanghaitech,
    "shapes": digits,
    "voc": voc,
    "coco": coco,
    "yolo": yolo,
}
PATHS = {
    "folder": "",
    "arrays": "data.npz",
    "csv": "",
    "points": "",
    "voc": "",
    "coco": "",
    "yolo": "",
}  # of those that a path opens, in that folder
PARTS = ("train", "validation", "test")


@pytest.fixture(scope="module", params=sorted(DATASETS))
def source(request, tmp_path_factory):
    """The name of a data set, its source's folder, and a function that loads it afresh with other fields."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    needed = SOURCES[name](folder)

    def load(**fields) -> Dataset:
        return DATASETS[name](**{"size": 8, **needed, **fields}).load(folder)

    return name, folder, load


@pytest.fixture(scope="module")
def dataset(source):
    return source[2]()


def read_all(split):
    return split.read(np.arange(len(split)))


def test_every_data_set_has_a_source_here():
    assert SOURCES.keys() == DATASETS.keys()


def test_name_and_class_names(source, dataset):
    assert dataset.name == source[0]
    assert isinstance(dataset.label_names, tuple)
    assert (
        len(set(dataset.label_names))
        == len(dataset.label_names)
        >= 1 + (dataset.task not in ("regression", "counting"))
    )
    assert dataset.task in TASKS
    assert all(isinstance(name, str) and name for name in dataset.label_names)
    assert all(isinstance(note, str) and "\n" not in note for note in dataset.notes)


@pytest.mark.parametrize("size", [8, 20])
def test_images_are_uint8_at_the_model_size(source, size):
    dataset = source[2](size=size)
    for part in PARTS:
        images = read_all(getattr(dataset, part))
        assert images.dtype == np.uint8
        assert images.shape == (len(getattr(dataset, part)), size, size, 3)
        assert images.max() > 150 and images.min() < 100  # bytes, not fractions


def test_the_shape_is_that_of_what_is_read(source):
    for size, shape in ((8, (8, 8)), ((10, 12), (10, 12))):
        for channels in (1, 3):
            dataset = source[2](size=size, channels=channels)
            assert dataset.shape == (*shape, channels)
            for part in PARTS:
                split = getattr(dataset, part)
                images = split.read(np.array([1, 0]))
                assert split.shape == dataset.shape == images.shape[1:]
                assert images.dtype == np.uint8
                assert images.max() > 50  # bytes, not fractions


def test_grey_is_the_luma_of_the_colours(source):
    colours, grey = (source[2](channels=channels).test.read(np.arange(2)) for channels in (3, 1))
    luma = colours @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert np.abs(grey[..., 0] - luma).max() <= 1  # resized before or after


def test_targets_are_those_of_the_task(dataset):
    TASKS[dataset.task]().fitted(dataset)
    count = len(dataset.label_names)
    for part in PARTS:
        split = getattr(dataset, part)
        rows = next(iter(split.targets.arrays().values()))
        assert len(rows) == len(split.targets) == len(split)
        if dataset.task == "detection":
            classes = split.targets.arrays()["classes"]
            assert classes.min() >= -1 and classes.max() < count and (classes >= 0).any()
            continue
        if dataset.task == "counting":
            assert rows.dtype == np.float32 and rows.shape == (len(split),) and (rows == np.rint(rows)).all()
            assert np.ptp(rows) > 0
            continue
        if dataset.task == "classification":
            assert rows.dtype == np.int64 and 0 <= rows.min() <= rows.max() < count
        else:
            assert rows.dtype == np.float32 and rows.shape == (len(split), count)
        if part == "train":
            assert len(np.unique(rows)) == count if rows.ndim == 1 else (np.ptp(rows, axis=0) > 0).all()


def test_no_image_is_in_two_splits(dataset):
    splits = [{image.tobytes() for image in read_all(getattr(dataset, part))} for part in PARTS]
    assert all(one.isdisjoint(other) for one, other in itertools.combinations(splits, 2))


def test_read_follows_the_indices(dataset):
    for part in PARTS:
        split = getattr(dataset, part)
        indices = np.array([1, 0, len(split) - 1, 1])
        assert (split.read(indices) == read_all(split)[indices]).all()
        assert split.read(np.array([], np.int64)).shape == (0, 8, 8, 3)


def test_loading_twice_gives_the_same(source, dataset):
    again = source[2]()
    assert again.fingerprint == dataset.fingerprint
    for part in PARTS:
        assert (read_all(getattr(again, part)) == read_all(getattr(dataset, part))).all()
        assert getattr(again, part).targets.digest() == getattr(dataset, part).targets.digest()


def test_the_fingerprint_is_a_sha256_that_knows_the_size(source, dataset):
    assert len(bytes.fromhex(dataset.fingerprint)) == 32
    others = [source[2](**other).fingerprint for other in ({"size": 9}, {"size": (8, 9)}, {"channels": 1})]
    assert len({dataset.fingerprint, *others}) == 4
    assert source[2](size=(8, 8), channels=3).fingerprint == dataset.fingerprint


def test_the_fingerprint_changes_with_one_pixel(dataset):
    def fingerprint(train):
        return Dataset.of(dataset.name, dataset.label_names, train, dataset.validation, dataset.test).fingerprint

    assert fingerprint(dataset.train) == dataset.fingerprint
    assert fingerprint(with_one_other_pixel(dataset.train)) != dataset.fingerprint


def with_one_other_pixel(split):
    if isinstance(split, FittedSplit):
        images = [*split.pictures.images[:-1], split.pictures.images[-1].copy()]
        images[-1][-1, -1, -1] ^= 1
        return replace(split, pictures=replace(split.pictures, images=images))
    images = split.images.copy()
    images[-1, -1, -1, -1] ^= 1
    return type(split)(images, split.targets, 8)


def test_augmentation_is_no_part_of_the_data(source, dataset):
    augmented = source[2](augmentation=Augmentation(crop_padding=4, flip=True))
    assert augmented.fingerprint == dataset.fingerprint
    assert (read_all(augmented.train) == read_all(dataset.train)).all()


def test_the_test_split_is_the_same_whatever_else_is_set(source, dataset):
    if "train_images" in DATASETS[source[0]].__dataclass_fields__:
        other = source[2](train_images=len(dataset.label_names))
        assert len(other.train) == len(dataset.label_names)
    else:
        other = source[2](augmentation=Augmentation(flip=True))
    assert (read_all(other.test) == read_all(dataset.test)).all()
    assert other.test.targets.digest() == dataset.test.targets.digest()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"size": size} for size in (7, "32", 32.0, True, [8], [8, 7], [8, 8, 3], [8, 9.0])),
        *({"channels": channels} for channels in (2, "1", 4)),
        {"colour": "red"},
        {"name": "other"},
    ],
)
def test_the_config_is_strict(source, wrong):
    with pytest.raises(ValidationError):
        source[2](**wrong)


MODEL = ([Path("model.tflite")], (8, 8, 3), None)  # where it is, what it reads, and what --size says


def test_data_may_be_a_name_or_a_path(source, dataset):
    """What ``--data`` of ``evaluate`` and ``compare`` opens for a model of 8x8 RGB images."""
    name, folder, _ = source
    opened = open_data(str(folder / PATHS[name]) if name in PATHS else name, *MODEL, folder, False, print)
    assert opened.name == name
    assert opened.fingerprint == dataset.fingerprint


def refusal(name, folder):
    with pytest.raises(UserError) as error:
        open_data(name, *MODEL, folder, False, print)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_a_name_alone_opens_the_data_or_says_what_they_need(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if required(DATASETS[name]):
        assert refusal(name, tmp_path) == f"data set '{name}' needs a path: give --data PATH"
    elif SOURCES[name] is not digits:  # which needs no files
        assert str(tmp_path) in refusal(name, tmp_path)


def test_what_no_option_can_give_is_said(tmp_path, monkeypatch):
    @config
    class Scans(DatasetConfig):
        ward: str
        bed: int
        path: str = "scans"

    assert required(Scans) == ["ward", "bed"]
    monkeypatch.setitem(DATASETS, "scans", Scans)
    assert refusal("scans", tmp_path) == "data set 'scans' needs ward, bed, which only a pipeline file can give"


def test_a_name_that_is_not_there_gets_the_nearest_that_a_name_opens(tmp_path):
    assert "did you mean cifar10" in refusal("cifar11", tmp_path)
    assert "folder" not in refusal("fold", tmp_path)
