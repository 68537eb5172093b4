"""A folder as a reader of the documentation has it: a trained network, images and arrays of several tasks."""

from pathlib import Path

import numpy as np
from PIL import Image

PHOTOS = {"train": 400, "test": 100}


def write_project(folder: Path) -> Path:
    """Writes net.keras, photos/, data.npz, tags/, crowds/, cards/ and operators.json; gives ``folder`` back."""
    from compress.datasets import DATASETS

    digits = DATASETS["digits"](size=8, channels=1).load()
    arrays = {
        part: (split.read(np.arange(len(split))), split.targets.arrays()["labels"])
        for part, split in (("train", digits.train), ("test", digits.test))
    }
    for part, (x, y) in arrays.items():
        for number, (pixels, label) in enumerate(zip(x[: PHOTOS[part]], y, strict=False)):
            path = folder / f"photos/{part}/{label}/{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels[..., 0]).save(path)
    named = {f"{axis}_{part}": array for part, pair in arrays.items() for axis, array in zip("xy", pair, strict=True)}
    np.savez(folder / "data.npz", **named)
    trained_network(*arrays["train"]).save(folder / "net.keras")
    labelled_images(folder)
    (folder / "operators.json").write_text('{"schema": "jetslim-operators/1", "operators": {}, "machine": {}}')
    return folder


def trained_network(x: np.ndarray, y: np.ndarray):
    """A network of Keras 3 that divides bytes by itself and knows the digits."""
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.Conv2D(16, 3, activation="relu", name=f"conv{number}") for number in (1, 2)]
    layers += [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    network = keras.Sequential(layers)
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(x, y, epochs=6, verbose=0)
    return network


def labelled_images(folder: Path) -> None:
    """Small folders in the layouts of tables of labels, of points and of Pascal VOC."""
    rng = np.random.default_rng(0)
    names = [f"{number}.png" for number in range(20)]
    for kind, images in (("tags", "images"), ("crowds", "images"), ("cards", "JPEGImages")):
        (folder / kind / images).mkdir(parents=True)
        for name in names:
            Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(folder / kind / images / name)
    rows = "".join(f"{name},{'cat|dog' if number % 2 else 'dog'}\n" for number, name in enumerate(names))
    (folder / "tags/labels.csv").write_text(f"file,labels\n{rows}")
    rows = "".join(f"{name},{x},20\n" for name in names for x in (8, 30, 50))
    (folder / "crowds/points.csv").write_text(f"file,x,y\n{rows}")
    (folder / "cards/Annotations").mkdir()
    box = "<bndbox><xmin>8</xmin><ymin>8</ymin><xmax>40</xmax><ymax>40</ymax></bndbox>"
    for number in range(20):
        thing = f"<object><name>ace</name><difficult>0</difficult>{box}</object>"
        size = "<size><width>64</width><height>64</height><depth>3</depth></size>"
        xml = f"<annotation><filename>{number}.png</filename>{size}{thing}</annotation>"
        (folder / f"cards/Annotations/{number}.xml").write_text(xml)
