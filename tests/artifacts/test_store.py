"""The store: nothing half, nothing twice, nothing lost."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compress.artifacts import Store, content_key
from compress.artifacts.files import write_json
from compress.artifacts.store import size_bytes

ROOT = Path(__file__).parents[2]


def build(out, scratch):
    (out / "weights").write_text("12345")
    return {"kind": "train", "top1": 0.5}


def never():
    raise AssertionError("called")


def test_made_is_found(tmp_path):
    store = Store(tmp_path / "store")
    assert store.find("k") is None
    assert not store.root.exists()
    made = store.make("k", build, never)
    assert store.find("k") == made
    assert made.facts == {"kind": "train", "top1": 0.5}
    assert (made.path / "weights").read_text() == "12345"
    assert made.path == tmp_path / "store" / "artifacts" / "k"
    assert made.saved_model == made.path / "saved_model"
    assert [artifact.key for artifact in store] == ["k"]


def test_made_once_only(tmp_path):
    store = Store(tmp_path)
    made = store.make("k", build, never)
    assert store.make("k", lambda out, scratch: never(), never) == made
    assert Store(tmp_path).make("k", lambda out, scratch: never(), never) == made


def test_nothing_is_seen_until_it_is_whole(tmp_path):
    store = Store(tmp_path)

    def look(out, scratch):
        facts = build(out, scratch)
        assert store.find("k") is None
        assert list(store) == []
        assert not list(tmp_path.glob("artifacts/*"))
        return facts

    assert store.make("k", look, never).facts["top1"] == 0.5


def test_a_failed_try_leaves_its_scratch_and_nothing_else(tmp_path):
    store = Store(tmp_path)

    def fail(out, scratch):
        (out / "half").write_text("half")
        (scratch / "epoch").write_text("1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.make("k", fail, never)
    assert store.find("k") is None
    assert not list(tmp_path.glob("artifacts/*"))
    assert [path.name for path in store.unfinished()] == ["k"]

    def resume(out, scratch):
        assert (scratch / "epoch").read_text() == "1"
        assert list(out.iterdir()) == []
        return build(out, scratch)

    made = store.make("k", resume, never)
    assert sorted(path.name for path in made.path.iterdir()) == ["stage.json", "weights"]
    assert store.unfinished() == []


def test_facts_that_are_no_json_leave_nothing(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(TypeError):
        store.make("k", lambda out, scratch: {"top1": object()}, never)
    assert store.find("k") is None
    assert store.make("k", build, never).facts["kind"] == "train"


def test_a_folder_without_stage_json_is_none_and_is_replaced(tmp_path):
    store = Store(tmp_path)
    (tmp_path / "artifacts" / "k").mkdir(parents=True)
    (tmp_path / "artifacts" / "k" / "stray").write_text("x")
    assert store.find("k") is None
    assert list(store) == []
    assert not (store.make("k", build, never).path / "stray").exists()


def test_removed_is_gone_and_can_be_made_again(tmp_path):
    store = Store(tmp_path)
    made = store.make("k", build, never)
    other = store.make("l", build, never)
    size = sum(file.stat().st_size for file in made.path.iterdir())
    assert size_bytes(made.path) == size > 5
    assert store.remove(made.path) == size
    assert store.find("k") is None
    assert list(store) == [other]
    assert sorted(path.name for path in (tmp_path / "artifacts").iterdir()) == ["l"]
    assert store.make("k", build, never) == made


def interrupted_removal(store, path, monkeypatch):
    """The process dies when it is about to delete files that are there."""

    def die(folder, **options):
        if folder.exists():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            store.remove(path)


def test_a_removal_that_was_interrupted_leaves_no_artifact(tmp_path, monkeypatch):
    store = Store(tmp_path)
    interrupted_removal(store, store.make("k", build, never).path, monkeypatch)
    assert store.find("k") is None
    assert list(store) == []
    assert store.unfinished() == []


def test_after_an_interrupted_removal_the_next_one_works(tmp_path, monkeypatch):
    store = Store(tmp_path)
    interrupted_removal(store, store.make("k", build, never).path, monkeypatch)
    made = store.make("k", build, never)
    store.remove(made.path)
    assert store.find("k") is None


PROCESS = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from compress.artifacts import Store
folder = Path({folder!r})

def build(out, scratch):
    (folder / "started").touch()
    print("building", flush=True)
    time.sleep({seconds})
    (out / "by").write_text({name!r})
    return {{"by": {name!r}}}

made = Store(folder / "store").make("k", build, lambda: print("waiting", flush=True))
print(made.facts["by"], flush=True)
"""


def process(folder, name, seconds=0.0):
    code = PROCESS.format(root=str(ROOT), folder=str(folder), name=name, seconds=seconds)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def wait_for(path, seconds=60):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.02)


def test_a_second_process_waits_and_takes_what_the_first_made(tmp_path):
    first = process(tmp_path, "first", seconds=4)
    wait_for(tmp_path / "started")
    assert Store(tmp_path / "store").unfinished() == []  # it is being made
    second = process(tmp_path, "second")
    assert second.communicate(timeout=60)[0].split() == ["waiting", "first"]
    assert first.communicate(timeout=60)[0].split() == ["building", "first"]


def test_a_killed_processs_lock_is_free(tmp_path):
    first = process(tmp_path, "first", seconds=100)
    wait_for(tmp_path / "started")
    first.kill()
    first.communicate(timeout=60)
    store = Store(tmp_path / "store")
    assert [path.name for path in store.unfinished()] == ["k"]
    assert process(tmp_path, "second").communicate(timeout=60)[0].split() == ["building", "second"]


MADE_OF = {"kind": "train", "config": {"epochs": 3, "learning_rate": 0.001}, "parents": ["a", "b"], "seed": 0}


def test_keys_are_stable():
    key = content_key(MADE_OF)
    assert key == content_key(json.loads(json.dumps(MADE_OF)))
    assert key == content_key(dict(reversed(MADE_OF.items())))
    # echo -n '{"a":1}' | sha256sum
    assert content_key({"a": 1}) == "015abd7f5cc57a2dd94b"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "prune"},
        {"config": {"epochs": 4, "learning_rate": 0.001}},
        {"config": {"epochs": 3}},
        {"parents": ["b", "a"]},
        {"seed": 1},
        {"seed": "0"},
        {"more": None},
    ],
)
def test_keys_change_with_anything(change):
    assert content_key({**MADE_OF, **change}) != content_key(MADE_OF)


def test_json_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "new" / "facts.json"
    write_json(path, {"b": 1, "a": [1.5, None]})
    assert json.loads(path.read_text()) == {"b": 1, "a": [1.5, None]}
    assert list(json.loads(path.read_text())) == ["b", "a"]
    with pytest.raises(TypeError):
        write_json(path, {"c": object()})  # after it has begun to write
    assert json.loads(path.read_text()) == {"b": 1, "a": [1.5, None]}
    assert [file.name for file in path.parent.iterdir()] == ["facts.json"]
