"""Networks as nobody would write them, of whatever Keras has: a seed makes one, and always the same.

Branches, merges, shared layers, nested networks, odd names, maps of several shapes, sequences and vectors. ``check`` puts
one through all that the stages do, and compares values at each step.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from compress import fake_quant, keras, keras3
from compress.errors import UserError
from compress.export import convert, flatbuffer
from compress.inspection import inspect
from compress.narrow.surgery import narrowed
from compress.narrow.trace import trace
from compress.prune import prunable_kernels
from compress.quantize.fold import fold
from compress.quantize.qat import float_layers, quantization_aware
from compress.rewrite import as_plain_layers
from compress.stages.faithful import check_zeros, unexpected_floats
from compress.tasks import Output
from tests.narrow.masked import masked, some_of
from tests.said import numbers_of

tf = keras.tf
NAMES = [
    "conv",
    "conv/1",
    "conv_1",
    "a/b",
    "quant_conv",
    "x_int8",
    "x",
    "x_sigmoid",
    "x_part1",
    "Block.1-a",
    "layer1.",
    "x_swish",
]
EXAMPLES = 24


class Made:
    """A network that is being made: the tensors that it has so far, and the die."""

    def __init__(self, rng, layers, model, image, ops=None):
        self.rng, self.layers, self.model, self.image, self.ops = rng, layers, model, image, ops
        self.names = set()

    def pick(self, *options):
        return options[self.rng.integers(len(options))]

    def named(self):
        """Sometimes a name that is odd; else what Keras gives."""
        name = NAMES[self.rng.integers(len(NAMES))]
        name = name if self.ops is None else name.replace("/", ".")  # Keras 3 has no slash in a name
        if self.rng.random() < 0.6 or name in self.names:
            return {}
        self.names.add(name)
        return {"name": name}

    def activation(self):
        return self.pick(
            None,
            None,
            "relu",
            "relu",
            "swish",
            "tanh",
            "sigmoid",
            "gelu",
            "hard_sigmoid",
            "elu",
            "softplus",
            "leaky_relu",
        )

    def conv(self, x, filters=None, size=None, **options):
        size = size or self.pick(1, 1, 3, (1, 3), 5)
        options = {
            "padding": "same",
            "use_bias": bool(self.rng.random() < 0.7),
            "activation": self.activation(),
            **options,
        }
        return self.layers.Conv2D(filters or int(self.rng.integers(2, 9)), size, **options, **self.named())(x)


def is_map(x):
    return len(x.shape) == 4


def smaller(x):
    return is_map(x) and min(x.shape[1:3]) >= 4


def like(m, x, other):
    """``other`` with the shape of ``x``, by a 1x1 convolution or a dense layer; None where that takes more."""
    if len(x.shape) != len(other.shape) or list(x.shape[1:-1]) != list(other.shape[1:-1]):
        return None
    if x.shape[-1] == other.shape[-1]:
        return other
    return m.layers.Conv2D(x.shape[-1], 1)(other) if is_map(x) else m.layers.Dense(x.shape[-1])(other)


def merged(m, x, other):
    kind = m.pick("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
    if kind == "Concatenate" and len(x.shape) == len(other.shape) and x.shape[1:-1] == other.shape[1:-1]:
        return m.layers.Concatenate(**m.named())([x, other])
    other = like(m, x, other)
    return x if other is None or kind == "Concatenate" else getattr(m.layers, kind)(**m.named())([x, other])


def many(m, x):
    """Three branches in one sum, mean, product or maximum."""
    kind = m.pick("Add", "Average", "Maximum", "Multiply")
    return getattr(m.layers, kind)(**m.named())([x, m.conv(x, x.shape[-1]), m.conv(x, x.shape[-1])])


def gate(m, x):
    """Squeeze and excitation (Hu et al., 2018)."""
    mean = m.layers.GlobalAveragePooling2D(keepdims=True)(x)
    mean = m.conv(mean, 3, 1, activation=m.pick("relu", "swish"))
    return m.layers.Multiply()([x, m.conv(mean, x.shape[-1], 1, activation=m.pick("sigmoid", "hard_sigmoid"))])


def shared(m, x):
    """A layer that is used twice or three times, or on two sizes."""
    kind = m.pick("conv", "conv and norm", "pool", "relu", "two sizes", "depthwise")
    if kind == "two sizes" and smaller(x):
        conv = m.layers.Conv2D(5, 3, padding="same", activation=m.activation(), **m.named())
        small = m.layers.UpSampling2D(2)(conv(m.layers.MaxPooling2D()(x)))
        big = conv(x)
        small = small if small.shape[1:] == big.shape[1:] else m.layers.Conv2D(5, 1)(x)
        return m.layers.Concatenate()([big, small])
    if kind == "pool":
        pool = m.layers.MaxPooling2D(3, 1, padding="same", **m.named())
        return pool(m.layers.LeakyReLU()(pool(x)))
    if kind == "relu":
        relu = m.layers.ReLU(m.pick(None, 6.0), **m.named())
        return m.layers.Add()([relu(m.conv(relu(x), x.shape[-1], activation=None)), x])
    if kind == "depthwise":
        conv = m.layers.DepthwiseConv2D(3, padding="same", **m.named())
        return conv(m.layers.ReLU()(conv(x)))
    conv = m.layers.Conv2D(x.shape[-1], m.pick(1, 3), padding="same", activation=m.activation(), **m.named())
    norm = m.layers.BatchNormalization(**m.named()) if kind == "conv and norm" else m.layers.Activation("linear")
    return norm(conv(norm(conv(x))))


def nested(m, x):
    """A network in the network, called once or twice, sometimes in inference, sometimes frozen."""
    image = keras_input(m, x.shape[1:])
    inner = Made(m.rng, m.layers, m.model, m.image, m.ops)
    y = image
    for _ in range(m.rng.integers(1, 4)):
        y = step(inner, [y], nests=False)
    called = {"training": False} if m.rng.random() < 0.3 else {}
    network = m.model(image, y, **m.named())
    network.trainable = bool(m.rng.random() < 0.8)
    result = network(x, **called)
    return network(result, **called) if m.rng.random() < 0.3 and result.shape[1:] == x.shape[1:] else result


def keras_input(m, shape):
    return m.image(tuple(shape))


def shuffle(m, x):
    """A channel shuffle with the batch's size from tf.shape."""
    if x.shape[-1] % 2:
        return tf.gather(x, list(range(x.shape[-1]))[::-1], axis=-1)
    count, (height, width, channels) = tf.shape(x)[0], x.shape[1:]
    y = tf.transpose(tf.reshape(x, [count, height, width, 2, channels // 2]), [0, 1, 2, 4, 3])
    return tf.reshape(y, tf.stack([count, height, width, channels]))


def halves(m, x):
    """The split of ShuffleNet V2."""
    if x.shape[-1] % 2:
        return x[:, ::-1] if m.rng.random() < 0.5 else tf.reverse(x, [m.pick(1, 2, -1)])
    one, other = tf.split(x, 2, axis=-1)
    return tf.concat([one, m.conv(other)], axis=-1)


def unary(m, x):
    function = m.pick(
        tf.nn.relu, tf.nn.relu6, tf.nn.silu, tf.nn.gelu, tf.sigmoid, tf.tanh, tf.nn.softmax, tf.abs, tf.square, tf.identity,
        tf.stop_gradient, tf.nn.leaky_relu, tf.nn.elu, lambda v: tf.cast(v, tf.float32), lambda v: -v, tf.nn.softplus,
        lambda v: tf.sqrt(tf.nn.relu(v) + 1.0), lambda v: tf.exp(-tf.abs(v)), lambda v: tf.math.log1p(tf.nn.relu(v)),
        lambda v: tf.math.rsqrt(tf.square(v) + 1.0), lambda v: tf.clip_by_value(v, -0.5, 0.5), tf.sin,
        lambda v: tf.clip_by_value(v, 0.0, 0.7), lambda v: tf.math.l2_normalize(v, axis=-1) * 10.0,
    )  # fmt: skip
    return function(x)


def constants(m, x):
    """Arithmetic with constants: a number, a number a channel, a whole map."""
    shape = m.pick((), (x.shape[-1],), (1,) * (len(x.shape) - 1) + (x.shape[-1],), tuple(x.shape[1:]))
    c = m.rng.uniform(0.5, 2, shape).astype("float32")
    c = c if m.rng.random() < 0.5 else tf.constant(c)
    return m.pick(
        lambda: x * c, lambda: x + c, lambda: c - x, lambda: x / c, lambda: c / (tf.abs(x) + 1.0), lambda: tf.maximum(x, c),
        lambda: tf.minimum(c, x), lambda: tf.math.pow(tf.abs(x) + 0.5, 2.0),
    )()  # fmt: skip


def reduced(m, x):
    """A mean, maximum or sum over some axes."""
    how = m.pick(tf.reduce_mean, tf.reduce_max, tf.reduce_sum, tf.reduce_min)
    kept = how(x, m.pick([1, 2], [-1], 1), keepdims=True)
    return tf.concat([x, tf.broadcast_to(kept, tf.shape(x))], -1) if m.rng.random() < 0.3 else x * kept * 0.1


def moved(m, x):
    height, width, channels = x.shape[1:]
    return m.pick(
        lambda: m.layers.Permute((2, 1, 3))(x),
        lambda: m.layers.Reshape((width, height, channels))(x),
        lambda: m.layers.Reshape((height * width, 1, channels))(x),
        lambda: m.layers.ZeroPadding2D(((0, 1), (1, 0)))(x),
        lambda: m.layers.Cropping2D(((0, 1), (0, 0)))(x) if height > 2 else x,
        lambda: m.layers.UpSampling2D(2, interpolation=m.pick("nearest", "bilinear"))(x) if height < 12 else x,
        lambda: x[:, : height - 1, 1:] if min(height, width) > 2 else x,
        lambda: x[:, ::2, ::-1],
        lambda: tf.pad(x, [[0, 0], [1, 0], [0, 1], [0, 0]], constant_values=m.pick(0.0, 0.5)),
        lambda: tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT") if min(height, width) > 2 else x,
        lambda: tf.image.resize(x, (height + 1, width + 2)),
        lambda: tf.transpose(x, [0, 2, 1, 3]),
        lambda: tf.tile(x, [1, 1, 1, 2]),
        lambda: tf.roll(x, 1, axis=1),
        lambda: tf.nn.space_to_depth(x, 2) if not (height % 2 or width % 2) else x,
        lambda: tf.squeeze(tf.expand_dims(x, 1), [1]),
        lambda: tf.stack([x, m.layers.ReLU()(x)], axis=-1)[..., 0],
        lambda: tf.gather(x, tf.range(height // 2 + 1), axis=1),
    )()


def pooled(m, x):
    return m.pick(
        lambda: m.layers.MaxPooling2D(2)(x),
        lambda: m.layers.MaxPooling2D(3, 2, padding="same")(x),
        lambda: m.layers.AveragePooling2D(2)(x),
        lambda: m.layers.AveragePooling2D(3, 2, padding="same")(x),
        lambda: m.layers.AveragePooling2D(2)(m.conv(x, size=1, activation=None)),
        lambda: tf.nn.avg_pool2d(x, 2, 2, "VALID"),
        lambda: tf.nn.max_pool2d(x, 2, 2, "SAME"),
    )()


def normalized(m, x):
    channels = x.shape[-1]
    return m.pick(
        lambda: m.layers.BatchNormalization(**m.named())(x),
        lambda: m.layers.BatchNormalization(scale=False, center=False)(x),
        lambda: m.layers.ReLU()(m.layers.BatchNormalization()(x)),
        lambda: m.conv(m.layers.ReLU()(m.layers.BatchNormalization()(x)), size=1) if is_map(x) else x,
        lambda: m.layers.LayerNormalization(**m.named())(x),
        lambda: m.layers.UnitNormalization()(x),
        lambda: m.layers.UnitNormalization()(x) * 8.0,
        lambda: m.layers.GroupNormalization(1)(x),
        lambda: m.layers.Rescaling(0.5, -0.2)(x),
        lambda: m.layers.Rescaling(m.rng.uniform(0.5, 2, channels).tolist(), 0.1)(x),
        lambda: m.layers.Normalization(mean=m.rng.normal(size=channels).tolist(), variance=m.rng.uniform(0.5, 2, channels).tolist())(x),
        lambda: m.layers.BatchNormalization(axis=1)(x) if len(x.shape) == 4 else x,
        lambda: m.layers.BatchNormalization(trainable=False)(x),
    )()  # fmt: skip


def activated(m, x):
    layers = m.layers
    return m.pick(
        lambda: layers.ReLU(**m.named())(x), lambda: layers.ReLU(6.0)(x), lambda: layers.ReLU(0.7)(x), lambda: layers.ReLU(negative_slope=0.2)(x),
        lambda: layers.ReLU(threshold=0.3)(x), lambda: layers.ReLU(2.0, 0.1, 0.2)(x), lambda: layers.LeakyReLU(0.1)(x), lambda: layers.PReLU()(x),
        lambda: layers.PReLU(shared_axes=list(range(1, len(x.shape) - 1)) or None, alpha_initializer="random_uniform")(x),
        lambda: layers.ELU()(x), lambda: layers.Softmax()(x), lambda: layers.ThresholdedReLU(0.2)(x),
        *[lambda kind=kind: layers.Activation(kind, **m.named())(x) for kind in (
            "relu", "sigmoid", "tanh", "swish", "gelu", "elu", "selu", "softplus", "softsign", "mish", "hard_sigmoid", "exponential", "linear", "softmax",
        )],
    )()  # fmt: skip


def hard_swish(m, x):
    return x * tf.nn.relu6(x + 3.0) / 6.0


def idle(m, x):
    layers = m.layers
    return m.pick(
        layers.Dropout(0.3, **m.named()), layers.GaussianNoise(0.1), layers.GaussianDropout(0.1), layers.AlphaDropout(0.1),
        layers.ActivityRegularization(0.01), layers.Activation("linear"),
    )(x)  # fmt: skip


def idle_on_maps(m, x):
    layers = m.layers
    return m.pick(
        layers.SpatialDropout2D(0.2), layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.1)
    )(x)


def convolutions(m, x):
    layers, channels = m.layers, x.shape[-1]
    return m.pick(
        lambda: m.conv(x), lambda: m.conv(x), lambda: m.conv(x, strides=2, size=3), lambda: m.conv(x, size=3, dilation_rate=2),
        lambda: m.conv(x, padding="valid", size=3) if min(x.shape[1:3]) > 3 else x,
        lambda: m.layers.BatchNormalization()(m.conv(x, activation=None)),
        lambda: m.layers.ReLU(6.0)(m.layers.BatchNormalization()(m.conv(x, activation=None, use_bias=False))),
        lambda: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=m.pick(1, 2), activation=m.activation(), **m.named())(x),
        lambda: layers.SeparableConv2D(5, 3, padding="same", activation=m.activation(), **m.named())(x),
        lambda: layers.Conv2DTranspose(4, 3, strides=m.pick(1, 2), padding="same", activation=m.activation(), **m.named())(x) if x.shape[1] < 9 else x,
        lambda: layers.Conv2D(2 * channels, 3, padding="same", groups=channels, **m.named())(x),
        lambda: layers.Conv2D(channels, 3, padding="same", groups=2, activation=m.activation())(x) if channels % 2 == 0 else x,
        lambda: layers.Dense(5, activation=m.activation(), **m.named())(x),
        lambda: m.conv(layers.ZeroPadding2D(2)(x), size=5, strides=2, padding="valid") if min(x.shape[1:3]) > 4 else x,
        lambda: layers.LocallyConnected2D(3, 2)(x) if min(x.shape[1:3]) > 2 else x,
    )()  # fmt: skip


def sequences(m, x):
    layers, (length, channels) = m.layers, x.shape[1:]
    return m.pick(
        lambda: layers.Conv1D(5, 3, padding=m.pick("same", "causal"), activation=m.activation(), **m.named())(x),
        lambda: layers.Conv1D(4, 3, strides=2, padding="same", use_bias=False)(x),
        lambda: layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(6, 3, padding="same", dilation_rate=2)(x))),
        lambda: layers.SeparableConv1D(5, 3, padding="same", activation=m.activation())(x),
        lambda: layers.DepthwiseConv1D(3, padding="same")(x),
        lambda: layers.MaxPooling1D(2, padding="same")(x),
        lambda: layers.AveragePooling1D(2, padding="same")(x),
        lambda: layers.UpSampling1D(2)(x) if length < 16 else x,
        lambda: layers.ZeroPadding1D(1)(x),
        lambda: layers.Cropping1D(1)(x) if length > 3 else x,
        lambda: layers.Dense(6, activation=m.activation(), **m.named())(x),
        lambda: layers.TimeDistributed(layers.Dense(4))(x),
        lambda: layers.LSTM(4, return_sequences=True)(x),
        lambda: layers.Bidirectional(layers.GRU(3, return_sequences=True))(x),
        lambda: layers.SimpleRNN(4, return_sequences=True)(x),
        lambda: layers.MultiHeadAttention(2, 3)(x, x),
        lambda: layers.SpatialDropout1D(0.2)(x),
        lambda: layers.Permute((2, 1))(x),
        lambda: layers.Conv1DTranspose(4, 3, strides=2, padding="same")(x) if length < 16 else x,
        lambda: layers.Attention()([x, x]),
        lambda: layers.BatchNormalization()(x),
        lambda: layers.Reshape((length, 1, channels))(x),
    )()  # fmt: skip


def vectors(m, x):
    layers, width = m.layers, x.shape[-1]
    return m.pick(
        lambda: layers.Dense(8, activation=m.activation(), **m.named())(x),
        lambda: layers.Dense(7, use_bias=False, **m.named())(x),
        lambda: layers.ReLU()(layers.BatchNormalization()(layers.Dense(6)(x))),
        lambda: layers.BatchNormalization()(x),
        lambda: layers.RepeatVector(3)(x),
        lambda: layers.Reshape((width, 1))(x),
        lambda: layers.Reshape((1, 1, width))(x),
        lambda: layers.Concatenate()([x, layers.Dense(4, activation=m.activation())(x)]),
        lambda: tf.expand_dims(x, 1),
        lambda: tf.linalg.matmul(x, tf.constant(m.rng.normal(size=(width, 5)).astype("float32"))),
        lambda: tf.reshape(x, [-1, width]),
    )()  # fmt: skip


def flattened(m, x):
    layers, shape = m.layers, x.shape[1:]
    if is_map(x):
        return m.pick(
            lambda: layers.GlobalAveragePooling2D()(x),
            lambda: layers.GlobalMaxPooling2D()(x),
            lambda: layers.Reshape((shape[0] * shape[1], shape[2]))(x),
            lambda: tf.reduce_mean(x, [1, 2]),
            lambda: tf.reduce_max(x, 1),
        )()
    return m.pick(
        lambda: layers.GlobalAveragePooling1D()(x), lambda: layers.GlobalMaxPooling1D()(x), lambda: layers.Flatten()(x)
    )()


# (how likely, on what it works, what it does)
STEPS = [
    (8, is_map, convolutions),
    (3, is_map, normalized),
    (3, lambda x: True, activated),
    (2, smaller, pooled),
    (2, is_map, moved),
    (1, is_map, many),
    (1, is_map, gate),
    (2, is_map, shared),
    (1, is_map, shuffle),
    (1, is_map, halves),
    (1, is_map, hard_swish),
    (1, is_map, reduced),
    (1, lambda x: True, unary),
    (1, lambda x: True, constants),
    (1, lambda x: True, idle),
    (1, is_map, idle_on_maps),
    (6, lambda x: len(x.shape) == 3, sequences),
    (2, lambda x: len(x.shape) == 3, normalized),
    (6, lambda x: len(x.shape) == 2, vectors),
    (0.3, lambda x: len(x.shape) > 2, flattened),
]


def operations_of_keras3(m, x):
    """What ``keras.ops`` computes, and operators."""
    ops = m.ops
    return m.pick(
        lambda: ops.relu(x), lambda: ops.relu6(x), lambda: ops.silu(x), lambda: ops.sigmoid(x), lambda: ops.tanh(x), lambda: x * 0.5 + 0.1,
        lambda: 1.0 - x, lambda: ops.maximum(x, 0.2), lambda: ops.clip(x, -0.5, 0.5), lambda: ops.abs(x), lambda: ops.square(x) * 0.5,
        lambda: ops.concatenate([x, ops.relu(x)], axis=-1), lambda: ops.flip(x, axis=-1), lambda: x[..., ::-1],
        lambda: ops.softmax(x), lambda: ops.gelu(x), lambda: x / (1.0 + ops.abs(x)), lambda: ops.add(*ops.split(x, 2, axis=-1)),
        lambda: ops.reshape(x, (-1, *x.shape[1:-1], 1, x.shape[-1]))[..., 0, :], lambda: ops.exp(-ops.abs(x)),
        lambda: x * ops.mean(x, axis=-1, keepdims=True), lambda: x - ops.max(x, axis=1, keepdims=True), lambda: ops.leaky_relu(x, 0.1),
    )()  # fmt: skip


def step(m, tensors, nests=True):
    """One more tensor, made of the last ones."""
    x = tensors[-1] if m.rng.random() < 0.75 else tensors[m.rng.integers(max(0, len(tensors) - 4), len(tensors))]
    if m.ops is not None and m.rng.random() < 0.2:
        return operations_of_keras3(m, x)
    if nests and m.rng.random() < 0.12:
        return nested(m, x)
    if len(tensors) > 2 and m.rng.random() < 0.15:
        return merged(m, x, tensors[m.rng.integers(len(tensors))])
    fitting = [(weight, make) for weight, fits, make in STEPS if fits(x)]
    weights = np.array([weight for weight, _ in fitting])
    return fitting[m.rng.choice(len(fitting), p=weights / weights.sum())][1](m, x)


def network(seed, in_keras3=False):
    """The network of this seed, of legacy Keras or of Keras 3."""
    rng = np.random.default_rng(seed)
    kind = keras3 if in_keras3 else keras
    kind.backend.clear_session()
    keras.backend.clear_session()
    kind.utils.set_random_seed(seed)
    made = Made(rng, kind.layers, kind.Model, kind.Input, keras3.ops if in_keras3 else None)
    shape = made.pick(
        (12, 12, 3), (12, 12, 3), (8, 14, 3), (10, 6, 1), (9, 9, 4), (16, 16, 2), (20, 4), (12, 1), (9,), (24,)
    )
    x = made.image(shape, **({"name": "image"} if rng.random() < 0.5 else {}))
    tensors = [x]
    for _ in range(rng.integers(3, 11)):
        try:
            tensors.append(step(made, tensors))
        except Exception:  # TensorFlow's own functions, and layers that Keras 3 has no more
            if not in_keras3:
                raise
    end = tensors[-1]
    if is_map(end):
        end = made.pick(made.layers.GlobalAveragePooling2D(), made.layers.Flatten())(end)
    elif len(end.shape) == 3:
        end = made.pick(made.layers.GlobalAveragePooling1D(), made.layers.Flatten())(end)
    built = made.model(
        x,
        made.layers.Dense(4, **made.named())(end),
        **made.pick({}, {"name": "net"}, {"name": "a.b" if in_keras3 else "a/b"}, {"name": "conv"}),
    )
    for weight in built.weights:
        name = weight.path if hasattr(weight, "path") else weight.name
        if "float" not in str(weight.dtype):
            continue
        if "variance" in name:
            weight.assign(rng.uniform(0.2, 1.5, weight.shape))
        elif "gamma" in name:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif any(word in name for word in ("mean", "beta", "bias")):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    return built


def examples(model):
    """Bytes / 255 for maps, as images are; any numbers for the others."""
    rng, shape = np.random.default_rng(0), (EXAMPLES, *model.input_shape[1:])
    if len(shape) == 4:
        return rng.integers(0, 256, shape).astype("float32") / np.float32(255)
    return rng.normal(0, 1, shape).astype("float32")


@dataclass
class Outcome:
    """``refused``: why, where it was; signal-to-noise in dB of each form, of what varies from example to example."""

    refused: str = ""
    floats: tuple[str, ...] = ()
    float_file: float = 0.0
    int8_network: float = 0.0
    int8_file: float = 0.0


def snr(wanted, got):
    """dB of the outputs' variation over the difference; 100 where nothing differs."""
    wanted, got = np.asarray(wanted, np.float64), np.asarray(got, np.float64)
    signal, noise = np.sum((wanted - wanted.mean(axis=0)) ** 2), np.sum((wanted - got) ** 2)
    return float(np.clip(10 * np.log10(max(signal, 1e-30) / max(noise, 1e-30)), -100, 100))


def file_of(model, **options):
    """The .tflite, with bare logits."""
    return convert.Converter(model, outputs=[Output("numbers", "numbers", "as they are")], **options).dense()


def check(model) -> Outcome:
    """Raises AssertionError for anything that is silently wrong; a network may be refused, by UserError, in one line."""
    data = examples(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = inspect(model)
        except UserError as error:
            return Outcome(refused=str(error))
        if found.refused:
            return Outcome(refused="; ".join(f"{row.layer}: {row.becomes}" for row in found.refused))
        assert found.exact, f"the rewritten network departs by {found.difference:.1e}"
        wanted = model.predict(data, verbose=0)
        size = max(float(abs(wanted).max()), 1e-6)
        plainer = as_plain_layers(model)
        for name, rewritten in (("plain", plainer), ("folded", fold(model))):
            departs = float(abs(rewritten.predict(data, verbose=0) - wanted).max())
            assert departs <= max(1e-4, 10 * found.rounding) * size, f"{name} departs by {departs / size:.1e}"
        traced = trace(plainer)
        removed = some_of(traced, 0.25)
        narrow, reference = (
            each.predict(data, verbose=0)
            for each in (narrowed(plainer, traced, removed), masked(plainer, traced, removed))
        )
        departs = float(abs(narrow - reference).max()) / max(float(abs(reference).max()), 1e-6)
        assert departs <= max(1e-4, 10 * found.rounding), f"the narrowed network departs by {departs:.1e}"
        got = numbers_of(file_of(model))(data)
        departs = float(abs(got - wanted).max())
        assert departs <= max(1e-3, 100 * found.rounding) * size, f"the float file departs by {departs / size:.1e}"
        aware = quantization_aware(plainer, [data[: EXAMPLES // 2], data[EXAMPLES // 2 :]])
        fake_quant.freeze_quantized_kernels(aware)
        emulated = aware.predict(data, verbose=0)
        content = file_of(aware)
        operators = flatbuffer.operators(content)
        surplus = unexpected_floats(operators, float_layers(aware))
        assert not surplus, f"in float without a word: {surplus}"
        check_zeros(prunable_kernels(aware), flatbuffer.convolution_kernels(content))
        int8 = numbers_of(content)(data)
    outcome = Outcome("", tuple(float_layers(aware)), snr(wanted, got), snr(wanted, emulated), snr(emulated, int8))
    step_size = np.ptp(wanted) / 255
    close = float(abs(int8 - emulated).max()) <= 4 * step_size
    assert close or outcome.int8_file > 14, f"the int8 file departs from its network: {outcome}"
    # what hardly varies drowns in the rounding of what is constant
    right = float(abs(emulated - wanted).max()) <= max(4 * step_size, 0.06 * size)
    assert right or outcome.int8_network > 8, f"the int8 network departs from the float one: {outcome}"
    return outcome
