"""Which channel each value of a network belongs to: numbers go through the graph in the place of values.

A channel that a convolution makes has a number of its own. Layers that compute channel by channel pass the numbers on,
sums unite those of their terms, concatenations put them in a row, reshapes and permutations are run on them. Channels
with one number can only be removed together (Fang, Ma, Song, Mi and Wang, "DepGraph: Towards Any Structural Pruning",
CVPR 2023, section 3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cached_property
from typing import Any

import numpy as np

from compress import keras
from compress.errors import UserError, unknown
from compress.narrow.balance import balanced
from compress.rewrite.channels import Channels, small_groups
from compress.rewrite.graph import arguments, nodes
from compress.rewrite.layer_kinds import kind, known_of

Numbers = np.ndarray
"""Of a tensor: the channel of each value, int32, of the tensor's shape without the batch."""


@dataclass(frozen=True)
class Trace:
    """The channels of a network of plain layers, by number."""

    tensors: Mapping[str, Numbers]
    """Keras's id of a tensor -> its channels."""
    given: Mapping[str, np.ndarray]
    """Name of a layer -> the channels that it reads, (channels,); of layers whose weights or settings have them."""
    made: Mapping[str, np.ndarray]
    """Name of the same layers -> those that they give."""
    makers: frozenset[str]
    """Those of the layers that make channels of their own: convolutions and dense layers."""
    whole_groups: frozenset[str]
    """Convolutions whose groups go as a whole."""
    pinned: Mapping[int, str]
    """Channels that cannot be removed -> why."""
    count: int
    """Numbers are below this."""

    @cached_property
    def is_pinned(self) -> np.ndarray:
        """True for each number that cannot be removed, (count,)."""
        mask = np.zeros(self.count, bool)
        mask[list(self.pinned)] = True
        return mask


def trace(model: Any, keep: Sequence[str] = (), made: Mapping[str, np.ndarray] | None = None) -> Trace:
    """The channels of a functional network of plain layers.

    ``keep``: names or patterns of layers whose channels stay. ``made``: those that layers of these names give, by the
    numbers of another trace of the same network, for a rewritten one. Raises UserError for a pattern without a layer.
    """
    names = [layer.name for layer in model.layers]
    for pattern in keep:
        if not any(fnmatch(name, pattern) for name in names):
            raise UserError(f"keep: {unknown('layer', pattern, names)}")
    tracing = _Tracing(dict(made or {}), tuple(keep))
    for tensor in model.inputs:
        numbers = tracing.numbers[str(id(tensor))] = tracing.fresh(_shape(tensor))
        tracing.pin(numbers, "the network's input")
    for node in nodes(model):
        tracing.visit(node)
    for tensor in model.outputs:
        tracing.pin(tracing.numbers[str(id(tensor))], "the network's output")
    for layer in model.layers:
        if layer.name in tracing.makers and not layer.trainable:
            for channels in (tracing.given[layer.name], tracing.made[layer.name]):
                tracing.pin(channels, f"{layer.name} is frozen (trainable = False)")
    return tracing.result()


def channels_of(numbers: Numbers) -> np.ndarray | None:
    """The channels along the last axis, (channels,); None where they differ from place to place."""
    if not numbers.ndim:
        return None
    first: np.ndarray = numbers[(0,) * (numbers.ndim - 1)]
    repeated = all(stride == 0 or side == 1 for stride, side in zip(numbers.strides[:-1], numbers.shape, strict=False))
    return first if repeated or bool(np.all(numbers == first)) else None


def _shape(tensor: Any) -> tuple[int, ...]:
    """Without the batch; a side that is open counts as 1, as it is no channel."""
    return tuple(side or 1 for side in tensor.shape[1:])


@dataclass
class _Tracing:
    """The numbers so far; equal ones are united in ``parent``, a forest."""

    known: dict[str, np.ndarray]
    keep: tuple[str, ...]
    numbers: dict[str, Numbers] = field(default_factory=dict)
    given: dict[str, np.ndarray] = field(default_factory=dict)
    made: dict[str, np.ndarray] = field(default_factory=dict)
    makers: set[str] = field(default_factory=set)
    whole_groups: set[str] = field(default_factory=set)
    partitions: list[np.ndarray] = field(default_factory=list)
    pins: list[tuple[np.ndarray, str]] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.known:
            self.parent = list(range(1 + max(int(numbers.max()) for numbers in self.known.values() if numbers.size)))

    def fresh(self, shape: tuple[int, ...]) -> Numbers:
        """New channels along the last axis of a tensor."""
        start, width = len(self.parent), shape[-1] if shape else 1
        self.parent += range(start, start + width)
        if not shape:
            return np.array(start, np.int32)
        return np.broadcast_to(np.arange(start, start + width, dtype=np.int32), shape)

    def pin(self, numbers: np.ndarray, reason: str) -> None:
        self.pins.append((np.unique(numbers), reason))

    def unite(self, one: np.ndarray, other: np.ndarray) -> None:
        """Channels in the same places are the same from now on."""
        for a, b in np.unique(np.stack([one.ravel(), other.ravel()], axis=1), axis=0).tolist():
            self.parent[self._root(a)] = self._root(b)

    def _root(self, number: int) -> int:
        while self.parent[number] != number:
            self.parent[number] = self.parent[self.parent[number]]
            number = self.parent[number]
        return number

    def visit(self, node: Any) -> None:
        """Numbers for the outputs of a call."""
        sources = [self.numbers[str(id(tensor))] for tensor in node.keras_inputs]
        outputs = keras.tf.nest.flatten(node.outputs)
        shapes = [_shape(tensor) for tensor in outputs]
        results = self._results(node, sources, shapes)
        if results is None:
            for numbers in sources:
                self.pin(numbers, f"read by {node.layer.name} ({kind(node.layer)})")
            results = [self.fresh(shape) for shape in shapes]
            for numbers in results:
                self.pin(numbers, f"made by {node.layer.name} ({kind(node.layer)})")
        for tensor, numbers in zip(outputs, results, strict=True):
            self.numbers[str(id(tensor))] = numbers
            if any(fnmatch(node.layer.name, pattern) for pattern in self.keep):
                self.pin(numbers, "keep names it")

    def _results(self, node: Any, sources: list[Numbers], shapes: list[tuple[int, ...]]) -> list[Numbers] | None:
        """None where the layer's channels cannot be followed."""
        layer, rule = node.layer, known_of(node.layer).channels
        if rule is None or not sources or not _on_last_axis(layer, len(sources[0].shape)):
            return None
        if rule.how in ("rearranged", "cut") and (len(layer.inbound_nodes) > 1 or len(sources) > 1):
            return None  # what it is made with, such as a shape, holds for one input alone, or is computed
        if rule.how == "rearranged":
            results = _run(node, sources)
            return None if results is None else [self._along_one_axis(numbers) for numbers in results]
        if rule.how == "cut":
            given = channels_of(sources[0])
            parts = parts_of(node) if given is not None else None
            if given is None or parts is None:
                return None
            is_whole = all(part == (0, len(given)) for part in parts)
            if not is_whole and any(shape[:-1] != sources[0].shape[:-1] for shape in shapes):
                return None  # of the places, too
            cuts = zip(parts, shapes, strict=True)
            return [np.broadcast_to(given[start:stop], shape) for (start, stop), shape in cuts]
        if rule.how == "tied":
            return None if _has_constants(node) else self._tied(sources, shapes[0])
        vectors = [channels_of(numbers) for numbers in sources]
        if any(vector is None for vector in vectors) or (rule.how == "reduced" and _reduces_channels(node)):
            return None
        if rule.how == "joined":
            return [np.broadcast_to(np.concatenate(vectors), shapes[0])]  # type: ignore[arg-type]  # none is None
        result = self._of_one(layer, rule, vectors[0], shapes[0])
        return None if result is None else [np.broadcast_to(result, shapes[0])]

    def _of_one(self, layer: Any, rule: Channels, given: Any, shape: tuple[int, ...]) -> np.ndarray | None:
        """The channels that a layer gives for those that it reads."""
        name, width = layer.name, shape[-1]
        if rule.how == "new":
            self.makers.add(name)
            if name not in self.made:
                self.made[name] = self.known[name] if name in self.known else self.fresh((width,))
            result = self.made[name]
            if getattr(layer, "groups", 1) > 1:
                self._tie_groups(layer, given, result)
        else:
            if len(given) == 0 or width % len(given) or (rule.how != "repeated" and width != len(given)):
                return None
            result = np.repeat(given, width // len(given))
        if layer.weights or any(np.size(layer.get_config()[key]) > 1 for key in rule.settings):
            if name in self.given:  # called before: one set of weights reads both
                self.unite(self.given[name], given)
            self.given.setdefault(name, given)
            self.made.setdefault(name, result)
        return result

    def _tie_groups(self, layer: Any, given: np.ndarray, made: np.ndarray) -> None:
        """Of a convolution in groups: each group loses as many channels, or, if it is small, all of them."""
        by_group = [numbers.reshape(layer.groups, -1) for numbers in (given, made)]
        if small_groups(layer.groups, len(given), len(made)):
            self.whole_groups.add(layer.name)
            for group in np.concatenate(by_group, axis=1):
                self.unite(group[1:], np.broadcast_to(group[0], group[1:].shape))
        else:
            self.partitions += by_group

    def _along_one_axis(self, numbers: Numbers) -> Numbers:
        """Where channels differ along several axes, as behind a reshape to (groups, channels), those along the last of
        these axes are united: a tensor can only be cut along whole axes."""
        numbers = self._rooted(numbers)
        axes = [axis for axis in range(numbers.ndim) if np.any(numbers != np.take(numbers, [0], axis))]
        for axis in axes[:-1]:
            first = np.take(numbers, [0], axis)
            self.unite(np.broadcast_to(first, numbers.shape), numbers)
        return self._rooted(numbers) if len(axes) > 1 else numbers

    def _rooted(self, numbers: Numbers) -> Numbers:
        different, places = np.unique(numbers, return_inverse=True)
        return np.array([self._root(int(number)) for number in different], np.int32)[places].reshape(numbers.shape)

    def _tied(self, sources: list[Numbers], shape: tuple[int, ...]) -> list[Numbers]:
        """One number for each place of all inputs; a single channel that goes with each of several stays."""
        wide = [numbers for numbers in sources if numbers.shape[-1:] == shape[-1:]]
        for numbers in sources:
            if numbers.shape[-1:] != shape[-1:]:
                self.pin(numbers, "goes with several channels")
        vectors = [channels_of(numbers) for numbers in wide]
        if all(vector is not None for vector in vectors):
            spread = [np.broadcast_to(vector, shape[-1:]) for vector in vectors]  # type: ignore[arg-type]
        else:
            spread = [np.broadcast_to(numbers, shape) for numbers in wide]
        for numbers in spread[1:]:
            self.unite(spread[0], numbers)
        return [np.broadcast_to(spread[0], shape)]

    def _balance(self) -> None:
        roots = self._roots()
        units, left = balanced([roots[partition] for partition in self.partitions])
        for unit in units:
            self.unite(np.array(unit[1:]), np.full(len(unit) - 1, unit[0]))
        if left:
            self.pin(np.array(left), "does not go evenly into the groups of a convolution")

    def _roots(self) -> np.ndarray:
        return np.array([self._root(number) for number in range(len(self.parent))], np.int32)

    def result(self) -> Trace:
        self._balance()
        roots = self._roots()
        pinned: dict[int, str] = {}
        for numbers, reason in self.pins:
            for number in np.unique(roots[numbers]):
                pinned.setdefault(int(number), reason)
        tensors = {key: _relabelled(numbers, roots) for key, numbers in self.numbers.items()}
        given, made = ({name: roots[numbers] for name, numbers in each.items()} for each in (self.given, self.made))
        return Trace(tensors, given, made, frozenset(self.makers), frozenset(self.whole_groups), pinned, len(roots))


def _relabelled(numbers: Numbers, roots: np.ndarray) -> Numbers:
    vector = channels_of(numbers)
    return roots[numbers] if vector is None else np.broadcast_to(roots[vector], numbers.shape)


def _on_last_axis(layer: Any, rank: int) -> bool:
    """Whether a layer that has an axis has the last one."""
    axis = getattr(layer, "axis", None)
    return axis is None or all(entry in (-1, rank) for entry in np.atleast_1d(axis))


def _has_constants(node: Any) -> bool:
    """Whether an operation has an operand with a number for each channel, or place, of its own."""
    if type(node.layer).__name__ != "TFOpLambda":
        return False
    values = keras.tf.nest.flatten((node.call_args, node.call_kwargs))
    return any(not hasattr(value, "_keras_history") and np.size(value) > 1 for value in values)


def _reduces_channels(node: Any) -> bool:
    """Whether a reduction over axes takes the channels' axis, too; also where that cannot be told."""
    args = node.call_args
    axis = node.call_kwargs.get("axis", args[1] if len(args) > 1 else None)
    rank = len(node.keras_inputs[0].shape)
    return axis is None or any(entry % rank == rank - 1 for entry in np.atleast_1d(axis).tolist())


def parts_of(node: Any) -> list[tuple[int, int]] | None:
    """(start, stop) of the channels that each output of a cut has; None for one that takes others than a row."""
    shape = _shape(node.keras_inputs[0])
    places = _run(node, [np.broadcast_to(np.arange(shape[-1], dtype=np.int32), shape)])
    rows = [channels_of(output) for output in places or [np.zeros((0, 0))]]
    if not all(row is not None and len(row) and np.array_equal(row, row[0] + np.arange(len(row))) for row in rows):
        return None
    return [(int(row[0]), int(row[-1]) + 1) for row in rows if row is not None]


def _run(node: Any, sources: Sequence[Numbers]) -> list[Numbers] | None:
    """The call on the numbers themselves; None for a layer that does not take them."""
    tf = keras.tf
    ids = [str(id(tensor)) for tensor in node.keras_inputs]
    fed = {
        key: tf.constant(np.ascontiguousarray(numbers)[None], tf.int32)
        for key, numbers in zip(ids, sources, strict=True)
    }
    args, kwargs = arguments(node, fed)
    try:
        results = tf.nest.flatten(node.layer(*args, **kwargs))
    except (ValueError, TypeError, tf.errors.InvalidArgumentError):
        return None
    outputs = tf.nest.flatten(node.outputs)
    if [tuple(result.shape) for result in results] != [(1, *_shape(output)) for output in outputs]:
        return None  # it moves values from example to example
    return [result.numpy()[0].astype(np.int32) for result in results]
