"""Distillation methods. A new one: one file here, one line in METHODS, one test."""

from compress.distill.activation_boundary import ActivationBoundary
from compress.distill.density import Density
from compress.distill.logits import Logits
from compress.distill.method import Method
from compress.distill.outputs import Outputs
from compress.distill.phase import Phase
from compress.distill.sigmoids import Sigmoids

METHODS: dict[str, type[Method]] = {
    "logits": Logits,
    "activation_boundary": ActivationBoundary,
    "sigmoids": Sigmoids,
    "outputs": Outputs,
    "density": Density,
}

__all__ = ["METHODS", "ActivationBoundary", "Density", "Logits", "Method", "Outputs", "Phase", "Sigmoids"]
