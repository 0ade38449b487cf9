"""A form that is sent twice: the second time finds what the first made, and does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hospital_prepay.persistence.unit_of_work import UnitOfWork


def known_number(work: UnitOfWork, key: str, payload: Mapping[str, Any]) -> int | None:
    """What the act with this ``key`` came to before; ``None`` for the first time or without a key.

    Ask after locking what the act is about. Raises :class:`ReusedKey` when the key was of another act.
    """
    known = work.known_answer(key, payload) if key else None
    return None if known is None else int(known["number"])


def keep_number(work: UnitOfWork, key: str, payload: Mapping[str, Any], number: int) -> None:
    """Keep what the act came to, for the same form sent again."""
    if key:
        work.keep_answer(key, payload, {"number": number})
