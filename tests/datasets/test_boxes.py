"""Boxes of VOC, COCO and YOLO: the same pictures in each layout, what is wrong with boxes, and boxes that move."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from compress.config import parse
from compress.datasets import DATASETS, Augmentation, meant_by
from compress.errors import UserError
from compress.metrics.detection import COUNTS, CROWD, DIFFICULT
from compress.targets import Boxes, Geometry, Targets

SIZE = (48, 64)  # height, width
# of two pictures: name, (xmin, ymin, xmax, ymax) in pixels from the corner, class
THINGS = {
    "a": [("cat", (4, 8, 20, 40), 0), ("dog", (32, 0, 64, 16), 0)],
    "b": [("dog", (10, 10, 30, 30), 0)],
}


def pictures(folder, count=12):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = [*THINGS, *(f"empty{number}" for number in range(count - len(THINGS)))]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(folder / f"{name}.png")
    return names


def voc_xml(name, things, size=SIZE, file=None):
    objects = "".join(
        f"<object><name>{kind}</name><difficult>{difficult}</difficult><bndbox><xmin>{x0 + 1}</xmin>"
        f"<ymin>{y0 + 1}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for kind, (x0, y0, x1, y1), difficult in things
    )
    return (
        f"<annotation><filename>{file or name}.png</filename><size><width>{size[1]}</width><height>{size[0]}</height>"
        f"</size>{objects}</annotation>"
    )


@pytest.fixture
def voc(tmp_path):
    names = pictures(tmp_path / "JPEGImages")
    (tmp_path / "Annotations").mkdir()
    for name in names:
        (tmp_path / "Annotations" / f"{name}.xml").write_text(voc_xml(name, THINGS.get(name, [])))
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("\n".join(names[:8]))
    (lists / "val.txt").write_text("\n".join(names[8:10]))
    (lists / "test.txt").write_text("\n".join(names[10:]))
    return tmp_path


@pytest.fixture
def coco(tmp_path):
    names = pictures(tmp_path / "images")
    categories = [{"id": 7, "name": "cat"}, {"id": 9, "name": "dog"}]
    numbers = {each["name"]: each["id"] for each in categories}
    images = [{"id": i, "file_name": f"{n}.png", "height": SIZE[0], "width": SIZE[1]} for i, n in enumerate(names)]
    annotations = [
        {"id": 1, "image_id": names.index(name), "category_id": numbers[kind], "iscrowd": 0,
         "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for name, things in THINGS.items()
        for kind, (x0, y0, x1, y1), _ in things
    ]  # fmt: skip
    table = {"images": images, "categories": categories, "annotations": annotations}
    (tmp_path / "instances.json").write_text(json.dumps(table))
    return tmp_path


@pytest.fixture
def yolo(tmp_path):
    names = pictures(tmp_path / "images" / "train")
    labels = tmp_path / "labels" / "train"
    labels.mkdir(parents=True)
    (tmp_path / "data.yaml").write_text("names:\n  0: cat\n  1: dog\n")
    height, width = SIZE
    for name in names:
        lines = [
            f"{['cat', 'dog'].index(kind)} {(x0 + x1) / 2 / width} {(y0 + y1) / 2 / height} {(x1 - x0) / width} "
            f"{(y1 - y0) / height}"
            for kind, (x0, y0, x1, y1), _ in THINGS.get(name, [])
        ]
        (labels / f"{name}.txt").write_text("\n".join(lines))
    return tmp_path


def load(layout, folder, skip=False, **settings):
    return DATASETS[layout](path=str(folder), size=SIZE, **settings).load(skip_bad_images=skip)


def boxes_of(dataset):
    """All boxes, as rows, sorted."""
    splits = (dataset.train, dataset.validation, dataset.test)
    rows = np.concatenate([split.targets.rows[split.targets.rows[..., 4] >= 0] for split in splits])
    return sorted(rows.round(3).tolist())


EXPECTED = sorted(
    [float(side) for side in (y0, x0, y1, x1, ["cat", "dog"].index(kind), COUNTS)]
    for things in THINGS.values()
    for kind, (x0, y0, x1, y1), _ in things
)


@pytest.mark.parametrize("layout", ["voc", "coco", "yolo"])
def test_the_same_boxes_come_out_of_every_layout(layout, request):
    folder = request.getfixturevalue(layout)
    assert meant_by(str(folder)) == (layout, str(folder))
    dataset = load(layout, folder)
    assert dataset.label_names == ("cat", "dog") and dataset.task == "detection"
    assert boxes_of(dataset) == EXPECTED


def test_splits_of_voc_are_its_lists_and_trainval_stands_in_for_train(voc):
    dataset = load("voc", voc)
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [8, 2, 2]
    lists = voc / "ImageSets" / "Main"
    (lists / "trainval.txt").write_text((lists / "train.txt").read_text() + "\n" + (lists / "val.txt").read_text())
    (lists / "train.txt").unlink()
    assert load("voc", voc).fingerprint == dataset.fingerprint
    shutil.rmtree(voc / "ImageSets")
    held_out = load("voc", voc)
    assert "a seeded 20% split" in " ".join(held_out.notes)
    assert sum(len(split) for split in (held_out.train, held_out.validation, held_out.test)) == 12


def test_without_a_list_for_train_nothing_of_the_others_is_trained_on(voc):
    lists = voc / "ImageSets" / "Main"
    (lists / "train.txt").unlink()
    (voc / "Annotations" / "empty3.xml").unlink()
    dataset = load("voc", voc)
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [7, 2, 2]
    notes = " | ".join(dataset.notes)
    assert (
        "1 images have no XML, such as empty3.png" in notes
        and "the 7 images that are in no list are used for training" in notes
    )
    shutil.copy(voc / "JPEGImages" / "a.png", voc / "JPEGImages" / "a.jpeg")
    with pytest.raises(UserError, match="a.jpeg and a.png have the same name: keep only the one that belongs to a.xml"):
        load("voc", voc)


def test_a_class_of_which_only_other_splits_have_a_box_is_one(voc):
    (voc / "Annotations" / "empty9.xml").write_text(voc_xml("empty9", [("cow", (0, 0, 9, 9), 0)]))
    assert load("voc", voc).label_names == ("cat", "cow", "dog")
    assert load("voc", voc, classes=("cat", "sheep"), classes_may_lack=True).label_names == ("cat", "sheep")


def test_difficult_boxes_of_voc_and_crowds_of_coco_are_of_their_kinds(voc):
    (voc / "Annotations" / "a.xml").write_text(voc_xml("a", [("cat", (4, 8, 20, 40), 1), ("dog", (0, 0, 9, 9), 0)]))
    rows = load("voc", voc).train.targets.rows
    assert sorted(rows[rows[..., 4] >= 0][:, 5]) == [COUNTS, COUNTS, DIFFICULT]


def test_crowds(coco):
    table = json.loads((coco / "instances.json").read_text())
    table["annotations"][0]["iscrowd"] = 1
    (coco / "instances.json").write_text(json.dumps(table))
    assert [row[5] for row in boxes_of(load("coco", coco))].count(CROWD) == 1


def test_boxes_that_cannot_be_are_counted(voc):
    things = [
        ("cat", (4, 8, 20, 40), 0),
        ("cat", (9, 9, 9, 20), 0),  # no area
        ("dog", (70, 50, 90, 60), 0),  # outside
        ("dog", (50, 30, 80, 60), 0),  # half of it
        ("cow", (0, 0, 9, 9), 0),
    ]
    (voc / "Annotations" / "a.xml").write_text(voc_xml("a", things))
    dataset = load("voc", voc, classes=("dog", "cat"))
    assert dataset.label_names == ("dog", "cat")
    notes = " | ".join(dataset.notes)
    for told in (
        "1 boxes of cow were left out: not among the classes, the first in a.png",
        "1 boxes without an area were left out, the first in a.png",
        "1 boxes outside of their images were left out, the first in a.png",
        "1 boxes that reach out of their images were cut at the border, the first in a.png",
    ):
        assert told in notes
    assert [30.0, 50.0, 48.0, 64.0, 0.0, 0.0] in boxes_of(dataset)
    assert len(boxes_of(dataset)) == 3


def test_an_xml_that_names_another_image_is_counted_and_its_own_name_holds(voc):
    (voc / "Annotations" / "b.xml").write_text(voc_xml("b", THINGS["b"], file="a"))
    dataset = load("voc", voc)
    assert "1 XML files name another image, such as b.xml: the XML file's own name is used" in dataset.notes
    assert boxes_of(dataset) == EXPECTED


def test_a_name_with_dots_is_no_other_name(voc):
    for folder, suffix in (("JPEGImages", "png"), ("Annotations", "xml")):
        shutil.move(voc / folder / f"b.{suffix}", voc / folder / f"2019.01.02.{suffix}")
    xml = voc / "Annotations/2019.01.02.xml"
    xml.write_text(xml.read_text().replace("<filename>b.png", "<filename>2019.01.02"))
    train = voc / "ImageSets/Main/train.txt"
    train.write_text(train.read_text().replace("b\n", "2019.01.02\n", 1))
    assert not any("name another image" in note for note in load("voc", voc).notes)


def test_an_xml_of_an_image_of_another_size_is_refused(voc):
    (voc / "Annotations" / "b.xml").write_text(voc_xml("b", THINGS["b"], size=(96, 128)))
    with pytest.raises(UserError, match="b.png: its boxes belong to an image of 96x128 .*, but the image is 48x64"):
        load("voc", voc)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: (root / "Annotations" / "a.xml").write_text("<annotation><obj"), "is not in Pascal VOC's format"),
        (lambda root: (root / "Annotations" / "a.xml").unlink(), "a.xml is missing"),
        (lambda root: (root / "JPEGImages" / "a.png").unlink(), "train.txt: .*JPEGImages has no image for a$"),
        (lambda root: (root / "ImageSets/Main/test.txt").write_text("a"), "a is also in train.txt"),
        (lambda root: (root / "JPEGImages" / "a.png").write_bytes(b"no"), "a.png"),
    ],
)
def test_what_is_missing_or_damaged_is_named(voc, spoil, message):
    spoil(voc)
    with pytest.raises(UserError, match=message) as error:
        load("voc", voc)
    assert "\n" not in str(error.value)


def test_unreadable_images_are_left_out_where_that_is_asked_for(voc):
    (voc / "JPEGImages" / "b.png").write_bytes(b"no")
    dataset = load("voc", voc, skip=True)
    assert len(dataset.train) == 7 and any("b.png" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda table: table["annotations"][0].update(image_id=99),
            "a box belongs to the image 99, which is not listed",
        ),
        (lambda table: table["annotations"][0].update(category_id=99), "is not in COCO's format"),
        (
            lambda table: table["images"][0].update(file_name="gone.png"),
            "names the image gone.png, which does not exist",
        ),
        (lambda table: table.pop("categories"), "is not in COCO's format .no 'categories'"),
        (lambda table: table["annotations"][0].update(bbox=[1, 2, 3]), "is not in COCO's format"),
        (lambda table: table["categories"].append({"id": 7, "name": "cow"}), "two classes have the id 7"),
        (lambda table: table["images"].append({**table["images"][1], "id": 0}), "two images have the id 0"),
        (lambda table: table["images"].append({**table["images"][0], "id": 99}), "a.png is twice in one split"),
        (
            lambda table: table["images"].append({"id": 99, "file_name": "../images/a.png"}),
            "a.png is twice in one split",
        ),
    ],
)
def test_tables_of_coco_that_are_wrong_are_refused(coco, change, message):
    table = json.loads((coco / "instances.json").read_text())
    change(table)
    (coco / "instances.json").write_text(json.dumps(table))
    with pytest.raises(UserError, match=message):
        load("coco", coco)


def test_coco_with_a_list_a_split(coco):
    """Classes are linked by name: the other list numbers them as it likes, and need not have all."""
    (coco / "annotations").mkdir()
    table = json.loads((coco / "instances.json").read_text())
    for split, rows in (("train2017", slice(0, 9)), ("val2017", slice(9, 12))):
        own = {**table, "images": table["images"][rows]}
        if split == "val2017":
            own["categories"] = [{"id": 70, "name": " dog"}]
        kept = {each["id"] for each in own["images"]}
        own["annotations"] = [each for each in table["annotations"] if each["image_id"] in kept]
        (coco / split).mkdir()
        for each in own["images"]:
            shutil.move(coco / "images" / each["file_name"], coco / split)
        (coco / "annotations" / f"instances_{split}.json").write_text(json.dumps(own))
    (coco / "instances.json").unlink()
    dataset = load("coco", coco)
    assert len(dataset.validation) == 3 and boxes_of(dataset) == EXPECTED
    validation = coco / "annotations" / "instances_val2017.json"
    validation.write_text(validation.read_text().replace(" dog", "Dog"))
    with pytest.raises(UserError, match="instances_val2017.json has classes that .*train2017.json does not have: Dog"):
        load("coco", coco)
    assert load("coco", coco, classes=("dog", "cat")).label_names == ("dog", "cat")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 0.5 0.5 0.1 0.1", "line 1 is not a box of one of the 2 classes"),
        ("cat 0.5 0.5 0.1 0.1", "line 1 is not a box of one of the 2 classes"),
        ("0 0.5 0.5 0.1", "line 1 has 3 numbers after its class"),
        ("0 20 8 10 10", "line 1 must have coordinates from 0 to 1"),
    ],
)
def test_lines_of_yolo_that_are_wrong_are_refused(yolo, line, message):
    (yolo / "labels" / "train" / "a.txt").write_text(line)
    with pytest.raises(UserError, match=message):
        load("yolo", yolo)


def test_files_of_yolo_that_cannot_be_read_are_refused(yolo):
    (yolo / "labels" / "train" / "a.txt").write_bytes(b"\xff\xfe0")
    with pytest.raises(UserError, match=r"a.txt cannot be read"):
        load("yolo", yolo)
    (yolo / "labels" / "train" / "a.txt").write_text("inf 0.5 0.5 0.1 0.1")
    with pytest.raises(UserError, match="line 1 is not a box of one of the 2 classes"):
        load("yolo", yolo)
    (yolo / "data.yaml").write_text("names: [cat, cat]")
    (yolo / "labels" / "train" / "a.txt").write_text("0 0.5 0.5 0.1 0.1")
    with pytest.raises(UserError, match="two classes have the name 'cat'"):
        load("yolo", yolo)


def test_polygons_of_yolo_are_boxes_and_images_without_a_text_file_have_none(yolo):
    (yolo / "labels/train/b.txt").write_text("1 0.25 0.5 0.5 0.25 0.5 0.75")
    (yolo / "labels/train/a.txt").unlink()
    dataset = load("yolo", yolo)
    assert boxes_of(dataset) == [[12.0, 16.0, 36.0, 32.0, 1.0, 0.0]]
    assert "1 images have no text file, and so no box" in dataset.notes


def test_keypoints_of_yolo_are_no_corners(yolo):
    (yolo / "data.yaml").write_text("names: [cat, dog]\nkpt_shape: [2, 2]\n")
    for path in (yolo / "labels/train").glob("*.txt"):
        path.write_text("")
    (yolo / "labels/train/a.txt").write_text("1 0.5 0.5 0.25 0.5 0.9 0.9 0.1 0.1")
    assert boxes_of(load("yolo", yolo)) == [[12.0, 24.0, 36.0, 40.0, 1.0, 0.0]]
    (yolo / "labels/train/a.txt").write_text("1 0.5 0.5 0.25 0.5")
    with pytest.raises(UserError, match="line 1 has 4 numbers after its class: a box with its keypoints needs 8"):
        load("yolo", yolo)


def test_images_that_are_turned_by_their_exif_data_are_counted(voc):
    orientation = Image.Exif()
    orientation[0x0112] = 3  # upside down
    with Image.open(voc / "JPEGImages/b.png") as image:
        image.save(voc / "JPEGImages/b.png", exif=orientation)
    told = "1 images are turned as their EXIF orientation says, the first is b.png: their boxes must be those of the "
    assert f"{told}turned images" in load("voc", voc).faults
    orientation[0x0112] = 6  # on its side
    with Image.open(voc / "JPEGImages/b.png") as image:
        image.save(voc / "JPEGImages/b.png", exif=orientation)
    with pytest.raises(UserError, match="of 48x64 .*, but the image is 64x48: its EXIF orientation turns it"):
        load("voc", voc)


def test_settings_of_points_are_not_those_of_boxes(voc):
    with pytest.raises(UserError, match="crop works only for data of points"):
        load("voc", voc, crop=(32, 32))
    with pytest.raises(UserError, match="unknown class 'cats'"):
        load("voc", voc, classes=("cats",))


def test_no_class_at_all_is_refused(voc):
    with pytest.raises(UserError, match=r"\[data\]: classes = \[\] must"):
        parse(DATASETS["voc"], {"path": str(voc), "classes": []}, "[data]")


def test_classes_that_a_model_knows_and_the_data_have_not(voc):
    """What is left out is told to who measures a model, too; where nothing is left, there is nothing to measure."""
    dataset = load("voc", voc, classes=("cat", "Dog"), classes_may_lack=True)
    faults = " | ".join(dataset.faults)
    assert "boxes of dog were left out: not among the classes" in faults and "no image has a box of Dog" in faults
    with pytest.raises(UserError, match="^voc has boxes of cat, dog, but none of the classes .*: Cat, Dog$"):
        load("voc", voc, classes=("Cat", "Dog"), classes_may_lack=True)


def test_splits_and_classes_without_a_box_are_told(voc):
    (voc / "Annotations" / "empty9.xml").write_text(voc_xml("empty9", [("cow", (0, 0, 9, 9), 0)]))
    faults = load("voc", voc).faults
    assert "the validation split has no boxes" in faults and "no training image has a box of cow" in faults
    assert "the test split has no boxes" not in faults


def test_lists_of_voc_may_name_files_with_spaces_suffixes_and_numbers(voc):
    before = load("voc", voc)
    train = voc / "ImageSets" / "Main" / "train.txt"
    for kind, folder in (("png", "JPEGImages"), ("xml", "Annotations")):
        (voc / folder / f"a.{kind}").rename(voc / folder / f"my photo 1.{kind}")
    (voc / "Annotations" / "my photo 1.xml").write_text(voc_xml("my photo 1", THINGS["a"]))
    names = train.read_text().split()[1:]
    train.write_text("\n".join(["my photo 1", f"{names[0]}.png", f"{names[1]}  1", *names[2:]]))
    assert load("voc", voc).fingerprint == before.fingerprint
    train.write_text("my photo 2")
    with pytest.raises(UserError, match="has no image for my photo 2$"):
        load("voc", voc)


def test_folders_of_yolo_may_have_a_number_and_are_named_where_one_is_missing(yolo):
    before = load("yolo", yolo)
    for folder in ("images", "labels"):
        (yolo / folder / "train").rename(yolo / folder / "train2017")
    assert load("yolo", yolo).fingerprint == before.fingerprint
    pictures(yolo / "images" / "test")
    dataset = load("yolo", yolo)
    assert dataset.fingerprint == before.fingerprint
    assert any("images/test was left out: " in fault and "labels/test is missing" in fault for fault in dataset.faults)
    for path in (yolo / "labels" / "train2017").iterdir():
        path.rename(yolo / "labels" / path.name)
    (yolo / "labels" / "train2017").rmdir()
    with pytest.raises(UserError, match="images/train2017 was left out: .*labels/train2017 is missing"):
        load("yolo", yolo)


def moved(yolo, **names):
    """Images and text files of the only split, some of each in every folder that is named."""
    stems = sorted(path.stem for path in (yolo / "images" / "train").iterdir())
    for folder, wanted in names.items():
        for kind, suffix in (("images", "png"), ("labels", "txt")):
            (yolo / kind / folder).mkdir(parents=True)
            for stem in stems[wanted]:
                (yolo / kind / "train" / f"{stem}.{suffix}").rename(yolo / kind / folder / f"{stem}.{suffix}")


def sizes(dataset):
    return [len(split.targets) for split in (dataset.train, dataset.validation, dataset.test)]


def test_the_splits_of_yolo_are_those_that_data_yaml_names(yolo):
    """Folders of any name, lists of images, and paths as programs write them: with the folder's own, or up too far."""
    moved(yolo, dev=slice(6, 9), eval=slice(9, 12))
    (yolo / "data.yaml").write_text("names: [cat, dog]\ntrain: ../images/train\nval: images/dev\ntest: [images/eval]\n")
    dataset = load("yolo", yolo)
    assert sizes(dataset) == [6, 3, 3] and not [line for line in dataset.faults if "in no split" in line]
    images = [f"./images/train/{path.name}" for path in sorted((yolo / "images/train").iterdir())]
    (yolo / "some.txt").write_text("\n".join(images[:4]))
    (yolo / "others.txt").write_text("\n".join(images[4:]))
    (yolo / "data.yaml").write_text(
        f"path: ../{yolo.name}\nnames: {{0: cat, 1: dog}}\ntrain: some.txt\nval: others.txt\ntest: images/eval\n"
    )
    dataset = load("yolo", yolo)
    assert sizes(dataset) == [4, 2, 3]
    assert any("3 images are in no split, such as images/dev/" in line for line in dataset.faults)
    (yolo / "others.txt").write_text("images/train/gone.png")
    with pytest.raises(UserError, match="others.txt: the image images/train/gone.png does not exist"):
        load("yolo", yolo)
    (yolo / "others.txt").write_text("\n".join(images[3:]))
    with pytest.raises(UserError, match="in two splits, train and validation"):
        load("yolo", yolo)


def test_boxes_of_yolo_may_lie_beside_their_images(yolo):
    """In a folder of any name, also below another one that is called images."""
    before, beside = boxes_of(load("yolo", yolo)), yolo / "images" / "mine"
    (beside / "pictures").mkdir(parents=True)
    for path in [*(yolo / "images" / "train").iterdir(), *(yolo / "labels" / "train").iterdir()]:
        path.rename(beside / "pictures" / path.name)
    (beside / "data.yaml").write_text("names: [cat, dog]\ntrain: pictures\n")
    assert boxes_of(load("yolo", beside)) == before


def test_what_data_yaml_names_in_vain_is_told(yolo):
    """Its validation images are those of training, its test images are not there: others are held out."""
    (yolo / "data.yaml").write_text("names: [cat, dog]\ntrain: images/train\nval: images/train\ntest: /gone/images\n")
    dataset = load("yolo", yolo)
    assert all(sizes(dataset)) and sum(sizes(dataset)) == 12
    assert any("the validation images are those of the train split" in line for line in dataset.faults)
    assert any("names /gone/images for test, which does not exist" in line for line in dataset.faults)
    (yolo / "data.yaml").write_text("names: [cat, dog]\ntrain: 3\n")
    with pytest.raises(UserError, match="name folders or lists of images, not 3"):
        load("yolo", yolo)


def test_folders_inside_those_of_a_layout_are_read_and_hidden_files_are_not(yolo, voc):
    before = load("voc", voc).fingerprint
    (voc / "JPEGImages" / "._a.png").write_bytes(b"no image")
    assert load("voc", voc).fingerprint == before
    for folder, suffix in (("JPEGImages", "png"), ("Annotations", "xml")):
        (voc / folder / "first").mkdir()
        (voc / folder / f"a.{suffix}").rename(voc / folder / "first" / f"a.{suffix}")
    train = voc / "ImageSets" / "Main" / "train.txt"
    train.write_text(train.read_text().replace("a\n", "first/a\n", 1))
    assert boxes_of(load("voc", voc)) == boxes_of(load("yolo", yolo))
    before = boxes_of(load("yolo", yolo))
    moved(yolo, **{"train/cam2": slice(0, 1)})
    (yolo / "images" / "train" / "._a.png").write_bytes(b"no image")
    assert sorted(boxes_of(load("yolo", yolo))) == sorted(before)


def test_two_images_of_yolo_with_one_text_file_are_refused(yolo):
    shutil.copy(yolo / "images/train/a.png", yolo / "images/train/a.jpg")
    with pytest.raises(UserError, match="a.jpg and a.png have the same name: keep only the one that belongs to a.txt"):
        load("yolo", yolo)


def test_the_part_of_a_layout_that_is_missing_is_named(voc, tmp_path_factory):
    shutil.rmtree(voc / "Annotations")
    with pytest.raises(UserError, match="is not a folder with Annotations and JPEGImages: it has no Annotations$"):
        load("voc", voc)
    other = tmp_path_factory.mktemp("yolo")
    pictures(other / "images")
    with pytest.raises(UserError, match="it has no labels and no data.yaml or classes.txt$"):
        load("yolo", other)
    with pytest.raises(UserError, match="^folder with Annotations and JPEGImages not found: "):
        load("voc", voc / "nowhere")


def test_an_empty_line_among_the_names_of_classes_is_refused(yolo):
    (yolo / "data.yaml").unlink()
    (yolo / "classes.txt").write_text("cat\n\ndog\n")
    with pytest.raises(UserError, match="an empty line would move the numbers of the classes behind it"):
        load("yolo", yolo)
    (yolo / "classes.txt").write_text("cat\ndog\n\n")
    assert load("yolo", yolo).label_names == ("cat", "dog")


def test_a_word_is_no_list_of_names(yolo):
    (yolo / "data.yaml").write_text("names: cat\n")
    with pytest.raises(UserError, match="data.yaml has no list of class names .names is 'cat'."):
        load("yolo", yolo)


def targets():
    return Boxes.of([np.array([[10, 4, 30, 20, 1, 0], [0, 40, 20, 60, 0, 1]]), np.empty((0, 6))], SIZE)


def test_targets_are_padded_with_minus_one():
    boxes = targets()
    assert isinstance(boxes, Targets)
    arrays = boxes.arrays()
    assert arrays["classes"].tolist() == [[1, 0], [-1, -1]] and arrays["kinds"].tolist() == [[0, 1], [-1, -1]]
    assert arrays["boxes"][0, 0].tolist() == [10, 4, 30, 20] and (arrays["boxes"][1] == -1).all()
    assert arrays["frame"].tolist() == [list(SIZE)] * 2
    assert len(boxes.take(np.array([1]))) == 1
    assert boxes.digest() != Boxes.of([np.array([[10, 4, 30, 21, 1, 0]]), np.empty((0, 6))], SIZE).digest()


def test_boxes_follow_a_flip_and_a_crop():
    """Mirrored, x from 4 to 20 of 64 is x from 44 to 60; padded by 4 and cut from row 8, everything is 4 higher."""
    one = targets()
    flip = Geometry(*SIZE, 0, np.zeros(2, int), np.zeros(2, int), np.array([True, False]))
    assert one.moved(flip).rows[0, 0].tolist() == [10, 44, 30, 60, 1, 0]
    crop = Geometry(*SIZE, 4, np.array([8, 0]), np.array([4, 0]), np.zeros(2, bool))
    assert one.moved(crop).rows[0].tolist() == [[6, 4, 26, 20, 1, 0], [0, 40, 16, 60, 0, 1]]
    assert (one.moved(crop).rows[1] == -1).all()


def test_of_a_box_that_is_hardly_seen_nothing_is_learned():
    """A third of it is left: it is difficult, neither ground nor to be found; nothing left: it is gone."""
    box = np.array([[0, 0, 30, 20, 1, COUNTS]], np.float32)
    assert Boxes.cut(box, 20, 0, SIZE).tolist() == [[0, 0, 10, 20, 1, DIFFICULT]]
    assert Boxes.cut(box, 15, 0, SIZE).tolist() == [[0, 0, 15, 20, 1, COUNTS]]
    assert len(Boxes.cut(box, 30, 0, SIZE)) == 0


def test_boxes_follow_a_change_of_scale():
    assert Boxes.resized(np.array([[10, 4, 30, 20, 1, 0]]), SIZE, (24, 128)).tolist() == [[5, 8, 15, 40, 1, 0]]


def test_a_drawn_box_stays_where_its_pixels_are(voc):
    """A white box on black, through scales, parts and flips: the white pixels are the box's."""
    image = np.zeros((*SIZE, 3), np.uint8)
    image[8:40, 4:20] = 255
    Image.fromarray(image).save(voc / "JPEGImages" / "a.png")
    (voc / "Annotations" / "a.xml").write_text(voc_xml("a", [("cat", (4, 8, 20, 40), 0)]))
    dataset = load("voc", voc, scales=(0.6, 1.6))
    row = next(i for i, each in enumerate(dataset.train.targets.rows) if each[0, 4] == 0)
    rng = np.random.default_rng(0)
    for _ in range(40):
        images, targets = dataset.crops.draw(np.array([row]), rng)
        geometry = Augmentation(crop_padding=5, flip=True).draw(1, *SIZE, rng)
        images, targets = geometry.of_images(images), targets.moved(geometry)
        boxes = targets.rows[0][targets.rows[0][:, 4] >= 0]
        white = images[0, ..., 0] > 128
        if not len(boxes):
            assert white.sum() < 20
            continue
        rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
        found = [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]
        assert boxes[0, :4] == pytest.approx(found, abs=1.5)


def test_light_colours_and_blur_change_pixels_and_no_box(voc):
    dataset = load("voc", voc)
    images = dataset.train.read(np.arange(4))
    changing = Augmentation(colour=0.3, blur=1.0)
    changed = changing.of_pixels(images, np.random.default_rng(0))
    assert changed.shape == images.shape and changed.dtype == np.uint8 and (changed != images).any()
    assert (changing.of_pixels(images, np.random.default_rng(0)) == changed).all()
    assert (Augmentation().of_pixels(images, np.random.default_rng(0)) == images).all()
