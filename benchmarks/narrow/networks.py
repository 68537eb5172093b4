"""What each family is trained with in the study of narrowing, where that is not what families.toml says."""

from benchmarks.networks import FAMILIES

_SMALLEST = {"inceptionv3": 75, "inceptionresnetv2": 75, "xception": 71}  # sides that Keras takes
_EPOCHS = {"convnexttiny": 8, "efficientnetb0": 10, "efficientnetv2b0": 10, "regnetx002": 16, "regnety002": 16}
_QUICK = {"inceptionresnetv2": 3, "inceptionv3": 3, "xception": 3}

FAMILY_SETTINGS = {
    name: [
        *([f"data.size={_SMALLEST[name]}"] if name in _SMALLEST else []),
        *([f"trained.epochs={_EPOCHS[name]}"] if name in _EPOCHS else []),
        *([f"trained.epochs={_QUICK[name]}", "narrowed.epochs=2"] if name in _QUICK else []),
        # networks without batch norms learn slower
        *(["trained.learning_rate=2e-4", "narrowed.learning_rate=2e-4"] if name == "vgg16" else []),
    ]
    for name in FAMILIES
}
