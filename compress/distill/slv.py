"""Weak supervision: a detector learns where things are from the classes of images alone, and from its own likelihoods.

Chen et al., "SLV", CVPR 2020: proposals vote for where each class is likely, and the boxes around what they agree on
teach a detector. With self-distillation these likelihood maps teach the features of the backbone, too, so that it
attends to wider areas. Of that no program is public: the weights are ours.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from compress import keras
from compress.config import Count, Fraction, NotNegative, config
from compress.distill import likelihood, regions
from compress.distill.phase import Phase
from compress.distill.pyramid import OfDetectors, Pyramid
from compress.errors import UserError
from compress.models.detector import STRIDES, local
from compress.targets.boxes import CLASS, COUNTS, KIND, Boxes
from compress.tasks.named import named
from compress.tasks.objective import Loss
from compress.training.settings import Draw

CELLS = 4  # pixels of a cell of the likelihood maps
MOST = 12  # boxes of an image
SMOOTHED = 2  # of these cells along a side are one of the first level


@config
class Slv(OfDetectors):
    """During the first fraction ``alone`` of the epochs, two streams and ``refinements`` heads learn which proposals
    belong to which class. Then the boxes that ``boxes`` finds in their likelihood maps are the targets of the detector
    itself.

    Of the boxes of the training images, only the classes of each whole image are used, so that any boxes will do, such
    as the whole image; ``[task] anchor_size``, which follows from them by default, has to be set then. Crops are not
    possible, because which classes a crop shows would follow from the boxes. With ``self_distillation``, the maps of
    the first pyramid level learn the likelihoods, too, with the weight ``attention_weight``. All additions are removed
    at the end.
    """

    name: Literal["slv"] = "slv"
    boxes: Literal["threshold", "search"] = "threshold"
    """How boxes are found in a likelihood map: around the region above a threshold, or by a search."""
    alone: Fraction = 1 / 3
    """Fraction of the epochs, at the start, in which proposals are classified and the detector itself is not
    trained."""
    refinements: Count = 3
    """Number of refinement heads; each learns the classes of the proposals from the head before."""
    self_distillation: bool = False
    """Whether features of the first pyramid level learn the likelihood maps, too."""
    attention_weight: NotNegative = 0.1
    """Weight of the loss on likelihood maps; used only by self_distillation = true."""
    TEACHERS: ClassVar[tuple[int, int | None]] = (0, 0)
    WEAK_LABELS: ClassVar[bool] = True

    def check(self, teachers: Sequence[str | None], student: str | None, epochs: int) -> None:
        super().check(teachers, student, epochs)
        regions.check_package()
        if math.ceil(self.alone * epochs) >= epochs:
            raise UserError(f"method.alone = {self.alone:g} leaves no epoch of {epochs} for the detector itself")

    def per_batch_inputs(self, teachers: int) -> Mapping[str, Draw]:
        """``proposals``, of the images of the batch: float32 (n, regions.MOST, 4)."""
        return {"proposals": regions.of_batch}

    def phases(self, teachers: Any, student: Any, epochs: int, task: Any, loss: Loss) -> list[Phase]:
        """ "streams", then "voting". Raises UserError for a network that is no detector of the registry."""
        first = math.ceil(self.alone * epochs)
        from compress.distill.together import Together
        from compress.distill.weak_labels import WeakLabels

        Pyramid.of(student, self.name)
        # features of a place alone: with what coarser levels know any proposal could tell all of the image's classes
        seen = keras.Model(student.inputs, [student.get_layer(local(STRIDES[0])).output, *student.outputs])
        classes = int(student.outputs[0].shape[-1])
        weak = WeakLabels(classes, self.refinements)
        network = Together(student, weak)
        voting = partial(self.objective, seen, weak, task, loss)
        streams = [Phase("streams", network, partial(voting, False), first)] if first else []
        return [*streams, Phase("voting", network, partial(voting, True), epochs)]

    def objective(
        self,
        seen: Any,
        weak: Any,
        task: Any,
        loss: Loss,
        votes: bool,
        network: Any,
        images: Any,
        targets: Any,
        proposals: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """The loss of a batch; with ``votes`` that of the detector on the boxes that are voted for, too."""
        from compress.distill.weak_labels import FIRST, attention_loss, image_loss, refinement, there, two_streams

        tf = keras.tf
        map_, *said = seen(images, training=True)
        present = self.present(targets["classes"], targets["kinds"], said[0].shape[-1])
        outputs = named(task, said)
        is_there = there(proposals)
        of_class, of_place, refined = weak(map_, proposals)
        streams = two_streams(of_class, of_place) * is_there
        of_images, of_refinements = image_loss(streams, present), tf.constant(0.0)
        scores, every = tf.stop_gradient(streams), []
        for number, logits in enumerate(refined):
            of_refinements += (FIRST if number == 0 else 1.0) * refinement(scores, logits, present, proposals)
            scores = tf.stop_gradient(tf.nn.softmax(logits))[..., :-1] * is_there
            every.append(scores)
        total = of_images + of_refinements
        logs = {"image_loss": of_images, "refinement_loss": of_refinements}
        if votes:
            mean = tf.add_n(every) / len(every)
            pseudo, likely = self.voted(mean, proposals, present, task.frame)
            learned = {**targets, "boxes": pseudo[..., :CLASS], "classes": tf.cast(pseudo[..., CLASS], tf.int32)}
            learned["kinds"] = tf.cast(pseudo[..., KIND], tf.int32)
            total += loss(outputs, learned)
            logs = {**logs, **task.logs(outputs, learned)}
            if self.self_distillation:
                total += self.attention_weight * attention_loss(weak.attend(map_), likely)
        else:  # all weights of the student have a gradient, and the head's one of nothing
            total += 0.0 * tf.add_n([tf.reduce_sum(values) for values in said])
        return total, logs

    @staticmethod
    def present(classes: Any, kinds: Any, count: int) -> Any:
        """Which classes an image shows, float32 (n, count): all that is read of the labels. Difficult boxes and crowds
        do not count."""
        tf = keras.tf
        return tf.reduce_max(tf.one_hot(tf.where(tf.equal(kinds, COUNTS), classes, -1), count), axis=1)

    def voted(self, scores: Any, boxes: Any, present: Any, frame: tuple[int, int]) -> tuple[Any, Any]:
        """(pseudo boxes (n, MOST, 6), likelihoods at the first level (n, h, w, classes), 0 for classes that are not
        there), of the scores (n, r, classes) of proposals (n, r, 4). No gradient goes through them."""
        tf = keras.tf
        cells = (frame[0] // CELLS, frame[1] // CELLS)
        find = likelihood.FINDERS[self.boxes]

        def vote(scores: np.ndarray, boxes: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            maps = [
                likelihood.likelihood(rows, likelihood.covers(own * np.tile(frame, 2), frame, cells))
                * there[:, None, None]
                for rows, own, there in zip(scores, boxes, present, strict=True)
            ]
            found = [
                likelihood.pseudo_boxes(each, there > 0, frame, find, MOST)
                for each, there in zip(maps, present, strict=True)
            ]
            return np.stack(found), np.stack(maps).transpose(0, 2, 3, 1).astype(np.float32)

        found, likely = tf.numpy_function(vote, [scores, boxes, present], [tf.float32, tf.float32])
        found = tf.ensure_shape(found, (None, MOST, Boxes.COLUMNS))
        likely = tf.ensure_shape(likely, (None, *cells, scores.shape[-1]))
        return found, tf.nn.avg_pool2d(likely, SMOOTHED, SMOOTHED, "VALID")
