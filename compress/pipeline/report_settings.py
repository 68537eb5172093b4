"""[report] in a pipeline file: what its reports show beyond what a run measures anyway, and what is asked of it."""

import dataclasses
from typing import Annotated

from pydantic import Field

from compress.config import NotNegative, Positive, config

Images = Annotated[int, Field(ge=0, le=1000)]


@config
class Goals:
    """Goals for the last stage's file; the report says whether each was reached. A field that is not given is not
    checked."""

    score: float | None = None
    """Lowest accepted value of the first metric on the test split (highest, if less is better); a fraction, 0.97 for 97
    %."""
    score_lost: NotNegative | None = None
    """Largest accepted loss of that metric against the first stage; a fraction, 0.01 for one percentage point."""
    megabytes: Positive | None = None
    """Largest accepted size in MB (10^6 bytes): of the dense or the sparse file, whichever is smaller."""
    latency_ms: Positive | None = None
    """Largest accepted median latency on this host, in milliseconds."""

    @property
    def asked(self) -> dict[str, float]:
        """Those that are not None."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@config
class ReportSettings:
    """The fields of [report]. They change no stage and no key in the store; for the points of a sweep, only the goals
    count."""

    noise_images: Images = 0
    """Number of validation images on which each layer of the last file is compared with the network before
    quantization. 0: no comparison."""
    worst_images: Images = 0
    """Number of test images to show in the report: those on which the last file does worst. 0: none."""
    goals: Goals = Goals()
    """Goals for the last stage's file, such as { score = 0.9, megabytes = 2.0 }; the report says whether each was
    reached."""
