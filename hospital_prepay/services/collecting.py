"""How often Python looks for objects that only hold each other."""

from __future__ import annotations

import gc
from typing import Final

# Objects more than there were, before it looks: by default 700, for which rows by the million are searched thousands
# of times. They lie in no circles.
_MORE: Final = 50_000


def collect_seldom() -> None:
    """Let this process look for circles seldom. Memory that is given back at once, nearly all, isn't touched by it;
    half of the time it takes to put a long entry together goes without."""
    gc.set_threshold(_MORE, 20, 20)
