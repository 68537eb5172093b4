"""What a user gets wrong: one clear line, exit code 2, no traceback, nothing written."""

import shutil

import pytest

GOOD = {
    "teacher": {"kind": '"train"', "model": '"resnet8"', "epochs": "1"},
    "student": {"kind": '"distill"', "teachers": '["teacher"]', "model": '"resnet8"', "epochs": "1",
                "method": '{ name = "logits" }'},
    "pruned": {"kind": '"prune"', "final_sparsity": "0.5", "epochs": "1"},
    "quantized": {"kind": '"quantize"', "epochs": "1"},
    "exported": {"kind": '"export"'},
}  # fmt: skip
BOUNDARY = '{ name = "activation_boundary", init_epochs = 1 }'


def toml(changes=(), order=tuple(GOOD), data='name = "digits"\nsize = 8', top=""):
    """The good pipeline with fields changed: {"teacher.model": '"x"'}; None takes one out."""
    stages = {name: dict(fields) for name, fields in GOOD.items()}
    for path, value in dict(changes).items():
        stage, key = path.split(".")
        stages[stage][key] = value
    text = f"{top}\n[data]\n{data}\n"
    for name in order:
        lines = [f"{key} = {value}" for key, value in stages[name].items() if value is not None]
        text += "\n".join(["[[stage]]"] + [f'name = "{name}"'] * ("name" not in stages[name]) + lines) + "\n\n"
    return text


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(main, here):
    """Writes the file, asks to check it and to run it; returns the one line that both answer."""

    def call(text, *options, file="mine.toml", commands=("check", "run")):
        if text is not None:
            (here / file).write_bytes(text if isinstance(text, bytes) else text.encode())
        before = sorted(path.name for path in here.iterdir())
        lines = set()
        for command in commands:
            code, _, errors = main(command, file, *options)
            assert code == 2, (command, code, errors)
            assert errors.startswith("Error: "), errors
            assert errors.count("\n") == 1, errors
            assert "Traceback" not in errors
            lines.add(errors)
        assert sorted(path.name for path in here.iterdir()) == before
        assert len(lines) == 1
        return lines.pop()

    return call


def test_the_good_pipeline_is_good(main, here):
    (here / "mine.toml").write_text(toml())
    assert main("check", "mine.toml")[0] == 0


BAD = {
    "unknown model": (
        toml({"teacher.model": '"densnet121"'}),
        ["'teacher'", "unknown model 'densnet121'", "did you mean densenet121"],
    ),
    "unknown kind": (toml({"teacher.kind": '"trian"'}), ["'teacher'", "unknown kind 'trian'", "did you mean train?"]),
    "no kind": (toml({"teacher.kind": None}), ["'teacher'", "the key 'kind' is missing"]),
    "no name": (toml({"teacher.name": '""'}), ["needs a name"]),
    "unknown data set": (toml(data='name = "cifar-10"'), ["[data]", "unknown data set 'cifar-10'", "cifar10"]),
    "unknown key of data": (
        toml(data='name = "digits"\nsze = 8'),
        ["[data]", "unknown key 'sze'", "did you mean size?", "known keys: size"],
    ),
    "unknown key": (
        toml({"pruned.sparsity": "0.5"}),
        ["[[stage]] 'pruned'", "unknown key 'sparsity'", "known keys", "final_sparsity", "epochs"],
    ),
    "unknown key at the top": (toml(top="epochs = 3"), ["unknown key 'epochs'", "seed"]),
    "sparsity of 1": (toml({"pruned.final_sparsity": "1.0"}), ["'pruned'", "final_sparsity = 1.0", "less than 1"]),
    "sparsity below 0": (toml({"pruned.initial_sparsity": "-0.1"}), ["'pruned'", "initial_sparsity = -0.1"]),
    "a number in quotes": (toml({"pruned.final_sparsity": '"0.9"'}), ["'pruned'", 'final_sparsity = "0.9"', "number"]),
    "true for a number": (toml({"teacher.epochs": "true"}), ["'teacher'", "epochs = true", "integer"]),
    "no epochs": (toml({"teacher.epochs": None}), ["'teacher'", "the key 'epochs' is missing"]),
    "unknown method": (
        toml({"student.method": '{ name = "hinton" }'}),
        ["'student'", "hinton", "logits", "activation_boundary"],
    ),
    "no teacher": (toml({"student.teachers": '["nobody"]'}), ["'student'", "teacher 'nobody'", "teacher"]),
    "no teachers at all": (toml({"student.teachers": "[]"}), ["'student'", "needs a teacher"]),
    "a teacher that comes later": (toml({"student.teachers": '["pruned"]'}), ["'student'", "'pruned'"]),
    "a teacher's folder without a SavedModel": (toml({"student.teachers": '["."]'}), ["'student'", "not a SavedModel"]),
    "quantize before prune": (
        toml(order=("teacher", "quantized", "pruned", "exported")),
        ["'pruned'", "prune after quantize", "'quantized'"],
    ),
    "prune after weak labels": (
        toml(
            {"student.method": '{ name = "slv", alone = 0.0 }', "student.teachers": "[]", "pruned.input": '"student"'}
        ),
        ["'pruned'", "prune would train on the boxes in the data", "'student' learns from classes alone"],
    ),
    "quantization without epochs": (toml({"quantized.epochs": None}), ["'quantized'", 'mode = "qat" needs epochs']),
    "epochs of nothing trained": (
        toml({"quantized.mode": '"static"'}),
        ["'quantized'", 'epochs works only with mode = "qat"'],
    ),
    "a loss of nothing trained": (
        toml(
            {
                "quantized.mode": '"static"',
                "quantized.epochs": None,
                "quantized.label_loss": '{ name = "focal_calibration" }',
            }
        ),
        ["'quantized'", 'label_loss works only with mode = "qat"'],
    ),
    "an unknown mode": (toml({"quantized.mode": '"int4"'}), ["'quantized'", 'mode = "int4"', "'qat', 'static'"]),
    "bytes into a float network": (
        toml({"exported.input": '"pruned"', "exported.input_type": '"uint8"'}),
        ["'exported'", 'input_type = "uint8" needs an int8 network', "'pruned' is float32"],
    ),
    "bytes into float activations": (
        toml({"quantized.mode": '"dynamic"', "quantized.epochs": None, "exported.output_type": '"int8"'}),
        ["'exported'", 'output_type = "int8" needs an int8 network', "'quantized' is dynamic"],
    ),
    "two of a name": (toml({"pruned.name": '"teacher"'}), ["'teacher'", "two stages have this name"]),
    "an export as input": (toml(order=("teacher", "exported", "pruned")), ["'pruned'", "'exported' is an export"]),
    "an unknown input": (
        toml({"pruned.input": '"techer"'}),
        ["'pruned'", "unknown input stage 'techer'", "did you mean teacher?"],
    ),
    "nothing to prune": (toml(order=("pruned",)), ["'pruned'", "needs a network from an earlier stage"]),
    "nothing to train": (toml({"teacher.model": None}), ["'teacher'", "it needs model or saved_model"]),
    "model and saved_model": (toml({"teacher.saved_model": '"."'}), ["'teacher'", "give only one"]),
    "a saved_model that is not there": (
        toml({"teacher.model": None, "teacher.saved_model": '"gone"'}),
        ["'teacher'", "gone does not exist"],
    ),
    "no default layers": (
        toml({"student.method": BOUNDARY, "student.epochs": "2"}),
        ["'student'", "layers", "resnet8"],
    ),
    "only boundaries": (toml({"student.method": BOUNDARY}), ["'student'", "init_epochs = 1"]),
    "a ramp behind the end": (toml({"pruned.end_step": "1000"}), ["'pruned'", "end_step = 1000"]),
    "no stage": ('[data]\nname = "digits"\n', ["mine.toml", "no [[stage]]"]),
    "a table for a stage": ("[stage]\nname = 1\n", ["mine.toml", "no [[stage]]"]),
    "invalid TOML": ("[data\n", ["mine.toml", "not valid TOML", "line 1"]),
    "no text": (b"\xff\xfe\x00", ["mine.toml", "UTF-8"]),
    "a bad seed": (toml(top="seed = -1"), ["seed = -1", "whole number"]),
    "a seed that is a word": (toml(top='seed = "one"'), ["seed = 'one'", "whole number"]),
    "a folder that is not there": (toml(data='name = "folder"\npath = "gone"'), ["folder not found: gone"]),
    "a list for a kind": (toml({"teacher.kind": '["train"]'}), ["'teacher'", "train"]),
    "a date": (toml({"teacher.epochs": "2026-11-21"}), ["'teacher'", "epochs"]),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file(refused, what):
    text, words = BAD[what]
    line = refused(text)
    for word in words:
        assert word in line, line


SETTINGS = {
    "pruned.final_sparsity=1.5": ["'pruned'", "final_sparsity = 1.5"],
    "pruned.sparsity=0.5": ["'pruned'", "unknown key 'sparsity'"],
    "prunned.epochs=1": ["unknown stage 'prunned'", "did you mean pruned?"],
    "pruned": ["--set 'pruned'", "NAME.KEY=VALUE"],
    "epochs=3": ["--set 'epochs=3'", "NAME.KEY=VALUE"],
    "teacher.epochs=": ["'teacher'", "epochs"],
    "teacher.epochs.more=1": ["epochs"],
    "data.name=imagenet": ["unknown data set 'imagenet'"],
    "student.method.name=hinton": ["'student'", "hinton"],
    "teacher.label_loss.focal_weight=0.1": ["'teacher'", "label_loss needs the key 'name'", "focal_calibration"],
    'teacher.label_loss={name="focal_calibration", focal_weight=-1}': ["'teacher'", "label_loss.focal_weight = -1"],
    "teacher.label_loss=focal_calibration": ["'teacher'", 'a table, such as { name = "cross_entropy" }'],
    "teacher..epochs=1": ["--set 'teacher..epochs=1'", "NAME.KEY=VALUE"],
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_bad_setting(refused, setting):
    line = refused(toml(), "--set", setting)
    for word in SETTINGS[setting]:
        assert word in line, line


def test_a_setting_for_a_file_whose_stage_is_a_table(refused):
    assert "stage" in refused("[stage]\nname = 1\n", "--set", "teacher.epochs=1")


def test_a_bad_seed_on_the_command_line(refused, main, here):
    assert "seed = -5" in refused(toml(), "--seed", "-5")
    code, _, errors = main("run", "mine.toml", "--seed", "one")
    assert code == 2
    assert "one" in errors.splitlines()[-1]


def test_a_file_that_is_not_there(refused):
    assert "mine.toml does not exist" in refused(None)


def test_an_unknown_pipeline(refused):
    line = refused(None, file="densnet121")
    assert "unknown pipeline or network 'densnet121'" in line
    assert "did you mean densenet121" in line


def test_a_command_that_is_none(main, here):
    code, _, errors = main("trian")
    assert code == 2
    assert "trian" in errors
    assert "Traceback" not in errors


# SavedModels


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """SavedModels that cannot be used: of other classes, without Keras in it, and one that is damaged."""
    from compress import keras, models

    folder = tmp_path_factory.mktemp("foreign")
    models.build("resnet8", 8, 4, seed=0).save(folder / "four")
    plain = keras.tf.Module()
    plain.serve = keras.tf.function(lambda x: x, input_signature=[keras.tf.TensorSpec([None, 8, 8, 3])])
    keras.tf.saved_model.save(plain, str(folder / "plain"))
    shutil.copytree(folder / "four", folder / "damaged")
    (folder / "damaged" / "saved_model.pb").write_bytes(b"no protocol buffer")
    (folder / "empty").mkdir()
    return folder


UNUSABLE = {
    "four": "4",
    "plain": "is not a Keras SavedModel (model.export() writes such folders), so it cannot be trained",
    "damaged": "damaged",
    "empty": "SavedModel",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_teacher_that_cannot_teach(refused, foreign, name):
    line = refused(toml({"student.teachers": f'["{foreign / name}"]'}), commands=("run",))
    assert str(foreign / name) in line
    assert UNUSABLE[name] in line


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_saved_model_that_cannot_be_trained(refused, foreign, name):
    line = refused(toml({"teacher.model": None, "teacher.saved_model": f'"{foreign / name}"'}))
    assert str(foreign / name) in line
    assert UNUSABLE[name] in line


# found only when the stage begins


@pytest.fixture
def fails(main, here, colours):
    """Runs the file on the colours; returns the line that it ends with and the rest of the screen."""

    def call(changes, order=("teacher", "student")):
        data = f'name = "folder"\npath = "{colours}"\nsize = 16'
        (here / "mine.toml").write_text(toml(changes, order=order, data=data))
        code, output, errors = main("run", "mine.toml")
        lines = [line for line in errors.splitlines() if not line.startswith("WARNING:tensorflow")]
        assert code == 2, output + errors
        assert len(lines) == 1, errors
        assert lines[0].startswith("Error: ")
        assert all((path / "stage.json").is_file() for path in here.glob("store/artifacts/*"))
        return lines[0], output

    return call


@pytest.fixture(scope="module")
def sixteen(tmp_path_factory):
    """A teacher for the colours, so that nothing need be trained before the stage that fails."""
    from compress import models

    path = tmp_path_factory.mktemp("teachers") / "sixteen"
    models.build("resnet8", 16, 3, seed=0).save(path)
    return path


LAYERS = {
    "other sizes": ('[["stage1_block1_add", "stage3_block1_add"]]', ["stage1_block1_add", "16x16", "4x4"]),
    "an unknown layer of the student": (
        '[["stage3_block1_add", "stage3_block1_ad"]]',
        ["unknown layer", "'stage3_block1_ad'", "did you mean"],
    ),
    "an unknown layer of the teacher": (
        '[["conv2_block1_0_bn", "stage3_block1_add"]]',
        ["unknown layer", "'conv2_block1_0_bn'"],
    ),
}


@pytest.mark.parametrize("what", LAYERS)
def test_bad_layers_are_found_before_the_stage_trains(fails, sixteen, what):
    layers, words = LAYERS[what]
    method = f'{{ name = "activation_boundary", init_epochs = 1, layers = {layers} }}'
    changes = {"student.teachers": f'["{sixteen}"]', "student.method": method, "student.epochs": "2"}
    line, output = fails(changes, order=("student",))
    for word in words:
        assert word in line, line
    assert "epoch" not in output


def test_a_loss_that_is_no_number(fails):
    line, output = fails({"teacher.learning_rate": "1e30", "teacher.batch_size": "16"}, order=("teacher",))
    assert "stage 'teacher'" in line
    assert "step" in line
    assert "epoch 1" in line
    assert "lower learning_rate" in line
    assert "1e+30" in line
    assert "epoch 1/1" not in output


def test_weights_that_are_no_numbers_after_the_last_step(fails):
    """The only step's loss is a number, what it leaves is none."""
    line, _ = fails({"teacher.learning_rate": "1e30", "teacher.batch_size": "1000"}, order=("teacher",))
    assert "learning_rate" in line


# images


@pytest.fixture
def spoilt(colours, here):
    """The colours with one image that is none; the path of that image."""
    shutil.copytree(colours, here / "images")
    bad = here / "images" / "train" / "red" / "3.png"
    bad.write_bytes(bad.read_bytes()[:60])
    return bad


FOLDER = 'name = "folder"\npath = "images"\nsize = 16'


def test_an_image_that_cannot_be_read(refused, spoilt):
    assert "images/train/red/3.png" in refused(toml(data=FOLDER))


def test_bad_images_can_be_skipped(main, spoilt, here):
    (here / "mine.toml").write_text(toml(data=FOLDER))
    code, output, _ = main("check", "mine.toml", "--skip-bad-images")
    assert code == 0
    assert "95 training" in output
    assert "left out 1 unreadable image" in output
    assert "3.png" in output
    assert not (here / "store").exists()


# evaluate and predict


NO_MODEL = {
    "text.tflite": "not a .tflite", "half.tflite": "half.tflite", "empty": "not a SavedModel", "plain": "SavedModel",
    "damaged": "damaged", "gone": "does not exist",
}  # fmt: skip


@pytest.fixture(scope="module")
def no_models(foreign, small):
    (foreign / "text.tflite").write_text("this is no model at all")
    whole = (small.folder / "runs/small/6-exported/model.tflite").read_bytes()
    (foreign / "half.tflite").write_bytes(whole[: len(whole) // 2])
    return foreign


@pytest.mark.parametrize("name", NO_MODEL)
def test_what_is_no_model(main, no_models, colours, name):
    for arguments in (
        ("evaluate", no_models / name),
        ("predict", no_models / name, next(colours.glob("test/red/*.png"))),
    ):
        code, _, errors = main(*arguments)
        assert code == 2, (arguments, errors)
        assert "Traceback" not in errors
        assert NO_MODEL[name] in errors.splitlines()[-1], errors


def test_evaluate_on_data_of_other_classes(main, foreign, here):
    code, _, errors = main("evaluate", foreign / "four")
    assert code == 2
    assert "four has 4 classes, but the data have 10" in errors
    assert "10" in errors


def test_evaluate_on_unknown_data(main, foreign, here):
    code, _, errors = main("evaluate", foreign / "four", "--data", "cifar11")
    assert code == 2
    assert "did you mean cifar10" in errors


def test_predict_what_is_no_image(main, foreign, here):
    (here / "text.png").write_text("this is no image")
    code, _, errors = main("predict", foreign / "four", "text.png")
    assert code == 2
    assert "text.png cannot be read as an image" in errors
    assert errors.count("\n") == 1


def test_predict_without_an_image(main, foreign):
    assert main("predict", foreign / "four")[0] == 2


# a real process


def test_a_real_process_ends_the_same_way(jetslim, tmp_path):
    (tmp_path / "mine.toml").write_text(toml({"pruned.final_sparsity": "1.0"}))
    done = jetslim("run", "mine.toml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: [[stage]] 'pruned': final_sparsity = 1.0 must be less than 1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]
