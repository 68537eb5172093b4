"""Times that stand for a board: this process does without AMX, the matrix unit of newer Intel processors.

With it, LiteRT computes 8 channels of an int8 convolution in the time of 64, so that narrow networks are several times
slower than without, and nothing that was measured would hold for a board, none of which has such a unit.
"""

import ctypes
from functools import cache
from pathlib import Path

SYSCALL, REQUEST, TILES = 158, 0x1023, 18  # arch_prctl of x86-64, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
TOO_SMALL = 4096  # bytes; the state of AMX alone has 8 KiB
NONE = 2  # SS_DISABLE: a thread without a signal stack


class _Stack(ctypes.Structure):
    """stack_t of Linux."""

    _fields_ = (("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


_stack = ctypes.create_string_buffer(TOO_SMALL)


@cache
def deny_amx() -> bool:
    """Whether the processor has AMX, and this process now goes without.

    Linux grants AMX to a process that asks for it, and refuses it for good where a thread has a signal stack that its
    state does not fit in (Linux, Documentation/arch/x86/xstate.rst). So this thread gets such a stack, unless it has
    one, as Python's faulthandler makes; to be called before the first interpreter is made.
    """
    try:
        if " amx_tile" not in Path("/proc/cpuinfo").read_text():
            return False
        libc, before = ctypes.CDLL(None), _Stack()
        libc.sigaltstack(None, ctypes.byref(before))
        if before.flags == NONE:
            libc.sigaltstack(ctypes.byref(_Stack(ctypes.addressof(_stack), 0, TOO_SMALL)), None)
        return bool(libc.syscall(SYSCALL, REQUEST, TILES) != 0)
    except (AttributeError, OSError, TypeError):  # no Linux
        return False
