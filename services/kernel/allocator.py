"""How the C library keeps memory that was freed."""

import ctypes

_M_MMAP_THRESHOLD = -3  # malloc.h of glibc
LARGE_BYTES = 1 << 20


def return_large_blocks() -> None:
    """From now on, blocks of a MiB and more go back to the system as soon as they are freed.

    By itself glibc learns from the first large block that such blocks come often, and keeps all that follow in its
    arenas, one for each few threads: eight photos, decoded one by one, then took twice the memory of the largest.
    Other C libraries have no such setting and need none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
