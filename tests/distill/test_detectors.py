"""Detectors that learn from others and from themselves: FGFI, LGD and blur, by hand."""

import numpy as np
import pytest

from compress import keras, models
from compress.datasets import motion_blur
from compress.distill import blur_robust, fgfi
from compress.distill.blur_robust import BlurRobust
from compress.distill.fgfi import Fgfi
from compress.distill.label_guidance import LabelGuidance, descriptors, masks, pooled
from compress.distill.lgd import Lgd
from compress.distill.pyramid import Pyramid, mean_square, normalised
from compress.errors import UserError
from compress.export import convert, flatbuffer
from compress.models.detector import STRIDES, DetectionHead, level
from compress.targets import Boxes
from compress.tasks import Detection
from compress.training.keras_loop import as_float

tf = keras.tf
FRAME = (64, 64)
TASK = Detection(frame=FRAME, anchor_size=2.0, anchor_scales=(1.0,))
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, *FRAME, 3), dtype=np.uint8)
FLOATS = tf.constant(IMAGES / np.float32(255))
ROWS = [np.float32([[8, 8, 30, 30, 0, 0], [30, 30, 60, 56, 2, 0]]), np.float32([[4, 20, 40, 60, 1, 0]])]


def targets(rows=ROWS, most=None):
    return {name: tf.constant(values) for name, values in Boxes.of(rows, FRAME, most).arrays().items()}


def detector(seed=0, channels=8):
    return models.build("resnet10_1_4", (*FRAME, 3), DetectionHead(3, 3, channels, 1), seed=seed)


def test_the_mask_of_imitation_by_hand():
    """IoU .8, .41, .40 and .1 with a thing: above half of the best are the first two, strictly."""
    overlap = tf.constant([[[0.8, 0.41, 0.40, 0.1]]])
    (near,) = fgfi.near_things(overlap, tf.constant([[True]]), [4], 1, 0.5)
    assert near.numpy().tolist() == [[1, 1, 0, 0]]
    assert fgfi.near_things(overlap, tf.constant([[False]]), [4], 1, 0.5)[0].numpy().sum() == 0
    assert fgfi.near_things(overlap, tf.constant([[True]]), [4], 1, 1.0)[0].numpy().sum() == 0
    assert fgfi.near_things(overlap, tf.constant([[True]]), [4], 1, 0.0)[0].numpy().tolist() == [[1, 1, 1, 1]]
    two_anchors, other = fgfi.near_things(overlap, tf.constant([[True]]), [1, 1], 2, 0.5)
    assert (two_anchors.numpy().tolist(), other.numpy().tolist()) == ([[1]], [[0]])


def test_imitation_by_hand():
    """Two cells near a thing, a channel, differences of 1 and 3: (1 + 9) / (2 * 2); far cells do not count."""
    near = [tf.constant([[1.0, 1.0, 0.0, 0.0]])]
    student, teacher = tf.constant([[[[1.0], [3.0]], [[7.0], [7.0]]]]), tf.zeros((1, 2, 2, 1))
    assert float(fgfi.imitation(near, [teacher], [student])) == 2.5
    assert float(fgfi.imitation(near, [teacher], [teacher])) == 0
    assert float(fgfi.imitation([0 * near[0]], [teacher], [student])) == 0


def test_without_its_weight_imitation_is_training_alone():
    teacher, student = detector(1), detector(0)
    (phase,) = Fgfi(imitation_weight=0.0).phases([teacher], student, 3, TASK, TASK.loss)
    total, logs = phase.objective(phase.network, FLOATS, targets())
    alone = detector(0)(FLOATS, training=True)
    assert float(total) == pytest.approx(
        float(TASK.loss(dict(zip(("logits", "boxes"), alone, strict=True)), targets())), rel=1e-5
    )
    assert float(logs["imitation"]) > 0


def test_a_teacher_of_more_channels_is_imitated():
    (phase,) = Fgfi().phases([detector(1, channels=12)], detector(0), 3, TASK, TASK.loss)
    assert [map_.shape[-1] for map_ in phase.network.outputs[2:]] == [12, 12, 12]


def test_networks_without_a_pyramid_are_refused():
    for method in (Fgfi(), Lgd(), BlurRobust()):
        with pytest.raises(UserError, match="features of the layer pyramid8"):
            method.phases([detector()], method.prepared(models.build("resnet8", 32, 10)), 6, TASK, TASK.loss)


def test_normalised_maps_and_their_distance_by_hand():
    """-1 and 1 have a mean of 0 and a variance of 1; 5 and 9 become these."""
    one, other = tf.constant([[[[-1.0]], [[1.0]]]]), tf.constant([[[[5.0]], [[9.0]]]])
    assert normalised(other).numpy() == pytest.approx(one.numpy(), abs=1e-4)
    assert float(mean_square([one], [one + 2.0])) == pytest.approx(4)
    # of two levels, 2 numbers off by 2 and 2 numbers right
    assert float(mean_square([one, one], [one + 2.0, one])) == pytest.approx(2)


def test_descriptors_by_hand():
    """Corners and classes go from -1 to 1; the context is the whole image, of no class, and always there."""
    rows, present = descriptors(targets(most=3), 3)
    assert rows.shape == (2, 4, 7) and present.numpy().tolist() == [[1, 1, 0, 1], [1, 0, 0, 1]]
    assert rows[0, 0].numpy() == pytest.approx([8 / 32 - 1, 8 / 32 - 1, 30 / 32 - 1, 30 / 32 - 1, 1, -1, -1])
    assert rows[1, 3].numpy().tolist() == [-1, -1, 1, 1, -1, -1, -1]


def test_masks_and_pooling_by_hand():
    """Of a map of 2x2 cells of 32 pixels: their middles are at 16 and 48."""
    boxes = tf.constant([[[0.0, 0, 20, 64], [40, 40, 44, 44], [0, 0, 64, 64]]])
    mask = masks(boxes, tf.constant([[64.0, 64]]), tf.constant([[True, True, False]]), (2, 2))
    assert mask[0, 0].numpy().tolist() == [[1, 1], [0, 0]]
    assert not mask[0, 1:].numpy().any()  # no middle in it; no thing
    seen = pooled(mask, tf.constant([[[[1.0], [3.0]], [[5.0], [7.0]]]]))
    assert seen[0, :, 0].numpy().tolist() == [2, 0, 0]


@pytest.fixture(scope="module")
def guidance():
    keras.utils.set_random_seed(0)
    student = detector()
    layer = LabelGuidance(8, 3, 2)
    layer.build_for(student)
    return layer, Pyramid.of(student, "lgd").features(FLOATS)


def test_the_order_of_things_does_not_matter(guidance):
    layer, maps = guidance
    one, other = layer(maps, targets()), layer(maps, targets([ROWS[0][::-1], ROWS[1]]))
    assert all(a.shape == m.shape for a, m in zip(one, maps, strict=True))
    for a, b in zip(one, other, strict=True):
        assert a.numpy() == pytest.approx(b.numpy(), abs=1e-4)


def test_things_of_other_images_and_rows_that_are_none_have_no_influence(guidance):
    layer, maps = guidance
    one = layer(maps, targets())
    for rows, most in (([ROWS[0], ROWS[1][:0]], None), (ROWS, 5)):
        for a, b in zip(one, layer(maps, targets(rows, most)), strict=True):
            assert a[0].numpy() == pytest.approx(b[0].numpy(), abs=1e-4)


def test_a_thing_between_the_cells_and_an_image_without_one_give_numbers(guidance):
    layer, maps = guidance
    tiny = [np.float32([[9, 9, 9.5, 9.5, 0, 0]]), np.empty((0, 6), np.float32)]
    assert all(np.isfinite(map_).all() for map_ in layer(maps, targets(tiny)))


def test_gradients_of_label_guidance_go_where_they_should():
    """The distance teaches the student and never the teacher; the first phase spares the student, too."""
    student = detector()
    keras.utils.set_random_seed(1)
    alone, guided = Lgd(alone=0.5).phases(
        [], student, 2, TASK, lambda outputs, targets: 0.0 * sum(map(tf.reduce_sum, outputs.values()))
    )
    assert (alone.epochs, guided.epochs) == (1, 2)
    teacher = alone.network.beside
    adapter = {id(w) for layer in teacher.adapter for w in layer.weights}
    for phase, reaches in ((alone, False), (guided, True)):
        with tf.GradientTape(persistent=True) as tape:
            total, _ = phase.objective(phase.network, FLOATS, targets())
        feels = [g is not None and np.abs(g).max() > 0 for g in tape.gradient(total, student.trainable_weights)]
        assert any(feels) == reaches
        weights = teacher.trainable_weights
        for weight, gradient in zip(weights, tape.gradient(total, weights), strict=True):
            touched = gradient is not None and float(tf.reduce_max(tf.abs(gradient))) > 0
            assert touched == (id(weight) in adapter), weight.name


def test_the_loss_on_the_teachers_features_teaches_teacher_and_head():
    student = detector()
    keras.utils.set_random_seed(1)
    _, guided = Lgd(distillation_loss_weight=0.0).phases([], student, 6, TASK, TASK.loss)
    with tf.GradientTape() as tape:
        _, logs = guided.objective(guided.network, FLOATS, targets())
        total = logs["teacher_loss"]
    weights = [
        *guided.network.beside.refine[0].weights,
        *student.get_layer("classes").weights,
        *student.get_layer("conv1_conv").weights,
    ]
    gradients = tape.gradient(total, weights)
    assert all(g is not None and np.abs(g).max() > 0 for g in gradients[:4])
    assert gradients[4] is None  # what the student sees of things is read, and not taught


def test_lgd_emits_the_very_student():
    student = detector()
    names = [layer.name for layer in student.layers]
    method = Lgd()
    assert method.prepared(student) is student
    assert all(phase.network.student is student for phase in method.phases([], student, 6, TASK, TASK.loss))
    assert [layer.name for layer in student.layers] == names
    with pytest.raises(UserError, match="leaves no epoch of 1"):
        method.check([], None, 1)


def test_a_kernel_of_motion_by_hand():
    """A line of 3 pixels along the width; a length of 1 is a pixel; any kernel's sum is 1."""
    assert motion_blur.kernel(3, 0.0) == pytest.approx(np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0]]) / 3)
    assert motion_blur.kernel(3, np.pi / 2) == pytest.approx(motion_blur.kernel(3, 0.0).T)
    assert motion_blur.kernel(1, 0.7).tolist() == [[1]]
    for length, angle in RNG.uniform([1, 0], [20, np.pi], (50, 2)):
        assert motion_blur.kernel(length, angle).sum() == pytest.approx(1)


def test_blur_keeps_what_is_even_and_moves_what_is_not():
    flat = np.full((1, 20, 20, 3), 77, np.uint8)
    assert (motion_blur.blurred(flat, np.array([7.0]), np.array([0.3])) == 77).all()
    dot = np.zeros((1, 21, 21, 1), np.uint8)
    dot[0, 10, 10] = 255
    moved = motion_blur.blurred(dot, np.array([5.0]), np.array([0.0]))[0, ..., 0]
    assert moved[10].tolist() == [0] * 8 + [51] * 5 + [0] * 8 and moved.sum() == 255
    assert (motion_blur.blurred(dot, np.array([1.0]), np.array([0.0])) == dot).all()


def test_at_first_the_blocks_that_restore_change_nothing():
    student = detector()
    prepared = BlurRobust(blocks=1).prepared(student)
    added = sorted({layer.name for layer in prepared.layers} - {layer.name for layer in student.layers})
    assert added == sorted(f"deblur{s}_1{end}" for s in (8, 16, 32) for end in ("", "_1", "_2", "_relu"))
    for one, other in zip(prepared(FLOATS), student(FLOATS), strict=True):
        assert one.numpy() == pytest.approx(other.numpy(), abs=1e-6)


def objective_of(method, blurred, seed=0, loss=TASK.loss):
    keras.utils.set_random_seed(0)
    student = method.prepared(detector(seed))
    (phase,) = method.phases([], student, 3, TASK, loss)
    return student, phase.objective(student, FLOATS, targets(), blurred=tf.constant(blurred))


def test_of_the_same_image_nothing_is_to_be_restored():
    """Lengths of no pixel: both ways give the same, and only the two detection losses are left."""
    method = BlurRobust()
    same = motion_blur.drawn(IMAGES, (0.0, 0.0), np.random.default_rng(0))
    _, (total, logs) = objective_of(method, same)
    assert float(logs["hint"]) == pytest.approx(0, abs=1e-5)
    outputs = dict(zip(("logits", "boxes"), detector()(FLOATS, training=True), strict=True))
    assert float(total) == pytest.approx(2 * float(TASK.loss(outputs, targets())), rel=1e-4)


def test_with_another_teacher_the_losses_are_the_same_ones():
    """Both losses on the labels, and what its features and classes of the sharp images are from the student's of the
    blurred ones."""
    blurred = motion_blur.drawn(IMAGES, (0.1, 0.1), np.random.default_rng(0))
    student, teacher = BlurRobust().prepared(detector()), detector(5)

    def total(teachers, **weights):
        (phase,) = BlurRobust(**weights).phases(teachers, student, 3, TASK, TASK.loss)
        return float(phase.objective(student, FLOATS, targets(), blurred=tf.constant(blurred))[0])

    def maps(network, layers):
        return keras.Model(network.inputs, [*(network.get_layer(layer).output for layer in layers), network.outputs[0]])

    *sharp, taught = maps(teacher, [level(stride) for stride in STRIDES])(FLOATS, training=False)
    *own, said = maps(student, [f"deblur{stride}_2" for stride in STRIDES])(
        as_float(tf.constant(blurred)), training=True
    )
    distance = float(blur_robust.hint(sharp, own))
    soft = float(blur_robust.divergence(taught, said, TASK.things(targets()), 2.0))
    plain = total([], hint_weight=0.0, soft_weight=0.0)
    assert distance > 0.1 and soft > 0.001
    assert total([teacher], hint_weight=0.7, soft_weight=30.0) == pytest.approx(
        plain + 0.7 * distance + 30.0 * 2.0**2 * soft, rel=1e-5
    )
    method = BlurRobust()
    message = r"maps of the teacher are \(8, 8, 12\), but those of the student are \(8, 8, 8\)"
    with pytest.raises(UserError, match=message):
        method.phases([detector(channels=12)], student, 3, TASK, TASK.loss)
    with pytest.raises(UserError, match=message):
        method.check_teacher(detector(channels=12), student)
    method.check_teacher(teacher, None)


def test_the_files_of_students_are_those_of_the_baseline_but_for_the_blocks_that_stay():
    def operators(network):
        content = convert.Converter(network, outputs=TASK.OUTPUTS).dense()
        return flatbuffer.operators(content).counts, len(content)

    baseline = operators(detector())
    assert operators(Lgd().prepared(detector())) == baseline
    counts, size = operators(BlurRobust(blocks=1).prepared(detector()))
    more = {name: count - baseline[0].get(name, 0) for name, count in counts.items()}
    assert {name: count for name, count in more.items() if count} == {"CONV_2D": 6, "ADD": 3}
    assert (
        0 < size - baseline[1] <= 4 * 6 * 8 * 8 * 9 + 8192
    )  # equal kernels are stored once: at first those of zeros are


def test_no_gradient_of_the_hint_goes_to_the_sharp_image():
    """The sharp features are a constant to it: by hand, with two numbers."""
    sharp, blurred = tf.Variable([[[[0.0]], [[2.0]]]]), tf.Variable([[[[0.0]], [[1.0]]]])
    with tf.GradientTape() as tape:
        value = blur_robust.hint([sharp], [blurred + tf.constant([[[[0.3]], [[-0.1]]]])])
    assert tape.gradient(value, [sharp, blurred])[0] is None
    logits = tf.Variable([[[1.0, -1.0]]])
    with tf.GradientTape() as tape:
        value = blur_robust.divergence(logits, logits * 0.5, tf.constant(1.0), 2.0)
    assert np.abs(tape.gradient(value, logits)).max() > 0  # by the blurred way alone
    assert float(blur_robust.divergence(logits, logits, tf.constant(1.0), 2.0)) == pytest.approx(0, abs=1e-6)


def test_a_network_with_blocks_gets_no_more():
    once = BlurRobust(blocks=1).prepared(detector())
    assert BlurRobust(blocks=1).prepared(once) is once
    with pytest.raises(UserError, match="already has 1 blocks: set method.blocks = 1"):
        BlurRobust(blocks=2).prepared(once)
