"""What a process frees it keeps, once TensorFlow is loaded."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
if sys.argv[1] == "loaded":
    from compress import keras
    keras.tf
before = 0
for _ in range(3):  # the first two bring the heap to its size
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = np.ones(10_000_000)  # 80 MB: 19,532 pages of 4 kB, or 39 of 2 MB
    del block
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library: nothing is done")
def test_pages_are_asked_for_once():
    plain, loaded = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True).stdout)
        for how in ("plain", "loaded")
    )
    assert plain >= 39
    assert loaded < 10
