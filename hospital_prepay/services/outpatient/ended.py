"""What stands at the head of a paper that doesn't hold: taken back, or not approved yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from hospital_prepay.clock import local
from hospital_prepay.domain.masking import mask_within

NOT_APPROVED: Final = "未批准，不能作为上缴依据"


def ended_words(word: str, by: str | None, at: datetime | None, ground: str, names: Mapping[str, str]) -> str:
    """``word`` (已作废, 已撤回, 已退回), on which day, by whom and why, as far as it is on record; numbers of people
    in the ground are masked."""
    day = f"{local(at):%Y-%m-%d} " if at else ""
    who = f"由{names.get(by, by)}登记" if by else ""
    parts = (f"{day}{who}".strip(), f"原因：{mask_within(ground)}" if ground else "")
    return f"{word}：{'；'.join(part for part in parts if part) or '经办人和原因没有记录'}"
