"""Weights from files: every format, all or nothing."""

import numpy as np
import pytest

from compress import keras, models
from compress.errors import UserError
from compress.models import weights

IMAGES = np.random.default_rng(0).random((2, 32, 32, 3), dtype="float32")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A network and the folder in which it lies in every format, trained for a step: optimizers have weights, too."""
    folder = tmp_path_factory.mktemp("weights")
    model = models.build("resnet8", 32, 10, seed=1)
    model.compile("adam", "mse")
    model.train_on_batch(IMAGES, np.zeros((2, 10), "float32"))
    model.save_weights(folder / "w.h5")
    model.save_weights(folder / "w.weights.h5")
    model.save(folder / "whole.h5")
    model.save(folder / "whole.keras")
    model.save(folder / "saved_model", save_traces=False)
    return model, folder


@pytest.mark.parametrize("file", ["w.h5", "w.weights.h5", "whole.h5", "whole.keras", "saved_model"])
def test_every_format_is_read(saved, file):
    model, folder = saved
    assert weights.count(str(folder / file)) == len(model.weights)
    again = models.build("resnet8", 32, 10, weights=str(folder / file), seed=2)
    np.testing.assert_array_equal(again(IMAGES), model(IMAGES))


@pytest.mark.parametrize("file", ["w.h5", "w.weights.h5", "whole.h5", "whole.keras", "saved_model"])
def test_another_network_is_refused(saved, file):
    with pytest.raises(UserError, match="do not fit resnet20") as error:
        models.build("resnet20", 32, 10, weights=str(saved[1] / file))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", ["w.h5", "whole.h5", "whole.keras", "saved_model"])
def test_a_head_of_other_classes_is_replaced(saved, file):
    model, folder = saved
    other = models.build("resnet8", 32, 11, weights=str(folder / file), seed=2)
    fresh = models.build("resnet8", 32, 11, seed=2)
    for mine, theirs in zip(other.get_weights()[:-2], model.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(other.get_weights()[-2], fresh.get_weights()[-2])


def test_weights_without_a_head(saved, tmp_path):
    model, _ = saved
    keras.Model(model.inputs, model.layers[-1].input).save_weights(tmp_path / "notop.h5")
    other = models.build("resnet8", 32, 3, weights=str(tmp_path / "notop.h5"), seed=2)
    for mine, theirs in zip(other.get_weights()[:-2], model.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_larger_network_does_not_pass_for_a_smaller_one(tmp_path):
    models.build("resnet20", 32, 10).save_weights(tmp_path / "large.weights.h5")
    with pytest.raises(UserError, match="the file has 107 arrays, the network has 47"):
        models.build("resnet8", 32, 10, weights=str(tmp_path / "large.weights.h5"))


def test_no_file_and_no_hdf5(tmp_path):
    with pytest.raises(UserError, match="the weights file .* does not exist"):
        models.build("resnet8", 32, 10, weights=str(tmp_path / "none.h5"))
    (tmp_path / "text.h5").write_text("no")
    with pytest.raises(UserError, match="not an HDF5 file"):
        models.build("resnet8", 32, 10, weights=str(tmp_path / "text.h5"))
    with pytest.raises(UserError, match="no network at"):
        models.build("resnet8", 32, 10, weights="imagnet")
