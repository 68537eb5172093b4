"""A small network whose numbers can be worked out by hand."""

from compress import keras

layers = keras.layers


def chain():
    """On 8x8x3: 1x1 to 16 channels, batch norm, ReLU, 3x3 to 32, mean, 10 logits."""
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(16, 1, use_bias=False, name="a")(image)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    x = layers.Conv2D(32, 3, padding="same", name="b")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(image, layers.Dense(10, name="head")(x))
