"""A batch that several replicas of a network share: what a loss must know of the rows that the others have.

With one replica every function here gives back what it is given, and adds nothing to a graph.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Share:
    """A replica's rows of a batch; int32 scalars. Of a batch with fewer rows than replicas, some have none: they are
    given a row of another's, which counts nothing."""

    first: Any
    """The number of its first row in the batch."""
    rows: Any
    """How many it has, 0 for one that has none."""
    whole: Any
    """How many rows the batch has."""

    @property
    def weight(self) -> Any:
        """The part of the batch that it has, float32 in [0, 1]; those of all replicas add up to 1."""
        from compress.keras import tf

        return tf.cast(self.rows, tf.float32) / tf.cast(self.whole, tf.float32)


_share: ContextVar[Share | None] = ContextVar("_share", default=None)


def own_share() -> Share | None:
    """The share of the replica whose step is being traced; None where there is one replica."""
    return _share.get()


@contextmanager
def sharing(share: Share | None) -> Iterator[None]:
    """What is traced inside belongs to a replica with this share."""
    token = _share.set(share)
    try:
        yield
    finally:
        _share.reset(token)


def total(values: Any) -> Any:
    """The sum over the whole batch of what is a sum over the replica's own rows, float32. Has a gradient."""
    share = own_share()
    if share is None:
        return values
    from compress.keras import tf

    counted = values * tf.cast(tf.minimum(share.rows, 1), values.dtype)
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, counted)


def divisor(count: Any) -> Any:
    """What to divide a sum over the replica's own rows by, where the sum over the batch is to be divided by max(count,
    1): of things, say, that are in some images and not in others.

    The step takes the mean of the replicas' losses, each weighted by its part of the rows. So this is the count in the
    whole batch times that part.
    """
    from compress.keras import tf

    share = own_share()
    at_least_one = tf.maximum(total(count), 1.0)
    if share is None:
        return at_least_one
    return at_least_one * tf.cast(tf.maximum(share.rows, 1), tf.float32) / tf.cast(share.whole, tf.float32)
