"""What every process of this program does when it begins, and what one that was started to help does besides."""

from __future__ import annotations

import gc
import os
from multiprocessing import parent_process
from threading import Thread
from typing import Final

# So many objects more than there were, before Python looks for those that only hold each other: by default 700, for
# which rows by the million are searched thousands of times. They lie in no circles.
_MORE: Final = 50_000


def collect_seldom() -> None:
    """Let this process look for circles seldom. Nearly all memory is given back at once and isn't touched by it."""
    gc.set_threshold(_MORE, 20, 20)


def begin_helping() -> None:
    """Begin a process that helps with a long file. It ends with the one that started it, however that one ends: it
    would wait for work for ever, with the keys in its memory."""
    collect_seldom()
    Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
