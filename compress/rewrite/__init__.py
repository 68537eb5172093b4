"""Exact rewrites of a network into the plain layers that pruning, quantization and TFLite know."""

from compress.rewrite.plain import plain

__all__ = ["plain"]
