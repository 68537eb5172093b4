"""``python -m compress`` is ``jetslim``."""

from compress.cli import main

main()
