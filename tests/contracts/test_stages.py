"""Every kind of stage: what it emits loads with one call in a fresh process, serves, and predicts what it predicted."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compress.stages import STAGES, Stage

ROOT = Path(__file__).parents[2]

LOAD = """
import json, sys
from pathlib import Path
import numpy as np
from compress import artifacts, keras

told = {}
for path in map(Path, sys.argv[1:]):
    network = artifacts.load(path)
    image = np.random.default_rng(0).random((2, *network.input_shape[1:]), dtype="float32")
    logits = network(image, training=False).numpy()
    served = keras.tf.saved_model.load(str(path)).signatures["serving_default"](image=keras.tf.constant(image))
    told[path.parent.name] = {
        "shape": logits.shape, "finite": bool(np.isfinite(logits).all()),
        "logits": bool((abs(logits.sum(-1) - 1) > 1e-3).all()), "outputs": list(served),
        "apart": float(abs(served["logits"].numpy() - logits).max() / max(1, abs(logits).max())),
        "layers": sorted({type(layer).__name__ for layer in network.layers}),
        "variables": [name for name, _ in keras.tf.train.list_variables(str(path / "variables" / "variables"))],
        "trainable": len(network.trainable_weights),
    }
print(json.dumps(told))
"""


@pytest.mark.parametrize("kind", STAGES)
def test_a_kind_is_registered_under_its_own_name(kind):
    stage = STAGES[kind]
    assert issubclass(stage, Stage)
    assert stage.__dataclass_fields__["kind"].default == kind
    assert stage.__doc__
    assert {"name", "input"} <= set(stage.NOT_IN_KEY)


@pytest.mark.parametrize("pipeline", ["small", pytest.param("chain", marks=pytest.mark.slow)])
def test_every_kind_emits_what_the_next_can_read(pipeline, request):
    runs = request.getfixturevalue(pipeline).folder / "runs" / pipeline
    facts = {path.name: json.loads((path / "stage.json").read_text()) for path in sorted(runs.glob("[0-9]-*"))}
    assert {fact["kind"] for fact in facts.values()} == set(STAGES) - {"load"}  # tests/stages/test_load.py
    paths = [runs / name / "saved_model" for name, fact in facts.items() if fact["kind"] != "export"]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *map(str, paths)], cwd=ROOT, text=True, capture_output=True, check=True
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told) == {path.parent.name for path in paths}
    for name, one in told.items():
        assert (one["shape"], one["finite"], one["logits"]) == ([2, 3], True, True), name
        assert one["outputs"] == ["logits"], name
        assert one["apart"] < 1e-4, name
        assert not [layer for layer in one["layers"] if "Prune" in layer], name
        # the wrappers of quantization-aware training have a counter that is called optimizer_step
        state = [v for v in one["variables"] if "optimizer" in v.lower().replace("optimizer_step/", "")]
        assert not state, name
        assert one["trainable"], name


@pytest.mark.parametrize("kind", [kind for kind in STAGES if kind != "load"])
def test_facts_say_what_the_artifact_is_made_of(kind, small):
    path = next((small.folder / "runs/small").glob(f"[0-9]-{dict(NAMES)[kind]}"))
    facts = json.loads((path / "stage.json").read_text())
    assert facts["kind"] == kind
    assert {"config", "input", "teachers", "files", "data", "seed", "versions", "source"} <= set(facts["provenance"])
    assert "name" not in facts["provenance"]["config"]
    assert facts["precision"] == ("int8" if kind in ("quantize", "export") else "float32")
    assert 0 <= facts["score"] <= 1
    assert facts["params"] > 0
    assert np.isfinite(list(facts["seconds"].values())).all()


NAMES = {
    "train": "teacher", "distill": "distilled", "narrow": "narrowed", "prune": "pruned", "quantize": "quantized", "export": "exported",
}.items()  # fmt: skip
