"""Exact rewrites of a network into the plain layers that pruning, quantization and TFLite know."""

from compress.rewrite.plain import as_plain_layers

__all__ = ["as_plain_layers"]
