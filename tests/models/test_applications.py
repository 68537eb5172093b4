"""keras.applications: heads, weights, what they expect, what they refuse."""

import sys
import urllib.error

import numpy as np
import pytest

from compress import keras, models
from compress.errors import UserError
from compress.models import applications
from compress.models.head import dense

IMAGES = np.random.default_rng(0).random((2, 96, 96, 3), dtype="float32")


@pytest.fixture
def imagenet_without_download(monkeypatch):
    """Builds what weights="imagenet" builds, preprocessing layers included, with random weights."""
    backbones = []

    def random_weights(function, input_shape, weights):
        keras.utils.set_random_seed(0)
        builder = getattr(keras.applications, function)
        backbones.append(builder(include_top=False, pooling="avg", input_shape=input_shape, weights=None))
        return backbones[-1]

    monkeypatch.setattr(applications, "_backbone", random_weights)
    return backbones


SLOW = ["EfficientNetB0", "EfficientNetV2B0", "EfficientNetV2S", "ConvNeXtTiny", "RegNetX002", "ResNetRS50"]
SLOW += ["InceptionV3", "NASNetMobile", "ResNet50V2", "DenseNet121", "Xception"]


@pytest.mark.parametrize(
    "function", ["MobileNetV3Small", "MobileNet", "VGG16", *(pytest.param(x, marks=pytest.mark.slow) for x in SLOW)]
)
def test_imagenet_weights_get_what_they_expect(function, imagenet_without_download):
    model = applications.build(function, (96, 96, 3), dense(7), "imagenet")
    (backbone,) = imagenet_without_download
    outside = sys.modules[getattr(keras.applications, function).__module__].preprocess_input
    features = backbone(outside(255 * IMAGES), training=False).numpy()
    kernel, bias = model.get_layer("predictions").get_weights()
    assert model.layers[1].name == "preprocessing"
    assert features.std() > 0
    expected = features @ kernel + bias
    np.testing.assert_allclose(model(IMAGES, training=False), expected, atol=1e-3 * abs(expected).max())
    assert all(len(layer.inbound_nodes) == 1 for layer in model.layers)


def test_random_weights_have_nothing_in_front():
    model = models.build("efficientnetb0", 32, 10)
    assert [layer.name for layer in model.layers[1:3]] == ["stem_conv_pad", "stem_conv"]
    assert model.count_params() == 4_049_571 - 7 + 1280 * 10 + 10  # Keras's own count less its Normalization


def test_the_head_is_global_average_pooling_and_one_dense_layer():
    model = models.build("mobilenet", 32, 10)
    pool, head = model.layers[-2:]
    assert isinstance(pool, keras.layers.GlobalAveragePooling2D)
    assert (head.name, head.units, head.activation) == ("predictions", 10, keras.activations.linear)


def test_layers_have_the_same_names_every_time():
    first, second = (models.build("mobilenet", 32, 10) for _ in range(2))
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [("densenet121", 31, "at least 32x32"), ("inceptionv3", 32, "at least 75x75"), ("densenet_tiny", 16, "32x32")],
)
def test_a_size_that_keras_refuses(name, size, reason):
    with pytest.raises(UserError, match=reason) as error:
        models.build(name, size, 10)
    assert "\n" not in str(error.value)


def test_a_failed_download_says_where_the_file_goes(monkeypatch, tmp_path):
    def no_network(*_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.src.utils.data_utils, "urlretrieve", no_network)
    with pytest.raises(UserError) as error:
        models.build("mobilenetv3small", 224, 10, weights="imagenet")
    message = str(error.value)
    assert "\n" not in message
    assert str(tmp_path / "models") in message
    assert "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5" in message


def test_another_error_is_not_called_a_download(monkeypatch):
    def broken(**_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(keras.applications, "VGG16", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        applications.build("VGG16", (32, 32, 3), dense(10))


@pytest.mark.parametrize("name", ["resnet8", "densenet_tiny"])
def test_small_networks_have_no_imagenet_weights(name):
    with pytest.raises(UserError, match=f"no ImageNet weights for {name}"):
        models.build(name, 32, 10, weights="imagenet")


def test_weights_of_a_network_started_from_imagenet_bring_their_convolution(imagenet_without_download, tmp_path):
    trained = applications.build("MobileNet", (96, 96, 3), dense(7), "imagenet")
    trained.save_weights(tmp_path / "trained.h5")
    model = models.build("mobilenet", 96, 7, weights=str(tmp_path / "trained.h5"), seed=5)
    assert model.layers[1].name == "preprocessing"
    np.testing.assert_array_equal(model(IMAGES), trained(IMAGES))
