"""Pictures with points in them: tables, sizes, crops, and what is refused."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from compress.config import parse
from compress.datasets import DATASETS, meant_by
from compress.datasets.crowd import Crowd
from compress.datasets.kernels import Adaptive, Fixed
from compress.datasets.pictures import Crops, FittedSplit, Pictures, whole
from compress.datasets.points_folder import PointsFolder, read_points
from compress.datasets.shanghaitech import heads
from compress.errors import UserError


def picture(height, width, bright):
    image = np.zeros((height, width, 1), np.uint8)
    for row, column in bright:
        image[row, column] = 255
    return image


@pytest.fixture
def folder(tmp_path):
    """Five pictures of two sizes; a point in the middle of each bright pixel."""
    (tmp_path / "images").mkdir()
    rows = []
    for number in range(10):
        height, width = ((20, 30), (40, 24))[number % 2]
        bright = [(3 * place + 1, 5) for place in range(number % 4)]
        Image.fromarray(picture(height, width, bright)[..., 0]).save(tmp_path / "images" / f"{number}.png")
        rows += [f"{number}.png,{column},{row}" for row, column in bright]
    (tmp_path / "points.csv").write_text("\n".join(["file,x,y", *rows]))
    return tmp_path


def config(folder, **fields):
    return PointsFolder(path=str(folder), **{"size": (32, 32), "channels": 1, "kernel": Fixed(spread=1.0), **fields})


def test_a_folder_with_points_is_told_by_its_table(folder):
    assert meant_by(str(folder)) == ("points", str(folder))


def test_pictures_of_several_sizes_at_one(folder):
    """Small ones get black below and to the right, large ones become smaller, and no point is lost."""
    data = config(folder).load()
    assert data.task == "counting" and data.shape == (32, 32, 1)
    total = sum(int(split.targets.counts.sum()) for split in (data.train, data.validation, data.test))
    assert total == len((folder / "points.csv").read_text().splitlines()) - 1
    assert any("5 of 10 images are larger than 32x32" in note for note in data.notes)
    assert data.whole_test is not None and data.crops is None


def test_points_stay_on_their_bright_pixels(folder):
    data = config(folder).load()
    for split in (data.train, data.validation, data.test):
        for image, places, size in zip(split.read(np.arange(len(split))), split.targets.places,
                                       split.pictures.sizes, strict=True):  # fmt: skip
            for y, x, spread in places[places[:, 2] > 0]:
                assert image[int(y), int(x), 0] > (60 if tuple(size) == (40, 24) else 250)
                assert spread == pytest.approx(min(1.0, 32 / size[0]), rel=0.01)


def test_without_a_size_images_of_one_size_keep_theirs_up_to_sixteen(tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(6):
        Image.fromarray(picture(20, 30, [])[..., 0]).save(tmp_path / "images" / f"{number}.png")
    (tmp_path / "points.csv").write_text("file,x,y\n0.png,1,1\n1.png,2,2\n2.png,3,3\n3.png,1,1\n4.png,1,1\n5.png,2,2")
    data = config(tmp_path, size=None).load()
    assert data.shape == (32, 32, 1) and data.whole_test is None


def test_images_of_several_sizes_need_a_size(folder):
    with pytest.raises(UserError, match="images have 2 different sizes, such as 20x30 and 40x24: give the network's"):
        config(folder, size=None).load()


def test_boxes_are_taken_by_their_centres(tmp_path):
    (tmp_path / "boxes.csv").write_text("image,xmin,ymin,xmax,ymax\na.png,2,4,6,10\n")
    assert read_points(tmp_path / "boxes.csv")["a.png"].tolist() == [[7, 4]]


def test_the_middle_of_a_pixel_is_half_a_pixel_from_its_corner(tmp_path):
    (tmp_path / "points.csv").write_text("file,x,y\na.png,0,3\n")
    assert read_points(tmp_path / "points.csv")["a.png"].tolist() == [[3.5, 0.5]]


def test_splits_are_those_of_the_table_and_name_empty_images(folder):
    parts = ["train"] * 6 + ["val"] * 2 + ["test"] * 2
    (folder / "split.csv").write_text("\n".join(["file,split", *(f"{n}.png,{part}" for n, part in enumerate(parts))]))
    data = config(folder).load()
    assert [len(split) for split in (data.train, data.validation, data.test)] == [6, 2, 2]
    assert data.test.targets.counts.tolist() == [0, 1]


@pytest.mark.parametrize(("name", "text", "reason"), [
    ("points.csv", "file,x\na.png,1", "is not a table of points: the first row names the columns"),
    ("points.csv", "file,x,y\n0.png,1,one", r"row 2, column 'y': 'one' is not a number"),
    ("points.csv", "file,x,y\n0.png,1", r"row 2 has 2 cells, but the first row has 3"),
    ("points.csv", "file,x,y\nnone.png,1,1", "names none.png, which is neither in"),
    ("points.csv", "file,x,y\n0.png,400,1", "0.png, 30 pixels wide and 20 high: a point lies outside the image, near x 400, y 2"),
    ("points.csv", "file,xmin,ymin,xmax,ymax\n0.png,1,1,1,5", "row 2 is a box with zero area"),
    ("points.csv", "", "is empty"),
    ("split.csv", "file,split\n0.png,train\n0.png,test", "lists 0.png twice"),
    ("split.csv", "file,split\n0.png,some", "row 2 has the split 'some'"),
    ("split.csv", "file,split\n0.png,train", "has points for 1.png, which is in no split"),
])  # fmt: skip
def test_a_wrong_table_is_named_with_its_row(folder, name, text, reason):
    (folder / name).write_text(text)
    with pytest.raises(UserError, match=reason) as raised:
        config(folder).load()
    assert "\n" not in str(raised.value)


def test_an_unreadable_image_is_named_or_left_out(folder):
    (folder / "images" / "3.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"unreadable image .*3\.png"):
        config(folder).load()
    data = config(folder).load(skip_bad_images=True)
    assert sum(map(len, (data.train, data.validation, data.test))) == 9


def test_settings_that_contradict_each_other(folder):
    with pytest.raises(UserError, match="scales needs crop"):
        config(folder, scales=(0.8, 1.2)).load()
    with pytest.raises(UserError, match=r"scales: \[1.2, 0.8\]: the first number must be the smaller one"):
        parse(PointsFolder, {"path": str(folder), "scales": [1.2, 0.8], "crop": [16, 16]}, "[data]")


def test_a_split_without_a_point_is_told(folder):
    (folder / "points.csv").write_text("file,x,y\n0.png,3,4\n")
    (folder / "split.csv").write_text(
        "file,split\n" + "\n".join(f"{n}.png,{part}" for n, part in enumerate(["train", "validation", "test"]))
    )
    data = config(folder).load()
    assert [fault for fault in data.faults if "has no" in fault] == [
        "the validation split has no things", "the test split has no things"
    ]  # fmt: skip
    assert set(data.faults) <= set(data.notes)


def test_crops_are_drawn_by_the_generator_alone_and_hold_their_points(folder):
    data = config(folder, crop=(16, 16), scales=(0.5, 1.5)).load()
    assert data.crops.shape == (16, 16, 1)
    indices = np.arange(len(data.train))
    (images, points), (again, same) = (data.crops.draw(indices, np.random.default_rng(3)) for _ in range(2))
    assert (images == again).all() and (points.places == same.places).all()
    assert images.shape == (len(indices), 16, 16, 1) and points.frame == (16, 16)
    assert points.places.shape[1] == data.train.targets.places.shape[1]
    assert config(folder).load().fingerprint != data.fingerprint


def test_a_crop_keeps_points_on_their_pixels():
    image = picture(40, 50, [(row, column) for row in range(2, 40, 6) for column in range(2, 50, 6)])
    places = np.argwhere(image[..., 0]) + 0.5
    pictures = Pictures([image], np.array([[40, 50]]), [np.column_stack([places, np.ones(len(places))])], 1)
    for seed in range(20):
        images, points = Crops(pictures, (16, 24)).draw(np.array([0]), np.random.default_rng(seed))
        bright = np.argwhere(images[0, ..., 0]) + 0.5
        found = points.places[0][points.places[0, :, 2] > 0]
        np.testing.assert_allclose(found[:, :2], bright)


@pytest.mark.parametrize("seed", range(20))
def test_no_point_of_a_whole_picture_is_lost_through_scales(seed):
    """Points on all borders, of pictures of odd sizes: crops that are larger than the picture hold all of them."""
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(20, 200, 2))
    inner = rng.uniform(0, 1, (30, 2)) * (height, width)
    borders = [[0, 0], [height, width], [0, width], [height, 0], [height / 2, width], [height, width / 3]]
    points = np.column_stack([np.concatenate([inner, borders]), np.ones(36)])
    pictures = Pictures([np.zeros((height, width, 1), np.uint8)], np.array([[height, width]]), [points], 1)
    _, drawn = Crops(pictures, (320, 320), (0.5, 1.5)).draw(np.array([0]), rng)
    assert drawn.counts.tolist() == [36]
    assert FittedSplit(pictures, (33, 47)).targets.counts.tolist() == [36]


def test_names_with_their_folder_are_the_same_images(folder):
    rows = (folder / "points.csv").read_text().splitlines()
    plain = config(folder).load()
    (folder / "points.csv").write_text("\n".join([rows[0], *(f"images/{row}" for row in rows[1:])]))
    named = config(folder).load()
    assert named.fingerprint == plain.fingerprint


def test_hidden_files_are_passed_over_and_nearly_black_ones_said(folder):
    (folder / "images" / "._0.png").write_bytes(b"no image")
    assert len(config(folder).load().train) == 7
    for path in (folder / "images").glob("[0-9].png"):
        Image.fromarray(np.asarray(Image.open(path)) // 20).save(path)
    assert any("nearly black" in note for note in config(folder).load().notes)


def test_rows_are_numbered_as_in_the_file(folder):
    (folder / "points.csv").write_text("file,x,y\n\n0.png,1,1\n\n0.png,one,1\n")
    with pytest.raises(UserError, match="row 5, column 'x'"):
        config(folder).load()


def test_a_crop_that_is_larger_than_its_picture_is_black_around_it():
    image = picture(10, 12, [(3, 4)])
    pictures = Pictures([image], np.array([[10, 12]]), [np.array([[3.5, 4.5, 1]])], 1)
    images, points = Crops(pictures, (16, 16)).draw(np.array([0]), np.random.default_rng(0))
    assert np.argwhere(images[0, ..., 0]).tolist() == [[3, 4]]
    assert points.places[0].tolist() == [[3.5, 4.5, 1]]


def test_whole_pictures_have_sides_that_halve_four_times():
    pictures = Pictures([picture(20, 33, [(1, 1)])], np.array([[20, 33]]), [np.array([[1.5, 1.5, 1.0]])], 1)
    ((image, count),) = whole(pictures)
    assert image.shape == (32, 48, 1) and count == 1 and np.argwhere(image[..., 0]).tolist() == [[1, 1]]


def test_a_fitted_picture_is_as_predict_reads_it(tmp_path):
    from compress.datasets.images import decode

    image = np.random.default_rng(0).integers(0, 256, (50, 30, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    split = FittedSplit(Pictures([image], np.array([[50, 30]]), [np.empty((0, 3))], 3), (32, 32))
    assert (decode(tmp_path / "a.png", (32, 32), "pad") == split.read(np.array([0]))[0]).all()


def test_adaptive_kernels_by_hand():
    """From (0, 0) the others are 3, 4 and 5 away: 0.3 * 4 = 1.2."""
    corners = np.array([[0, 0], [0, 3], [4, 0], [4, 3]], float)
    np.testing.assert_allclose(Adaptive(least=0.1).spreads(corners), [1.2] * 4)
    np.testing.assert_allclose(Adaptive(least=2.0).spreads(corners), [2.0] * 4)
    assert Adaptive(most=7.0).spreads(corners[:1]).tolist() == [7.0]
    np.testing.assert_allclose(Adaptive(least=0.1).spreads(corners[:2]), [0.9, 0.9])
    assert len(Adaptive().spreads(corners[:0])) == 0


def test_the_drawn_crowd_is_the_same_everywhere():
    data = Crowd().load()
    assert [len(split) for split in (data.train, data.validation, data.test)] == [400, 80, 120]
    assert data.shape == (96, 128, 3) and data.task == "counting"
    counts = data.test.targets.counts
    assert counts.min() >= 5 and counts.max() <= 80 and np.ptp(counts) > 60
    assert counts.tolist()[:8] == [5, 60, 14, 25, 36, 31, 30, 67]
    assert int(data.test.read(np.arange(3)).sum(dtype=np.int64)) == 13_114_298


def test_a_mat_file_that_is_none_is_named(tmp_path):
    (tmp_path / "GT_IMG_1.mat").write_bytes(b"nothing")
    savemat(tmp_path / "GT_IMG_2.mat", {"other": np.zeros(3)})
    for number in (1, 2):
        with pytest.raises(UserError, match=rf"GT_IMG_{number}\.mat is not in ShanghaiTech's format"):
            heads(tmp_path / f"GT_IMG_{number}.mat")
    with pytest.raises(UserError, match="is missing"):
        heads(tmp_path / "GT_IMG_3.mat")


def test_shanghaitech_is_asked_for_by_its_part(tmp_path):
    with pytest.raises(UserError, match="folder of ShanghaiTech with part_B not found"):
        DATASETS["shanghaitech"](part="B", size=(64, 64)).load(tmp_path)


def test_more_pictures_than_memory_are_decoded_when_they_are_read(folder, monkeypatch):
    in_memory = config(folder).load()
    monkeypatch.setattr("compress.datasets.read_pictures.MEMORY_LIMIT", 100)
    monkeypatch.setattr("compress.datasets.read_pictures.BLOCK", 3)
    from_files = config(folder).load()
    rows = np.arange(len(in_memory.train))
    assert all(not isinstance(image, np.ndarray) for image in from_files.train.pictures.images)
    assert (from_files.train.read(rows) == in_memory.train.read(rows)).all()
    assert (from_files.train.targets.places == in_memory.train.targets.places).all()
    (folder / "images" / from_files.train.pictures.images[0].name).write_bytes(b"gone")
    with pytest.raises(UserError, match="could be read before and cannot be read now"):
        from_files.train.read(rows[:1])
