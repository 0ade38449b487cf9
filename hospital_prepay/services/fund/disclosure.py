"""Our figures held against what the authority publishes at the end of each year: paid out, recovered, balance.

The authority publishes (Weihai 5.4, Xizang 15, Zhejiang 4.5); a hospital that finds a difference can say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import MalformedInput
from hospital_prepay.domain.ledger.grant_usage import Balance, Column, Movement, moves
from hospital_prepay.domain.money import Money
from hospital_prepay.persistence.queries import fund_disclosures, fund_usage, people
from hospital_prepay.persistence.queries.fund_disclosures import Disclosure
from hospital_prepay.services.context import Context

_RECOVERED: Final = (Movement.RETURNED, Movement.OFFSET, Movement.NETTED_OUT)


@dataclass(frozen=True, slots=True)
class RecordDisclosure:
    """What was published about one fund of one year, and where it stands."""

    year: int
    fund: str
    paid_out: Money
    recovered: Money
    balance: Money
    published_on: date
    source: str


@dataclass(frozen=True, slots=True)
class YearFigures:
    """One kind of grant of one fund and year by our books, in fen, as at the end of that year (or today)."""

    year: int
    fund: str
    kind: str
    paid_out_fen: int
    recovered_fen: int
    balance_fen: int


@dataclass(frozen=True, slots=True)
class Held:
    """Ours, and the newest that was published, if any. Differences are ours less theirs. Nothing is published of a
    central-procurement prepayment, so ``theirs`` is ``None`` there for good."""

    ours: YearFigures
    theirs: Disclosure | None

    @property
    def differences(self) -> tuple[int, int, int] | None:
        """Paid out, recovered, balance."""
        if self.theirs is None:
            return None
        pairs = [(getattr(self.ours, name), getattr(self.theirs, name)) for name in _FIGURES]
        first, second, third = (ours - theirs for ours, theirs in pairs)
        return first, second, third


# What the notices have published; a central-procurement prepayment goes by its own document.
PUBLISHED_KIND: Final = "basic"
_FIGURES: Final = ("paid_out_fen", "recovered_fen", "balance_fen")


def record_disclosure(context: Context, actor: Actor, command: RecordDisclosure) -> None:
    """Write down what was published. Needs ``fund.apply``. Raises :class:`MalformedInput` for a day ahead, a year
    without a grant of that fund, or without the place where it was published."""
    actor.require(Permission.FUND_APPLY)
    with context.work(actor, "fund.disclosure", f"fund:{command.fund}:{command.year}") as work:
        if command.published_on > work.today:
            raise MalformedInput("公布日期不能晚于今天，请核对。", details={"field": "published_on"})
        if not command.source.strip():
            raise MalformedInput("请填公布在哪里，例如网址或文件名。", details={"field": "source"})
        granted = fund_usage.grants_asked(work.connection, work.institution_id, None)
        if (command.year, command.fund) not in {(one.year, one.fund) for one in granted if _is_published(one.kind)}:
            raise MalformedInput("这一年没有这个基金的预付金，请核对年份和基金。", details={"field": "fund"})
        disclosure = Disclosure(
            year=command.year,
            fund=command.fund,
            paid_out_fen=command.paid_out.fen,
            recovered_fen=command.recovered.fen,
            balance_fen=command.balance.fen,
            published_on=command.published_on,
            source=command.source.strip(),
            recorded_by=actor.actor_id,
            recorded_at=work.now,
        )
        fund_disclosures.add_disclosure(work.connection, work.institution_id, work.new_id(), disclosure)
        work.audit(detail={name: getattr(disclosure, name) for name in (*_FIGURES, "source")})


def held_against(context: Context, actor: Actor) -> tuple[list[Held], Mapping[str, str]]:
    """Every year, fund and kind with a grant, the newest first, and people's names. Needs ``fund.view``."""
    actor.require(Permission.FUND_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        granted = fund_usage.grants_asked(connection, own, None)
        moved = moves(fund_usage.turnovers(connection, own))
        published = {(one.year, one.fund): one for one in fund_disclosures.disclosures(connection, own)}
        names = people.names(connection, own)
    sums: dict[tuple[int, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for grant in granted:
        months = moved.get(grant.grant_id, {}).get(Balance.OWED, {})
        for at, fen in enumerate(_figures(months, f"{grant.year}-12")):
            sums[grant.year, grant.fund, grant.kind][at] += fen
    order = sorted(sums, key=lambda key: (-key[0], *key[1:]))
    return [Held(YearFigures(*key, *sums[key]), _theirs(published, *key)) for key in order], names


def _theirs(published: Mapping[tuple[int, str], Disclosure], year: int, fund: str, kind: str) -> Disclosure | None:
    return published.get((year, fund)) if _is_published(kind) else None


def _is_published(kind: str) -> bool:
    return kind == PUBLISHED_KIND


def _figures(months: Mapping[str, Mapping[Column, int]], through: str) -> tuple[int, int, int]:
    within = [columns for month, columns in months.items() if month <= through]
    by_movement: dict[Movement, int] = defaultdict(int)
    for columns in within:
        for column, fen in columns.items():
            by_movement[column.movement] += fen
    recovered = -sum(by_movement[one] for one in _RECOVERED)
    paid_out = by_movement[Movement.RECEIVED] + by_movement[Movement.NETTED]
    return paid_out, recovered, sum(by_movement.values())
