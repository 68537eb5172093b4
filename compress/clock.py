"""Where the seconds go: wall time by cause, inner causes taken off the outer ones."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """``with clock("save"): ...`` adds the block's wall seconds to ``clock.seconds["save"]``.

    A block inside another counts once, for the inner cause, so that the causes add up to the time spent.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    @contextmanager
    def __call__(self, cause: str) -> Iterator[None]:
        start = time.perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[cause] += spent - self._inner.pop()
            if self._inner:
                self._inner[-1] += spent

    def since(self, before: dict[str, float]) -> dict[str, float]:
        """The seconds added since ``before``, an earlier copy of ``seconds``; causes that got none are left out."""
        return {
            cause: round(spent, 3)
            for cause, total in self.seconds.items()
            if (spent := total - before.get(cause, 0.0)) > 0.0005
        }
