"""What a quantized network reads that is no image."""

import numpy as np

from compress import fake_quant, keras
from compress.export import convert
from compress.quantize.qat import quantization_aware
from tests.said import numbers_of

layers = keras.layers


def test_numbers_of_words_are_read_as_they_are():
    """On a grid of 200 / 255 most of them would be their neighbours'."""
    keras.utils.set_random_seed(0)
    words = keras.Input((6,), name="words")
    x = layers.Embedding(200, 8, embeddings_initializer="random_normal", name="embedding")(words)
    model = keras.Model(words, layers.Dense(4, name="head")(layers.Flatten()(x)), name="small")
    model.get_layer("embedding").set_weights([np.random.default_rng(1).normal(size=(200, 8)).astype("float32")])
    examples = np.random.default_rng(0).integers(0, 200, (64, 6)).astype("float32")
    wanted = model(examples).numpy()
    aware = quantization_aware(model, [examples])
    fake_quant.freeze_quantized_kernels(aware)
    step = np.ptp(wanted) / 255
    assert np.abs(aware(examples, training=False).numpy() - wanted).max() < 4 * step
    predict = numbers_of(convert.Converter(aware, output_type="int8").dense())
    assert np.abs(predict(examples) - wanted).max() < 4 * step
