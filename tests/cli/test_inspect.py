"""jetslim inspect, and the same look before a pipeline trains a network of the user's."""

import pytest

from compress import keras

layers = keras.layers


class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(3, 3, padding="same")

    def call(self, x):
        return self.conv(x)


def saved(path, middle):
    image = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(middle(layers.Conv2D(3, 3, name="conv")(image)))
    keras.Model(image, layers.Dense(3, name="head")(x)).save(path)
    return path


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    return {
        "fine": saved(folder / "fine", layers.BatchNormalization(name="norm")),
        "block": saved(folder / "block", Block(name="their_block")),
        "float": saved(folder / "float.h5", layers.ELU(name="elu")),
        "truths": saved(folder / "truths", lambda x: keras.tf.where(x > 0.0, x, x * 0.1)),
    }


def test_a_network_of_the_users_own(main, networks):
    code, output, errors = main("inspect", networks["fine"])
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert lines[0].split() == ["layer", "kind", "becomes", "computes", "in", "pruned", "ONNX", "parameters", "MACs"]
    assert lines[2].split() == ["norm", "BatchNormalization", "into", "conv", "-", "-", "yes", "12", "0"]
    assert lines[-1].startswith("4 layers: 1 rewritten")
    assert "1 pruned, in float: none; 108 parameters" in lines[-1]


def test_what_stays_float_is_no_error(main, networks):
    code, output, _ = main("inspect", networks["float"])
    assert code == 0
    assert "in float: elu (the converter has no int8 ELU)" in output


def test_a_refused_layer_exits_with_1_and_is_named(main, networks):
    code, output, errors = main("inspect", networks["block"])
    assert code == 1
    assert "refused: it is a custom class" in output
    assert errors.startswith("Error: 1 of 4 layers cannot be used: their_block is a custom class")
    assert len(errors.splitlines()) == 1


def test_truths_have_no_grid(main, networks):
    code, _, errors = main("inspect", networks["truths"])
    assert code == 1
    assert "tf.math.greater computes with booleans, which int8 cannot represent: write it with tf.maximum" in errors


def test_a_pattern_that_names_no_layer(main, networks):
    for option in ("--skip", "--keep-float"):
        code, _, errors = main("inspect", networks["fine"], option, "cnov")
        assert code == 2
        assert "unknown layer 'cnov'; did you mean conv" in errors


def test_several_outputs_may_be_looked_at(main, tmp_path):
    image = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3)(image))
    keras.Model(image, [layers.Dense(3, name="one")(x), layers.Dense(2, name="other")(x)]).save(tmp_path / "two")
    code, output, _ = main("inspect", tmp_path / "two")
    assert code == 0
    assert output.splitlines()[-1].startswith("4 layers")


def test_a_name_and_an_unknown_one(main):
    code, output, _ = main("inspect", "resnet8", "--size", "32")
    assert code == 0
    assert "stage1_block1" in output
    code, _, errors = main("inspect", "resnet9")
    assert code == 2
    assert "unknown network 'resnet9'; did you mean resnet" in errors


PIPELINE = """
[data]
name = "folder"
path = "{data}"
size = 16
[[stage]]
name = "mine"
kind = "train"
saved_model = "{model}"
epochs = 1
[[stage]]
name = "pruned"
kind = "prune"
final_sparsity = 0.5
epochs = 1
"""


def test_a_refused_layer_stops_a_pipeline_before_it_trains(main, networks, colours, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(PIPELINE.format(data=colours, model=networks["block"]))
    code, output, errors = main("run", file, "--store", tmp_path / "store", "--runs", tmp_path / "runs")
    assert code == 2
    assert "[[stage]] 'mine': layer 'their_block' is refused: it is a custom class" in errors
    assert "epoch" not in output + errors


def test_so_does_one_before_the_converters_own_modes(main, networks, colours, tmp_path):
    """Which rewrite the network, too; with rewrite = false they take what the converter takes."""
    file = tmp_path / "mine.toml"
    text = PIPELINE.format(data=colours, model=networks["block"])
    head = text[: text.index("[[stage]]", text.index("[[stage]]") + 1)]
    for rewrite, said in (("true", "'their_block' is refused: it is a custom class"), ("false", "")):
        file.write_text(head + f'[[stage]]\nname = "quick"\nkind = "quantize"\nmode = "dynamic"\nrewrite = {rewrite}\n')
        code, _, errors = main("check", file, "--store", tmp_path / "store")
        assert (code, said in errors) == (2 if said else 0, True), errors


def test_patterns_are_checked_for_networks_by_name_too(main, tmp_path):
    settings = ["--set", "quantized.keep_float=['cnov']"]
    code, _, errors = main("check", "resnet8", *settings, "--store", tmp_path / "store")
    assert code == 2
    assert "[[stage]] 'trained': keep_float: unknown layer 'cnov'" in errors
