"""The registry knows its names without TensorFlow."""

import subprocess
import sys
import types

import pytest

from compress import keras, models
from compress.errors import UserError
from compress.models import applications


def test_names_are_checked_without_loading_tensorflow():
    code = (
        "import sys; from compress import models; models.check_name('densenet201'); "
        "assert not any(name in sys.modules for name in ('tensorflow', 'tf_keras', 'h5py'))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UserError, match="unknown model 'DenseNet120'; did you mean .*densenet121"):
        models.check_name("DenseNet120")
    with pytest.raises(UserError, match="unknown model"):
        models.build("nothing", 32, 10)


def test_the_table_is_what_keras_applications_offers():
    offered = {name for name, item in vars(keras.applications).items() if isinstance(item, types.FunctionType)}
    assert set(applications.FUNCTIONS.values()) == offered
    assert len(applications.FUNCTIONS) == len(offered)


def test_names_are_lower_case_and_small_networks_are_registered():
    assert all(name == name.lower() for name in models.MODELS)
    assert {"resnet8", "resnet56", "densenet_tiny", "densenet_small"} <= set(models.MODELS)
    assert {"resnet110", "resnet32x4", "wrn_40_2", "plain2", "plain10_wide", "shufflenet_v1"} <= set(models.MODELS)
