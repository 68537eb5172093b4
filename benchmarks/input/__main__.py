"""The input of a training beside tf.data's own decode loop: ``python -m benchmarks.input``.

speed.json: images a second of a folder of JPEG files of 224x224 (parts of scikit-learn's two photographs), on two
cores, in turns. work-*.json: processor time of an image of such files and of larger ones, which other processes hardly
change. memory.json: what a process takes for a folder of 100,000 files of 224x224 (hard links), in a process of its
own. What is there is not measured again.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.input.table import DECODING, PLAIN, RESIZING, TF_ANTIALIASED, TF_DATA
from benchmarks.record import keep
from benchmarks.studies import InputMemory, InputSpeed, InputWork, schema_of
from compress.config import parse
from compress.datasets import Augmentation
from compress.datasets.folder import Folder, list_images
from compress.datasets.images import decoded, resize
from compress.datasets.splits import FileSplit
from compress.training import Data

RESULTS = Path(__file__).parents[1] / "results" / "input"
IMAGES, MANY, SIDE, CLASSES, QUALITY = 2_000, 100_000, 224, 10, 90
BATCH, CORES, ROUNDS = 32, 2, 7
FEW, SIZES = 512, ((SIDE, SIDE), (375, 500))
"""Images and their (height, width) for processor times; the second is the size that most of ImageNet's have."""
STEPS = 500
"""Of an epoch of many images: what is in memory no longer grows by then."""

AUGMENTATIONS: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "CIFAR: padded crop, flip": {"crop_padding": 4, "flip": True},
    "ImageNet: resized crop, flip": {"resized_crop": {}, "flip": True},
    "ImageNet, with RandAugment and mixup": {"resized_crop": {}, "flip": True, "rand_augment": {}, "mixup": {}},
}


def write_images(train: Path, height: int = SIDE, width: int = SIDE, count: int = IMAGES) -> list[str]:
    """Files of ``train``/<class>/: parts of two photographs, between once and twice as large as they become."""
    from sklearn.datasets import load_sample_images

    photographs = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    rng, names = np.random.default_rng(0), []
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        zoom = rng.uniform(1, min(2, photograph.width / width, photograph.height / height))
        extents = (width * zoom, height * zoom)
        left, top = (rng.uniform(0, own - part) for own, part in zip(photograph.size, extents, strict=True))
        box = (left, top, left + extents[0], top + extents[1])
        part = photograph.resize((width, height), Image.Resampling.BILINEAR, box)
        names.append(f"{number % CLASSES}/{number:04}.jpg")
        (train / names[-1]).parent.mkdir(parents=True, exist_ok=True)
        part.save(train / names[-1], quality=QUALITY)
    return names


def own_decode_loop(train: Path, antialias: bool = False) -> Any:
    """tf.data as its guides have it: the images as float32, in batches."""
    from compress import keras

    tf = keras.tf

    def resized(path: Any) -> Any:
        pixels = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        return tf.image.resize(pixels, [SIDE, SIDE], antialias=antialias)

    paths = tf.data.Dataset.list_files(f"{train}/*/*.jpg")
    return paths.map(resized, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH).prefetch(tf.data.AUTOTUNE)


def batches(data: Data) -> Any:
    """As the training loop has them."""
    from compress.training.batches import Batches

    return Batches(data, BATCH).dataset


def read_all(batches: Any, wanted: int) -> None:
    count = sum(len(batch[0]) if isinstance(batch, tuple) else len(batch) for batch in batches)
    if count != wanted:
        raise ValueError(f"{count} images came, of {wanted}")


def seconds(batches: Any) -> float:
    """Until the last batch has come. tf.data's own loop would go on: an iterator that is deleted can wait for the next
    look of tf.data's tuner."""
    iterator = iter(batches)
    start = time.perf_counter()
    read_all(iterator, IMAGES)
    return time.perf_counter() - start


def files_of(train: Path) -> FileSplit:
    listing = list_images(train, [str(number) for number in range(CLASSES)])
    return FileSplit(listing.paths, listing.targets, SIDE)


def speed() -> dict[str, Any]:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        train = Path(folder)
        write_images(train)
        split = files_of(train)
        ways: dict[str, Callable[[], Any]] = {TF_DATA: partial(own_decode_loop, train)}
        for name, settings in AUGMENTATIONS.items():
            ways[name] = partial(batches, Data(split, parse(Augmentation, settings, name), 0))
        for way in ways.values():  # a first time, for graphs and files in memory
            seconds(way())
        rounds = [{name: IMAGES / seconds(way()) for name, way in ways.items()} for _ in range(ROUNDS)]
    return {
        "schema": schema_of(InputSpeed),
        "images": IMAGES,
        "side": SIDE,
        "batch": BATCH,
        "cores": len(os.sched_getaffinity(0)),
        "load": load,
        "rounds": rounds,
    }


def work(height: int, width: int) -> dict[str, Any]:
    """Processor times, of all threads of this process, for files of that size."""
    with tempfile.TemporaryDirectory() as folder:
        train = Path(folder)
        write_images(train, height, width, FEW)
        split = files_of(train)
        images = [decoded(path, 3) for path in split.paths]
        ways: dict[str, Callable[[], Any]] = {
            TF_DATA: lambda: read_all(own_decode_loop(train), FEW),
            TF_ANTIALIASED: lambda: read_all(own_decode_loop(train, antialias=True), FEW),
            PLAIN: lambda: read_all(batches(Data(split, Augmentation(), 0)), FEW),
            DECODING: lambda: [decoded(path, 3) for path in split.paths],
            RESIZING: lambda: [resize(image[None], SIDE) for image in images],
        }
        for way in ways.values():
            way()
        rounds = [{name: milliseconds(way) / FEW for name, way in ways.items()} for _ in range(ROUNDS)]
    return {
        "schema": schema_of(InputWork),
        "images": FEW,
        "height": height,
        "width": width,
        "side": SIDE,
        "batch": BATCH,
        "cores": len(os.sched_getaffinity(0)),
        "rounds": rounds,
    }


def milliseconds(way: Callable[[], Any]) -> float:
    """Processor time of this process."""
    start = time.process_time()
    way()
    return (time.process_time() - start) * 1e3


def megabytes() -> float:
    """The most that this process has had in memory; getrusage would count its parent's, too."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def memory(folder: str) -> dict[str, Any]:
    """Of this process, which has measured nothing else."""
    from compress.training.batches import AHEAD, AT_ONCE

    before = megabytes()
    start = time.perf_counter()
    dataset = Folder(path=folder, size=SIDE).load()
    loading, loaded = time.perf_counter() - start, megabytes()
    for _ in batches(Data(dataset.train, Augmentation(), 0)).take(STEPS):
        pass
    return {
        "schema": schema_of(InputMemory),
        "images": MANY,
        "read": STEPS * BATCH,
        "side": SIDE,
        "batch": BATCH,
        "batches_in_memory": AT_ONCE + AHEAD,
        "megabytes": {"TensorFlow": before, "loaded": loaded, "read": megabytes()},
        "seconds_to_load": loading,
    }


def many_images() -> None:
    """memory.json, by another process."""
    with tempfile.TemporaryDirectory() as folder:
        train = Path(folder) / "train"
        names = write_images(Path(folder) / ".few")
        for number in range(MANY):
            link = train / str(number % CLASSES) / f"{number:06}.jpg"
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(Path(folder) / ".few" / names[number % IMAGES], link)
        subprocess.run([sys.executable, "-m", "benchmarks.input", folder], check=True)


def main() -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # before TensorFlow counts them
    if len(sys.argv) > 1:
        keep(RESULTS / "memory.json", memory(sys.argv[1]))
        return
    if not (RESULTS / "speed.json").exists():
        keep(RESULTS / "speed.json", speed())
    for height, width in SIZES:
        path = RESULTS / f"work-{height}x{width}.json"
        if not path.exists():
            keep(path, work(height, width))
    if not (RESULTS / "memory.json").exists():
        many_images()


if __name__ == "__main__":
    main()
