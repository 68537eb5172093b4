"""A network that was built without a strategy, trained under one, with the result that it would have had alone.

While it trains, its layers hold mirrored variables in place of their own. Loads TensorFlow.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial, reduce
from pathlib import Path
from typing import Any

from tensorflow.python.trackable.base import TrackableReference

from compress import keras
from compress.errors import UserError
from compress.replicas import Share, own_share, total

tf = keras.tf

# draw all that they draw in rows of the batch, from a generator that Randomness gives them
DRAW_ROWS = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.AlphaDropout,
)


def refuse(network: Any) -> None:
    """Raises UserError for a layer whose result would not be that of one replica."""
    for layer in network.submodules:
        kind, name = type(layer).__name__, getattr(layer, "name", "")
        reason = ""
        if isinstance(layer, keras.layers.BatchNormalization):
            if type(layer) is not keras.layers.BatchNormalization:
                reason = "is not Keras's own BatchNormalization"
            elif layer.renorm or layer.virtual_batch_size is not None or len(getattr(layer, "axis", [0])) != 1:
                reason = "does not normalize by one mean and variance per channel (renorm, virtual_batch_size, axis)"
        elif getattr(layer, "stateful", False):
            reason = "keeps a state from batch to batch"
        elif kind in ("StochasticDepth", "SpectralNormalization") or (
            hasattr(layer, "_random_generator") and type(layer) not in DRAW_ROWS and _draws(layer)
        ):
            reason = "draws random numbers or changes weights for the whole batch, which a replica cannot do alone"
        if reason:
            raise UserError(f"--strategy: layer {name!r} ({kind}) {reason}: train this network without --strategy")


def _draws(layer: Any) -> bool:
    """Whether a layer with a generator draws from it: not with rates that are all 0."""
    rates = [getattr(layer, rate) for rate in ("dropout", "recurrent_dropout") if hasattr(layer, rate)]
    return not rates or any(rates)


class SynchronizedBatchNormalization(keras.layers.BatchNormalization):
    """Normalizes by mean and variance of the whole batch, and not of the replica's rows (Ioffe and Szegedy, "Batch
    Normalization", 2015), as one worker does.

    Keras's own synchronized one differs from the fused one: it takes E[x^2] - E[x]^2, which cancels, and leaves out the
    factor n / (n - 1) of the moving variance, which the fused one has.
    """

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        share = own_share()
        if share is None or not self._get_training_value(training):
            return super().call(inputs, training=training, mask=mask)
        axes = [axis for axis in range(len(inputs.shape)) if axis not in self.axis]
        shape = [1 if axis in axes else inputs.shape[axis] for axis in range(len(inputs.shape))]
        moving_mean, channels = tf.identity(self.moving_mean), int(self.moving_mean.shape[0])
        shifted = inputs - tf.reshape(moving_mean, shape)  # near 0, so that E[y^2] - E[y]^2 does not cancel
        values = tf.cast(tf.size(inputs), tf.float32) / tf.cast(tf.size(moving_mean), tf.float32)
        sums = [tf.reduce_sum(shifted, axes), tf.reduce_sum(tf.square(shifted), axes), tf.reshape(values, [1])]
        first, second, count = tf.split(total(tf.concat(sums, 0)), [channels, channels, 1])
        shift = first / count
        variance = tf.maximum(second / count - tf.square(shift), 0.0)
        unbiased = count / tf.maximum(count - 1, 1.0) if self.fused else 1.0
        self._move(self.moving_mean, moving_mean + shift)
        self._move(self.moving_variance, variance * unbiased)
        scale = tf.math.rsqrt(variance + self.epsilon)
        if self.scale:
            scale *= self.gamma
        outputs = (shifted - tf.reshape(shift, shape)) * tf.reshape(scale, shape)
        return outputs + tf.reshape(self.beta, shape) if self.center else outputs

    def _move(self, variable: Any, value: Any) -> None:
        """By the momentum; each replica its own, as all have the same value."""
        variable.assign_sub((variable - tf.stop_gradient(value)) * (1.0 - self.momentum))


class OwnRows:
    """In the place of a ``tf.random.Generator``: every replica draws for the whole batch, and takes its own rows."""

    def __init__(self, replicas_here: int) -> None:
        self._each = [tf.random.Generator.from_seed(0) for _ in range(replicas_here)]

    def reset_from_seed(self, seed: int) -> None:
        for generator in self._each:
            generator.reset_from_seed(seed)

    def __getattr__(self, name: str) -> Any:
        if name not in ("uniform", "normal", "truncated_normal"):
            raise AttributeError(name)
        return partial(self._draw, name)

    def _draw(self, name: str, shape: Any, *args: Any, **kwargs: Any) -> Any:
        replica = tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group)
        share = own_share()
        assert share is not None
        draw = getattr(self._each[int(replica) % len(self._each)], name)
        entries = tf.convert_to_tensor(shape)
        if tf.get_static_value(entries[0]) is not None:  # the same for all rows
            return draw(shape, *args, **kwargs)
        each = entries[0] // tf.maximum(share.rows, 1)  # of a layer that reads rows of a row, such as steps of time
        drawn = draw(tf.concat([[share.whole * each], entries[1:]], 0), *args, **kwargs)
        first = tf.minimum(share.first, share.whole - 1) * each
        return drawn[first : first + entries[0]]


class Replicas:
    """Those of a network that trains under a strategy: mirrored copies of its variables, and the batches in parts."""

    def __init__(self, strategy: Any, network: Any, callbacks: Iterable[Any]) -> None:
        """``callbacks`` may hold variables of the network's, and their own, which they list as ``variables``."""
        refuse(network)
        self._strategy = strategy
        self._layers = [network, *network.submodules]
        self._holders = [*self._layers, *callbacks]
        kept = [variable for callback in callbacks for variable in getattr(callback, "variables", ())]
        statistics = {
            id(variable) for layer in self._norms() for variable in (layer.moving_mean, layer.moving_variance)
        }
        self._pairs: dict[int, tuple[Any, Any]] = {}
        with strategy.scope():
            for variable in [*network.weights, *kept]:
                if id(variable) not in self._pairs:
                    copy = _copy(variable, is_statistic=id(variable) in statistics)
                    self._pairs[id(variable)] = (variable, copy)

    def _norms(self) -> list[Any]:
        return [layer for layer in self._layers if type(layer) is keras.layers.BatchNormalization]

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, layers and callbacks hold the copies; afterwards, their own variables with the copies' values."""
        before: list[tuple[dict[str, Any], dict[str, Any]]] = []
        norms = self._norms()
        for holder in self._holders:
            held = vars(holder)
            changed = {name: new for name, value in held.items() if (new := self._with_copies(value)) is not value}
            before.append((held, {name: held[name] for name in changed}))
            held.update(changed)
        for layer in norms:
            object.__setattr__(layer, "__class__", SynchronizedBatchNormalization)
        try:
            with self._strategy.scope():
                yield
        finally:
            for layer in norms:
                object.__setattr__(layer, "__class__", keras.layers.BatchNormalization)
            for held, values in before:
                held.update(values)
            self.bring_back()

    def bring_back(self) -> None:
        """Gives the network's own variables the values of the copies."""
        for variable, copy in self._pairs.values():
            variable.assign(self._strategy.experimental_local_results(copy)[0])

    def brought_back_before(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """The function of the network's own variables, called when these have the copies' values."""

        def call() -> Any:
            self.bring_back()
            return function()

        return call

    def check_read(self, variables: Iterable[Any]) -> None:
        """Raises RuntimeError if one of the network's own variables is read, rather than its copies: while a step is
        traced, nothing should."""
        names = [variable.name for variable in variables if self._is_own(variable)]
        if names:
            raise RuntimeError(f"{names[0]} is read by what cannot be replicated: this is a fault of jetslim")

    def generator(self) -> OwnRows:
        """What layers draw from, in the place of a ``tf.random.Generator``."""
        return OwnRows(len(self._strategy.extended.worker_devices))

    def spread(self, batches: Any, of_batch: Iterable[str]) -> Any:
        """The batches, a ``tf.data.Dataset`` without an end, in a part for each replica: a ``DistributedDataset``.

        A batch is (examples, targets by name, extra inputs by name); ``of_batch`` names the extra inputs that have no
        rows, and go to all replicas. A part is (examples, targets, extra inputs, what ``share_of`` takes): rows that
        follow one another, as many for each replica as can be. Every worker makes whole batches, and keeps its parts.
        (Where a dataset may end, the workers ask one another in every step whether there is a next batch.)
        """

        def here(context: Any) -> Any:
            own = context.num_replicas_in_sync // context.num_input_pipelines
            numbers = range(context.input_pipeline_id * own, (context.input_pipeline_id + 1) * own)

            def parts(*batch: Any) -> Any:
                each = [
                    tf.data.Dataset.from_tensors(_part(batch, number, context.num_replicas_in_sync, set(of_batch)))
                    for number in numbers
                ]
                return reduce(lambda one, other: one.concatenate(other), each)

            return batches.flat_map(tf.autograph.experimental.do_not_convert(parts)).repeat().prefetch(2 * own)

        return self._strategy.distribute_datasets_from_function(here)

    def _is_own(self, value: Any) -> bool:
        return id(value) in self._pairs

    def _with_copies(self, value: Any) -> Any:
        """The value with copies in the place of variables, however deep; the same object if there is none in it."""
        if isinstance(value, tf.Variable):
            return self._pairs[id(value)][1] if self._is_own(value) else value
        if isinstance(value, partial):
            args, keywords = self._with_copies(value.args), self._with_copies(value.keywords)
            changed = args is not value.args or keywords is not value.keywords
            return partial(value.func, *args, **keywords) if changed else value
        if isinstance(value, TrackableReference):  # what is backed up
            return type(value)(value.name, self._with_copies(value.ref)) if self._is_own(value.ref) else value
        if isinstance(value, dict):
            new = {key: self._with_copies(inner) for key, inner in value.items()}
            return new if any(new[key] is not value[key] for key in value) else value
        if isinstance(value, list | tuple):
            items = [self._with_copies(inner) for inner in value]
            if all(new is old for new, old in zip(items, value, strict=True)):
                return value
            return (
                type(value)(*items)
                if hasattr(value, "_fields")
                else tuple(items)
                if isinstance(value, tuple)
                else items
            )
        return value


def _copy(variable: Any, is_statistic: bool) -> Any:
    """On every replica, with the value that it has on the chief; statistics of a batch are changed by each replica."""
    how = (
        {
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        if is_statistic
        else {"aggregation": variable.aggregation}
    )
    return tf.Variable(variable.read_value(), trainable=variable.trainable, name=variable.name.partition(":")[0], **how)


def _part(batch: Any, number: int, of: int, whole_inputs: set[str]) -> Any:
    images, targets, extra_inputs = batch
    count = tf.shape(images)[0]
    first, stop = count * number // of, count * (number + 1) // of
    start = tf.minimum(first, count - 1)
    size = tf.maximum(stop - first, 1)

    def rows(values: Any) -> Any:
        return values[start : start + size]

    extra = {name: values if name in whole_inputs else rows(values) for name, values in extra_inputs.items()}
    targets = {name: rows(values) for name, values in targets.items()}
    return rows(images), targets, extra, (first, stop - first, count)


def share_of(part: Any) -> Share:
    """The fourth of the parts of a batch."""
    first, rows, whole = part
    return Share(first, rows, whole)


def epoch_to_go_on_at(backup: Path, first_epoch: int) -> int:
    """The epoch, from 0, that ``BackupAndRestore`` will go on at from this folder."""
    path = tf.train.latest_checkpoint(str(backup / "chief"))
    if path is None:
        return first_epoch
    return int(tf.train.load_checkpoint(path).get_tensor("ckpt_saved_epoch/.ATTRIBUTES/VARIABLE_VALUE")) + 1
