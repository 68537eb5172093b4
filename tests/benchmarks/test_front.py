"""The README's table, of runs whose values are known."""

from types import SimpleNamespace

from benchmarks.front import table


def run(seed, seconds, top1):
    stage = SimpleNamespace(
        metrics={"top1": top1}, sparse_tflite_bytes=2e6, gzip_bytes=1e6, latency=SimpleNamespace(latency_ms_p50=0.5)
    )
    return SimpleNamespace(
        seed=seed,
        pipeline="chain",
        seconds={"wall": seconds},
        machine={"cores": 2, "cpu": "a processor"},
        data=SimpleNamespace(test=100, shape=(8, 8, 1)),
        stage=lambda name: stage,
    )


def test_it_shows_the_mean_over_seeds_and_how_long_a_run_took():
    text = table.section([run(0, 60, 0.9), run(1, 150, 1.0), run(2, 90, 0.95)])
    assert "| int8 | 95.0% | 2.00 MB | 1.00 MB | 0.50 ms |" in text
    assert "mean of seeds 0, 1, 2." in text
    assert "A run took 1.0 to 2.5 minutes on 2 cores." in text
    assert "there are only 100 test images" in text
