"""Accounts that are likely one person's (7): proposed in pairs, decided by somebody else with a ground.

Nothing is joined by itself, and no money moves: joined accounts only name the same person, so that whoever comes for
one is told of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hospital_prepay.domain.access import Actor, Permission
from hospital_prepay.domain.errors import Conflict, NotFound
from hospital_prepay.persistence import outpatient_claims as accounts
from hospital_prepay.persistence import outpatient_people as store
from hospital_prepay.persistence.locks import lock_name
from hospital_prepay.persistence.outpatient_people import LikenessRow
from hospital_prepay.persistence.queries import people
from hospital_prepay.persistence.rows import refusing
from hospital_prepay.services.context import Context
from hospital_prepay.services.outpatient.grounds import required_ground
from hospital_prepay.services.outpatient.register import AccountCard, account_card

MOST_PAIRS: Final = 1_000
PAGE: Final = 20


class Likeness(StrEnum):
    """In what two accounts agree, the strongest first."""

    CERTIFICATE = "certificate"
    PHONE_AND_NAME = "phone_and_name"
    PATIENT_NO = "patient_no"

    @property
    def label(self) -> str:
        """The words on screens."""
        return LIKENESS_LABELS[self]


LIKENESS_LABELS: Final = {
    Likeness.CERTIFICATE: "证件号相同",
    Likeness.PHONE_AND_NAME: "手机号和姓名相同",
    Likeness.PATIENT_NO: "患者号相同",
}


@dataclass(frozen=True, slots=True)
class ShownPair:
    """A pair with both its accounts, as the viewer may see them."""

    pair: LikenessRow
    first: AccountCard
    second: AccountCard


@dataclass(frozen=True, slots=True)
class Pairs:
    """One page of the pairs that wait, how many stand in each state, and who people are by id."""

    waiting: tuple[ShownPair, ...]
    counts: Mapping[str, int]
    names: Mapping[str, str]


def propose_pairs(context: Context, actor: Actor) -> int:
    """Look for likely same persons and keep them as proposed. Returns how many are new, at most a thousand."""
    actor.require(Permission.OUTPATIENT_IMPORT)
    with context.work(actor, "outpatient.propose_people", "outpatient_people") as work:
        lock_name(work.connection, f"outpatient_people:{work.institution_id}")
        count = 0
        for likeness in Likeness:
            found = store.find_alike(work.connection, work.institution_id, likeness, MOST_PAIRS - count)
            rows = [
                {
                    "institution_id": work.institution_id,
                    "first_no": first,
                    "second_no": second,
                    "likeness": likeness.value,
                    "state": "proposed",
                    "proposed_by": actor.actor_id,
                    "proposed_at": work.now,
                }
                for first, second in found
            ]
            store.add_pairs(work.connection, rows)
            count += len(rows)
        work.audit(detail={"pairs": count})
        return count


def decide_pair(context: Context, actor: Actor, first_no: str, second_no: str, ground: str, *, same: bool) -> int:
    """Another person than who proposed says whether two accounts are one person's. Returns how many accounts changed.

    Raises :class:`SecondPersonRequired`, :class:`MalformedInput` without a ground, :class:`NotFound`,
    :class:`Conflict` for a pair that was decided.
    """
    actor.require(Permission.OUTPATIENT_CONFIRM)
    ground = required_ground(ground, "请写明凭什么认定。")
    with context.work(actor, "outpatient.decide_people", "outpatient_account") as work:
        lock_name(work.connection, f"outpatient_people:{work.institution_id}")
        found = store.find_pair(work.connection, work.institution_id, first_no, second_no)
        if found is None:
            raise NotFound("没有这一对账户。请从同一人列表里打开。")
        work.about(f"outpatient_account:{found.first_no}")
        if found.state != "proposed":
            raise Conflict("这一对已经决定过。请刷新后再看；本次没有改动。")
        actor.require_other_than(found.proposed_by, "认定同一人")
        by = {"decided_by": actor.actor_id, "decided_at": work.now, "ground": ground}
        changed = 0
        with refusing("这一对刚被别人决定了。请刷新后再看；本次没有改动。"):
            if not same:
                store.walk_pair(work.connection, work.institution_id, first_no, second_no, state="apart", **by)
            else:
                to_person = accounts.lock_account(work.connection, work.institution_id, first_no).person_id
                from_person = accounts.lock_account(work.connection, work.institution_id, second_no).person_id
                both = {"from_person": from_person, "to_person": to_person}
                step = {"state": "joined", **both, **by}
                store.walk_pair(work.connection, work.institution_id, first_no, second_no, **step)
                if from_person != to_person:
                    own = work.institution_id
                    changed = store.change_person(work.connection, own, from_person, to_person)
        work.audit(detail={"second": second_no, "same": same, "ground": ground, "accounts": changed})
        return changed


def waiting_pairs(context: Context, actor: Actor, page: int) -> Pairs:
    """A page of the pairs that wait for a decision."""
    actor.require(Permission.OUTPATIENT_VIEW)
    own = actor.institution_id
    with context.database.reading() as connection:
        found = store.pairs_in(connection, own, "proposed", (page - 1) * PAGE, PAGE)
        counts, names = store.count_pairs(connection, own), people.names(connection, own)
    shown = (
        ShownPair(one, account_card(context, actor, one.first_no), account_card(context, actor, one.second_no))
        for one in found
    )
    return Pairs(tuple(shown), counts, names)
