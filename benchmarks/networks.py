"""One network of each family of keras.applications: what tables and contract tests go through."""

FAMILIES = (
    *("mobilenet", "mobilenetv2", "mobilenetv3small", "mobilenetv3large", "efficientnetb0", "efficientnetv2b0"),
    *("resnet50", "resnet50v2", "resnetrs50", "vgg16", "inceptionv3", "inceptionresnetv2", "xception"),
    *("densenet121", "nasnetmobile", "convnexttiny", "regnetx002", "regnety002"),
)
