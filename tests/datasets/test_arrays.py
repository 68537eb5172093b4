import numpy as np
import pytest

from compress.datasets import in_memory
from compress.datasets.arrays import Arrays
from compress.errors import UserError

RNG = np.random.default_rng(0)


def vectors(count, start=0):
    """Of 4 numbers each, different ones; three classes."""
    return np.arange(start, start + 4 * count).reshape(count, 4) / 8, np.arange(count) % 3


def parts(**changes):
    """The arrays of an .npz, some of them changed or left out (None)."""
    (x, y), (x_test, y_test) = vectors(30), vectors(6, 1000)
    given = {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test, **changes}
    return {name: value for name, value in given.items() if value is not None}


@pytest.fixture
def load(tmp_path):
    """Saves the arrays and loads them as a data set."""

    def load(fields=None, **changes):
        np.savez(tmp_path / "data.npz", **parts(**changes))
        return Arrays(path=str(tmp_path / "data.npz"), **(fields or {})).load()

    return load


def all_of(split):
    return split.read(np.arange(len(split)))


def sizes(dataset):
    return [len(split) for split in (dataset.train, dataset.validation, dataset.test)]


def test_floats_are_read_as_they_are(load):
    dataset = load()
    assert (dataset.shape, dataset.label_names, sizes(dataset)) == ((4,), ("0", "1", "2"), [27, 3, 6])
    test = all_of(dataset.test)
    assert test.dtype == np.float32
    assert test.tolist() == vectors(6, 1000)[0].tolist()
    assert dataset.test.targets.labels.tolist() == [0, 1, 2, 0, 1, 2]
    together = np.concatenate([all_of(dataset.train), all_of(dataset.validation)])
    assert sorted(together.tolist()) == vectors(30)[0].tolist()
    assert dataset.notes == (
        "arrays of 4, numbers from 0 to 14.875: networks read them as they are",
        "no x_validation: a seeded 10% split of x_train (3 examples)",
    )


@pytest.mark.parametrize("kind", ["int64", "int8", "float16", "float64", "bool", "uint16"])
def test_every_type_but_bytes_becomes_float32(load, kind):
    x = np.tile([[0, 1, 1], [1, 0, 1]], (15, 1)).astype(kind)
    dataset = load(x_train=x, x_test=x[:6])
    assert all_of(dataset.test).dtype == np.float32
    assert all_of(dataset.test)[:2].tolist() == [[0, 1, 1], [1, 0, 1]]


def test_bytes_stay_bytes(load):
    x = RNG.integers(0, 256, (36, 5, 7), np.uint8)
    dataset = load(x_train=x[:30], x_test=x[30:])
    assert dataset.shape == (5, 7, 1)
    assert all_of(dataset.test).dtype == np.uint8
    assert (all_of(dataset.test)[..., 0] == x[30:]).all()


@pytest.mark.parametrize("shape", [(3,), (6, 2), (6, 2, 5), (4, 4, 4, 2)])
def test_any_shape_of_floats(load, shape):
    x = RNG.normal(size=(36, *shape))
    dataset = load(x_train=x[:30], x_test=x[30:])
    assert dataset.shape == shape
    np.testing.assert_array_equal(all_of(dataset.test), x[30:].astype("float32"))


def test_images_of_many_channels_are_resized_channel_by_channel(load):
    x = RNG.integers(0, 256, (36, 8, 8, 5), np.uint8)
    wide = load({"size": [8, 16]}, x_train=x[:30], x_test=x[30:])
    assert wide.shape == (8, 16, 5)
    alone = load({"size": [8, 16]}, x_train=x[:30, ..., 3], x_test=x[30:, ..., 3])
    assert (all_of(wide.test)[..., 3:4] == all_of(alone.test)).all()
    assert load(x_train=x[:30], x_test=x[30:]).shape == (8, 8, 5)


def test_images_of_two_sizes_get_one(load):
    big, small = (RNG.integers(0, 256, (count, side, side, 3), np.uint8) for count, side in ((30, 16), (6, 12)))
    assert load({"size": 12}, x_train=big, x_test=small).shape == (12, 12, 3)
    with pytest.raises(UserError, match=r"x_test has examples of shape \(12, 12, 3\), but x_train of .*: give a size"):
        load(x_train=big, x_test=small)


def test_no_test_is_a_fifth_of_train(load):
    dataset = load(x_test=None, y_test=None)
    assert sizes(dataset) == [21, 3, 6]
    assert "no x_test: a seeded 20% split of x_train (6 examples)" in dataset.notes
    assert np.bincount(dataset.test.targets.labels).tolist() == [2, 2, 2]


@pytest.mark.parametrize("spelling", ["val", "validation", "valid"])
def test_validation_by_any_name(load, spelling):
    x, y = vectors(9, 5000)
    dataset = load(**{f"x_{spelling}": x, f"y_{spelling}": y})
    assert sizes(dataset) == [30, 9, 6]
    assert all_of(dataset.validation).tolist() == x.tolist()


def test_a_folder_of_npy_is_the_same(load, tmp_path):
    (tmp_path / "my data").mkdir()
    for name, value in parts().items():
        np.save(tmp_path / "my data" / f"{name.capitalize()}.npy", value)
    folder = Arrays(path="my data").load(tmp_path)
    assert folder.fingerprint == load().fingerprint


def test_in_memory_is_the_same(load):
    given = parts()
    x, before = given["x_train"], given["x_train"].copy()
    dataset = in_memory((x, given["y_train"].tolist()), (given["x_test"].tolist(), given["y_test"]))
    assert dataset.fingerprint == load().fingerprint
    assert (x == before).all()


def test_labels_in_other_forms(load):
    wanted = load()
    y, y_test = vectors(30)[1], vectors(6)[1]
    for change in (
        lambda y: np.eye(3)[y],
        lambda y: y[:, None],
        lambda y: y.astype("float32"),
        lambda y: np.eye(3, dtype=bool)[y],
    ):
        assert load(y_train=change(y), y_test=change(y_test)).fingerprint == wanted.fingerprint


def test_words_as_labels(load):
    words = np.array(["cow", "cat", "dog"])
    dataset = load(y_train=words[vectors(30)[1]], y_test=words[vectors(6)[1]])
    assert dataset.label_names == ("cat", "cow", "dog")
    assert dataset.test.targets.labels.tolist() == [1, 0, 2, 1, 0, 2]
    other = load({"classes": ("dog", "cat", "cow", "hen")}, y_train=words[vectors(30)[1]], y_test=words[vectors(6)[1]])
    assert other.label_names == ("dog", "cat", "cow", "hen")
    assert other.test.targets.labels.tolist() == [2, 1, 0, 2, 1, 0]
    objects = words[vectors(30)[1]].astype(object)  # as pandas has them
    assert in_memory((vectors(30)[0], objects)).label_names == ("cat", "cow", "dog")


def test_class_names(load):
    assert load({"classes": ("a", "b", "c")}).label_names == ("a", "b", "c")
    assert load({"classes": ("a", "b", "c", "unseen")}).label_names == ("a", "b", "c", "unseen")
    assert load({"classes": ("a", "b", "c")}).fingerprint != load().fingerprint


def test_the_fingerprint_knows_values_and_their_type(load):
    x = np.tile([[0, 1, 1], [1, 0, 1]], (15, 1))
    found = {
        load(x_train=kind(x), x_test=kind(x[:6])).fingerprint for kind in (np.uint8, np.float32, lambda x: x + 0.5)
    }
    assert len(found) == 3


def test_pixels_in_floats_are_noticed(load):
    x = RNG.integers(0, 256, (36, 5)).astype("float64")
    assert load(x_train=x[:30], x_test=x[30:]).notes[0].endswith("save them as uint8 and networks read value / 255")


X, Y = vectors(30)
WRONG = {
    "no labels": ({"y_train": None}, r"has no y_train \(it has x_test, x_train, y_test\); save it by np.savez"),
    "no test labels": ({"y_test": None}, "has no y_test"),
    "nothing": (
        dict.fromkeys(("x_train", "y_train", "x_test", "y_test")),
        r"has no x_train and no y_train \(it has no",
    ),
    "two validations": ({"x_val": X, "y_val": Y, "x_valid": X, "y_valid": Y}, "both x_val and x_valid: keep only one"),
    "too few labels": ({"y_train": Y[:29]}, "x_train has 30 examples, but y_train has 29 labels"),
    "nan": ({"x_train": np.where(X == 4.5, np.nan, X)}, "contains NaN or infinity, first in example 9"),
    "too large for float32": ({"x_train": X * 1e300}, "contains NaN or infinity"),
    "negative": ({"y_train": Y - 1}, "y_train has negative labels .the lowest is -1"),
    "nan labels": ({"y_train": np.where(Y == 1, np.nan, Y)}, "y_train contains NaN or infinity"),
    "other columns": (
        {"y_train": np.eye(3)[Y] + 0.5, "y_test": np.zeros((6, 2)) + 0.5},
        "y_test has 2 columns, but y_train has 3",
    ),
    "sets and numbers": (
        {"y_train": np.ones((30, 3)), "y_test": np.eye(3)[[0, 1, 2, 0, 1, 2]] * 2},
        "0 and 1, one column per class",
    ),
    "from 1": ({"y_train": Y + 1}, "labels up to 3 but no example of class 0: number the classes from 0"),
    "from 1, test": ({"y_test": np.arange(6) % 3 + 1}, "labels up to 3 but no example of class 3"),
    "a gap": ({"y_train": Y * 2}, "labels up to 4 but no example of class 1 and of 1 more"),
    "one class": ({"y_train": 0 * Y, "y_test": np.zeros(6)}, "y_train has only one class, 0"),
    "words in one": ({"y_train": np.array(["cat", "dog", "cow"] * 10)}, "y_train contains str.*, not numbers"),
    "another word": (
        {"y_train": np.array(["cat", "dog", "cow"] * 10), "y_test": np.array(["cat", "dog", "hen"] * 2)},
        "y_test has the class 'hen', which does not occur in y_train",
    ),
    "one word": ({"y_train": np.array(["cat"] * 30), "y_test": np.array(["cat"] * 6)}, "only one class, cat"),
    "three axes of labels": ({"y_train": np.zeros((30, 1, 2))}, "expected"),
    "empty": ({"x_train": X[:0], "y_train": Y[:0]}, "x_train is empty"),
    "one number": ({"x_train": X[:, 0]}, r"\(30,\): expected \(n, ...\)"),
    "complex": ({"x_train": X * 1j}, "contains complex128, not numbers"),
    "text": ({"x_train": X.astype(str)}, "not numbers"),
    "objects": ({"x_train": np.array([[1], [1, 2]] * 15, object)}, "cannot be read .*it holds Python objects"),
    "other types": ({"x_test": np.zeros((6, 4), np.uint8)}, "x_train is float32, but x_test is uint8"),
    "other shapes": ({"x_test": np.zeros((6, 5))}, r"x_test has examples of shape \(5,\), but x_train of \(4,\)$"),
    "channels first": (
        {"x_train": np.zeros((30, 3, 8, 8), np.uint8)},
        r"channels first: give .*transpose\(0, 2, 3, 1\)",
    ),
}


@pytest.mark.parametrize(("changes", "match"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_one_line(load, changes, match):
    with pytest.raises(UserError, match=match) as error:
        load(**changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"size": 8}, "size and channels need uint8 images"),
        ({"channels": 1}, "size and channels need uint8 images"),
        ({"classes": ("a", "b")}, "y_train has the label 2, but classes has 2 names, for the labels 0 to 1"),
        ({"classes": ("a", "b", "a")}, "contains the same name twice"),
    ],
)
def test_settings_that_do_not_fit(load, fields, match):
    with pytest.raises(UserError, match=match):
        load(fields)


def test_files_that_are_no_arrays(tmp_path):
    with pytest.raises(UserError, match="file or folder not found: .*nothing.npz or .*nothing.npz"):
        Arrays(path="nothing.npz").load(tmp_path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "cut.npz", **parts())
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:-30])
    for name in ("one.npy", "text.npz", "cut.npz"):
        with pytest.raises(UserError, match="cannot be read as arrays of numbers") as error:
            Arrays(path=str(tmp_path / name)).load()
        assert "\n" not in str(error.value)


def test_lists_of_several_lengths():
    with pytest.raises(UserError, match="x_train cannot be read as an array: .*inhomogeneous"):
        in_memory(([[1, 2], [3]], [0, 1]))


def test_whole_numbers_are_classes_and_all_others_numbers(load):
    assert load().task == "classification"
    found = load(y_train=Y * 0.5, y_test=np.arange(6.0))
    assert (found.task, found.label_names) == ("regression", ("number",))
    assert found.train.targets.values.dtype == np.float32
    assert found.test.targets.values.tolist() == [[0], [1], [2], [3], [4], [5]]
    assert any("y contains numbers, so the task is regression" in note for note in found.notes)
    two = load(y_train=np.stack([Y * 0.5, Y + 10.0], 1), y_test=np.ones((6, 2)))
    assert two.label_names == ("number 1", "number 2")


def test_columns_of_0_and_1_are_several_classes_unless_each_row_has_one(load):
    sets = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1]] * 10)
    found = load(y_train=sets, y_test=sets[:6])
    assert (found.task, found.label_names) == ("multi_label", ("0", "1", "2"))
    assert found.test.targets.present.tolist() == sets[:6].tolist()
    assert load(y_train=np.eye(3)[Y], y_test=np.eye(3)[[0, 1, 2, 0, 1, 2]]).task == "classification"


def test_what_targets_are_may_be_named(load):
    ages = load({"targets": "numbers", "classes": ("age",)})
    assert (ages.task, ages.label_names) == ("regression", ("age",))
    one_each = load({"targets": "class_sets"}, y_train=np.eye(3)[Y], y_test=np.eye(3)[[0, 1, 2, 0, 1, 2]])
    assert one_each.task == "multi_label"
