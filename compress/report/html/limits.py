"""What a report does not show: said in it, so that nobody reads it in."""

from compress.results import Run


def limits(run: Run, has_operators: bool) -> list[str]:
    """Sentences, the most important first."""
    test = f"{run.data.test:,} test images" if run.data.test else "the test images"
    lines = [
        "Latency on a board. Latencies here were measured on this host's processor, and their ratios hold for that "
        "processor alone. To measure on a board, run jetslim bundle, copy the folder that it writes to the board, and "
        "run python3 jetson.pyz benchmark . in it.",
        "Energy. Only the sensors of a board measure it.",
        f"Other data. Accuracy was measured on {test} of {run.data.name or 'one data set'}; with another camera, other "
        "light or another place it may differ.",
        f"Other seeds. This is one training with seed {run.seed}, and another seed gives other weights. "
        "jetslim sweep --set seed=0,1,2 shows how far the results differ.",
        "All uncertainty. The 95 % intervals cover the choice of the test images. They do not cover the choice of the "
        "seed, nor that somebody may have chosen settings by looking at the test images.",
        "Latency of a whole application. It was measured for the dense .tflite file with batch 1, one thread and "
        "random pixels, without reading and scaling images. The sparse file was not timed.",
    ]
    if has_operators:
        lines.append(
            "Exact times of operators. LiteRT's profiler counts whole microseconds and takes some time itself, so its "
            "times are good for shares but not for sums. Where one kernel computes several operators, its time is "
            "shown at the first of them."
        )
    if any(stage.measured_on == ".tflite" for stage in run.stages):
        lines.append(
            "The Keras network of some stages. Where a table says .tflite under measured_on, the .tflite file was "
            "measured, not the network that it was made from."
        )
    return lines
