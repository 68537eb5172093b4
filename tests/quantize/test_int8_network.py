"""A small network through quantization to a .tflite that is int8 from end to end."""

import numpy as np
import pytest

from compress import fake_quant, keras
from compress.export import convert, flatbuffer
from compress.quantize.qat import quantization_aware
from tests.said import logits_of, numbers_of

layers = keras.layers
PIXELS = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype="uint8")
IMAGES = PIXELS.astype("float32") / 255


def conv_norm(x, width, size, name):
    x = layers.Conv2D(width, size, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(x))


def network():
    """Everything that a DenseNet or a MobileNet is made of."""
    keras.utils.set_random_seed(3)
    image = keras.Input((16, 16, 3), name="image")
    x = layers.ZeroPadding2D(name="pad")(image)
    x = conv_norm(x, 8, 3, "stem")
    x = layers.MaxPooling2D(name="pool")(x)
    for number in (1, 2):
        y = layers.ReLU()(layers.BatchNormalization(name=f"block{number}_bn")(x))
        y = layers.Conv2D(4, 3, padding="same", name=f"block{number}_conv")(y)
        x = layers.Concatenate(name=f"block{number}_concat")([x, y])
    x = layers.AveragePooling2D(name="average")(x)
    x = layers.ReLU(6.0, name="relu6")(layers.DepthwiseConv2D(3, name="depth")(x))
    x = layers.Add(name="sum")([x, layers.Conv2D(16, 1, name="beside")(x)])
    x = layers.GlobalAveragePooling2D(name="global")(x)
    model = keras.Model(image, layers.Dense(5, name="predictions")(layers.Dropout(0.5)(x)), name="everything")
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "variance" in weight.name:
            weight.assign(rng.uniform(0.05, 1, weight.shape))
        elif "mean" in weight.name or "beta" in weight.name:
            weight.assign(rng.normal(0, 0.2, weight.shape))
    return model


@pytest.fixture(scope="module")
def quantized():
    model = network()
    aware = quantization_aware(model, [IMAGES[:12], IMAGES[12:]])
    fake_quant.freeze_quantized_kernels(aware)
    return model, aware, convert.Converter(aware).dense()


def test_quantization_is_close_to_the_float_network(quantized):
    model, aware, _ = quantized
    wanted, got = model(IMAGES).numpy(), aware(IMAGES).numpy()
    assert np.corrcoef(wanted.ravel(), got.ravel())[0, 1] > 0.99
    assert 0 < abs(got - wanted).max() < 0.1 * abs(wanted).max()


def test_every_operator_computes_in_int8(quantized):
    found = flatbuffer.operators(quantized[2])
    assert found.floats == []
    assert found.requantizations == 0
    assert (found.counts["QUANTIZE"], found.counts["DEQUANTIZE"], found.counts["SOFTMAX"]) == (1, 1, 1)
    # the stem, two of the block and one beside; two norms alone, the average pool and one depthwise convolution
    assert found.counts["CONV_2D"] == 4
    assert found.counts["DEPTHWISE_CONV_2D"] == 4
    assert found.counts["CONCATENATION"] == 2
    assert not {"MUL", "RELU", "SUB", "RSQRT"} & set(found.counts)


def graph_of(content):
    from ai_edge_litert import schema_py_generated as schema

    model = flatbuffer.read_model(content)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    graph = model.subgraphs[0]
    return graph, [(names[model.operatorCodes[op.opcodeIndex].builtinCode], op) for op in graph.operators]


def test_quantize_comes_first_and_softmax_last(quantized):
    names = [name for name, _ in graph_of(quantized[2])[1]]
    assert names[0] == "QUANTIZE"
    assert names[-2:] == ["DEQUANTIZE", "SOFTMAX"]


def test_weights_have_zero_points_of_0_and_a_scale_for_each_channel(quantized):
    graph, found = graph_of(quantized[2])
    seen = 0
    for name, operator in found:
        if name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        seen += 1
        kernel = graph.tensors[operator.inputs[1]]
        assert not np.any(kernel.quantization.zeroPoint)
        if name != "FULLY_CONNECTED":  # (out, h, w, in) and (1, h, w, out)
            channels = kernel.shape[0 if name == "CONV_2D" else -1]
            assert len(kernel.quantization.scale) == channels
    assert seen == 9


def test_the_files_kernels_are_the_networks(quantized):
    """The trained grid is the file's: dequantized, a frozen kernel comes back to float rounding."""
    _, aware, content = quantized
    graph, found = graph_of(content)
    buffers = flatbuffer.read_model(content).buffers
    seen = 0
    for name, operator in found:
        if name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        tensor = graph.tensors[operator.inputs[1]]
        codes = buffers[tensor.buffer].data.view(np.int8).reshape(tensor.shape)
        scale = tensor.quantization.scale
        layer = next(x for x in aware.layers if x.name.startswith("quant_") and f"/{x.name}/" in tensor.name.decode())
        if not layer.trainable_weights:  # the average pool
            continue
        kernel = layer._weight_vars[0][0].numpy()
        if name == "CONV_2D":
            got = (codes * scale[:, None, None, None]).transpose(1, 2, 3, 0)
        elif name == "DEPTHWISE_CONV_2D":
            got = (codes * scale).transpose(1, 2, 3, 0)
        else:
            got = (codes * scale.reshape(-1, 1)).T
        np.testing.assert_allclose(got, kernel, atol=1e-5 * abs(kernel).max(), err_msg=layer.name)
        assert abs(codes.astype(int)).max() == 127
        seen += 1
    assert seen == 8


def test_convolution_kernels_are_read_from_the_file(quantized):
    _, aware, content = quantized
    kernel = aware.get_layer("quant_block2_conv")._weight_vars[0][0].numpy()
    stored = next(value for name, value in flatbuffer.convolution_kernels(content).items() if "block2_conv" in name)
    steps = abs(kernel).max(axis=(0, 1, 2)) / 127
    np.testing.assert_array_equal(stored, np.round(kernel / steps).transpose(3, 0, 1, 2))
    assert stored.dtype == np.int8


def test_pixels_have_an_exact_grid_and_tied_tensors_one_scale(quantized):
    graph, found = graph_of(quantized[2])
    quantize = found[0][1]
    first = graph.tensors[quantize.outputs[0]].quantization
    assert first.scale[0] == pytest.approx(1 / 255)
    assert first.zeroPoint[0] == -128
    for name, operator in found:
        if name in ("CONCATENATION", "MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD"):
            ties = [
                graph.tensors[i].quantization
                for i in (*operator.inputs, operator.outputs[0])
                if graph.tensors[i].type == 9
            ]
            assert len({(q.scale[0], q.zeroPoint[0]) for q in ties}) == 1, name


def test_litert_computes_what_the_network_computes(quantized):
    _, aware, content = quantized
    logits = logits_of(aware)(PIXELS)
    wanted = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    got = numbers_of(content)(PIXELS)
    # a step of the logits' grid, a few of them where roundings meet
    assert abs(got - wanted).max() < 0.02
    assert np.ptp(wanted, axis=0).max() > 0.02
    np.testing.assert_allclose(got.sum(-1), 1, atol=1e-6)
    assert (got > 0).all()


def test_training_moves_the_quantized_network():
    tf = keras.tf
    aware = quantization_aware(network(), [IMAGES])
    labels = np.arange(24) % 5
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, aware(IMAGES, training=True)))
    gradients = tape.gradient(loss, aware.trainable_weights)
    # kernels and biases of 4 convolutions, 3 depthwise ones and the head; an average pool does not learn
    assert len(gradients) == 16
    for gradient, weight in zip(gradients, aware.trainable_weights, strict=True):
        assert gradient is not None, weight.name
        assert np.abs(gradient).max() > 0, weight.name


def test_a_shared_convolution_is_quantized_for_all_its_calls():
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    conv = layers.Conv2D(3, 3, padding="same", name="twice")
    x = layers.GlobalAveragePooling2D()(conv(conv(image)))
    model = keras.Model(image, layers.Dense(3)(x))
    conv.kernel.assign(8 * conv.kernel)  # the second call's values are much larger than the first's
    aware = quantization_aware(model, [IMAGES])
    assert np.corrcoef(model(IMAGES).numpy().ravel(), aware(IMAGES).numpy().ravel())[0, 1] > 0.99


@pytest.mark.parametrize("value", [0.5, -0.25, 0.0])
def test_a_bias_of_one_value_is_that_value_in_every_channel(value):
    """The converter writes one code for all channels, whatever their scales, where all values are equal."""
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(6, 1, name="conv", bias_initializer=keras.initializers.Constant(value))(image)
    model = keras.Model(image, layers.Flatten()(layers.GlobalAveragePooling2D()(x)))
    kernel, bias = model.get_layer("conv").get_weights()
    model.get_layer("conv").set_weights([kernel * [0.01, 0.1, 1, 2, 3, 4], bias])
    aware = quantization_aware(model, [IMAGES])
    fake_quant.freeze_quantized_kernels(aware)
    content = convert.Converter(aware, output_type="int8").dense()
    np.testing.assert_allclose(numbers_of(content)(PIXELS), model(IMAGES), atol=0.04)
