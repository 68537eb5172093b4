"""What scales the image goes into the first kernel, or away; the network computes the same."""

import numpy as np
import pytest

from compress import keras
from compress.models.front import fed
from compress.pixels import PIXELS
from compress.quantize.fold import fold
from compress.quantize.foldings import fates
from compress.rewrite import as_plain_layers

layers = keras.layers
UNITS = np.random.default_rng(0).random((4, 12, 12, 3), dtype="float32")


def network(chain, convolution):
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = convolution(chain(image))
    return keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(layers.ReLU()(x))))


def conv(**options):
    return layers.Conv2D(6, 3, name="conv", bias_initializer="random_normal", **options)


CASES = {
    "nothing is left of bytes": (lambda x: x / 255.0, lambda: conv(padding="same"), "0..255", ["conv"]),
    "a factor, whatever the padding": (lambda x: x / 85.0, lambda: conv(padding="same"), "0..255", ["conv"]),
    "a shift, without padding": (layers.Rescaling(1 / 127.5, -1), lambda: conv(), "0..255", ["conv"]),
    "a shift for a kernel without bias": (layers.Rescaling(1 / 127.5, -1), lambda: conv(use_bias=False), "0..255", ["conv"]),
    "a shift that padding hides": (
        layers.Rescaling(1 / 127.5, -1), lambda: conv(padding="same"), "0..255", ["pixels", "conv"],
    ),
    "a factor a channel": (
        layers.Normalization(mean=0.0, variance=[0.04, 0.05, 0.06]), lambda: conv(padding="same"), "0..1", ["conv"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_computes_the_same_with_fewer_layers(case):
    chain, convolution, pixels, left = CASES[case]
    model = fed(network(chain, convolution()), PIXELS[pixels])
    wanted = model(UNITS, training=False).numpy()
    folded = fold(model)
    np.testing.assert_allclose(folded(UNITS), wanted, atol=1e-5 * abs(wanted).max())
    names = [layer.name for layer in folded.layers]
    assert names[1 : 1 + len(left)] == left
    if left == ["conv"]:
        gone = {name: text for name, text in fates(as_plain_layers(model)).items() if name != "conv"}
        assert gone
        assert all(text.startswith(("into conv", "nothing")) for text in gone.values())


def test_by_hand():
    """One pixel of one channel, x = 0.5: y = 4 x - 1 = 1, W y + b = 3 + 0.5; so W' = 12 and b' = 0.5 - 3."""
    image = keras.Input((1, 1, 1))
    layer = layers.Conv2D(1, 1, name="conv")
    model = keras.Model(image, layers.Flatten()(layer(layers.Rescaling(4.0, -1.0)(image))))
    layer.set_weights([np.full((1, 1, 1, 1), 3.0), np.array([0.5])])
    kernel, bias = fold(model).get_layer("conv").get_weights()
    assert (kernel.item(), bias.item()) == (12.0, -2.5)
    assert fold(model)(np.full((1, 1, 1, 1), 0.5, np.float32)).numpy().item() == 3.5
