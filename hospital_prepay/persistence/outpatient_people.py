"""Pairs of outpatient accounts that are likely one person's: found, kept, decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.persistence.models.outpatient import OutpatientAccount
from hospital_prepay.persistence.models.outpatient_people import OutpatientLikeness
from hospital_prepay.persistence.rows import rows_of


@dataclass(frozen=True, slots=True)
class LikenessRow:
    """A pair as it stands."""

    first_no: str
    second_no: str
    likeness: str
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    ground: str


def find_alike(connection: sa.Connection, institution_id: str, likeness: str, most: int) -> list[tuple[str, str]]:
    """Pairs that agree in ``likeness``, aren't one person's yet and were never proposed, at most ``most``.

    Each account is paired with the first of its group, so that a group of n gives n - 1 pairs. Two certificates that
    differ are two persons, whatever else agrees.
    """
    columns: dict[str, tuple[Any, ...]] = {
        "certificate": (OutpatientAccount.certno_hash,),
        "phone_and_name": (OutpatientAccount.phone_hash, OutpatientAccount.holder_name),
        "patient_no": (OutpatientAccount.patient_no,),
    }
    group = columns[likeness]

    def of_the_first(column: Any, name: str) -> sa.Label[Any]:
        first = sa.func.first_value(column)
        return first.over(partition_by=group, order_by=OutpatientAccount.account_no).label(name)

    inner = (
        sa.select(
            OutpatientAccount.account_no,
            OutpatientAccount.person_id,
            OutpatientAccount.certno_hash,
            of_the_first(OutpatientAccount.account_no, "first_no"),
            of_the_first(OutpatientAccount.person_id, "first_person"),
            of_the_first(OutpatientAccount.certno_hash, "first_certno"),
        )
        .where(OutpatientAccount.institution_id == institution_id, *(column != "" for column in group))
        .subquery()
    )
    known = sa.exists().where(
        OutpatientLikeness.institution_id == institution_id,
        sa.or_(
            sa.and_(
                OutpatientLikeness.first_no == inner.c.first_no, OutpatientLikeness.second_no == inner.c.account_no
            ),
            sa.and_(
                OutpatientLikeness.first_no == inner.c.account_no, OutpatientLikeness.second_no == inner.c.first_no
            ),
        ),
    )
    query = (
        sa.select(inner.c.first_no, inner.c.account_no)
        .where(
            inner.c.first_no != inner.c.account_no,
            inner.c.person_id != inner.c.first_person,
            sa.or_(
                inner.c.certno_hash == "",
                inner.c.first_certno == "",
                inner.c.certno_hash == inner.c.first_certno,
            ),
            ~known,
        )
        .order_by(inner.c.first_no, inner.c.account_no)
        .limit(most)
    )
    return [(first, second) for first, second in connection.execute(query)]


def add_pairs(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep pairs as proposed."""
    if rows:
        connection.execute(sa.insert(OutpatientLikeness), list(rows))


def pairs_in(
    connection: sa.Connection, institution_id: str, state: str, first: int = 0, size: int = 50
) -> list[LikenessRow]:
    """A page of the pairs in a state, by number."""
    columns = [getattr(OutpatientLikeness, name) for name in LikenessRow.__dataclass_fields__]
    query = (
        sa.select(*columns)
        .where(OutpatientLikeness.institution_id == institution_id, OutpatientLikeness.state == state)
        .order_by(OutpatientLikeness.first_no, OutpatientLikeness.second_no)
        .offset(first)
        .limit(size)
    )
    return [LikenessRow(*row) for row in connection.execute(query)]


def count_pairs(connection: sa.Connection, institution_id: str) -> dict[str, int]:
    """How many pairs stand in each state."""
    query = (
        sa.select(OutpatientLikeness.state, sa.func.count())
        .where(OutpatientLikeness.institution_id == institution_id)
        .group_by(OutpatientLikeness.state)
    )
    return {state: int(count) for state, count in connection.execute(query)}


def find_pair(connection: sa.Connection, institution_id: str, first_no: str, second_no: str) -> LikenessRow | None:
    """One pair, ``None`` when there is none."""
    found = rows_of(
        connection,
        OutpatientLikeness,
        LikenessRow,
        institution_id,
        OutpatientLikeness.first_no == first_no,
        OutpatientLikeness.second_no == second_no,
    )
    return found[0] if found else None


def walk_pair(connection: sa.Connection, institution_id: str, first_no: str, second_no: str, **values: Any) -> None:
    """Decide a pair."""
    connection.execute(
        sa.update(OutpatientLikeness)
        .where(
            OutpatientLikeness.institution_id == institution_id,
            OutpatientLikeness.first_no == first_no,
            OutpatientLikeness.second_no == second_no,
        )
        .values(**values)
    )


def change_person(connection: sa.Connection, institution_id: str, old: str, new: str) -> int:
    """Every account of the person ``old`` is ``new``'s from now on. Returns how many."""
    done = connection.execute(
        sa.update(OutpatientAccount)
        .where(OutpatientAccount.institution_id == institution_id, OutpatientAccount.person_id == old)
        .values(person_id=new)
    )
    return done.rowcount
