import gzip
import io
import lzma
import pickle
import tarfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from compress import keras
from compress.datasets import cifar
from compress.datasets.cifar import CIFAR10, CIFAR100, Cifar10, Cifar100
from compress.datasets.plain_pickle import load_plain
from compress.errors import UserError

REAL = Path(__file__).parents[2].parent / "shared/data/cifar10"
NAMES = [b"airplane", b"automobile", b"bird", b"cat", b"deer", b"dog", b"frog", b"horse", b"ship", b"truck"]


def pickled(images, labels, key=b"labels", protocol=2):
    """A batch as the official archive has it: planes of red, green, blue, each row by row."""
    data = images.transpose(0, 3, 1, 2).reshape(len(images), 3072).copy()
    return pickle.dumps({b"data": data, key: labels, b"batch_label": b"made"}, protocol=protocol)


def noise(count, seed):
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def cifar10_files(batch_size=20, protocol=2):
    labels = [number % 10 for number in range(batch_size)]
    names = [*CIFAR10.train, CIFAR10.test]
    files = {name: pickled(noise(batch_size, seed), labels, protocol=protocol) for seed, name in enumerate(names)}
    return files | {"batches.meta": pickle.dumps({b"label_names": NAMES}, protocol=2)}


def cifar100_files():
    labels = [number % 100 for number in range(200)]
    files = {name: pickled(noise(200, seed), labels, b"fine_labels") for seed, name in enumerate(["train", "test"])}
    return files | {"meta": pickle.dumps({b"fine_label_names": [b"n%d" % n for n in range(100)]}, protocol=2)}


def write_folder(folder, files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(path, folder, files, mode="w:gz"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        top = tarfile.TarInfo(folder)
        top.type = tarfile.DIRTYPE
        archive.addfile(top)
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture(autouse=True)
def no_download(monkeypatch, tmp_path):
    """An empty Keras cache, and a network that is down."""

    def get_file(*_, **__):
        raise Exception("URL fetch failure: \n no route to host")  # get_file raises just that

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras_home"))
    monkeypatch.setitem(keras.__dict__, "utils", SimpleNamespace(get_file=get_file))


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "data" / CIFAR10.folder, cifar10_files())


def test_a_pixel_lies_where_the_official_layout_puts_it():
    row = np.zeros((1, 3072), np.uint8)
    row[0, 1024 + 5 * 32 + 7] = 200  # green, row 5, column 7
    images, labels = cifar._batch({b"data": row, b"labels": [3]}, CIFAR10, "made")
    assert np.argwhere(images).tolist() == [[0, 5, 7, 1]]
    assert images[0, 5, 7, 1] == 200
    assert labels.tolist() == [3]


def test_images_and_labels_come_in_the_order_of_the_batches(folder):
    classes, (images, labels), (test_images, test_labels) = cifar.read_archive(folder, CIFAR10)
    assert classes[0] == "airplane" and classes[9] == "truck"
    assert (images == np.concatenate([noise(20, seed) for seed in range(5)])).all()
    assert labels.tolist() == list(range(10)) * 10
    assert (test_images == noise(20, 5)).all()
    assert test_labels.tolist() == list(range(10)) * 2


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("cifar-10-python.tar.gz", "w:gz"),
        ("cifar-10-python.tar.xz", "w:xz"),
        ("cifar-10-batches-py.tar", "w"),
        ("download(3).bin", "w:bz2"),
    ],
)
def test_an_archive_of_any_name_gives_what_the_folder_gives(folder, tmp_path, name, mode):
    write_archive(tmp_path / "packed" / name, CIFAR10.folder, cifar10_files(), mode)
    packed = Cifar10().load(tmp_path / "packed")
    assert packed.fingerprint == Cifar10().load(folder).fingerprint


@pytest.mark.parametrize("where", ["data", "data/cifar-10-batches-py", "."])
def test_the_folder_is_found_in_and_at_and_below_the_data_dir(folder, tmp_path, where):
    if where == ".":
        folder.parent.rename(tmp_path / "cifar10")
    assert len(Cifar10().load(tmp_path / where).test) == 20


@pytest.mark.parametrize("packed", [True, False])
def test_tf_keras_cache_is_read(tmp_path, packed):
    cache = tmp_path / "keras_home" / "datasets"
    if packed:
        write_archive(cache / "cifar-10-batches-py.tar.gz", CIFAR10.folder, cifar10_files())
    else:
        write_folder(cache / CIFAR10.folder, cifar10_files())
    (tmp_path / "empty").mkdir()
    assert len(Cifar10().load().train) == 90
    assert len(Cifar10().load(tmp_path / "empty").train) == 90


def test_both_cifars_lie_side_by_side(tmp_path):
    write_archive(tmp_path / "cifar-100-python.tar.gz", CIFAR100.folder, cifar100_files())
    write_archive(tmp_path / "cifar-10-python.tar.gz", CIFAR10.folder, cifar10_files())
    assert len(Cifar10().load(tmp_path).label_names) == 10
    hundred = Cifar100().load(tmp_path)
    assert hundred.label_names[:2] == ("n0", "n1")
    assert [len(split) for split in (hundred.train, hundred.validation, hundred.test)] == [100, 100, 200]


def test_the_download_asks_for_the_official_archive_and_its_hash(monkeypatch, tmp_path):
    asked = []

    def get_file(fname, origin, file_hash, cache_dir, cache_subdir):
        asked.append((fname, origin, file_hash[:8], cache_dir, cache_subdir))
        return str(write_archive(Path(cache_dir, cache_subdir, fname), CIFAR10.folder, cifar10_files()))

    monkeypatch.setitem(keras.__dict__, "utils", SimpleNamespace(get_file=get_file))
    assert len(Cifar10().load().test) == 20
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    assert asked == [("cifar-10-batches-py.tar.gz", url, "6d958be0", str(tmp_path / "keras_home"), "datasets")]


def test_a_failed_download_says_where_to_put_the_file(tmp_path):
    with pytest.raises(UserError, match=r"no route to host.*put cifar-10-python.tar.gz .*JETSLIM_DATA") as error:
        Cifar10().load(tmp_path)
    assert "\n" not in str(error.value)


def test_a_data_dir_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="nowhere does not exist"):
        Cifar10().load(tmp_path / "nowhere")


class Attack:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.marker}",)


def test_pickled_code_is_refused_and_not_run(folder, tmp_path):
    marker = tmp_path / "executed"
    (folder / "data_batch_3").write_bytes(pickle.dumps({b"data": Attack(marker)}, protocol=2))
    with pytest.raises(UserError, match=r"data_batch_3: refused to load (posix|nt)\.system"):
        Cifar10().load(folder)
    assert not marker.exists()


def test_pickled_code_in_an_archive_is_refused_too(tmp_path):
    marker = tmp_path / "executed"
    files = cifar10_files() | {"batches.meta": pickle.dumps(Attack(marker))}
    path = write_archive(tmp_path / "cifar-10-python.tar.gz", CIFAR10.folder, files)
    with pytest.raises(UserError, match=r"cifar-10-python.tar.gz: batches.meta: refused to load (posix|nt)\.system"):
        Cifar10().load(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (b"cbuiltins\neval\n(V1\ntR.", "builtins.eval"),
        (b"cnumpy\nload\n(Vx\ntR.", "numpy.load"),
        (b"c_codecs\ndecode\n(Vx\ntR.", "_codecs.decode"),
    ],
)
def test_no_other_global_is_let_in(payload, name):
    with pytest.raises(UserError, match=f"made: refused to load {name}, which"):
        load_plain(payload, "made")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_of_every_protocol_come_back(protocol):
    data = {b"c": np.arange(6, dtype=np.uint8).reshape(2, 3), b"f": np.asfortranarray(np.arange(6).reshape(2, 3))}
    loaded = load_plain(pickle.dumps(data, protocol=protocol), "made")
    assert loaded[b"c"].tolist() == loaded[b"f"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert loaded[b"c"].dtype == np.uint8


def test_python_2_pickles_come_back():
    # As numpy 1 under Python 2 wrote the official archive: byte strings, and numpy.core instead of numpy._core.
    payload = (
        b"\x80\x02}q\x01U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b"
        b"\x87Rq\x05(K\x01K\x01K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x03\x07\x08\xfftbs."
    )
    assert load_plain(payload, "made")[b"data"].tolist() == [[7, 8, 255]]


def test_a_damaged_pickle_names_its_file(folder):
    content = (folder / "test_batch").read_bytes()
    (folder / "test_batch").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="test_batch: the pickle file is damaged"):
        Cifar10().load(folder)


@pytest.mark.parametrize(("compress", "suffix"), [(gzip.compress, "gz"), (lzma.compress, "xz"), (bytes, "")])
@pytest.mark.parametrize("kept", [0.5, 0.001])
def test_a_truncated_archive_names_its_file(tmp_path, compress, suffix, kept):
    plain = write_archive(tmp_path / "whole.tar", CIFAR10.folder, cifar10_files(), "w").read_bytes()
    content = compress(plain)
    path = tmp_path / "data" / f"cifar-10-python.tar.{suffix}".rstrip(".")
    path.parent.mkdir()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(UserError, match=r"cifar-10-python.tar.*truncated") as error:
        Cifar10().load(path.parent)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("missing", ["data_batch_4", "test_batch", "batches.meta"])
def test_a_missing_batch_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(UserError, match=f"cifar-10-batches-py: {missing} is missing"):
        Cifar10().load(folder.parent)
    with pytest.raises(UserError, match=f"cifar-10-batches-py: {missing} is missing"):
        Cifar10().load(folder)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({b"labels": [1]}, "data must be uint8"),
        ({b"data": np.zeros((2, 3071), np.uint8), b"labels": [1, 2]}, r"but they are uint8 \(2, 3071\)"),
        ({b"data": np.zeros((2, 3072), np.int64), b"labels": [1, 2]}, r"but they are int64 \(2, 3072\)"),
        ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1]}, "labels must be 2 whole numbers"),
        ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, [2]]}, "labels must be 2 whole numbers"),
        ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 10]}, "labels must be from 0 to 9"),
        ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [-1, 1]}, "labels must be from 0 to 9"),
        ([1, 2], "data must be uint8"),
    ],
)
def test_a_batch_of_another_shape_is_named(folder, wrong, message):
    (folder / "data_batch_2").write_bytes(pickle.dumps(wrong, protocol=2))
    with pytest.raises(UserError, match=f"data_batch_2: .*{message}"):
        Cifar10().load(folder)


def test_subsets_are_stratified_and_keep_validation_out_of_training(folder):
    whole = Cifar10().load(folder)
    part = Cifar10(train_images=30, test_images=10).load(folder)
    # 90 of 100 train, 10 validate; a third of each.
    assert [len(split) for split in (part.train, part.validation, part.test)] == [30, 3, 10]
    assert np.bincount(part.train.targets.labels).tolist() == [3] * 10
    assert np.bincount(part.test.targets.labels).tolist() == [1] * 10

    def images(split):
        return {image.tobytes() for image in split.read(np.arange(len(split)))}

    assert images(part.train) < images(whole.train)
    assert images(part.validation) < images(whole.validation)
    assert images(part.test) < images(whole.test)
    assert part.fingerprint != whole.fingerprint


def test_a_subset_larger_than_the_data_is_refused(folder):
    with pytest.raises(UserError, match="train_images = 91, but there are only 90"):
        Cifar10(train_images=91).load(folder)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real CIFAR-10 archive is not at {REAL}")
def test_the_real_archive():
    dataset = Cifar10().load(REAL)
    assert dataset.label_names == tuple(name.decode() for name in NAMES)
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [45000, 5000, 10000]
    assert np.bincount(dataset.train.targets.labels).tolist() == [4500] * 10
    assert np.bincount(dataset.test.targets.labels).tolist() == [1000] * 10
    # The published mean over all 50,000 training images.
    total = dataset.train.images.sum((0, 1, 2)) + dataset.validation.images.sum((0, 1, 2))
    assert np.round(total / (50000 * 1024 * 255), 5).tolist() == [0.4914, 0.48216, 0.44653]
