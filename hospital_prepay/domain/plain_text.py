"""Names and codes, whether somebody typed them or a file brought them: of a sane length."""

from __future__ import annotations

from typing import Final

from hospital_prepay.domain.errors import MalformedInput

# What the columns of the database hold: PostgreSQL would refuse the whole file for one cell beyond it.
LONGEST_CODE: Final = 80
LONGEST_NAME: Final = 200


class TooLong(MalformedInput):
    """More signs than a name or code has; mostly another column's content."""

    code = "too_long"


def check_text(text: str, longest: int) -> None:
    """Raise :class:`TooLong`, the words following the name of the column."""
    if len(text) > longest:
        raise TooLong(f"有 {len(text)} 个字，最多 {longest} 个。请核对这一列是不是放错了内容。")
