"""``jetslim export``."""

from dataclasses import asdict
from pathlib import Path

import click

from compress.cli.screen import Screen, screen_options


@click.command(short_help="Write a network as it is, as .tflite or for TensorRT.")
@click.argument("network", type=click.Path(exists=True, path_type=Path))
@click.option("--tflite", is_flag=True, help="Write model.tflite.")
@click.option("--onnx", "as_onnx", is_flag=True, help="Write model.onnx, for TensorRT (needs jetslim[onnx]).")
@click.option(
    "--size",
    type=click.IntRange(min=1),
    help="Side of the square images in pixels, for a network that accepts any size.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("exported"), show_default=True,
              help="Folder in which the files are written.")  # fmt: skip
@screen_options()
def export(network: Path, tflite: bool, as_onnx: bool, size: int | None, out: Path, screen: Screen) -> None:
    """Write NETWORK as it is, outside a pipeline: what it reads and what it gives stay its own.

    NETWORK is a stage's folder, a SavedModel, or a .keras or .h5 file. One that a quantize stage made gives int8
    files; its ONNX file needs grid = "symmetric" there. Each file is compared with the network on noise before it is
    kept. Nothing is trained.

    \b
    Examples:
      jetslim export runs/densenet121/5-quantized --tflite --onnx
      jetslim export my_network.keras --onnx --size 224 --out files
    """
    from compress import artifacts
    from compress.errors import UserError
    from compress.export import convert
    from compress.models import saved_model
    from compress.stages import onnx_file
    from compress.stages.files_alone import write_files

    if not (tflite or as_onnx):
        raise UserError("nothing to write: give --tflite, --onnx or both")
    if as_onnx:
        onnx_file.check_packages()
    path = network / "saved_model" if (network / "saved_model").is_dir() else network
    model = artifacts.load(path) if (path / "keras_metadata.pb").is_file() else None
    if model is None or not convert.is_quantized(model):
        model = saved_model.load(path, outputs=None, end=lambda whole, name: whole)
    if size is not None:
        model = saved_model.sized(model, (size, size, model.inputs[0].shape[-1]))
    written = []
    for file in write_files(model, tflite, as_onnx, out):
        written.append({**asdict(file), "path": str(file.path)})
        screen.line(str(file))
    screen.json({"files": written})
