"""What is due by when of outpatients' deposits, joined with what the books know: the stock cleared by the end of 2025
(7), each 31 December what is old and can't be refunded filed and remitted, what was paid ahead applied for (8), what
is kept posted (6).

Only the stock and the remittance have a day in the notice. The other days are house rules, and say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from hospital_prepay.domain.clauses import implements
from hospital_prepay.domain.rules.fund.duty_states import DatedItem, Known, Left
from hospital_prepay.domain.rules.fund.regime import DutyHolder
from hospital_prepay.domain.rules.outpatient.escheat import REMITTED as ARTICLE_8

ARTICLE_7: Final = "guizhou-deposit-2025/7"
INSTRUMENT: Final = "guizhou-deposit-2025"
PROVINCE: Final = "H52"  # how the codes of the institutions of Guizhou begin
FIRST_YEAR: Final = 2025
# House rules: within this time a pack is handed in and acknowledged, and what the authority has filed is posted.
FILING_WITHIN: Final = timedelta(days=30)
POSTING_WITHIN: Final = timedelta(days=7)
PLAIN: Final = {
    "clear_stock": "清退存量门诊预交金",
    "file_old": "备案超过三年、没有退还的门诊预交金",
    "remit_old": "上缴退不了、超过三年的门诊预交金",
    "apply_for_advances": "申请把垫付的退款列入下一年度预算",
}
ANEW: Final = "名单里有人来办了退款，先作废、重新提出"
_LIVE: Final = ("frozen", "approved", "booked")
_WITH_TREASURY: Final = ("remitted", "reclaimed")
_ACCOUNTS: Final = "个账户"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Deposits in the books that agree in all of these. ``old_since`` is the year of the first 31 December on which
    they were more than three years old, ``due_since`` of the first on which they were filed as well (0: none yet);
    ``accounts`` are those with money, ``filed_on`` is the latest day of filing."""

    state: str
    is_stock: bool
    is_claimed: bool
    old_since: int
    due_since: int
    accounts: int
    fen: int
    filed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch for the treasury, with the day on which it was due. ``is_stale``: somebody came for an account on its
    frozen list, so that it must be made anew."""

    on_day: date
    state: str
    accounts: int
    fen: int
    remitted_on: date | None
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Pack:
    """A filing that isn't acknowledged yet."""

    filing_no: int
    accounts: int
    fen: int
    made_on: date
    submitted_on: date | None


@dataclass(frozen=True, slots=True)
class PaidAhead:
    """A claim that the hospital paid ahead, with what may be applied for of it; ``applied_on`` is the day on which
    the list that it stands on, ``list_no``, was handed in."""

    paid_on: date
    fen: int
    applied_on: date | None
    list_no: int | None = None


@dataclass(frozen=True, slots=True)
class KeptFiling:
    """A filing of kept kinds that waits for a second person, or for its posting in ``missing`` places."""

    filing_id: str
    since: date
    is_approved: bool
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OutpatientFacts:
    """What the books know. ``refunded_on`` is the latest day on which an account of the stock was refunded that was
    never filed."""

    accounts: Sequence[Accounts] = ()
    refunded_on: date | None = None
    batches: Sequence[Batch] = ()
    packs: Sequence[Pack] = ()
    paid_ahead: Sequence[PaidAhead] = ()
    kept: Sequence[KeptFiling] = field(default=())


Duty = tuple[DatedItem, Known]


def outpatient_duties(facts: OutpatientFacts, last_year: int) -> list[Duty]:
    """Every duty from 2025 to ``last_year`` with what the books say of it, and what our own acts led to.

    Before any account was counted there is one: to count and clear the stock.
    """
    found = [clear_stock(facts)]
    for year in range(FIRST_YEAR, last_year + 1) if facts.accounts else ():
        found += [file_old(facts, year), remit_old(facts, year), apply_for_advances(facts, year)]
    return [*found, *map(_pack, facts.packs), *map(_posting, facts.kept)]


@implements(ARTICLE_7)
def clear_stock(facts: OutpatientFacts) -> Duty:
    """The stock is refunded, or marked and filed as what can't be, by 31 December 2025."""
    item = _yearly("clear_stock", ARTICLE_7, FIRST_YEAR)
    stock = [one for one in facts.accounts if one.is_stock]
    left = _left(one for one in stock if one.state in ("open", "unclearable"))
    if left is not None:
        return item, Known(left=left)
    if not stock:
        return item, Known()  # nothing was counted, so that nobody knows: a person may say that there is none
    days = [one.filed_on for one in stock if one.filed_on is not None]
    days += [] if facts.refunded_on is None else [facts.refunded_on]
    return item, Known(done_on=max(days)) if days else Known(nothing_due="清查过的存量账户都没有余额")


@implements(ARTICLE_8)
def file_old(facts: OutpatientFacts, year: int) -> Duty:
    """What is more than three years old and not refunded is filed by the day of remitting: else it can't go."""
    item = _yearly("file_old", ARTICLE_8, year, day_by_house=True)
    old = [one for one in facts.accounts if 0 < one.old_since <= year]
    left = _left(one for one in old if one.state in ("open", "unclearable"))
    if left is not None:
        return item, Known(left=left)
    days = [one.filed_on for one in old if one.filed_on is not None]
    return item, Known(done_on=max(days)) if days else Known(nothing_due="没有超过三年还没退的")


@implements(ARTICLE_8)
def remit_old(facts: OutpatientFacts, year: int) -> Duty:
    """What is filed and more than three years old goes to the treasury on 31 December; its batch closes it."""
    item = _yearly("remit_old", ARTICLE_8, year)
    on = item.named_on
    due = [one for one in facts.accounts if 0 < one.due_since <= year]
    waiting = [one for one in due if one.state == "filed" and not one.is_claimed]
    under_way = [one for one in facts.batches if one.on_day == on and one.state in _LIVE]
    if any(one.is_stale for one in under_way):
        item = replace(item, plain=f"{item.plain}：{ANEW}")
    if not under_way:  # a later batch may hold what was due earlier
        waiting += [one for one in due if one.state == "frozen"]
    left = _left([*waiting, *under_way])
    if left is not None:
        return item, Known(left=left)
    remitted = [one for one in facts.batches if one.remitted_on is not None]
    own = [one.remitted_on for one in remitted if one.on_day == on and one.remitted_on is not None]
    if own:
        return item, Known(done_on=max(own))
    if any(one.due_since == year and one.state in _WITH_TREASURY for one in due):
        later = [one.remitted_on for one in remitted if one.on_day > on and one.remitted_on is not None]
        return item, Known(done_on=min(later)) if later else Known()
    return item, Known(nothing_due="没有已备案、超过三年的")


@implements(ARTICLE_8)
def apply_for_advances(facts: OutpatientFacts, year: int) -> Duty:
    """What the hospital paid ahead in ``year`` is applied for in time for the next year's budget."""
    item = _yearly("apply_for_advances", ARTICLE_8, year, day_by_house=True)
    paid = [one for one in facts.paid_ahead if one.paid_on.year == year and one.fen]
    waiting = [one for one in paid if one.applied_on is None]
    if waiting:
        made = None if any(one.list_no is None for one in waiting) else min(one.list_no or 0 for one in waiting)
        return item, Known(left=Left(len(waiting), sum(one.fen for one in waiting), "笔", made))
    days = [one.applied_on for one in paid if one.applied_on is not None]
    return item, Known(done_on=max(days)) if days else Known(nothing_due=f"{year} 年没有要申请的垫付")


def is_outpatient(key: str) -> bool:
    """Whether a duty is of outpatients' deposits, by its key."""
    return key.startswith((f"{INSTRUMENT}/", "outpatient/"))


def _pack(one: Pack) -> Duty:
    left = Left(one.accounts, one.fen, _ACCOUNTS)
    if one.submitted_on is None:
        due = one.made_on + FILING_WITHIN
        return _consequence("submit_filing", f"报送第 {one.filing_no} 号备案材料", due, str(one.filing_no)), Known(
            left=left
        )
    due = one.submitted_on + FILING_WITHIN
    words = f"第 {one.filing_no} 号备案：向卫生健康部门要回执并登记"
    return _consequence("acknowledge_filing", words, due, str(one.filing_no)), Known(left=left)


def _posting(one: KeptFiling) -> Duty:
    """Article 6 lets deposits of a kept kind be taken once the filing is through and posted; by when that is to be
    done, a house rule says."""
    posting = f"公示保留门诊预交金的备案，还缺{'、'.join(one.missing)}"
    words = posting if one.is_approved else "核对保留门诊预交金的备案"
    name = "post_kept" if one.is_approved else "decide_kept"
    return _consequence(name, words, one.since + POSTING_WITHIN, one.filing_id), Known()


def _yearly(name: str, clause: str, year: int, *, day_by_house: bool = False) -> DatedItem:
    on = date(year, 12, 31)
    return DatedItem(
        key=f"{INSTRUMENT}/{name}/{on.isoformat()}",
        name=name,
        plain=PLAIN[name],
        clause=clause,
        holder=DutyHolder.HOSPITAL,
        named_on=on,
        due_on=on,
        rolls=False,
        regime=INSTRUMENT,
        year=year,
        day_by_house=day_by_house,
    )


def _consequence(name: str, plain: str, on: date, number: str) -> DatedItem:
    return DatedItem(
        key=f"outpatient/{name}/{on.isoformat()}/{number}",
        name=name,
        plain=plain,
        clause=None,
        holder=DutyHolder.HOSPITAL,
        named_on=on,
        due_on=on,
        rolls=False,
        regime="",
        year=on.year,
        day_by_house=True,
    )


def _left(found: Iterable[Accounts | Batch]) -> Left | None:
    kept = list(found)
    count = sum(one.accounts for one in kept)
    return Left(count, sum(one.fen for one in kept), _ACCOUNTS) if count else None
