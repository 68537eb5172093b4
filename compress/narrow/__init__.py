"""Narrowing: whole channels are removed, so that a network computes less."""
