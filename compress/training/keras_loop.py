"""Keras's own ``fit`` with our step, data order, records and stop conditions. Loads TensorFlow."""

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from compress import keras
from compress.errors import Failure
from compress.replicas import sharing
from compress.training import replicate
from compress.training.batches import Batches
from compress.training.history import History
from compress.training.settings import Data, Diverged, Training
from compress.training.strategy import Strategy

tf = keras.tf


class TrainingModel(keras.Model):
    """A network and its objective. The objective is no Keras object: a teacher in it is not saved with the student."""

    def __init__(
        self, network: Any, objective: Any, weight_decay: float, also_kept: list[Any], replicas: Any = None
    ) -> None:
        super().__init__(name="training_model")
        self.network = network
        self._also_kept = also_kept  # in the backup, as everything that is an attribute
        self._objective = objective
        self._replicas = replicas
        self._decayed = (
            [w for w in network.trainable_weights if "kernel" in w.name.rpartition("/")[2]] if weight_decay else []
        )
        self._weight_decay = weight_decay
        self.built = True

    def train_step(self, batch: Any) -> dict[str, Any]:
        images, targets, extra_inputs, *part = batch
        share = replicate.share_of(*part) if part else None
        weights = self.network.trainable_weights
        with sharing(share), tf.GradientTape() as tape:
            loss, logs = self._objective(self.network, as_float(images), targets, **extra_inputs)
            total = loss + tf.add_n(self.network.losses) if self.network.losses else loss
            if self._decayed:
                total += self._weight_decay * tf.add_n([tf.nn.l2_loss(w) for w in self._decayed])
            logs = {"loss": total, **logs}
            if share is not None:  # gradients are added up over the replicas, and so, by Keras, is what is logged
                logs = {name: share.weight * tf.cast(value, tf.float32) for name, value in logs.items()}
        if self._replicas is not None:
            self._replicas.check_read(tape.watched_variables())
        gradients = tape.gradient(logs["loss"], weights)
        self.optimizer.apply_gradients([(g, w) for g, w in zip(gradients, weights, strict=True) if g is not None])
        return logs


def as_float(values: Any) -> Any:
    """What the network reads: bytes / 255, other values as they are (``evaluate.predictors.to_float`` in a graph)."""
    return tf.cast(values, tf.float32) / 255.0 if values.dtype == tf.uint8 else values


class Randomness(keras.callbacks.Callback):
    """Dropout and its like draw what follows from seed and epoch alone, so that a resumed training draws it again."""

    def __init__(self, network: Any, seed: int, replicas: Any = None) -> None:
        super().__init__()
        self._seed = seed
        self._generators = [
            layer._random_generator for layer in network.submodules if hasattr(layer, "_random_generator")
        ]
        for generator in self._generators:
            generator._rng_type, generator._built = generator.RNG_STATEFUL, False
            generator._maybe_init()
            if replicas is not None:
                generator._generator = replicas.generator()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for number, generator in enumerate(self._generators):
            state = np.random.SeedSequence((self._seed, epoch, number)).generate_state(1)
            generator._generator.reset_from_seed(int(state[0]))

    def restore(self) -> None:
        """As the layers were: they are saved without a generator."""
        for generator in self._generators:
            generator._rng_type, generator._generator, generator._built = generator.RNG_LEGACY_STATEFUL, None, False


class Stop(keras.callbacks.Callback):
    """Ends a training whose loss is no number, at the step, with the advice."""

    def __init__(self, stage: str, learning_rate: float) -> None:
        super().__init__()
        self._stage, self._rate, self._epoch = stage, learning_rate, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if not math.isfinite(logs["loss"]):
            raise Diverged(
                f"stage {self._stage!r}: the loss is {logs['loss']} at step {batch + 1} of epoch "
                f"{self._epoch + 1}; lower learning_rate (it is {self._rate:g})"
            )


class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """``Training.rate`` as a graph: a table of one rate a step."""

    def __init__(self, training: Training, total: int, first: int) -> None:
        super().__init__()
        self._table = [training.rate(step, total) for step in range(first, total)]

    def __call__(self, step: Any) -> Any:
        return tf.gather(
            tf.constant(self._table, tf.float32), tf.minimum(tf.cast(step, tf.int64), len(self._table) - 1)
        )

    def get_config(self) -> dict[str, Any]:
        return {"table": self._table}


def optimizer(training: Training, total: int, first: int) -> Any:
    """The fused legacy optimizers: half the graph of the newer ones, so half the tracing (docs/decisions/0004)."""
    rate = Rate(training, total, first)
    if training.optimizer == "sgd":
        return keras.optimizers.legacy.SGD(rate, momentum=training.momentum, nesterov=training.momentum > 0)
    return keras.optimizers.legacy.Adam(rate)


def run(
    network: Any,
    objective: Any,
    data: Data,
    training: Training,
    backup: Path,
    progress: Any,
    validate: Any,
    callbacks: Any,
    first_epoch: int,
    last_epoch: int,
    strategy: Strategy,
) -> None:
    steps = training.steps(len(data.train), 1)
    keras.utils.set_random_seed(data.seed)
    batches = Batches(data, training.batch_size)
    if strategy.distribute is None:
        replicas, dataset, begin = None, batches.dataset, batches.begin
    else:
        replicas = replicate.Replicas(strategy.distribute, network, callbacks)
        validate = replicas.brought_back_before(validate)
        first = replicate.epoch_to_go_on_at(backup, first_epoch)
        if first != strategy.from_chief(lambda: first):
            raise Failure("the chief (worker 0) continues at another epoch: run the same command again on all workers")
        dataset, begin = replicas.spread(batches.endless(first), batches.whole_inputs), lambda epoch: None
    history = History(backup.parent / "history.csv", progress, validate, steps, last_epoch)
    keep = keras.callbacks.BackupAndRestore(str(backup), delete_checkpoint=False)
    # the last one: an epoch is only announced when it is kept
    announce = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: progress.epoch_end(history.row))
    randomness = Randomness(network, data.seed, replicas)
    try:
        with batches.errors(), nullcontext() if replicas is None else replicas.in_place():
            also_kept = [variable for callback in callbacks for variable in getattr(callback, "variables", ())]
            training_model = TrainingModel(network, objective, training.weight_decay, also_kept, replicas)
            training_model.compile(optimizer(training, steps * training.epochs, steps * first_epoch))
            # before the first trace, or it would be traced twice; and before the restore, so that slots are restored
            # at once
            training_model.optimizer._create_all_weights(network.trainable_weights)
            training_model.fit(
                dataset,
                initial_epoch=first_epoch,
                epochs=last_epoch,
                steps_per_epoch=None if replicas is None else steps,  # one data set for all epochs
                verbose=0,
                callbacks=[
                    keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begin(epoch)),
                    randomness,
                    Stop(progress.stage, training.learning_rate),
                    *callbacks,
                    history,
                    keep,
                    announce,
                ],
            )
    finally:
        randomness.restore()
