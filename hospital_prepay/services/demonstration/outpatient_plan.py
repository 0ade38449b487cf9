"""What becomes of the synthetic accounts of outpatients: who answers, who comes for the money, and on which day.

Data alone: :mod:`hospital_prepay.services.demonstration.outpatient` leads the accounts along it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from hospital_prepay.clock import SHANGHAI
from hospital_prepay.domain.money import ZERO, Money
from hospital_prepay.domain.rules.outpatient.claims import Claimant, Paper, Route
from hospital_prepay.services.demonstration.outpatient_rows import THREE_YEARS, Legacy, Pool

OPENED: Final = datetime(2025, 7, 21, 8, 0, tzinfo=SHANGHAI)
# The acts of the last weeks hang on the day of loading, but never come before what they follow.
EARLIEST_NOW: Final = datetime(2026, 3, 23, 10, 0, tzinfo=SHANGHAI)
LAST_DAY: Final = date(2025, 12, 31)
FILED_BEFORE: Final = date(2024, 7, 1)
_LOOKED_INTO_FEN: Final = 50_000
_WORTH_COMING_FEN: Final = 1_200
_OLD: Final = date(2024, 1, 1)
_YOUNG: Final = date(2025, 1, 1)
# What comes of a message or a call, by two digits of the number: below each bound.
_BY_SMS: Final = ((17, "空号"), (22, "不是本人"), (25, "拒收"), (29, "联系上"), (39, "已发送"), (100, "已送达"))
_BY_PHONE: Final = ((30, "联系上"), (70, "无人接听"), (80, "不是本人"), (92, "停机"), (100, "拒接"))
GONE: Final = frozenset({"空号", "不是本人", "停机"})


def at(day: date, hour: int = 9, minute: int = 0) -> datetime:
    """A moment of a day at the hospital."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)


def sms_result(phone: str) -> str:
    """What came of a message to a number."""
    return _result(_BY_SMS, phone[-2:])


def call_result(phone: str) -> str:
    """What came of a call."""
    return _result(_BY_PHONE, phone[-4:-2])


def wechat_result(account_no: str) -> str:
    """What came of a message of the official account: many read it, some have long unsubscribed."""
    digit = account_no[-1]
    return "已读" if digit in "05" else "拒收" if digit == "9" else "送达"


def _result(bounds: tuple[tuple[int, str], ...], digits: str) -> str:
    number = int(digits)
    return next(words for bound, words in bounds if number < bound)


def number_gone(row: Legacy) -> bool:
    """Whether the owner's number turned out to be nobody's or somebody else's."""
    return bool(row.phone) and (_bounced(row) or call_result(row.phone) in GONE)


def _bounced(row: Legacy) -> bool:
    """Whether a message told that the number is gone; nobody sends one to a landline."""
    return row.is_mobile and sms_result(row.phone) in GONE


def reached(row: Legacy) -> bool:
    """Whether the owner was reached by any way; who has no working number may still read the official account."""
    by_call = bool(row.phone) and not _bounced(row) and call_result(row.phone) == "联系上"
    by_wechat = bool(row.patient_no or row.channel == "微信") and wechat_result(row.account_no) == "已读"
    return by_call or by_wechat or (row.is_mobile and sms_result(row.phone) == "联系上")


def _never_came(row: Legacy) -> bool:
    return row.is_deposit and not reached(row) and (row.moved_on is None or row.moved_on < FILED_BEFORE)


def unknown(row: Legacy) -> bool:
    """Whether nobody knows who the owner is, more than a name."""
    return _never_came(row) and row.is_nobody


def contact_changed(row: Legacy) -> bool:
    """Whether the owner's number is gone."""
    return _never_came(row) and number_gone(row)


def never_answered(row: Legacy) -> bool:
    """Whether every way was tried and nobody came; larger sums are looked into first."""
    return _never_came(row) and bool(row.phone) and not number_gone(row) and row.fen < _LOOKED_INTO_FEN


Fits = Callable[[Legacy], bool]


def _worth(row: Legacy) -> bool:
    return row.is_deposit and row.fen >= _WORTH_COMING_FEN


def _in_cash(row: Legacy) -> bool:
    return _worth(row) and row.channel == "现金" and bool(row.certno) and row.is_mobile and row.moved_before(_OLD)


def _by_platform(row: Legacy) -> bool:
    known = bool(row.certno) and row.moved_on is not None
    return _worth(row) and row.channel in ("微信", "支付宝") and known and not row.moved_before(_YOUNG)


def _newborn(row: Legacy) -> bool:
    return _worth(row) and row.channel == "现金" and row.name.endswith(("之子", "之女"))


def _abroad(row: Legacy) -> bool:
    return _worth(row) and row.channel == "现金" and row.certno.startswith("YS")


def _remitted(row: Legacy) -> bool:
    return _worth(row) and contact_changed(row) and bool(row.certno) and row.moved_before(THREE_YEARS)


def _unreachable(row: Legacy) -> bool:
    return _worth(row) and row.channel == "现金" and bool(row.certno) and not row.phone


def on_line(row: Legacy) -> bool:
    """Who asks from home: everything is on record, and the money came in cash."""
    return _worth(row) and row.channel == "现金" and bool(row.certno) and row.is_mobile and not number_gone(row)


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who comes for an account's money. ``steps`` follow each other, so many hours after the acceptance;
    ``days_ago`` counts from the day of loading where there is no ``on``."""

    key: str
    fits: Fits
    on: datetime | None
    steps: tuple[tuple[str, int], ...] = ()
    route: Route = Route.CASH
    claimant: Claimant = Claimant.SELF
    name: str = ""
    card_no: str = ""
    card_lost: bool = False
    beyond: Money = ZERO
    ground: str = ""
    days_ago: int = 0

    def moment(self, now: datetime) -> datetime:
        """When it is accepted."""
        return self.on or now - timedelta(days=self.days_ago)


@dataclass(frozen=True, slots=True)
class BankRun:
    """A file for the bank and its answer; ``failed`` are the keys that didn't arrive, each with the bank's reason.
    What failed before is sent by another cashier, of whom ``sender`` is the number."""

    name: str
    route: Route
    keys: tuple[str, ...]
    made_at: datetime | None = None
    answered_at: datetime | None = None
    failed: dict[str, str] = field(default_factory=dict)
    days_ago: int = 0
    sender: int = 0


_SEEN: Final = (("review", 2), ("confirm", 5))
PAID: Final = (*_SEEN, ("cash", 6))
PAPERS: Final = {
    Claimant.SELF: ((Paper.OWN_ID, "原件核对"),),
    Claimant.PROXY: (
        (Paper.PATIENT_ID, "原件核对"),
        (Paper.PROXY_ID, "原件核对"),
        (Paper.PROXY_LETTER, "委托书（演示）"),
    ),
    Claimant.HEIR: (
        (Paper.HEIR_ID, "原件核对"),
        (Paper.DEATH, "户口注销证明（演示）"),
        (Paper.KINSHIP, "户口本（演示）"),
    ),
}


def _workday(number: int) -> date:
    """The working days from 13 October 2025 on."""
    return date(2025, 10, 13) + timedelta(days=number + number // 5 * 2)


def _card(number: int) -> str:
    # No bank has 990000 for its cards.
    return f"990000{number:010}"


def _row_of(kind: str, count: int, fits: Fits, steps: tuple[tuple[str, int], ...], route: Route) -> tuple[Visit, ...]:
    return tuple(
        Visit(
            f"{kind}-{number}",
            fits,
            at(_workday(number % 12), 9 + number % 3, 7 * number % 60),
            steps,
            route,
            card_no=_card(number) if route is Route.BANK else "",
        )
        for number in range(1, count + 1)
    )


def _on(month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
    return at(date(2025, month, day), hour, minute)


_SAME_CARD: Final = _card(88)
_AUTUMN_VISITS: Final = (
    *_row_of("cash", 14, _in_cash, PAID, Route.CASH),
    *_row_of("bank", 13, _in_cash, _SEEN, Route.BANK),
    *_row_of("original", 8, _by_platform, _SEEN, Route.ORIGINAL),
    *(
        Visit(f"same-card-{number}", _in_cash, _on(10, 27, 14, number), _SEEN, Route.BANK, card_no=_SAME_CARD)
        for number in (1, 2)
    ),
    Visit("proxy-1", _in_cash, _on(10, 15), PAID, claimant=Claimant.PROXY, name="韦秀兰"),
    Visit("proxy-2", _in_cash, _on(10, 22), PAID, claimant=Claimant.PROXY, name="罗建平"),
    Visit("heir-1", _in_cash, _on(10, 16), PAID, claimant=Claimant.HEIR, name="潘玉珍"),
    Visit("heir-2", _in_cash, _on(10, 23), _SEEN, Route.BANK, Claimant.HEIR, "龙文华", _card(77)),
    Visit("lost-1", _in_cash, _on(10, 17), PAID, card_lost=True),
    Visit("lost-2", _in_cash, _on(10, 24), PAID, card_lost=True),
    Visit("newborn-1", _newborn, _on(10, 20), PAID, claimant=Claimant.PROXY, name="石春梅"),
    Visit("abroad-1", _abroad, _on(10, 21), PAID),
    Visit("late-1", _in_cash, _on(10, 28, 19, 20), (("review", 14), ("confirm", 16), ("cash", 18))),
    Visit("rejected-1", _in_cash, _on(10, 29), (("reject", 3),)),
    Visit("rejected-2", _in_cash, _on(10, 30), (("review", 2), ("reject", 5))),
    Visit("withdrawn-1", _in_cash, _on(10, 31), (("withdraw", 2),)),
    Visit("withdrawn-2", _in_cash, _on(11, 3), (*_SEEN, ("withdraw", 24))),
    Visit("filed-1", _remitted, _on(12, 3), PAID),
    # Comes while the list for the treasury is being reviewed: it must be made anew.
    Visit("frozen-1", _remitted, _on(12, 31, 8, 40), (("review", 1), ("confirm", 2), ("cash", 3))),
)
_TREASURY_VISITS: Final = (
    *(
        Visit(
            f"after-{number}", _remitted, _on(12, 31, 14, 10 * number), (("review", 1), ("confirm", 1), ("cash", 1))
        )
        for number in (1, 2, 3)
    ),
    *(Visit(f"after-{number}", _remitted, at(date(2026, 1, 1 + number)), PAID) for number in (4, 5, 6, 7)),
    Visit("beyond-1", _remitted, at(date(2026, 1, 12)), PAID, beyond=Money(2_000), ground="患者持 2019 年凭条"),
    *(Visit(f"after-{number}", _remitted, at(date(2026, 3, number)), PAID) for number in (9, 10)),
)
_NEW_VISITS: Final = (
    *(Visit(f"accepted-{number}", _unreachable, None, days_ago=number) for number in (1, 2)),
    *(Visit(f"reviewed-{number}", _unreachable, None, (("review", 2),), days_ago=number + 1) for number in (1, 2)),
    Visit("reviewed-3", _in_cash, None, (("review", 2),), Route.BANK, card_no=_SAME_CARD, days_ago=2),
    Visit("confirmed-1", _unreachable, None, _SEEN, days_ago=2),
    Visit("confirmed-2", _in_cash, None, _SEEN, Route.BANK, card_no=_card(61), days_ago=3),
    *(
        Visit(f"sent-{number}", _in_cash, None, _SEEN, Route.BANK, card_no=_card(70 + number), days_ago=9)
        for number in (1, 2, 3)
    ),
)
# Paid by the bank, and back from there after the health authority had the list: owed from then on.
_OWED_VISITS: Final = tuple(
    Visit(
        f"owed-{number}", _remitted, at(date(2026, 1, 6), 9 + number), _SEEN, Route.BANK, card_no=_card(53 + number)
    )
    for number in (1, 2)
)
VISITS: Final = (*_AUTUMN_VISITS, *_TREASURY_VISITS, *_NEW_VISITS, *_OWED_VISITS)
# Comes for what is owed to a patient who has died meanwhile.
HEIR_OF_OWED: Final = Visit("owed-2", _remitted, at(date(2026, 2, 6)), claimant=Claimant.HEIR, name="陆桂芳")
# Steps after the bank's answer.
LATER: Final = (
    ("bank-8", "redirect", _on(11, 11)),
    ("bank-8", "confirm", _on(11, 11, 15)),
    ("bank-8", "cash", _on(11, 12)),
    ("original-3", "redirect", _on(11, 11, 11)),
    ("original-3", "confirm", _on(11, 11, 16)),
    ("original-3", "cash", _on(11, 12, 11)),
    ("original-6", "bounce", _on(11, 12, 14)),
    ("owed-1", "bounce", at(date(2026, 2, 3))),
    ("owed-1", "redirect", at(date(2026, 2, 4), 10)),
    ("owed-1", "confirm", at(date(2026, 2, 4), 15)),
    ("owed-1", "cash", at(date(2026, 2, 5))),
    ("bank-12", "withdraw", _on(11, 11, 10)),
    ("bank-11", "recover", _on(11, 25)),
    ("owed-2", "bounce", at(date(2026, 2, 3), 11)),
    ("owed-2", "take over", at(date(2026, 2, 6))),
    ("owed-2", "review", at(date(2026, 2, 6), 11)),
    ("owed-2", "confirm", at(date(2026, 2, 6), 15)),
    ("owed-2", "cash", at(date(2026, 2, 9))),
)


@dataclass(frozen=True, slots=True)
class Doubted:
    """The bank says of the first attempt in another file that it arrived, two things of one payment; somebody decides
    whether it is so."""

    key: str
    heard_at: datetime
    decided_at: datetime
    is_paid: bool


# Not paid; paid, of a refund that had been withdrawn; paid beside the second attempt, twice.
DOUBTED: Final = (
    Doubted("bank-5", _on(11, 11, 9), _on(11, 12, 9), is_paid=False),
    Doubted("bank-12", _on(11, 13, 9), _on(11, 14, 9), is_paid=True),
    Doubted("bank-11", _on(11, 18, 9), _on(11, 19, 9), is_paid=True),
    Doubted("bank-13", _on(11, 18, 10), _on(11, 19, 10), is_paid=True),
)
_FIRST_BANK: Final = tuple(f"bank-{number}" for number in range(1, 14))
BANK_RUNS: Final = (
    BankRun(
        "1",
        Route.BANK,
        (*_FIRST_BANK, "same-card-1", "same-card-2", "heir-2"),
        _on(11, 6),
        _on(11, 10),
        {
            "bank-5": "收款行系统维护",
            "bank-8": "卡号与户名不符",
            **{f"bank-{number}": "收款行系统维护" for number in (11, 12, 13)},
        },
    ),
    BankRun(
        "2",
        Route.ORIGINAL,
        tuple(f"original-{number}" for number in range(1, 9)),
        _on(11, 6, 11),
        _on(11, 10, 11),
        {"original-3": "用户账户已注销"},
    ),
    BankRun("3", Route.BANK, ("bank-5", "bank-11", "bank-13"), _on(11, 13), _on(11, 17), sender=1),
    BankRun("4", Route.ORIGINAL, ("original-6",), _on(11, 13, 11), _on(11, 17, 11), sender=1),
    BankRun("5", Route.BANK, ("owed-1", "owed-2"), at(date(2026, 1, 8)), at(date(2026, 1, 12))),
    BankRun("6", Route.BANK, ("sent-1", "sent-2", "sent-3"), None, None, {"sent-3": "账户已销户"}, days_ago=7),
)


def plan_visits(rows: list[Legacy]) -> dict[str, Legacy]:
    """The account of each visit, and of those who ask on-line, by key; nobody comes for two."""
    pool = Pool([row for row in rows if row.is_deposit][: -(len(rows) // 4)])
    chosen = {visit.key: pool.take(visit.fits) for visit in VISITS}
    return chosen | {f"online-{number}": pool.take(on_line) for number in (1, 2, 3, 4)}
