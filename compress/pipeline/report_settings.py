"""[report] in a pipeline file: what its reports show beyond what a run measures anyway, and what is asked of it."""

import dataclasses
from typing import Annotated

from pydantic import Field

from compress.config import NotNegative, Positive, config

Images = Annotated[int, Field(ge=0, le=1000)]


@config
class Goals:
    """What is asked of the last stage's file; the report says whether it was reached. None asks nothing."""

    score: float | None = None
    """The first metric on the test split, raw (0.97 for 97 %): at least, or at most where less is better."""
    score_lost: NotNegative | None = None
    """How much worse it may be than the first stage's, raw."""
    megabytes: Positive | None = None
    """At most, of the smaller of the dense and the sparse file."""
    latency_ms: Positive | None = None
    """At most, the median on this host."""

    @property
    def asked(self) -> dict[str, float]:
        """Those that are not None."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@config
class ReportSettings:
    """The fields of [report]. No stage's key depends on them; the points of a sweep have only the goals of it."""

    noise_images: Images = 0
    """Validation images on which every layer of the last file is compared with the network before its quantization."""
    worst_images: Images = 0
    """How many of the test images on which the last file is worst are shown. They are then in the report."""
    goals: Goals = Goals()
    """What is asked of the last stage's file, such as { score = 0.9, megabytes = 2.0 }."""
