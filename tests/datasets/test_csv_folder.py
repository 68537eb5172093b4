"""A folder with images/ and labels.csv: what its columns mean, and what is wrong in one line."""

import numpy as np
import pytest
from PIL import Image

from compress.datasets import meant_by
from compress.datasets.csv_folder import CsvFolder
from compress.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """Writes twelve images and the table; loads it with other fields."""
    (tmp_path / "images").mkdir()
    for number in range(12):
        pixels = np.full((8, 8, 3), 20 * number, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")

    def load(*lines, **fields):
        (tmp_path / "labels.csv").write_text("\n".join(lines))
        return CsvFolder(path=str(tmp_path), size=8, **fields).load()

    return load


def rows(value):
    return [f"{number}.png,{value(number)}" for number in range(12)]


def by_file(dataset):
    """Brightness / 20, which is the file's number -> its row of targets."""
    found = {}
    for split in (dataset.train, dataset.validation, dataset.test):
        (values,) = split.targets.arrays().values()
        for image, row in zip(split.read(np.arange(len(split))), values, strict=True):
            found[int(image[0, 0, 0]) // 20] = row.tolist()
    return found


def test_columns_of_0_and_1_are_classes(folder):
    dataset = folder("file,cat,dog", *rows(lambda n: f"{n % 2},{int(n > 5)}"))
    assert (dataset.task, dataset.label_names) == ("multi_label", ("cat", "dog"))
    assert by_file(dataset) == {n: [n % 2, int(n > 5)] for n in range(12)}
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [9, 1, 2]


def test_one_column_of_names_is_several_classes(folder):
    dataset = folder("file,labels", *rows(lambda n: ["", "b", "a|b", " c | a "][n % 4]))
    assert dataset.label_names == ("a", "b", "c")
    assert by_file(dataset) == {n: [[0, 0, 0], [0, 1, 0], [1, 1, 0], [1, 0, 1]][n % 4] for n in range(12)}


def test_other_numbers_are_numbers(folder):
    dataset = folder("file,age,weight", *rows(lambda n: f"{n},{n / 4}"))
    assert (dataset.task, dataset.label_names) == ("regression", ("age", "weight"))
    assert by_file(dataset) == {n: [n, n / 4] for n in range(12)}


def test_what_columns_of_0_and_1_are_may_be_named(folder):
    assert folder("file,full", *rows(lambda n: n % 2), targets="numbers").task == "regression"
    assert folder("file,full", *rows(lambda n: n % 2)).task == "multi_label"


def test_a_column_says_which_split_a_row_is_of(folder):
    parts = ["train"] * 8 + ["val"] * 2 + ["test"] * 2
    dataset = folder("file,age,split", *[f"{n}.png,{n},{part}" for n, part in enumerate(parts)])
    assert dataset.label_names == ("age",)
    assert dataset.test.targets.values.tolist() == [[10], [11]]
    assert dataset.validation.targets.values.tolist() == [[8], [9]]


def test_a_path_alone_is_known(folder, tmp_path):
    folder("file,age", *rows(lambda n: n))
    assert meant_by(str(tmp_path)) == ("csv", str(tmp_path))


@pytest.mark.parametrize(("lines", "match"), [
    (["name,a", *rows(lambda n: n)], "labels.csv is not a table of labels: the first row names the columns"),
    (["file,a"], "is not a table of labels"),
    (["file,a,a", *rows(lambda n: "1,2")], "two columns have the name 'a'"),
    (["file,a", *rows(lambda n: n), "0.png,3"], "lists 0.png twice"),
    (["file,a", "0.png,1,2"], "row 2 has 3 cells, but the first row has 2"),
    (["file,a", "99.png,1"], "row 2 names 99.png, which is neither in .*images nor in"),
    (["file,a,b", *rows(lambda n: "1,x" if n == 3 else "2,2")], "row 5, column 'b': 'x' is not a number"),
    (["file,a", *rows(lambda n: "nan")], "has only one class, nan"),
    (["file,a,b", *rows(lambda n: "1,0")], "no image has the class 'b'"),
    (["file,split", *rows(lambda n: "train")], "has no column with labels"),
    (["file,a,split", *rows(lambda n: f"{n},dev")], "row 2 has the split 'dev'"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(folder, lines, match):
    with pytest.raises(UserError, match=match) as error:
        folder(*lines)
    assert "\n" not in str(error.value)


def test_an_unreadable_image_is_named_or_left_out(folder, tmp_path):
    lines = ["file,age", *rows(lambda n: n)]
    folder(*lines)
    (tmp_path / "images" / "3.png").write_text("none")
    with pytest.raises(UserError, match=r"unreadable image .*3\.png"):
        folder(*lines)
    dataset = CsvFolder(path=str(tmp_path), size=8).load(skip_bad_images=True)
    assert by_file(dataset) == {n: [n] for n in range(12) if n != 3}
    assert any("left out 1 unreadable image" in note for note in dataset.notes)
