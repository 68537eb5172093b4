"""What labels give a detector is worth much more than what it sees: the sanity of label-guided self-distillation."""

import numpy as np
import pytest

from compress import keras, models
from compress.datasets import DATASETS, Augmentation
from compress.distill.lgd import Lgd
from compress.distill.pyramid import Pyramid
from compress.tasks import Detection
from compress.training import Data, Progress, Training, fit


@pytest.mark.slow
def test_the_teachers_features_find_far_more_than_the_students(tmp_path):
    """The head reads features that were drawn of the true boxes of test images; it was trained on both kinds.

    What labels are worth is learned late: after 8 epochs the teacher has an AP of 0.5 to 0.8, after 14 of 0.99.
    """
    data = DATASETS["shapes"]().load()
    task = Detection(channels=32, depth=1).fitted(data)
    student = models.build("resnet10_1_4", data.shape, task.head(data), seed=0)
    keras.utils.set_random_seed(0)
    training, epochs = Training(epochs=14, batch_size=8, learning_rate=2e-3), 14
    for phase in Lgd().phases([], student, epochs, task, task.loss):
        fit(phase.network, phase.objective, Data(data.train, Augmentation(flip=True), 0), training,
            tmp_path / phase.name, Progress(), dict, (), 0 if phase.name == "alone" else 2, phase.epochs)  # fmt: skip
    guidance, pyramid = phase.network.beside, Pyramid.of(student, "lgd")
    rows = np.arange(100)
    targets = data.test.targets.take(rows).arrays()
    maps = pyramid.features(data.test.read(rows) / np.float32(255), training=False)
    as_tensors = {name: keras.tf.constant(values) for name, values in targets.items()}
    scores = []
    for features in (maps, guidance(maps, as_tensors)):
        logits, boxes = (values.numpy() for values in pyramid.head(features, training=False))
        scores.append(task.score({"logits": logits, "boxes": boxes}, targets))
    own, taught = scores
    assert taught > 0.9 and taught > own + 0.1, scores
