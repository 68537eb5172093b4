"""Detectors that learn from others, from labels and from themselves, as in the tables of the paper."""
