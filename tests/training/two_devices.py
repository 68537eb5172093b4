"""Trains the same networks on one device and on two, in a process of its own: two logical devices have to be asked for
before TensorFlow starts. Prints JSON: case -> [relative difference of all weights, of the history's numbers, steps]."""

import csv
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from compress import keras
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit
from compress.distill import Logits
from compress.distill.blur_robust import divergence
from compress.distill.fgfi import imitation
from compress.distill.weak_labels import refinement
from compress.prune import gradual
from compress.prune.masks import GradualPruning
from compress.quantize.qat import quantization_aware
from compress.replicas import Share, divisor, sharing
from compress.training import ONE_DEVICE, Data, Progress, Strategy, Training, fit
from tests.said import TASK, labels_only

layers, tf = keras.layers, keras.tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
TWO = Strategy(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))

ROWS = 21  # five batches of 4 and one of 1, of which the second replica gets nothing
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (ROWS, 8, 8, 3), dtype="uint8")
DATA = Data(ArraySplit(IMAGES, np.arange(ROWS) % 3, 8), Augmentation(crop_padding=1, flip=True), 4)
SGD = Training(epochs=4, batch_size=4, optimizer="sgd", learning_rate=0.05, weight_decay=0.01)
ADAM = Training(epochs=4, batch_size=4, learning_rate=0.01)


def network(dropout=0.0, regularizer=None):
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, 2, name="conv", use_bias=False, kernel_regularizer=regularizer)(image)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    if dropout:
        x = layers.SpatialDropout2D(dropout)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.BatchNormalization(momentum=0.9)(x)  # of rows: the one that is not fused
    if dropout:
        x = layers.GaussianNoise(0.1)(layers.Dropout(dropout)(x))
    return keras.Model(image, layers.Dense(3, name="predictions")(x), name="small")


def plain(folder):
    return network(), labels_only, DATA, SGD, ()


def random_rows(folder):
    return network(0.5, keras.regularizers.L2(0.1)), labels_only, DATA, SGD, ()


def taught(folder):
    """Rows of teachers for each image, and who teaches for each batch."""
    logits = np.random.default_rng(0).normal(size=(ROWS, 2, 3)).astype("float32")
    method, student = Logits(drop_teachers=1), network()
    drawn = method.per_batch_inputs(2)
    data = replace(DATA, per_image_inputs={"teacher_logits": logits}, per_batch_inputs=drawn)
    return student, method.phases([], student, 4, TASK, TASK.loss)[0].objective, data, ADAM, ()


def pruned(folder):
    model = network()
    schedule = keras.tfmot.sparsity.keras.PolynomialDecay(0.0, 0.8, 0, 20, frequency=2)
    kernels = [layer.kernel for layer in gradual.prunable_layers(model)]
    return model, labels_only, DATA, ADAM, (GradualPruning(kernels, schedule, 6, folder / "sparsity.csv"),)


def in_int8(folder):
    few = [IMAGES[:8].astype("float32") / 255]
    return quantization_aware(network(), few), labels_only, DATA, ADAM, ()


def counted(folder):
    """A loss that is divided by how many rows of the batch have a thing: some replicas see none."""

    def objective(model, images, targets):
        outputs = model(images, training=True)
        there = tf.cast(targets["labels"] == 1, tf.float32)
        loss = tf.reduce_sum(there[:, None] * tf.square(outputs - 1.0)) / divisor(tf.reduce_sum(there))
        return loss, {"things": tf.reduce_sum(there) / divisor(tf.reduce_sum(there))}

    return network(), objective, DATA, replace(SGD, learning_rate=1e-3), ()


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """Ends the first training in the middle of its third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == 2 and batch == 1:
            raise Killed


def trained(build, *strategies):
    """(all weights in a row, the numbers of the history, those of sparsity) of a training, which is killed under each
    strategy but the last, and goes on under the next."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, strategy in enumerate(strategies, start=1):
            model, objective, data, training, callbacks = build(folder)
            ends = () if number == len(strategies) else (Kill(),)
            try:
                fit(model, objective, data, training, folder / "backup", Progress(), dict, (*callbacks, *ends),
                    strategy=strategy)  # fmt: skip
            except Killed:
                continue
        with (folder / "history.csv").open() as file:
            rows = [
                {key: float(value) for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)
            ]
        assert all(type(weight).__name__ == "ResourceVariable" for weight in model.weights)
        names = {type(layer).__name__ for layer in model.submodules}
        assert "SynchronizedBatchNormalization" not in names
        traces = [(folder / "sparsity.csv").read_text()] if (folder / "sparsity.csv").exists() else []
        return np.concatenate([w.numpy().ravel() for w in model.weights]), rows, traces


def apart(one, other):
    """[|difference of the weights| / |weights|, the largest relative one of an epoch's numbers, steps]."""
    (a, rows, traces), (b, others, other_traces) = one, other
    assert traces == other_traces and np.array_equal(a == 0, b == 0)
    assert [row.keys() for row in rows] == [row.keys() for row in others]
    numbers = [(row[key], other[key]) for row, other in zip(rows, others, strict=True) for key in row]
    return [
        float(np.linalg.norm(a - b) / np.linalg.norm(a)),
        max(abs(x - y) / max(abs(x), 1e-3) for x, y in numbers),
        6 * len(rows),
    ]


def functions():
    """Losses of sums that are divided by a count of the batch, in parts of 3, 2 and 0 rows and as a whole."""
    rng = np.random.default_rng(1)
    near = (rng.random((5, 6)) < 0.4).astype("float32")
    maps = rng.normal(size=(2, 5, 2, 3, 4)).astype("float32")
    logits = rng.normal(size=(2, 5, 7, 2)).astype("float32")
    things = np.float32([2, 0, 1, 0, 4])
    proposals = np.float32(np.tile([[0, 0, 0.5, 0.5]], (5, 7, 1)))
    proposals[1, 2:], proposals[3] = 0, 0  # rows of 0 are none
    scores, present = rng.random((5, 7, 1)).astype("float32"), np.ones((5, 1), "float32")

    def losses(part):
        return tf.stack([
            imitation([tf.constant(near[part])], [maps[0][part]], [maps[1][part]]),
            divergence(logits[0][part], logits[1][part], tf.reduce_sum(things[part]), 2.0),
            refinement(scores[part], logits[0][part], present[part], tf.constant(proposals[part])),
        ])  # fmt: skip

    @tf.function
    def step(first, stop):
        def of_replica():
            number = int(tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group))
            part = slice(first, stop) if number == 0 else slice(stop, 5)
            rows = part.stop - part.start
            with sharing(Share(tf.constant(part.start), tf.constant(rows), tf.constant(5))):
                return losses(part if rows else slice(4, 5)) * (rows / 5)

        return TWO.distribute.reduce("SUM", TWO.distribute.run(of_replica), axis=None)

    whole = losses(slice(0, 5)).numpy()
    parts = [step(0, stop).numpy() for stop in (3, 5)]
    return [float(max(np.abs(part / whole - 1).max() for part in parts)), 0.0, 1]


CASES = {build.__name__: build for build in (plain, random_rows, taught, pruned, in_int8, counted)}

if __name__ == "__main__":
    said = {name: apart(trained(build, ONE_DEVICE), trained(build, TWO)) for name, build in CASES.items()}
    for build in (pruned, in_int8):
        said[f"{build.__name__}, resumed"] = apart(trained(build, TWO), trained(build, TWO, TWO))
    said["pruned, begun alone"] = apart(trained(pruned, ONE_DEVICE), trained(pruned, ONE_DEVICE, TWO))
    said["pruned, ended alone"] = apart(trained(pruned, ONE_DEVICE), trained(pruned, TWO, ONE_DEVICE))
    said["functions"] = functions()
    Path(sys.argv[1]).write_text(json.dumps(said))
