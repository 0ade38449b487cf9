"""Lists of the groups that pay later, who is on them, and how somebody settled before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.hardship import PatientGroupList, PatientGroupMember
from hospital_prepay.persistence.models.inpatient import Stay
from hospital_prepay.persistence.models.ledger import LedgerAccount
from hospital_prepay.persistence.models.settlement import SettlementRow


@dataclass(frozen=True, slots=True)
class ListRow:
    """A list as it was imported."""

    list_no: int
    group_code: str
    region: str
    source: str
    dated_on: date
    members: int
    sha256: str
    imported_by: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class MemberRow:
    """Somebody on a list that counts; the name is encrypted."""

    group_code: str
    region: str
    source: str
    dated_on: date
    name_enc: str


@dataclass(frozen=True, slots=True)
class StayPerson:
    """Who lies in a stay, as far as recognition needs it."""

    patient_name: str
    certificate_enc: str | None
    certificate_hash: str | None


_LIST = tuple(getattr(PatientGroupList, name) for name in ListRow.__dataclass_fields__)


def lists(connection: sa.Connection, institution_id: str) -> list[ListRow]:
    """Every list, the newest first."""
    rows = connection.execute(
        sa.select(*_LIST)
        .where(PatientGroupList.institution_id == institution_id)
        .order_by(PatientGroupList.list_no.desc())
    )
    return [ListRow(*row) for row in rows]


def add_list(connection: sa.Connection, values: dict[str, Any], members: Sequence[dict[str, Any]]) -> None:
    """Keep a list with everybody on it."""
    connection.execute(sa.insert(PatientGroupList).values(**values))
    connection.execute(sa.insert(PatientGroupMember), list(members))


def memberships(connection: sa.Connection, institution_id: str, hashes: Sequence[str], on: date) -> list[MemberRow]:
    """On which of the lists that count somebody stands on a day: of each group and region the newest list."""
    newer = sa.orm.aliased(PatientGroupList)
    replaced = sa.exists().where(
        newer.institution_id == PatientGroupList.institution_id,
        newer.group_code == PatientGroupList.group_code,
        newer.region == PatientGroupList.region,
        newer.list_no > PatientGroupList.list_no,
    )
    member = PatientGroupMember
    rows = connection.execute(
        sa.select(
            PatientGroupList.group_code,
            PatientGroupList.region,
            PatientGroupList.source,
            PatientGroupList.dated_on,
            member.name_enc,
        )
        .join(
            PatientGroupList,
            sa.and_(
                PatientGroupList.institution_id == member.institution_id, PatientGroupList.list_no == member.list_no
            ),
        )
        .where(
            member.institution_id == institution_id,
            member.certificate_hash.in_(hashes),
            sa.or_(member.valid_from.is_(None), member.valid_from <= on),
            sa.or_(member.valid_to.is_(None), member.valid_to >= on),
            ~replaced,
        )
        .order_by(PatientGroupList.list_no.desc(), member.line_no)
    )
    return [MemberRow(*row) for row in rows]


def person_of(connection: sa.Connection, institution_id: str, stay_no: str) -> StayPerson | None:
    """Who lies in a stay."""
    row = connection.execute(
        sa.select(Stay.patient_name, Stay.certificate_enc, Stay.certificate_hash).where(
            Stay.institution_id == institution_id, Stay.stay_no == stay_no
        )
    ).one_or_none()
    return None if row is None else StayPerson(*row)


def settled_before(
    connection: sa.Connection, institution_id: str, certificate_hash: str, stay_no: str
) -> tuple[list[str], int]:
    """The other stays of one certificate that were settled, and what all of them owe together in fen."""
    own = sa.select(Stay.stay_no).where(
        Stay.institution_id == institution_id, Stay.certificate_hash == certificate_hash, Stay.stay_no != stay_no
    )
    settled = connection.scalars(
        sa.select(SettlementRow.stay_no)
        .where(
            SettlementRow.institution_id == institution_id,
            SettlementRow.stay_no.in_(own),
            SettlementRow.recalled_at.is_(None),
        )
        .distinct()
    )
    stay_nos = list(settled)
    owed = connection.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(LedgerAccount.balance_fen), 0)).where(
            LedgerAccount.institution_id == institution_id,
            LedgerAccount.account_id.in_([f"12120203:{one}" for one in stay_nos]),
        )
    )
    return stay_nos, int(owed or 0)
