"""Batches that several threads make are those of one, to the bit, and what goes wrong in a thread is told."""

import numpy as np
import pytest
from PIL import Image

from compress import keras
from compress.config import parse
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit, FileSplit
from compress.errors import UserError
from compress.targets import ClassSets
from compress.tasks import MultiLabel
from compress.tasks.objective import objective
from compress.training import Data, Progress, Training, fit
from compress.training.batches import Batches
from tests.said import labels_only

layers = keras.layers
RNG = np.random.default_rng(0)
ALL = {
    "crop_padding": 2, "flip": True, "colour": 0.2, "blur": 0.3, "resized_crop": {}, "rand_augment": {},
    "cutout": {"side": 8}, "mixup": {"alpha": 1.0},
}  # fmt: skip


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{number:02}.jpg" for number in range(45)]
    for path in paths:
        Image.fromarray(RNG.integers(0, 256, (20, 28, 3), np.uint8)).save(path)
    return FileSplit(paths, np.arange(45) % 3, 16)


@pytest.mark.parametrize("settings", [{}, ALL], ids=["plain", "augmented"])
def test_several_threads_make_what_one_makes(settings, files):
    data = Data(
        files, parse(Augmentation, settings, "test"), 7,
        per_image_inputs={"teacher_logits": RNG.normal(size=(45, 2, 3)).astype("float32")},
        per_batch_inputs={"chance": lambda rng, _: rng.random(2), "half": lambda _, images: images[:, ::2, ::2]},
    )  # fmt: skip
    batches = Batches(data, 4)
    images, targets, extra = batches.dataset.element_spec
    assert (images.shape.as_list(), images.dtype) == ([None, 16, 16, 3], "uint8")
    assert targets["labels"].shape.as_list() == [None] and extra["chance"].shape.as_list() == [2]
    assert extra["teacher_logits"].shape.as_list() == [None, 2, 3] and extra["half"].dtype == "uint8"
    for epoch in (2, 0):
        batches.begin(epoch)
        several, one = list(batches.dataset.as_numpy_iterator()), list(data.batches(4, epoch))
        assert len(several) == len(one) == 12
        for each, wanted in zip(several, one, strict=True):
            keras.tf.nest.assert_same_structure(each, wanted)
            for own, other in zip(*map(keras.tf.nest.flatten, (each, wanted)), strict=True):
                assert own.dtype == other.dtype
                np.testing.assert_array_equal(own, other)


def test_nothing_waits_for_a_tuner_between_two_epochs(files):
    assert Batches(Data(files, Augmentation(), 7), 4).dataset.options().autotune.enabled is False


def test_a_batch_does_not_depend_on_others_and_streams_differ(files):
    data = Data(files, parse(Augmentation, ALL, "test"), 7)
    in_order = [images for images, *_ in data.batches(4, 1)]
    assert (data.batch(4, 1, 9)[0] == in_order[9]).all()
    randoms = [data._random(*key).random() for key in ((0, 0, 1), (0, 1, 1), (1, 0, 1), (0, 0, 2), (1, 1, 1))]
    assert len(set(randoms)) == 5


def test_a_file_that_became_unreadable_is_named_in_one_line(files, tmp_path):
    files.paths[30].write_bytes(files.paths[30].read_bytes()[:200])
    image = keras.Input((16, 16, 3))
    network = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(image)))
    with pytest.raises(
        UserError, match=r"30\.jpg: the image could be read before and cannot be read now \(.*\)$"
    ) as caught:
        fit(network, labels_only, Data(files, Augmentation(), 0), Training(epochs=1, batch_size=4), tmp_path / "backup",
            Progress(), dict)  # fmt: skip
    assert "\n" not in str(caught.value)


def test_classes_and_sets_of_classes_are_learned_from_mixtures(files, tmp_path):
    """The first loss of a network that says the same of all classes is that of every mixture: log 3, and log 2."""
    sets = ArraySplit(RNG.integers(0, 256, (24, 16, 16, 3), np.uint8), ClassSets(np.eye(3)[np.arange(24) % 3]))
    task = MultiLabel()
    for name, split, wanted in (("one", files, np.log(3)), ("sets", sets, np.log(2))):
        image = keras.Input((16, 16, 3))
        pooled = layers.GlobalAveragePooling2D()(image)
        network = keras.Model(image, layers.Dense(3, kernel_initializer="zeros")(pooled))
        minimised = labels_only if name == "one" else objective(task, task.loss, network)
        folder = tmp_path / name
        folder.mkdir()
        data = Data(split, parse(Augmentation, ALL, "test"), 0)
        training = Training(epochs=1, batch_size=45, learning_rate=1e-12)
        fit(network, minimised, data, training, folder / "backup", Progress(), dict)
        loss = (folder / "history.csv").read_text().splitlines()[1].split(",")[1]
        assert float(loss) == pytest.approx(wanted, abs=1e-5)
