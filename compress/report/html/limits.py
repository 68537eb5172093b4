"""What a report does not show: said in it, so that nobody reads it in."""

from compress.results import Run


def limits(run: Run, has_operators: bool) -> list[str]:
    """Sentences, the most important first."""
    test = f"{run.data.test:,} test images" if run.data.test else "the test images"
    lines = [
        "No board: sizes and answers are those of the files, but latency is of this host's processor. Measure on the "
        "board itself (jetslim bundle); a ratio of two latencies belongs to a processor, too.",
        "No energy: only a board's sensors tell it.",
        f"Only {test} of {run.data.name or 'one data set'}: other images, other light or another camera may give "
        "other answers.",
        f"Only the seed {run.seed}: training again with another gives other weights, and a spread that one run cannot "
        "show. A sweep (jetslim sweep) over seeds shows it.",
        "The intervals are of the choice of test images alone: not of the seed, and not of having looked at the test "
        "images when settings were chosen.",
        "Latency is of the dense .tflite, batch 1, one thread, on random pixels, inference alone: not of reading and "
        "scaling images, nor of the sparse file.",
    ]
    if has_operators:
        lines.append(
            "Times of operators are by LiteRT's profiler, which counts whole microseconds and takes some time itself: "
            "they are for shares, not for sums. A kernel that computes several operators at once counts for the first."
        )
    if any(stage.measured_on == ".tflite" for stage in run.stages):
        lines.append("Where a stage says it was measured on its .tflite, its network was not measured by itself.")
    return lines
