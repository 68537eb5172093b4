"""Freed memory stays with the process: a training step asks for the same hundreds of megabytes again and again."""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of glibc's <malloc.h>
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Tells the C library neither to give freed memory back to the system nor to map large blocks one by one.

    With glibc's own settings every step of TensorFlow on a CPU gives back its feature maps, and the system clears new
    pages for the next step. Costs: the process keeps the most memory that it ever had. Does nothing where the C library
    is not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return
    mallopt(_TRIM_THRESHOLD, _NEVER)
    mallopt(_MMAP_MAX, 0)
