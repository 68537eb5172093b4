"""How stages were trained, in a sentence."""

from benchmarks.trained import trained
from compress.results import Run, StageResult


def test_stages_that_were_trained_alike_are_named_together():
    stages = [StageResult(name=n, history=[{"epoch": "1"}] * count) for n, count in (("a", 2), ("b", 1), ("c", 2))]
    text = "".join(f'[[stage]]\nname = "{name}"\nbatch_size = 4\n' for name in "abc")
    told = trained(
        [
            Run(
                config_toml=text,
                settings=["b.learning_rate=0.01", "b.warmup_epochs=1"],
                stages=[*stages, StageResult(name="d")],
            )
        ]
    )
    assert told == (
        "a, c: 2 epochs in batches of 4, adam, learning rate 0.001 (cosine), no weight decay; "
        "b: 1 epoch in batches of 4, adam, learning rate 0.01 (1 epoch of warm-up, then cosine), no weight decay."
    )


def test_nothing_is_said_where_nothing_was_trained():
    assert trained([Run(stages=[StageResult(name="exported")])]) == ""
