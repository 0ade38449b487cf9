"""A number of a person never shows whole within a text, however it is typed; amounts and days always do."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final

from hypothesis import assume, given
from hypothesis import strategies as st

from hospital_prepay.domain.identity import is_resident_id
from hospital_prepay.domain.masking import mask_numbers, mask_within

PARTS: Final = (
    " ",
    "  ",
    "\u00a0",
    "\u3000",
    "\u2009",
    "-",
    "–",
    "－",
    "—",
    ".",
    "·",
    "．",
    " - ",
    "\u200b",
    "\u00ad",
)
DIGITS: Final = "0123456789"
WORDS: Final = ("", "证 ", "电话：", "卡号", "（", "原件，")
# A few digits that stand as an amount or a day: nobody tells them apart from one.
AS_WRITTEN: Final = re.compile(r"[0-9]\.[0-9]{2}(?![0-9])|(?:19|20)[0-9]{2}[-./][0-9]{1,2}[-./][0-9]")


@st.composite
def resident_ids(draw: st.DrawFn) -> str:
    place = draw(st.sampled_from(("520102", "110105", "630102", "220102", "820000")))
    born = draw(st.dates(date(1920, 1, 1), date(2025, 12, 31)))
    head = f"{place}{born:%Y%m%d}{draw(st.integers(0, 999)):03}"
    return next(f"{head}{last}" for last in f"{DIGITS}X" if is_resident_id(f"{head}{last}"))


def digits(first: str, fewest: int, most: int) -> st.SearchStrategy[str]:
    rest = st.text(DIGITS, min_size=fewest - len(first), max_size=most - len(first))
    return rest.map(lambda text: first + text)


MOBILES: Final = st.tuples(
    st.sampled_from(("", "+86", "0086", "86", "+86 ")),
    st.sampled_from("3456789").flatmap(lambda second: digits(f"1{second}", 11, 11)),
).map("".join)
CARDS: Final = st.sampled_from("34569").flatmap(lambda first: digits(first, 16, 19))


@st.composite
def parted(draw: st.DrawFn, number: str) -> str:
    gaps = st.one_of(st.just(""), st.just(""), st.sampled_from(PARTS))
    wide = draw(st.booleans())
    shown = number.translate({ord(one): chr(ord(one) + 0xFEE0) for one in DIGITS}) if wide else number
    return "".join(sign + draw(gaps) for sign in shown[:-1]) + shown[-1]


NUMBERS: Final = (resident_ids() | MOBILES | CARDS).flatmap(lambda number: st.tuples(st.just(number), parted(number)))


@given(NUMBERS, st.sampled_from(WORDS), st.sampled_from(("", "。", " 已核", "）")))
def test_a_persons_number_shows_eight_digits_at_most(typed: tuple[str, str], before: str, after: str) -> None:
    number, text = typed
    seen = unicodedata.normalize("NFKC", text.replace("\u200b", "").replace("\u00ad", ""))
    assume(is_resident_id(number) or not AS_WRITTEN.search(seen))
    whole = f"{before}{text}{after}"
    for shown in (mask_within(whole), mask_numbers(whole)):
        assert sum(sign.isdecimal() for sign in shown) <= 8, shown
    assert mask_within(whole).startswith(before)
    assert mask_within(whole).endswith(after)


AMOUNTS: Final = st.decimals(0, 9_999_999, places=2).map(str)
DAYS: Final = st.dates(date(2000, 1, 1), date(2035, 12, 31)).flatmap(
    lambda day: st.sampled_from(
        (f"{day}", f"{day:%Y.%m.%d}", f"{day.year}/{day.month}/{day.day}", f"{day.year}年{day.month}月{day.day}日")
    )
)
MOMENTS: Final = st.datetimes().map(lambda moment: f"2026-01-{moment.day:02} {moment:%H:%M}")
OURS: Final = st.dates(date(2026, 1, 1), date(2035, 12, 31)).flatmap(
    lambda day: st.sampled_from((f"TF{day:%Y%m%d}000001", f"SQ{day:%Y%m%d}000012"))
)


@given(
    st.lists(AMOUNTS | DAYS | MOMENTS | OURS, min_size=1, max_size=6),
    st.sampled_from((" ", "  ", "，", " 元，", "至", "\u3000", "\n")),
)
def test_amounts_days_and_numbers_of_ours_stay(parts: list[str], between: str) -> None:
    text = f"退 {between.join(parts)} 元"
    assert mask_within(text) == text
