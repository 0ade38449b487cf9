"""Where the hospital stands, and what people recorded of its duties. The database holds the walks (see 0009)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.persistence.models.base import Base
from hospital_prepay.persistence.models.fund_duties import FundDutyClosure, FundPlace
from hospital_prepay.persistence.outages import is_outage


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A word on a place as it stands."""

    place_no: int
    regime: str
    pool_region: str
    from_year: int
    stands: bool
    state: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a duty: done, not applicable, or the step before withdrawn."""

    duty_key: str
    step_no: int
    kind: str
    done_on: date | None
    words: str
    decision_id: str | None
    recorded_by: str
    recorded_at: datetime

    @property
    def closes(self) -> bool:
        """Whether it closes the duty, as long as none follows."""
        return self.kind != "withdrawn"


def places(connection: sa.Connection, institution_id: str) -> list[PlaceRow]:
    """Every word on places, oldest first."""
    columns = [getattr(FundPlace, name) for name in PlaceRow.__dataclass_fields__]
    query = sa.select(*columns).where(FundPlace.institution_id == institution_id).order_by(FundPlace.place_no)
    return [PlaceRow(*row) for row in connection.execute(query)]


def add_place(connection: sa.Connection, institution_id: str, **values: Any) -> int:
    """A proposal; returns its number. Raises :class:`Conflict` when somebody was quicker."""
    number = 1 + len(places(connection, institution_id))
    row = {"institution_id": institution_id, "place_no": number, "state": "proposed", **values}
    add_once(connection, FundPlace, row, "别人刚登记了一条。请刷新后再登记；本次没有保存。")
    return number


def decide_place(connection: sa.Connection, institution_id: str, place_no: int, **values: Any) -> None:
    """Confirm or decline a proposal. Raises :class:`NotFound`, :class:`Conflict` when it was decided before."""
    known = next((one for one in places(connection, institution_id) if one.place_no == place_no), None)
    if known is None:
        raise NotFound("没有这一条。请刷新后再看。")
    own = (FundPlace.institution_id == institution_id, FundPlace.place_no == place_no)
    done = connection.execute(sa.update(FundPlace).where(*own, FundPlace.state == "proposed").values(**values))
    if done.rowcount != 1:
        raise Conflict("这一条已经有人核过了。请刷新后再看。")


def steps(connection: sa.Connection, institution_id: str, duty_key: str | None = None) -> list[StepRow]:
    """The steps of one duty, or of all, in their order."""
    columns = [getattr(FundDutyClosure, name) for name in StepRow.__dataclass_fields__]
    query = sa.select(*columns).where(FundDutyClosure.institution_id == institution_id)
    if duty_key is not None:
        query = query.where(FundDutyClosure.duty_key == duty_key)
    rows = connection.execute(query.order_by(FundDutyClosure.duty_key, FundDutyClosure.step_no))
    return [StepRow(*row) for row in rows]


def live(found: Sequence[StepRow]) -> dict[str, StepRow]:
    """Of each duty the closure that counts, by key: its last step, unless that withdraws."""
    last = {one.duty_key: one for one in found}
    return {key: one for key, one in last.items() if one.closes}


def add_step(connection: sa.Connection, institution_id: str, **values: Any) -> None:
    """The next step of a duty. Raises :class:`Conflict` when somebody was quicker or it isn't this step's turn."""
    row = {"institution_id": institution_id, **values}
    add_once(connection, FundDutyClosure, row, "这一项别人刚登记或撤回过。请刷新后再看；本次没有改动。")


def add_once(connection: sa.Connection, table: type[Base], values: dict[str, Any], words: str) -> None:
    """Insert; what the database refuses is a :class:`Conflict` told in ``words``."""
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(table).values(**values))
    except sa.exc.DBAPIError as error:
        if is_outage(error):
            raise
        raise Conflict(words) from error
