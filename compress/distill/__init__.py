"""Distillation methods. A new one: one file here, one line in METHODS, one test."""

from compress.distill.activation_boundary import ActivationBoundary
from compress.distill.blur_robust import BlurRobust
from compress.distill.density import Density
from compress.distill.fgfi import Fgfi
from compress.distill.lgd import Lgd
from compress.distill.logits import Logits
from compress.distill.method import Method
from compress.distill.outputs import Outputs
from compress.distill.phase import Phase
from compress.distill.sigmoids import Sigmoids
from compress.distill.slv import Slv

METHODS: dict[str, type[Method]] = {
    "logits": Logits,
    "activation_boundary": ActivationBoundary,
    "sigmoids": Sigmoids,
    "outputs": Outputs,
    "density": Density,
    "fgfi": Fgfi,
    "blur_robust": BlurRobust,
    "lgd": Lgd,
    "slv": Slv,
}

__all__ = [
    "METHODS",
    "ActivationBoundary",
    "BlurRobust",
    "Density",
    "Fgfi",
    "Lgd",
    "Logits",
    "Method",
    "Outputs",
    "Phase",
    "Sigmoids",
    "Slv",
]
