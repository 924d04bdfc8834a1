"""
What the C library does with memory that is free again: it keeps enough for the next mails.

Contents and copies of some 100 KB are made and freed all the time. By default glibc gives such a piece back to the
kernel at once, which then has to clear new pages for the next one: with a PDF of 150 KB that was 170 of the 440
microseconds that delivery takes of the event loop.
"""

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
KEPT = 32 * 1024**2  # octets at the end of the heap that may be free before they are given back
_OWN_PAGES = 4 * 1024**2  # octets from which a piece has pages of its own, which go back as soon as it is freed
_ENVIRONMENT = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """
    Have this process keep up to KEPT octets of freed memory for what comes next.

    Returns:
        False: nothing was set, since the environment says what is wanted, or since the C library is not glibc.
    """
    if any(name in os.environ for name in _ENVIRONMENT):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    return bool(set_option(_TRIM_THRESHOLD, KEPT) and set_option(_MMAP_THRESHOLD, _OWN_PAGES))
