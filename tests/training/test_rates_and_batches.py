"""Learning-rate schedules by hand, and the order of the data."""

import dataclasses
import itertools

import numpy as np
import pytest

from compress.config import parse
from compress.datasets import Augmentation
from compress.datasets.splits import ArraySplit
from compress.errors import UserError
from compress.training import Data, Training


def rates(training, total, steps):
    return [training.rate(step, total) for step in steps]


def test_cosine():
    training = Training(epochs=4, learning_rate=0.2)
    # half a cosine: 1, (1 + cos 45) / 2, 1/2, and 0 where it ends
    assert rates(training, 80, [0, 20, 40, 80]) == pytest.approx([0.2, 0.2 * (1 + 0.5**0.5) / 2, 0.1, 0], abs=1e-12)
    falling = rates(training, 80, range(80))
    assert all(now < before for before, now in itertools.pairwise(falling))
    assert falling[-1] > 0


def test_cosine_restarts_by_hand():
    """Ten epochs, then twenty, then forty: at 0, 1, 5, 9, 10, 15 and 30 of seventy."""
    training = Training(epochs=70, learning_rate=1e-4, schedule="cosine_restarts", first_restart=10)
    expected = [1e-4, 9.755e-5, 5e-5, 2.447e-6, 1e-4, 8.536e-5, 1e-4]
    assert rates(training, 700, [0, 10, 50, 90, 100, 150, 300]) == pytest.approx(expected, rel=1e-3)
    assert training.rate(699, 700) < 1e-8
    same = Training(epochs=9, schedule="cosine_restarts", first_restart=3, restart_factor=1.0)
    assert rates(same, 90, range(30)) == pytest.approx(rates(same, 90, range(60, 90)))


@pytest.mark.parametrize(("settings", "reason"), [
    ({"schedule": "cosine_restarts"}, "needs first_restart"),
    ({"first_restart": 2}, 'work only with schedule = "cosine_restarts"'),
    ({"restart_factor": 1.5}, 'work only with schedule = "cosine_restarts"'),
])  # fmt: skip
def test_restarts_are_asked_for_as_a_whole(settings, reason):
    with pytest.raises(UserError, match=reason):
        Training(epochs=4, **settings).check_schedule()


def test_a_warm_up_rises_to_the_rate_from_which_the_schedule_falls():
    training = Training(epochs=3, warmup_epochs=1, learning_rate=0.8)
    # 4 steps an epoch: quarters of 0.8, then 0.4 * (1 + cos(k pi / 8)): 0.8, 0.770, 0.683, 0.553, 0.4, ...
    expected = [0.2, 0.4, 0.6, 0.8, 0.8, 0.76955, 0.68284, 0.55307, 0.4, 0.24693, 0.11716, 0.03045]
    assert rates(training, 12, range(12)) == pytest.approx(expected, abs=1e-5)
    restarts = dataclasses.replace(
        training, epochs=4, schedule="cosine_restarts", first_restart=1
    )  # then one of 2 epochs
    expected = [0.4, 0.8, 0.8, 0.4, 0.8, 0.68284, 0.4, 0.11716]
    assert rates(restarts, 8, range(8)) == pytest.approx(expected, abs=1e-5)
    steps = dataclasses.replace(training, schedule="steps", drop_after=(2,))  # counted from the start
    assert rates(steps, 6, range(6)) == pytest.approx([0.4, 0.8, 0.8, 0.8, 0.08, 0.08])


def test_a_warm_up_ends_before_the_training():
    with pytest.raises(UserError, match=r"^warmup_epochs = 3 must be less than the number of epochs \(3\)$"):
        Training(epochs=3, warmup_epochs=3).check_schedule()


def test_the_steps_of_the_main_paper():
    # 1e-3 in epochs 1 to 25, 1e-4 in 26 to 38, 1e-5 in 39 to 50
    training = Training(epochs=50, schedule="steps", drop_after=(25, 38))
    per_epoch = 7
    total = 50 * per_epoch
    by_epoch = [rates(training, total, range(e * per_epoch, (e + 1) * per_epoch)) for e in range(50)]
    for epoch, rates_of_epoch in enumerate(by_epoch, start=1):
        expected = 1e-3 if epoch <= 25 else 1e-4 if epoch <= 38 else 1e-5
        assert rates_of_epoch == pytest.approx([expected] * per_epoch), epoch


def test_constant_drops_nowhere():
    training = Training(epochs=3, schedule="constant", drop_after=(1,), learning_rate=0.5)
    assert rates(training, 30, range(30)) == [0.5] * 30


def test_steps_of_an_epoch_and_of_all():
    training = Training(epochs=3, batch_size=8)
    assert [training.steps(n, 1) for n in (1, 8, 9, 1294)] == [1, 1, 2, 162]
    assert training.steps(9) == 6


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"epochs": 1, "batch_size": 0}, {"epochs": 1, "learning_rate": 0.0}, {"epochs": 1, "momentum": 1.0},
     {"epochs": 1, "weight_decay": -1.0}, {"epochs": 1, "schedule": "cosines"}, {"epochs": 1, "drop_after": [0]},
     {"epochs": True}, {"epochs": 1, "learning_rate": "0.1"}],
)  # fmt: skip
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(UserError, match=f"here: .*{list(wrong)[-1]}"):
        parse(Training, wrong, "here")


def data(seed=5, augmentation=None, count=23):
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype="uint8")
    images[:, 0, 0, 0] = np.arange(count)  # who is who
    return Data(ArraySplit(images, np.arange(count) * 2 % 7, 8), augmentation or Augmentation(), seed)


def order(data, epoch, batch_size=4):
    return np.concatenate([images[:, 0, 0, 0] for images, *_ in data.batches(batch_size, epoch)]).tolist()


def test_every_image_comes_once_with_its_label():
    batches = list(data().batches(4, 0))
    assert [len(images) for images, *_ in batches] == [4, 4, 4, 4, 4, 3]
    assert all(beside == {} for *_, beside in batches)
    images = np.concatenate([each for each, *_ in batches])
    labels = np.concatenate([targets["labels"] for _, targets, _ in batches])
    who = images[:, 0, 0, 0]
    assert sorted(who) == list(range(23))
    np.testing.assert_array_equal(labels, who.astype(int) * 2 % 7)
    np.testing.assert_array_equal(images, data().train.images[who])
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


def test_the_order_follows_from_seed_and_epoch():
    assert order(data(), 3) == order(data(), 3)
    orders = [order(data(), 0), order(data(), 1), order(data(6), 0), list(range(23))]
    assert all(one != other for i, one in enumerate(orders) for other in orders[:i])


def test_an_epochs_order_does_not_need_the_epochs_before_it():
    one = data()
    for epoch in (0, 1):
        list(one.batches(4, epoch))
    assert order(one, 2) == order(data(), 2)


def test_what_goes_beside_images_stays_with_them_and_draws_follow_from_the_epoch():
    given = dataclasses.replace(
        data(), per_image_inputs={"who": np.arange(23) * 10}, per_batch_inputs={"chance": lambda rng, _: rng.random(2)}
    )
    drawn = []
    for epoch in (0, 1, 0):
        for images, _, beside in given.batches(4, epoch):
            np.testing.assert_array_equal(beside["who"], images[:, 0, 0, 0].astype(int) * 10)
            drawn.append(tuple(beside["chance"]))
    assert drawn[:6] == drawn[12:]
    assert len(set(drawn)) == 12
    assert order(given, 0) == order(data(), 0)  # a draw takes nothing from the order's


def test_augmentation_follows_from_seed_and_epoch_and_keeps_the_order():
    plain, shaken = data(), data(augmentation=Augmentation(crop_padding=2, flip=True))
    first = [images for images, *_ in shaken.batches(4, 1)]
    again = [images for images, *_ in shaken.batches(4, 1)]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    untouched = [images for images, *_ in plain.batches(4, 1)]
    assert any((one != other).any() for one, other in zip(first, untouched, strict=True))
    labels = [np.concatenate([y["labels"] for _, y, _ in d.batches(4, 1)]) for d in (plain, shaken)]
    np.testing.assert_array_equal(*labels)
    another = [images for images, *_ in shaken.batches(4, 2)]
    assert any((one != other).any() for one, other in zip(first, another, strict=True))
