"""The tables of Shin and Oh, 2022, with the controls that they lack."""
