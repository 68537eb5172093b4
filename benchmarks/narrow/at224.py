"""DenseNet201 in float32 beside the network that a chain left, at 224x224: what of the speed does not hang on 32x32."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import keep
from benchmarks.studies import At224, schema_of
from compress import artifacts, keras, models
from compress.evaluate.latency import in_turns
from compress.evaluate.timings import alone
from compress.export import convert
from compress.narrow.int8_file import int8_file
from compress.results import read_run
from compress.rewrite import as_plain_layers
from compress.tasks import Classification

SIZE, ROUNDS = 224, 10


def keep_ratio(run: Path, results: Path) -> None:
    """Times a run's narrowed network; weights and images do not matter for it."""
    result = read_run(run / "run.json")
    path = results / f"at224-{result.pipeline}-seed{result.seed}.json"
    if path.exists():
        print(f"{path.name} is there", flush=True)
        return
    folder = next(run.glob("*-pruned"))
    network = of_size(artifacts.load(folder / "saved_model"), SIZE)
    examples = np.random.default_rng(0).random((2, SIZE, SIZE, 3), dtype=np.float32)
    files = {
        "teacher": convert.Converter(models.build("densenet201", SIZE, 10, seed=0)).dense(),
        "student": convert.Converter(models.build("densenet121", SIZE, 10, seed=0)).dense(),
        "jetslim": int8_file(as_plain_layers(network), [examples], Classification.OUTPUTS),
    }
    with alone():
        samples = in_turns(list(files.values()), ROUNDS, 0.2)
    rounds = [
        {name: np.array_split(times, ROUNDS)[number].tolist() for name, times in zip(files, samples, strict=True)}
        for number in range(ROUNDS)
    ]
    keep(
        path,
        {
            "schema": schema_of(At224),
            "pipeline": result.pipeline,
            "seed": result.seed,
            "bytes": {name: len(content) for name, content in files.items()},
            "rounds": rounds,
        },
    )


def of_size(model: Any, size: int) -> Any:
    """The same layers, with the same weights, for images of another size."""
    config = model.get_config()
    for layer in config["layers"]:
        if layer["class_name"] == "InputLayer":
            layer["config"]["batch_input_shape"] = (None, size, size, model.input_shape[-1])
    resized = keras.Model.from_config(config)
    resized.set_weights(model.get_weights())
    return resized
