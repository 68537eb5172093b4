"""The input of a training beside tf.data's own decode loop: ``python -m benchmarks.input``.

speed.json: images a second of a folder of JPEG files of 224x224 (parts of scikit-learn's two photographs), on two
cores, in turns. memory.json: what a process takes for a folder of 100,000 such files (hard links), in a process of its
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

from benchmarks.input.table import TF_DATA
from benchmarks.record import keep
from benchmarks.studies import InputMemory, InputSpeed, schema_of
from compress.config import parse
from compress.datasets import Augmentation
from compress.datasets.folder import Folder, list_images
from compress.datasets.splits import FileSplit
from compress.training import Data

RESULTS = Path(__file__).parents[1] / "results" / "input"
IMAGES, MANY, SIDE, CLASSES, QUALITY = 2_000, 100_000, 224, 10, 90
BATCH, CORES, ROUNDS = 32, 2, 7
STEPS = 500
"""Of an epoch of many images: what is in memory no longer grows by then."""

AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "as they are": {},
    "CIFAR: padded crop, flip": {"crop_padding": 4, "flip": True},
    "ImageNet: resized crop, flip": {"resized_crop": {}, "flip": True},
    "ImageNet, with RandAugment and mixup": {"resized_crop": {}, "flip": True, "rand_augment": {}, "mixup": {}},
}


def write_images(train: Path) -> list[str]:
    """Files of ``train``/<class>/: parts of two photographs, between once and twice as large as they become."""
    from sklearn.datasets import load_sample_images

    photographs = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    rng, names = np.random.default_rng(0), []
    for number in range(IMAGES):
        photograph = photographs[number % len(photographs)]
        side = rng.uniform(SIDE, min(2 * SIDE, *photograph.size))
        left, top = (rng.uniform(0, extent - side) for extent in photograph.size)
        part = photograph.resize((SIDE, SIDE), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
        names.append(f"{number % CLASSES}/{number:04}.jpg")
        (train / names[-1]).parent.mkdir(parents=True, exist_ok=True)
        part.save(train / names[-1], quality=QUALITY)
    return names


def own_decode_loop(train: Path) -> Any:
    """tf.data as its guides have it: the images as float32, in batches."""
    from compress import keras

    tf = keras.tf

    def decoded(path: Any) -> Any:
        return tf.image.resize(tf.io.decode_jpeg(tf.io.read_file(path), channels=3), [SIDE, SIDE])

    paths = tf.data.Dataset.list_files(f"{train}/*/*.jpg")
    return paths.map(decoded, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH).prefetch(tf.data.AUTOTUNE)


def batches(data: Data) -> Any:
    """As the training loop has them."""
    from compress.training.batches import Batches

    return Batches(data, BATCH).dataset


def seconds(batches: Any) -> float:
    start = time.perf_counter()
    count = sum(len(batch[0]) if isinstance(batch, tuple) else len(batch) for batch in batches)
    if count != IMAGES:
        raise ValueError(f"{count} images came, of {IMAGES}")
    return time.perf_counter() - start


def speed() -> dict[str, Any]:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        train = Path(folder)
        write_images(train)
        listing = list_images(train, [str(number) for number in range(CLASSES)])
        split = FileSplit(listing.paths, listing.targets, SIDE)
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
    if not (RESULTS / "memory.json").exists():
        many_images()


if __name__ == "__main__":
    main()
