"""Why jetslim ends with a message, and what to do: by the modules that say the messages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """What messages of some modules have in common; ``modules`` are their paths without .py, or those of folders."""

    modules: tuple[str, ...]
    cause: str
    remedy: str


FAMILIES: dict[str, tuple[Cause, ...]] = {
    "settings": (
        Cause(
            (
                "compress/config", "compress/errors", "compress/pipeline/load_pipeline", "compress/cli/options",
                "compress/cli/model_options",
            ),
            "A name, a key or a value in the pipeline file or on the command line is misspelled, missing, of the "
            "wrong type or out of range.",
            "Correct what the message names. [All settings](reference/settings.md) lists every key with its range.",
        ),
        Cause(
            (
                "compress/pipeline/plan", "compress/stages/network", "compress/stages/load", "compress/models/taps",
                "compress/training/settings",
            ),
            "Two settings contradict each other, or a stage refers to a stage, a layer or a network that does not "
            "exist.",
            "Remove one of the two settings, or correct the name; `jetslim check` plans the file without running it.",
        ),
        Cause(
            ("compress/api/draft", "compress/cli/new", "compress/cli/export"),
            "The command lacks an option that it needs, or the file that it should write has an unsuitable name.",
            "Add the option that the message names, or choose another file name.",
        ),
    ),
    "data": (
        Cause(
            (
                "compress/datasets/folder", "compress/datasets/pictures", "compress/datasets/read_pictures",
                "compress/datasets/splits", "compress/datasets/base",
            ),
            "A folder does not exist or has another layout than expected, an image is damaged, or a class has too "
            "few images.",
            "Correct the path or the [layout](how-to/data.md); repair or delete damaged files, or leave them out "
            "with `--skip-bad-images`.",
        ),
        Cause(
            ("compress/datasets/arrays",),
            "The arrays are not numbers, contain NaN, or x and y, or the splits, do not fit each other.",
            "Correct the array that the message names: x is (n, ...), y has one entry per example.",
        ),
        Cause(
            ("compress/datasets/csv_folder", "compress/datasets/points_folder", "compress/datasets/points"),
            "A row or a column of labels.csv, points.csv, boxes.csv or split.csv is missing or wrong.",
            "Correct the row that the message names.",
        ),
        Cause(
            ("compress/datasets/boxes", "compress/datasets/coco", "compress/datasets/voc", "compress/datasets/yolo",
             "compress/datasets/yolo_splits"),
            "An annotation is missing, damaged, or does not belong to its image or to the classes.",
            "Correct the file that the message names; give `classes` if only some of the classes are wanted.",
        ),
        Cause(
            ("compress/datasets/cifar", "compress/datasets/shanghaitech", "compress/datasets/plain_pickle"),
            "The files of a public data set are missing, incomplete or damaged.",
            "Download them again, and name their folder with `--data-dir`.",
        ),
        Cause(
            (
                "compress/datasets/augment", "compress/datasets/augment_step", "compress/datasets/cutout",
                "compress/datasets/kernels", "compress/datasets/mixup", "compress/datasets/rand_augment",
                "compress/datasets/resized_crop",
            ),
            "An augmentation does not suit these data, or its two limits are in the wrong order.",
            "Remove that augmentation, or correct its limits.",
        ),
    ),
    "task": (
        Cause(
            ("compress/tasks",),
            "The outputs of the network, or the targets of the data, are not of the kind that the task needs.",
            "Use a network with one output per class or number of the data, or set [task] to the task that fits.",
        ),
        Cause(
            ("compress/api/data",),
            "What was given as data from Python is not a pair (x, y), or is too large for the memory.",
            "Give a pair of arrays, a finite tf.data.Dataset of pairs, or the path of a folder.",
        ),
    ),
    "networks": (
        Cause(
            (
                "compress/artifacts/saved_model", "compress/api/networks", "compress/models/file_kinds",
                "compress/models/network_file", "compress/models/weights", "compress/models/keras3/__init__",
                "compress/models/keras3/files",
            ),
            "The file is damaged, incomplete, or not a Keras network that can be trained.",
            'Save the whole float32 network with `model.save("net.keras")`, before any quantization, and use that '
            "file.",
        ),
        Cause(
            ("compress/models/keras3",),
            "A layer of a Keras 3 network has no counterpart in legacy Keras, in which jetslim trains.",
            "Replace the layer that the message names by Keras's own layers, or by keras.ops called on the tensors.",
        ),
        Cause(
            ("compress/rewrite", "compress/inspection", "compress/cli/inspect", "compress/stages/trial",
             "compress/pipeline/preflight"),
            "A layer computes something that cannot be pruned, quantized or exported, because it cannot be read.",
            "Replace that layer as the message says; `jetslim inspect` lists what will happen to each layer.",
        ),
        Cause(
            ("compress/models",),
            "The network cannot be built for, or does not fit, the shape of the images or the classes of the data.",
            "Choose another network or another `size`, or let your network end in logits for the data's classes.",
        ),
    ),
    "pixels": (
        Cause(
            ("compress/pixels", "compress/evaluate/expected_pixels", "compress/evaluate/tried_pixels"),
            "Neither the first layers of the network nor its predictions on validation images show which range of "
            "pixel values it expects, or it is no better than chance with every range.",
            "Give the range that the network was trained with: `--set data.pixels=0..255` in a pipeline, `--pixels "
            "0..255` for a model in hand.",
        ),
    ),
    "training": (
        Cause(
            ("compress/distill", "compress/stages/distill", "compress/stages/teaching"),
            "The distillation method does not suit the task, the teachers or the layers of the two networks, or "
            "leaves no epochs for a part of the training, or a package is missing.",
            "Choose a method that suits the task ([methods](methods/distillation.md)), correct the setting, or install "
            "`jetslim[slv]`.",
        ),
        Cause(
            ("compress/training/keras_loop", "compress/stages/save_and_evaluate"),
            "The training diverged: the loss or the outputs became NaN or infinite.",
            "Lower `learning_rate`, or check the training data for wrong values.",
        ),
    ),
    "fewer": (
        Cause(
            ("compress/narrow", "compress/stages/narrow", "compress/stages/narrow_rounds"),
            "The target cannot be reached even with the fewest channels, a pattern names no layer, or narrowing "
            "comes after pruning.",
            "Ask for a larger fraction, keep fewer layers, or put the narrow stage before the prune stage.",
        ),
        Cause(
            ("compress/evaluate/timings",),
            "The table of operator times from a board is damaged, or was made for another network.",
            "Bundle this pipeline and run `jetson.pyz operators` on the board again.",
        ),
        Cause(
            ("compress/prune", "compress/stages/prune"),
            "The pruning schedule does not fit into the steps of the training, or a pattern names no layer.",
            "Lower `end_step` or `frequency`, train for more epochs, or correct the pattern.",
        ),
    ),
    "files": (
        Cause(
            ("compress/quantize", "compress/stages/quantize", "compress/stages/export"),
            "Settings of the quantize or the export stage contradict each other, or the network that they start from.",
            "Change the setting that the message names.",
        ),
        Cause(
            ("compress/stages/faithful", "compress/stages/files_alone", "compress/export/convert"),
            "The `.tflite` cannot be made, or does not compute what its network computes.",
            "Find the layer with `jetslim compare` and keep it in float (`keep_float`). If one layer alone computes "
            "something else, please report it.",
        ),
    ),
    "onnx": (
        Cause(
            ("compress/export/onnx", "compress/stages/onnx_file"),
            "A layer has no counterpart in ONNX, a zero point is not 0, the input has no fixed size, or a package is "
            "missing.",
            'Quantize with `grid = "symmetric"`, replace the layer (`jetslim inspect` lists such layers), or install '
            "`jetslim[onnx]`.",
        ),
    ),
    "judging": (
        Cause(
            (
                "compress/cli/compare", "compress/cli/data", "compress/cli/evaluate", "compress/cli/predict",
                "compress/cli/recorded_data",
            ),
            "The model and the images or the data set do not fit each other.",
            "Give the model's own data (`--data`) and, if it accepts any size, the size (`--size`).",
        ),
        Cause(
            ("compress/evaluate", "compress/compare"),
            "LiteRT cannot run the file, or it has several inputs or outputs, or an input whose meaning is unknown.",
            "Give `--output`, `--pixels` or `--size`; convert the file again if it contains TensorFlow operators.",
        ),
    ),
    "several": (
        Cause(
            ("compress/training/strategy", "compress/pipeline/take_part"),
            "TF_CONFIG is wrong, a worker is missing or was lost, or the workers differ in data, versions or store.",
            "Start the same command on every worker, with its own TF_CONFIG and one shared store.",
        ),
        Cause(
            ("compress/training/replicate", "compress/replicas"),
            "A layer cannot be trained on several devices so that the result is that of one device.",
            "Train without `--strategy`, or replace the layer.",
        ),
    ),
    "sweeps": (
        Cause(
            ("compress/sweep", "compress/cli/sweep", "compress/cli/run"),
            "A swept field has no list of values, is given twice or does not exist, or two options contradict each "
            "other.",
            "Correct the field in [sweep] or in `--set`, or remove one of the options.",
        ),
        Cause(
            ("compress/sweep/cluster", "compress/sweep/worker"),
            "The Ray cluster cannot be reached or was lost, or one of its nodes has other data or versions.",
            "Check the address and the nodes, then run the same command again: finished points are kept.",
        ),
    ),
    "store": (
        Cause(
            ("compress/pipeline/networks", "compress/pipeline/bundle"),
            "A stage that is needed is not in the store: it was deleted, or not yet made with exactly these settings.",
            "Run the pipeline again with the same `--set` and `--seed`.",
        ),
        Cause(
            ("compress/results",),
            "A file is not a result of jetslim, is damaged, or was written by a version with another schema.",
            "Run the pipeline again, or read the file with the version that wrote it.",
        ),
        Cause(
            ("compress/cli/main",),
            "The disk is full, a path cannot be written, or a question was answered with no.",
            "Free some space or choose another folder, then run the same command again: finished stages are kept.",
        ),
    ),
    "python": (
        Cause(
            ("compress/api/pieces", "compress/api/shrink"),
            "An argument of a function is out of range, is missing, or contradicts another.",
            "Correct the argument that the message names; [Python](reference/python.md) lists them all.",
        ),
    ),
    "board": (
        Cause(
            ("jetson/bundle", "jetson/worker"),
            "A file of the bundle is missing, damaged, or not the one that the manifest lists.",
            "Copy the whole bundle to the board again.",
        ),
        Cause(
            ("jetson",),
            "The model cannot be measured without more information, or the interpreter is missing.",
            "Give the option that the message names; `python3 jetson.pyz doctor` says what to install.",
        ),
        Cause(
            ("jetson/host",),
            "ssh does not reach the board, or what came back is not what was measured.",
            "Check that `ssh HOST` works without a password, then run the same command again.",
        ),
    ),
}  # fmt: skip
"""Section of the troubleshooting page -> its causes. Of the modules that fit a path, the longest counts."""
