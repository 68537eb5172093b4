"""Distillation methods. A new one: one file here, one line in METHODS, one test."""

from compress.distill.activation_boundary import ActivationBoundary
from compress.distill.logits import Logits
from compress.distill.method import Method

METHODS: dict[str, type[Method]] = {"logits": Logits, "activation_boundary": ActivationBoundary}

__all__ = ["METHODS", "ActivationBoundary", "Logits", "Method"]
