"""Legacy accounts of outpatients as two old systems wrote them down: synthetic, dirty, and never a real person's.

No certificate number here can be anybody's (529900 is no administrative division) and no phone rings (154 is given to
no operator, and no local number begins with 1). The same count and seed give the same accounts.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.outpatient.kinds import MoneyKind
from hospital_prepay.services.demonstration.stays import SURNAMES, full_name

THREE_YEARS: Final = date(2022, 12, 31)
LAST_MOVED: Final = date(2025, 8, 29)
NOTE: Final = "演示数据"
PAIRS: Final = 24
BRANCH: Final = 12
_FIRST_YEAR: Final = 2014
_WEIGHTS: Final = (5, 6, 7, 8, 9, 10, 8, 10, 11, 10, 9, 7)
_PHONES: Final = 100_000_000
_ABROAD: Final = ("AMINA OKORO", "IVAN PETROV", "NGUYEN THI LAN", "MARIA SAMPLE", "JOHN DOE")
_CHANNELS: Final = (("现金", 46), ("微信", 24), ("支付宝", 9), ("银行卡", 14), ("转账", 1), ("", 6))
_OTHERS: Final = (
    (MoneyKind.GROUP_CHECKUP, "演示单位", 480_000),
    (MoneyKind.REGISTRATION_FEE, "", 1_500),
    (MoneyKind.TREATMENT_COURSE, "", 36_000),
    (MoneyKind.PRE_SURGERY, "", 24_000),
    (MoneyKind.SPECIAL_DISEASE, "", 18_000),
)
_MOST: Final = 980_000
HEADER: Final = (
    "门诊号",
    "患者姓名",
    "身份证号",
    "联系电话",
    "账户余额",
    "最后交易日期",
    "款项类别",
    "缴费方式",
    "病人ID",
    "数据来源",
)


@dataclass(frozen=True, slots=True)
class Legacy:
    """One account as the old system has it. ``moved_on`` is ``None`` where it doesn't say."""

    account_no: str
    name: str
    certno: str
    phone: str
    fen: int
    moved_on: date | None
    kind: MoneyKind
    channel: str
    patient_no: str

    @property
    def is_deposit(self) -> bool:
        """Whether it has money that is an outpatient's deposit."""
        return self.kind is MoneyKind.OUTPATIENT_DEPOSIT and self.fen > 0

    @property
    def is_mobile(self) -> bool:
        """Whether a message can be sent to its owner."""
        return self.phone.startswith("1")

    @property
    def is_nobody(self) -> bool:
        """Whether it has a name at best."""
        return not (self.phone or self.certno)

    def moved_before(self, day: date) -> bool:
        """Whether it is known to have moved last before ``day``."""
        return self.moved_on is not None and self.moved_on < day


def legacy_accounts(count: int, seed: int = 2025) -> list[Legacy]:
    """``count`` accounts by number. Some moved last exactly three years before the first day of remitting; some are
    second accounts of one person. The last ``BRANCH`` are a branch's and are counted late."""
    rng = Random(seed)
    rows = [_account(rng, number) for number in range(1, count + 1)]
    for place in range(0, count, max(1, count // 12)):
        rows[place] = replace(rows[place], moved_on=THREE_YEARS, kind=MoneyKind.OUTPATIENT_DEPOSIT)
    wanted = [row for row in rows[: count // 2] if row.certno and row.is_mobile and row.is_deposit and row.patient_no]
    for place, owner in enumerate(islice(wanted, PAIRS), 1):
        at = count - BRANCH - place
        rows[at] = _same_owner(rows[at], owner, place)
    return rows


def _account(rng: Random, number: int) -> Legacy:
    [year] = rng.choices(range(_FIRST_YEAR, _FIRST_YEAR + len(_WEIGHTS)), _WEIGHTS)
    first = date(year, 1, 1)
    moved = first + timedelta(days=rng.randrange(min(365, (LAST_MOVED - first).days)))
    [channel] = rng.choices([one for one, _ in _CHANNELS], [weight for _, weight in _CHANNELS])
    if channel in ("微信", "支付宝") and year < 2017:
        channel = "现金"
    fen = 0 if rng.random() < 0.03 else min(_MOST, round(2240 * rng.lognormvariate(0, 1.49)))
    fen = fen // 100 * 100 if rng.random() < 0.6 and fen > 100 else fen
    name, certno, phone = _owner(rng, number)
    kind = MoneyKind.OUTPATIENT_DEPOSIT
    if rng.random() < 0.02:
        kind, company, usual = rng.choice(_OTHERS)
        name, fen = company or name, round(usual * (0.4 + rng.random()))
    known = rng.random() > 0.012
    patient = f"P{number:07}" if rng.random() < 0.35 else ""
    return Legacy(f"MZ{number:06}", name, certno, phone, fen, moved if known else None, kind, channel, patient)


def _owner(rng: Random, number: int) -> tuple[str, str, str]:
    """Name, certificate and phone: some have all, some nothing at all."""
    phone = f"154{(number * 61_803_399 + 7) % _PHONES:08}"
    lot = rng.random()
    if lot < 0.04:
        return f"{rng.choice(SURNAMES)}{rng.choice('玉春美芳')}{rng.choice(('之子', '之女'))}", "", ""
    if lot < 0.05:
        return rng.choice(_ABROAD), f"YS{number:07}", phone if rng.random() < 0.5 else ""
    name = full_name(rng)
    if lot < 0.16:
        return name, "", ""
    if lot < 0.18:
        return "", "", ""
    if lot < 0.26:
        return name, _certno(rng, number), ""
    if lot < 0.28:
        return name, _certno(rng, number), f"0859-1{number % 1_000_000:06}"
    return name, _certno(rng, number) if lot < 0.82 else "", phone


def _certno(rng: Random, number: int) -> str:
    """A valid number of 18 characters, or of 15 digits for those who were registered with an old card; no two people
    have the same."""
    born = date(1935, 1, 1) + timedelta(days=number * 7_919 % 24_000)
    short = f"529900{born:%y%m%d}{number % 1000:03}"
    return short if rng.random() < 0.12 else same_person_number(short)


def _same_owner(row: Legacy, owner: Legacy, place: int) -> Legacy:
    """Another account of the same owner, alike in one of the three things that pairs are found by."""
    if place % 3 == 1:
        long = same_person_number(owner.certno)
        return replace(row, name=owner.name, certno=long, phone="", patient_no="")
    if place % 3 == 2:
        return replace(row, name=owner.name, certno="", phone=owner.phone, patient_no="")
    return replace(row, name=full_name(Random(place)), certno="", phone="", patient_no=owner.patient_no)


def write_register(path: Path, rows: Iterable[Legacy], encoding: str, dirty_of_each_kind: int) -> None:
    """A file of accounts as an old system exports it, with rows among them that can't be taken."""
    lines = [_line(row) for row in rows]
    for number, spoil in enumerate(_DIRT * dirty_of_each_kind, 1):
        at = number * len(lines) // (len(_DIRT) * dirty_of_each_kind + 1)
        lines.insert(at + 1, spoil(lines[at], number))
    with path.open("w", encoding=encoding, newline="") as target:
        csv.writer(target).writerows([HEADER, *lines])


def _line(row: Legacy) -> list[str]:
    kind = "" if row.kind is MoneyKind.OUTPATIENT_DEPOSIT else row.kind.label
    moved = row.moved_on.isoformat() if row.moved_on else ""
    amount = Money(row.fen).plain()
    return [
        row.account_no,
        row.name,
        row.certno,
        row.phone,
        amount,
        moved,
        kind,
        row.channel,
        row.patient_no,
        NOTE,
    ]


def _spoilt(at: int, text: str) -> Callable[[list[str], int], list[str]]:
    def spoil(line: list[str], number: int) -> list[str]:
        return [f"MX{number:06}", *line[1:at], text, *line[at + 1 :]]

    return spoil


_DIRT: Final[tuple[Callable[[list[str], int], list[str]], ...]] = (
    lambda line, _: list(line),
    lambda line, _: ["", *line[1:]],
    _spoilt(4, "-35.00"),
    _spoilt(4, "=SUM(E2:E9)"),
    _spoilt(4, "约50"),
    _spoilt(4, ""),
    _spoilt(4, "12.345"),
    _spoilt(6, "押金"),
)


class Pool:
    """Accounts handed out, each once, in their order."""

    def __init__(self, rows: Iterable[Legacy]) -> None:
        self._rows = list(rows)
        self._taken: set[str] = set()

    def take(self, fits: Callable[[Legacy], bool]) -> Legacy:
        """The first account that ``fits`` and wasn't handed out."""
        found = next(self._fitting(fits))
        self._taken.add(found.account_no)
        return found

    def _fitting(self, fits: Callable[[Legacy], bool]) -> Iterator[Legacy]:
        return (row for row in self._rows if row.account_no not in self._taken and fits(row))
