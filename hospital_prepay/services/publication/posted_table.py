"""The posted table (guizhou-deposit-2025/18) as patients and programs get it, from a published cap table.

Everything in it is what was approved and published; only the hospital's contact is as it stands today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from hospital_prepay.domain.errors import NotFound
from hospital_prepay.domain.initials import initials
from hospital_prepay.domain.insured_class import InsuredClass
from hospital_prepay.domain.money import Money
from hospital_prepay.domain.rules.inpatient.caps import Window
from hospital_prepay.domain.rules.inpatient.evidence import Reach
from hospital_prepay.persistence import cap_tables as store
from hospital_prepay.persistence.cap_tables import TableHead, TableRow
from hospital_prepay.persistence.queries import caps as queries
from hospital_prepay.persistence.queries import people
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.institution import Hospital, default_hospital, hospital_of

_SERIAL_DIGITS: Final = 8
# An example rests on so many patients that nobody can be recognised in it.
_EXAMPLE_CASES: Final = 30


@dataclass(frozen=True, slots=True)
class Version:
    """One published version: from ``effective_on`` until ``replaced_on``; ``current`` is the one that holds today."""

    number: int
    table_id: str
    effective_on: date
    replaced_on: date | None
    published_at: datetime
    approved_by: str
    as_of: date
    window: Window
    digest: str
    current: bool

    @property
    def serial(self) -> str:
        """What stands on paper and in QR codes: version and the beginning of the digest of all its rows."""
        return f"t{self.number}-{self.digest[:_SERIAL_DIGITS]}"


@dataclass(frozen=True, slots=True)
class PostedRow:
    """A disease with its three classes side by side; ``cases`` of all classes, unknown when taken over.

    ``posted`` unless it is one of those that a table measures beyond what the hospital must post (18).
    """

    disease_code: str
    disease_name: str
    catalogue: str
    initials: str
    posted: bool
    employee: Money | None
    resident: Money | None
    self_pay: Money | None
    cases: int | None


@dataclass(frozen=True, slots=True)
class Example:
    """How one cap came about."""

    disease_name: str
    insured_class: InsuredClass
    cases: int
    mean: Money
    legacy: Money | None
    cap: Money


@dataclass(frozen=True, slots=True)
class PostedTable:
    """One version of an institution's posted table, with the ``readings`` it was measured under. ``source`` is
    set when it was taken over from a posted sheet: then nothing is known of how it was computed."""

    hospital: Hospital
    version: Version
    window: Window | None
    round_down_to: Money | None
    min_cases: int | None
    readings: Mapping[str, str]
    source: str | None
    rows: tuple[PostedRow, ...]
    reach: Reach | None
    example: Example | None


def versions(context: Context, institution_id: str) -> list[Version]:
    """Every published version, newest first."""
    today = context.clock.today()
    with context.database.reading() as connection:
        heads = queries.published_versions(connection, institution_id)
        names = people.names(connection, institution_id)
    # A later version takes over on its day, whatever day the earlier ones name.
    held = [head for head in heads if _effective(head) <= today]
    current = max(held, key=_order, default=None)
    return [_version(head, heads, names, head is current) for head in heads]


def posted_table(context: Context, hospital: Hospital, number: int | None = None) -> PostedTable | None:
    """A version of the posted table; without a number the one that holds today, or else the one that comes next.

    ``None`` while nothing is published. Raises :class:`NotFound` for a number that isn't there.
    """
    if number is not None:
        table = published_table(context, hospital, number)
    else:
        every = versions(context, hospital.code)
        chosen = next((one for one in every if one.current), every[-1] if every else None)
        if chosen is None:
            return None
        table = _read(context, hospital, chosen)
    return replace(table, rows=tuple(row for row in table.rows if row.posted))


def published_table(context: Context, hospital: Hospital, number: int) -> PostedTable:
    """A version with every row it measured, also those that need not be posted. Raises :class:`NotFound`."""
    chosen = next((one for one in versions(context, hospital.code) if one.number == number), None)
    if chosen is None:
        raise NotFound(f"没有第 {number} 版额度表。请看现行的，或从版本清单里选。")
    return _read(context, hospital, chosen)


def hospital_by_code(context: Context, code: str | None) -> Hospital:
    """The institution a public page speaks of: the one with this code, else the default one."""
    return hospital_of(context, code) if code else default_hospital(context)


def find_by_serial(context: Context, serial: str) -> tuple[Hospital, Version] | None:
    """The table that a printed serial such as ``t1-7c1f09be`` names."""
    number, _, digest = serial.removeprefix("t").partition("-")
    plain = number.isascii() and number.isdigit() and len(number) < 7
    if not (serial.startswith("t") and plain and len(digest) == _SERIAL_DIGITS and digest.isalnum()):
        return None
    with context.database.reading() as connection:
        found = queries.table_by_serial(connection, int(number), digest)
    if found is None:
        return None
    hospital = hospital_of(context, found[0])
    return hospital, next(one for one in versions(context, found[0]) if one.number == found[1])


def posting_institutions(context: Context) -> list[tuple[str, str]]:
    """Code and name of every institution with a published table, the default one first."""
    with context.database.reading() as connection:
        return queries.institutions_with_tables(connection)


def _read(context: Context, hospital: Hospital, version: Version) -> PostedTable:
    with context.database.reading() as connection:
        head = store.head(connection, hospital.code, version.table_id)
        rows = store.rows(connection, hospital.code, version.table_id)
        known = queries.catalogue(connection, hospital.code)
    return _table(hospital, version, head, rows, known)


def _effective(head: TableHead) -> date:
    assert head.effective_on is not None, "a published table has its day (constraint published_with_version)"
    return head.effective_on


def _order(head: TableHead) -> tuple[date, int]:
    return _effective(head), head.version_no or 0


def _version(head: TableHead, heads: list[TableHead], names: dict[str, str], current: bool) -> Version:
    assert head.version_no is not None
    assert head.published_at is not None
    after = [one for one in heads if _order(one) > _order(head)]
    return Version(
        number=head.version_no,
        table_id=head.table_id,
        effective_on=_effective(head),
        replaced_on=min((_effective(one) for one in after), default=None),
        published_at=head.published_at,
        approved_by=names.get(head.approved_by or "", head.approved_by or ""),
        as_of=head.as_of,
        window=Window(head.window_from, head.window_to),
        digest=head.digest,
        current=current,
    )


def _table(
    hospital: Hospital,
    version: Version,
    head: TableHead,
    rows: list[TableRow],
    known: dict[str, tuple[str, str]],
) -> PostedTable:
    said = head.parameters
    source = said.get("source")
    step = said.get("round_down_to_fen")
    return PostedTable(
        hospital=hospital,
        version=version,
        window=None if source else version.window,
        round_down_to=None if step is None else Money(step),
        min_cases=said.get("min_cases"),
        readings=said.get("readings", {}),
        source=source,
        rows=tuple(_rows(rows, known, measured=not source)),
        reach=reach_of(said),
        example=None if source else _example(rows),
    )


def _rows(rows: list[TableRow], known: dict[str, tuple[str, str]], *, measured: bool) -> list[PostedRow]:
    by_disease: dict[str, dict[str, TableRow]] = {}
    for row in rows:
        by_disease.setdefault(row.disease_code, {})[row.insured_class] = row
    return [_posted_row(code, classes, known.get(code), measured) for code, classes in by_disease.items()]


def _posted_row(code: str, classes: dict[str, TableRow], known: tuple[str, str] | None, measured: bool) -> PostedRow:
    name = next(iter(classes.values())).disease_name
    catalogue, key = known or ("", initials(name, surname=False))
    caps = {
        insured.value: None
        if (row := classes.get(insured.value)) is None or row.cap_fen is None
        else Money(row.cap_fen)
        for insured in InsuredClass
    }
    cases = sum(row.cases for row in classes.values()) if measured else None
    posted = any(row.posted for row in classes.values())
    return PostedRow(code, name, catalogue, key, posted, caps["employee"], caps["resident"], caps["self_pay"], cases)


def reach_of(parameters: dict[str, Any]) -> Reach | None:
    """The reach that was kept when the table was measured; tables taken over have none."""
    kept = parameters.get("reach")
    if kept is None:
        return None
    return Reach(
        kept["year"],
        kept["diseases"],
        Money(kept["cost_fen"]),
        Money(kept["posted_cost_fen"]),
        kept["admissions"],
        kept["posted_admissions"],
    )


def _example(rows: list[TableRow]) -> Example | None:
    """The posted cap with the most patients, one that the earlier standard lowered if there is one."""
    fit = [row for row in rows if row.posted and row.cases >= _EXAMPLE_CASES and row.cap_fen is not None]
    row = max(fit, key=lambda row: (row.basis == "legacy", row.cases), default=None)
    if row is None or row.cap_fen is None or row.mean_burden_fen is None:
        return None
    return Example(
        row.disease_name,
        InsuredClass(row.insured_class),
        row.cases,
        Money(row.mean_burden_fen),
        None if row.legacy_fen is None else Money(row.legacy_fen),
        Money(row.cap_fen),
    )
