"""jetslim from Python: ``compress.shrink(model, train=(x, y))`` and its pieces, by the commands' store and stages.

Public as attributes of ``compress``. Some are called like the packages that they are made of (``compress.prune``):
those are imported here first, so that the functions keep the names.
"""

import importlib
import sys

from compress.api.carry_out import carry_out
from compress.api.pieces import convert, evaluate, inspect, prune, quantize
from compress.api.result import Result
from compress.api.shrink import distill, shrink

__all__ = ["Result", "carry_out", "convert", "distill", "evaluate", "inspect", "prune", "quantize", "shrink"]

for _name in ("distill", "evaluate", "prune", "quantize"):
    importlib.import_module(f"compress.{_name}")
for _name in __all__:
    setattr(sys.modules["compress"], _name, globals()[_name])
