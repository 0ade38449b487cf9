"""What is asked for at the desk of who is in a stay (article 21): nothing of a recognised group where the hospital
follows such a policy, a share of the cap by credit grade, else up to the cap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from hospital_prepay.domain.identity import same_person_number
from hospital_prepay.domain.rules.inpatient.paying_later import (
    Grade,
    Group,
    History,
    asked_fen,
    grade_of,
    grade_words,
)
from hospital_prepay.domain.rules.settlement.arrears import Instalment, Kept, promise_state
from hospital_prepay.persistence import arrears, choices
from hospital_prepay.persistence import hardship as store
from hospital_prepay.persistence.database import Connection
from hospital_prepay.persistence.hardship import StayPerson
from hospital_prepay.services.context import Context
from hospital_prepay.services.publication.readings import readings_of


@dataclass(frozen=True, slots=True)
class Recognised:
    """A group somebody belongs to by the list that counts. ``is_followed`` where the hospital's setting is on;
    ``policy`` is its ground; ``same_name`` tells whether the list calls the person as the stay does."""

    group: Group
    region: str
    source: str
    dated_on: date
    is_followed: bool
    policy: str
    same_name: bool


@dataclass(frozen=True, slots=True)
class Asking:
    """Why less than the cap may be asked for; nothing of it lowers or raises what may be collected."""

    groups: tuple[Recognised, ...] = ()
    grade: Grade | None = None
    grade_words: str = ""
    share_percent: int = 100

    @property
    def pays_later(self) -> bool:
        """Whether nothing is asked for."""
        return any(one.is_followed for one in self.groups)

    def asked_fen(self, cap_fen: int, collected_fen: int) -> int:
        """What is asked for now, in fen."""
        return asked_fen(cap_fen, collected_fen, self.share_percent, pays_later=self.pays_later)


def asking_of(context: Context, connection: Connection, institution_id: str, stay_no: str, on: date) -> Asking:
    """What to ask for in a stay. ``on`` is the day of admission: a list counts for who was on it then."""
    person = store.person_of(connection, institution_id, stay_no)
    if person is None or person.certificate_enc is None:
        return Asking()
    chosen = choices.newest_settings(connection, institution_id)
    answers = readings_of("inpatient.ask", {name: row.value for name, row in chosen.items()})
    policies = {name: row.ground for name, row in chosen.items()}
    groups = _groups(context, connection, institution_id, person, on, answers, policies)
    if answers["credit_grades"] != "yes":
        return Asking(groups)
    history = _history(context, connection, institution_id, person, stay_no)
    grade = grade_of(history)
    return Asking(groups, grade, grade_words(history), int(answers[f"credit_share_{grade.value}"]))


def _groups(
    context: Context,
    connection: Connection,
    own: str,
    person: StayPerson,
    on: date,
    answers: dict[str, str],
    policies: dict[str, str],
) -> tuple[Recognised, ...]:
    certificate = context.cipher.decrypt(str(person.certificate_enc), institution=own, field="certificate")
    number = same_person_number(certificate)
    hashes = context.keyed_hash.candidates(number, institution=own, field="certificate")
    found: dict[Group, Recognised] = {}
    for row in store.memberships(connection, own, hashes, on):
        group, setting = Group(row.group_code), f"pay_later_{row.group_code}"
        name = context.cipher.decrypt(row.name_enc, institution=own, field="name")
        followed = answers[setting] == "yes"
        policy = policies.get(setting, "") if followed else ""
        same = name == person.patient_name
        found.setdefault(group, Recognised(group, row.region, row.source, row.dated_on, followed, policy, same))
    return tuple(found[one] for one in Group if one in found)


def _history(context: Context, connection: Connection, own: str, person: StayPerson, stay_no: str) -> History:
    stay_nos, owed = store.settled_before(connection, own, str(person.certificate_hash), stay_no)
    today, seen, broken = context.clock.today(), set[str](), 0
    for row in arrears.promises_of(connection, own, *stay_nos):
        if row.stay_no in seen:
            continue
        seen.add(row.stay_no)
        parts = [Instalment(date.fromisoformat(one["due_on"]), one["amount_fen"]) for one in row.instalments]
        since = max(0, arrears.paid_fen(connection, own, row.stay_no) - row.paid_before_fen)
        broken += promise_state(parts, since, today) is Kept.BROKEN
    return History(len(stay_nos), owed, broken)
