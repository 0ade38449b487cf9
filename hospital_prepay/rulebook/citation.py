"""How Chinese sentences name a clause."""

from __future__ import annotations

_DIGITS = "零一二三四五六七八九"


def cite(number: str, numbered_by: str, *, has_items: bool) -> str:
    """Words for a clause number of an instrument ``numbered_by`` articles or sections.

    ``17.2`` → 第十七条第（二）项; ``2.2.1`` by sections → 第二部分第（二）项第1点;
    ``annex1.2.3`` → 附件1第二部分第3项.
    ``has_items`` tells a form's part, which holds items, from its item.
    """
    if number.startswith("annex"):
        form, *rest = number.removeprefix("annex").split(".")
        return f"附件{form}" + _in_form(rest, has_items)
    head, *items = number.split(".")
    words = f"第{numeral(int(head))}" + ("条" if numbered_by == "articles" else "部分")
    if items:
        words += f"第（{numeral(int(items[0]))}）项"
    return words + "".join(f"第{item}点" for item in items[1:])


def _in_form(rest: list[str], has_items: bool) -> str:
    parts = rest if has_items else rest[:-1]
    words = "".join(f"第{numeral(int(part))}部分" for part in parts)
    return words if has_items or not rest else f"{words}第{rest[-1]}项"


def numeral(number: int) -> str:
    """1–99 in Chinese numerals as articles carry them: 十, 十二, 二十七."""
    if not 1 <= number <= 99:
        raise ValueError("articles are numbered from 1 to 99")
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else "十" if tens == 1 else f"{_DIGITS[tens]}十"
    return head + (_DIGITS[ones] if ones else "")
