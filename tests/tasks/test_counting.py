"""Counting: its loss and metrics by hand, and what it asks of networks."""

import numpy as np
import pytest

from compress import keras, models
from compress.config import parse
from compress.datasets.splits import ArraySplit, Dataset
from compress.distill.density import Density
from compress.errors import UserError
from compress.metrics import counting
from compress.models.maps import WITHOUT_MAPS, with_head
from compress.stages.export import Export
from compress.targets import Points
from compress.tasks import Classification, Counting
from compress.tasks.objective import objective

FRAME = (8, 16)
IMAGES = np.zeros((2, *FRAME, 3), np.uint8)
TARGETS = Points.of([np.array([[2, 2, 1.0], [6, 12, 2.0]]), np.array([[4, 8, 1.5]])], FRAME)


def dataset():
    split = ArraySplit(IMAGES, TARGETS)
    return Dataset.of("made", ["people"], split, split, split, task="counting")


def arrays():
    return {name: keras.tf.constant(values) for name, values in TARGETS.arrays().items()}


def test_errors_by_hand():
    counted, true = np.array([12.0, 17, 30]), np.array([10.0, 20, 30])
    assert counting.mae(counted, true) == pytest.approx(5 / 3)
    assert counting.rmse(counted, true) == pytest.approx(np.sqrt(13 / 3))
    assert counting.bias(counted, true) == pytest.approx(-1 / 3)
    maps = np.float32([[[[0.5], [1.5]]], [[[0], [3]]]])
    assert counting.counts(maps).tolist() == [2, 3]
    assert counting.same({"density": maps}, {"density": maps + 0.1}).tolist() == [True, True]


def test_the_usual_density_is_that_of_the_training_images():
    assert Counting().fitted(dataset()).usual_density == pytest.approx(1.5 / 128)
    assert Counting(usual_density=0.5).fitted(dataset()).usual_density == 0.5


def test_images_without_any_point_teach_nothing():
    split = ArraySplit(IMAGES, Points.of([np.empty((0, 3))] * 2, FRAME))
    with pytest.raises(UserError, match="made has no point in any training image"):
        Counting().fitted(Dataset.of("made", ["people"], split, split, split, task="counting"))


def test_the_loss_by_hand():
    """All of both maps at once: a map of one cell holds the count. Errors of 1 and -1, in usual densities of 2 a map."""
    task = Counting(usual_density=2 / 128)
    density = keras.tf.constant(np.float32([3, 0]).reshape(2, 1, 1, 1))
    assert float(task.loss({"density": density}, arrays())) == pytest.approx((0.5**2 + 0.5**2) / 2)
    assert float(task.loss({"density": density}, arrays(), 4.0)) == pytest.approx(1.0)
    assert float(task.logs({"density": density}, arrays())["mae"]) == pytest.approx(1.0)


def test_the_loss_is_the_same_at_every_grid_for_a_constant_map():
    """In multiples of the usual density a cell's size does not matter, but for how even the targets are."""
    even = Points.of([np.array([[4, 8, 500.0]])] * 2, FRAME)
    targets = {name: keras.tf.constant(values) for name, values in even.arrays().items()}
    task = Counting(usual_density=1 / 128)
    losses = [
        float(task.loss({"density": keras.tf.fill((2, height, width, 1), 3 / (height * width))}, targets))
        for height, width in ((1, 1), (2, 4), (8, 16))
    ]
    np.testing.assert_allclose(losses, 4.0, rtol=1e-2)


def test_an_attention_is_learned_where_a_network_has_one():
    """Cross-entropy of 0.5 everywhere is ln 2."""
    task = Counting(usual_density=1 / 128, attention_weight=0.5)
    density = keras.tf.constant(np.float32([2, 1]).reshape(2, 1, 1, 1))
    half = keras.tf.fill((2, 4, 8, 1), 0.5)
    assert float(task.loss({"density": density, "attention": half}, arrays())) == pytest.approx(0.5 * np.log(2))

    network = models.build("m_sfanet_1_8", (32, 48), task.head(dataset()), seed=0)
    plain = models.build("mcnn", (32, 48), task.head(dataset()), seed=0)
    seen = []

    def loss(outputs, targets):
        seen.append(sorted(outputs))
        return keras.tf.constant(0.0)

    for each in (network, plain):
        objective(task, loss, each)(each, keras.tf.zeros((1, 32, 48, 3)), arrays())
    assert seen == [["attention", "density"], ["density"]]


def test_a_perfect_network_is_not_refused_for_equal_counts():
    task = Counting(usual_density=0.01)
    arrays = {"counts": np.float32([3, 3])}
    right = {"density": np.full((2, 1, 1, 1), 3, np.float32)}
    assert task.ignorance(right, arrays) == ""
    assert task.ignorance({"density": right["density"] * 3}, {"counts": np.float32([3, 4])}) != ""


def test_a_file_for_int8_outputs_is_refused():
    with pytest.raises(UserError, match="not possible for counting, whose outputs are summed in float"):
        Export(name="e", output_type="int8").check_task(Counting())
    Export(name="e", output_type="int8").check_task(Classification())


def test_heads_and_parameters():
    """Those of the published networks. Of M-SFANet's 22,904,390 two belong to a batch norm that its authors' program
    makes behind the density and never uses."""
    task = Counting(usual_density=0.01)
    count = {name: _trainable(models.build(name, shape, task.head(dataset())))
             for name, shape in (("mcnn", (32, 48, 1)), ("m_sfanet", (32, 48, 3)))}  # fmt: skip
    assert count == {"mcnn": 127_953, "m_sfanet": 22_904_390 - 2}
    rgb = models.build("mcnn", (32, 48, 3), task.head(dataset()))
    assert _trainable(rgb) == 133_705 and rgb.output_shape == (None, 8, 12, 1)


@pytest.mark.parametrize(("name", "end"), [
    ("nasnetmobile", "normal_concat_3"), ("resnet50v2", "conv3_block3_out"), ("densenet121", "pool3_conv"),
    ("xception", "add_1"), ("convnexttiny", None), ("regnetx002", None),
])  # fmt: skip
def test_families_count_on_the_end_of_a_block(name, end):
    network = models.build(name, (96, 96), Counting(usual_density=0.01).head(dataset()))
    assert network.output_shape == (None, 12, 12, 1)
    assert end in (None, network.layers[-3].name)


@pytest.mark.parametrize("name", sorted(WITHOUT_MAPS))
def test_families_whose_maps_have_no_whole_cells_are_refused(name):
    with pytest.raises(UserError, match="can neither count nor detect"):
        models.build(name, (96, 96), Counting(usual_density=0.01).head(dataset()))
    with pytest.raises(UserError, match="no feature map"):
        with_head(models.build(name, (96, 96), 5), Counting().head(dataset()))


def _trainable(network):
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)


def test_shapes_of_m_sfanet():
    network = models.build("m_sfanet_1_8", (96, 128), Counting(usual_density=0.01).head(dataset()))
    assert network.output_shape == network.get_layer("attention").output_shape == (None, 48, 64, 1)
    assert network.get_layer("context_relu").output_shape == (None, 12, 16, 64)


@pytest.mark.parametrize("name", ["mobilenetv2", "resnet50", "resnet8"])
def test_networks_for_classes_count_on_a_map_of_theirs(name):
    network = models.build(name, (96, 128), Counting(usual_density=0.01).head(dataset()), seed=0)
    stride = 96 // network.output_shape[1]
    assert stride in (4, 8) and network.output_shape == (None, 96 // stride, 128 // stride, 1)


@pytest.mark.parametrize(("name", "head", "shape", "reason"), [
    ("mcnn", 5, (32, 32), "mcnn gives a density map, for counting, and no classes"),
    ("mcnn", None, (30, 32), "mcnn needs images whose sides are multiples of 4, but the data's are 30x32"),
    ("resnet8", None, (36, 32), "resnet8 needs images whose sides are multiples of 8"),
    ("m_sfanet", None, (40, 32), "m_sfanet needs images whose sides are multiples of 16, but the data's are 40x32"),
])  # fmt: skip
def test_what_cannot_be_built_is_refused(name, head, shape, reason):
    with pytest.raises(UserError, match=reason):
        models.build(name, shape, head or Counting().head(dataset()))


class Says:
    """A network that says the same of all images."""

    def __init__(self, density):
        self.density, self.output_shape, self.name = density, density.shape, "says"

    def __call__(self, images, training):
        return self.density


def loss_of(alpha, teacher, student):
    method, task = Density(distillation_loss_weight=alpha), Counting(usual_density=1.5 / 128)
    nets = [Says(density) for density in (teacher, student)]
    (phase,) = method.phases([nets[0]], nets[1], 1, task, task.loss)
    return float(phase.objective(nets[1], keras.tf.zeros((2, *FRAME, 3)), arrays())[0])


def map_at(height, width, seed):
    return keras.tf.constant(np.random.default_rng(seed).random((2, height, width, 1), np.float32))


def test_distilling_is_training_on_a_blended_map():
    """(1 - a) |s - g|^2 + a |s - t|^2 = |s - b|^2 + a (1 - a) |g - t|^2 with b = (1 - a) g + a t."""
    task, alpha = Counting(usual_density=1.5 / 128), 0.3
    teacher, student = map_at(2, 4, 1), map_at(2, 4, 2)
    targets = task._wanted(student, arrays())
    blended = (1 - alpha) * targets + alpha * teacher

    def squared(a, b):
        return float(keras.tf.reduce_mean(keras.tf.square(task.in_multiples(a - b, arrays()))))

    expected = squared(student, blended) + alpha * (1 - alpha) * squared(targets, teacher)
    assert loss_of(alpha, teacher, student) == pytest.approx(expected, rel=1e-5)


def test_alpha_0_is_plain_training_and_alpha_1_with_the_targets_as_teacher_too():
    task, student = Counting(usual_density=1.5 / 128), map_at(2, 4, 2)
    plain = float(task.loss({"density": student}, arrays()))
    assert loss_of(0.0, map_at(2, 4, 1), student) == pytest.approx(plain, rel=1e-6)
    assert loss_of(1.0, task._wanted(student, arrays()), student) == pytest.approx(plain, rel=1e-6)


def test_maps_of_several_grids_are_compared_at_the_coarser_one():
    """A teacher of twice the resolution that says the same in sums is at no distance."""
    student = map_at(2, 4, 2)
    fine = keras.tf.repeat(keras.tf.repeat(student / 4, 2, axis=1), 2, axis=2)
    assert loss_of(1.0, fine, student) == pytest.approx(0, abs=1e-9)
    assert loss_of(1.0, student, fine) == pytest.approx(0, abs=1e-9)


def test_alpha_is_a_fraction():
    with pytest.raises(UserError, match="distillation_loss_weight"):
        parse(Density, {"name": "density", "distillation_loss_weight": 1.1}, "method")


def test_maps_without_common_cells_are_refused():
    with pytest.raises(
        UserError,
        match=r"the density maps of says, \(3, 4\), and of says, \(2, 4\), cannot be reduced to a common grid",
    ):
        loss_of(0.5, map_at(3, 4, 1), map_at(2, 4, 2))
