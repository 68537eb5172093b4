"""``python3 jetson.pyz``, and ``python3 -m jetson`` from the sources."""

import sys

if sys.version_info < (3, 8):  # before anything is imported that an older Python cannot read
    sys.exit(
        "jetson needs Python 3.8 or later, this is {}.{}; on JetPack 4: sudo apt install python3.8 python3.8-venv, "
        "then run it with python3.8".format(*sys.version_info[:2])
    )

from jetson.cli import main  # noqa: E402

main()
