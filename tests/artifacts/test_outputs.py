"""The cache of outputs: computed once, damaged files are computed anew, and it does not outgrow its limit."""

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from compress.artifacts.outputs import Outputs


def never():
    raise AssertionError("computed again")


def array(value):
    """By name, as a network gives them."""
    return {"logits": np.full((100, 10), value, np.float32)}  # 4,000 bytes, and SIZE in an archive


SIZE = 4266


def assert_equal(arrays, wanted):
    assert arrays.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_array_equal(arrays[name], values)


def test_computed_once(tmp_path):
    cache = Outputs(tmp_path / "outputs")
    assert_equal(cache.get("a", lambda: array(1)), array(1))
    assert_equal(Outputs(tmp_path / "outputs").get("a", never), array(1))
    assert cache.size_bytes == SIZE


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04\x2d\x00", b"no array"])
def test_a_damaged_file_is_computed_anew(tmp_path, damage):
    cache = Outputs(tmp_path)
    (tmp_path / "a.npz").write_bytes(damage)
    assert_equal(cache.get("a", lambda: array(2)), array(2))
    assert_equal(cache.get("a", never), array(2))


def test_what_was_not_read_for_longest_goes_first(tmp_path):
    cache = Outputs(tmp_path, limit_bytes=9000)
    for number, key in enumerate("ab"):
        cache.get(key, lambda: array(0))
        os.utime(tmp_path / f"{key}.npz", ns=(number, number))
    cache.get("a", never)  # read just now
    cache.get("c", lambda: array(0))
    assert [path.stem for path in cache] == ["a", "c"]
    assert cache.size_bytes <= 9000


def test_what_is_larger_than_the_limit_is_not_kept(tmp_path):
    cache = Outputs(tmp_path, limit_bytes=1000)
    assert_equal(cache.get("a", lambda: array(3)), array(3))
    assert list(cache) == []


def fill(folder, first):
    """A process's work: twenty arrays into a cache that has room for two."""
    cache = Outputs(Path(folder), limit_bytes=9000)
    for number in range(20):
        key = f"{first + number % 7}"
        assert_equal(cache.get(key, lambda key=key: array(int(key))), array(int(key)))
        list(cache), cache.size_bytes


def test_processes_make_room_at_the_same_time(tmp_path):
    spawned = multiprocessing.get_context("spawn")
    workers = [spawned.Process(target=fill, args=(str(tmp_path), first)) for first in (0, 3, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert Outputs(tmp_path).size_bytes <= 9000


def test_what_is_gone_is_no_error(tmp_path):
    cache = Outputs(tmp_path)
    cache.get("a", lambda: array(0))
    assert cache.not_read_since(0) == []
    assert cache.not_read_since(2**40) == [tmp_path / "a.npz"]
    assert [cache.remove(tmp_path / "a.npz") for _ in range(2)] == [SIZE, 0]
