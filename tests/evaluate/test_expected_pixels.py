"""Which pixels a network expects: told by its chain, by its answers, or asked for; numbers by hand."""

import numpy as np
import pytest

from compress import keras
from compress.datasets.splits import ArraySplit
from compress.errors import UserError
from compress.evaluate.expected_pixels import (
    Trial,
    are_asked_for,
    decide,
    has_new_head,
    is_fresh,
    refuse_ignorance,
    winner,
)
from compress.models.front import fed
from compress.pixels import PIXELS, parse
from compress.tasks import Answers, Classification
from compress.tasks.answers import at_chance

layers = keras.layers
TASK = Classification()


def trials(**found):
    return [Trial(PIXELS[name], Answers(*numbers, 100)) for name, numbers in found.items()]


@pytest.mark.parametrize(("found", "name"), [
    # right, confidence, nll, spread
    ({"0..1": (0.11, 0.1, 2.3, 0.1), "0..255": (0.87, 1.0, 5, 400)}, "0..255"),
    # 3 standard errors of 0.5 of 100 images are 0.15: a lead of 0.1 is no lead
    ({"0..1": (0.50, 0.5, 1.5, 4.0), "0..255": (0.40, 0.5, 1.6, 9.0)}, None),
    ({"0..1": (0.50, 0.5, 1.5, 4.0), "0..255": (0.34, 0.5, 1.6, 9.0)}, "0..1"),
    # as many right answers: logits 255 times too large, or all the same, are no trained network's
    ({"0..1": (0.97, 0.95, 0.2, 8.0), "0..255": (0.98, 1.0, 0.0, 2040.0)}, "0..1"),
    ({"0..1": (0.97, 0.11, 2.2, 0.03), "0..255": (0.98, 0.95, 0.2, 8.0)}, "0..255"),
    ({"0..1": (0.98, 0.11, 2.2, 0.03), "0..255": (0.97, 0.95, 0.2, 8.0)}, None),
    # trained on bytes, with logits of hundreds: of 0..1 it would be 0.3 sure of what it gets right
    ({"0..1": (0.97, 0.3, 1.3, 1.2), "0..255": (0.97, 1.0, 3.0, 300.0)}, None),
    # 100 * (0.5 - 0.1) nats are 40: the least sure one is the most likely, and no less often right
    ({"0..1": (0.98, 0.95, 0.1, 8.0), "-1..1": (0.97, 0.99, 0.5, 16.0)}, "0..1"),
    ({"0..1": (0.97, 0.95, 0.1, 8.0), "-1..1": (0.98, 0.99, 0.5, 16.0)}, None),
    ({"0..1": (0.98, 0.95, 0.1, 8.0), "-1..1": (0.97, 0.99, 0.2, 16.0)}, None),
    ({"0..1": (0.97, 0.95, 0.5, 8.0), "-1..1": (0.98, 0.99, 0.1, 16.0)}, None),
    ({"0..1": (0.12, 0.2, 2.3, 2.3), "0..255": (0.14, 0.9, 9.0, 9.0)}, None),
    ({"0..1": (0.9, 0.5, 0.9, 0.2)}, "0..1"),
])  # fmt: skip
def test_the_winner_is_clear_or_there_is_none(found, name):
    best = winner(trials(**found), chance=0.1)
    assert (best.pixels.name if best else None) == name


def test_a_trial_by_hand():
    # log(e^1 + e^1 + e^1) - 1 = log 3, and of (log 6, 0, log 3): log(6 + 1 + 3) - log 6
    logits = np.array([[1.0, 1.0, 1.0], [np.log(6), 0.0, np.log(3)]])
    trial = TASK.answers({"logits": logits}, {"labels": np.array([2, 0])})
    assert trial.right == 0.5
    assert trial.nll == pytest.approx((np.log(3) + np.log(10 / 6)) / 2)
    assert trial.confidence == pytest.approx((1 / 3 + 0.6) / 2)
    assert trial.spread == pytest.approx((np.log(6) - np.log(18) / 3) / 2)
    assert trial.count == 2


def test_chance_by_hand():
    # of 100 images and a chance of 0.1 the standard error is 0.03
    assert at_chance(0.18, 100, 0.1)
    assert not at_chance(0.20, 100, 0.1)


def classifier(pixels=None, chain=lambda x: x):
    """Tells six levels of red apart; ``pixels`` are what it was made for, None for new weights."""
    image = keras.Input((8, 8, 3))
    head = layers.Dense(6, name="head")
    model = keras.Model(image, head(layers.GlobalAveragePooling2D()(chain(image))))
    if pixels is not None:
        # of red in [0, 1] the logits 0, 60 red - 10, 120 red - 30, ...: neighbours meet at 1/6, 2/6, ...
        red = 2 if pixels.reverses else 0
        level = np.arange(6)
        slope, start = 60.0 * level, -10.0 * np.cumsum(level)
        scale, offset = np.resize(pixels.scale, 3)[red], np.resize(pixels.offset, 3)[red]
        kernel = np.zeros((3, 6))
        kernel[red] = slope / scale
        head.set_weights([kernel, start - slope * offset / scale])
    return model


def images(count=90):
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 6
    pixels = rng.integers(0, 256, (count, 8, 8, 3), dtype="uint8")
    pixels[..., 0] = np.rint((labels + 0.5) / 6 * 255)[:, None, None]
    return ArraySplit(pixels, labels, 8)


@pytest.mark.parametrize("name", PIXELS)
def test_a_trained_network_without_a_chain_tells_by_itself(name):
    lines = []
    model = classifier(PIXELS[name])
    split = images()
    wanted = model(PIXELS[name].of(split.images)).numpy()
    assert (wanted.argmax(-1) == split.targets.labels).all()
    found = decide(model, "net", TASK, None, split, lines.append)
    assert found.name == name
    assert lines[0].startswith(f"net expects pixels {name}: with them it gets 100.0% of 90 validation images right")
    np.testing.assert_allclose(fed(model, found)(split.images / np.float32(255)), wanted, rtol=1e-3, atol=1e-3)


def test_a_chain_tells_without_any_image():
    lines = []
    found = decide(classifier(chain=layers.Rescaling(1 / 127.5, -1, name="to_one")), "net", TASK, say=lines.append)
    assert found.name == "0..255"
    assert lines == ["net expects pixels 0..255: its first layers are to_one"]


def test_a_network_that_was_never_trained_learns_on_unit_pixels():
    lines = []
    assert decide(classifier(), "net", TASK, None, images(), lines.append) == PIXELS["0..1"]
    assert "never trained" in lines[0]


def test_a_network_that_knows_nothing_is_asked_for():
    model = classifier(PIXELS["0..1"])
    model.get_layer("head").set_weights([np.zeros((3, 6)), np.arange(6) / 10])
    with pytest.raises(UserError, match=r"cannot be found.*90 validation.*0..1 17%, 0..255 17%.*data.pixels") as error:
        decide(model, "net", TASK, None, images())
    assert "\n" not in str(error.value)
    with pytest.raises(
        UserError, match="net is no better than chance .*it gets 16.7% of 90 validation images right.*--force"
    ):
        refuse_ignorance(model, "net", images(), ["0", "1", "2", "3", "4", "5"], TASK)


def test_a_network_that_was_never_trained_is_none_to_be_taken_as_it_is():
    model = classifier()
    model.get_layer("head").set_weights([np.zeros((3, 6)), np.zeros(6)])
    with pytest.raises(UserError, match="net was never trained .* train it first"):
        refuse_ignorance(model, "net", images(), list("012345"), TASK)


def test_what_its_owner_says_is_taken_and_a_contradiction_is_said():
    lines = []
    model = classifier(chain=layers.Rescaling(1 / 255, name="to_unit"))
    assert decide(model, "net", TASK, PIXELS["0..1"], images(), lines.append).name == "0..1"
    assert "gets pixels 0..1 as you asked, but its first layers (to_unit) suggest that it expects 0..255" in lines[0]
    lines.clear()
    assert decide(model, "net", TASK, parse({"scale": 1.0}), images(), lines.append).limits == (0, 255)
    assert not lines


def test_fresh_and_new_heads():
    assert is_fresh(classifier())
    model = classifier(PIXELS["0..1"])
    assert not is_fresh(model)
    assert not has_new_head(model)
    head = layers.Dense(2)(model.outputs[0])
    assert has_new_head(keras.Model(model.inputs[0], head))
    assert not is_fresh(keras.Model(model.inputs[0], head))


@pytest.mark.parametrize(("value", "words"), [
    ("0-255", "unknown pixels '0-255'; did you mean 0..255"),
    ({"scale": 0.0}, "scale must not be 0"),
    ({"scale": [1.0, 2.0], "offset": [1.0, 2.0, 3.0]}, "one number per channel"),
    ({"factor": 1.0}, "unknown key 'factor'"),
    ({"scale": "1"}, "scale = '1' must be a number"),
])  # fmt: skip
def test_pixels_that_are_none(value, words):
    with pytest.raises(UserError, match=words):
        parse(value)


def test_arrays_that_are_no_bytes_are_fed_as_they_are():
    """Divided by 255, as if they were, they would be as good as nothing."""
    x = keras.Input((2,))
    y = layers.Dense(2, weights=[np.array([[1, 0], [0, 1]], "float32"), np.array([0, 3], "float32")])(x)
    values = np.array([[5, 0], [4, 0], [0, 1]] * 20, "float32")
    split = ArraySplit(values, np.array([0, 0, 1] * 20))
    refuse_ignorance(keras.Model(x, y), "theirs", split, "ab", TASK)
    for pixels in PIXELS.values():
        np.testing.assert_array_equal(pixels.of(values), values)


@pytest.mark.parametrize("pixels", ["0..255", "-1..1"])
def test_vectors_of_bytes_are_decided_on_as_pictures_are(pixels):
    """A line through the middle of what the network was made for: elsewhere all lie on one side of it."""
    low, high = PIXELS[pixels].limits
    x = keras.Input((2,))
    row = np.array([[-1, 1], [0.1, -0.1]], "float32") * np.float32(40 / (high - low))
    middle = -row.sum(axis=0) * np.float32((low + high) / 2) + np.float32([0.001, 0])
    model = keras.Model(x, layers.Dense(2, weights=[row, middle])(x))
    values = np.random.default_rng(0).integers(0, 256, (300, 2)).astype(np.uint8)
    split = ArraySplit(values, model(PIXELS[pixels].of(values)).numpy().argmax(-1))
    assert are_asked_for(model, split)
    assert decide(model, "net", TASK, images=split).name == pixels
    assert not are_asked_for(model, ArraySplit(values.astype(np.float32), split.targets.labels))
