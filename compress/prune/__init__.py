"""Pruning techniques."""

from compress.prune.gradual import kernel_sparsity, prunable_kernels, unpruned

__all__ = ["kernel_sparsity", "prunable_kernels", "unpruned"]
