"""``python3 jetson.pyz``, and ``python3 -m jetson`` from the sources."""

import sys

# before anything is imported that an older Python cannot read
if sys.version_info < (3, 8):  # noqa: UP036
    sys.exit(
        "error: jetson.pyz needs Python 3.8 or later, this is {}.{}; on JetPack 4: "
        "sudo apt install python3.8 python3.8-venv, then start it with python3.8".format(*sys.version_info[:2])
    )

from jetson.cli import main

main()
