"""Corrections of an account's holder: asked, decided, and what stood on record on a day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_owners import OutpatientOwnerChange
from hospital_prepay.persistence.outpatient_claims import AccountState
from hospital_prepay.persistence.rows import refusing, rows_of

FIELD_LABELS: Final = {"name": "姓名", "certno": "证件号", "phone": "手机号"}
_STALE: Final = "这一项刚被别人决定了，或这个账户现在有退款在办。请刷新后再看；本次没有改动。"


@dataclass(frozen=True, slots=True)
class OwnerChangeRow:
    """A correction of a holder as it stands; numbers and paper are encrypted."""

    change_no: int
    account_no: str
    old_name: str
    new_name: str
    old_personal: str
    new_personal: str
    old_certno_hash: str
    new_certno_hash: str
    old_phone_hash: str
    new_phone_hash: str
    ground: str
    paper: str
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    answer: str


def fields_of(found: OwnerChangeRow) -> list[str]:
    """What of the holder a correction is about, by the keys of :data:`FIELD_LABELS`."""
    pairs = (
        ("name", found.old_name, found.new_name),
        ("certno", found.old_certno_hash, found.new_certno_hash),
        ("phone", found.old_phone_hash, found.new_phone_hash),
    )
    return [field for field, old, new in pairs if old != new]


def next_change_no(connection: sa.Connection, institution_id: str) -> int:
    """One above the newest; ask under the lock of ``outpatient_owner_change``."""
    query = sa.select(sa.func.max(OutpatientOwnerChange.change_no))
    return 1 + int(connection.scalar(query.where(OutpatientOwnerChange.institution_id == institution_id)) or 0)


def add_change(connection: sa.Connection, values: dict[str, Any]) -> None:
    """Write down that a correction is asked. Raises :class:`Conflict` when the account has one or is claimed."""
    with refusing("这个账户已经有一项身份更正等人决定，或有退款在办。请先办完那一项；本次没有改动。"):
        connection.execute(sa.insert(OutpatientOwnerChange).values(**values))


def walk_change(connection: sa.Connection, institution_id: str, change_no: int, **values: Any) -> None:
    """Decide a correction; one that is agreed to is on record at once, by the database's own hand."""
    with refusing(_STALE):
        connection.execute(
            sa.update(OutpatientOwnerChange)
            .where(
                OutpatientOwnerChange.institution_id == institution_id, OutpatientOwnerChange.change_no == change_no
            )
            .values(**values)
        )


def find_change(connection: sa.Connection, institution_id: str, change_no: int) -> OwnerChangeRow | None:
    """One correction, ``None`` when there is none."""
    found = _changes(connection, institution_id, OutpatientOwnerChange.change_no == change_no)
    return found[0] if found else None


def changes_of(connection: sa.Connection, institution_id: str, account_no: str) -> list[OwnerChangeRow]:
    """Every correction of an account's holder, the newest first."""
    return _changes(connection, institution_id, OutpatientOwnerChange.account_no == account_no)


def waits(connection: sa.Connection, institution_id: str, account_no: str) -> bool:
    """Whether a correction of an account's holder waits for somebody's decision."""
    table = OutpatientOwnerChange
    query = sa.select(table.change_no).where(
        table.institution_id == institution_id, table.account_no == account_no, table.state == "asked"
    )
    return connection.scalar(query) is not None


def list_changes(
    connection: sa.Connection, institution_id: str, first: int, size: int
) -> tuple[list[OwnerChangeRow], int]:
    """A page of all corrections, those that wait first and then the newest first, and how many there are."""
    table = OutpatientOwnerChange
    columns = [getattr(table, name) for name in OwnerChangeRow.__dataclass_fields__]
    own = table.institution_id == institution_id
    order = (sa.case((table.state == "asked", 0), else_=1), table.change_no.desc())
    rows = connection.execute(sa.select(*columns).where(own).order_by(*order).offset(first).limit(size))
    count = connection.scalar(sa.select(sa.func.count()).select_from(table).where(own))
    return [OwnerChangeRow(*row) for row in rows], int(count or 0)


def names_another(found: OwnerChangeRow) -> bool:
    """Whether a correction makes the account another person's, as far as anybody can tell: its name or its
    certificate number changes."""
    return bool({"name", "certno"} & set(fields_of(found)))


def approved_before(
    connection: sa.Connection, institution_id: str, account_no: str, since: datetime
) -> list[OwnerChangeRow]:
    """What was ever corrected of an account's name or certificate number, and of its phone since then, the newest
    first."""
    table = OutpatientOwnerChange
    recent = sa.or_(table.decided_at >= since, _names_another())
    return _changes(connection, institution_id, table.account_no == account_no, table.state == "approved", recent)


def changed_hands_at(connection: sa.Connection, institution_id: str, account_no: str) -> datetime | None:
    """When the account's name or certificate number was corrected last, ``None`` where neither ever was."""
    table = OutpatientOwnerChange
    where = (table.account_no == account_no, table.state == "approved", _names_another())
    found = _changes(connection, institution_id, *where)
    return found[0].decided_at if found else None


def parted(institution_id: Any, account_no: Any) -> sa.ColumnElement[bool]:
    """Within a query: whether an account was joined to a person as somebody whose certificate number it has no more.
    Who joined it looked at that number."""
    table = OutpatientOwnerChange
    return (
        sa.exists()
        .where(
            table.institution_id == institution_id,
            table.account_no == account_no,
            table.state == "approved",
            table.old_certno_hash != "",
            table.old_certno_hash != table.new_certno_hash,
        )
        .correlate_except(table)
    )


def is_parted(connection: sa.Connection, institution_id: str, account_no: str) -> bool:
    """The same of one account."""
    return bool(connection.scalar(sa.select(parted(institution_id, account_no))))


def another_person(connection: sa.Connection, institution_id: str, account: AccountState) -> sa.ColumnElement[bool]:
    """Within a query over other accounts: whether nobody decided that they are this one's person's as they stand."""
    if is_parted(connection, institution_id, account.account_no):
        return sa.true()
    other = OutpatientAccount
    return sa.or_(other.person_id != account.person_id, parted(other.institution_id, other.account_no))


def account_at(
    connection: sa.Connection, institution_id: str, account: AccountState, moment: datetime
) -> AccountState:
    """The account with its holder as it stood on record at ``moment``."""
    table = OutpatientOwnerChange
    where = (table.account_no == account.account_no, table.state == "approved", table.decided_at > moment)
    later = _changes(connection, institution_id, *where)
    if not later:
        return account
    was = later[-1]
    return replace(
        account,
        holder_name=was.old_name,
        personal=was.old_personal,
        certno_hash=was.old_certno_hash,
        phone_hash=was.old_phone_hash,
    )


def name_then(account_no: Any, institution_id: Any, moment: Any) -> sa.ScalarSelect[str]:
    """The same name within a query, ``NULL`` where it stands as it stood."""
    table = OutpatientOwnerChange
    query = sa.select(table.old_name).where(
        table.institution_id == institution_id,
        table.account_no == account_no,
        table.state == "approved",
        table.decided_at > moment,
    )
    return query.order_by(table.change_no).limit(1).scalar_subquery()


def _names_another() -> sa.ColumnElement[bool]:
    table = OutpatientOwnerChange
    return sa.or_(table.old_name != table.new_name, table.old_certno_hash != table.new_certno_hash)


def _changes(connection: sa.Connection, institution_id: str, *where: sa.ColumnElement[bool]) -> list[OwnerChangeRow]:
    order = (OutpatientOwnerChange.change_no.desc(),)
    return rows_of(connection, OutpatientOwnerChange, OwnerChangeRow, institution_id, *where, order=order)
