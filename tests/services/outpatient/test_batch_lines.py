"""What reviewers of a batch look at: every line by its key, how it was filed, what was tried, and a sample."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest

from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.persistence.queries import outpatient_batch_lines as queries
from hospital_prepay.services.outpatient import batch_review, filing, proposals
from hospital_prepay.services.outpatient.filing import MarkUnclearable, Reason
from tests.hospital import INSTITUTION
from tests.services.outpatient.conftest import APPROVER, OFFICER, Outpatients
from tests.services.outpatient.test_escheat import LAST, frozen
from tests.told import tell_everybody

pytestmark = pytest.mark.clause("guizhou-deposit-2025/8")
NUMBERS = tuple(f"N{number:03}" for number in range(1, 31))
# Every fifth died; two filings.
DIED = NUMBERS[::5]


@pytest.fixture
def listed(outpatients: Outpatients) -> Outpatients:
    outpatients.census(
        [(one, f"患者{one}", "", "13800000001", "1.00", "2019-05-05", "门诊预交金", "现金") for one in NUMBERS]
    )
    tell_everybody(outpatients.context)
    rest = tuple(one for one in NUMBERS if one not in DIED)
    for reason, numbers, day in ((Reason.DIED, DIED, 24), (Reason.NO_ANSWER, rest, 25)):
        mark = MarkUnclearable(reason, "电话无人接听", account_nos=numbers)
        filing.mark_unclearable(outpatients.context, OFFICER, mark)
        made = filing.make_filing(outpatients.context, OFFICER, "随到随退。")
        filing.submit_filing(outpatients.context, OFFICER, made.filing_no, "某局", date(2025, 12, 20))
        words = f"备〔2025〕{day}号"
        filing.acknowledge_filing(outpatients.context, APPROVER, made.filing_no, words, date(2025, 12, day))
    frozen(outpatients)
    return outpatients


def walked(listed: Outpatients, size: int, reason: Reason | None = None) -> list[list[str]]:
    """Every page from the first to the last."""
    pages, after = [], ""
    with listed.context.database.reading() as connection:
        while True:
            prefix = reason.prefix if reason else ""
            page = queries.page_of_lines(connection, INSTITUTION, 1, after, size, prefix)
            pages.append([one.account_no for one in page.lines])
            after = page.after
            if not after:
                return pages


@pytest.mark.parametrize("size", [1, 7, 10, 29, 30, 31])
def test_page_by_page_every_line_comes_once_in_order(listed: Outpatients, size: int) -> None:
    pages = walked(listed, size)
    assert [one for page in pages for one in page] == list(NUMBERS)
    assert all(len(page) == size for page in pages[:-1])


@pytest.mark.parametrize("scanned", [1, 4, 10, 15, 30, 100])
def test_of_one_reason_all_come_however_little_is_looked_through_at_once(
    listed: Outpatients, monkeypatch: pytest.MonkeyPatch, scanned: int
) -> None:
    monkeypatch.setattr(queries, "SCANNED", scanned)
    for reason, wanted in ((Reason.DIED, DIED), (Reason.NOT_COME, ())):
        for size in (2, 50):
            assert [one for page in walked(listed, size, reason) for one in page] == list(wanted), (reason, size)


def test_each_says_how_it_was_filed_and_what_was_tried_last(listed: Outpatients) -> None:
    lines = batch_review.read_batch(listed.context, OFFICER, 1).lines.lines
    first, second = lines[:2]
    assert (first.filing_no, first.filed_on, first.reason) == (
        1,
        date(2025, 12, 24),
        f"{Reason.DIED.prefix}电话无人接听",
    )
    assert (second.filing_no, second.acknowledgement_no) == (2, "备〔2025〕25号")
    # The number was dead, so that nobody called; the board's photo is of the same day's beginning.
    assert first.attempts == 2
    assert first.tried is not None
    assert (first.tried.channel, first.tried.outcome) == ("sms", "dead_number")


def test_who_draws_again_draws_the_same(listed: Outpatients) -> None:
    lots = {one: hashlib.sha256(f"1:{one}".encode()).hexdigest() for one in NUMBERS}
    expected = sorted(NUMBERS, key=lots.__getitem__)
    for size in (1, 5, 30, 60):
        _, drawn = batch_review.draw_sample(listed.context, APPROVER, 1, size)
        assert [one.account_no for one in drawn] == expected[:size]


def test_another_batch_draws_others(listed: Outpatients) -> None:
    assert sorted(NUMBERS, key=lambda one: queries.lot(1, one)) != sorted(
        NUMBERS, key=lambda one: queries.lot(2, one)
    )


def test_of_a_list_that_is_not_frozen_nothing_is_drawn(outpatients: Outpatients) -> None:
    with pytest.raises(NotFound):
        batch_review.draw_sample(outpatients.context, OFFICER, 1, 5)
    outpatients.census([("N1", "某人", "", "", "1.00", "2019-05-05", "门诊预交金", "现金")])
    tell_everybody(outpatients.context)
    filing.mark_unclearable(outpatients.context, OFFICER, MarkUnclearable(Reason.UNKNOWN_PERSON, "x", ("N1",)))
    made = filing.make_filing(outpatients.context, OFFICER, "随到随退。")
    filing.submit_filing(outpatients.context, OFFICER, made.filing_no, "某局", date(2025, 12, 20))
    filing.acknowledge_filing(outpatients.context, APPROVER, made.filing_no, "备1号", date(2025, 12, 25))
    proposed = proposals.propose_batch(outpatients.context, OFFICER, LAST)
    assert proposed is not None
    with pytest.raises(Conflict, match="冻结"):
        batch_review.draw_sample(outpatients.context, OFFICER, proposed.batch_no, 5)
