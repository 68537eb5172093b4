"""Which pixels a network of a user's expects: told by the chain that it begins with, else by its own right answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress import keras
from compress.datasets import Split
from compress.errors import UserError, few
from compress.models.front import Front, front_of
from compress.pixels import PIXELS, UNIT, Pixels
from compress.tasks import Answers, Arrays, Task
from compress.tasks.answers import STANDARD_ERRORS, standard_error
from compress.tasks.named import named

SMALLEST, LARGEST = 0.25, 300.0  # what a chain makes of the pixels that it was written for, at its largest
MOST_IMAGES, MOST_PIXELS = 200, 200 * 112**2
CLEAR_LEAD, CLEAR_NATS = 0.05, 20.0
MOST_SPREAD, MOST_DOUBT = 60.0, 0.25  # of a trained network

Say = Callable[[str], None]


ASK = f'give it as [data] pixels = "..." (--set data.pixels=...): {", ".join(PIXELS)} or {{ scale, offset }}'


def decide(
    model: Any,
    name: str,
    task: Task,
    given: Pixels | None = None,
    images: Split | None = None,
    say: Say = lambda line: None,
    ask: str = ASK,
) -> Pixels:
    """The pixels that ``model``, a functional network of the task that reads images, expects, and a line that says why.

    ``given`` are taken where its owner named them. Else the network's own affine chain tells them, if only one of
    PIXELS makes sense in front of it. A network that was never trained learns on [0, 1]. Of any other one, ``images``
    (the validation split) are classified under each of PIXELS, and a clear winner is taken.
    Raises UserError, which ends in ``ask``, where none of this decides.
    """
    front = front_of(model)
    told = told_by(front)
    if given is not None:
        if told and all(given.limits != pixels.limits for pixels in told):
            say(
                f"note: {name} gets pixels {given.name} as you asked, but its first layers "
                f"({', '.join(front.layers)}) suggest that it expects "
                f"{' or '.join(pixels.name for pixels in told)}"
            )
        return given
    if len(told) == 1:
        say(f"{name} expects pixels {told[0].name}: its first layers are {', '.join(front.layers)}")
        return told[0]
    if is_fresh(model):
        say(
            f"{name} was never trained (its biases and batch-norm statistics have their initial values): it is "
            "trained on pixels 0..1"
        )
        return UNIT
    fitting = told or [pixels for pixels in PIXELS.values() if pixels.fits(model.inputs[0].shape[-1])]
    unknown = f"{name}: the pixel range that it expects cannot be found from its layers"
    trials = [] if images is None else [trial_of(model, pixels, images, task) for pixels in fitting]
    known = [trial for trial in trials if trial is not None]
    if images is None or not known:
        raise UserError(f"{unknown}; {ask}")
    return by_answers(known, images, task, name, say, f"{unknown}, ", ask)


def by_answers(
    trials: Sequence[Trial], images: Split, task: Task, name: str, say: Say, unknown: str = "", ask: str = ASK
) -> Pixels:
    """The pixels of the clear winner, which ``say`` is told. Raises UserError, ``unknown`` to ``ask``, for none."""
    best, count = winner(trials, task.chance(images.targets.arrays())), trials[0].answers.count
    if best is None:
        shares = ", ".join(f"{trial.pixels.name} {trial.answers.right:.0%}" for trial in trials)
        raise UserError(f"{unknown}nor from its predictions (correct on {count} validation images: {shares}); {ask}")
    others = [f"{trial.pixels.name} {trial.answers.right:.1%}" for trial in trials if trial is not best]
    say(
        f"{name} expects pixels {best.pixels.name}: with them it gets {best.answers.right:.1%} of {count} "
        "validation images right, with the confidence of a trained network (with others: "
        f"{', '.join(others)})"
    )
    return best.pixels


def are_asked_for(model: Any, images: Split) -> bool:
    """Whether there are pixels to be decided on: the network reads one array, and the data are bytes."""
    return len(model.inputs) == 1 and images.read(np.arange(0)).dtype == np.uint8


def told_by(front: Front) -> list[Pixels]:
    """Those of PIXELS that make sense in front of the chain; none where there is no chain.

    Sense: what the chain makes of them holds 0 and is neither tiny nor huge. People feed a chain bytes or [0, 1], hence
    these first; where both make sense, the one whose values lie on both sides of 0.
    """
    if front.is_empty:
        return []
    for names in (("0..255", "0..1"), ("-1..1",)):
        sensible = [pixels for pixels in map(PIXELS.__getitem__, names) if _makes_sense(*front.limits(pixels))]
        centred = [pixels for pixels in sensible if _is_centred(*front.limits(pixels))]
        if sensible:
            return centred if len(sensible) > 1 and len(centred) == 1 else sensible
    return []


def _makes_sense(low: float, high: float) -> bool:
    slack = 1e-3 * (high - low)
    return low <= slack and high >= -slack and SMALLEST <= max(-low, high) <= LARGEST


def _is_centred(low: float, high: float) -> bool:
    return min(-low, high) > 0.1 * (high - low)


def refuse_ignorance(network: Any, name: str, images: Split, label_names: Sequence[str], task: Task) -> None:
    """Raises UserError for a trained network, which reads [0, 1], that knows no more of ``images`` than chance."""
    if not (reason := task.ignorance(*outputs_of(network, UNIT, images, task))):
        return
    if is_fresh(network):
        raise UserError(
            f"{name} was never trained (its biases and batch-norm statistics have their initial values), and "
            f"{reason}: train it first, or use --force to continue anyway"
        )
    raise UserError(
        f"{name} is no better than chance on these images (it {reason}). Check the pixel range ([data] "
        f"pixels), the order of the classes (here {few(label_names)}) and the training data. Use --force "
        "to continue anyway"
    )


def is_fresh(model: Any) -> bool:
    """Whether the weights are as they are when a network is made: biases 0, and statistics of batch norms 0 and 1.

    A network that has neither biases nor batch norms is taken for trained.
    """
    answers = [_as_made(weight) for weight in model.weights]
    known = [answer for answer in answers if answer is not None]
    return bool(known) and all(known)


def has_new_head(model: Any) -> bool:
    """Whether the last layer with weights has a bias of zeros: put on a trained network, and not trained itself."""
    last = next((layer for layer in reversed(model.layers) if layer.weights), None)
    bias = getattr(last, "bias", None)
    return bias is not None and not bias.numpy().any()


def _as_made(weight: Any) -> bool | None:
    """Whether a bias or a statistic is as a new network has it; None for any other weight."""
    kind = weight.name.rpartition("/")[2].partition(":")[0]
    if kind in ("bias", "beta", "moving_mean"):
        return not weight.numpy().any()
    return bool((weight.numpy() == 1).all()) if kind == "moving_variance" else None


@dataclass(frozen=True)
class Trial:
    """What a network answers when it is fed some images as these ``pixels``."""

    pixels: Pixels
    answers: Answers

    @property
    def is_plausible(self) -> bool:
        """Whether the network is about as sure as it is right, as training leaves it; fed too little it is not."""
        return self.answers.confidence >= self.answers.right - MOST_DOUBT


def winner(trials: Sequence[Trial], chance: float) -> Trial | None:
    """The trial that is clearly better than all others, and than ``chance``; None for none.

    By right answers. Several may get about as many right: a network of convolutions and ReLUs with next to no biases
    does not mind a factor. Fed 255 times too much its logits are far too large for a trained network; fed too little
    they are all the same. Of what is left, the one that is the least sure of itself is taken, if it is no less often
    right and clearly more likely: the larger ones are ever surer, and more likely by that alone.
    """
    best = max(trials, key=lambda trial: trial.answers.right)
    lead = max(CLEAR_LEAD, STANDARD_ERRORS * standard_error(best.answers.right, best.answers.count))
    if best.answers.right - chance < lead:
        return None
    near = [trial for trial in trials if best.answers.right - trial.answers.right < lead]
    if len(near) == 1:
        return best
    sane = sorted(
        (trial for trial in near if trial.answers.spread <= MOST_SPREAD), key=lambda trial: trial.answers.spread
    )
    first = next((trial for trial in sane if trial.is_plausible), None)
    if first is None:
        return None
    others = [trial for trial in sane if trial is not first]
    beaten = [
        first.answers.right >= other.answers.right
        and (not other.is_plausible or (other.answers.nll - first.answers.nll) * first.answers.count >= CLEAR_NATS)
        for other in others
    ]
    return first if all(beaten) else None


def sample(split: Split) -> np.ndarray:
    """Indices of as many images as a trial takes, fewer of large ones."""
    pixels = int(np.prod(split.read(np.arange(1)).shape[1:3]))
    count = min(len(split), MOST_IMAGES, max(40, MOST_PIXELS // pixels))
    return np.random.default_rng(0).permutation(len(split))[:count]


def outputs_of(model: Any, pixels: Pixels, split: Split, task: Task) -> tuple[Arrays, Arrays]:
    """(raw outputs, targets) of some images of the split, which the network is fed as these pixels."""
    chosen = sample(split)
    images = split.read(chosen)
    tf = keras.tf
    parts = np.array_split(np.arange(len(chosen)), max(1, len(chosen) * images[0].size // (32 * 96 * 96 * 3)))
    batches = [named(task, model(tf.constant(pixels.of(images[part])), training=False)) for part in parts]
    outputs = {name: np.concatenate([batch[name].numpy() for batch in batches]) for name in batches[0]}
    return outputs, split.targets.take(chosen).arrays()


def trial_of(model: Any, pixels: Pixels, split: Split, task: Task) -> Trial | None:
    """What a network with raw outputs answers for some images of the split; None for a task without such answers."""
    answers = task.answers(*outputs_of(model, pixels, split, task))
    return None if answers is None else Trial(pixels, answers)
