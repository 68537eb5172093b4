"""The samples of every latency as a strip, and why they may not be trusted."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from compress.report.format import percent, three_digits
from compress.report.html.scale import scale_of
from compress.results import Latency, Run

WIDTH, HEIGHT, LEFT, RIGHT = 900, 30, 150, 190
SLOW_TENTH, DRIFT, CLOCK = 1.25, 1.15, 0.95


def of_stages(run: Run) -> list[tuple[str, Latency]]:
    """Name and latency of each stage that has samples."""
    return [(stage.name, stage.latency) for stage in run.stages if stage.latency and stage.latency.samples_ms]


def strips(timed: Sequence[tuple[str, Latency]], clocks: str) -> dict[str, Any] | None:
    """A row for each of them: places of the samples, the median and the 90th percentile on one axis of milliseconds.

    ``clocks`` is a sentence on the processor's. None without any latency.
    """
    if not timed:
        return None
    everything = [sample for _, latency in timed for sample in latency.samples_ms]
    axis = scale_of(everything, LEFT, WIDTH - RIGHT, may_be_log=True, room=0.03)
    return {
        "width": WIDTH,
        "height": HEIGHT * len(timed) + 30,
        "row": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "ticks": axis.ticks,
        "rows": [
            {
                "name": name,
                "samples": [axis(sample) for sample in latency.samples_ms],
                "p50": axis(latency.latency_ms_p50),
                "p90": axis(latency.latency_ms_p90),
                "text": "{} ms, 90 % within {}".format(
                    *map(three_digits, (latency.latency_ms_p50, latency.latency_ms_p90))
                ),
                "title": f"{name}: {len(latency.samples_ms)} runs, mean {latency.latency_ms_mean:.3f} ms, median "
                f"{latency.latency_ms_p50:.3f} ms, 90 % within {latency.latency_ms_p90:.3f} ms",
            }
            for name, latency in timed
        ],
        "clocks": clocks,
        "warnings": [f"{name}: {warning}" for name, latency in timed for warning in warnings(latency)],
    }


def clocks_of_host(timed: Sequence[tuple[str, Latency]]) -> str:
    """What was recorded of the processor's clock, in a sentence."""
    known = [(name, [f"{clock:.0f}" for clock in latency.clocks_mhz]) for name, latency in timed if latency.clocks_mhz]
    if not known:
        return "The processor's clock was not recorded."
    values = {clock for _, each in known for clock in each}
    if len(values) == 1:
        return f"The system reported a processor clock of {values.pop()} MHz before and after each measurement."
    told = ", ".join(f"{name} {' and '.join(each)}" for name, each in known)
    return f"The processor's clock before and after each measurement, in MHz: {told}."


def warnings(latency: Latency) -> list[str]:
    """Why the samples are not to be trusted too far, a line each."""
    lines = []
    samples = latency.samples_ms
    if latency.latency_ms_p90 > SLOW_TENTH * latency.latency_ms_p50:
        more = latency.latency_ms_p90 / latency.latency_ms_p50 - 1
        lines.append(
            f"the slowest 10 % of the runs took at least {percent(more, 0)} longer than the median, so something else "
            "was probably running at the same time"
        )
    if len(samples) >= 10:
        first, second = (float(np.median(part)) for part in np.array_split(np.array(samples), 2))
        if max(first, second) > DRIFT * min(first, second):
            lines.append(
                f"the median drifted from {first:.3g} ms in the first half of the runs to {second:.3g} ms in the second"
            )
    if len(latency.clocks_mhz) == 2 and min(latency.clocks_mhz) < CLOCK * max(latency.clocks_mhz):
        before, after = latency.clocks_mhz
        lines.append(f"the processor's clock changed from {before:.0f} to {after:.0f} MHz")
    return lines
