"""A detector learns to see blurred images as it sees sharp ones: it is its own teacher.

After Cho et al., "Self-Knowledge Distillation for blurred images", IEEE Access 2022, of which the abstract is known
alone: a teacher sees the sharp image and a student a blurred one of the same scene, both share most of their weights
and are trained together, the teacher gives soft labels, and features that the student restores. What the paper does not
say is ours: how the blocks that restore features look, the weights of the losses, and the temperature.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Literal

from compress import keras
from compress.config import Count, NotNegative, Positive, config
from compress.datasets import motion_blur
from compress.datasets.augment import BlurLengths
from compress.distill.phase import Phase
from compress.distill.pyramid import OfDetectors, Pyramid, normalised
from compress.distill.sigmoids import bernoulli_kl_divergence
from compress.errors import UserError
from compress.models.detector import STRIDES, level
from compress.replicas import divisor
from compress.rewrite.graph import clone, rebuild
from compress.tasks.named import named
from compress.tasks.objective import Loss
from compress.training.settings import Draw

PREFIX = "deblur"


def hint(sharp: list[Any], blurred: list[Any]) -> Any:
    """The sum over levels of the mean squared difference of features, normalised channel by channel: maps (n, h, w, c).
    No gradient goes to the sharp ones."""
    tf = keras.tf
    pairs = zip(sharp, blurred, strict=True)
    return tf.add_n(
        [tf.reduce_mean(tf.square(normalised(own) - tf.stop_gradient(normalised(wanted)))) for wanted, own in pairs]
    )


def divergence(sharp: Any, blurred: Any, things: Any, temperature: float) -> Any:
    """KL(sharp || blurred) of the classes, each by itself, summed over anchors and divided by how many are of a thing,
    as the focal loss is; logits (n, anchors, classes), no gradient goes to the sharp ones."""
    tf = keras.tf
    mean = bernoulli_kl_divergence(tf.stop_gradient(sharp), blurred, temperature)
    return mean * tf.cast(tf.size(sharp), tf.float32) / divisor(things)


@config
class BlurRobust(OfDetectors):
    """Detection loss on the sharp and on the blurred image, plus ``hint_weight`` times the difference of their
    features, plus ``soft_weight`` * T^2 times the divergence of their class scores. If the stage names a teacher, the
    teacher is imitated in place of the network itself, and is not trained; self-distillation is compared with that.

    ``blocks`` residual blocks of two 3x3 convolutions are added behind each level of the pyramid of the resulting
    network, because in use nobody knows whether an image is blurred; at first the blocks change nothing. In training,
    the sharp image bypasses the blocks; ``lengths`` begin at 0, so that the blocks also learn from images that are
    hardly blurred.
    """

    name: Literal["blur_robust"] = "blur_robust"
    hint_weight: NotNegative = 0.1
    """Weight of the difference between the features of the sharp and the blurred image."""
    soft_weight: NotNegative = 0.01
    """Weight of the divergence between the class scores of the sharp and the blurred image."""
    temperature: Positive = 2.0
    """Temperature T by which logits are divided before that divergence is computed."""
    blocks: Count = 2
    """Number of residual blocks added behind each level of the feature pyramid; they stay in the network."""
    lengths: BlurLengths = (0.0, 0.15)
    """[shortest, longest] length of the motion blur, as a fraction of the image's width; drawn at random between the
    two, in any direction."""
    TEACHERS: ClassVar[tuple[int, int | None]] = (0, 1)

    def per_batch_inputs(self, teachers: int) -> Mapping[str, Draw]:
        """``blurred``: the images of the batch, uint8."""
        return {"blurred": lambda rng, images: motion_blur.drawn(images, self.lengths, rng)}

    def prepared(self, student: Any) -> Any:
        """The network with the blocks behind each level, called "deblur8_1" and so on. One that has such blocks keeps
        them and gets no more; raises UserError where it has another number of them."""
        Pyramid.of(student, self.name)
        names = {layer.name for layer in student.layers}
        there = sum(f"{PREFIX}{STRIDES[0]}_{block}" in names for block in range(1, len(names)))
        if there == self.blocks:
            return student
        if there:
            raise UserError(f"{self.name}: {student.name} already has {there} blocks: set method.blocks = {there}")
        levels = {level(stride): stride for stride in STRIDES}

        def replace(layer: Any, name: str) -> Any:
            new = clone(layer, name=name)
            if name not in levels:
                return new
            channels, stride = layer.output_shape[-1], levels[name]
            return lambda x: self._restored(new(x), channels, stride)

        network = rebuild(student, replace)
        network.input_spec = student.input_spec
        return network

    def _restored(self, x: Any, channels: int, stride: int) -> Any:
        layers, conv = keras.layers, partial(keras.layers.Conv2D, channels, 3, padding="same")
        for block in range(1, self.blocks + 1):
            name = f"{PREFIX}{stride}_{block}"
            change = layers.ReLU(name=f"{name}_relu")(conv(kernel_initializer="he_normal", name=f"{name}_1")(x))
            change = conv(kernel_initializer="zeros", name=f"{name}_2")(change)
            x = layers.Add(name=name)([x, change])
        return x

    def check_teacher(self, teacher: Any, student: Any) -> None:
        theirs = Pyramid.of(teacher, self.name).shapes
        if student is not None and theirs != (ours := Pyramid.of(student, self.name).shapes):
            raise UserError(
                f"blur_robust: the feature maps of the teacher are {theirs[0]}, but those of the student are {ours[0]}"
            )

    def phases(self, teachers: Any, student: Any, epochs: int, task: Any, loss: Loss) -> list[Phase]:
        """One phase. Raises UserError for a network that is no detector of the registry."""
        from compress.training.keras_loop import as_float

        before, other = Pyramid.of(student, self.name), None
        if teachers:
            self.check_teacher(teachers[0], student)
            other = Pyramid.of(teachers[0], self.name)
        ends = [student.get_layer(f"{PREFIX}{stride}_{self.blocks}").output for stride in STRIDES]
        restore = keras.Model(before.features.outputs, ends)
        head = keras.Model(ends, student.outputs)

        def objective(network: Any, images: Any, targets: Any, blurred: Any) -> tuple[Any, dict[str, Any]]:
            sharp = before.features(images, training=True)
            taught = named(task, head(sharp, training=True))
            total = loss(taught, targets)
            if other is not None:  # the same losses, but for who is imitated
                sharp, said = other(images, training=False)
                taught = named(task, said)
            own_maps = restore(before.features(as_float(blurred), training=True), training=True)
            own = named(task, head(own_maps, training=True))
            distance = hint(sharp, own_maps)
            soft = divergence(taught["logits"], own["logits"], task.things(targets), self.temperature)
            total += loss(own, targets) + self.hint_weight * distance
            total += self.soft_weight * self.temperature**2 * soft
            return total, {**task.logs(own, targets), "hint": distance}

        return [Phase("blur_robust", student, objective, epochs)]
