from __future__ import annotations

import pytest

from hospital_prepay.domain.errors import RulebookFault
from hospital_prepay.rulebook.citation import cite, numeral
from hospital_prepay.rulebook.numbering import expand, is_number, parent, sort_key


def test_a_short_numbering_expands_to_every_number() -> None:
    assert expand("1-3 2.1-2 annex1-1 annex1.2.1-2", "f") == {
        *("1", "2", "3", "2.1", "2.2", "annex1", "annex1.2.1", "annex1.2.2"),
    }


@pytest.mark.parametrize("numbering", ["3", "2-4", "1-x", "1.1-1.3", "annex1", "1 - 3"])
def test_a_numbering_in_another_form_is_refused(numbering: str) -> None:
    with pytest.raises(RulebookFault):
        expand(numbering, "f")


def test_numbers_sort_as_the_notice_does() -> None:
    assert sorted(["annex1", "10", "2.10", "3.1", "2.9", "3", "2"], key=sort_key) == [
        *("2", "2.9", "2.10", "3", "3.1", "10", "annex1"),
    ]


@pytest.mark.parametrize("number", ["", "0", "01", "3.", ".3", "3.0", "annex", "Annex1", "3a", "3 "])
def test_what_is_no_number_is_told(number: str) -> None:
    assert not is_number(number)


def test_the_level_above() -> None:
    assert [parent(number) for number in ("3", "3.1", "annex1", "annex1.2.3")] == [None, "3", None, "annex1.2"]


@pytest.mark.parametrize(
    ("number", "numbered_by", "has_items", "words"),
    [
        ("9", "articles", False, "第九条"),
        ("10", "articles", False, "第十条"),
        ("17.2", "articles", False, "第十七条第（二）项"),
        ("20", "articles", False, "第二十条"),
        ("27", "articles", False, "第二十七条"),
        ("2.2.1", "sections", False, "第二部分第（二）项第1点"),
        ("annex2", "articles", False, "附件2"),
        ("annex1", "articles", True, "附件1"),
        ("annex1.2", "articles", True, "附件1第二部分"),
        ("annex1.2.3", "articles", False, "附件1第二部分第3项"),
        ("annex1.3", "sections", False, "附件1第3项"),
    ],
)
def test_a_clause_is_named_as_people_name_it(number: str, numbered_by: str, has_items: bool, words: str) -> None:
    assert cite(number, numbered_by, has_items=has_items) == words


def test_numerals_stop_where_articles_do() -> None:
    assert [numeral(n) for n in (1, 11, 30, 99)] == ["一", "十一", "三十", "九十九"]
    for number in (0, 100):
        with pytest.raises(ValueError, match="1 to 99"):
            numeral(number)
