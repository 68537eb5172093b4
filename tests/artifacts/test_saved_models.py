"""SavedModels: written once, read back the same, served and trained on."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compress import artifacts, keras
from compress.artifacts.saved_model import check_same_outputs, serving_function
from compress.errors import UserError
from compress.quantize.qat import quantization_aware

layers, tf = keras.layers, keras.tf
ROOT = Path(__file__).parents[2]
IMAGES = np.random.default_rng(0).random((5, 8, 8, 3), dtype="float32")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(momentum=0.9)(layers.Conv2D(4, 3)(image))
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(layers.ReLU()(x)))
    model = keras.Model(image, layers.Dense(3, name="predictions")(x), name="small")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.train_on_batch(IMAGES, np.arange(5) % 3)
    path = tmp_path_factory.mktemp("saved") / "saved_model"
    artifacts.save(model, path)
    return model, path, model(IMAGES, training=False).numpy()


def test_read_back_it_predicts_the_same_and_trains_on(saved):
    model, path, wanted = saved
    loaded = artifacts.load(str(path))
    np.testing.assert_array_equal(loaded(IMAGES, training=False), wanted)
    assert loaded.name == "small"
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    assert getattr(loaded, "optimizer", None) is None
    loaded.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    loaded.train_on_batch(IMAGES, np.arange(5) % 3)
    for before, after in zip(model.weights, loaded.weights, strict=True):
        assert (before.numpy() != after.numpy()).any(), before.name


def test_no_optimizer_state_is_saved(saved):
    names = [name for name, _ in tf.train.list_variables(str(saved[1] / "variables" / "variables"))]
    assert not [name for name in names if "optimizer" in name.lower() or "Adam" in name]


FRESH = """
import numpy as np, sys
import tensorflow as tf
root, model, aware = sys.argv[1:]
images, wanted, wanted_aware = (np.load(name + ".npy") for name in ("images", "wanted", "wanted_aware"))
serve = tf.saved_model.load(model).signatures["serving_default"]
for count in (1, len(images)):
    got = serve(image=tf.constant(images[:count]))
    assert list(got) == ["logits"], list(got)
    np.testing.assert_allclose(got["logits"], wanted[:count], atol=1e-6)
assert "compress" not in sys.modules
print("served")

sys.path.insert(0, root)
from compress import artifacts
for path, logits in ((model, wanted), (aware, wanted_aware)):
    np.testing.assert_allclose(artifacts.load(path)(images, training=False), logits, atol=1e-6)
print("loaded")
"""


def test_a_fresh_process_serves_it_by_tensorflow_alone_and_loads_quantized_ones_too(saved, tmp_path):
    model, path, wanted = saved
    aware = quantization_aware(model, [IMAGES])
    artifacts.save(aware, tmp_path / "aware")
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "wanted.npy", wanted)
    np.save(tmp_path / "wanted_aware.npy", aware(IMAGES, training=False))
    done = subprocess.run([sys.executable, "-c", FRESH, str(ROOT), str(path), "aware"], capture_output=True, text=True,
                          cwd=tmp_path, env={**os.environ, "TF_USE_LEGACY_KERAS": "1"}, check=False)  # fmt: skip
    assert done.stdout.split() == ["served", "loaded"], done.stderr[-2000:]


def test_the_serving_function_takes_any_batch_or_the_one_it_is_told(saved):
    model, _, wanted = saved
    serve = serving_function(model)
    np.testing.assert_allclose(serve(tf.constant(IMAGES))["logits"], wanted, atol=1e-6)
    one = serving_function(model, batch=1)
    assert one.inputs[0].shape == (1, 8, 8, 3)
    np.testing.assert_allclose(one(tf.constant(IMAGES[:1]))["logits"], wanted[:1], atol=1e-6)


def test_what_is_no_saved_model_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match=r"is not a SavedModel: it has no saved_model.pb"):
            artifacts.load(path)


def test_a_saved_model_without_keras_is_refused(tmp_path):
    class Twice(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, x):
            return 2 * x

    tf.saved_model.save(Twice(), str(tmp_path / "module"))
    with pytest.raises(UserError, match="without Keras layers, which cannot be changed or trained"):
        artifacts.load(tmp_path / "module")


def test_same_outputs():
    def check(got, wanted):
        check_same_outputs({"logits": got}, {"logits": wanted})

    wanted = np.float32([[100, -2], [3, 4]])
    check(wanted, wanted)
    check(wanted + 0.009, wanted)  # 1e-4 of the largest
    for wrong in (wanted + 0.011, -wanted, wanted * np.nan):
        with pytest.raises(RuntimeError, match="does not predict what the network predicted: logits differ by"):
            check(wrong, wanted)
    small = wanted / 1e6
    check(small + 9e-5, small)  # of 1, where all are small


def test_layers_that_keras_applications_keeps_to_itself(tmp_path):
    from tf_keras.src.applications import convnext, inception_resnet_v2

    image = keras.Input((8, 8, 3))
    x = convnext.LayerScale(0.5, 3)(keras.layers.Conv2D(3, 1)(image))
    x = convnext.StochasticDepth(0.1)(x)
    x = inception_resnet_v2.CustomScaleLayer(0.3)([image, x])
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    artifacts.save(model, tmp_path / "model")
    loaded = artifacts.load(tmp_path / "model")
    images = np.random.default_rng(0).random((2, 8, 8, 3), dtype="float32")
    np.testing.assert_allclose(loaded(images), model(images), atol=1e-6)
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
