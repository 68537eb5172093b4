"""Distillation methods. A new one: one file here, one line in METHODS, one test."""

from typing import Any

from compress.distill.activation_boundary import ActivationBoundary
from compress.distill.logits import Logits
from compress.distill.phase import Phase

METHODS: dict[str, Any] = {"logits": Logits, "activation_boundary": ActivationBoundary}

__all__ = ["METHODS", "ActivationBoundary", "Logits", "Phase"]
