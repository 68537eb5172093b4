"""A training on several replicas gives what it gives on one; what cannot is refused."""

import json
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from compress import keras
from compress.errors import UserError
from compress.replicas import divisor, total
from compress.training import Strategy, Training
from compress.training.replicate import refuse
from compress.training.strategy import Cluster, meet, read_cluster
from tests.conftest import ROOT, environment

layers = keras.layers
WITHIN = 1e-5  # |difference| / |weights|, after 24 steps
BY_SGD = ("plain", "random_rows", "counted", "functions")


@pytest.fixture(scope="module")
def differences(tmp_path_factory):
    """Case -> what ``two_devices`` says of it."""
    path = tmp_path_factory.mktemp("two") / "said.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.two_devices", str(path)],
        cwd=ROOT, env=environment(CUDA_VISIBLE_DEVICES=""), text=True, capture_output=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(path.read_text())


@pytest.mark.parametrize("case", ["plain", "random_rows", "taught", "pruned", "in_int8", "counted", "functions"])
def test_two_devices_give_what_one_gives(case, differences):
    """Batches that do not divide, batch norms, dropout, teachers, masks, int8: weights and what an epoch logs."""
    weights, logs, steps = differences[case]
    assert weights < (WITHIN if case in BY_SGD else 1e-4)  # Adam enlarges rounding: one device with rows turned, 2e-5
    assert logs < 1e-4
    assert steps == (1 if case == "functions" else 24)


@pytest.mark.parametrize("case", ["pruned", "in_int8"])
def test_killed_and_resumed_on_two_devices_is_as_uninterrupted(case, differences):
    weights, logs, _ = differences[f"{case}, resumed"]
    assert weights == logs == 0


@pytest.mark.parametrize("case", ["pruned, begun alone", "pruned, ended alone"])
def test_killed_on_one_device_it_goes_on_on_two_and_the_other_way_around(case, differences):
    weights, logs, _ = differences[case]
    assert weights < 1e-4
    assert logs < 1e-3


def twice(layer):
    """Applies a layer of two inputs to an image's rows."""

    def call(image):
        rows = layers.Reshape((4, 12))(image)
        return layer([rows, rows])

    return call


def test_alone_nothing_is_divided():
    assert total(3.5) == 3.5
    assert float(divisor(keras.tf.constant(0.25))) == 1.0
    assert float(divisor(keras.tf.constant(4.0))) == 4.0


class Own(layers.BatchNormalization):
    pass


@pytest.mark.parametrize(("layer", "reason"), [
    (lambda: Own(name="norm"), "layer 'norm' (Own) is not Keras's own BatchNormalization"),
    (lambda: layers.BatchNormalization(renorm=True, name="norm"), "layer 'norm' (BatchNormalization) does not normalize by one mean"),
    (lambda: twice(layers.Attention(dropout=0.1, name="look")), "layer 'look' (Attention) draws"),
    (lambda: layers.RandomFlip(name="flip"), "layer 'flip' (RandomFlip) draws"),
    (lambda: layers.TimeDistributed(layers.LSTM(2, stateful=True, name="lstm"), name="steps"), "keeps a state from batch to batch"),
])  # fmt: skip
def test_what_cannot_be_replicated_is_refused_by_name(layer, reason):
    image = keras.Input((4, 4, 3), batch_size=2)
    network = keras.Model(image, layer()(image))
    with pytest.raises(UserError) as refused:
        refuse(network)
    assert reason in str(refused.value)


def test_layers_that_can_be_replicated_are_not_refused():
    image = keras.Input((4, 4, 3))
    x = layers.Dropout(0.5)(layers.BatchNormalization()(image))
    words = layers.Reshape((16, 3))(layers.GaussianNoise(0.1)(x))
    refuse(keras.Model(image, layers.LSTM(2)(layers.Attention()([words, words]))))


class Eight:
    num_replicas_in_sync = 8


def test_a_batch_that_leaves_replicas_without_an_example():
    with pytest.raises(UserError, match="batch_size = 4 is shared by 8 replicas"):
        Strategy(Eight()).check(Training(epochs=1, batch_size=4))
    Strategy(Eight()).check(Training(epochs=1, batch_size=8))


def config(own=("worker", 0), **cluster):
    return json.dumps({"cluster": cluster, "task": {"type": own[0], "index": own[1]}})


def test_tf_config_by_hand():
    assert read_cluster(config(("worker", 1), worker=["a:1", "b:2"])) == Cluster(("a:1", "b:2"), 1)
    # the chief comes first, whatever it is called
    assert read_cluster(config(worker=["b:2", "c:3"], chief=["a:1"])) == Cluster(("a:1", "b:2", "c:3"), 1)


@pytest.mark.parametrize(("text", "reason"), [
    (None, "needs TF_CONFIG on every worker"),
    ("{", "TF_CONFIG does not have the format that TensorFlow documents"),
    ('{"cluster": {"worker": ["a:1"]}}', "TF_CONFIG does not have the format that TensorFlow documents: KeyError: 'task'"),
    (config(("worker", 2), worker=["a:1", "b:2"]), "the task worker 2 is not in the cluster"),
    (config(worker=["a:1"], ps=["b:2"]), "supports the task types chief and worker, not ps"),
    (config(worker=["a:1", "a:1"]), "two workers have the same address"),
    (config(worker=["a", "b:1"]), "'a' is not an address"),
])  # fmt: skip
def test_a_tf_config_that_says_no_cluster(text, reason):
    with pytest.raises(UserError) as refused:
        read_cluster(text)
    assert reason in str(refused.value)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


UNEQUAL = """
import sys
from compress.errors import UserError
from compress.training import strategy

check = strategy.check_devices
strategy.check_devices = lambda cluster, own: check(cluster, int(sys.argv[1]))
try:
    strategy.strategy_called("multi_worker")
except UserError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(("counts", "theirs"), [((2, 1), "2, 1"), ((2, 2), None)])
def test_workers_with_different_numbers_of_devices_end_in_one_line(counts, theirs):
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", UNEQUAL, str(count)],
            cwd=ROOT, env=environment(CUDA_VISIBLE_DEVICES="", TF_CONFIG=config(("worker", number), worker=addresses)),
            text=True, stderr=subprocess.PIPE,
        )
        for number, count in enumerate(counts)
    ]  # fmt: skip
    said = [worker.communicate(timeout=120)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [1 if theirs else 0] * 2, said
    for text in said if theirs else ():
        assert f"must have the same number of devices, and theirs are {theirs} (worker 0 first)" in text


def test_workers_wait_for_one_another_and_not_forever():
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    start = time.monotonic()
    with pytest.raises(UserError, match=f"no worker answers at {addresses[1]} after 0.5 s"):
        meet(Cluster(addresses, 0), 0.5)
    assert time.monotonic() - start < 5
    servers = []

    def start(number):
        """As a worker does: TensorFlow listens at the same address afterwards."""
        meet(Cluster(addresses, number), 20.0)
        servers.append(socket.create_server(("127.0.0.1", int(addresses[number].rpartition(":")[2]))))

    late = threading.Timer(0.5, start, (1,))
    late.start()
    start(0)
    late.join(20)
    for server in servers:
        server.close()
    assert len(servers) == 2


def test_an_own_port_that_is_taken():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} of this worker cannot be used"):
            meet(Cluster((f"127.0.0.1:{port}",), 0), 1.0)


def test_one_worker_says_what_it_computes():
    alone = Strategy()
    assert alone.from_chief(lambda: {"a": [1, "b"]}) == {"a": [1, "b"]}
    alone.agree("")
    with pytest.raises(UserError, match="no"):
        alone.agree("no")
    assert np.isscalar(alone.replicas)
