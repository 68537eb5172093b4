"""What is measured on a processor with AMX is measured without it."""

import subprocess
import sys
from pathlib import Path

PERMITTED = """
import ctypes, faulthandler, sys
from compress.amx import REQUEST, SYSCALL, TILES
if "faulthandler" in sys.argv:
    faulthandler.enable()
if "keras" in sys.argv:
    from compress import keras
    keras.tf
if "file" in sys.argv:
    from compress.evaluate.tflite_file import TFLiteFile
    TFLiteFile(open(sys.argv[-1], "rb").read()).interpreter()
print(ctypes.CDLL(None).syscall(SYSCALL, REQUEST, TILES))
"""
HAS_AMX = " amx_tile" in Path("/proc/cpuinfo").read_text()


def granted(*words):
    """Whether Linux grants AMX to a process of jetslim's; False everywhere on processors without."""
    done = subprocess.run([sys.executable, "-c", PERMITTED, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "0"


def test_a_process_that_measures_has_no_amx(small):
    file = small.folder / "runs/small/6-exported/model.tflite"
    assert granted("nothing") == HAS_AMX
    assert not granted("keras")
    assert not granted("file", str(file))


def test_the_signal_stack_of_the_faulthandler_stays():
    assert granted("faulthandler", "keras") == HAS_AMX  # and so AMX stays, too
