"""Quantization techniques: rewrites that make a network int8 all through, ranges, quantization-aware training."""
