"""What glibc does with memory that is freed: it keeps it, in few places, for what comes next."""

from __future__ import annotations

import contextlib
import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # mallopt(3)
LARGEST_KEPT = 32 * 1024**2  # bytes: the largest that it can be told; a frame of 3840 x 2160 pixels has 24
MOST_KEPT = 64 * 1024**2  # bytes, at the end of an arena


def keep_freed_memory(arenas: int) -> None:
    """To be called before there are threads.

    By default a large array's memory is given back to the kernel, which clears it anew for the next one: every frame of
    a video paid for that. And nearly every thread has an arena of its own, and fills it in its turn.
    """
    with contextlib.suppress(AttributeError):  # other systems' libraries have no such call
        library = ctypes.CDLL(None)
        library.mallopt(M_ARENA_MAX, arenas)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        library.mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
