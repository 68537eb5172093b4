"""A pipeline at every combination of some fields' values: points planned, made, tabulated and drawn."""
