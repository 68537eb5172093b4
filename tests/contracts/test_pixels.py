"""Every kind of layer behind every kind of pixels: a network that comes in says what it said, or is asked about."""

import numpy as np
import pytest

from compress import keras
from compress.datasets.splits import ArraySplit
from compress.errors import UserError
from compress.evaluate.expected_pixels import decide
from compress.models.front import fed
from compress.pixels import PIXELS
from tests.contracts.test_layers import SAMPLES, network
from tests.said import TASK

layers = keras.layers
MEAN, VARIANCE = [0.485, 0.456, 0.406], [0.229**2, 0.224**2, 0.225**2]
# the values that a network computes with -> the chain in it that makes them, and the pixels that it is fed
CHAINS = {
    "0..1": (lambda x: layers.Rescaling(1 / 255)(x), "0..255"),
    "-1..1": (lambda x: x / 127.5 - 1.0, "0..255"),
    "imagenet": (lambda x: layers.Normalization(mean=MEAN, variance=VARIANCE)(x), "0..1"),
    "imagenet of bytes": (
        lambda x: layers.Normalization(mean=MEAN, variance=VARIANCE)(layers.Rescaling(1 / 255)(x)), "0..255",
    ),
    "0..255": (lambda x: x, "0..255"),
    "no chain, 0..1": (lambda x: x, "0..1"),
    "no chain, -1..1": (lambda x: x, "-1..1"),
}  # fmt: skip
FEW = ("BatchNormalization", "Conv1D", "tf.split", "activation swish")


def images():
    """Sixty images of noise around a colour of their own."""
    rng = np.random.default_rng(2)
    colours = rng.integers(0, 256, (60, 1, 1, 3))
    return np.clip(colours + rng.integers(-40, 41, (60, 12, 12, 3)), 0, 255).astype("uint8")


@pytest.mark.parametrize("nested", [False, True], ids=["top", "nested"])
@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("kind", [
    kind if kind in FEW else pytest.param(kind, marks=pytest.mark.slow) for kind in SAMPLES
])  # fmt: skip
def test_a_network_that_comes_in_says_what_it_said(kind, name, nested):
    chain, pixels = CHAINS[name]
    sample = network(SAMPLES[kind])
    image = keras.Input((12, 12, 3))
    if nested:
        inner = keras.Input((12, 12, 3))
        model = keras.Model(image, keras.Model(inner, sample(chain(inner)), name="base")(image))
    else:
        model = keras.Model(image, sample(chain(image)))
    split = images()
    wanted = model(PIXELS[pixels].of(split), training=False).numpy()
    # by these labels its owner measures 100 %
    data = ArraySplit(split, wanted.argmax(-1), 12)
    try:
        found = decide(model, "net", TASK, None, data)
    except UserError as refused:
        if "the pixel range that it expects cannot be found" not in str(refused):
            raise
        return
    got = fed(model, found)((split / 255).astype("float32"), training=False).numpy()
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=2e-4 * np.abs(wanted).max())
