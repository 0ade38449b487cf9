"""Stays whose cap rests on a similar disease that the counter named by itself (17.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from hospital_prepay.persistence.models.access import User
from hospital_prepay.persistence.models.inpatient import Disease, SimilarDisease, StayCap


@dataclass(frozen=True, slots=True)
class NamedSimilar:
    """One such stay: what it is treated for, what it is referred to, why, and who did it."""

    stay_no: str
    disease_code: str
    disease_name: str
    similar_code: str
    similar_name: str | None
    cap_fen: int
    similar_ground: str
    decision_id: str
    recorded_by: str
    recorded_by_name: str | None
    recorded_at: datetime


def standing(institution_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    """What makes a ``stay_cap`` row stand on the list: the newest of its stay, with a cap on a ground of its own,
    and a pair that the hospital's table of similar diseases still lacks."""
    newer = sa.orm.aliased(StayCap)
    is_newest = ~sa.exists().where(
        newer.institution_id == StayCap.institution_id,
        newer.stay_no == StayCap.stay_no,
        newer.version_no > StayCap.version_no,
    )
    in_table = sa.exists().where(
        SimilarDisease.institution_id == StayCap.institution_id,
        SimilarDisease.disease_code == StayCap.disease_code,
        SimilarDisease.similar_to == StayCap.similar_code,
    )
    return (
        StayCap.institution_id == institution_id,
        # Written out as in the partial index, so that it is used.
        StayCap.similar_ground != sa.literal_column("''"),
        StayCap.cap_fen.is_not(None),
        is_newest,
        ~in_table,
    )


def named_similar(connection: sa.Connection, institution_id: str) -> list[NamedSimilar]:
    """The list, longest standing first."""
    named = ("similar_name", "recorded_by_name")
    columns = [getattr(StayCap, name) for name in NamedSimilar.__dataclass_fields__ if name not in named]
    catalogue = sa.and_(
        Disease.institution_id == StayCap.institution_id, Disease.disease_code == StayCap.similar_code
    )
    person = sa.and_(User.institution_id == StayCap.institution_id, User.user_id == StayCap.recorded_by)
    rows = connection.execute(
        sa.select(*columns, Disease.name.label("similar_name"), User.name.label("recorded_by_name"))
        .select_from(StayCap)
        .join(Disease, catalogue, isouter=True)
        .join(User, person, isouter=True)
        .where(*standing(institution_id))
        .order_by(StayCap.recorded_at, StayCap.stay_no)
    )
    return [NamedSimilar(**row._mapping) for row in rows]
