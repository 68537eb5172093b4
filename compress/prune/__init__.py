"""Pruning techniques."""

from compress.prune.gradual import unpruned
from compress.prune.sparsity import kernel_sparsity, prunable_kernels

__all__ = ["kernel_sparsity", "prunable_kernels", "unpruned"]
